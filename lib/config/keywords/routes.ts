/** Entries of virtual_routes and static_routes, in the manner of ip-route(8) (reference 3.8). */
import { keyword, type Args, type Rows, type ValueType, type Values } from '../keyword.ts';
import type { Place } from '../source.ts';
import { address, choice, FLAG, integer, UINT_MAX, word } from '../values.ts';
import { familyOf, parseIp, parsePrefix, type Family, type IpAddress, type Prefix } from '../../util/ip.ts';
import { at_, readOptions } from './options.ts';

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
      if (match === null) return undefined;
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

const lockable = (args: Args, index: number): number => (args.words[index] === 'lock' ? 2 : 1);
const invalid = (what: string): { readonly invalid: string } => ({ invalid: `Invalid ${what} {word} specified for route` });

export const routeOptions = {
  inet: keyword(word('WORD'), 'IPv4; takes the word after it away, as keepalived does'),
  inet6: keyword(word('WORD'), 'IPv6; takes the word after it away, as keepalived does'),
  src: keyword(address(), 'preferred source address', { invalid: 'invalid route address {word}' }),
  from: keyword(prefix, 'source prefix of an IPv6 route', { invalid: 'invalid route source {word}' }),
  to: keyword(word('[to] [TYPE] IP[/LEN]|default|any|all|default6'), 'destination; the word to is optional, TYPE is unicast, local, broadcast, …'),
  via: keyword(gateway(), 'gateway', { invalid: 'invalid route gateway {word}' }),
  gw: keyword(gateway(), 'deprecated spelling of via', { alias: 'via', invalid: 'invalid route gateway {word}' }),
  dev: keyword(word('IF', 'interface'), 'output interface'),
  oif: keyword(word('IF', 'interface'), 'the same as dev', { alias: 'dev' }),
  table: keyword(word('NAME|N'), 'routing table', { default: 'main' }),
  protocol: keyword(word('NAME|N'), 'originating protocol; kept only with no_track', { default: 'keepalived (18)' }),
  scope: keyword(word('NAME|N'), 'scope', { default: 'universe; link for a direct route' }),
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
  quickack: keyword(integer({ min: 0, max: 1 }), 'quick acknowledgements', invalid('quickack')),
  congctl: keyword(word('[lock] NAME'), 'congestion control'),
  pref: keyword(choice(['low', 'medium', 'high', '0', '1', '3']), 'IPv6 router preference', { default: 'medium', ...invalid('pref') }),
  'ttl-propagate': keyword(choice(['enabled', 'disabled']), 'MPLS TTL propagation', invalid('ttl-propagate')),
  fastopen_no_cookie: keyword(integer({ min: 0, max: 1 }), 'TCP fast open without a cookie', invalid('fastopen_no_cookie')),
  nexthop: keyword(word('via IP [dev IF] [weight N] …'), 'a leg of a multipath route; must come last'),
  add: keyword(FLAG, 'fail when the route exists', { default: 'replace' }),
  prepend: keyword(FLAG, 'put it before routes like it', { default: 'replace' }),
  append: keyword(FLAG, 'put it behind routes like it', { default: 'replace' }),
  or: keyword(word('IP'), 'deprecated second gateway'),
  as: keyword(word('[to] ADDRESS'), 'MPLS only; read and ignored'),
  vrf: keyword(word('IF', 'interface'), 'the table of this VRF'),
  no_track: keyword(FLAG, 'do not put the route back when somebody removes it', { default: 'tracked' }),
  track_group: keyword(word('NAME'), 'follow the state of a track_group (static_routes only)'),
} satisfies Rows;

function gateway(): ValueType<IpAddress> {
  return {
    syntax: '[inet|inet6] IP',
    schema: { type: 'string' },
    read: (args) => parseIp(args.words[args.first + (isFamily(args.words[args.first]) ? 1 : 0)] ?? '') ?? undefined,
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
  /** Words of each `nexthop` leg. */
  readonly nexthops: readonly (readonly string[])[];
  /** The line as words, for the kernel side and for other forms. */
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
  const end = legs < 0 ? words.length : legs;
  const plain: string[] = [];
  const indices: number[] = [];
  for (let i = 0; i < end; i++) {
    const text = words[i] ?? '';
    if (text === 'to' && destination === undefined) continue;
    if (destination === undefined && type === null && (TYPES as readonly string[]).includes(text)) type = text;
    else if (destination === undefined && readNetwork(text) !== undefined && !takesWord(words[i - 1])) destination = readNetwork(text);
    else {
      if (text === 'encap') i = skipEncap(words, i, end);
      else if (text === 'track_group' && !isStatic) args.report({ code: 'unknown-option', message: 'track_group only allowed for static routes', remedy: null }, i);
      else {
        plain.push(text);
        indices.push(i);
      }
    }
  }
  const at: Args = { ...at_(args, 0), words: plain, report: (report, index = 0) => { args.report(report, indices[index] ?? 0); } };
  if (!readOptions(at, 0, routeOptions, options, { mtu: lockable, advmss: lockable, rtt: lockable, rttvar: lockable, reordering: lockable, cwnd: lockable, ssthresh: lockable, rto_min: lockable, congctl: lockable, via: (a, i) => (isFamily(a.words[i]) ? 2 : 1) }, (word) => `unknown route keyword ${word}`)) return undefined;
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
  const family: Family = destination === 'default' ? (words.includes('default6') ? 'inet6' : options.via !== undefined ? (options.via.includes(':') ? 'inet6' : 'inet') : 'inet') : familyOf(destination.address);
  return { destination, type, family, options, nexthops: splitLegs(words.slice(end)), words, place: args.place };
}

/** A destination cannot stand where an option waits for its value. */
function takesWord(before: string | undefined): boolean {
  return before !== undefined && before !== 'to' && Object.hasOwn(routeOptions, before) && (routeOptions as Rows)[before]?.value.bare !== true;
}

/** `encap KIND` and its own words, up to the next route word. */
function skipEncap(words: readonly string[], from: number, end: number): number {
  const kind = words[from + 1];
  let i = from + 1;
  if (kind === 'mpls' || kind === 'ila') return i + 1;
  const own = ['id', 'dst', 'src', 'tos', 'tc', 'ttl', 'hoplimit', 'flags'];
  while (i + 2 < end && own.includes(words[i + 1] ?? '')) i += 2;
  return i;
}

function splitLegs(words: readonly string[]): string[][] {
  const legs: string[][] = [];
  for (const text of words) {
    if (text === 'nexthop') legs.push([]);
    else legs.at(-1)?.push(text);
  }
  return legs;
}
