import { speakingLink } from '../vrrp/vmac.ts';
import type { VrrpInstance } from '../config/model.ts';
import type { Datagram, OutgoingDatagram, SocketSpec, VrrpSocket, VrrpSockets } from '../system/vrrp-sockets.ts';

interface Shared {
  readonly spec: SocketSpec;
  /** null while it could not be opened. */
  socket: VrrpSocket | null;
  /** The interface it was bound to; another index under the same name is another interface. */
  linkIndex: number;
  /** What its receive buffer was set to; 0: nothing. */
  buffer: number;
}

/** Asked with every advertisement. */
const specs = new WeakMap<VrrpInstance, SocketSpec>();
const keys = new WeakMap<SocketSpec, string>();

/** Which socket an instance speaks through; instances with equal specs share one. */
export function specOf(instance: VrrpInstance): SocketSpec {
  const spec = specs.get(instance) ?? makeSpec(instance);
  specs.set(instance, spec);
  return spec;
}

function makeSpec(instance: VrrpInstance): SocketSpec {
  const unicast = instance.unicastPeers.length > 0;
  return {
    family: instance.family, link: speakingLink(instance), protocol: instance.auth?.type === 'AH' ? 51 : 112,
    group: unicast ? null : instance.multicastGroup,
  };
}

export function specKey(spec: SocketSpec): string {
  const key = keys.get(spec) ?? `${spec.family} ${spec.link} ${spec.protocol} ${spec.group ?? 'unicast'}`;
  keys.set(spec, key);
  return key;
}

/** One socket for each way of speaking; opened when its interface is there, opened again when the interface is another one. */
export class SocketPool {
  readonly #sockets: VrrpSockets;
  readonly #receive: (key: string, spec: SocketSpec, datagram: Datagram) => void;
  /** A socket could not be opened, or died. */
  readonly #failed: (key: string, spec: SocketSpec, cause: unknown) => void;
  /** Its receive buffer was full for so many packets more. */
  readonly #lost: (spec: SocketSpec, packets: number) => void;
  readonly #pool = new Map<string, Shared>();

  constructor(
    sockets: VrrpSockets, receive: (key: string, spec: SocketSpec, datagram: Datagram) => void, failed: (key: string, spec: SocketSpec, cause: unknown) => void,
    lost: (spec: SocketSpec, packets: number) => void = () => undefined,
  ) {
    this.#sockets = sockets;
    this.#receive = receive;
    this.#failed = failed;
    this.#lost = lost;
  }

  /** Has the socket open on this interface: opens it, or opens it anew when the index is another. False when that fails. */
  ensure(spec: SocketSpec, linkIndex: number): boolean {
    const key = specKey(spec);
    const shared = this.#pool.get(key) ?? { spec, socket: null, linkIndex, buffer: 0 };
    this.#pool.set(key, shared);
    if (shared.socket !== null && shared.linkIndex === linkIndex) return true;
    shared.socket?.close();
    shared.socket = null;
    shared.linkIndex = linkIndex;
    shared.buffer = 0;
    try {
      shared.socket = this.#sockets.open(spec, (datagram) => { this.#receive(key, spec, datagram); }, (cause) => {
        shared.socket = null;
        this.#failed(key, spec, cause);
      }, (packets) => { this.#lost(spec, packets); });
      return true;
    } catch (cause) {
      this.#failed(key, spec, cause);
      return false;
    }
  }

  /** Sizes its receive buffer in bytes; 0 leaves it as it was made. Throws SystemError. */
  size(spec: SocketSpec, bytes: number): void {
    const shared = this.#pool.get(specKey(spec));
    if (shared?.socket == null || bytes === 0 || shared.buffer === bytes) return;
    shared.socket.setReceiveBuffer(bytes);
    shared.buffer = bytes;
  }

  /** Closes what is not in use any more. */
  keep(keys: ReadonlySet<string>): void {
    for (const [key, shared] of this.#pool) {
      if (keys.has(key)) continue;
      shared.socket?.close();
      this.#pool.delete(key);
    }
  }

  isOpen(spec: SocketSpec): boolean {
    return this.#pool.get(specKey(spec))?.socket != null;
  }

  dropped(spec: SocketSpec): number {
    return this.#pool.get(specKey(spec))?.socket?.dropped() ?? 0;
  }

  /** The interface is gone, and the socket with it. */
  drop(link: string): void {
    for (const shared of this.#pool.values()) {
      if (shared.spec.link !== link) continue;
      shared.socket?.close();
      shared.socket = null;
    }
  }

  /** Sends; false when there is no socket. Throws SystemError. */
  send(spec: SocketSpec, datagram: OutgoingDatagram): boolean {
    const socket = this.#pool.get(specKey(spec))?.socket;
    if (socket == null) return false;
    socket.send(datagram);
    return true;
  }

  close(): void {
    this.keep(new Set());
  }
}
