/**
 * How many ports FULLNAT on a stock kernel has, and uses: each local address has 64,512 (1024 to 65535) for connections to one
 * socket of a real server, and there is no fall-over to another address. Connections are those that IPVS counts for a
 * destination, closing ones too, which hold their port as well; the hash gives each address of a group its share.
 */
import { serviceKey, type IpvsProtocol, type ServiceEntryStatus } from '../../codec/ipvs-values.ts';
import type { IpAddress } from '../../util/ip.ts';
import type { FullnatPlan } from './plan.ts';

/** Of one local address, for one socket of a real server. */
export const PORTS = 64_512;

export interface PortUse {
  /** null: of services by mark, which have any. */
  readonly protocol: IpvsProtocol | null;
  readonly address: IpAddress;
  readonly port: number;
  /** Names of the local address groups; more than one where virtual servers with different ones share the real server. */
  readonly pools: readonly string[];
  /** Local addresses of all these groups. */
  readonly addresses: number;
  readonly connections: number;
  /** Of the ports of the busiest local address, those in use: 1 is all. */
  readonly share: number;
}

/** Each real server's, the busiest first. */
export function portUse(plans: readonly FullnatPlan[], table: readonly ServiceEntryStatus[]): PortUse[] {
  const poolOf = new Map(plans.flatMap((plan) => plan.services.map(({ id, pool }) => [serviceKey(id), `${plan.family} ${pool}`] as const)));
  const addresses = new Map(plans.flatMap((plan) => plan.pools.map((pool) => [`${plan.family} ${pool.name}`, pool.addresses] as const)));
  const sockets = new Map<string, { readonly of: Pick<PortUse, 'protocol' | 'address' | 'port'>; readonly connections: Map<string, number> }>();
  for (const { service: { id }, destinations } of table) {
    const pool = poolOf.get(serviceKey(id));
    if (pool === undefined) continue;
    const protocol = id.kind === 'address' ? id.protocol : null;
    for (const { address, port, forward, activeConnections, inactiveConnections } of destinations) {
      if (forward.method !== 'NAT') continue;
      const key = `${protocol ?? 'any'} ${address} ${String(port)}`;
      const socket = sockets.get(key) ?? { of: { protocol, address, port }, connections: new Map<string, number>() };
      sockets.set(key, socket);
      socket.connections.set(pool, (socket.connections.get(pool) ?? 0) + activeConnections + inactiveConnections);
    }
  }
  return [...sockets.values()].map(({ of, connections }) => ({ ...of, ...loadOf(connections, addresses) })).sort((a, b) => b.share - a.share);
}

/** Groups may have addresses in common. */
function loadOf(connections: ReadonlyMap<string, number>, addresses: ReadonlyMap<string, readonly IpAddress[]>): Pick<PortUse, 'pools' | 'addresses' | 'connections' | 'share'> {
  const load = new Map<IpAddress, number>();
  let sum = 0;
  for (const [pool, count] of connections) {
    const own = addresses.get(pool) ?? [];
    sum += count;
    for (const address of own) load.set(address, (load.get(address) ?? 0) + count / own.length);
  }
  let busiest = 0;
  for (const one of load.values()) busiest = Math.max(busiest, one);
  return { pools: [...connections.keys()].map((pool) => pool.slice(pool.indexOf(' ') + 1)), addresses: load.size, connections: sum, share: busiest / PORTS };
}
