import type { Family, IpAddress } from '../util/ip.ts';

/** One raw socket of a virtual router or of several that speak the same way. */
export interface SocketSpec {
  readonly family: Family;
  /** The interface it is bound to. */
  readonly link: string;
  /** 112 VRRP, 51 AH (RFC 2402, IPv4 only). */
  readonly protocol: 112 | 51;
  /** Multicast group joined on the link; null for unicast. */
  readonly group: IpAddress | null;
}

/** What arrived. A null is something the socket could not tell. */
export interface Datagram {
  readonly from: IpAddress;
  readonly to: IpAddress | null;
  /** What follows the IP header. */
  readonly payload: Uint8Array;
  /** TTL or hop limit. */
  readonly ttl: number | null;
  /** The IPv4 header with its options, for AH; null for IPv6. */
  readonly header: Uint8Array | null;
}

/** What to send. IPv4 headers are made here (TOS 0xC0, DF off, the given identification); IPv6 ones by the kernel. */
export interface OutgoingDatagram {
  readonly from: IpAddress;
  readonly to: IpAddress;
  /** Not changed once it was sent; the same one again goes between the same ends, with the same TTL. */
  readonly payload: Uint8Array;
  /** TTL or hop limit, 1..255. */
  readonly ttl: number;
  /** IPv4 identification, 1..65535. */
  readonly id: number;
}

export interface VrrpSocket {
  /** Sends at once, in this turn; throws SystemError (ENETDOWN, ENODEV, …). */
  send(datagram: OutgoingDatagram): void;
  /** SO_RCVBUF, in bytes; the kernel keeps to its limit. Throws SystemError. */
  setReceiveBuffer(bytes: number): void;
  /** Packets that the kernel has dropped so far because the receive buffer was full. */
  dropped(): number;
  close(): void;
}

export interface VrrpSockets {
  /**
   * Opens, binds, joins. `failed` hears of a socket that died later; it is closed then. `lost` hears how many packets more the
   * kernel has dropped, once a second at most. Throws SystemError (ENODEV, EPERM, …).
   */
  open(spec: SocketSpec, receive: (datagram: Datagram) => void, failed: (cause: Error) => void, lost?: (packets: number) => void): VrrpSocket;
}
