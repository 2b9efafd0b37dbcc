import type { Config } from '../../config/model.ts';
import type { IpvsControl } from '../../system/ipvs.ts';
import type { Log } from '../log/log.ts';
import type { SyncSettings } from './sync-daemon.ts';
import { SyncDaemons, syncSettings } from './sync-daemons.ts';

/**
 * `lvs_sync_daemon IF INSTANCE`: the kernel sends its connections while the virtual router is master, and takes those of the
 * master otherwise. All but `stop` return at once: the kernel is asked beside the path of an advertisement.
 */
export class SyncFollower {
  readonly #open: () => Promise<IpvsControl>;
  readonly #log: Log;
  readonly #daemons: SyncDaemons;
  #control: Promise<IpvsControl> | null = null;
  #settings: SyncSettings | null = null;
  #vrid: number | null = null;
  #master = false;

  constructor(open: () => Promise<IpvsControl>, log: Log) {
    this.#open = open;
    this.#log = log;
    this.#daemons = new SyncDaemons(() => this.#opened(), log);
  }

  /** At the start: no virtual router is master yet. */
  begin(config: Config): void {
    this.#configure(config);
    if (this.#settings !== null) void this.#daemons.begin(this.#settings, ['backup'], this.#vrid);
  }

  reload(config: Config): void {
    this.#configure(config);
    this.#follow();
  }

  /** A virtual router has entered a state. */
  transition(instance: string, master: boolean): void {
    if (this.#settings?.instance !== instance || master === this.#master) return;
    this.#master = master;
    this.#follow();
  }

  /** Stops those that it has started. Never rejects. */
  async stop(): Promise<void> {
    await this.#daemons.stop();
    const control = await this.#control?.catch(() => null);
    control?.close();
    this.#control = null;
  }

  #configure(config: Config): void {
    const settings = syncSettings(config, this.#log);
    const followed = settings?.instance ?? null;
    const instance = config.instances.find(({ name }) => name === followed);
    if (followed !== null && instance === undefined) this.#log.warn(`lvs_sync_daemon: there is no vrrp_instance ${followed}; the daemon does not run`);
    if (followed !== this.#settings?.instance) this.#master = false;
    this.#settings = instance === undefined ? null : settings;
    this.#vrid = instance?.vrid ?? null;
  }

  #follow(): void {
    void this.#daemons.become(this.#settings, [this.#master ? 'master' : 'backup'], this.#vrid);
  }

  /** One that could not be opened is tried again the next time. */
  #opened(): Promise<IpvsControl> {
    this.#control ??= this.#open().catch((cause: unknown) => {
      this.#control = null;
      throw cause;
    });
    return this.#control;
  }
}
