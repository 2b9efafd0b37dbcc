/**
 * FULLNAT's source translation as an nf_tables table of its own in each family (fullnat.md 6.3). Maps and sets stand for
 * services, servers and addresses, so that a packet costs the same however many there are, and a reload changes elements:
 *
 *     map svc_tcp   VIP . port : goto lg_POOL      (svc_udp, svc_sctp; all_tcp … for services of all ports, by address alone;
 *                                                   svc_mark for marks; mid_tcp, mid_all, mid_mark for what begins in the
 *                                                   middle: connections that another director had)
 *     map pool_POOL 0 : local address, 1 : …       chain lg_POOL: snat to jhash CLIENT . port mod n seed S map @pool_POOL
 *     set rs, rs_any, lips, toa, toa_all           chains translate (of post and again), guard, input, toa
 *
 * All payloads are what the connection's first packet had (`ct original`): at postrouting IPVS has put the server's address
 * into it.
 */
import type { Expression, Register } from '../../codec/nft-expressions.ts';
import type { FilterOp, KeyType, SetElement } from '../../codec/nftables.ts';
import { NATIVE_ENDIAN } from '../../codec/netlink.ts';
import type { IpvsProtocol } from '../../codec/ipvs-values.ts';
import { ByteWriter } from '../../util/bytes.ts';
import { ip, ipToBytes, type Family } from '../../util/ip.ts';
import type { FullnatPlan, LocalPool, TranslatedService } from './plan.ts';
import { toaRules, toaStripRule } from './toa.ts';

export const FULLNAT_TABLE = 'tsk_fnat';

const PROTOCOLS: Readonly<Record<IpvsProtocol, number>> = { tcp: 6, udp: 17, sctp: 132 };
const SRCNAT = 100;
const RAW = -300;
const CT_INVALID_OR_UNTRACKED = 1 | 64;
const CT_ORIGINAL = 0;

/** The whole table, whatever stood there before: of a run that was killed, for example. */
export function buildRuleset(plan: FullnatPlan): FilterOp[] {
  const table = new Ops(plan.family);
  table.push({ op: 'add-table' }).push({ op: 'delete-table' }).push({ op: 'add-table' });
  skeleton(table);
  for (const pool of plan.pools) addPool(table, pool, plan.seed);
  for (const [set, { elements }] of content(plan)) table.elements('add-elements', set, [...elements.values()]);
  return table.ops;
}

/** What makes the table of `old` that of `now`: elements, and the chain of a pool whose addresses changed. One transaction; connections keep what they have. */
export function changeRuleset(old: FullnatPlan, now: FullnatPlan): FilterOp[] {
  const table = new Ops(now.family);
  const before = new Map(old.pools.map((pool) => [pool.name, pool]));
  const after = new Map(now.pools.map((pool) => [pool.name, pool]));
  for (const pool of now.pools) {
    const known = before.get(pool.name);
    if (known === undefined) addPool(table, pool, now.seed);
    else if (known.addresses.join() !== pool.addresses.join() || old.seed !== now.seed) fillPool(table.push({ op: 'flush-chain', chain: chainOf(pool.name) }).push({ op: 'flush-set', set: mapOf(pool.name) }), pool, now.seed);
  }
  const were = content(old);
  for (const [set, { elements }] of content(now)) {
    const there = were.get(set)?.elements ?? new Map<string, SetElement>();
    table.elements('delete-elements', set, [...there].filter(([key]) => !elements.has(key)).map(([, { key }]) => ({ key })));
    table.elements('add-elements', set, [...elements].filter(([key]) => !there.has(key)).map(([, element]) => element));
  }
  for (const pool of old.pools.filter(({ name }) => !after.has(name))) {
    table.push({ op: 'flush-chain', chain: chainOf(pool.name) }).push({ op: 'delete-chain', chain: chainOf(pool.name) }).push({ op: 'delete-set', set: mapOf(pool.name) });
  }
  return table.ops;
}

