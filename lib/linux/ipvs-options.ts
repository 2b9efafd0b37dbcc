import { DecodeError } from '../codec/decode-error.ts';
import type { FullnatKind } from '../codec/ipvs-fullnat.ts';
import { describeOperation } from '../codec/ipvs-operation.ts';
import {
  daemonsRequest, decodeOptionDaemons, decodeOptionDestinations, decodeOptionInfo, decodeOptionLocalAddresses, decodeOptionServices, decodeOptionTimeouts, destinationsRequest, encodeOption, GET,
  infoRequest, localAddressesRequest, optionRefusal, servicesRequest, timeoutsRequest, type CountedService, type OptionLayout,
} from '../codec/ipvs-options.ts';
import { needsFullnat } from '../codec/ipvs-fullnat.ts';
import { serviceKey, type DestinationStatus, type LocalAddressStatus, type ServiceId } from '../codec/ipvs-values.ts';
import type { IpvsOperation } from '../codec/ipvs-operation.ts';
import { SystemError } from '../system/error.ts';
import type { IpvsControl } from '../system/ipvs.ts';
import { AF_INET, check, close, errnoName, getsockopt, nativeInt, setsockopt, SOCK_CLOEXEC, SOCK_DGRAM, socket } from './libc.ts';

const IPPROTO_IP = 0;

/** Options of one socket, at level IPPROTO_IP. */
export interface SocketOptions {
  /** What the kernel makes of the buffer, or the name of an errno. */
  get(option: number, value: Uint8Array): Uint8Array | string;
  /** null, or the name of an errno. */
  set(option: number, value: Uint8Array): string | null;
  close(): void;
}

/** Of a socket of its own in the network namespace of this thread. Throws SystemError. */
export function socketOptions(): SocketOptions {
  const fd = check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'open', 'IPVS socket for options');
  let open = true;
  return {
    get: (option, value) => (getsockopt(fd, IPPROTO_IP, option, value, nativeInt(value.length)) < 0 ? errnoName() : value),
    set: (option, value) => (setsockopt(fd, IPPROTO_IP, option, value, value.length) < 0 ? errnoName() : null),
    close() {
      if (open) close(fd);
      open = false;
    },
  };
}

/** What socket options this kernel knows; null: none of IPVS. Only reads, and what it reads is nobody's. */
export function optionKind(options: SocketOptions): { readonly fullnat: FullnatKind } | null {
  if (typeof options.get(GET.INFO, infoRequest()) === 'string') return null;
  // One that knows the option misses the service, or finds none: whatever it says but this.
  const knows = (option: number): boolean => options.get(option, localAddressesRequest(null, 0)) !== 'ENOPROTOOPT';
  if (!knows(GET.LADDRS)) return { fullnat: null };
  return { fullnat: knows(GET.ZONES) ? 'zones' : 'services' };
}

/** IPVS by socket options: IPv4, and one call for each thing. */
export function optionIpvs(options: SocketOptions, { fullnat }: { readonly fullnat: FullnatKind }): IpvsControl {
  const layout: OptionLayout = fullnat === null ? 'stock' : 'fullnat';
  const get = (option: number, value: Uint8Array, object: string): Uint8Array => {
    const answer = options.get(option, value);
    if (typeof answer === 'string') throw new SystemError('read', object, answer);
    return answer;
  };
  const services = (): CountedService[] => {
    const { services: count } = decodeOptionInfo(get(GET.INFO, infoRequest(), 'IPVS information'));
    return known(decodeOptionServices(get(GET.SERVICES, servicesRequest(count, layout), 'IPVS services'), layout), 'IPVS services');
  };
  const destinations = (id: ServiceId, count: number): DestinationStatus[] => {
    const object = `destinations of ${serviceKey(id)}`;
    return known(decodeOptionDestinations(get(GET.DESTS, destinationsRequest(id, count, layout), object), layout), object);
  };
  const localAddresses = (id: ServiceId, count: number): LocalAddressStatus[] =>
    (fullnat !== 'services' || count === 0 ? [] : decodeOptionLocalAddresses(get(GET.LADDRS, localAddressesRequest(id, count), `local addresses of ${serviceKey(id)}`)));
  const attempt = (operation: IpvsOperation): SystemError | null => {
    const refused = needsFullnat(operation) && fullnat !== 'services' ? ['EOPNOTSUPP', 'this kernel has no FULLNAT for services'] as const : optionRefusal(operation);
    if (refused !== null) return new SystemError(...describeOperation(operation), refused[0], refused[1]);
    const { option, value } = encodeOption(operation);
    const code = options.set(option, value);
    return code === null ? null : new SystemError(...describeOperation(operation), code);
  };

  return {
    fullnat,
    establishedTimeouts: false,
    info: () => settled(() => {
      const { version, connectionTableSize } = decodeOptionInfo(get(GET.INFO, infoRequest(), 'IPVS information'));
      return { version, connectionTableSize };
    }),
    dump: () => settled(() => services().map(({ service, destinations: servers, localAddresses: count }) => {
      const local = localAddresses(service.id, count);
      return { service, destinations: destinations(service.id, servers), ...(local.length === 0 ? {} : { localAddresses: local.map(({ address }) => address) }) };
    })),
    localAddresses: (id) => settled(() => localAddresses(id, services().find(({ service }) => serviceKey(service.id) === serviceKey(id))?.localAddresses ?? 0)),
    timeouts: () => settled(() => decodeOptionTimeouts(get(GET.TIMEOUT, timeoutsRequest(), 'IPVS timeouts'))),
    daemons: () => settled(() => decodeOptionDaemons(get(GET.DAEMON, daemonsRequest(), 'IPVS sync daemons'))),
    apply: (operations) => settled(() => operations.map(attempt)),
    close: () => { options.close(); },
  };
}

/** The kernel has answered when the call returns; who asks waits for a promise all the same. */
function settled<T>(run: () => T): Promise<T> {
  return Promise.resolve().then(run);
}

function known<T>(value: T | DecodeError, object: string): T {
  if (value instanceof DecodeError) throw new SystemError('decode', object, 'EBADMSG', value);
  return value;
}
