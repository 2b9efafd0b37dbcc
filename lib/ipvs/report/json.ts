import type { DestinationStatus, IpvsInfo, IpvsStats, IpvsTimeouts, ServiceEntryStatus, ServiceStatus, SyncDaemon } from '../../codec/ipvs-values.ts';
import type { Connection } from './connections.ts';

/** Everything about the table, as JSON. Counters are whole numbers of up to 64 bits. `fullnat`: services that have it, with their local addresses. */
export function tableJson(info: IpvsInfo, timeouts: IpvsTimeouts, daemons: readonly SyncDaemon[], entries: readonly ServiceEntryStatus[], fullnat: readonly object[] = []): string {
  return print({
    ...info,
    timeouts,
    daemons,
    services: entries.map(({ service, destinations }) => ({ ...serviceFields(service), destinations: destinations.map(destinationFields) })),
    ...(fullnat.length === 0 ? {} : { fullnat }),
  });
}

/** One connection, on one line. */
export function connectionJson({ protocol, client, virtual, destination, local, state, expires, engine }: Connection): string {
  return JSON.stringify({ protocol, client, virtual, ...(local === null ? {} : { local }), destination, state, expires, engine });
}

function serviceFields({ id: { kind, ...key }, stats, ...fields }: ServiceStatus): object {
  return { kind, ...key, ...fields, stats: statsFields(stats) };
}

function destinationFields({ stats, forward: { method, tunnel }, ...fields }: DestinationStatus): object {
  return { ...fields, forward: method, ...(method === 'TUN' ? { tunnel } : {}), stats: statsFields(stats) };
}

function statsFields(stats: IpvsStats): object {
  return Object.fromEntries(Object.entries(stats).map(([name, value]) => [name, `${MARK}${String(value)}`]));
}

/** Numbers beyond 2^53 would lose digits as JavaScript's; they go through JSON.stringify as text and lose the quotes after it. */
const MARK = '\u0000n';

export function print(value: object): string {
  return JSON.stringify(value, null, 2).replace(/"\\u0000n(\d+)"/gu, '$1');
}