/** Makes a table of every kind of object and rule that is ours, under another name, and takes it away: nobody sees it, and a kernel that lacks something refuses it. */
export function probeRuleset(family: Family): FilterOp[] {
  const address = ip(family === 'inet' ? '192.0.2.1' : '2001:db8::1');
  const plan: FullnatPlan = { family, seed: 1, pools: [{ name: 'probe', addresses: [address] }], services: [], servers: [] };
  const ops = [...buildRuleset(plan), ...removeRuleset(family)];
  return ops.map((op) => ({ ...op, table: `${FULLNAT_TABLE}_probe` }));
}

/** Takes the table away. */
export function removeRuleset(family: Family): FilterOp[] {
  return [{ op: 'delete-table', family, table: FULLNAT_TABLE }];
}

/** What every table has, before the first service. */
function skeleton(table: Ops): void {
  const address = table.address;
  for (const protocol of Object.keys(PROTOCOLS)) table.set(`svc_${protocol}`, `${address} . inet_service`, 'verdict').set(`all_${protocol}`, address, 'verdict');
  table.set('mid_tcp', `${address} . inet_service`, 'verdict').set('mid_all', address, 'verdict').set('mid_mark', 'mark', 'verdict');
  table.set('svc_mark', 'mark', 'verdict').set('lips', address).set('rs', `inet_proto . ${address} . inet_service`).set('rs_any', address);
  table.push({ op: 'add-chain', chain: 'translate', hook: null });
  const middle = [...original(table), meta('l4proto', 8), equal(8, PROTOCOLS.tcp), ...WITHOUT_SYN];
  const target = originalTarget(table);
  table.rule('translate', [...middle, ...target, { type: 'dispatch', map: 'mid_tcp', register: 8 }]);
  table.rule('translate', [...middle, target[0], { type: 'dispatch', map: 'mid_all', register: 8 }]);
  table.rule('translate', [...middle, meta('mark', 8), { type: 'dispatch', map: 'mid_mark', register: 8 }]);
  for (const [protocol, number] of Object.entries(PROTOCOLS)) {
    const first = [...original(table), meta('l4proto', 8), equal(8, number)];
    table.rule('translate', [...first, ...target, { type: 'dispatch', map: `svc_${protocol}`, register: 8 }]);
    table.rule('translate', [...first, target[0], { type: 'dispatch', map: `all_${protocol}`, register: 8 }]);
  }
  table.rule('translate', [...original(table), meta('mark', 8), { type: 'dispatch', map: 'svc_mark', register: 8 }]);
  // Twice: of a packet that is under way while a transaction is made, rules are the old ones and elements may be the new ones, and
  // what no chain translates is never translated. The second chain looks again.
  for (const [i, chain] of ['post', 'again'].entries()) {
    table.push({ op: 'add-chain', chain, hook: { type: 'nat', at: 'postrouting', priority: SRCNAT + i } }).rule(chain, [{ type: 'verdict', verdict: { goto: 'translate' } }]);
  }
  // What conntrack calls invalid is not translated: a late packet would show the client's address to the server.
  const untranslated: Expression[] = [
    { type: 'connection', key: 'state', family: table.family, register: 8 }, { type: 'mask', register: 8, mask: native(CT_INVALID_OR_UNTRACKED) }, { type: 'not-equal', register: 8, value: native(0) },
  ];
  table.push({ op: 'add-chain', chain: 'guard', hook: { at: 'postrouting', priority: SRCNAT + 1 } })
    .rule('guard', [...untranslated, ...socket(table, 'destination'), find('rs'), ...DROP])
    .rule('guard', [...untranslated, table.field('destination', 8), find('rs_any'), ...DROP]);
  // A server's packet without a connection must not meet this machine's TCP, which would reset what another director may know.
  table.push({ op: 'add-chain', chain: 'input', hook: { at: 'input', priority: -1 } })
    .rule('input', [...original(table), table.field('destination', 8), find('lips'), ...socket(table, 'source'), find('rs'), ...DROP])
    .rule('input', [...original(table), table.field('destination', 8), find('lips'), table.field('source', 8), find('rs_any'), ...DROP]);
  if (table.family === 'inet') {
    table.set('toa', 'ipv4_addr . inet_service').set('toa_all', 'ipv4_addr').push({ op: 'add-chain', chain: 'toa', hook: { at: 'prerouting', priority: RAW } });
    for (const rule of [...toaRules('toa'), ...toaRules('toa_all', 'address')]) table.rule('toa', rule);
    table.rule('guard', toaStripRule(['toa', 'toa_all'], original(table), [...socket(table, 'destination'), find('rs')], target))
      .rule('guard', toaStripRule(['toa', 'toa_all'], original(table), [table.field('destination', 8), find('rs_any')], target));
  }
}

