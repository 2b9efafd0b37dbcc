import type { VrrpInstance } from '../config/model.ts';
import { SystemError } from '../system/error.ts';
import type { Datagram } from '../system/vrrp-sockets.ts';
import type { IpAddress } from '../util/ip.ts';
import { openAh } from '../vrrp/open-ah.ts';
import { receive } from '../vrrp/receive.ts';
import type { Event, VirtualRouter } from '../vrrp/virtual-router.ts';
import { advertise, hmac, secretKey } from './advertise.ts';
import type { Log } from './log/log.ts';
import { type SocketPool, specOf } from './vrrp-sockets.ts';

/** Advertisements out and in, with what must be counted from one to the next: IPv4 identification, AH sequence, send errors told. */
export class Advertiser {
  readonly #sockets: SocketPool;
  readonly #log: Log;
  #ids = new Map<string, number>();
  /** AH: the last sequence number sent or believed; whoever becomes Master goes on from there. */
  #sequences = new Map<string, number>();
  readonly #errors = new Map<string, string>();

  constructor(sockets: SocketPool, log: Log) {
    this.#sockets = sockets;
    this.#log = log;
  }

  /** Sends in this turn; what fails is logged when it begins to. */
  send(instance: VrrpInstance, priority: number, source: IpAddress): void {
    const id = (this.#ids.get(instance.name) ?? 0) % 0xffff + 1;
    this.#ids.set(instance.name, id);
    const sequence = (this.#sequences.get(instance.name) ?? 0) + 1;
    const datagrams = advertise(instance, priority, source, id, sequence);
    this.#sequences.set(instance.name, sequence + datagrams.length - 1);
    for (const datagram of datagrams) {
      try {
        this.#sockets.send(specOf(instance), datagram);
        this.#errors.delete(`${instance.name} ${datagram.to}`);
      } catch (cause) {
        this.#failed(instance, datagram.to, cause);
      }
    }
  }

  /** The events of a datagram for an instance; AH is verified first. */
  believe(instance: VrrpInstance, member: VirtualRouter, datagram: Datagram): Event[] {
    if (instance.auth?.type !== 'AH') return receive(instance, member, datagram);
    const opened = openAh(datagram, this.#sequences.get(instance.name) ?? 0, secretKey(instance), hmac);
    if ('type' in opened) return [opened];
    const events = receive(instance, member, { ...datagram, payload: opened.message });
    if (events.some((event) => event.type === 'advertisement')) this.#sequences.set(instance.name, opened.sequence);
    return events;
  }

  /** keepalived's: identifications start again at a reload; AH's sequence goes on. `kept`: new name to old. */
  reload(kept: ReadonlyMap<string, string>): void {
    this.#ids = new Map();
    this.#sequences = new Map([...kept].flatMap(([to, old]) => {
      const sequence = this.#sequences.get(old);
      return sequence === undefined ? [] : [[to, sequence] as const];
    }));
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
