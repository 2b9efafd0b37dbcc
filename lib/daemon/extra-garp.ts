import type { VirtualAddress, VrrpInstance } from '../config/model.ts';
import type { Clock } from '../system/clock.ts';
import type { Cancel } from '../util/time.ts';
import { allAddresses } from '../vrrp/desired.ts';
import { speakingLink, vmacLinks } from '../vrrp/vmac.ts';

interface Running {
  readonly instance: VrrpInstance;
  cancel: Cancel;
}

/**
 * keepalived's garp_extra_if: switches learn where a MAC is from what it sends, and a master sends adverts by one interface
 * alone. Its addresses on other macvlans, or with `all` on any other interface, are announced from time to time.
 */
export class ExtraGarp {
  readonly #clock: Clock;
  readonly #announce: (instance: VrrpInstance, addresses: readonly VirtualAddress[]) => void;
  readonly #running = new Map<string, Running>();

  constructor(clock: Clock, announce: (instance: VrrpInstance, addresses: readonly VirtualAddress[]) => void) {
    this.#clock = clock;
    this.#announce = announce;
  }

  /** The instance is master, perhaps under another configuration than before. */
  start(instance: VrrpInstance): void {
    const period = instance.extras?.extraGarp?.period ?? 0;
    const before = this.#running.get(instance.name);
    if (before !== undefined && before.instance.extras?.extraGarp?.period === period) {
      this.#running.set(instance.name, { ...before, instance });
      return;
    }
    this.stop(instance.name);
    if (period > 0 && silentAddresses(instance).length > 0) this.#arm({ instance, cancel: () => undefined }, period);
  }

  /** It is master no more. */
  stop(name: string): void {
    this.#running.get(name)?.cancel();
    this.#running.delete(name);
  }

  close(): void {
    for (const name of [...this.#running.keys()]) this.stop(name);
  }

  #arm(running: Running, period: number): void {
    const { name } = running.instance;
    this.#running.set(name, running);
    running.cancel = this.#clock.at(this.#clock.now() + period, () => {
      const { instance } = this.#running.get(name) ?? running;
      this.#announce(instance, silentAddresses(instance));
      this.#arm({ instance, cancel: () => undefined }, period);
    });
  }
}

function silentAddresses(instance: VrrpInstance): VirtualAddress[] {
  const spoken = speakingLink(instance);
  const macvlans = vmacLinks(instance);
  const all = instance.extras?.extraGarp?.all === true;
  return allAddresses(instance).filter(({ link }) => link !== spoken && (all || macvlans.includes(link)));
}
