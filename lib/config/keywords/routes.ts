/** Entries of virtual_routes and static_routes, in the manner of ip-route(8) (reference 3.8). */
import { keyword, type Args, type Rows, type ValueType, type Values } from '../keyword.ts';
import type { Place } from '../source.ts';
import { choice, digitsOnly, FLAG, integer, UINT_MAX, word } from '../values.ts';
import { missingLink } from '../validate/instances.ts';
import type { Encap } from '../../util/route.ts';
import { familyOf, parseIp, parsePrefix, type Family, type IpAddress, type Prefix } from '../../util/ip.ts';
import { knownTrackGroup, readPrefix, SCOPES } from './addresses.ts';
import { readEncap } from './encap.ts';
import { readNexthops } from './nexthop.ts';
import { readOptions } from './options.ts';
import { routeFamily, routeSpec, type RouteSpec } from './route-spec.ts';

const number = integer({ min: 0, max: UINT_MAX });
const TYPES = ['unicast', 'local', 'broadcast', 'brd', 'anycast', 'multicast', 'nat', 'prohibit', 'unreachable', 'blackhole', 'xresolve', 'throw'] as const;
const LEAST_TIME = 200;
const LONGEST_TIME = 960_000;

/** A network, or everything. */
const prefix: ValueType<Prefix | 'default'> = { syntax: 'IP[/LEN]|default', schema: { type: 'string' }, read: ({ words, first }) => readNetwork(words[first] ?? '') };

export function readNetwork(text: string): Prefix | 'default' | undefined {
  return ['default', 'any', 'all', 'default6'].includes(text) ? 'default' : (parsePrefix(text) ?? undefined);
}

/** `[lock] N`, with a unit for times. */
function metric(least = 0, time = false): ValueType<{ readonly value: number; readonly lock: boolean }> {
  return {
    syntax: time ? '[lock] N[s|ms]' : '[lock] N',
    schema: { type: 'string' },
    read: (args) => {
      const lock = args.words[args.first] === 'lock';
      const text = args.words[args.first + (lock ? 1 : 0)] ?? '';
      const match = (time ? /^(\d+)(s|ms)?$/u : /^(\d+)$/u).exec(text);
      if (match === null) {
        args.report({ code: 'invalid-number', recorded: 'invalid-number', severity: 'note', message: `invalid number '${text}'` });
        return undefined;
      }
      const value = Number(match[1]) * (match[2] === 's' ? 1000 : 1);
      if (value > (time ? LONGEST_TIME : UINT_MAX)) {
        args.report({ code: 'invalid-number', recorded: 'invalid-number', severity: 'note', message: `number '${text}' outside range [0${time ? '.' : ''}, ${time ? `${String(LONGEST_TIME)}.` : String(UINT_MAX)}]` });
        return undefined;
      }
      if (time && value < least) {
        args.report({ code: 'raised', severity: 'warning', message: `${args.words[args.first - 1] === 'rto_min' ? 'rto' : 'rtt'} value ${text} below minimum ${String(least)}ms, resetting`, remedy: 'the kernel takes no less' });
        return { value: least, lock };
      }
      return { value, lock };
    },
  };
}

const zeroOrOne = integer({ min: 0, max: 1 });
const lockable = (args: Args, index: number): number => (args.words[index] === 'lock' ? 2 : 1);
const invalid = (what: string): { readonly invalid: string } => ({ invalid: `Invalid ${what} {word} specified for route` });

