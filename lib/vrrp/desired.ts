import type { VirtualAddress, VrrpInstance } from '../config/model.ts';
import type { VirtualRouter } from './virtual-router.ts';

/** The addresses that the kernel should hold for this instance in this state, in the order they are added. */
export function desiredAddresses(instance: VrrpInstance, router: VirtualRouter): readonly VirtualAddress[] {
  return router.state.name === 'Master' ? allAddresses(instance) : [];
}

/** Everything that the instance may ever put on an interface. */
export function allAddresses(instance: VrrpInstance): readonly VirtualAddress[] {
  return [...instance.virtualAddresses, ...instance.excludedAddresses];
}
