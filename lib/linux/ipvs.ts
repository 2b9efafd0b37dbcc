import { DecodeError } from '../codec/decode-error.ts';
import type { GenericFamily } from '../codec/genetlink.ts';
import { decodeLocalAddressReply, encodeGetLocalAddresses, fullnatKind, needsFullnat } from '../codec/ipvs-fullnat.ts';
import { describeOperation } from '../codec/ipvs-operation.ts';
import type { DestinationStatus, LocalAddressStatus, ServiceId, ServiceStatus } from '../codec/ipvs-values.ts';
import { serviceFamily, serviceKey } from '../codec/ipvs-values.ts';
import {
  decodeDaemonReply, decodeDestinationReply, decodeInfoReply, decodeServiceReply, decodeTimeoutsReply, encodeGetDaemons, encodeGetDestinations, encodeGetInfo, encodeGetServices,
  encodeGetTimeouts, encodeOperation,
} from '../codec/ipvs.ts';
import type { NetlinkMessage } from '../codec/netlink.ts';
import { SystemError } from '../system/error.ts';
import type { IpvsControl } from '../system/ipvs.ts';
import { findIpvs } from './ipvs-family.ts';
import { inNetworkNamespace } from './namespace.ts';
import { NetlinkRequests, type RequestOptions } from './netlink-requests.ts';

const NETLINK_GENERIC = 16;

/**
 * IPVS of the network namespace this process is in, or of the one whose file is given, over generic netlink. Loads the kernel's module when it is not there.
 * Rejects with SystemError: ENOENT when the kernel has no IPVS (the cause says what can be done), EPERM from everything it is
 * asked without CAP_NET_ADMIN.
 */
export async function linuxIpvs({ namespace = null, ...options }: RequestOptions & { readonly namespace?: string | null } = {}): Promise<IpvsControl> {
  const open = (): NetlinkRequests => new NetlinkRequests(NETLINK_GENERIC, 'IPVS socket', options);
  const requests = namespace === null ? open() : inNetworkNamespace(namespace, open);
  try {
    return control(requests, await findIpvs(requests));
  } catch (cause) {
    requests.close();
    throw cause;
  }
}

function control(requests: NetlinkRequests, { id, commands }: GenericFamily): IpvsControl {
  const fullnat = fullnatKind(commands);
  const ask = <T>(object: string, payload: Uint8Array, decode: (payload: Uint8Array) => T | DecodeError): Promise<T> =>
    requests.ask({ type: id, flags: 0, payload, operation: 'read', object }).then((messages) => first(decodeAll(messages, id, object, decode), object));
  const list = <T>(object: string, payload: Uint8Array, decode: (payload: Uint8Array) => T | DecodeError): Promise<T[]> =>
    requests.dump({ type: id, flags: 0, payload, operation: 'list', object }).then((messages) => decodeAll(messages, id, object, decode));
  const services = (): Promise<ServiceStatus[]> => list('IPVS services', encodeGetServices(), (payload) => decodeServiceReply(payload, fullnat !== null));
  const destinations = (service: ServiceId): Promise<DestinationStatus[]> =>
    list(`destinations of ${serviceKey(service)}`, encodeGetDestinations(service), (payload) => decodeDestinationReply(payload, service));
  const localAddresses = (service: ServiceId): Promise<LocalAddressStatus[]> =>
    fullnat === null ? Promise.resolve([]) : list(`local addresses of ${serviceKey(service)}`, encodeGetLocalAddresses(service), (payload) => decodeLocalAddressReply(payload, serviceFamily(service)));

  return {
    fullnat,
    localAddresses,
    info: () => ask('IPVS information', encodeGetInfo(), decodeInfoReply),
    async dump() {
      const entries = (await services()).map(async (service) => {
        const local = await localAddresses(service.id);
        return { service, destinations: await destinations(service.id), ...(local.length === 0 ? {} : { localAddresses: local.map(({ address }) => address) }) };
      });
      return Promise.all(entries);
    },
    timeouts: () => ask('IPVS timeouts', encodeGetTimeouts(), decodeTimeoutsReply),
    daemons: () => list('IPVS sync daemons', encodeGetDaemons(), decodeDaemonReply),
    async apply(operations) {
      const refused = operations.map((one) => (fullnat === null && needsFullnat(one) ? new SystemError(...describeOperation(one), 'EOPNOTSUPP', 'this kernel has no FULLNAT') : null));
      const results = await requests.batch(operations.filter((_, i) => refused[i] === null).map((one) => {
        const [operation, object] = describeOperation(one);
        return { type: id, flags: 0, payload: encodeOperation(one), operation, object };
      }));
      let next = 0;
      return refused.map((problem) => problem ?? results[next++] ?? null);
    },
    close: () => requests.close(),
  };
}

/** Throws SystemError EBADMSG for what is not an answer of this family, or cannot be read. */
function decodeAll<T>(messages: readonly NetlinkMessage[], family: number, object: string, decode: (payload: Uint8Array) => T | DecodeError): T[] {
  return messages.map(({ type, payload }) => {
    const value = type === family ? decode(payload) : new DecodeError('bad-family', `a message of type ${type} came from the kernel, not ${family}`);
    if (value instanceof DecodeError) throw new SystemError('decode', object, 'EBADMSG', value);
    return value;
  });
}

function first<T>(values: readonly T[], object: string): T {
  const [value] = values;
  if (value === undefined) throw new SystemError('read', object, 'ENODATA');
  return value;
}
