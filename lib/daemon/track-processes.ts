import type { TrackProcess } from '../config/model-network.ts';
import { SystemError } from '../system/error.ts';
import type { Clock } from '../system/clock.ts';
import type { ProcessEvent, Processes, ProcessInfo, ProcessWatchOptions } from '../system/processes.ts';
import type { Cancel, Millis } from '../util/time.ts';
import type { TrackState } from '../vrrp/priority.ts';
import { matches, needsCommandLine } from '../vrrp/process-match.ts';
import { counted, type CountCause, type ProcessState, type ProcessStep, UNKNOWN_PROCESS, waited } from '../vrrp/process-tracker.ts';
import type { Log } from './log/log.ts';

/** How long the kernel may take to say that it tells; in a container it may just stay silent. */
const LISTEN_LIMIT: Millis = 2000;
/** Least pause between two looks through /proc; and a look may take this share of the time at most. */
const POLL: Millis = 1000;
const POLL_SHARE = 10;
/** Reads of single processes under way; beyond that all are looked at anew. */
const READS = 256;

interface Entry {
  tracked: TrackProcess;
  readonly pids: Set<number>;
  state: ProcessState;
  /** Not counted yet since it looks for what it looks for. */
  fresh: boolean;
  timer: Cancel;
}

interface Look {
  readonly done: Promise<void>;
  readonly ended: Set<number>;
  readonly came: ReadonlyMap<Entry, Set<number>>;
  /** Somebody asked for another one behind it. */
  again: boolean;
}

/**
 * Counts the processes that vrrp_track_process names, by the kernel's events; where there are none to be had, by looking
 * through /proc from time to time. Whatever is read is read aside, and nothing is kept of processes that do not match.
 */
export class ProcessTracker {
  readonly #processes: Processes;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #changed: (name: string, state: ProcessState) => void;
  readonly #entries = new Map<string, Entry>();
  #mode: 'off' | 'events' | 'polling' = 'off';
  #unwatch: Cancel = () => undefined;
  #confirmed: Cancel = () => undefined;
  #poll: Cancel = () => undefined;
  #polling = '';
  /** Processes being read, and which of them changed or ended meanwhile. */
  readonly #reading = new Map<number, 'current' | 'changed' | 'ended'>();
  /** The look through /proc under way: what has come and gone since it began. */
  #looking: Look | null = null;

  constructor(processes: Processes, clock: Clock, log: Log, changed: (name: string, state: ProcessState) => void) {
    this.#processes = processes;
    this.#clock = clock;
    this.#log = log;
    this.#changed = changed;
  }

