/** Two files as the two routers of a pair: what must be the same, and what must differ. */
import type { Diagnostic } from '../diagnostic.ts';
import type { VirtualAddress, VrrpInstance } from '../model.ts';
import { printPrefix } from '../../util/ip.ts';
import { placeOf, priorityWith, warning, weighted, type Advised } from './advice.ts';

export interface Named extends Advised {
  /** What messages call it: the file. */
  readonly name: string;
}

interface Pair {
  readonly first: VrrpInstance;
  readonly second: VrrpInstance;
  readonly one: Named;
  readonly other: Named;
}

/** Instances belong together by VRID and family; places are in the second file, where it has one. */
export function advisePair(one: Named, other: Named): Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const first of one.config.instances) {
    const second = partner(first, other);
    if (second === undefined) found.push(alone(first, one, other));
    else found.push(...compare({ first, second, one, other }));
  }
  for (const second of other.config.instances) if (partner(second, one) === undefined) found.push(alone(second, other, one));
  return found;
}

/** The same VRID and family; on the same link if there are several, since links may be named differently. */
function partner(instance: VrrpInstance, { config }: Named): VrrpInstance | undefined {
  const same = config.instances.filter((one) => one.vrid === instance.vrid && one.family === instance.family);
  return same.find((one) => one.link === instance.link) ?? same[0];
}

function alone(instance: VrrpInstance, here: Named, there: Named): Diagnostic {
  return warning('pair-missing', `VRID ${String(instance.vrid)} (${instance.name}) is not in ${there.name}: it has no backup`, placeOf(here.tree, instance.name, 'virtual_router_id'), `add an instance with virtual_router_id ${String(instance.vrid)} to ${there.name}`);
}

function compare(pair: Pair): Diagnostic[] {
  return [...priorities(pair), ...states(pair), ...addresses(pair), ...timing(pair), ...secrets(pair), ...casts(pair), ...weights(pair), ...weights(turned(pair))];
}

function turned({ first, second, one, other }: Pair): Pair {
  return { first: second, second: first, one: other, other: one };
}

function at({ second, other }: Pair, keyword: string): ReturnType<typeof placeOf> {
  return placeOf(other.tree, second.name, keyword);
}

/** `VRID 51 (VI_1 in a.conf, VI_1 in b.conf)` */
function both({ first, second, one, other }: Pair): string {
  return `VRID ${String(first.vrid)} (${first.name} in ${one.name}, ${second.name} in ${other.name})`;
}

function priorities(pair: Pair): Diagnostic[] {
  const { first, second } = pair;
  if (first.priority !== second.priority) return [];
  return [warning('pair-same-priority', `${both(pair)}: both have priority ${String(first.priority)}; the higher address decides who is master`, at(pair, 'priority'), 'give the router that should be master the higher priority')];
}

function states(pair: Pair): Diagnostic[] {
  const { first, second } = pair;
  if (!first.wantMaster || !second.wantMaster) return [];
  return [warning('pair-both-master', `${both(pair)}: both start with state MASTER, and both hold the addresses until they hear each other`, at(pair, 'state'), 'write state BACKUP in one of them, or in both and let the priority decide')];
}

function addresses(pair: Pair): Diagnostic[] {
  const lists = [['virtual_ipaddress', 'virtualAddresses'], ['virtual_ipaddress_excluded', 'excludedAddresses']] as const;
  return lists.flatMap(([keyword, key]) => {
    const [mine, theirs] = [printed(pair.first[key]), printed(pair.second[key])];
    const missing = [...mine].filter((text) => !theirs.has(text));
    const more = [...theirs].filter((text) => !mine.has(text));
    if (missing.length + more.length === 0) return [];
    const parts = [...(missing.length > 0 ? [`only in ${pair.one.name}: ${missing.join(', ')}`] : []), ...(more.length > 0 ? [`only in ${pair.other.name}: ${more.join(', ')}`] : [])];
    return [warning('pair-addresses', `${both(pair)}: the lists of ${keyword} differ; ${parts.join('; ')}`, at(pair, keyword), 'a takeover must bring the same addresses: make the lists equal')];
  });
}

