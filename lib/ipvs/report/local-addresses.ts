/** Local addresses of FULLNAT and how much of them is in use, as the forks' `ipvsadm -G` lists them. */
import { serviceKey, type LocalAddressStatus, type ServiceEntry, type ServiceId } from '../../codec/ipvs-values.ts';
import type { IpAddress } from '../../util/ip.ts';
import type { Connection, Endpoint } from './connections.ts';
import { endpoint, serviceTitle } from './words.ts';

/** Ports that netfilter gives a local address towards one socket of a server: 1024 to 65535. */
export const PORTS = 64_512;

export interface LocalUse {
  readonly address: IpAddress;
  /** null: a stock kernel does not count them. */
  readonly portConflicts: bigint | null;
  readonly connections: number;
  /** Towards the server with the most of this address' ports; null: there is none, or the kernel has one range for all. */
  readonly fullest: { readonly server: Endpoint; readonly used: number } | null;
}

export interface ServiceLocals {
  readonly id: ServiceId;
  /** A patched kernel's own, or IPVS masquerading and a translation of ours. */
  readonly by: 'kernel' | 'netfilter';
  readonly local: readonly LocalUse[];
}

export function localLines(services: readonly ServiceLocals[]): string[] {
  const lines = services.flatMap(({ id, local }) => [
    row(serviceTitle(id), String(local.length)),
    ...local.map(({ address, portConflicts, connections, fullest }) => row('', '', address, portConflicts === null ? '-' : String(portConflicts), String(connections), fullest === null ? '' : `${String(fullest.used)}/${String(PORTS)} ${endpoint(fullest.server)}`)),
  ]);
  return [row('VIP:VPORT', 'TOTAL', 'SNAT_IP', 'CONFLICTS', 'CONNS', services.some(({ by }) => by === 'netfilter') ? 'FULLEST' : ''), ...lines];
}

export function localsJson(services: readonly ServiceLocals[]): object[] {
  return services.map(({ id: { kind, ...key }, by, local }) => ({
    kind, ...key, by,
    localAddresses: local.map(({ address, portConflicts, connections, fullest }) => ({
      address, ...(portConflicts === null ? {} : { portConflicts: Number(portConflicts) }), connections, ...(fullest === null ? {} : { fullest: { ...fullest, of: PORTS } }),
    })),
  }));
}

/** As a patched kernel tells. */
export function kernelLocals(id: ServiceId, local: readonly LocalAddressStatus[]): ServiceLocals {
  return { id, by: 'kernel', local: local.map((one) => ({ ...one, fullest: null })) };
}

/** Counts what of local addresses is in use by the connections of some services: memory for services, addresses and servers, not for connections. */
export class PortUse {
  readonly #entries: ReadonlyMap<string, ServiceEntry>;
  readonly #marks: readonly ServiceEntry[];
  /** Connections by service and address. */
  readonly #connections = new Map<string, number>();
  /** Ports by address, protocol and server; with those of each service. */
  readonly #ports = new Map<string, number>();
  readonly #servers = new Map<string, Map<string, Endpoint>>();

  /** `entries`: those with FULLNAT. */
  constructor(entries: readonly ServiceEntry[]) {
    this.#entries = new Map(entries.map((entry) => [serviceKey(entry.service.id), entry]));
    this.#marks = entries.filter(({ service }) => service.id.kind === 'fwmark');
  }

  count(connection: Connection): void {
    const { protocol, destination, local } = connection;
    const entry = local === null ? undefined : this.#of(connection);
    if (local === null || entry === undefined) return;
    const key = `${serviceKey(entry.service.id)} ${local.address}`;
    const port = `${local.address} ${protocol} ${endpoint(destination)}`;
    this.#connections.set(key, (this.#connections.get(key) ?? 0) + 1);
    this.#ports.set(port, (this.#ports.get(port) ?? 0) + 1);
    const servers = this.#servers.get(key) ?? new Map<string, Endpoint>();
    this.#servers.set(key, servers.set(port, destination));
  }

  locals(id: ServiceId, addresses: readonly IpAddress[]): ServiceLocals {
    const local = addresses.map((address): LocalUse => {
      const key = `${serviceKey(id)} ${address}`;
      let fullest: LocalUse['fullest'] = null;
      for (const [port, server] of this.#servers.get(key) ?? []) {
        const used = this.#ports.get(port) ?? 0;
        if (used > (fullest?.used ?? 0)) fullest = { server, used };
      }
      return { address, portConflicts: null, connections: this.#connections.get(key) ?? 0, fullest };
    });
    return { id, by: 'netfilter', local };
  }

  /** A mark's connections have the address that was asked for: they are known by their server. */
  #of({ protocol, virtual, destination }: Connection): ServiceEntry | undefined {
    const key = (port: number): string => `${protocol.toLowerCase()} ${virtual.address} ${String(port)}`;
    return this.#entries.get(key(virtual.port)) ?? this.#entries.get(key(0))
      ?? this.#marks.find(({ destinations }) => destinations.some(({ address, port }) => address === destination.address && (port === 0 || port === destination.port)));
  }
}

function row(service: string, total: string, address = '', conflicts = '', connections = '', fullest = ''): string {
  return `${service.padEnd(26)} ${total.padStart(5)} ${address.padEnd(24)} ${conflicts.padStart(9)} ${connections.padStart(9)} ${fullest}`.trimEnd();
}
