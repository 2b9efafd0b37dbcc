import { DecodeError } from './decode-error.ts';
import { decodeGeneric, genericPayload } from './genetlink.ts';
import { decodeDaemon, writeDaemon, writeDaemonState } from './ipvs-daemon.ts';
import { decodeDestination, writeDestination, writeDestinationId } from './ipvs-destination.ts';
import { encodeLocalAddress } from './ipvs-fullnat.ts';
import type { IpvsOperation } from './ipvs-operation.ts';
import { decodeService, writeService, writeServiceId } from './ipvs-service.ts';
import { serviceFamily, type DestinationStatus, type IpvsInfo, type IpvsTimeouts, type Service, type ServiceId, type ServiceStatus, type SyncDaemon } from './ipvs-values.ts';
import { attributeU32, findAttribute, type AttributeWriter, type NetlinkAttribute } from './netlink.ts';

/**
 * IPVS over generic netlink (linux/ip_vs.h): payloads only, the message around them is netlink.ts's. What they are about
 * stands in nested attributes:
 *
 *     | command (8) | version 1 (8) | 0 (16) | SERVICE { key, scheduler, … } | DEST { address, port, method, … } |
 *     | command (8) | version 1 (8) | 0 (16) | DAEMON { … }  or  timeouts |
 */

export const IPVS_FAMILY = 'IPVS';
const IPVS_VERSION = 1;

const CMD_NEW_SERVICE = 1;
const CMD_SET_SERVICE = 2;
const CMD_DEL_SERVICE = 3;
const CMD_GET_SERVICE = 4;
const CMD_NEW_DEST = 5;
const CMD_SET_DEST = 6;
const CMD_DEL_DEST = 7;
const CMD_GET_DEST = 8;
const CMD_NEW_DAEMON = 9;
const CMD_DEL_DAEMON = 10;
const CMD_GET_DAEMON = 11;
const CMD_SET_CONFIG = 12;
const CMD_GET_CONFIG = 13;
/** Only in answers. */
const CMD_SET_INFO = 14;
const CMD_GET_INFO = 15;
const CMD_ZERO = 16;
const CMD_FLUSH = 17;

const ATTR_SERVICE = 1;
const ATTR_DEST = 2;
const ATTR_DAEMON = 3;
const ATTR_TIMEOUT_TCP = 4;
const ATTR_TIMEOUT_TCP_FIN = 5;
const ATTR_TIMEOUT_UDP = 6;

const INFO_VERSION = 1;
const INFO_CONN_TAB_SIZE = 2;

/** `patched`: for a kernel with FULLNAT, which has neither destinations of another family nor more than three words about a sync daemon. */
export function encodeOperation(operation: IpvsOperation, patched = false): Uint8Array {
  switch (operation.op) {
    case 'add-service':
      return withService(CMD_NEW_SERVICE, operation.service);
    case 'edit-service':
      return withService(CMD_SET_SERVICE, operation.service);
    case 'delete-service':
      return about(CMD_DEL_SERVICE, operation.id).finish();
    case 'add-destination':
      return about(CMD_NEW_DEST, operation.service).nested(ATTR_DEST, (inner) => writeDestination(inner, operation.destination, patched)).finish();
    case 'edit-destination':
      return about(CMD_SET_DEST, operation.service).nested(ATTR_DEST, (inner) => writeDestination(inner, operation.destination, patched)).finish();
    case 'delete-destination':
      return about(CMD_DEL_DEST, operation.service).nested(ATTR_DEST, (inner) => writeDestinationId(inner, operation.destination, patched)).finish();
    case 'add-local-address':
      return encodeLocalAddress('add', operation.service, operation.address);
    case 'delete-local-address':
      return encodeLocalAddress('delete', operation.service, operation.address);
    case 'zero':
      return operation.service === null ? command(CMD_ZERO).finish() : about(CMD_ZERO, operation.service).finish();
    case 'flush':
      return command(CMD_FLUSH).finish();
    case 'set-timeouts':
      return encodeTimeouts(operation.timeouts);
    case 'start-daemon':
      return command(CMD_NEW_DAEMON).nested(ATTR_DAEMON, (inner) => writeDaemon(inner, operation.daemon, patched)).finish();
    case 'stop-daemon':
      return command(CMD_DEL_DAEMON).nested(ATTR_DAEMON, (inner) => writeDaemonState(inner, operation.state)).finish();
  }
}