export const routeOptions = {
  inet: keyword(word('WORD'), 'IPv4; takes the word after it away, as keepalived does'),
  inet6: keyword(word('WORD'), 'IPv6; takes the word after it away, as keepalived does'),
  src: keyword(routeAddress(), 'preferred source address', { invalid: 'invalid route src address {word}' }),
  from: keyword(prefix, 'source prefix of an IPv6 route', { invalid: 'invalid route source {word}' }),
  to: keyword(word('[to] [TYPE] IP[/LEN]|default|any|all|default6'), 'destination; the word to is optional, TYPE is unicast, local, broadcast, …'),
  via: keyword(gateway(), 'gateway', { invalid: 'invalid route via address {word}' }),
  gw: keyword(gateway(), 'deprecated spelling of via', { alias: 'via', invalid: 'invalid route via address {word}', deprecated: '"gw" for routes is deprecated. Please use "via"' }),
  dev: keyword(routeLink('VROUTE nexthop'), 'output interface'),
  oif: keyword(routeLink('VROUTE nexthop'), 'the same as dev', { alias: 'dev' }),
  table: keyword(word('NAME|N'), 'routing table', { default: 'main' }),
  protocol: keyword(word('NAME|N'), 'originating protocol; kept only with no_track', { default: 'keepalived (18)' }),
  scope: keyword({ ...word('NAME|N', Object.keys(SCOPES)), read: ({ words, first }) => (Object.hasOwn(SCOPES, words[first] ?? '') || (digitsOnly(words[first] ?? '') >= 0 && digitsOnly(words[first] ?? '') <= 255) ? words[first] : undefined) }, 'scope', { default: 'universe; host for local, link for broadcast, anycast and multicast', invalid: 'Scope {word} not found or invalid for route' }),
  tos: keyword(word('N|NAME'), 'type of service', { default: '0' }),
  dsfield: keyword(word('N|NAME'), 'the same as tos', { alias: 'tos' }),
  metric: keyword(number, 'priority of the route', invalid('metric')),
  priority: keyword(number, 'the same as metric', { alias: 'metric', ...invalid('metric') }),
  preference: keyword(number, 'the same as metric', { alias: 'metric', ...invalid('metric') }),
  onlink: keyword(FLAG, 'the gateway is reachable although no subnet says so', { default: 'off' }),
  encap: keyword(word('ip|ip6|mpls|ila …'), 'lightweight tunnel'),
  expires: keyword(number, 'lifetime of an IPv6 route, seconds', invalid('expires')),
  mtu: keyword(metric(), 'path MTU', invalid('MTU')),
  hoplimit: keyword(number, 'hop limit', invalid('hoplimit')),
  advmss: keyword(metric(), 'MSS to advertise', invalid('advmss')),
  rtt: keyword(metric(LEAST_TIME, true), 'round trip time', { invalid: 'Invalid rtt {word} for route' }),
  rttvar: keyword(metric(LEAST_TIME, true), 'variance of the round trip time', invalid('rttvar')),
  reordering: keyword(metric(), 'reordering', invalid('reordering')),
  window: keyword(number, 'largest window to advertise', invalid('window')),
  cwnd: keyword(metric(), 'congestion window clamp', invalid('cwnd')),
  ssthresh: keyword(metric(), 'slow start threshold', invalid('ssthresh')),
  realms: keyword(word('A[/B]'), 'routing realms'),
  rto_min: keyword(metric(LEAST_TIME, true), 'least retransmission timeout', invalid('rto_min')),
  initcwnd: keyword(number, 'first congestion window', invalid('initcwnd')),
  initrwnd: keyword(number, 'first receive window', invalid('initrwnd')),
  features: keyword(choice(['ecn']), 'features', { invalid: 'feature {word} not supported' }),
  quickack: keyword(zeroOrOne, 'quick acknowledgements', { invalid: 'Invalid quickack value {word} specified for route' }),
  congctl: keyword(word('[lock] NAME'), 'congestion control'),
  pref: keyword(choice(['low', 'medium', 'high', '0', '1', '3']), 'IPv6 router preference', { default: 'medium', ...invalid('pref') }),
  'ttl-propagate': keyword(choice(['enabled', 'disabled']), 'MPLS TTL propagation', invalid('ttl-propagate')),
  fastopen_no_cookie: keyword(zeroOrOne, 'TCP fast open without a cookie', { invalid: 'Invalid fastopen_no_cookie value {word} specified for route' }),
  nexthop: keyword(word('via IP [dev IF] [weight N] …'), 'a leg of a multipath route; must come last'),
  add: keyword(FLAG, 'fail when the route exists', { default: 'prepend; add for any type but unicast' }),
  prepend: keyword(FLAG, 'put it before routes like it', { default: 'prepend' }),
  append: keyword(FLAG, 'put it behind routes like it', { default: 'prepend' }),
  or: keyword(gateway(), 'deprecated second gateway', { deprecated: '"or" for routes is deprecated. Please use "nexthop"' }),
  as: keyword(word('[to] ADDRESS'), 'MPLS only; read and ignored'),
  vrf: keyword(word('IF', 'interface'), 'the table of this VRF'),
  no_track: keyword(FLAG, 'do not put the route back when somebody removes it', { default: 'tracked' }),
  track_group: keyword(word('NAME'), 'follow the state of a track_group (static_routes only)'),
} satisfies Rows;

/** An address, with keepalived's first complaint about one that is none. */
function routeAddress(): ValueType<IpAddress> {
  return { syntax: 'IP', schema: { type: 'string' }, read: (args) => readRouteAddress(args, args.first) };
}

function readRouteAddress(args: Args, index: number): IpAddress | undefined {
  const text = args.words[index] ?? '';
  const parsed = parseIp(text);
  if (parsed === null) args.report({ code: 'invalid-address', severity: 'note', message: `VRRP parsed invalid IP ${text}. skipping IP...` }, index);
  return parsed ?? undefined;
}

/** An interface that should exist. */
export function routeLink(what: string): ValueType<string> {
  return {
    ...word('IF', 'interface'),
    read: (args) => {
      const name = args.words[args.first] ?? '';
      const { links } = args.context.machine;
      if (links !== null && !links.has(name) && !args.context.switches.has('dynamic_interfaces')) missingLink(args.context, args.place, `WARNING - interface ${name} for ${what} doesn't exist`, name);
      return name;
    },
  };
}

function gateway(): ValueType<IpAddress> {
  return {
    syntax: '[inet|inet6] IP',
    schema: { type: 'string' },
    read: (args) => readRouteAddress(args, args.first + (isFamily(args.words[args.first]) ? 1 : 0)),
  };
}