function addPool(table: Ops, pool: LocalPool, seed: number): void {
  table.set(mapOf(pool.name), 'mark', table.address).push({ op: 'add-chain', chain: chainOf(pool.name), hook: null });
  fillPool(table, pool, seed);
}

function fillPool(table: Ops, pool: LocalPool, seed: number): void {
  table.elements('add-elements', mapOf(pool.name), pool.addresses.map((address, i) => ({ key: native(i), data: ipToBytes(address) })));
  const port: Register = table.family === 'inet' ? 9 : 12;
  table.rule(chainOf(pool.name), [
    table.field('source', 8), { type: 'payload', base: 'transport', offset: 0, length: 2, register: port },
    { type: 'hash', from: 8, length: table.family === 'inet' ? 8 : 20, modulus: pool.addresses.length, seed, into: 8 },
    { type: 'lookup', set: mapOf(pool.name), register: 8, into: 1 }, { type: 'counter' }, { type: 'snat', family: table.family, address: 1, port: null },
  ]);
}

/** All elements but those of pools, by set and key. */
function content({ family, pools, services, servers }: FullnatPlan): Map<string, { readonly elements: Map<string, SetElement> }> {
  const sets = new Map<string, { readonly elements: Map<string, SetElement> }>();
  const put = (set: string, key: Uint8Array, pool: string | null = null): void => {
    const all = sets.get(set) ?? { elements: new Map<string, SetElement>() };
    sets.set(set, all);
    all.elements.set(`${key.join('.')} ${pool ?? ''}`, pool === null ? { key } : { key, data: { verdict: { goto: chainOf(pool) } } });
  };
  // Every set stands here, so that one that became empty is emptied.
  const names = [...Object.keys(PROTOCOLS).flatMap((protocol) => [`svc_${protocol}`, `all_${protocol}`]), 'svc_mark', 'mid_tcp', 'mid_all', 'mid_mark', 'lips', 'rs', 'rs_any', ...(family === 'inet' ? ['toa', 'toa_all'] : [])];
  for (const set of names) sets.set(set, { elements: new Map() });
  for (const service of services) {
    const { set, key } = serviceElement(service);
    put(set, key, service.pool);
    const middle = MIDDLE[set];
    if (service.takeover !== undefined && middle !== undefined) put(middle, key, service.takeover);
    if (service.toa && family === 'inet' && service.id.kind === 'address' && service.id.protocol === 'tcp') put(service.id.port === 0 ? 'toa_all' : 'toa', key);
  }
  for (const { addresses } of pools) for (const address of addresses) put('lips', ipToBytes(address));
  for (const { protocol, address, port } of servers) {
    if (port === 0) put('rs_any', ipToBytes(address));
    else put('rs', concat(Uint8Array.of(PROTOCOLS[protocol], 0, 0, 0), ipToBytes(address), portWord(port)));
  }
  return sets;
}

/** Where a service stands besides for what begins in the middle: TCP, and marks. */
const MIDDLE: Readonly<Record<string, string | undefined>> = { svc_tcp: 'mid_tcp', all_tcp: 'mid_all', svc_mark: 'mid_mark' };

