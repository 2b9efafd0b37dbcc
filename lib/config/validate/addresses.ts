/** An address as written → the address as held. */
import type { AddressEntry } from '../keywords/addresses.ts';
import type { VirtualAddress } from '../model.ts';
import { familyOf } from '../../util/ip.ts';

/** `link`: where it goes unless it says dev. */
export function virtualAddress(entry: AddressEntry, link: string): VirtualAddress {
  const v6 = familyOf(entry.prefix.address) === 'inet6';
  return {
    prefix: entry.prefix,
    link: entry.link ?? link,
    peer: entry.peer,
    broadcast: entry.broadcast,
    label: entry.label,
    scope: entry.scope ?? 0,
    preferred: entry.preferred !== undefined ? entry.preferred : v6 && entry.prefix.length === 128 ? 0 : null,
    noDad: entry.noDad,
    homeAddress: entry.homeAddress,
    noPrefixRoute: entry.noPrefixRoute,
    manageTemporary: entry.manageTemporary,
    autoJoin: entry.autoJoin,
    noTrack: entry.noTrack,
    ...(entry.useVmac ? { useVmac: true } : {}),
    trackGroup: entry.trackGroup,
  };
}
