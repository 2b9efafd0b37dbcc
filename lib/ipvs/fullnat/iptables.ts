/**
 * FULLNAT's source translation as rules of iptables (fullnat.md 6.4), for kernels without nf_tables. All of it is in chains of
 * our own, each reached by one rule of a chain that every table has:
 *
 *     nat POSTROUTING      of IPVS, masqueraded, from the client   TSK-FNAT: service → TSK-FNAT-Pn: hash → SNAT
 *     mangle POSTROUTING   what conntrack does not follow          TSK-FNAT: to a real server: dropped
 *     filter INPUT         without a connection                    TSK-FNAT: to a local address, from a real server: dropped
 *
 * A packet of a connection that is known meets these three rules and no other, however many services there are. The first one
 * of a connection looks for its service in a tree of chains over addresses, then ports, and for its local address in one over
 * the hash.
 */
import { familyOf, ipFromBytes, ipToBytes, maxPrefix, type Family, type IpAddress } from '../../util/ip.ts';
import { hashBelow } from './address-hash.ts';
import type { FullnatPlan, GuardedServer, LocalPool, TranslatedService } from './plan.ts';

/** Every chain of ours is called so, or so and more. */
export const FULLNAT_CHAIN = 'TSK-FNAT';

export type IptablesTableName = 'filter' | 'mangle' | 'nat';

/** What is ours in one table. */
export interface IptablesTable {
  readonly name: IptablesTableName;
  /** The rule that leads into it: a chain that the table has, and what to match. */
  readonly hook: { readonly chain: string; readonly match: string };
  readonly chains: ReadonlyMap<string, readonly string[]>;
}

/** How a connection's local address is chosen: `hash` gives a connection the same again after a loss of its conntrack entry. */
export type Choice = 'hash' | 'random';

/** Guards come first: nothing is translated, or let in, before they stand. */
export function iptablesTables(plan: FullnatPlan, choice: Choice): IptablesTable[] {
  return [inputTable(plan), guardTable(plan), translationTable(plan, choice)];
}

/** A chain has so many rules before it is split. */
const LEAF = 8;

function inputTable({ pools, servers }: FullnatPlan): IptablesTable {
  const fromServer = `${FULLNAT_CHAIN}-RS`;
  const chains = new Map([
    [FULLNAT_CHAIN, [...new Set(pools.flatMap(({ addresses }) => addresses))].map((address) => `-d ${address} -g ${fromServer}`)],
    [fromServer, servers.map((server) => `-s ${server.address} ${portMatch(server, 'sport')} -j DROP`)],
  ]);
  return { name: 'filter', hook: { chain: 'INPUT', match: '-m conntrack --ctstate NEW,INVALID,UNTRACKED' }, chains };
}

/** A late packet is not translated any more: it would show the client's address to the server. */
function guardTable({ servers }: FullnatPlan): IptablesTable {
  const chains = new Map([[FULLNAT_CHAIN, servers.map((server) => `-d ${server.address} ${portMatch(server, 'dport')} -j DROP`)]]);
  return { name: 'mangle', hook: { chain: 'POSTROUTING', match: '-m conntrack --ctstate INVALID,UNTRACKED' }, chains };
}

function portMatch({ protocol, port }: Pick<GuardedServer, 'protocol' | 'port'>, side: 'sport' | 'dport'): string {
  return port === 0 ? `-p ${protocol}` : `-p ${protocol} -m ${protocol} --${side} ${String(port)}`;
}

function translationTable(plan: FullnatPlan, choice: Choice): IptablesTable {
  const chains = new Chains();
  const poolChain = new Map(plan.pools.map((pool, i) => [pool.name, `${FULLNAT_CHAIN}-P${String(i)}`]));
  /** Of one service, by what it is matched. A TCP connection that is met without its SYN was another director's. */
  const lead = ({ pool, takeover }: TranslatedService, tcp: boolean, protocol: string, match: string): string[] => [
    ...(takeover === undefined || !tcp ? [] : [`-p tcp -m tcp ! --syn${match} -g ${poolChain.get(takeover) ?? FULLNAT_CHAIN}`]),
    `${protocol}${match} -g ${poolChain.get(pool) ?? FULLNAT_CHAIN}`.trimStart(),
  ];
  // As IPVS does it: a service with a mark goes before one with an address.
  for (const service of plan.services) if (service.id.kind === 'fwmark') for (const rule of lead(service, true, '', ` -m mark --mark ${String(service.id.mark)}`)) chains.add(FULLNAT_CHAIN, rule);
  const byAddress = new Map<IpAddress, PortService[]>();
  for (const service of plan.services) {
    const { id } = service;
    if (id.kind !== 'address') continue;
    const known = byAddress.get(id.address) ?? [];
    known.push({ port: id.port, rules: lead(service, id.protocol === 'tcp', `-p ${id.protocol}`, id.port === 0 ? '' : ` -m conntrack --ctorigdstport ${String(id.port)}`) });
    byAddress.set(id.address, known);
  }
  chains.tree<AddressServices>(FULLNAT_CHAIN, [...byAddress], splitAddresses, (target, addresses) => {
    for (const [address, services] of addresses) {
      const own = chains.fresh();
      chains.add(target, `-m conntrack --ctorigdst ${address} -g ${own}`);
      addServices(chains, own, services);
    }
  });
  for (const pool of plan.pools) addPool(chains, poolChain.get(pool.name) ?? '', pool, plan, choice);
  // IPVS rewrote the packet, and the connection was begun by the client: only such have a service above.
  return { name: 'nat', hook: { chain: 'POSTROUTING', match: '-m ipvs --ipvs --vdir ORIGINAL --vmethod MASQ' }, chains: chains.rules };
}

