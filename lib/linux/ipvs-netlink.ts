import { DecodeError } from '../codec/decode-error.ts';
import type { GenericFamily } from '../codec/genetlink.ts';
import { decodeLocalAddressReply, dialectRefusal, encodeGetLocalAddresses, type IpvsDialect } from '../codec/ipvs-fullnat.ts';
import { describeOperation } from '../codec/ipvs-operation.ts';
import { serviceFamily, serviceKey, type DestinationStatus, type LocalAddressStatus, type ServiceId, type ServiceStatus } from '../codec/ipvs-values.ts';
import {
  decodeDaemonReply, decodeDestinationReply, decodeInfoReply, decodeServiceReply, decodeTimeoutsReply, encodeGetDaemons, encodeGetDestinations, encodeGetInfo, encodeGetServices,
  encodeGetTimeouts, encodeOperation,
} from '../codec/ipvs.ts';
import type { NetlinkMessage } from '../codec/netlink.ts';
import { SystemError } from '../system/error.ts';
import type { IpvsControl } from '../system/ipvs.ts';
import type { NetlinkRequests } from './netlink-requests.ts';

/** IPVS over generic netlink, by a family and in a dialect that were asked for before. */
export function netlinkIpvs(requests: Pick<NetlinkRequests, 'ask' | 'dump' | 'batch' | 'close'>, { id }: Pick<GenericFamily, 'id'>, dialect: IpvsDialect): IpvsControl {
  const { fullnat, establishedTimeouts } = dialect;
  const patched = fullnat !== null;
  const ask = <T>(object: string, payload: Uint8Array, decode: (payload: Uint8Array) => T | DecodeError): Promise<T> =>
    requests.ask({ type: id, flags: 0, payload, operation: 'read', object }).then((messages) => first(decodeAll(messages, id, object, decode), object));
  const list = <T>(object: string, payload: Uint8Array, decode: (payload: Uint8Array) => T | DecodeError): Promise<T[]> =>
    requests.dump({ type: id, flags: 0, payload, operation: 'list', object }).then((messages) => decodeAll(messages, id, object, decode));
  const services = (): Promise<ServiceStatus[]> => list('IPVS services', encodeGetServices(), (payload) => decodeServiceReply(payload, patched));
  const destinations = (service: ServiceId): Promise<DestinationStatus[]> =>
    list(`destinations of ${serviceKey(service)}`, encodeGetDestinations(service), (payload) => decodeDestinationReply(payload, service));
  const localAddresses = (service: ServiceId): Promise<LocalAddressStatus[]> =>
    fullnat !== 'services' ? Promise.resolve([]) : list(`local addresses of ${serviceKey(service)}`, encodeGetLocalAddresses(service), (payload) => decodeLocalAddressReply(payload, serviceFamily(service)));

  return {
    fullnat,
    establishedTimeouts,
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
      const refused = operations.map((one) => {
        const reason = dialectRefusal(one, dialect);
        return reason === null ? null : new SystemError(...describeOperation(one), 'EOPNOTSUPP', reason);
      });
      const results = await requests.batch(operations.filter((_, i) => refused[i] === null).map((one) => {
        const [operation, object] = describeOperation(one);
        return { type: id, flags: 0, payload: encodeOperation(one, patched), operation, object };
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
