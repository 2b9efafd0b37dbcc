import type { Destination, DestinationId, IpvsTimeouts, Service, ServiceId, SyncDaemon } from './ipvs-values.ts';
import type { IpAddress } from '../util/ip.ts';
import { destinationKey, serviceKey } from './ipvs-values.ts';

/** One thing asked of the kernel's IPVS; one netlink message each. */
export type IpvsOperation =
  | { readonly op: 'add-service' | 'edit-service'; readonly service: Service }
  | { readonly op: 'delete-service'; readonly id: ServiceId }
  | { readonly op: 'add-destination' | 'edit-destination'; readonly service: ServiceId; readonly destination: Destination }
  | { readonly op: 'delete-destination'; readonly service: ServiceId; readonly destination: DestinationId }
  /** FULLNAT of a patched kernel: an address that connections of the service may come from. */
  | { readonly op: 'add-local-address' | 'delete-local-address'; readonly service: ServiceId; readonly address: IpAddress }
  /** The counters of one service with its destinations, or (null) all counters. */
  | { readonly op: 'zero'; readonly service: ServiceId | null }
  /** Everything goes: services, destinations. */
  | { readonly op: 'flush' }
  /** What is left out (or 0) stays as it is. */
  | { readonly op: 'set-timeouts'; readonly timeouts: Partial<IpvsTimeouts> }
  | { readonly op: 'start-daemon'; readonly daemon: SyncDaemon }
  | { readonly op: 'stop-daemon'; readonly state: SyncDaemon['state'] };

/** [what is done, to what], for errors and logs: ['add destination', '10.0.0.1 80 of tcp 192.0.2.1 80']. */
export function describeOperation(operation: IpvsOperation): readonly [string, string] {
  const what = operation.op.replace('-', ' ');
  switch (operation.op) {
    case 'add-service':
    case 'edit-service':
      return [what, serviceKey(operation.service.id)];
    case 'delete-service':
      return [what, serviceKey(operation.id)];
    case 'add-destination':
    case 'edit-destination':
    case 'delete-destination':
      return [what, `${destinationKey(operation.destination)} of ${serviceKey(operation.service)}`];
    case 'add-local-address':
    case 'delete-local-address':
      return [operation.op.replaceAll('-', ' '), `${operation.address} of ${serviceKey(operation.service)}`];
    case 'zero':
      return ['zero the counters of', operation.service === null ? 'IPVS' : serviceKey(operation.service)];
    case 'flush':
      return ['flush', 'IPVS'];
    case 'set-timeouts':
      return ['set timeouts of', 'IPVS'];
    case 'start-daemon':
      return ['start', `the sync daemon (${operation.daemon.state}) on ${operation.daemon.link}`];
    case 'stop-daemon':
      return ['stop', `the sync daemon (${operation.state})`];
  }
}
