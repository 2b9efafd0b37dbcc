import type { Cancel } from '../util/time.ts';
import type { Prefix, IpAddress, Family } from '../util/ip.ts';
import type { RouteOf, RoutePlace, RuleOf } from '../util/route.ts';
import type { SystemError } from './error.ts';

/** An interface as rtnetlink(7) shows it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** 6 bytes for Ethernet; may be empty (tun) or longer (InfiniBand). */
  readonly mac: Uint8Array;
  readonly mtu: number;
  /** IFF_UP. */
  readonly up: boolean;
  /** IFF_RUNNING: carrier and operational. */
  readonly running: boolean;
  readonly loopback: boolean;
  readonly pointToPoint: boolean;
  readonly multicast: boolean;
  /** IFF_NOARP. */
  readonly noArp: boolean;
  /** IFLA_INFO_KIND: 'veth', 'macvlan', …; '' when there is none. */
  readonly kind: string;
  /** IFLA_LINK, the lower device's index (macvlan, vlan); null when there is none. */
  readonly parentIndex: number | null;
  /** Of a VRF device: its routing table. */
  readonly vrfTable?: number;
  /** Of a macvlan (IFLA_MACVLAN_MODE): private 1, vepa 2, bridge 4, … */
  readonly macvlanMode?: number;
  /** Of an ipvlan (IFLA_IPVLAN_FLAGS), unless 0, bridge: private 1, vepa 2. */
  readonly ipvlanFlags?: number;
  /** Interface group, unless it is the default one. */
  readonly group?: number;
  /** Index of the bridge, bond or VRF that it belongs to. */
  readonly masterIndex?: number;
}

export type Scope = 'global' | 'site' | 'link' | 'host' | 'nowhere' | number;

/** An address as the kernel holds it. Identity: link, prefix (and the peer, when there is one). */
export interface Address {
  readonly linkIndex: number;
  /** IFA_LOCAL with the prefix length. */
  readonly prefix: Prefix;
  /** IFA_ADDRESS when it differs from the local one (point-to-point peer), else null. */
  readonly peer: IpAddress | null;
  readonly broadcast: IpAddress | null;
  readonly label: string | null;
  readonly scope: Scope;
  /** IFA_FLAGS: IFA_F_SECONDARY 1, NODAD 2, DADFAILED 8, HOMEADDRESS 0x10, DEPRECATED 0x20, TENTATIVE 0x40, PERMANENT 0x80, NOPREFIXROUTE 0x200. */
  readonly flags: number;
  /** Preferred lifetime in seconds; 0 deprecated, null for ever. */
  readonly preferred: number | null;
  /** IFA_PROTO; 18 is keepalived's; null where the kernel (before 5.18) has none. */
  readonly protocol: number | null;
}

export interface NetworkState {
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
}

/** A route as the kernel holds it; its links are indices. */
export type Route = RouteOf<number>;
export type Rule = RuleOf;

/** Routes and rules that the kernel marks as keepalived's (RTPROT_KEEPALIVED). */
export interface MarkedRoutes {
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
}

/** A private macvlan to be made. */
export interface Macvlan {
  readonly name: string;
  readonly parentIndex: number;
  readonly mac: Uint8Array;
  readonly group: number;
  readonly masterIndex: number | null;
}

/** An ipvlan in L2 mode to be made. */
export interface Ipvlan extends Omit<Macvlan, 'mac'> {
  /** bridge 0, private 1, vepa 2. */
  readonly flags: 0 | 1 | 2;
}

/** Something asked of the kernel about an interface of ours. */
export type LinkOp =
  /** Down, as all new ones. */
  | { readonly op: 'add-macvlan'; readonly macvlan: Macvlan }
  | { readonly op: 'add-ipvlan'; readonly ipvlan: Ipvlan }
  /** One that is there gets this MAC and private mode. */
  | { readonly op: 'set-macvlan'; readonly name: string; readonly mac: Uint8Array }
  /** The kernel is to make no link-local address for it. */
  | { readonly op: 'no-address-generation'; readonly name: string }
  | { readonly op: 'set-link-up'; readonly name: string }
  | { readonly op: 'delete-link'; readonly index: number; readonly name: string };

/** Something asked of the kernel; one netlink message each. */
export type NetworkOp =
  | LinkOp
  | { readonly op: 'add-address'; readonly address: Address }
  | { readonly op: 'delete-address'; readonly address: Address }
  | { readonly op: 'add-route'; readonly route: Route; readonly place: RoutePlace }
  /** Only a route of the same destination, way, metric and protocol is taken away. */
  | { readonly op: 'delete-route'; readonly route: Route }
  | { readonly op: 'add-rule'; readonly rule: Rule }
  /** Only a rule of the same selector, action, priority and protocol is taken away. */
  | { readonly op: 'delete-rule'; readonly rule: Rule };

export type NetworkEvent =
  | { readonly type: 'link'; readonly link: Link }
  | { readonly type: 'link-gone'; readonly index: number; readonly name: string }
  | { readonly type: 'address'; readonly address: Address }
  | { readonly type: 'address-gone'; readonly address: Address }
  /** Events were lost (receive overrun): what is known must be dumped again. */
  | { readonly type: 'lost' };

/** A marked route or rule is gone, whoever took it. A kernel says nothing of IPv4 routes that go with their interface. */
export type RouteEvent =
  | { readonly type: 'route-gone'; readonly route: Route }
  | { readonly type: 'rule-gone'; readonly rule: Rule }
  /** Events were lost: what is there must be dumped again. */
  | { readonly type: 'lost' };

export interface NetlinkRoutes {
  dump(family?: Family): Promise<NetworkState>;
  /**
   * Hands all operations to the kernel in order, in as few sends as it can, before it returns; the kernel has carried
   * them out by then. The promise brings one entry for each: null, or why it failed. It never rejects for a single
   * operation, only when the socket itself is gone or does not answer within its bound.
   */
  apply(operations: readonly NetworkOp[]): Promise<readonly (SystemError | null)[]>;
  /** From now on every change, in the kernel's order. */
  watch(changed: (event: NetworkEvent) => void): Cancel;
  dumpRoutes(): Promise<MarkedRoutes>;
  /** The same for marked routes and rules; nothing is heard of routes while nobody watches. Throws SystemError. */
  watchRoutes(changed: (event: RouteEvent) => void): Cancel;
  close(): void;
}
