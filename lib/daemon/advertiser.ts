import type { VrrpInstance } from '../config/model.ts';
import { SystemError } from '../system/error.ts';
import type { Datagram, OutgoingDatagram } from '../system/vrrp-sockets.ts';
import type { IpAddress } from '../util/ip.ts';
import { compareStamps, type Stamp } from '../codec/auth-trailer.ts';
import type { Clock } from '../system/clock.ts';
import { openAh } from '../vrrp/open-ah.ts';
import { openTrailer } from '../vrrp/open-trailer.ts';
import { receive, type Unseal } from '../vrrp/receive.ts';
import type { Event, VirtualRouter } from '../vrrp/state.ts';
import { advertise, hmac, secretKey } from './advertise.ts';
import type { Log } from './log/log.ts';
import { type SocketPool, specOf } from './vrrp-sockets.ts';

/** Senders of a multicast group whose auth_hmac stamps are remembered. */
const SENDERS = 4;
/** Seconds; a clock that was set back by more than this is followed: nobody would take stamps of the future. */
const CLOCK_SET_BACK = 2;

interface Repeated {
  readonly priority: number;
  readonly source: IpAddress;
  readonly oldChecksum: boolean;
  readonly datagrams: readonly OutgoingDatagram[];
}

/** Advertisements out and in, with what must be counted from one to the next: IPv4 identification, AH sequence, send errors told. */
export class Advertiser {
  readonly #sockets: SocketPool;
  readonly #log: Log;
  #ids = new Map<string, number>();
  /** AH: the last sequence number sent or believed; whoever becomes Master goes on from there. */
  #sequences = new Map<string, number>();
  /** auth_hmac: our last stamp, and by instance and sender those last believed. */
  #stamp: Stamp = { seconds: 0, fraction: 0, counter: 0 };
  #stamps = new Map<string, Map<IpAddress, Stamp>>();
  readonly #errors = new Map<string, string>();
  readonly #last = new WeakMap<VrrpInstance, Repeated>();
  readonly #clock: Clock;

  constructor(sockets: SocketPool, log: Log, clock: Clock) {
    this.#clock = clock;
    this.#sockets = sockets;
    this.#log = log;
  }

