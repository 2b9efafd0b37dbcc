/** Which packets a router that is no owner of its addresses leaves alone (RFC 9568 §6.1, Accept_Mode). */
import type { GlobalValues } from '../config/keywords/global-defs.ts';
import type { VirtualAddress, VrrpInstance } from '../config/model.ts';
import { allAddresses, holds } from './desired.ts';
import type { VirtualRouter } from './state.ts';

const OWNER = 255;

export interface FilterSettings {
  /** What the configuration asks for; null: nothing, so nftables. nftables wins over iptables. */
  readonly firewall: 'nftables' | 'iptables' | null;
  readonly table: string;
  readonly priority: number;
  /** Link-local addresses go with the number of their interface, also where `dont_track_primary` says that it may go. */
  readonly byIndex: boolean;
  readonly counters: boolean;
  /** Of iptables; `out` null: packets sent are not looked at. */
  readonly chains: { readonly in: string; readonly out: string | null };
}

export function filterSettings(given: GlobalValues): FilterSettings {
  const [inward, outward] = given.vrrp_iptables ?? [];
  return {
    firewall: given.nftables !== undefined ? 'nftables' : given.vrrp_iptables !== undefined ? 'iptables' : null,
    table: given.nftables ?? 'keepalived',
    priority: given.nftables_priority ?? -1,
    byIndex: given.nftables_ifindex ?? false,
    counters: given.nftables_counters ?? false,
    chains: inward === undefined ? { in: 'INPUT', out: 'OUTPUT' } : { in: inward, out: outward ?? null },
  };
}

/** An owner takes what is sent to its addresses, whatever it was told. */
export function isFiltered(instance: VrrpInstance): boolean {
  return !instance.accept && instance.priority !== OWNER;
}

/** The addresses whose packets are to be dropped while the instance is in this state. */
export function filteredAddresses(instance: VrrpInstance, router: VirtualRouter): readonly VirtualAddress[] {
  return isFiltered(instance) && holds(router) ? allAddresses(instance) : [];
}
