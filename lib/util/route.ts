/**
 * Routes and policy rules as values, in the terms of rtnetlink(7), ip-route(8) and ip-rule(8): what a configuration asks for
 * and what a kernel holds have the same form. Interfaces of a route are names there and indices here, so `Link` is open.
 */
import type { Family, IpAddress, Prefix } from './ip.ts';

/** RTPROT_KEEPALIVED: the mark of who made a route, a rule or an address. */
export const PROTOCOL_KEEPALIVED = 18;

/** RTN_*: what becomes of a packet that the route fits. */
export const ROUTE_TYPES = {
  unicast: 1, local: 2, broadcast: 3, anycast: 4, multicast: 5, blackhole: 6, unreachable: 7, prohibit: 8, throw: 9, nat: 10, xresolve: 11,
} as const;

/** RT_SCOPE_*. */
export const ROUTE_SCOPES = { universe: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;

/** RT_TABLE_*. */
export const ROUTE_TABLES = { unspec: 0, default: 253, main: 254, local: 255 } as const;

/** FR_ACT_*: what a rule does with a packet that it fits. */
export const RULE_ACTIONS = { table: 1, goto: 2, nop: 3, blackhole: 6, unreachable: 7, prohibit: 8 } as const;

/** RTAX_*: metrics. Times are ms, but for rtt (eighths of one) and rttvar (quarters). */
export const RTAX = {
  lock: 1, mtu: 2, window: 3, rtt: 4, rttvar: 5, ssthresh: 6, cwnd: 7, advmss: 8, reordering: 9, hoplimit: 10, initcwnd: 11, features: 12,
  rtoMin: 13, initrwnd: 14, quickack: 15, congestion: 16, fastopenNoCookie: 17,
} as const;

/** A lightweight tunnel (ip-route(8), encap); null: not said. */
export type Encap =
  | { readonly type: 'mpls'; readonly labels: readonly number[] }
  /** `hops`: ttl or hop limit; `tos`: tos or traffic class. `id` is a 64-bit number in decimal. */
  | { readonly type: 'ip' | 'ip6'; readonly id: string | null; readonly source: IpAddress | null; readonly target: IpAddress | null; readonly hops: number | null; readonly tos: number | null; readonly flags: number | null }
  /** 64 bits as four groups of hexadecimal digits, `a:b:c:d`. */
  | { readonly type: 'ila'; readonly locator: string };

/** One way out of a route. */
export interface Nexthop<Link> {
  readonly gateway: IpAddress | null;
  readonly link: Link | null;
  /** 1..256 among the others of a multipath route. */
  readonly weight: number;
  readonly onlink: boolean;
  /** Realm it comes from × 65536 + realm it goes to. */
  readonly realms: number | null;
  readonly encap: Encap | null;
}

/** RTA_METRICS: a number of RTAX_*, its value as the kernel counts it, and whether the kernel may not change it. */
export interface RouteMetric {
  readonly metric: number;
  readonly value: number;
  readonly locked: boolean;
}

export interface RouteOf<Link> {
  readonly family: Family;
  readonly destination: Prefix;
  /** IPv6 only: for packets of these sources. */
  readonly source: Prefix | null;
  /** RTN_*. */
  readonly type: number;
  readonly tos: number;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  /** RTA_PRIORITY; null: the kernel's default. */
  readonly priority: number | null;
  readonly preferredSource: IpAddress | null;
  readonly gateway: IpAddress | null;
  readonly link: Link | null;
  readonly onlink: boolean;
  readonly realms: number | null;
  readonly encap: Encap | null;
  readonly metrics: readonly RouteMetric[];
  /** TCP congestion control of the connections over it. */
  readonly congestion: { readonly name: string; readonly locked: boolean } | null;
  /** IPv6: seconds it is to live. */
  readonly expires: number | null;
  /** IPv6 router preference (RFC 4191): 0 medium, 1 high, 3 low. */
  readonly preference: number | null;
  readonly ttlPropagate: boolean | null;
  /** Legs of a multipath route; empty: `gateway` and `link` are the way. */
  readonly nexthops: readonly Nexthop<Link>[];
}

/** How a new route stands to one that is there: an error, before it, or behind it. */
export type RoutePlace = 'add' | 'prepend' | 'append';

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** A policy rule. Its interfaces are names with the kernel, too. null: not part of the selector. */
export interface RuleOf {
  readonly family: Family;
  readonly invert: boolean;
  readonly source: Prefix | null;
  readonly destination: Prefix | null;
  readonly tos: number;
  /** FR_ACT_*. */
  readonly action: number;
  /** 0 where the action looks up none. */
  readonly table: number;
  readonly priority: number;
  readonly protocol: number;
  readonly mark: number | null;
  readonly markMask: number | null;
  readonly realms: number | null;
  readonly suppressPrefixLength: number | null;
  readonly suppressGroup: number | null;
  readonly inputLink: string | null;
  readonly outputLink: string | null;
  /** 64 bits. */
  readonly tunnelId: number | null;
  readonly users: Range | null;
  readonly l3mdev: boolean;
  readonly ipProtocol: number | null;
  readonly sourcePorts: Range | null;
  readonly destinationPorts: Range | null;
  readonly target: number | null;
}
