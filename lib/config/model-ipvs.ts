/** The load-balancing half of Config. Times are milliseconds. */
import type { Family, IpAddress } from '../util/ip.ts';
import type { Millis } from '../util/time.ts';
import type { NotifyFifo, ScriptCommand } from './model.ts';

export type Protocol = 'tcp' | 'udp' | 'sctp';
export type Forwarding = 'NAT' | 'DR' | 'TUN' | 'FNAT';
export type Scheduler = 'rr' | 'wrr' | 'lc' | 'wlc' | 'lblc' | 'sh' | 'mh' | 'dh' | 'fo' | 'ovf' | 'lblcr' | 'sed' | 'nq' | 'twos';

/** How packets reach a server; the tunnel counts for TUN only. */
export interface ForwardMethod {
  readonly method: Forwarding;
  readonly tunnel: { readonly type: 'ipip' | 'gue' | 'gre'; readonly port: number; readonly checksum: 'nocsum' | 'csum' | 'remcsum' };
}

/** What a client addresses: one address and port, a mark, or the entries of a group. */
export type ServiceKey =
  | { readonly kind: 'address'; readonly address: IpAddress; readonly port: number }
  | { readonly kind: 'fwmark'; readonly mark: number }
  | { readonly kind: 'group'; readonly name: string };

export interface VirtualServer {
  /** As keepalived calls it in logs and FIFOs: `[IP]:tcp:PORT`, `FWM N`, `[GROUP]:INDEX`. */
  readonly id: string;
  readonly key: ServiceKey;
  readonly family: Family;
  /** null: a fwmark service. */
  readonly protocol: Protocol | null;
  readonly scheduler: Scheduler;
  /** Flags as ipvsadm(8) names them: hashed, ops, flag-1, flag-2, flag-3. */
  readonly flags: readonly ('hashed' | 'ops' | 'flag-1' | 'flag-2' | 'flag-3')[];
  readonly forward: ForwardMethod;
  /** null: not persistent. Granularity is a prefix length. */
  readonly persistence: { readonly timeout: Millis; readonly granularity: number; readonly engine: string | null } | null;
  readonly quorum: number;
  readonly hysteresis: number;
  readonly alpha: boolean;
  readonly omega: boolean;
  readonly haSuspend: boolean;
  readonly smtpAlert: boolean;
  readonly quorumUp: ScriptCommand | null;
  readonly quorumDown: ScriptCommand | null;
  readonly snmpName: string | null;
  readonly sorryServer: SorryServer | null;
  readonly realServers: readonly RealServer[];
  readonly fullnat: FullnatSettings;
  /** What stands for the addresses of its group (`nftables_ipvs`); absent: they stand for themselves. Never from a file. */
  readonly groupMarks?: readonly { readonly mark: number; readonly family: Family }[];
}

export interface SorryServer {
  readonly address: IpAddress;
  readonly port: number;
  readonly forward: ForwardMethod;
  readonly inhibit: boolean;
}

export interface RealServer {
  /** `[IP]:tcp:PORT`. */
  readonly id: string;
  readonly address: IpAddress;
  readonly port: number;
  readonly weight: number;
  readonly forward: ForwardMethod;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  readonly inhibitOnFailure: boolean;
  readonly alpha: boolean;
  readonly smtpAlert: boolean;
  readonly notifyUp: ScriptCommand | null;
  readonly notifyDown: ScriptCommand | null;
  readonly snmpName: string | null;
  readonly checkers: readonly Checker[];
}

/** Where a check connects. */
export interface CheckTarget {
  readonly address: IpAddress;
  readonly port: number;
  readonly bindAddress: IpAddress | null;
  readonly bindPort: number;
  readonly bindLink: string | null;
  readonly fwmark: number;
  readonly connectTimeout: Millis;
}

/** When a check runs. */
export interface CheckSchedule {
  readonly delayLoop: Millis;
  readonly warmup: Millis;
  /** Failures forgiven while up. */
  readonly retry: number;
  readonly delayBeforeRetry: Millis;
  readonly alpha: boolean;
  readonly logAllFailures: boolean;
}

export interface HttpUrl {
  readonly path: string;
  readonly digests: readonly string[];
  /** Empty: 200..299. */
  readonly statusCodes: readonly { readonly from: number; readonly to: number }[];
  readonly virtualHost: string | null;
  readonly regex: { readonly pattern: string; readonly options: readonly string[]; readonly negated: boolean; readonly minOffset: number; readonly maxOffset: number } | null;
  readonly tlsCompliant: boolean;
}

