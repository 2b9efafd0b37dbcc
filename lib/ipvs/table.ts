import { destinationKey, serviceKey, type Destination, type Persistence, type Service, type ServiceEntry, type Tunnel } from '../codec/ipvs-values.ts';

/** The IPVS table as a value: services by serviceKey, in the order they are added. */
export type IpvsTable = ReadonlyMap<string, ServiceEntry>;

export const EMPTY_TABLE: IpvsTable = new Map();

/** A table of these services; of two with the same key the later counts. */
export function tableOf(entries: readonly ServiceEntry[]): IpvsTable {
  return new Map(entries.map((entry) => [serviceKey(entry.service.id), entry]));
}

/** Services, destinations and local addresses of both; the settings are those of the first. */
export function union(first: IpvsTable, second: IpvsTable): IpvsTable {
  if (first.size === 0) return second;
  const all = new Map(first);
  for (const [key, entry] of second) {
    const there = all.get(key);
    if (there === entry) continue;
    if (there === undefined) {
      all.set(key, entry);
      continue;
    }
    const known = new Set(there.destinations.map(destinationKey));
    const local = [...new Set([...there.localAddresses ?? [], ...entry.localAddresses ?? []])];
    all.set(key, { ...there, destinations: [...there.destinations, ...entry.destinations.filter((one) => !known.has(destinationKey(one)))], ...(local.length === 0 ? {} : { localAddresses: local }) });
  }
  return all;
}

/** Have they the same services with the same destinations and local addresses, whatever their settings? */
export function sameKeys(a: IpvsTable, b: IpvsTable): boolean {
  return a === b || (a.size === b.size && [...a].every(([key, entry]) => {
    const other = b.get(key);
    if (other === undefined || other.destinations.length !== entry.destinations.length) return false;
    const keys = new Set(other.destinations.map(destinationKey));
    return entry.destinations.every((one) => keys.has(destinationKey(one))) && (entry.localAddresses ?? []).join() === (other.localAddresses ?? []).join();
  }));
}

/** Is the kernel's service what is wanted? Its key is not looked at. */
export function sameService(a: Service, b: Service): boolean {
  return a.scheduler === b.scheduler && a.engine === b.engine && a.synProxy === b.synProxy && a.establishedTimeout === b.establishedTimeout && a.flags.join() === b.flags.join() && samePersistence(a.persistence, b.persistence);
}

/**
 * Is the kernel's destination what is wanted? Its key is not looked at, nor the tunnel of what is none. LOCAL is what the
 * kernel makes of any method when the address is one of the machine.
 */
export function sameDestination(a: Destination, b: Destination): boolean {
  return a.weight === b.weight && a.upperThreshold === b.upperThreshold && a.lowerThreshold === b.lowerThreshold && sameForward(a, b);
}

/** The destinations of an entry by destinationKey. */
export function destinationsOf(entry: ServiceEntry | undefined): ReadonlyMap<string, Destination> {
  return new Map((entry?.destinations ?? []).map((one) => [destinationKey(one), one]));
}

function samePersistence(a: Persistence | null, b: Persistence | null): boolean {
  return a === null || b === null ? a === b : a.timeout === b.timeout && a.granularity === b.granularity;
}

function sameForward({ forward: a }: Destination, { forward: b }: Destination): boolean {
  if (a.method === 'LOCAL' || b.method === 'LOCAL') return true;
  return a.method === b.method && (a.method !== 'TUN' || sameTunnel(a.tunnel, b.tunnel));
}

function sameTunnel(a: Tunnel, b: Tunnel): boolean {
  return a.type === b.type && (a.type === 'ipip' || a.checksum === b.checksum) && (a.type !== 'gue' || a.port === b.port);
}
