/** A rule's words → what the kernel is asked for: numbers instead of names, every default filled in. */
import type { Family, Prefix } from '../../util/ip.ts';
import { PROTOCOL_KEEPALIVED, RULE_ACTIONS, type RuleOf } from '../../util/route.ts';
import { numberOf, realmsOf } from '../iproute-names.ts';
import type { Args, Values } from '../keyword.ts';
import { named } from './route-spec.ts';
import type { ruleOptions } from './rules.ts';

type RuleOptions = Values<typeof ruleOptions>;

/** Names of /etc/protocols that rules are made for. */
export const IP_PROTOCOLS: Readonly<Record<string, number>> = {
  ip: 0, icmp: 1, igmp: 2, ipencap: 4, tcp: 6, egp: 8, igp: 9, udp: 17, dccp: 33, ipv6: 41, rsvp: 46, gre: 47, esp: 50, ah: 51, 'ipv6-icmp': 58, eigrp: 88, ospf: 89, pim: 103,
  vrrp: 112, l2tp: 115, sctp: 132, udplite: 136, 'mpls-in-ip': 137,
};

/** undefined: a name is not known, and that was said. */
export function ruleSpec(args: Args, family: Family, options: RuleOptions, priority: number): RuleOf | undefined {
  const table = named(args, options.table, 0, (text) => numberOf(args, 'rt_tables', text), (text) => `Routing table ${text} not found for rule`);
  const realms = named(args, options.realms, null, (text) => realmsOf(args, text), (text) => `invalid realms ${text} for rule`);
  const tos = named(args, options.tos, 0, (text) => numberOf(args, 'rt_dsfield', text), (text) => `TOS value ${text} is invalid`);
  const group = named(args, options.suppress_ifgroup, null, (text) => numberOf(args, 'group', text), (text) => `suppress_group ${text} is invalid`);
  if (table === undefined || realms === undefined || tos === undefined || group === undefined) return undefined;
  if (table === 0 && options.table !== undefined) {
    args.report({ code: 'invalid-rule', message: 'Table 0 is not valid', remedy: 'name another table, as main' }, args.words.indexOf(options.table));
    return undefined;
  }
  const [mark, mask] = (options.fwmark ?? '').split('/');
  return {
    family, invert: options.not ?? false, source: network(options.from), destination: network(options.to), tos, ...action(options, table), priority,
    protocol: options.protocol ?? PROTOCOL_KEEPALIVED, mark: mark === undefined || mark === '' ? null : Number(mark), markMask: mask === undefined ? null : Number(mask), realms,
    suppressPrefixLength: options.suppress_prefixlength ?? null, suppressGroup: group, inputLink: options.dev ?? null, outputLink: options.oif ?? null,
    tunnelId: options['tunnel-id'] ?? null, users: options.uidrange ?? null, l3mdev: options.l3mdev ?? false,
    ipProtocol: options.ipproto === undefined ? null : (IP_PROTOCOLS[options.ipproto] ?? Number(options.ipproto)),
    sourcePorts: options.sport ?? null, destinationPorts: options.dport ?? null, target: options.goto ?? null,
  };
}

function action(options: RuleOptions, table: number): Pick<RuleOf, 'action' | 'table'> {
  const other = (['goto', 'nop', 'blackhole', 'unreachable', 'prohibit'] as const).find((name) => options[name] !== undefined);
  return other === undefined ? { action: RULE_ACTIONS.table, table: options.l3mdev === true ? 0 : table } : { action: RULE_ACTIONS[other], table: 0 };
}

/** null: everything. */
function network(given: Prefix | 'default' | undefined): Prefix | null {
  return given === undefined || given === 'default' ? null : given;
}
