/** The IPVS table that configuration and states ask for (reference 6.2 and 6.3). */
import type { GroupEntry, IpvsConfig, RealServer, VirtualServer } from '../config/model-ipvs.ts';
import { destinationKey, serviceKey, type Destination, type Service, type ServiceEntry, type ServiceId } from '../codec/ipvs-values.ts';
import { eachAddress } from '../util/ip.ts';
import type { IpvsTable } from './table.ts';
import { effectiveWeight, isInPool, serverKey, type VirtualServerState } from './virtual-server.ts';

/** A virtual server and where it stands. */
export interface Standing {
  readonly service: VirtualServer;
  readonly state: VirtualServerState;
}

/**
 * All services with their destinations. Virtual servers may share a service of the kernel (two of one group with a mark): the
 * first one's settings count, and the destinations are those of both. `entries`: entriesOf, or one that remembers.
 */
export function desiredTable(standings: readonly Standing[], groups: IpvsConfig['groups'], entries = entriesOf): IpvsTable {
  const table = new Map<string, ServiceEntry>();
  for (const standing of standings) {
    for (const entry of entries(standing, groups)) {
      const key = serviceKey(entry.service.id);
      const there = table.get(key);
      table.set(key, there === undefined ? entry : { ...there, destinations: merged(there.destinations, entry.destinations) });
    }
  }
  return table;
}

/** The kernel's services of one virtual server. */
export function entriesOf({ service, state }: Standing, groups: IpvsConfig['groups']): readonly ServiceEntry[] {
  return serviceIds(service, groups).map((id) => ({
    service: kernelService(service, id), destinations: destinationsOf(service, state, id),
    // The patched kernels have none for marks.
    ...(id.kind === 'address' && asksForFullnat(service) ? { localAddresses: service.fullnat.localAddresses } : {}),
  }));
}

/** What of the kernel's services a virtual server is: one, or those of its group. */
export function serviceIds(service: VirtualServer, groups: IpvsConfig['groups']): ServiceId[] {
  const { key, family } = service;
  const protocol = service.protocol ?? 'udp';
  switch (key.kind) {
    case 'address': return [{ kind: 'address', protocol, address: key.address, port: key.port }];
    case 'fwmark': return [{ kind: 'fwmark', mark: key.mark, family }];
    case 'group': return [
      ...(service.groupMarks ?? []).map(({ mark, family: its }): ServiceId => ({ kind: 'fwmark', mark, family: its })),
      ...(groups.find((group) => group.name === key.name)?.entries ?? []).flatMap((entry) => entryIds(entry, service)),
    ];
  }
}

function entryIds(entry: GroupEntry, service: VirtualServer): ServiceId[] {
  if (entry.kind === 'fwmark') return [{ kind: 'fwmark', mark: entry.mark, family: entry.family ?? service.family }];
  if (service.groupMarks !== undefined) return [];
  return eachAddress(entry.first, entry.last).map((address) => ({ kind: 'address', protocol: service.protocol ?? 'udp', address, port: entry.port }));
}

function asksForFullnat({ realServers, sorryServer }: VirtualServer): boolean {
  return [...realServers, ...(sorryServer === null ? [] : [sorryServer])].some(({ forward }) => forward.method === 'FNAT');
}

function kernelService(service: VirtualServer, id: ServiceId): Service {
  const { persistence } = service;
  return {
    id,
    scheduler: service.scheduler,
    flags: service.flags.filter((flag) => flag !== 'hashed'),
    persistence: persistence === null ? null : { timeout: persistence.timeout / 1000, granularity: persistence.granularity },
    engine: persistence?.engine ?? null,
    ...(asksForFullnat(service) && service.fullnat.synProxy && service.protocol === 'tcp' ? { synProxy: true as const } : {}),
    ...(asksForFullnat(service) && (service.fullnat.establishTimeout ?? 0) > 0 ? { establishedTimeout: (service.fullnat.establishTimeout ?? 0) / 1000 } : {}),
  };
}

function destinationsOf(service: VirtualServer, state: VirtualServerState, id: ServiceId): Destination[] {
  const servers = service.realServers.flatMap((server): Destination[] => {
    const pooled = isInPool(service, state, server);
    if (!pooled && !server.inhibitOnFailure) return [];
    return [kernelDestination(server, id, pooled ? effectiveWeight(server, state.servers.get(serverKey(server))) : 0)];
  });
  const { sorryServer: sorry } = service;
  if (sorry === null || (state.quorum !== 'down' && !sorry.inhibit)) return servers;
  // The sorry server may be a real server too: while it stands in it counts as that, otherwise as the other.
  const standIn = kernelDestination({ ...sorry, upperThreshold: 0, lowerThreshold: 0 }, id, state.quorum === 'down' ? 1 : 0);
  return state.quorum === 'down' ? merged([standIn], servers) : merged(servers, [standIn]);
}

/** Only NAT can give a packet another port. */
function kernelDestination(server: Pick<RealServer, 'address' | 'port' | 'forward' | 'upperThreshold' | 'lowerThreshold'>, id: ServiceId, weight: number): Destination {
  const { address, forward, upperThreshold, lowerThreshold } = server;
  const nat = forward.method === 'NAT' || forward.method === 'FNAT';
  const servicePort = id.kind === 'address' ? id.port : 0;
  return { address, port: nat ? server.port : servicePort, forward, weight, upperThreshold, lowerThreshold };
}

/** Those of `more` that are not in `first`, behind it. */
function merged(first: readonly Destination[], more: readonly Destination[]): Destination[] {
  const known = new Set(first.map(destinationKey));
  return [...first, ...more.filter((one) => !known.has(destinationKey(one)))];
}
