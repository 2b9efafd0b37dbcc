/** What makes a thing the same one after a reload. Never a name. */
import type { VirtualServer } from './model-ipvs.ts';
import type { VrrpInstance } from './model.ts';

/** Where and how an instance speaks. */
export function identity(instance: VrrpInstance): string {
  const cast = instance.unicastPeers.length > 0 ? `unicast ${instance.sourceAddress ?? ''}` : `group ${instance.multicastGroup}`;
  return `${instance.link} ${instance.family} ${instance.vrid} ${cast}${(instance.extras?.vmac ?? null) === null ? '' : ` vmac ${instance.extras?.vmac?.join(' ') ?? ''} ${instance.extras?.transmitOnBase === true ? 'base' : ''}`}`;
}

/** What IPVS knows a service by: address, port and protocol, or mark and family; a group stands for its services. */
export function serviceIdentity({ key, protocol, family }: VirtualServer): string {
  switch (key.kind) {
    case 'address': return `${protocol ?? ''} ${key.address} ${String(key.port)}`;
    case 'fwmark': return `fwmark ${String(key.mark)} ${family}`;
    case 'group': return `group ${key.name} ${protocol ?? ''}`;
  }
}