function serviceElement({ id }: TranslatedService): { set: string; key: Uint8Array } {
  if (id.kind === 'fwmark') return { set: 'svc_mark', key: native(id.mark) };
  if (id.port === 0) return { set: `all_${id.protocol}`, key: ipToBytes(id.address) };
  return { set: `svc_${id.protocol}`, key: concat(ipToBytes(id.address), portWord(id.port)) };
}

function original({ family }: Ops): Expression[] {
  return [{ type: 'connection', key: 'direction', family, register: 8 }, equal(8, CT_ORIGINAL)];
}

/** Address and port that the client asked for, from register 8 on. */
function originalTarget({ family }: Ops): [address: Expression, port: Expression] {
  return [
    { type: 'connection', key: 'original daddr', family, register: family === 'inet' ? 8 : 1 },
    { type: 'connection', key: 'original proto-dst', family, register: family === 'inet' ? 9 : 12 },
  ];
}

/** Protocol, address and port of the packet as it is, from register 8 on. */
function socket(table: Ops, side: 'source' | 'destination'): Expression[] {
  const port: Register = table.family === 'inet' ? 10 : 13;
  return [meta('l4proto', 8), table.field(side, 9), { type: 'payload', base: 'transport', offset: side === 'source' ? 0 : 2, length: 2, register: port }];
}

const DROP: readonly Expression[] = [{ type: 'counter' }, { type: 'verdict', verdict: 'drop' }];

/** The flags of TCP have no SYN. */
const WITHOUT_SYN: readonly Expression[] = [
  { type: 'payload', base: 'transport', offset: 13, length: 1, register: 8 }, { type: 'mask', register: 8, mask: Uint8Array.of(2) }, { type: 'equal', register: 8, value: Uint8Array.of(0) },
];

function find(set: string): Expression {
  return { type: 'lookup', set, register: 8, into: null };
}

function meta(key: 'l4proto' | 'mark', register: Register): Expression {
  return { type: 'meta', key, register };
}

function equal(register: Register, value: number): Expression {
  return { type: 'equal', register, value: Uint8Array.of(value) };
}

/** A name that nft(8) can read back, whatever the group is called. */
function safe(name: string): string {
  return /^[A-Za-z][A-Za-z0-9_]*$/u.test(name) ? `_${name}` : `x_${[...new TextEncoder().encode(name)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

function chainOf(pool: string): string {
  return `lg${safe(pool)}`;
}

function mapOf(pool: string): string {
  return `pool${safe(pool)}`;
}

function native(value: number): Uint8Array {
  return new ByteWriter(NATIVE_ENDIAN, 4).u32(value >>> 0).finish();
}

/** A port in a concatenation has four bytes. */
function portWord(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff, 0, 0);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

type OpWithoutTable<T> = T extends unknown ? Omit<T, 'family' | 'table'> : never;

class Ops {
  readonly family: Family;
  readonly ops: FilterOp[] = [];
  #sets = 0;

  constructor(family: Family) {
    this.family = family;
  }

  get address(): 'ipv4_addr' | 'ipv6_addr' {
    return this.family === 'inet' ? 'ipv4_addr' : 'ipv6_addr';
  }

  push(op: OpWithoutTable<FilterOp>): this {
    this.ops.push({ ...op, family: this.family, table: FULLNAT_TABLE });
    return this;
  }

  rule(chain: string, expressions: readonly Expression[]): this {
    return this.push({ op: 'add-rule', chain, expressions });
  }

  set(set: string, key: KeyType, map: false | 'verdict' | KeyType = false): this {
    return this.push({ op: 'add-set', set, key, map, constant: false, id: ++this.#sets });
  }

  elements(op: 'add-elements' | 'delete-elements', set: string, elements: readonly SetElement[]): this {
    return elements.length === 0 ? this : this.push({ op, set, elements });
  }

  /** An address of the packet as it is. */
  field(side: 'source' | 'destination', register: Register): Expression {
    const [offset, length] = this.family === 'inet' ? [side === 'source' ? 12 : 16, 4] : [side === 'source' ? 8 : 24, 16];
    return { type: 'payload', base: 'network', offset, length, register };
  }
}

