import type { Config } from '../config/model.ts';
import type { TrackRef } from '../config/model.ts';
import type { System } from '../system/system.ts';
import type { Millis } from '../util/time.ts';
import type { TrackState } from '../vrrp/priority.ts';
import type { ProcessState } from '../vrrp/process-tracker.ts';
import type { ScriptState } from '../vrrp/script-tracker.ts';
import type { Log } from './log/log.ts';
import { BfdStates } from './track-bfd.ts';
import { FileTracker } from './track-files.ts';
import { ProcessTracker } from './track-processes.ts';
import { TrackService } from './track-service.ts';

export type TrackedKind = 'script' | 'file' | 'process' | 'bfd';

/** What tracked things say now, by name. */
export interface Tracked {
  script(name: string): TrackState;
  /** The number in the file. */
  file(name: string): number;
  process(name: string): TrackState;
  bfd(name: string): TrackState;
}

/** Who hears of changes; for a file there is no more to say than that it has another number. */
export interface TrackerListener {
  changed(kind: TrackedKind, name: string): void;
  script(name: string, state: ScriptState): void;
  process(name: string, state: ProcessState): void;
  bfd(name: string, up: boolean): void;
}

/** How long a start or a reload waits for files and processes to be looked at; what takes longer comes when it comes. */
const FIRST_LOOK: Millis = 2000;

/** Everything that virtual routers track besides interfaces. */
export class Trackers implements Tracked {
  readonly scripts: TrackService;
  readonly files: FileTracker;
  readonly processes: ProcessTracker;
  /** Told by whoever runs the BFD sessions. */
  readonly sessions: BfdStates;
  readonly #system: Pick<System, 'clock'>;

  constructor(system: Pick<System, 'clock' | 'scripts' | 'files' | 'processes'>, log: Log, listener: TrackerListener) {
    this.#system = system;
    this.scripts = new TrackService(system.scripts, system.clock, log, (name, state) => {
      listener.changed('script', name);
      listener.script(name, state);
    });
    this.files = new FileTracker(system.files, system.clock, log, (name) => { listener.changed('file', name); });
    this.processes = new ProcessTracker(system.processes, system.clock, log, (name, state) => {
      listener.changed('process', name);
      listener.process(name, state);
    });
    this.sessions = new BfdStates((name) => {
      listener.changed('bfd', name);
      listener.bfd(name, this.sessions.state(name) === 'up');
    });
  }

  script(name: string): TrackState {
    return this.scripts.state(name);
  }

  file(name: string): number {
    return this.files.value(name);
  }

  process(name: string): TrackState {
    return this.processes.state(name);
  }

  bfd(name: string): TrackState {
    return this.sessions.state(name);
  }

  /** Before a configuration counts: its files and processes are looked at. What only the old one tracks stays. */
  async prepare(config: Config): Promise<void> {
    const { settings } = config;
    const bytes = settings.process_monitor_rcv_bufs ?? 0;
    const buffer = bytes === 0 ? null : { bytes, force: settings.process_monitor_rcv_bufs_force ?? false };
    const looked = Promise.all([this.files.track(trackedFiles(config)), this.processes.track(trackedProcesses(config), { buffer })]);
    await this.#within(FIRST_LOOK, looked);
  }

  /** From now on this configuration counts: its scripts run, and nothing else is tracked. */
  run(config: Config): void {
    this.scripts.track(config.scripts.filter(({ name }) => usedBy(config, (object) => object.trackScripts).has(name)));
    this.files.keep(trackedFiles(config));
    this.processes.keep(trackedProcesses(config));
  }

  close(): void {
    this.scripts.close();
    this.files.close();
    this.processes.close();
  }

  #within(limit: Millis, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#system.clock.at(this.#system.clock.now() + limit, resolve);
      work.then(() => { cancel(); resolve(); }, reject);
    });
  }
}

/** Nothing is looked at that no instance and no group tracks (keepalived.conf(5)). */
function trackedFiles(config: Config): Config['trackFiles'] {
  const used = usedBy(config, ({ extras }) => extras?.trackFiles ?? []);
  return config.trackFiles.filter(({ name }) => used.has(name));
}

function trackedProcesses(config: Config): Config['trackProcesses'] {
  const used = usedBy(config, ({ extras }) => extras?.trackProcesses ?? []);
  return config.trackProcesses.filter(({ name }) => used.has(name));
}

type User = Config['instances'][number] | Config['syncGroups'][number];

function usedBy(config: Config, refs: (object: User) => readonly TrackRef[]): ReadonlySet<string> {
  return new Set([...config.instances, ...config.syncGroups].flatMap((object) => refs(object).map((ref) => ref.name)));
}
