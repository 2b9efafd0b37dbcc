import { gratuitousArp } from '../codec/arp.ts';
import { unsolicitedAdvertisement } from '../codec/ndisc.ts';
import type { VirtualAddress, VrrpInstance } from '../config/model.ts';
import type { Clock } from '../system/clock.ts';
import type { LinkLayer } from '../system/link-layer.ts';
import type { Link } from '../system/netlink-routes.ts';
import { familyOf } from '../util/ip.ts';
import type { Cancel, Millis } from '../util/time.ts';
import type { Log } from './log/log.ts';
import type { Network } from './network.ts';

/** Frames handed to the kernel in one turn of the event loop. */
const BURST = 512;

interface Queued {
  readonly owner: string;
  readonly frame: Uint8Array;
  /** Pause after this frame. */
  readonly pause: Millis;
}

/**
 * Tells the neighbours where addresses are: gratuitous ARP (RFC 5227 §3) and unsolicited neighbour advertisements (RFC 4861
 * §7.2.6). One queue for each interface; every address is announced once before any is announced again. With garp_interval
 * or gna_interval the frames are paced.
 */
export class Announcer {
  readonly #link: LinkLayer;
  readonly #clock: Clock;
  readonly #network: Network;
  readonly #log: Log;
  readonly #queues = new Map<number, Queued[]>();
  readonly #timers = new Map<number, Cancel>();

  constructor(link: LinkLayer, clock: Clock, network: Network, log: Log) {
    this.#link = link;
    this.#clock = clock;
    this.#network = network;
    this.#log = log;
  }

  announce(instance: VrrpInstance, addresses: readonly VirtualAddress[], repeat: number): void {
    const frames = addresses.flatMap((address) => this.#frame(instance, address));
    const links = new Set(frames.map((f) => f.index));
    for (let round = 0; round < repeat; round++) {
      for (const { index, queued } of frames) {
        const queue = this.#queues.get(index) ?? [];
        queue.push(queued);
        this.#queues.set(index, queue);
      }
    }
    for (const index of links) if (!this.#timers.has(index)) this.#drain(index);
  }

  /** No longer master: what is still queued for this instance would be a lie. */
  silence(owner: string): void {
    for (const [index, queue] of this.#queues) this.#queues.set(index, queue.filter((q) => q.owner !== owner));
  }

  close(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#queues.clear();
  }

  #frame(instance: VrrpInstance, { prefix, link: name }: VirtualAddress): { index: number; queued: Queued }[] {
    const link = this.#network.link(name);
    if (link === undefined || !canAnnounce(link)) return [];
    const six = familyOf(prefix.address) === 'inet6';
    const what = six ? 'unsolicited Neighbour Adverts' : 'gratuitous ARPs';
    this.#log.detail(`(${instance.name}) Sending/queueing ${what} on ${name} for ${prefix.address}`);
    const frame = six ? unsolicitedAdvertisement(link.mac, prefix.address) : gratuitousArp(link.mac, prefix.address);
    const pause = six ? instance.garp.naInterval : instance.garp.arpInterval;
    return [{ index: link.index, queued: { owner: instance.name, frame, pause } }];
  }

  #drain(index: number): void {
    this.#timers.delete(index);
    const queue = this.#queues.get(index) ?? [];
    if (queue.length === 0) {
      this.#queues.delete(index);
      return;
    }
    const paced = queue.findIndex((q) => q.pause > 0);
    const count = paced < 0 ? BURST : Math.min(BURST, paced + 1);
    const batch = queue.splice(0, count);
    try {
      this.#link.send(index, batch.map((q) => q.frame));
    } catch (cause) {
      this.#queues.delete(index);
      this.#log.warn(`Gratuitous ARP on ${this.#network.linkName(index) ?? `interface ${index}`}: ${cause instanceof Error ? cause.message : String(cause)}`);
      return;
    }
    const pause = batch.at(-1)?.pause ?? 0;
    if (queue.length > 0 || pause > 0) this.#timers.set(index, this.#clock.at(this.#clock.now() + pause, () => { this.#drain(index); }));
    else this.#queues.delete(index);
  }
}

function canAnnounce(link: Link): boolean {
  return link.up && !link.noArp && link.mac.length === 6;
}
