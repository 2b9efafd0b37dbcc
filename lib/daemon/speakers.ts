import { AH_LENGTH, AH_PROTOCOL } from '../codec/ah.ts';
import type { Config, VrrpInstance } from '../config/model.ts';
import { SystemError } from '../system/error.ts';
import type { System } from '../system/system.ts';
import type { Datagram, SocketSpec } from '../system/vrrp-sockets.ts';
import type { Cancel, Millis } from '../util/time.ts';
import { speakingLink } from '../vrrp/vmac.ts';
import type { FloodGuard } from './flood-guard.ts';
import type { Log } from './log/log.ts';
import type { Network } from './network.ts';
import { receiveShare } from './receive-buffers.ts';
import { SocketPool, specKey, specOf } from './vrrp-sockets.ts';

/** Pause before a socket that failed is opened again. */
const SOCKET_RETRY: Millis = 5000;

/** Who is told of what the sockets say. */
export interface SpeakersOwner {
  /** False: whatever comes in is passed over, without a count. */
  listens(): boolean;
  heard(instance: VrrpInstance, datagram: Datagram): void;
  /** A socket on this interface has failed. */
  failed(link: string): void;
  /** Those that had failed were tried again. */
  retried(): void;
}

/** Through which socket each virtual router speaks, and who listens to what arrives at one: opened, sized, and tried again after a failure. */
export class Speakers {
  readonly pool: SocketPool;
  readonly #system: Pick<System, 'clock'>;
  readonly #log: Log;
  readonly #network: Network;
  readonly #flood: FloodGuard;
  readonly #owner: SpeakersOwner;
  #instances: readonly VrrpInstance[] = [];
  /** Instances by socket and VRID. */
  #speakers = new Map<string, VrrpInstance[]>();
  /** What was last said of a socket that could not be opened. */
  readonly #trouble = new Map<string, string>();
  #logUnknownVrids = false;
  /** Packets for virtual routers that nobody here is, by socket. */
  readonly #unknownVrids = new Map<string, number>();
  #settings: Config['settings'] = {};
  /** Somebody has asked for a size of receive buffers. */
  #sizes = false;
  #stopped = false;
  #retrying = false;
  #retry: Cancel = () => undefined;

  constructor(system: Pick<System, 'clock' | 'vrrp'>, log: Log, network: Network, flood: FloodGuard, owner: SpeakersOwner) {
    this.#system = system;
    this.#log = log;
    this.#network = network;
    this.#flood = flood;
    this.#owner = owner;
    this.pool = new SocketPool(system.vrrp, (key, spec, datagram) => { this.#hear(key, spec, datagram); }, (key, spec, cause) => {
      const text = `${named(spec)}: ${cause instanceof Error ? cause.message : String(cause)}; trying again every ${SOCKET_RETRY / 1000} s`;
      // A cause that stays is told once.
      if (this.#trouble.get(key) !== text) this.#log.warn(text);
      this.#trouble.set(key, text);
      this.#owner.failed(spec.link);
      this.#tryAgain();
    }, (spec, count) => { this.#log.warn(`${named(spec)}: ${count} packets lost, its receive buffer was full; vrrp_rx_bufs_policy or kernel_rx_buf_size make it larger`); });
  }

  /** Of whom the sockets are from now on; `open` opens them. */
  use({ instances, settings, global }: Config): void {
    this.#instances = instances;
    this.#logUnknownVrids = global.logUnknownVrids;
    this.#settings = settings;
    this.#sizes = settings.vrrp_rx_bufs_policy !== undefined || instances.some(({ extras }) => extras?.receiveBuffer != null);
    this.#speakers = new Map();
    for (const instance of instances) {
      const key = `${specKey(specOf(instance))} ${instance.vrid}`;
      this.#speakers.set(key, [...(this.#speakers.get(key) ?? []), instance]);
    }
  }

  /** Opens what is missing where there is an interface for it, and closes what nobody uses. */
  open(): void {
    const specs = new Map(this.#instances.map((instance) => [specKey(specOf(instance)), specOf(instance)]));
    for (const [key, spec] of specs) {
      const link = this.#network.link(spec.link);
      if (link !== undefined && this.pool.ensure(spec, link.index)) this.#trouble.delete(key);
    }
    this.pool.keep(new Set(specs.keys()));
    for (const spec of specs.values()) this.#size(spec);
  }

  /** An interface is gone, or there, perhaps with another index. */
  linkChanged(name: string): void {
    const link = this.#network.link(name);
    if (link === undefined) {
      this.pool.drop(name);
      return;
    }
    for (const instance of this.#instances) {
      if (speakingLink(instance) !== name) continue;
      this.pool.ensure(specOf(instance), link.index);
      this.#size(specOf(instance));
    }
  }

  isOpen(instance: VrrpInstance): boolean {
    return this.pool.isOpen(specOf(instance));
  }

  /** Packets that the kernel has dropped since the instance's socket was opened, its receive buffer being full. */
  dropped(instance: VrrpInstance): number {
    return this.pool.dropped(specOf(instance));
  }

  /** Packets at the instance's socket for virtual routers that nobody here is. */
  unknownVrids(instance: VrrpInstance): number {
    return this.#unknownVrids.get(specKey(specOf(instance))) ?? 0;
  }

  clearCounters(): void {
    this.#unknownVrids.clear();
  }

  /** Nothing is tried again; the sockets are open still, for the farewells. */
  stop(): void {
    this.#retry();
    this.#stopped = true;
  }

  close(): void {
    this.pool.close();
  }

  /** kernel_rx_buf_size and vrrp_rx_bufs_policy. */
  #size(spec: SocketSpec): void {
    if (!this.#sizes) return;
    const key = specKey(spec);
    const mtu = this.#network.link(spec.link)?.mtu ?? 0;
    const shares = this.#instances.filter((instance) => specKey(specOf(instance)) === key).map((instance) => receiveShare(instance, this.#settings, mtu));
    try {
      this.pool.size(spec, shares.reduce((sum, share) => sum + share, 0));
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      this.#log.warn(`VRRP socket on ${spec.link}: its receive buffer stays as it is (${cause.message})`);
    }
  }

  /** What could not be opened is tried again after a pause, while there is an interface to open it on. */
  #tryAgain(): void {
    if (this.#retrying || this.#stopped) return;
    this.#retrying = true;
    const { clock } = this.#system;
    this.#retry = clock.at(clock.now() + SOCKET_RETRY, () => {
      this.#retrying = false;
      this.open();
      this.#owner.retried();
    });
  }

  #hear(key: string, { link, protocol }: SocketSpec, datagram: Datagram): void {
    if (!this.#owner.listens()) return;
    const vrid = datagram.payload[protocol === AH_PROTOCOL ? AH_LENGTH + 1 : 1] ?? 0;
    const listeners = this.#speakers.get(`${key} ${vrid}`);
    if (listeners !== undefined) {
      for (const instance of listeners) this.#owner.heard(instance, datagram);
      return;
    }
    this.#unknownVrids.set(key, (this.#unknownVrids.get(key) ?? 0) + 1);
    if (this.#logUnknownVrids && this.#flood.mayLog(link)) this.#log.info(`Unknown VRID(${vrid}) received on interface(${link}). ignoring...`, { from: datagram.from });
  }
}

function named(spec: SocketSpec): string {
  return `VRRP socket on ${spec.link} (${spec.family === 'inet' ? 'IPv4' : 'IPv6'})`;
}
