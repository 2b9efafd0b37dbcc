/**
 * `nftables_ipvs`: packets to any address of a virtual_server_group get one mark for each protocol, so that IPVS has one service
 * for each protocol and family, however many addresses there are (reference 6.1).
 */
import type { Expression, Register } from '../codec/nft-expressions.ts';
import type { FilterOp, SetElement } from '../codec/nftables.ts';
import { NATIVE_ENDIAN } from '../codec/netlink.ts';
import type { GroupEntry, IpvsConfig, Protocol, VirtualServer } from '../config/model-ipvs.ts';
import { ByteWriter, concat } from '../util/bytes.ts';
import { eachAddress, familyOf, ipToBytes, type Family } from '../util/ip.ts';

export interface MarkSettings {
  readonly table: string;
  readonly priority: number;
  /** The first mark that is given out. */
  readonly first: number;
}

/** `GROUP tcp` → mark. */
export type GroupMarks = ReadonlyMap<string, number>;

type Addresses = GroupEntry & { readonly kind: 'addresses' };

const PROTOCOLS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** A mark for each group and protocol that is used; those of before keep theirs, and none is taken that the configuration names. */
export function giveMarks(ipvs: IpvsConfig, first: number, before: GroupMarks): GroupMarks {
  const keys = new Set(ipvs.virtualServers.filter((service) => foldedEntries(service, ipvs).length > 0).map(markKey));
  const kept = new Map([...before].filter(([key]) => keys.has(key)));
  const taken = new Set([...kept.values(), ...namedMarks(ipvs)]);
  let next = first;
  for (const key of keys) {
    if (kept.has(key)) continue;
    while (taken.has(next)) next++;
    kept.set(key, next);
    taken.add(next);
  }
  return kept;
}

/** The same configuration, with marks in the place of the groups' addresses. */
export function withMarks(ipvs: IpvsConfig, marks: GroupMarks): IpvsConfig {
  const virtualServers = ipvs.virtualServers.map((service): VirtualServer => {
    const mark = marks.get(markKey(service));
    const entries = foldedEntries(service, ipvs);
    if (mark === undefined || entries.length === 0) return service;
    return { ...service, groupMarks: [...new Set(entries.map(({ first }) => familyOf(first)))].map((family) => ({ mark, family })) };
  });
  return { ...ipvs, virtualServers };
}

/**
 * The whole table of a family, in the place of one of that name; nothing where no address of the family has a mark. An entry
 * without a port counts for what no other entry is for:
 *
 *     map tcp_map { ipv4_addr . inet_service : mark }       map tcp_any_map { ipv4_addr : mark }
 *
 * A packet that is under way while a table takes another's place may find both empty. It would reach this machine's own TCP,
 * which resets its connection: a second chain looks again at what has no mark,
 * by the same rules from the last to the first.
 */
export function markRuleset(ipvs: IpvsConfig, marks: GroupMarks, family: Family, { table, priority }: MarkSettings): FilterOp[] {
  const maps = mapsOf(ipvs, marks, family);
  if (maps.size === 0) return [];
  const address = family === 'inet' ? 'ipv4_addr' as const : 'ipv6_addr' as const;
  const at = { family, table };
  const base: FilterOp[] = [{ op: 'add-table', ...at }, { op: 'delete-table', ...at }, { op: 'add-table', ...at }, { op: 'add-chain', ...at, chain: 'prerouting', hook: { at: 'prerouting', priority } }, { op: 'add-chain', ...at, chain: 'again', hook: { at: 'prerouting', priority: priority + 1 } }];
  return [...base, ...[...maps.values()].flatMap(({ name, protocol, ported, elements }, i): FilterOp[] => [
    { op: 'add-set', ...at, set: name, key: ported ? `${address} . inet_service` : address, map: 'mark', constant: false, id: i + 1 },
    { op: 'add-elements', ...at, set: name, elements: [...elements.values()] },
    { op: 'add-rule', ...at, chain: 'prerouting', expressions: marking(family, name, protocol, ported) },
  ]), ...[...maps.values()].reverse().map(({ name, protocol, ported }): FilterOp => (
    { op: 'add-rule', ...at, chain: 'again', expressions: [...UNMARKED, ...marking(family, name, protocol, ported)] }
  ))];
}

