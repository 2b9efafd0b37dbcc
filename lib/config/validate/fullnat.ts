/** FULLNAT of a virtual server: its local addresses, and what is wrong with them (FULLNAT reference 2). */
import type { Context } from '../context.ts';
import type { Report } from '../diagnostic.ts';
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
}

/** Places of what may be wrong; a keyword's is looked for when it is needed. */
interface Places {
  readonly block: Place;
  readonly group: () => Place | undefined;
  readonly takeover: () => Place | undefined;
  readonly synProxy: () => Place | undefined;
}

/** Every address of the groups of this name that is of the family, once, in order. A name may stand for several blocks. */
export function localAddresses(name: string | null, family: Family, groups: readonly LocalAddressGroup[]): IpAddress[] {
  const all = groups.filter((group) => name !== null && group.name === name).flatMap(({ ranges }) => ranges.filter(({ first }) => familyOf(first) === family));
  return [...new Set(all.flatMap(({ first, last }) => eachAddress(first, last)))];
}

/** Says why FULLNAT cannot work as it is written. keepalived, which has none, says nothing of it. */
export function checkFullnat({ id, family, realServers, sorryServer, fullnat, protocol }: Asking, groups: readonly LocalAddressGroup[], places: Places, context: Context): void {
  const report = (faulty: Pick<Report, 'code' | 'message' | 'remedy' | 'place'> & Pick<Partial<Report>, 'severity'>): void => { context.report({ severity: 'error', ...faulty, recorded: 'none', wording: null }); };
  const asks = [...realServers, ...(sorryServer === null ? [] : [sorryServer])].some(({ forward }) => forward.method === 'FNAT');
  const { localAddressGroup: name } = fullnat;
  if (!asks && name === null) return;
  const at = places.group() ?? places.block;
  if (!asks) {
    return report({ code: 'fullnat-unused', place: at, message: `laddr_group_name ${name ?? ''} has no effect: no server of ${id} is FNAT`, remedy: 'write: lvs_method FNAT', severity: 'warning' });
  }
  if (name === null) return report({ code: 'fullnat-no-group', place: places.block, message: `virtual server ${id} is FNAT without local addresses: it is left out`, remedy: 'write: laddr_group_name NAME, and local_address_group NAME { … }' });
  if (!groups.some((group) => group.name === name)) return report({ code: 'fullnat-no-group', place: at, message: `local_address_group ${name} is not declared: ${id} is left out`, remedy: `declare it: local_address_group ${name} { … }` });
  if (fullnat.localAddresses.length === 0) return report({ code: 'fullnat-no-address', place: at, message: `local_address_group ${name} has no ${family === 'inet' ? 'IPv4' : 'IPv6'} address: ${id} is left out`, remedy: 'add one of the family of the virtual server' });
  const { takeoverGroup, takeoverAddresses } = fullnat;
  if (takeoverGroup !== null && takeoverAddresses.length === 0) {
    const declared = groups.some((group) => group.name === takeoverGroup);
    report({ code: declared ? 'fullnat-no-address' : 'fullnat-no-group', severity: 'warning', place: places.takeover() ?? places.block, message: declared ? `local_address_group ${takeoverGroup} has no ${family === 'inet' ? 'IPv4' : 'IPv6'} address: ${id} keeps no connection of another director` : `local_address_group ${takeoverGroup} is not declared: ${id} keeps no connection of another director`, remedy: `declare it as the other director does: local_address_group ${takeoverGroup} { … }` });
  }
  if (fullnat.synProxy && protocol !== 'tcp') report({ code: 'fullnat-syn-proxy', place: places.synProxy() ?? places.block, message: `syn_proxy is for TCP: ${id} goes without`, remedy: 'leave it out', severity: 'warning' });
}
