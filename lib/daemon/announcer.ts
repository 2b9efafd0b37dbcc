import { gratuitousArp } from '../codec/arp.ts';
import { unsolicitedAdvertisement } from '../codec/ndisc.ts';
import type { VirtualAddress, VrrpInstance } from '../config/model.ts';
import type { GarpGroup } from '../config/model-network.ts';
import type { Clock } from '../system/clock.ts';
import type { LinkLayer } from '../system/link-layer.ts';
import type { Link } from '../system/netlink-routes.ts';
import { familyOf, type IpAddress } from '../util/ip.ts';
import type { Cancel, Millis } from '../util/time.ts';
import type { Log } from './log/log.ts';
import type { Network } from './network.ts';

/** Frames handed to the kernel in one turn of the event loop. */
const BURST = 512;

interface Queued {
  /** Interface index. */
  readonly index: number;
  readonly owner: string;
  readonly address: IpAddress;
  readonly frame: Uint8Array;
  /** Pause after this frame. */
  readonly pause: Millis;
}

/**
 * Tells the neighbours where addresses are: gratuitous ARP (RFC 5227 §3) and unsolicited neighbour advertisements (RFC 4861
 * §7.2.6). One queue for each interface, or for those that share a garp_group; every address is announced once before any is announced again.
 * With garp_interval or gna_interval the frames are paced, and as with keepalived an address that waits for its turn waits once,
 * however often it was to be announced: else the last interface of a group would be announced when the repeats of the first are over.
 */
export class Announcer {
  readonly #link: LinkLayer;
  readonly #clock: Clock;
  readonly #network: Network;
  readonly #log: Log;
  #groups: readonly GarpGroup[] = [];
  readonly #queues = new Map<string, Queued[]>();
  readonly #timers = new Map<string, Cancel>();

  constructor(link: LinkLayer, clock: Clock, network: Network, log: Log) {
    this.#link = link;
    this.#clock = clock;
    this.#network = network;
    this.#log = log;
  }

  announce(instance: VrrpInstance, addresses: readonly VirtualAddress[], repeat: number): void {
    const frames = addresses.flatMap((address) => this.#frame(instance, address));
    for (const key of repeat === 0 ? [] : new Set(frames.map((f) => f.key))) {
      const own = frames.filter((f) => f.key === key).map(({ queued }) => queued);
      const queue = this.#queues.get(key) ?? [];
      const idle = !this.#timers.has(key);
      queue.push(...rounds(own.filter(({ pause }) => pause === 0), repeat), ...waiting(own.filter(({ pause }) => pause > 0), queue, idle && repeat > 1));
      this.#queues.set(key, queue);
      if (idle) this.#drain(key);
    }
  }

  /** Interfaces that share a pause between frames; macvlans count as the interface below. */
  use(groups: readonly GarpGroup[]): void {
    this.#groups = groups;
  }

  /** No longer master: what is still queued for this instance would be a lie. */
  silence(owner: string): void {
    for (const [key, queue] of this.#queues) this.#queues.set(key, queue.filter((q) => q.owner !== owner));
  }

  close(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#queues.clear();
  }

  #frame(instance: VrrpInstance, { prefix, link: name }: VirtualAddress): { key: string; queued: Queued }[] {
    const link = this.#network.link(name);
    if (link === undefined || !canAnnounce(link)) return [];
    const six = familyOf(prefix.address) === 'inet6';
    const what = six ? 'unsolicited Neighbour Adverts' : 'gratuitous ARPs';
    this.#log.detail(`(${instance.name}) Sending/queueing ${what} on ${name} for ${prefix.address}`);
    const frame = six ? unsolicitedAdvertisement(link.mac, prefix.address) : gratuitousArp(link.mac, prefix.address);
    const group = this.#groupOf(link);
    const { arpInterval, naInterval } = group ?? instance.garp;
    const key = group === undefined ? String(link.index) : `group ${String(this.#groups.indexOf(group))}`;
    return [{ key, queued: { index: link.index, owner: instance.name, address: prefix.address, frame, pause: six ? naInterval : arpInterval } }];
  }

  #groupOf({ name, parentIndex }: Link): GarpGroup | undefined {
    const below = parentIndex === null ? undefined : this.#network.linkName(parentIndex);
    return this.#groups.find(({ links }) => links.includes(name)) ?? this.#groups.find(({ links }) => below !== undefined && links.includes(below));
  }

  #drain(key: string): void {
    this.#timers.delete(key);
    const queue = this.#queues.get(key) ?? [];
    const [first] = queue;
    if (first === undefined) {
      this.#queues.delete(key);
      return;
    }
    const paced = queue.findIndex((q) => q.pause > 0);
    const elsewhere = queue.findIndex((q) => q.index !== first.index);
    const count = Math.min(BURST, paced < 0 ? BURST : paced + 1, elsewhere < 0 ? BURST : elsewhere);
    const batch = queue.splice(0, count);
    try {
      this.#link.send(first.index, batch.map((q) => q.frame));
    } catch (cause) {
      const rest = queue.filter((q) => q.index !== first.index);
      this.#queues.set(key, rest);
      this.#log.warn(`Gratuitous ARP on ${this.#network.linkName(first.index) ?? `interface ${String(first.index)}`}: ${cause instanceof Error ? cause.message : String(cause)}`);
      return this.#drain(key);
    }
    const pause = batch.at(-1)?.pause ?? 0;
    if (queue.length > 0 || pause > 0) this.#timers.set(key, this.#clock.at(this.#clock.now() + pause, () => { this.#drain(key); }));
    else this.#queues.delete(key);
  }
}

function rounds(own: readonly Queued[], repeat: number): Queued[] {
  return Array.from({ length: repeat }, () => own).flat();
}

/** What waits for its turn, once; the first goes at once, and `again` after that. */
function waiting(own: readonly Queued[], before: readonly Queued[], again: boolean): Queued[] {
  const waits = new Set(before.map(identity));
  return [...(again ? own.slice(0, 1) : []), ...own.filter((queued) => !waits.has(identity(queued)))];
}

const identity = ({ index, owner, address }: Queued): string => `${index} ${address} ${owner}`;

function canAnnounce(link: Link): boolean {
  return link.up && !link.noArp && link.mac.length === 6;
}
