import type { IpAddress } from '../util/ip.ts';
import type { Cancel } from '../util/time.ts';
import type { SystemError } from './error.ts';

/** Where the packets of one check go, and how they leave. */
export interface Route {
  readonly to: IpAddress;
  /** 0 for an echo. */
  readonly port: number;
  /** Own address; null: the kernel's choice. */
  readonly from: IpAddress | null;
  /** Own port; 0: the kernel's choice. */
  readonly fromPort: number;
  /** SO_BINDTODEVICE, and the scope of a link-local address; null: none. */
  readonly link: string | null;
  /** SO_MARK; 0: none. */
  readonly mark: number;
}

/** What a connection attempt came to. The descriptor is connected, non-blocking, close-on-exec, and the receiver's to close. */
export type Connected = { readonly fd: number } | { readonly refused: SystemError };

/** A connected datagram socket. */
export interface DatagramSocket {
  /** Sends at once; throws SystemError (ENETUNREACH, ECONNREFUSED of an earlier ICMP error, …). */
  send(payload: Uint8Array): void;
  close(): void;
}

/** Sockets of health checks. A socket that cannot be made, marked or bound throws SystemError: no word about the server. */
export interface CheckSockets {
  /** Starts a TCP connection. `done` is called once, later, unless it is cancelled before; ends without limit of its own. */
  connect(route: Route, done: (outcome: Connected) => void): Cancel;
  /** Closes a descriptor that `connect` gave. */
  close(fd: number): void;
  /**
   * A connected UDP socket, or one for ICMP echo (an unprivileged one, icmp(7): the kernel writes the identifier and, for
   * replies, hands on those of this socket only). `received` hears of each datagram, `failed` once of an error such as ECONNREFUSED.
   */
  datagram(kind: 'udp' | 'echo', route: Route, received: (payload: Uint8Array) => void, failed: (cause: SystemError) => void): DatagramSocket;
}
