import type { IpvsOperation } from '../../codec/ipvs-operation.ts';
import type { SyncDaemon } from '../../codec/ipvs-values.ts';
import type { Config } from '../../config/model.ts';
import { SystemError } from '../../system/error.ts';
import type { IpvsControl } from '../../system/ipvs.ts';
import type { Log } from '../log/log.ts';
import { readSyncDaemon, syncDaemon, type SyncSettings } from './sync-daemon.ts';

/** `lvs_sync_daemon`, read; null without one. What makes no sense in it is said. */
export function syncSettings({ ipvs }: Pick<Config, 'ipvs'>, log: Log): SyncSettings | null {
  if (ipvs.syncDaemon === null) return null;
  const { settings, faults } = readSyncDaemon(ipvs.syncDaemon);
  for (const fault of faults) log.warn(fault);
  return settings;
}

/** The kernel's connection sync daemons: those of these states run, and no other (reference 6.2). */
export class SyncDaemons {
  readonly #control: () => Promise<Pick<IpvsControl, 'apply'>>;
  readonly #log: Log;
  #running: readonly SyncDaemon[] = [];
  /** One change after the other. */
  #changing: Promise<void> = Promise.resolve();

  /** `control`: asked for when there is something to do. */
  constructor(control: () => Promise<Pick<IpvsControl, 'apply'>>, log: Log) {
    this.#control = control;
    this.#log = log;
  }

  /** As a start: whatever runs is stopped first, as keepalived does, since it may have other settings. Never rejects. */
  begin(settings: SyncSettings, states: readonly SyncDaemon['state'][], vrid: number | null): Promise<void> {
    return this.#change(['master', 'backup'], states.map((state) => syncDaemon(settings, state, vrid)));
  }

  /** Those that are not among these stop, new ones start. Never rejects. */
  become(settings: SyncSettings | null, states: readonly SyncDaemon['state'][], vrid: number | null): Promise<void> {
    const wanted = settings === null ? [] : states.map((state) => syncDaemon(settings, state, vrid));
    const texts = new Set(wanted.map((one) => JSON.stringify(one)));
    const known = new Set(this.#running.map((one) => JSON.stringify(one)));
    return this.#change(this.#running.filter((one) => !texts.has(JSON.stringify(one))).map(({ state }) => state), wanted.filter((one) => !known.has(JSON.stringify(one))));
  }

  stop(): Promise<void> {
    return this.become(null, [], null);
  }

  #change(stopped: readonly SyncDaemon['state'][], started: readonly SyncDaemon[]): Promise<void> {
    this.#running = [...this.#running.filter(({ state }) => !stopped.includes(state)), ...started];
    if (stopped.length + started.length > 0) this.#changing = this.#changing.then(() => this.#apply([...stopped.map((state): IpvsOperation => ({ op: 'stop-daemon', state })), ...started.map((daemon): IpvsOperation => ({ op: 'start-daemon', daemon }))]));
    return this.#changing;
  }

  async #apply(operations: readonly IpvsOperation[]): Promise<void> {
    try {
      const results = await (await this.#control()).apply(operations);
      for (const [i, problem] of results.entries()) {
        // One that does not run is stopped.
        if (problem !== null && !(operations[i]?.op === 'stop-daemon' && problem.code === 'ESRCH')) this.#log.error(`IPVS: ${problem.message}`);
      }
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      this.#log.error(`IPVS: ${cause.message}: the connection sync daemon is not as configured`);
    }
  }
}
