/** FULLNAT of a virtual server: its local addresses, and what is wrong with them (FULLNAT reference 2). */
import type { Context } from '../context.ts';
import type { Report } from '../diagnostic.ts';
import type { NamedList } from '../keyword.ts';
import type { AddressRange } from '../keywords/virtual-server.ts';
import type { FullnatSettings, LocalAddressGroup, RealServer, SorryServer } from '../model-ipvs.ts';
import type { Place } from '../source.ts';
import { eachAddress, familyOf, type Family, type IpAddress } from '../../util/ip.ts';

interface Asking {
  readonly id: string;
  readonly family: Family;
  readonly realServers: readonly RealServer[];
  readonly sorryServer: SorryServer | null;
  readonly fullnat: FullnatSettings;
  readonly protocol: string | null;
  readonly mark: boolean;
}

/** Places of what may be wrong; a keyword's is looked for when it is needed. */
interface Places {
  readonly block: Place;
  readonly of: (keyword: 'laddr_group_name' | 'laddr_takeover_name' | 'syn_proxy' | 'establish_timeout' | 'toa' | 'vip_bind_dev') => Place;
}

type Faulty = Pick<Report, 'code' | 'message' | 'remedy' | 'place'> & Pick<Partial<Report>, 'severity'>;

/** Every address of the groups of this name that is of the family, once, in order. A name may stand for several blocks. */
export function localAddresses(name: string | null, family: Family, groups: readonly LocalAddressGroup[]): IpAddress[] {
  const all = groups.filter((group) => name !== null && group.name === name).flatMap(({ ranges }) => ranges.filter(({ first }) => familyOf(first) === family));
  return [...new Set(all.flatMap(({ first, last }) => eachAddress(first, last)))];
}

/** Does any server of it get FULLNAT? */
export function asksForFullnat({ realServers, sorryServer }: Pick<Asking, 'realServers' | 'sorryServer'>): boolean {
  return [...realServers, ...(sorryServer === null ? [] : [sorryServer])].some(({ forward }) => forward.method === 'FNAT');
}

/** Says why FULLNAT, or what belongs to it, cannot work as it is written. keepalived, which has none, says nothing of it. */
export function checkFullnat(asking: Asking, groups: readonly LocalAddressGroup[], places: Places, context: Context): void {
  const report = (faulty: Faulty): void => { context.report({ severity: 'error', ...faulty, recorded: 'none', wording: null }); };
  checkBinding(asking, places, context, report);
  const { id, family, realServers, sorryServer, fullnat, protocol } = asking;
  const { localAddressGroup: name } = fullnat;
  if (!asksForFullnat({ realServers, sorryServer })) {
    if (name !== null) report({ code: 'fullnat-unused', place: places.of('laddr_group_name'), message: `laddr_group_name ${name} has no effect: no server of ${id} is FNAT`, remedy: 'write: lvs_method FNAT', severity: 'warning' });
    for (const [word, given] of [['syn_proxy', fullnat.synProxy], ['establish_timeout', fullnat.establishTimeout !== null], ['toa', fullnat.toa]] as const) {
      if (given) report({ code: 'fullnat-unused', place: places.of(word), message: `${word} has no effect: no server of ${id} is FNAT`, remedy: 'write: lvs_method FNAT', severity: 'warning' });
    }
    return;
  }
  if (context.switches.has('ipvs_namespace')) report({ code: 'fullnat-namespace', place: places.block, message: `${id} is FNAT, and net_namespace_ipvs has IPVS in another network namespace: only a patched kernel could do that`, remedy: 'run the whole daemon there: net_namespace' });
  if (name === null) return report({ code: 'fullnat-no-group', place: places.block, message: `virtual server ${id} is FNAT without local addresses: it is left out`, remedy: 'write: laddr_group_name NAME, and local_address_group NAME { … }' });
  if (!groups.some((group) => group.name === name)) return report({ code: 'fullnat-no-group', place: places.of('laddr_group_name'), message: `local_address_group ${name} is not declared: ${id} is left out`, remedy: `declare it: local_address_group ${name} { … }` });
  if (fullnat.localAddresses.length === 0) return report({ code: 'fullnat-no-address', place: places.of('laddr_group_name'), message: `local_address_group ${name} has no ${family === 'inet' ? 'IPv4' : 'IPv6'} address: ${id} is left out`, remedy: 'add one of the family of the virtual server' });
  const { takeoverGroup, takeoverAddresses } = fullnat;
  if (takeoverGroup !== null && takeoverAddresses.length === 0) {
    const declared = groups.some((group) => group.name === takeoverGroup);
    report({ code: declared ? 'fullnat-no-address' : 'fullnat-no-group', severity: 'warning', place: places.of('laddr_takeover_name'), message: declared ? `local_address_group ${takeoverGroup} has no ${family === 'inet' ? 'IPv4' : 'IPv6'} address: ${id} keeps no connection of another director` : `local_address_group ${takeoverGroup} is not declared: ${id} keeps no connection of another director`, remedy: `declare it as the other director does: local_address_group ${takeoverGroup} { … }` });
  }
  if (fullnat.synProxy && protocol !== 'tcp') report({ code: 'fullnat-syn-proxy', place: places.of('syn_proxy'), message: `syn_proxy is for TCP: ${id} goes without`, remedy: 'leave it out', severity: 'warning' });
}