  /** Tracks these too; resolves when they have been counted. One that looks for the same processes keeps its state. */
  async track(tracked: readonly TrackProcess[], options: ProcessWatchOptions): Promise<void> {
    let fresh = false;
    for (const one of tracked) {
      const known = this.#entries.get(one.name);
      if (known !== undefined && sameTarget(known.tracked, one)) {
        known.tracked = one;
        if (known.state.verdict !== 'unknown') this.#count(known, 'other');
      } else {
        known?.timer();
        // The verdict on the old ones stands until the new ones are counted.
        this.#entries.set(one.name, { tracked: one, pids: new Set(), state: known === undefined ? UNKNOWN_PROCESS : { ...known.state, pending: null }, fresh: true, timer: () => undefined });
        fresh = true;
      }
    }
    if (!fresh) return;
    if (this.#mode === 'off') this.#listen(options);
    await this.#look();
  }

  /** From now on no others than these. */
  keep(tracked: readonly TrackProcess[]): void {
    const wanted = new Set(tracked.map((one) => one.name));
    for (const [name, entry] of this.#entries) {
      if (wanted.has(name)) continue;
      entry.timer();
      this.#entries.delete(name);
    }
    if (this.#entries.size === 0) this.#stop();
  }

  state(name: string): TrackState {
    return this.#entries.get(name)?.state.verdict ?? 'unknown';
  }

  all(): { tracked: TrackProcess; state: ProcessState }[] {
    return [...this.#entries.values()].map(({ tracked, state }) => ({ tracked, state }));
  }

  close(): void {
    this.keep([]);
  }

  #stop(): void {
    this.#mode = 'off';
    this.#unwatch();
    this.#confirmed();
    this.#poll();
  }

  #listen(options: ProcessWatchOptions): void {
    this.#mode = 'events';
    try {
      this.#unwatch = this.#processes.watch(options, (event) => { this.#hear(event); }, (cause) => { this.#pollInstead(cause.message); });
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      return this.#pollInstead(cause.message);
    }
    this.#confirmed = this.#clock.at(this.#clock.now() + LISTEN_LIMIT, () => {
      this.#unwatch();
      this.#pollInstead('the kernel does not tell, as in a container');
    });
  }

  #pollInstead(why: string): void {
    if (this.#mode !== 'events') return;
    this.#mode = 'polling';
    this.#confirmed();
    this.#unwatch = () => undefined;
    const text = `Process events are not available (${why}); tracked processes are looked for in /proc every ${POLL / 1000} s`;
    if (this.#polling !== text) this.#log.warn(text);
    this.#polling = text;
    this.#pollLater(POLL);
  }

  #pollLater(pause: Millis): void {
    this.#poll();
    this.#poll = this.#clock.at(this.#clock.now() + pause, () => {
      const began = this.#clock.now();
      void this.#look().finally(() => {
        if (this.#mode === 'polling') this.#pollLater(Math.max(POLL, POLL_SHARE * (this.#clock.now() - began)));
      });
    });
  }

  #hear(event: ProcessEvent): void {
    switch (event.type) {
      case 'listening':
        this.#confirmed();
        return this.#log.info('proc_events has confirmed it is configured');
      case 'fork':
        // The child is what its parent is, until it says otherwise.
        for (const entry of this.#entries.values()) if (entry.pids.has(event.parent)) this.#add(entry, event.pid, 'fork');
        return;
      case 'exec':
        return this.#readOne(event.pid);
      case 'renamed':
        for (const entry of this.#entries.values()) {
          if (!needsCommandLine(entry.tracked)) this.#judge(entry, { pid: event.pid, comm: event.comm, argv: null });
        }
        return;
      case 'exit':
        this.#looking?.ended.add(event.pid);
        if (this.#reading.has(event.pid)) this.#reading.set(event.pid, 'ended');
        for (const entry of this.#entries.values()) if (entry.pids.delete(event.pid)) this.#count(entry, 'exit');
        return;
      case 'lost':
        this.#log.info('Process events were lost, looking through /proc');
        return void this.#look();
    }
  }

  #readOne(pid: number): void {
    if (this.#reading.has(pid)) {
      this.#reading.set(pid, 'changed');
      return;
    }
    if (this.#reading.size >= READS) return void this.#look();
    this.#reading.set(pid, 'current');
    this.#processes.read(pid, this.#needsCommandLines()).then(
      (info) => {
        const since = this.#reading.get(pid);
        this.#reading.delete(pid);
        if (since === 'changed') return this.#readOne(pid);
        if (since === 'ended') return;
        for (const entry of this.#entries.values()) this.#judge(entry, info ?? { pid, comm: '', argv: [] });
      },
      (cause: unknown) => {
        this.#reading.delete(pid);
        this.#log.debug(`process ${pid} cannot be looked at: ${String(cause)}`);
      },
    );
  }

  #judge(entry: Entry, info: ProcessInfo): void {
    if (matches(entry.tracked, info)) this.#add(entry, info.pid, 'other');
    else if (entry.pids.delete(info.pid)) this.#count(entry, 'other');
  }

  #add(entry: Entry, pid: number, cause: CountCause): void {
    this.#looking?.came.get(entry)?.add(pid);
    if (entry.pids.has(pid)) return;
    entry.pids.add(pid);
    this.#count(entry, cause);
  }

  /** One look at a time; who asks during one gets another behind it. */
  #look(): Promise<void> {
    if (this.#looking !== null) {
      this.#looking.again = true;
      return this.#looking.done;
    }
    const ended = new Set<number>();
    const came = new Map([...this.#entries.values()].map((entry) => [entry, new Set<number>()]));
    const done: Promise<void> = this.#processes.list(this.#needsCommandLines()).then(
      (list) => {
        this.#looking = null;
        for (const [entry, added] of came) this.#found(entry, list, ended, added);
      },
      (cause: unknown) => {
        this.#looking = null;
        this.#log.error(`Processes cannot be listed (${cause instanceof Error ? cause.message : String(cause)}); is /proc mounted?`);
      },
    ).then(() => (looking.again && this.#mode !== 'off' ? this.#look() : undefined));
    const looking: Look = { done, ended, came, again: false };
    this.#looking = looking;
    return done;
  }

  #found(entry: Entry, list: readonly ProcessInfo[], ended: ReadonlySet<number>, came: ReadonlySet<number>): void {
    if (this.#entries.get(entry.tracked.name) !== entry) return;
    const before = entry.pids.size;
    const now = [...list.filter((info) => !ended.has(info.pid) && matches(entry.tracked, info)).map((info) => info.pid), ...came].filter((pid) => !ended.has(pid));
    entry.pids.clear();
    for (const pid of now) entry.pids.add(pid);
    // Nobody said how they came and went: more are forks, fewer have ended.
    if (entry.pids.size !== before) this.#count(entry, entry.pids.size > before ? 'fork' : 'exit');
    else if (entry.state.verdict === 'unknown' || entry.fresh) this.#count(entry, 'other');
    entry.fresh = false;
  }

  #count(entry: Entry, cause: CountCause): void {
    this.#take(entry, counted(entry.tracked, entry.state, entry.pids.size, cause, this.#clock.now()));
  }

  #take(entry: Entry, { state, changed }: ProcessStep): void {
    const before = entry.state;
    entry.state = state;
    if (before.pending?.at !== state.pending?.at) {
      entry.timer();
      entry.timer = state.pending === null ? () => undefined : this.#clock.at(state.pending.at, () => { this.#take(entry, waited(entry.state, this.#clock.now())); });
    }
    if (!changed) return;
    if (before.verdict !== 'unknown') this.#log.info(`Quorum ${state.verdict === 'up' ? 'gained' : 'lost'} for tracked process ${entry.tracked.name}`);
    this.#changed(entry.tracked.name, state);
  }

  #needsCommandLines(): boolean {
    return [...this.#entries.values()].some(({ tracked }) => needsCommandLine(tracked));
  }
}

/** Do they look for the same processes? */
function sameTarget(a: TrackProcess, b: TrackProcess): boolean {
  return JSON.stringify([a.argv, a.match, a.fullCommand]) === JSON.stringify([b.argv, b.match, b.fullCommand]);
}
