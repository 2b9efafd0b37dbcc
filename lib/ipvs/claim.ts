/** What a configuration may ever put into IPVS, whatever its checkers say. */
import type { IpvsConfig } from '../config/model-ipvs.ts';
import { desiredTable, type Standing } from './desired.ts';
import type { IpvsTable } from './table.ts';
import { initialize, type VirtualServerState } from './virtual-server.ts';

export function claimedTable({ virtualServers, groups }: Pick<IpvsConfig, 'virtualServers' | 'groups'>): IpvsTable {
  return desiredTable(virtualServers.flatMap((service): Standing[] => {
    const { servers } = initialize(service);
    const up: VirtualServerState = { quorum: 'up', servers: new Map([...servers.keys()].map((key) => [key, { failed: new Set(), added: new Map(), judged: false }])) };
    return [{ service, state: up }, { service, state: { ...up, quorum: 'down' } }];
  }), groups);
}