  /** Sends in this turn; what fails is logged when it begins to. */
  send(instance: VrrpInstance, priority: number, source: IpAddress, oldChecksum: boolean): void {
    const id = (this.#ids.get(instance.name) ?? 0) % 0xffff + 1;
    this.#ids.set(instance.name, id);
    const datagrams = repeats(instance) ? this.#repeated(instance, priority, source, oldChecksum) : this.#fresh(instance, priority, source, oldChecksum);
    for (const { from, to, payload, ttl } of datagrams) {
      try {
        this.#sockets.send(specOf(instance), { from, to, payload, ttl, id });
        if (this.#errors.size > 0) this.#errors.delete(`${instance.name} ${to}`);
      } catch (cause) {
        this.#failed(instance, to, cause);
      }
    }
  }

  /** The datagrams of last time, as long as they would be the same: nearly always. */
  #repeated(instance: VrrpInstance, priority: number, source: IpAddress, oldChecksum: boolean): readonly OutgoingDatagram[] {
    const last = this.#last.get(instance);
    if (last !== undefined && last.priority === priority && last.source === source && last.oldChecksum === oldChecksum) return last.datagrams;
    const datagrams = advertise(instance, priority, source, { id: 0, sequence: 0, oldChecksum, stamp: this.#stamp });
    this.#last.set(instance, { priority, source, oldChecksum, datagrams });
    return datagrams;
  }

  #fresh(instance: VrrpInstance, priority: number, source: IpAddress, oldChecksum: boolean): readonly OutgoingDatagram[] {
    const id = this.#ids.get(instance.name) ?? 1;
    const sequence = (this.#sequences.get(instance.name) ?? 0) + 1;
    const datagrams = advertise(instance, priority, source, { id, sequence, oldChecksum, stamp: this.#nextStamp() });
    this.#sequences.set(instance.name, sequence + datagrams.length - 1);
    return datagrams;
  }

  /** The events of a datagram for an instance; AH is verified first. */
  believe(instance: VrrpInstance, member: VirtualRouter, datagram: Datagram): Event[] {
    if (instance.auth?.type !== 'AH') return this.#believeSealed(instance, member, datagram);
    const opened = openAh(datagram, this.#sequences.get(instance.name) ?? 0, secretKey(instance), hmac);
    if ('type' in opened) return [opened];
    const events = receive(instance, member, { ...datagram, payload: opened.message });
    if (events.some((event) => event.type === 'advertisement')) this.#sequences.set(instance.name, opened.sequence);
    return events;
  }

  /** keepalived's: identifications start again at a reload; AH's sequence goes on. `kept`: new name to old. */
  reload(kept: ReadonlyMap<string, string>): void {
    this.#ids = new Map();
    this.#stamps = new Map([...kept].flatMap(([to, old]) => { const stamps = this.#stamps.get(old); return stamps === undefined ? [] : [[to, stamps] as const]; }));
    this.#sequences = new Map([...kept].flatMap(([to, old]) => {
      const sequence = this.#sequences.get(old);
      return sequence === undefined ? [] : [[to, sequence] as const];
    }));
  }

  /** With auth_hmac: a stamp counts when the whole packet was believed. */
  #believeSealed(instance: VrrpInstance, member: VirtualRouter, datagram: Datagram): Event[] {
    const { from } = datagram;
    let believed: Stamp | null = null;
    const unseal: Unseal = (settings, message, trailer) => {
      const last = this.#stamps.get(instance.name)?.get(from) ?? null;
      const opened = openTrailer(instance, settings, message, trailer, { from, last, now: this.#clock.wall() / 1000, hmac });
      if ('counter' in opened && 'text' in opened) return opened;
      believed = opened;
      return null;
    };
    const events = receive(instance, member, datagram, unseal);
    if (believed !== null && events.some((event) => event.type === 'advertisement')) this.#remember(instance, from, believed);
    return events;
  }

  /** keepalived's: four senders are remembered for multicast; the one not heard for longest goes. */
  #remember(instance: VrrpInstance, from: IpAddress, stamp: Stamp): void {
    const stamps = this.#stamps.get(instance.name) ?? new Map<IpAddress, Stamp>();
    stamps.delete(from);
    stamps.set(from, stamp);
    const [oldest] = stamps.keys();
    if (stamps.size > Math.max(SENDERS, instance.unicastPeers.length) && oldest !== undefined) stamps.delete(oldest);
    this.#stamps.set(instance.name, stamps);
  }

  /** The time, or the last stamp's with a higher counter where the clock has not gone on (or was set back). */
  #nextStamp(): Stamp {
    const wall = this.#clock.wall() / 1000;
    const seconds = Math.floor(wall);
    const fresh: Stamp = { seconds, fraction: Math.floor((wall - seconds) * 0x10000), counter: 0 };
    const last = this.#stamp;
    const back = last.seconds - seconds > CLOCK_SET_BACK;
    this.#stamp = compareStamps(fresh, last) > 0 || back || last.counter === 0xffff ? fresh : { ...last, counter: last.counter + 1 };
    return this.#stamp;
  }

  /** An interface that is down cannot send: that is what Fault is for. */
  #failed(instance: VrrpInstance, to: IpAddress, cause: unknown): void {
    if (!(cause instanceof SystemError)) throw cause;
    const key = `${instance.name} ${to}`;
    if (this.#errors.get(key) === cause.code) return;
    this.#errors.set(key, cause.code);
    const text = `(${instance.name}) advertisement to ${to} not sent: ${cause.message}`;
    if (cause.code === 'ENETDOWN' || cause.code === 'ENODEV') this.#log.detail(text);
    else this.#log.warn(text);
  }
}

/** Nothing is in its adverts that changes from one to the next: no AH, no auth_hmac. */
function repeats({ auth, extras }: VrrpInstance): boolean {
  return auth?.type !== 'AH' && (extras?.hmac ?? null) === null;
}