function printed(list: readonly VirtualAddress[]): Set<string> {
  return new Set(list.map(({ prefix }) => printPrefix(prefix)));
}

function timing(pair: Pair): Diagnostic[] {
  const { first, second } = pair;
  const found: Diagnostic[] = [];
  if (first.version !== second.version) found.push(warning('pair-version', `${both(pair)}: one speaks VRRPv${String(first.version)}, the other VRRPv${String(second.version)}; each ignores the other`, at(pair, 'version'), 'write the same version in both'));
  if (first.advertInterval !== second.advertInterval) {
    const [a, b] = [first, second].map((one) => `${String(one.advertInterval / 1000)} s`);
    const effect = first.version === 2 ? 'VRRPv2 drops adverts with another interval: both become master' : 'how soon a takeover comes depends on who is master';
    found.push(warning('pair-advert-int', `${both(pair)}: advert_int is ${a ?? ''} and ${b ?? ''}; ${effect}`, at(pair, 'advert_int'), 'write the same advert_int in both'));
  }
  return found;
}

function secrets(pair: Pair): Diagnostic[] {
  const [a, b] = [pair.first.auth, pair.second.auth];
  if (a?.type === b?.type && a?.secret === b?.secret) return [];
  const what = a === null || b === null ? `only ${a === null ? pair.other.name : pair.one.name} has authentication` : a.type !== b.type ? `auth_type is ${a.type} and ${b.type}` : 'auth_pass differs';
  return [warning('pair-auth', `${both(pair)}: ${what}; each drops the adverts of the other, and both become master`, at(pair, 'authentication'), 'write the same authentication block in both')];
}

function casts(pair: Pair): Diagnostic[] {
  const { first, second, one, other } = pair;
  const [a, b] = [first.unicastPeers.length > 0, second.unicastPeers.length > 0];
  if (a !== b) return [warning('pair-cast', `${both(pair)}: ${a ? one.name : other.name} sends to unicast peers, the other to a multicast group; they may not hear each other`, at(pair, 'unicast_peer'), 'give both unicast_peer, or neither')];
  if (!a && first.multicastGroup !== second.multicastGroup) return [warning('pair-cast', `${both(pair)}: the multicast groups ${first.multicastGroup} and ${second.multicastGroup} differ`, at(pair, 'mcast_dst_ip'), 'use one group')];
  const unheard = ([[second, first, one], [first, second, other]] as const).filter(([to, from]) => a && to.sourceAddress !== null && !from.unicastPeers.some((peer) => peer.address === to.sourceAddress));
  return unheard.map(([to, , file]) => warning('pair-unicast-peer', `${both(pair)}: ${file.name} sends no adverts to ${to.sourceAddress ?? ''}, which the other speaks from`, at(pair, 'unicast_peer'), 'name the source address of each router in unicast_peer of the other'));
}

/** A check of the stronger router that may fail without the other one taking over. */
function weights(pair: Pair): Diagnostic[] {
  const { first, second, one } = pair;
  const [strong, weak] = [priorityWith(first, new Set()), priorityWith(second, new Set())];
  if (strong <= weak || first.priority === 255) return [];
  const all = priorityWith(first, new Set(weighted(first).map((ref) => ref.name)));
  if (weighted(first).length === 0 || all < weak) return [];
  return weighted(first).map((ref) => warning('weight-too-small', `VRID ${String(first.vrid)}: when ${ref.name} fails, ${first.name} in ${one.name} has priority ${String(priorityWith(first, new Set([ref.name])))}, still not below the ${String(weak)} of the other: no failover`,
    placeOf(one.tree, first.name, ref.keyword), `a weight of more than ${String(strong - weak)} is needed`));
}
