import { PORTS } from '../../ipvs/fullnat/port-budget.ts';
import type { FullnatStatus } from '../balance/fullnat/backend.ts';

/** The part of keepalived_check.data that tells of local addresses and their ports; nothing without FULLNAT on a stock kernel. */
export function fullnatLines(status: FullnatStatus | null): readonly string[] {
  if (status === null) return [];
  const { by, pools, reading } = status;
  const conntrack = reading?.conntrack ?? null;
  return [
    '------< FULLNAT >------',
    ` Translation by = ${by}`,
    ...pools.flatMap(({ name, addresses }) => [` Local address group = ${name}, addresses = ${addresses.length}, ports for each real server = ${addresses.length * PORTS}`, ...addresses.map((address) => `   ${address}`)]),
    ...(reading?.uses ?? []).map(({ protocol, address, port, connections, share }) => ` Real server = [${address}]:${protocol ?? 'any'}:${port}, connections = ${connections}, ports in use = ${(share * 100).toFixed(1)} %`),
    ...(conntrack === null ? [] : [` Conntrack entries = ${conntrack.count} of ${conntrack.max}`]),
    ...(conntrack?.lost == null ? [] : [` Conntrack insert_failed = ${conntrack.lost.insertFailed}, drop = ${conntrack.lost.drop}, early_drop = ${conntrack.lost.earlyDrop}`]),
  ];
}

/** keepalived_check.json: for whoever collects figures. `fullnat` is null without FULLNAT on a stock kernel; shares are 0 to 1. */
export function renderCheckJson(status: FullnatStatus | null): string {
  return `${JSON.stringify({ fullnat: status === null ? null : fullnatJson(status) })}\n`;
}

function fullnatJson({ by, pools, reading }: FullnatStatus): object {
  const conntrack = reading?.conntrack ?? null;
  return {
    translation: by,
    local_address_groups: pools.map(({ name, addresses }) => ({ name, addresses, ports_per_real_server: addresses.length * PORTS })),
    real_servers: (reading?.uses ?? []).map(({ protocol, address, port, pools: names, connections, share }) => ({ protocol, address, port, local_address_groups: names, connections, ports_in_use: Number(share.toFixed(6)) })),
    conntrack: conntrack === null ? null : {
      entries: conntrack.count, max: conntrack.max,
      ...(conntrack.lost === null ? {} : { insert_failed: conntrack.lost.insertFailed, drop: conntrack.lost.drop, early_drop: conntrack.lost.earlyDrop }),
    },
  };
}
