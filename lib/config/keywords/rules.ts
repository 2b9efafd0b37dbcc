/** Entries of virtual_rules and static_rules, in the manner of ip-rule(8) (reference 3.8). */
import { keyword, type Args, type Rows, type ValueType, type Values } from '../keyword.ts';
import type { Place } from '../source.ts';
import { digitsOnly, FLAG, integer, UINT_MAX, word } from '../values.ts';
import { familyOf, type Family, type Prefix } from '../../util/ip.ts';
import type { RuleOf } from '../../util/route.ts';
import { IP_PROTOCOLS, ruleSpec } from './rule-spec.ts';
import { readOptions } from './options.ts';
import { readNetwork, routeLink } from './routes.ts';

const number = integer({ min: 0, max: UINT_MAX });
const network: ValueType<Prefix | 'default'> = { syntax: 'IP[/LEN]|default|any|all', schema: { type: 'string' }, read: readRuleNetwork };

function readRuleNetwork(args: Args): Prefix | 'default' | undefined {
  const text = args.words[args.first] ?? '';
  const found = readNetwork(text);
  if (found === undefined) args.report({ code: 'invalid-address', severity: 'note', message: `VRRP parsed invalid IP ${text}. skipping IP...` });
  return found;
}

/** `A-B`; one number alone is refused, as in keepalived 2.4.3. */
function range(max: number): ValueType<{ readonly from: number; readonly to: number }> {
  return {
    syntax: 'A-B',
    range: `0..${String(max)}`,
    schema: { type: 'string' },
    read: ({ words, first }) => {
      const match = /^(\d+)-(\d+)$/u.exec(words[first] ?? '');
      if (match === null) return undefined;
      const [from, to] = [Number(match[1]), Number(match[2])];
      return from <= to && to <= max ? { from, to } : undefined;
    },
  };
}

export const ruleOptions = {
  inet: keyword(word('WORD'), 'IPv4; takes the word after it away, as keepalived does'),
  inet6: keyword(word('WORD'), 'IPv6; takes the word after it away, as keepalived does'),
  from: keyword(network, 'source', { default: 'any', invalid: 'Invalid rule from address {word}' }),
  to: keyword(network, 'destination', { default: 'any', invalid: 'Invalid rule to address {word}' }),
  table: keyword(word('NAME|N'), 'table to look up'),
  lookup: keyword(word('NAME|N'), 'the same as table', { alias: 'table' }),
  not: keyword(FLAG, 'the opposite of the selector'),
  preference: keyword(number, 'priority of the rule', { default: 'counted down, with an error', invalid: 'Invalid rule preference {word} specified' }),
  order: keyword(number, 'the same as preference', { alias: 'preference', invalid: 'Invalid rule preference {word} specified' }),
  priority: keyword(number, 'the same as preference', { alias: 'preference', invalid: 'Invalid rule preference {word} specified' }),
  tos: keyword(word('N|NAME'), 'type of service', { default: 'any' }),
  dsfield: keyword(word('N|NAME'), 'the same as tos', { alias: 'tos' }),
  fwmark: keyword({ ...word('N[/MASK]'), read: ({ words, first }) => (/^(0x[0-9a-f]+|\d+)(\/(0x[0-9a-f]+|\d+))?$/iu.test(words[first] ?? '') ? words[first] : undefined) }, 'mark', { default: 'any', invalid: 'Invalid rule fwmark {word} specified' }),
  realms: keyword(word('A[/B]'), 'routing realms'),
  suppress_prefixlength: keyword(number, 'refuse results no more specific than this'),
  sup_pl: keyword(number, 'short for suppress_prefixlength', { alias: 'suppress_prefixlength' }),
  suppress_ifgroup: keyword(word('N|NAME'), 'refuse results through an interface group'),
  sup_group: keyword(word('N|NAME'), 'short for suppress_ifgroup', { alias: 'suppress_ifgroup' }),
  dev: keyword(routeLink('rule'), 'input interface', { default: 'any' }),
  iif: keyword(routeLink('rule'), 'the same as dev', { alias: 'dev' }),
  oif: keyword(routeLink('rule'), 'output interface', { default: 'any' }),
  'tunnel-id': keyword(number, 'tunnel id', { default: 'any' }),
  uidrange: keyword(range(UINT_MAX), 'users', { default: 'any', invalid: 'Invalid uidrange {word} specified' }),
  l3mdev: keyword(FLAG, 'the table of the VRF device', { default: 'off' }),
  protocol: keyword(integer({ min: 0, max: 255 }), 'originating protocol; kept only with no_track', { default: 'keepalived (18)', invalid: 'invalid rule protocol {word}' }),
  ipproto: keyword({ ...word('NAME|N'), read: ({ words, first }) => (Object.hasOwn(IP_PROTOCOLS, words[first] ?? '') || (digitsOnly(words[first] ?? '') >= 0 && digitsOnly(words[first] ?? '') <= 255) ? words[first] : undefined) }, 'IP protocol', { default: 'any', invalid: 'Invalid ipproto {word}' }),
  sport: keyword(range(65535), 'source ports', { default: 'any', invalid: 'invalid sport range {word}' }),
  dport: keyword(range(65535), 'destination ports', { default: 'any', invalid: 'invalid dport range {word}' }),
  type: keyword(word('goto N|nop|blackhole|prohibit|unreachable'), 'action; the word type is optional', { default: 'table lookup' }),
  goto: keyword(number, 'go on at this rule, which must come later'),
  nop: keyword(FLAG, 'match and do nothing'),
  blackhole: keyword(FLAG, 'drop without a word'),
  prohibit: keyword(FLAG, 'refuse: prohibited'),
  unreachable: keyword(FLAG, 'refuse: unreachable'),
  no_track: keyword(FLAG, 'do not put the rule back when somebody removes it', { default: 'tracked' }),
  track_group: keyword(word('NAME'), 'follow the state of a track_group (static_rules only)'),
} satisfies Rows;

