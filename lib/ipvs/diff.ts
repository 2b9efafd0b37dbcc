import type { IpvsOperation } from '../codec/ipvs-operation.ts';
import type { Service, ServiceEntry } from '../codec/ipvs-values.ts';
import { destinationsOf, sameDestination, sameService, type IpvsTable } from './table.ts';

/**
 * What turns the actual table into the desired one, in keepalived's order: service by service, the service before its
 * destinations, what is new or changed before what goes; then the services that go, destinations first.
 *
 * Only what stands in `ours` is removed: what is there and was never wanted is somebody else's, service or destination.
 */
export function diffTables(desired: IpvsTable, actual: IpvsTable, ours: IpvsTable = actual): IpvsOperation[] {
  const operations: IpvsOperation[] = [];
  for (const [key, entry] of desired) operations.push(...serviceChanges(entry, actual.get(key), ours.get(key)));
  for (const [key, entry] of actual) {
    const mine = ours.get(key);
    if (desired.has(key) || mine === undefined) continue;
    operations.push(...removals(entry, mine), { op: 'delete-service', id: entry.service.id });
  }
  return operations;
}

function serviceChanges(wanted: ServiceEntry, actual: ServiceEntry | undefined, mine: ServiceEntry | undefined): IpvsOperation[] {
  const own = ownChange(wanted.service, actual?.service);
  const local = localChanges(wanted, actual, mine);
  const arrivals = destinationChanges(wanted, actual);
  const departures = actual === undefined || mine === undefined ? [] : removals(actual, mine, wanted);
  // Before the destinations: a connection that finds one needs an address to come from.
  return [...own, ...local, ...arrivals, ...departures];
}

/** FULLNAT of a patched kernel. What goes with its service needs no word. */
function localChanges({ service: { id: service }, localAddresses: wanted = [] }: ServiceEntry, actual: ServiceEntry | undefined, mine: ServiceEntry | undefined): IpvsOperation[] {
  const there = new Set(actual?.localAddresses);
  const own = new Set(mine?.localAddresses);
  const added = wanted.filter((address) => !there.delete(address)).map((address): IpvsOperation => ({ op: 'add-local-address', service, address }));
  return [...added, ...[...there].filter((address) => own.has(address)).map((address): IpvsOperation => ({ op: 'delete-local-address', service, address }))];
}

function ownChange(service: Service, actual: Service | undefined): IpvsOperation[] {
  if (actual === undefined) return [{ op: 'add-service', service }];
  return sameService(service, actual) ? [] : [{ op: 'edit-service', service }];
}

function destinationChanges(wanted: ServiceEntry, actual: ServiceEntry | undefined): IpvsOperation[] {
  const service = wanted.service.id;
  const there = destinationsOf(actual);
  return [...destinationsOf(wanted)].flatMap(([key, destination]): IpvsOperation[] => {
    const old = there.get(key);
    if (old === undefined) return [{ op: 'add-destination', service, destination }];
    return sameDestination(destination, old) ? [] : [{ op: 'edit-destination', service, destination }];
  });
}

/** The destinations that are there, are ours, and are not wanted any more. */
function removals(actual: ServiceEntry, mine: ServiceEntry, wanted?: ServiceEntry): IpvsOperation[] {
  const keep = destinationsOf(wanted);
  const own = destinationsOf(mine);
  return [...destinationsOf(actual)]
    .filter(([key]) => own.has(key) && !keep.has(key))
    .map(([, { address, port }]) => ({ op: 'delete-destination', service: actual.service.id, destination: { address, port } }));
}
