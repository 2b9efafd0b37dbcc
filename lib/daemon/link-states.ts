import type { Config, VrrpInstance } from '../config/model.ts';
import type { System } from '../system/system.ts';
import type { Millis } from '../util/time.ts';
import { delayLimit, LinkDelays } from './link-delays.ts';
import { Linkbeat } from './linkbeat.ts';
import type { Log } from './log/log.ts';
import type { Network } from './network.ts';
import { usedLinks } from './used-links.ts';

/** Which links count as up: by the kernel's word or by linkbeat, and after their delays. */
export class LinkStates {
  readonly #network: Network;
  readonly #log: Log;
  readonly #beat: Linkbeat;
  readonly #delays: LinkDelays;
  /** The interval by which an instance would be missed now. */
  readonly #interval: (instance: VrrpInstance) => Millis;
  #config: Pick<Config, 'instances' | 'syncGroups'> = { instances: [], syncGroups: [] };

  constructor({ clock, media }: Pick<System, 'clock' | 'media'>, log: Log, network: Network, interval: (instance: VrrpInstance) => Millis, changed: (name: string) => void) {
    this.#network = network;
    this.#log = log;
    this.#interval = interval;
    this.#delays = new LinkDelays(clock, log, (name) => this.#raw(name), (name) => this.#limit(name), changed);
    this.#beat = new Linkbeat(media, clock, log, (name) => { if (!this.holdsBack(name)) changed(name); });
  }

  /** Before a configuration counts; resolves when what it polls has answered. */
  async prepare(config: Config): Promise<void> {
    await this.#beat.configure(config);
    this.#config = config;
    this.#delays.configure(config.links.delays);
    for (const { link, up, down } of config.links.delays) {
      for (const instance of this.#users(link)) {
        if (Math.max(up, down) <= delayLimit(instance, instance.advertInterval)) continue;
        this.#log.info(`${instance.name}: interface ${link} debounce timer(s) not less that ${instance.downTimerAdverts - 1} * advert_int - resetting`);
      }
    }
  }

  isUp(name: string): boolean {
    return this.#delays.isUp(name);
  }

  isWaiting(name: string): boolean {
    return this.#delays.isWaiting(name);
  }

  /** The kernel told of the link; true when nothing of that counts yet. */
  holdsBack(name: string): boolean {
    return this.#delays.holdsBack(name);
  }

  /** The link came or went: what was known of it is no more. */
  reset(name: string): void {
    this.#delays.reset(name);
  }

  close(): void {
    this.#beat.close();
    this.#delays.close();
  }

  #raw(name: string): boolean | null {
    const link = this.#network.link(name);
    return link === undefined ? null : link.up && (this.#beat.state(name) ?? link.running);
  }

  #limit(name: string): Millis {
    return Math.min(...this.#users(name).map((instance) => delayLimit(instance, this.#interval(instance))));
  }

  #users(name: string): VrrpInstance[] {
    const { instances, syncGroups } = this.#config;
    return instances.filter((instance) => usedLinks(instance, syncGroups.find((group) => group.members.includes(instance.name))).has(name));
  }
}
