/** Checks of virtual and real servers at their closing brace. */
import type { Context } from '../context.ts';
import type { BlockValue } from '../keyword.ts';
import type { Place } from '../source.ts';
import type { ServiceKey } from '../model-ipvs.ts';

/** `[IP]:tcp:PORT`, `FWM N`, `[GROUP]:0`. */
export function serviceId(key: ServiceKey, protocol: string | undefined): string {
  switch (key.kind) {
    case 'address': return `[${key.address}]:${protocol ?? 'none'}:${String(key.port)}`;
    case 'fwmark': return `FWM ${String(key.mark)}`;
    case 'group': return `[${key.name}]:0`;
  }
}

export function endVirtualServer(context: Context, block: BlockValue, close: Place): boolean {
  if (block.values['real_server'] !== undefined) return true;
  const id = serviceId(block.header as ServiceKey, (block.values['protocol'] as string | undefined)?.toLowerCase());
  context.report({ code: 'no-real-servers', place: block.place, saidAt: close, message: `Virtual server ${id} has no real servers - ignoring`, remedy: 'name one: real_server IP PORT { … }' });
  return false;
}

export function endRealServer(context: Context, block: BlockValue, close: Place): boolean {
  const upper = block.values['uthreshold'] as number | undefined;
  const lower = block.values['lthreshold'] as number | undefined;
  if (upper !== undefined && lower !== undefined && upper !== 0 && lower > upper) {
    context.report({ code: 'thresholds', severity: 'warning', recorded: 'none', wording: null, place: block.place, saidAt: close, message: `lthreshold ${String(lower)} is above uthreshold ${String(upper)}`, remedy: 'the server would never take new connections again' });
  }
  return true;
}
