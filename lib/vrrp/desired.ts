import type { VirtualAddress, VrrpInstance } from '../config/model.ts';
import type { VirtualRouter } from './virtual-router.ts';

/** Should the kernel hold what the instance has (addresses, routes, rules) in this state? All of it or nothing. */
export function holds({ state }: VirtualRouter): boolean {
  return state.name === 'Master';
}

/** Every address that the instance may ever put on an interface, in the order they are added. */
export function allAddresses(instance: VrrpInstance): readonly VirtualAddress[] {
  return [...instance.virtualAddresses, ...instance.excludedAddresses];
}