interface MarkMap {
  readonly name: string;
  readonly protocol: Protocol;
  readonly ported: boolean;
  /** By key: what two services share stands there once. */
  readonly elements: Map<string, SetElement>;
}

/** Those without a port first: the rule of the others comes later, and has the last word. */
function mapsOf(ipvs: IpvsConfig, marks: GroupMarks, family: Family): Map<string, MarkMap> {
  const maps = new Map<string, MarkMap>();
  for (const ported of [false, true]) {
    for (const service of ipvs.virtualServers) {
      const mark = marks.get(markKey(service));
      const protocol = protocolOf(service);
      for (const { first, last, port } of foldedEntries(service, ipvs)) {
        if (mark === undefined || familyOf(first) !== family || (port !== 0) !== ported) continue;
        const name = ported ? `${protocol}_map` : `${protocol}_any_map`;
        const map: MarkMap = maps.get(name) ?? { name, protocol, ported, elements: new Map() };
        maps.set(name, map);
        for (const address of eachAddress(first, last)) {
          const key = ported ? concat(ipToBytes(address), Uint8Array.of(port >> 8, port & 0xff, 0, 0)) : ipToBytes(address);
          const text = `${address} ${port}`;
          if (!map.elements.has(text)) map.elements.set(text, { key, data: new ByteWriter(NATIVE_ENDIAN, 4).u32(mark).finish() });
        }
      }
    }
  }
  return maps;
}

const UNMARKED: readonly Expression[] = [{ type: 'meta', key: 'mark', register: 8 }, { type: 'equal', register: 8, value: new Uint8Array(4) }];

/** meta mark set (ip daddr . th dport) map @NAME, for one protocol. */
function marking(family: Family, name: string, protocol: Protocol, ported: boolean): Expression[] {
  const [offset, length, port]: [number, number, Register] = family === 'inet' ? [16, 4, 9] : [24, 16, 12];
  const dport: Expression[] = ported ? [{ type: 'payload', base: 'transport', offset: 2, length: 2, register: port }] : [];
  return [
    { type: 'meta', key: 'l4proto', register: 8 }, { type: 'equal', register: 8, value: Uint8Array.of(PROTOCOLS[protocol]) },
    { type: 'payload', base: 'network', offset, length, register: 8 }, ...dport,
    { type: 'lookup', set: name, register: 8, into: 8 }, { type: 'set-mark', register: 8 },
  ];
}

/** The addresses that get a mark. A service with FULLNAT keeps them: patched kernels know local addresses of addresses only. */
function foldedEntries({ key, realServers, sorryServer }: VirtualServer, { groups }: IpvsConfig): Addresses[] {
  if (key.kind !== 'group' || [...realServers, ...(sorryServer === null ? [] : [sorryServer])].some(({ forward }) => forward.method === 'FNAT')) return [];
  return (groups.find(({ name }) => name === key.name)?.entries ?? []).filter((entry) => entry.kind === 'addresses');
}

function namedMarks({ virtualServers, groups }: IpvsConfig): number[] {
  return [...virtualServers.flatMap(({ key }) => (key.kind === 'fwmark' ? [key.mark] : [])), ...groups.flatMap(({ entries }) => entries.flatMap((entry) => (entry.kind === 'fwmark' ? [entry.mark] : [])))];
}

function markKey(service: VirtualServer): string {
  return `${service.key.kind === 'group' ? service.key.name : ''} ${protocolOf(service)}`;
}

function protocolOf({ protocol }: VirtualServer): Protocol {
  return protocol ?? 'udp';
}
