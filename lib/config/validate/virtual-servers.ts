/** Checks of a virtual server at its closing brace. */
import type { Context } from '../context.ts';
import type { BlockValue } from '../keyword.ts';
import type { Place } from '../source.ts';
import type { ServiceKey } from '../model-ipvs.ts';

/** `[IP]:tcp:PORT`, `FWM N`, `[GROUP]:INDEX`, the index counting the virtual servers of a group. */
export function serviceId(key: ServiceKey, protocol: string | undefined, index = 0): string {
  switch (key.kind) {
    case 'address': return `[${key.address}]:${protocol ?? 'none'}:${String(key.port)}`;
    case 'fwmark': return `FWM ${String(key.mark)}`;
    case 'group': return `[${key.name}]:${String(index)}`;
  }
}

export function endVirtualServer(context: Context, block: BlockValue, close: Place): boolean {
  if (block.values['real_server'] !== undefined) return true;
  const id = serviceId(block.header as ServiceKey, (block.values['protocol'] as string | undefined)?.toLowerCase());
  context.report({ code: 'no-real-servers', place: block.place, saidAt: close, message: `Virtual server ${id} has no real servers - ignoring`, remedy: 'name one: real_server IP PORT { … }' });
  return false;
}