/** HTTP: `sniHost` is the name in SNI where neither `sniName` nor the URL has one: unlike `virtualHost`, never the real server's. */
export type Checker =
  | { readonly type: 'TCP_CHECK' | 'PING_CHECK'; readonly target: CheckTarget; readonly schedule: CheckSchedule }
  | { readonly type: 'SMTP_CHECK'; readonly target: CheckTarget; readonly schedule: CheckSchedule; readonly helo: string }
  | { readonly type: 'UDP_CHECK'; readonly target: CheckTarget; readonly schedule: CheckSchedule; readonly payload: string | null; readonly reply: string | null; readonly requireReply: boolean; readonly minReply: number; readonly maxReply: number }
  | { readonly type: 'DNS_CHECK'; readonly target: CheckTarget; readonly schedule: CheckSchedule; readonly query: string; readonly name: string }
  | { readonly type: 'HTTP_GET' | 'SSL_GET'; readonly target: CheckTarget; readonly schedule: CheckSchedule; readonly urls: readonly HttpUrl[]; readonly virtualHost: string | null; readonly protocol: '1.0' | '1.0C' | '1.1'; readonly sni: boolean; readonly sniName: string | null; readonly sniHost: string | null; readonly fastRecovery: boolean; readonly tlsCompliant: boolean }
  | { readonly type: 'MISC_CHECK'; readonly schedule: CheckSchedule; readonly command: ScriptCommand; readonly timeout: Millis; readonly dynamic: boolean }
  | { readonly type: 'FILE_CHECK'; readonly trackFile: string; readonly weight: number; readonly reverse: boolean }
  | { readonly type: 'BFD_CHECK'; readonly session: string; readonly alpha: boolean };

/** FULLNAT of the patched kernels and of DPVS. */
export interface FullnatSettings {
  readonly localAddressGroup: string | null;
  /** The group's addresses of the service's family, in order; none: the group is missing, or there is none. */
  readonly localAddresses: readonly IpAddress[];
  /** Whose addresses a TCP connection gets that is met in its middle, since another director had it before; null: its own. */
  readonly takeoverGroup: string | null;
  readonly takeoverAddresses: readonly IpAddress[];
  readonly denyGroup: string | null;
  readonly allowGroup: string | null;
  readonly synProxy: boolean;
  /** Device that holds the service's addresses while the quorum is there. */
  readonly bindLink: string | null;
  readonly establishTimeout: Millis | null;
  /** The client's address goes into the SYN, for real servers that look there. */
  readonly toa: boolean;
}

export type GroupEntry =
  | { readonly kind: 'addresses'; readonly first: IpAddress; readonly last: IpAddress; readonly port: number }
  | { readonly kind: 'fwmark'; readonly mark: number; readonly family: Family | null };

export interface VirtualServerGroup {
  readonly name: string;
  readonly entries: readonly GroupEntry[];
}

export interface LocalAddressGroup {
  readonly name: string;
  readonly ranges: readonly { readonly first: IpAddress; readonly last: IpAddress; readonly link: string | null }[];
}

export interface IpvsConfig {
  readonly virtualServers: readonly VirtualServer[];
  readonly groups: readonly VirtualServerGroup[];
  readonly localAddressGroups: readonly LocalAddressGroup[];
  /** Decides which client gets which local address; the same on all directors that take over from each other. */
  readonly fullnatSeed: number;
  /** How long IPVS serves on at the stop, after clients have been sent elsewhere. */
  readonly drainTime: Millis;
  readonly ssl: { readonly password: string | null; readonly ca: string | null; readonly certificate: string | null; readonly key: string | null } | null;
  /** Seconds; null: the kernel's. */
  readonly timeouts: { readonly tcp: number | null; readonly tcpfin: number | null; readonly udp: number | null } | null;
  readonly flush: boolean;
  readonly flushOnStop: 'all' | 'ours' | null;
  readonly syncDaemon: readonly string[] | null;
  /** `lvs_notify_fifo`, beside the `notify_fifo` that has the events of both halves. */
  readonly notifyFifo: NotifyFifo | null;
  /** `rs_init_notifies`: servers that are up from the start are told. */
  readonly initNotifies: boolean;
  /** `nftables_ipvs` and its kin; null: groups are served address by address. */
  readonly groupMarks: { readonly table: string; readonly priority: number; readonly first: number } | null;
  /** Not `no_checker_emails`: each checker of a real server is mailed about, not only the server. */
  readonly checkerMails: boolean;
}