/** vip_bind_dev, which stands by itself: it is of use without FULLNAT too. */
function checkBinding({ id, mark, sorryServer, fullnat: { bindLink } }: Asking, places: Places, context: Context, report: (faulty: Faulty) => void): void {
  if (bindLink === null) return;
  const { links } = context.machine;
  if (mark) return report({ code: 'bind-mark', place: places.of('vip_bind_dev'), message: `vip_bind_dev has no effect: ${id} is a mark, which has no address`, remedy: 'leave it out', severity: 'warning' });
  if (context.switches.has('ipvs_namespace')) report({ code: 'fullnat-namespace', place: places.of('vip_bind_dev'), message: `vip_bind_dev ${bindLink} is an interface of the daemon's network namespace, and net_namespace_ipvs has IPVS in another one`, remedy: 'run the whole daemon there: net_namespace' });
  if (links !== null && !links.has(bindLink)) report({ code: 'bind-link', place: places.of('vip_bind_dev'), message: `vip_bind_dev ${bindLink}: this machine has no such interface; ${id} gets its addresses when there is one`, remedy: `this machine has ${[...links.keys()].join(', ')}`, severity: 'warning' });
  if (sorryServer !== null) report({ code: 'bind-sorry', place: places.of('vip_bind_dev'), message: `the sorry server of ${id} stands in while the quorum is lost, and vip_bind_dev takes the addresses away then`, remedy: 'leave out one of the two, unless the addresses are held elsewhere as well', severity: 'warning' });
}

/** The ranges of groups that FULLNAT uses, whose addresses the machine has not and nobody here is to give it. */
export function checkLocal(groups: readonly NamedList<AddressRange>[], used: ReadonlySet<string>, given: ReadonlySet<IpAddress>, context: Context): void {
  const { links, addresses } = context.machine;
  for (const { name, entries } of groups.filter((group) => used.has(group.name))) {
    for (const { first, last, link, place } of entries) {
      const say = (code: string, message: string, remedy: string): void => { context.report({ code, severity: 'warning', recorded: 'none', wording: null, place, message, remedy }); };
      if (link !== null) {
        if (links !== null && !links.has(link)) say('fullnat-link', `local_address_group ${name}: this machine has no interface ${link}; ${first} is added when there is one`, `this machine has ${[...links.keys()].join(', ')}`);
        continue;
      }
      if (addresses === undefined || context.switches.has('ipvs_namespace')) continue;
      const missing = eachAddress(first, last).filter((address) => !addresses.has(address) && !given.has(address));
      const [one] = missing;
      if (one !== undefined) say('fullnat-not-here', `local_address_group ${name}: ${missing.length === 1 ? `${one} is` : `${one} and ${String(missing.length - 1)} more are`} on no interface of this machine`, `servers' replies must come here: add it to the interface that faces them, by hand or by writing "${one} IF"; nothing is wrong where routers send it here`);
    }
  }
}