function isFamily(text: string | undefined): boolean {
  return text === 'inet' || text === 'inet6';
}

export interface RouteEntry {
  readonly destination: Prefix | 'default';
  readonly type: string | null;
  readonly family: Family;
  readonly options: Values<typeof routeOptions>;
  /** What the kernel is asked for. */
  readonly spec: RouteSpec;
  /** The line as words. */
  readonly words: readonly string[];
  readonly place: Place;
}

/** One route. `isStatic`: track_group may be given. */
export function routeEntry(isStatic: boolean): ValueType<RouteEntry> {
  return {
    syntax: '[to] [TYPE] IP[/LEN]|default [via IP] [dev IF] [table T] [OPTION…]',
    schema: { type: 'string' },
    read: (args) => readRoute(args, isStatic),
  };
}

function readRoute(args: Args, isStatic: boolean): RouteEntry | undefined {
  const { words } = args;
  const legs = words.indexOf('nexthop');
  const options: Values<typeof routeOptions> = {};
  let type: string | null = null;
  let destination: Prefix | 'default' | undefined;
  let encap: Encap | null = null;
  const end = legs < 0 ? words.length : legs;
  const plain: string[] = [];
  const indices: number[] = [];
  for (let i = 0; i < end; i++) {
    const text = words[i] ?? '';
    if (text === 'to' && destination === undefined) continue;
    if (destination === undefined && type === null && (TYPES as readonly string[]).includes(text)) type = text;
    else if (destination === undefined && !takesWord(words[i - 1]) && isNetwork(text)) destination = readNetwork(text) ?? readPrefix(args, text, i) ?? undefined;
    else {
      if (text === 'encap') {
        const read = readEncap(args, words, i);
        if (read === undefined) return undefined;
        ({ encap, last: i } = read);
      } else if (text === 'track_group' && !isStatic) args.report({ code: 'unknown-option', message: 'track_group only allowed for static routes', remedy: null }, i);
      else if (text === 'track_group' && knownTrackGroup(args, i + 1, words[i + 1] ?? '') === null) i++;
      else {
        plain.push(text);
        indices.push(i);
      }
    }
  }
  const at: Args = { words: plain, first: 0, place: args.place, context: args.context, name: args.name, report: (report, index = 0) => { args.report(report, indices[index] ?? 0); } };
  if (!readOptions(at, 0, routeOptions, options, { mtu: lockable, advmss: lockable, rtt: lockable, rttvar: lockable, reordering: lockable, cwnd: lockable, ssthresh: lockable, rto_min: lockable, congctl: lockable, via: (a, i) => (isFamily(a.words[i]) ? 2 : 1) }, (word) => `unknown route keyword ${word}`, indices)) return undefined;
  if (options.expires !== undefined && destination !== undefined && (destination === 'default' ? options.via?.includes(':') !== true : familyOf(destination.address) === 'inet')) {
    args.report({ code: 'invalid-value', message: 'expires is only valid for IPv6', remedy: null }, words.indexOf('expires'));
    delete options.expires;
  }
  if (destination === undefined) {
    args.report({ code: 'invalid-route', message: 'Route must have a destination', remedy: 'write: IP/LEN via IP, or default via IP' }, 0);
    return undefined;
  }
  const families = new Set([destination === 'default' ? null : familyOf(destination.address), options.via === undefined ? null : familyOf(options.via), options.src === undefined ? null : familyOf(options.src)].filter((one) => one !== null));
  if (families.size > 1) {
    args.report({ code: 'invalid-route', message: 'Cannot mix IPv4 and IPv6 addresses for route', remedy: 'give the gateway in the family of the destination' }, 0);
    return undefined;
  }
  if (options.no_track === undefined && options.protocol !== undefined && options.protocol !== 'keepalived' && options.protocol !== '18') {
    args.report({ code: 'protocol-reset', severity: 'warning', message: 'Route cannot be tracked if protocol is not RTPROT_KEEPALIVED(18), resetting protocol', remedy: 'add no_track to keep the protocol' }, words.indexOf('protocol'));
    delete options.protocol;
  }
  const decided = routeFamily(destination, options, words);
  const nexthops = readNexthops(args, end, decided);
  if (nexthops === undefined) return undefined;
  const leg = nexthops.find(({ gateway }) => gateway !== null)?.gateway ?? null;
  const family: Family = decided ?? (leg === null ? 'inet' : familyOf(leg));
  const spec = routeSpec(args, { destination, type, family, options, encap, nexthops });
  return spec === undefined ? undefined : { destination, type, family, options, spec, words, place: args.place };
}

/** Looks like a destination, its prefix right or not. */
function isNetwork(text: string): boolean {
  return readNetwork(text) !== undefined || parseIp(text.replace(/\/.*$/u, '')) !== null;
}

/** A destination cannot stand where an option waits for its value. */
function takesWord(before: string | undefined): boolean {
  return before !== undefined && before !== 'to' && Object.hasOwn(routeOptions, before) && (routeOptions as Rows)[before]?.value.bare !== true;
}
