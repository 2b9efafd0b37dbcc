/**
 * The rules that keepalived makes, part by part, as `nft list ruleset` shows them. A part is made when it is first needed; after
 * that a transition changes elements of its set only.
 */
import type { Expression, MetaKey, Verdict } from '../../codec/nft-expressions.ts';
import type { FilterOp, KeyType, SetElement } from '../../codec/nftables.ts';
import type { Family } from '../../util/ip.ts';
import type { FilterSettings } from '../../vrrp/filter.ts';

/** Sets that change; each stands for the rules that look into it. */
export type Part = 'vips' | 'vips_link_local' | 'vips_link_local_name' | 'vmac_map';

export interface FilterElement {
  readonly family: Family;
  readonly part: Part;
  readonly element: SetElement;
}

type Settings = Pick<FilterSettings, 'table' | 'priority' | 'counters'>;

/** What brings `part` into a table that has `present` already. */
export function partOps(family: Family, part: Part, present: ReadonlySet<Part>, settings: Settings): FilterOp[] {
  const table = new Builder(family, settings);
  if (present.size === 0) table.push({ op: 'add-table' });
  if (!present.has('vips') && !present.has('vmac_map')) table.base('out', 'output');
  switch (part) {
    case 'vips':
      return family === 'inet' ? addresses4(table) : addresses6(table);
    case 'vips_link_local':
      return linkLocal(table, part, 'ipv6_addr . iface_index', 'iif', 'oif');
    case 'vips_link_local_name':
      return linkLocal(table, part, 'ipv6_addr . ifname', 'iifname', 'oifname');
    case 'vmac_map':
      return family === 'inet' ? reports4(table) : reports6(table);
  }
}

/** A link-local address needs the rules that send it to its own chains. */
export function needs(part: Part): Part[] {
  return part === 'vips_link_local' || part === 'vips_link_local_name' ? ['vips', part] : [part];
}

/** All sets that an element of this part stands in. */
export function setsOf(family: Family, part: Part): { readonly set: string; readonly map: boolean }[] {
  if (part !== 'vmac_map') return [{ set: part, map: false }];
  return [{ set: 'vmac_map', map: true }, ...(family === 'inet6' ? [{ set: 'vmac_set', map: false }] : [])];
}

const IPPROTO_IGMP = 2;
const IPPROTO_ICMPV6 = 58;
const ND_ROUTER_SOLICIT = 133;
const ND_NEIGHBOR_SOLICIT = 135;
const ND_NEIGHBOR_ADVERT = 136;
const MLD2_LISTENER_REPORT = 143;
/** Offsets in the IPv4 and the IPv6 header. */
const PROTOCOL_4 = network(9, 1);
const SOURCE_4 = network(12, 4);
const DESTINATION_4 = network(16, 4);
const NEXT_HEADER_6 = network(6, 1);
const SOURCE_6 = network(8, 16);
const DESTINATION_6 = network(24, 16);
const ICMP_TYPE: Expression = { type: 'payload', base: 'transport', offset: 0, length: 1, register: 1 };

function addresses4(table: Builder): FilterOp[] {
  return table.base('in', 'input')
    .set('vips', 'ipv4_addr')
    .rule('in', [DESTINATION_4, find('vips')], 'drop')
    .rule('out', [SOURCE_4, find('vips')], 'drop').ops;
}

/** Neighbours must find the addresses, and be found. */
function addresses6(table: Builder): FilterOp[] {
  const discovery: Expression[] = [NEXT_HEADER_6, equal(IPPROTO_ICMPV6), ICMP_TYPE, find('neighbor-discovery')];
  table.base('in', 'input').chain('in_link_local').chain('out_link_local')
    .set('vips', 'ipv6_addr')
    .set('neighbor-discovery', 'icmpv6_type', { constant: true })
    .push({ op: 'add-elements', set: 'neighbor-discovery', elements: [{ key: Uint8Array.of(ND_NEIGHBOR_SOLICIT) }, { key: Uint8Array.of(ND_NEIGHBOR_ADVERT) }] });
  for (const [chain, address] of [['in', DESTINATION_6], ['out', SOURCE_6]] as const) {
    table.rule(chain, discovery, 'accept').rule(chain, [address, ...LINK_LOCAL], { goto: `${chain}_link_local` }).rule(chain, [address, find('vips')], 'drop');
  }
  return table.ops;
}

