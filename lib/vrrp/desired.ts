import type { Config, VirtualAddress, VrrpInstance } from '../config/model.ts';
import type { VirtualRouter } from './state.ts';

/** Should the kernel hold what the instance has (addresses, routes, rules) in this state? All of it or nothing. */
export function holds({ state }: VirtualRouter): boolean {
  return state.name === 'Master';
}

/** Every address that the instance may ever put on an interface, in the order they are added. */
export function allAddresses(instance: VrrpInstance): readonly VirtualAddress[] {
  return [...instance.virtualAddresses, ...instance.excludedAddresses];
}

/** Is there anything for the VRRP half to do? Static entries alone are enough (reference 1.3). */
export function needsVrrp({ instances, statics }: Config): boolean {
  return instances.length > 0 || statics.addresses.length > 0 || statics.routes.length > 0 || statics.rules.length > 0;
}
