import type { SyncGroup, VrrpInstance } from '../config/model.ts';
import { allAddresses } from '../vrrp/desired.ts';

/** The interfaces whose state concerns an instance: its own, those of its addresses, those that it or its group tracks. */
export function usedLinks(instance: VrrpInstance, group: SyncGroup | undefined): ReadonlySet<string> {
  const tracked = [...instance.trackInterfaces, ...(group?.trackInterfaces ?? [])].map((ref) => ref.name);
  return new Set([instance.link, ...tracked, ...allAddresses(instance).map((address) => address.link)]);
}
