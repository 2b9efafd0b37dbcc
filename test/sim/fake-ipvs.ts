import { needsFullnat, type FullnatKind } from '../../lib/codec/ipvs-fullnat.ts';
import type { IpvsOperation } from '../../lib/codec/ipvs-operation.ts';
import { describeOperation } from '../../lib/codec/ipvs-operation.ts';
import {
  destinationKey, serviceFamily, serviceKey, type Destination, type DestinationStatus, type IpvsInfo, type IpvsStats, type IpvsTimeouts, type LocalAddressStatus, type Service, type ServiceEntryStatus,
  type ServiceId, type SyncDaemon,
} from '../../lib/codec/ipvs-values.ts';
import { SystemError } from '../../lib/system/error.ts';
import type { IpvsControl } from '../../lib/system/ipvs.ts';
import { familyOf, type IpAddress } from '../../lib/util/ip.ts';

/** The kernel's IPVS, simulated: its table, its order of checks, its errors. */
export class FakeIpvs implements IpvsControl {
  /** Everything asked so far, in order, batch after batch. */
  readonly batches: (readonly IpvsOperation[])[] = [];
  /** Schedulers and engines that there are. */
  readonly modules = new Set(['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'sh', 'mh', 'dh', 'sed', 'nq', 'fo', 'ovf', 'twos', 'none', 'sip']);
  /** Interfaces a sync daemon may use. */
  readonly links = new Set(['eth0']);
  /** The next batch is carried out up to this operation, and then its answer is lost. null: all is well. */
  loseAt: number | null = null;
  /** The kernel's answer to everything that is asked for, e.g. EPERM; null: by the table. */
  refuse: string | null = null;
  /** It says that all is done, and does nothing: for a process that is to end without leaving a trace of its end. */
  deaf = false;
  closed = false;
  /** A patched kernel's kind; a stock one has none. */
  fullnat: FullnatKind = null;
  establishedTimeouts = false;
  readonly #table = new Map<string, { service: Service; destinations: Map<string, Destination>; local: Set<IpAddress> }>();
  readonly #daemons = new Map<SyncDaemon['state'], SyncDaemon>();
  #timeouts: IpvsTimeouts = { tcp: 900, tcpFin: 120, udp: 300 };

  info(): Promise<IpvsInfo> {
    return Promise.resolve({ version: '1.2.1', connectionTableSize: 4096 });
  }

  dump(): Promise<readonly ServiceEntryStatus[]> {
    const status = (destination: Destination): DestinationStatus => ({ ...destination, activeConnections: 0, inactiveConnections: 0, persistentConnections: 0, stats: NOTHING });
    return Promise.resolve([...this.#table.values()].map(({ service, destinations, local }) => ({ service: { ...service, stats: NOTHING }, destinations: [...destinations.values()].map(status), ...(local.size === 0 ? {} : { localAddresses: [...local] }) })));
  }

  localAddresses(service: ServiceId): Promise<readonly LocalAddressStatus[]> {
    return Promise.resolve([...this.#table.get(serviceKey(service))?.local ?? []].map((address) => ({ address, portConflicts: 0n, connections: 0 })));
  }

  timeouts(): Promise<IpvsTimeouts> {
    return Promise.resolve(this.#timeouts);
  }

  daemons(): Promise<readonly SyncDaemon[]> {
    return Promise.resolve([...this.#daemons.values()]);
  }

  apply(operations: readonly IpvsOperation[]): Promise<readonly (SystemError | null)[]> {
    if (this.deaf) return Promise.resolve(operations.map(() => null));
    this.batches.push(operations);
    const until = this.loseAt;
    this.loseAt = null;
    const results = operations.slice(0, until ?? operations.length).map((operation) => this.#refusal(operation));
    return until === null ? Promise.resolve(results) : Promise.reject(new SystemError('wait for the answer on', 'IPVS socket', 'ENOBUFS'));
  }

  close(): void {
    this.closed = true;
  }

  /** The table for people: `tcp 192.0.2.1 80 rr: 10.0.0.1 80 w1, 10.0.0.2 80 w0`. */
  lines(): string[] {
    return [...this.#table].map(([key, { service, destinations }]) => `${key} ${service.scheduler}: ${[...destinations].map(([id, { weight }]) => `${id} w${weight}`).join(', ')}`.replace(/: $/u, ''));
  }

  /** Everything asked so far, as text. */
  asked(): string[] {
    return this.batches.flat().map((operation) => describeOperation(operation).join(' '));
  }

  #refusal(operation: IpvsOperation): SystemError | null {
    const code = this.refuse ?? (this.fullnat === null && needsFullnat(operation) ? 'EOPNOTSUPP' : this.#carryOut(operation));
    return code === null ? null : new SystemError(...describeOperation(operation), code);
  }

  /** null when it is done, else the errno. */
  #carryOut(operation: IpvsOperation): string | null {
    switch (operation.op) {
      case 'add-service':
      case 'edit-service':
        return this.#putService(operation.op, operation.service);
      case 'delete-service':
        return this.#table.delete(serviceKey(operation.id)) ? null : 'ESRCH';
      case 'add-destination':
      case 'edit-destination':
        return this.#putDestination(operation.op, operation.service, operation.destination);
      case 'delete-destination': {
        const entry = this.#table.get(serviceKey(operation.service));
        if (entry === undefined) return 'ESRCH';
        return entry.destinations.delete(destinationKey(operation.destination)) ? null : 'ENOENT';
      }
      case 'add-local-address':
      case 'delete-local-address': {
        const entry = this.#table.get(serviceKey(operation.service));
        if (entry === undefined) return 'ESRCH';
        if (operation.op === 'delete-local-address') return entry.local.delete(operation.address) ? null : 'ENOENT';
        if (entry.local.has(operation.address)) return 'EEXIST';
        entry.local.add(operation.address);
        return null;
      }
      case 'zero':
        return operation.service === null || this.#table.has(serviceKey(operation.service)) ? null : 'ESRCH';
      case 'flush':
        this.#table.clear();
        return null;
      case 'set-timeouts':
        this.#timeouts = { ...this.#timeouts, ...Object.fromEntries(Object.entries(operation.timeouts).filter(([, value]) => value > 0)) };
        return null;
      case 'start-daemon':
        if (this.#daemons.has(operation.daemon.state)) return 'EEXIST';
        if (!this.links.has(operation.daemon.link)) return 'ENODEV';
        this.#daemons.set(operation.daemon.state, operation.daemon);
        return null;
      case 'stop-daemon':
        return this.#daemons.delete(operation.state) ? null : 'ESRCH';
    }
  }

  #putService(op: 'add-service' | 'edit-service', service: Service): string | null {
    const key = serviceKey(service.id);
    const old = this.#table.get(key);
    if (op === 'edit-service' && old === undefined) return 'ESRCH';
    if (op === 'add-service' && old !== undefined) return 'EEXIST';
    if (!this.modules.has(service.scheduler) || (service.engine !== null && !this.modules.has(service.engine))) return 'ENOENT';
    this.#table.set(key, { service, destinations: old?.destinations ?? new Map<string, Destination>(), local: old?.local ?? new Set() });
    return null;
  }

  #putDestination(op: 'add-destination' | 'edit-destination', service: ServiceId, destination: Destination): string | null {
    const entry = this.#table.get(serviceKey(service));
    if (entry === undefined) return 'ESRCH';
    const { weight, upperThreshold, lowerThreshold, forward } = destination;
    if (familyOf(destination.address) !== serviceFamily(service) && forward.method !== 'TUN') return 'EINVAL';
    if (weight < 0 || lowerThreshold > upperThreshold) return 'ERANGE';
    if (forward.method === 'TUN' && forward.tunnel.type === 'gue' && forward.tunnel.port === 0) return 'EINVAL';
    const there = entry.destinations.has(destinationKey(destination));
    if (there !== (op === 'edit-destination')) return there ? 'EEXIST' : 'ENOENT';
    entry.destinations.set(destinationKey(destination), destination);
    return null;
  }
}

const NOTHING: IpvsStats = {
  connections: 0n, inPackets: 0n, outPackets: 0n, inBytes: 0n, outBytes: 0n, connectionRate: 0n, inPacketRate: 0n, outPacketRate: 0n, inByteRate: 0n, outByteRate: 0n,
};
