/** Gratuitous ARP and NA settings of an instance: its own, the global ones, the defaults (reference 3.3). */
import type { GarpSettings } from '../model.ts';
import type { GlobalValues, InstanceBlock } from './config.ts';

const SECOND = 1000;

export function garpSettings(own: InstanceBlock['values'], given: GlobalValues, strict: boolean): GarpSettings {
  const least = given.vrrp_min_garp === true;
  const masterDelay = given.vrrp_garp_master_delay ?? (least ? 0 : 5 * SECOND);
  const masterRepeat = given.vrrp_garp_master_repeat ?? (least ? 1 : 5);
  return {
    masterDelay: own.garp_master_delay ?? masterDelay,
    masterRepeat: own.garp_master_repeat ?? masterRepeat,
    refresh: own.garp_master_refresh ?? given.vrrp_garp_master_refresh ?? 0,
    refreshRepeat: own.garp_master_refresh_repeat ?? given.vrrp_garp_master_refresh_repeat ?? (least ? 0 : 1),
    // Those of an instance are the global ones, whatever the instance has for a new master.
    lowerPrioDelay: own.garp_lower_prio_delay ?? given.vrrp_garp_lower_prio_delay ?? masterDelay,
    // Strict mode allows none, whatever is asked for.
    lowerPrioRepeat: strict ? 0 : (own.garp_lower_prio_repeat ?? given.vrrp_garp_lower_prio_repeat ?? masterRepeat),
    arpInterval: given.vrrp_garp_interval ?? 0,
    naInterval: given.vrrp_gna_interval ?? 0,
  };
}