/** For a dump of all services. */
export function encodeGetServices(): Uint8Array {
  return command(CMD_GET_SERVICE).finish();
}

/** For a dump of a service's destinations. */
export function encodeGetDestinations(service: ServiceId): Uint8Array {
  return about(CMD_GET_DEST, service).finish();
}

/** For a dump of the sync daemons. */
export function encodeGetDaemons(): Uint8Array {
  return command(CMD_GET_DAEMON).finish();
}

export function encodeGetTimeouts(): Uint8Array {
  return command(CMD_GET_CONFIG).finish();
}

export function encodeGetInfo(): Uint8Array {
  return command(CMD_GET_INFO).finish();
}

/** One message of the dump of services. `patched`: of a kernel with FULLNAT. */
export function decodeServiceReply(payload: Uint8Array, patched = false): ServiceStatus | DecodeError {
  return decodeNested(payload, CMD_NEW_SERVICE, ATTR_SERVICE, (value) => decodeService(value, patched));
}

/** One message of the dump of that service's destinations. */
export function decodeDestinationReply(payload: Uint8Array, service: ServiceId): DestinationStatus | DecodeError {
  return decodeNested(payload, CMD_NEW_DEST, ATTR_DEST, (value) => decodeDestination(value, serviceFamily(service)));
}

/** One message of the dump of sync daemons. */
export function decodeDaemonReply(payload: Uint8Array): SyncDaemon | DecodeError {
  return decodeNested(payload, CMD_NEW_DAEMON, ATTR_DAEMON, decodeDaemon);
}

export function decodeTimeoutsReply(payload: Uint8Array): IpvsTimeouts | DecodeError {
  const attributes = reply(payload, CMD_SET_CONFIG);
  if (attributes instanceof DecodeError) return attributes;
  const [tcp, tcpFin, udp] = [ATTR_TIMEOUT_TCP, ATTR_TIMEOUT_TCP_FIN, ATTR_TIMEOUT_UDP].map((type) => attributeU32(findAttribute(attributes, type)));
  // A kernel built without a protocol has no timeout of it.
  return { tcp: tcp ?? 0, tcpFin: tcpFin ?? 0, udp: udp ?? 0 };
}

export function decodeInfoReply(payload: Uint8Array): IpvsInfo | DecodeError {
  const attributes = reply(payload, CMD_SET_INFO);
  if (attributes instanceof DecodeError) return attributes;
  const version = attributeU32(findAttribute(attributes, INFO_VERSION));
  const size = attributeU32(findAttribute(attributes, INFO_CONN_TAB_SIZE));
  if (version === null || size === null) return new DecodeError('bad-info', 'IPVS information without version or size');
  return { version: [version >> 16, version >> 8, version].map((part) => part & 0xff).join('.'), connectionTableSize: size };
}

function command(number: number): AttributeWriter {
  return genericPayload(number, IPVS_VERSION);
}

function about(number: number, service: ServiceId): AttributeWriter {
  return command(number).nested(ATTR_SERVICE, (inner) => writeServiceId(inner, service));
}

function withService(number: number, service: Service): Uint8Array {
  return command(number).nested(ATTR_SERVICE, (inner) => writeService(inner, service)).finish();
}

function encodeTimeouts({ tcp, tcpFin, udp }: Partial<IpvsTimeouts>): Uint8Array {
  const writer = command(CMD_SET_CONFIG);
  for (const [type, value] of [[ATTR_TIMEOUT_TCP, tcp], [ATTR_TIMEOUT_TCP_FIN, tcpFin], [ATTR_TIMEOUT_UDP, udp]] as const) {
    if (value !== undefined) writer.attributeU32(type, value);
  }
  return writer.finish();
}

function decodeNested<T>(payload: Uint8Array, number: number, type: number, decode: (value: Uint8Array) => T | DecodeError): T | DecodeError {
  const attributes = reply(payload, number);
  if (attributes instanceof DecodeError) return attributes;
  const value = findAttribute(attributes, type);
  return value === null ? new DecodeError('bad-reply', `IPVS answer ${number} without attribute ${type}`) : decode(value);
}

function reply(payload: Uint8Array, number: number): readonly NetlinkAttribute[] | DecodeError {
  const message = decodeGeneric(payload);
  if (message instanceof DecodeError) return message;
  return message.command === number ? message.attributes : new DecodeError('bad-reply', `IPVS answer ${message.command}, not ${number}`);
}
