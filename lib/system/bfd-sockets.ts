import type { Family, IpAddress } from '../util/ip.ts';

export interface BfdDatagram {
  readonly from: IpAddress;
  /** null, as everything that the socket could not tell. */
  readonly to: IpAddress | null;
  /** TTL or hop limit as received. */
  readonly ttl: number | null;
  readonly payload: Uint8Array;
}

export interface BfdSpeakerSpec {
  readonly family: Family;
  /** null: the kernel's choice. */
  readonly source: IpAddress | null;
  readonly ttl: number;
}

export interface BfdSpeaker {
  /** Sends at once, in this turn; throws SystemError (ENETUNREACH, ENETDOWN, …). */
  send(payload: Uint8Array, to: IpAddress, port: number): void;
  close(): void;
}

/** The UDP sockets of BFD (RFC 5881 §4, RFC 5883 §5). */
export interface BfdSockets {
  /** Everything that comes to this port. `failed` hears of a socket that died later; it is closed then. Throws SystemError (EADDRINUSE, …). */
  listen(family: Family, port: number, receive: (datagram: BfdDatagram) => void, failed: (cause: Error) => void): { close(): void };
  /** With a source port of 49152 or more that no other has. Throws SystemError (EADDRNOTAVAIL, …). */
  speaker(spec: BfdSpeakerSpec): BfdSpeaker;
}