function linkLocal(table: Builder, set: Part, key: KeyType, inward: MetaKey, outward: MetaKey): FilterOp[] {
  return table.set(set, key)
    .rule('in_link_local', [DESTINATION_6, { type: 'meta', key: inward, register: 2 }, find(set)], 'drop')
    .rule('out_link_local', [SOURCE_6, { type: 'meta', key: outward, register: 2 }, find(set)], 'drop').ops;
}

/** What a macvlan reports of its groups (IGMP, MLD) leaves by the interface below it: switches would learn the virtual MAC there. */
function reports4(table: Builder): FilterOp[] {
  return table.set('vmac_map', 'iface_index', { map: true })
    .rule('out', [PROTOCOL_4, equal(IPPROTO_IGMP), DESTINATION_4, ...MACVLAN, BELOW, { type: 'dup', address: 1, link: 2 }], 'drop').ops;
}

function reports6(table: Builder): FilterOp[] {
  const icmp = (type: number): Expression[] => [{ type: 'meta', key: 'l4proto', register: 1 }, equal(IPPROTO_ICMPV6), ICMP_TYPE, equal(type)];
  return table.set('vmac_map', 'iface_index', { map: true })
    .set('vmac_set', 'iface_index')
    .rule('out', [...icmp(MLD2_LISTENER_REPORT), DESTINATION_6, ...MACVLAN, BELOW, { type: 'dup', address: 1, link: 2 }], 'drop')
    .rule('out', [...icmp(ND_ROUTER_SOLICIT), ...MACVLAN, { type: 'lookup', set: 'vmac_set', register: 2, into: null }], 'drop').ops;
}

/** fe80::/10 */
const LINK_LOCAL: readonly Expression[] = [
  { type: 'mask', register: 1, mask: Uint8Array.of(0xff, 0xc0, ...new Uint8Array(14)) },
  { type: 'equal', register: 1, value: Uint8Array.of(0xfe, 0x80, ...new Uint8Array(14)) },
];
/** The interface's kind, in the 16 bytes of an interface name, and its number. */
const MACVLAN: readonly Expression[] = [
  { type: 'meta', key: 'oifkind', register: 2 },
  { type: 'equal', register: 2, value: Uint8Array.of(...new TextEncoder().encode('macvlan'), ...new Uint8Array(9)) },
  { type: 'meta', key: 'oif', register: 2 },
];
const BELOW: Expression = { type: 'lookup', set: 'vmac_map', register: 2, into: 2 };

function network(offset: number, length: number): Expression {
  return { type: 'payload', base: 'network', offset, length, register: 1 };
}

function equal(value: number): Expression {
  return { type: 'equal', register: 1, value: Uint8Array.of(value) };
}

function find(set: string): Expression {
  return { type: 'lookup', set, register: 1, into: null };
}

type Without<T> = T extends unknown ? Omit<T, 'family' | 'table'> : never;

class Builder {
  readonly ops: FilterOp[] = [];
  readonly #family: Family;
  readonly #settings: Settings;

  constructor(family: Family, settings: Settings) {
    this.#family = family;
    this.#settings = settings;
  }

  push(op: Without<FilterOp>): this {
    this.ops.push({ ...op, family: this.#family, table: this.#settings.table });
    return this;
  }

  base(chain: string, at: 'input' | 'output'): this {
    return this.push({ op: 'add-chain', chain, hook: { at, priority: this.#settings.priority } });
  }

  chain(chain: string): this {
    return this.push({ op: 'add-chain', chain, hook: null });
  }

  set(set: string, key: KeyType, { map = false, constant = false } = {}): this {
    // The number only tells sets of one batch apart.
    return this.push({ op: 'add-set', set, key, map, constant, id: this.ops.length + 1 });
  }

  rule(chain: string, expressions: readonly Expression[], verdict: Verdict): this {
    const counter: Expression[] = this.#settings.counters ? [{ type: 'counter' }] : [];
    return this.push({ op: 'add-rule', chain, expressions: [...expressions, ...counter, { type: 'verdict', verdict }] });
  }
}