type AddressServices = readonly [IpAddress, readonly PortService[]];

interface PortService {
  readonly port: number;
  readonly rules: readonly string[];
}

/** Those of one address; the one for all ports takes what the others leave. */
function addServices(chains: Chains, chain: string, services: readonly PortService[]): void {
  const all = services.filter(({ port }) => port === 0);
  const single = services.filter(({ port }) => port !== 0).sort((a, b) => a.port - b.port);
  chains.tree(chain, single, splitPorts, (target, few) => {
    for (const rule of [...few, ...all].flatMap(({ rules }) => rules)) chains.add(target, rule);
  });
}

function addPool(chains: Chains, chain: string, { addresses }: LocalPool, { family, seed }: FullnatPlan, choice: Choice): void {
  const indexed = addresses.map((address, index) => ({ address, index }));
  /** `taken` of the `left` ones that are still possible. */
  const condition = (next: number, taken: number, left: number): string => (choice === 'hash'
    ? `-m bpf --bytecode "${hashBelow(family, seed, next, addresses.length)}"`
    : `-m statistic --mode random --probability ${(taken / left).toFixed(8)}`);
  const halves = (all: typeof indexed): Split<(typeof indexed)[number]> => {
    const [low, high] = inHalves(all);
    return { condition: condition(high[0]?.index ?? 0, low.length, all.length), yes: low, no: high };
  };
  chains.tree(chain, indexed, halves, (target, few) => {
    for (const [i, { address, index }] of few.entries()) {
      chains.add(target, `${i === few.length - 1 ? '' : `${condition(index + 1, 1, few.length - i)} `}-j SNAT --to-source ${address}`);
    }
  });
}

interface Split<T> {
  /** Which packets go on among `yes`; the others do among `no`. */
  readonly condition: string;
  readonly yes: readonly T[];
  readonly no: readonly T[];
}

class Chains {
  readonly rules = new Map<string, string[]>([[FULLNAT_CHAIN, []]]);
  #made = 0;

  add(chain: string, rule: string): void {
    const rules = this.rules.get(chain) ?? [];
    rules.push(rule);
    this.rules.set(chain, rules);
  }

  fresh(): string {
    const name = `${FULLNAT_CHAIN}-${String(this.#made++)}`;
    this.rules.set(name, []);
    return name;
  }

  /** Puts items into the chain, or into chains below it that `split` leads to, a few in each. */
  tree<T>(chain: string, items: readonly T[], split: (items: T[]) => Split<T>, leaf: (chain: string, items: readonly T[]) => void): void {
    if (items.length <= LEAF) {
      leaf(chain, items);
      return;
    }
    const { condition, yes, no } = split([...items]);
    const [left, right] = [this.fresh(), this.fresh()];
    this.add(chain, `${condition} -g ${left}`);
    this.add(chain, `-g ${right}`);
    this.tree(left, yes, split, leaf);
    this.tree(right, no, split, leaf);
  }
}

function inHalves<T>(items: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}

function splitPorts(services: readonly PortService[]): Split<PortService> {
  const [yes, no] = inHalves(services);
  return { condition: `-m conntrack --ctorigdstport ${String(yes[0]?.port ?? 0)}:${String(yes.at(-1)?.port ?? 0)}`, yes, no };
}

/** By the first bit in which they differ. */
function splitAddresses(items: readonly AddressServices[]): Split<AddressServices> {
  const words = items.map(([address]) => ipToBytes(address));
  const [first = new Uint8Array()] = words;
  const family: Family = items[0] === undefined ? 'inet' : familyOf(items[0][0]);
  let bit = 0;
  while (bit < maxPrefix(family) && words.every((bytes) => isSet(bytes, bit) === isSet(first, bit))) bit++;
  const yes = items.filter((_, i) => !isSet(words[i] ?? first, bit));
  const no = items.filter((_, i) => isSet(words[i] ?? first, bit));
  const prefix = first.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, bit - 8 * i))));
  return { condition: `-m conntrack --ctorigdst ${ipFromBytes(prefix)}/${String(bit + 1)}`, yes, no };
}

function isSet(bytes: Uint8Array, bit: number): boolean {
  return ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0;
}
