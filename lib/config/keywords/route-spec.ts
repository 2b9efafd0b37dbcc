/** A route's words → what the kernel is asked for: numbers instead of names, every default filled in. */
import { familyOf, ip, type Family, type Prefix } from '../../util/ip.ts';
import { PROTOCOL_KEEPALIVED, ROUTE_SCOPES, ROUTE_TABLES, ROUTE_TYPES, RTAX, type Encap, type Nexthop, type RouteMetric, type RouteOf, type RoutePlace } from '../../util/route.ts';
import { numberOf, realmsOf } from '../iproute-names.ts';
import type { Args, Values } from '../keyword.ts';
import { digitsOnly } from '../values.ts';
import { SCOPES } from './addresses.ts';
import type { routeOptions } from './routes.ts';

type RouteOptions = Values<typeof routeOptions>;

/** Interfaces are names. */
export interface RouteSpec extends RouteOf<string> {
  readonly place: RoutePlace;
  /** Its table is that of this VRF device. */
  readonly vrf: string | null;
}

/** What the words of a route came to. */
export interface RouteWords {
  readonly destination: Prefix | 'default';
  readonly type: string | null;
  readonly family: Family;
  readonly options: RouteOptions;
  readonly encap: Encap | null;
  readonly nexthops: readonly Nexthop<string>[];
}

/** undefined: a name is not known, and that was said. */
export function routeSpec(args: Args, { destination, type, family, options, encap, nexthops }: RouteWords): RouteSpec | undefined {
  const table = named(args, options.table, ROUTE_TABLES.main, (text) => numberOf(args, 'rt_tables', text), (text) => `Routing table ${text} not found for route`);
  const protocol = named(args, options.protocol, PROTOCOL_KEEPALIVED, (text) => numberOf(args, 'rt_protos', text), (text) => `Protocol ${text} not found or invalid for route`);
  const realms = named(args, options.realms, null, (text) => realmsOf(args, text), (text) => `Invalid realms ${text} for route`);
  const tos = named(args, options.tos, 0, (text) => numberOf(args, 'rt_dsfield', text), (text) => `TOS value ${text} is invalid`);
  if (table === undefined || protocol === undefined || realms === undefined || tos === undefined) return undefined;
  const kind = ROUTE_TYPES[(type === 'brd' ? 'broadcast' : (type ?? 'unicast')) as keyof typeof ROUTE_TYPES];
  const second = options.or === undefined || options.via === undefined ? [] : [options.via, options.or].map((gateway) => ({ gateway, link: options.dev ?? null, weight: 1, onlink: false, realms: null, encap: null }));
  const legs = [...second, ...nexthops];
  return {
    family,
    destination: destination === 'default' ? everything(family) : destination,
    source: options.from === undefined || options.from === 'default' ? null : options.from,
    type: kind, tos, table, protocol,
    scope: options.scope === undefined ? defaultScope(kind) : (SCOPES[options.scope] ?? digitsOnly(options.scope)),
    priority: options.metric ?? null,
    preferredSource: options.src ?? null,
    gateway: legs.length > 0 ? null : (options.via ?? null),
    link: second.length > 0 ? null : (options.dev ?? null),
    onlink: options.onlink ?? false,
    realms, encap,
    metrics: metrics(options),
    congestion: congestion(args),
    expires: options.expires ?? null,
    preference: options.pref === undefined ? null : (PREFERENCES[options.pref] ?? 0),
    ttlPropagate: options['ttl-propagate'] === undefined ? null : options['ttl-propagate'] === 'enabled',
    nexthops: legs,
    place: place(options, kind),
    vrf: options.vrf ?? null,
  };
}

const PREFERENCES: Readonly<Record<string, number>> = { medium: 0, 0: 0, high: 1, 1: 1, low: 3, 3: 3 };

/** A value by name or number; `fallback` where none was given, undefined where there is no such name. */
export function named<T>(args: Args, text: string | undefined, fallback: T, find: (text: string) => number | undefined, complaint: (text: string) => string): number | T | undefined {
  if (text === undefined) return fallback;
  const number = find(text);
  if (number === undefined) args.report({ code: 'unknown-name', message: complaint(text), remedy: 'write a number, or a name of the files in /etc/iproute2' }, args.words.indexOf(text));
  return number;
}

export function everything(family: Family): Prefix {
  return { address: ip(family === 'inet' ? '0.0.0.0' : '::'), length: 0 };
}

/** Scope universe, but where the kernel takes no such route. */
function defaultScope(type: number): number {
  if (type === ROUTE_TYPES.local || type === ROUTE_TYPES.nat) return ROUTE_SCOPES.host;
  return type === ROUTE_TYPES.broadcast || type === ROUTE_TYPES.anycast || type === ROUTE_TYPES.multicast ? ROUTE_SCOPES.link : ROUTE_SCOPES.universe;
}

/** keepalived's: an ordinary route goes before those like it, any other must be the only one. */
function place(options: RouteOptions, type: number): RoutePlace {
  if (options.append !== undefined) return 'append';
  if (options.prepend !== undefined) return 'prepend';
  return options.add !== undefined || type !== ROUTE_TYPES.unicast ? 'add' : 'prepend';
}

function metrics(options: RouteOptions): RouteMetric[] {
  const all: RouteMetric[] = [];
  const put = (metric: number, given: number | { readonly value: number; readonly lock: boolean } | undefined, unit = 1): void => {
    if (given === undefined) return;
    const { value, lock } = typeof given === 'number' ? { value: given, lock: false } : given;
    all.push({ metric, value: value * unit, locked: lock });
  };
  put(RTAX.mtu, options.mtu);
  put(RTAX.window, options.window);
  put(RTAX.rtt, options.rtt, 8);
  put(RTAX.rttvar, options.rttvar, 4);
  put(RTAX.ssthresh, options.ssthresh);
  put(RTAX.cwnd, options.cwnd);
  put(RTAX.advmss, options.advmss);
  put(RTAX.reordering, options.reordering);
  put(RTAX.hoplimit, options.hoplimit);
  put(RTAX.initcwnd, options.initcwnd);
  put(RTAX.features, options.features === undefined ? undefined : 1);
  put(RTAX.rtoMin, options.rto_min);
  put(RTAX.initrwnd, options.initrwnd);
  put(RTAX.quickack, options.quickack);
  put(RTAX.fastopenNoCookie, options.fastopen_no_cookie);
  return all;
}

/** `congctl [lock] NAME` */
function congestion({ words }: Args): RouteSpec['congestion'] {
  const at = words.indexOf('congctl');
  if (at < 0) return null;
  const locked = words[at + 1] === 'lock';
  const name = words[at + (locked ? 2 : 1)];
  return name === undefined ? null : { name, locked };
}

/** The family of a route, as far as its words decide it. */
export function routeFamily(destination: Prefix | 'default', options: RouteOptions, words: readonly string[]): Family | null {
  if (destination !== 'default') return familyOf(destination.address);
  if (words.includes('default6') || options.inet6 !== undefined) return 'inet6';
  const address = options.via ?? options.src ?? (options.from === undefined || options.from === 'default' ? undefined : options.from.address);
  return address === undefined ? null : familyOf(address);
}
