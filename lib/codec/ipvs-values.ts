import { familyOf, maxPrefix, type Family, type IpAddress } from '../util/ip.ts';

/** What the kernel's IPVS table holds, as values, in ipvsadm(8)'s words; codec/ipvs.ts has their bytes. */

export type IpvsProtocol = 'tcp' | 'udp' | 'sctp';

/** What names a service in the kernel. Port 0: every port that has no service of its own. */
export type ServiceId =
  | { readonly kind: 'address'; readonly protocol: IpvsProtocol; readonly address: IpAddress; readonly port: number }
  | { readonly kind: 'fwmark'; readonly mark: number; readonly family: Family };

/** `ops` one-packet scheduling; the others mean what the scheduler makes of them (sh-fallback, mh-port, …). */
export type ServiceFlag = 'ops' | 'flag-1' | 'flag-2' | 'flag-3';

export interface Service {
  readonly id: ServiceId;
  /** Name of the kernel's module without `ip_vs_`; 'none' for no scheduler. */
  readonly scheduler: string;
  /** In the order of the type. IP_VS_SVC_F_HASHED is the kernel's own business. */
  readonly flags: readonly ServiceFlag[];
  /** null: not persistent. */
  readonly persistence: Persistence | null;
  /** Persistence engine ('sip'), or null. */
  readonly engine: string | null;
  /** Of a patched kernel with FULLNAT; a stock one must not be asked for it. */
  readonly synProxy?: true;
  /** Seconds that an established connection may be idle, of the patched kernel's third version; absent: as all. */
  readonly establishedTimeout?: number;
}

export interface Persistence {
  /** Seconds. */
  readonly timeout: number;
  /** Clients that share an entry: a prefix length, or the netmask itself where its bits are no prefix (IPv4). */
  readonly granularity: number | IpAddress;
}

/** LOCAL and BYPASS are set by the kernel alone. */
export type ForwardName = 'NAT' | 'DR' | 'TUN' | 'LOCAL' | 'BYPASS' | 'FNAT';

/** How packets reach a destination; the tunnel counts for TUN only, its port for gue only. */
export interface Forward {
  readonly method: ForwardName;
  readonly tunnel: Tunnel;
}

export interface Tunnel {
  readonly type: 'ipip' | 'gue' | 'gre';
  readonly port: number;
  readonly checksum: 'nocsum' | 'csum' | 'remcsum';
}

/** What names a destination within its service. */
export interface DestinationId {
  readonly address: IpAddress;
  readonly port: number;
}

export interface Destination extends DestinationId {
  readonly forward: Forward;
  /** 0: no new connections. */
  readonly weight: number;
  /** Connections beyond which it gets no new ones; 0: no limit. */
  readonly upperThreshold: number;
  /** Connections below which it gets new ones again; 0: three quarters of the upper one. */
  readonly lowerThreshold: number;
}

/** A service and where it sends its connections. */
export interface ServiceEntry {
  readonly service: Service;
  readonly destinations: readonly Destination[];
  /** FULLNAT of a patched kernel: where its connections come from; absent: none. */
  readonly localAddresses?: readonly IpAddress[];
}

/** Counters since the start or the last zero, and rates of the last seconds: per second, in connections, packets, bytes. */
export interface IpvsStats {
  readonly connections: bigint;
  readonly inPackets: bigint;
  readonly outPackets: bigint;
  readonly inBytes: bigint;
  readonly outBytes: bigint;
  readonly connectionRate: bigint;
  readonly inPacketRate: bigint;
  readonly outPacketRate: bigint;
  readonly inByteRate: bigint;
  readonly outByteRate: bigint;
}

export interface ServiceStatus extends Service {
  readonly stats: IpvsStats;
}

export interface DestinationStatus extends Destination {
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly persistentConnections: number;
  readonly stats: IpvsStats;
}

/** A ServiceEntry with what the kernel counted. */
export interface ServiceEntryStatus extends ServiceEntry {
  readonly service: ServiceStatus;
  readonly destinations: readonly DestinationStatus[];
}

/** A local address of a service, as a patched kernel tells of it. */
export interface LocalAddressStatus {
  readonly address: IpAddress;
  /** Times that no port was found at the first attempt. */
  readonly portConflicts: bigint;
  readonly connections: number;
}

/** Seconds. */
export interface IpvsTimeouts {
  readonly tcp: number;
  readonly tcpFin: number;
  readonly udp: number;
}

/** Connection synchronisation with the other director, one of each state at most. */
export interface SyncDaemon {
  readonly state: 'master' | 'backup';
  readonly link: string;
  /** 0..255; 0: a backup takes every master's. */
  readonly syncId: number;
  /** UDP payload in bytes, multicast group, port and TTL; null: the kernel's default (from the MTU, 224.0.0.81, 8848, 1). */
  readonly maxLength: number | null;
  readonly group: IpAddress | null;
  readonly port: number | null;
  readonly ttl: number | null;
}

export interface IpvsInfo {
  /** Three numbers, as '1.2.1'. */
  readonly version: string;
  /** Buckets of the connection table. */
  readonly connectionTableSize: number;
}

/** Plain IPIP, as a destination that is no TUN has it. */
export const IPIP: Tunnel = { type: 'ipip', port: 0, checksum: 'nocsum' };

/** The service's family. */
export function serviceFamily(id: ServiceId): Family {
  return id.kind === 'fwmark' ? id.family : familyOf(id.address);
}

/** One text for each service: `tcp 192.0.2.1 80`, `fwmark 7 inet`. */
export function serviceKey(id: ServiceId): string {
  return id.kind === 'fwmark' ? `fwmark ${id.mark} ${id.family}` : `${id.protocol} ${id.address} ${id.port}`;
}

/** One text for each destination of a service: `10.0.0.1 80`. */
export function destinationKey({ address, port }: DestinationId): string {
  return `${address} ${port}`;
}

/** Persistence by single clients: /32 or /128. */
export function finestGranularity(id: ServiceId): number {
  return maxPrefix(serviceFamily(id));
}