const ACTIONS = ['goto', 'nop', 'blackhole', 'prohibit', 'unreachable'] as const;

export interface RuleEntry {
  readonly family: Family;
  readonly options: Values<typeof ruleOptions>;
  /** What the kernel is asked for. */
  readonly spec: RuleOf;
  readonly words: readonly string[];
  readonly place: Place;
}

export function ruleEntry(isStatic: boolean): ValueType<RuleEntry> {
  return {
    syntax: '[not] [from IP[/LEN]] [to IP[/LEN]] [table T] [preference N] [OPTION…]',
    schema: { type: 'string' },
    read: (args) => readRule(args, isStatic),
  };
}

function readRule(args: Args, isStatic: boolean): RuleEntry | undefined {
  const words = args.words.filter((text, i) => !(text === 'type' && (ACTIONS as readonly string[]).includes(args.words[i + 1] ?? '')));
  const options: Values<typeof ruleOptions> = {};
  const at: Args = { words, first: 0, place: args.place, context: args.context, name: args.name, report: (report, index = 0) => { args.report(report, index); } };
  if (!readOptions(at, 0, ruleOptions, options, {}, (word) => `Unknown rule option ${word}`)) return undefined;
  if (!isStatic) delete options.track_group;
  if (options.table === undefined && options.l3mdev === undefined && !ACTIONS.some((action) => options[action] !== undefined)) {
    args.report({ code: 'invalid-rule', message: 'No action specified for rule - ignoring', remedy: 'write: table T, goto N, blackhole, prohibit or unreachable' }, 0);
    return undefined;
  }
  let preference = options.preference ?? 0;
  if (options.preference === undefined) {
    const number = 16384 - Number(args.context.switches.get('rules') ?? 0);
    args.context.switches.set('rules', 16384 - number + 1);
    args.report({ code: 'rule-without-preference', severity: 'warning', message: `Rule has no preference specified - setting to ${String(number)}. This is probably not what you want.`, remedy: 'write: preference N' }, 0);
    preference = number;
  } else if (options.goto !== undefined && options.goto <= options.preference) {
    args.report({ code: 'invalid-rule', message: `Invalid rule - preference ${String(options.preference)} >= goto target ${String(options.goto)}`, remedy: 'a rule may only go on to a later one' }, args.words.indexOf('goto'));
    return undefined;
  }
  if (options.no_track === undefined && options.protocol !== undefined && options.protocol !== 18) {
    args.report({ code: 'protocol-reset', severity: 'warning', message: 'Rule cannot be tracked if protocol is not RTPROT_KEEPALIVED(18), resetting protocol', remedy: 'add no_track to keep the protocol' }, args.words.indexOf('protocol'));
    delete options.protocol;
  }
  const families = new Set([options.from, options.to].flatMap((network_) => (network_ === undefined || network_ === 'default' ? [] : [familyOf(network_.address)])));
  if (families.size > 1) {
    args.report({ code: 'invalid-rule', message: 'rule specification has mixed IPv4 and IPv6', remedy: 'both addresses need the same family' }, 0);
    return undefined;
  }
  const one = options.from === undefined || options.from === 'default' ? options.to : options.from;
  const family: Family = one === undefined || one === 'default' ? (options.inet6 === undefined ? 'inet' : 'inet6') : familyOf(one.address);
  const spec = ruleSpec(args, family, options, preference);
  return spec === undefined ? undefined : { family, options, spec, words: args.words, place: args.place };
}
