/**
 * FULLNAT as the patched kernels have it (alibaba/LVS and its kin): commands and attributes beside those of linux/ip_vs.h.
 * Only to be sent to a kernel that lists them: a stock one takes the forwarding method and the flag without a word, and then
 * resets clients.
 *
 *     | NEW_LADDR 18, DEL_LADDR 19, GET_LADDR 20 | 1 | 0 | SERVICE { key } | LADDR { ADDR (16 bytes) } |
 *     dump: | 18 | 1 | 0 | LADDR { ADDR, PORT_CONFLICT u64, CONN_COUNTS u32 } | …
 */
import { ByteReader } from '../util/bytes.ts';
import { familyOf, type Family, type IpAddress } from '../util/ip.ts';
import { DecodeError } from './decode-error.ts';
import { decodeGeneric, genericPayload } from './genetlink.ts';
import type { IpvsOperation } from './ipvs-operation.ts';
import { addressBytes, addressOf, familyNumber, writeServiceId } from './ipvs-service.ts';
import type { LocalAddressStatus, ServiceId } from './ipvs-values.ts';
import { attributeU32, decodeAttributes, findAttribute, NATIVE_ENDIAN } from './netlink.ts';

const IPVS_VERSION = 1;
const CMD_NEW_LADDR = 18;
const CMD_DEL_LADDR = 19;
const CMD_GET_LADDR = 20;
const CMD_NEW_ZONE = 21;
const ATTR_SERVICE = 1;
const ATTR_LADDR = 7;
const LADDR_ADDR = 1;
const LADDR_PORT_CONFLICT = 2;
const LADDR_CONN_COUNTS = 3;

/**
 * Whose FULLNAT a kernel has, by the commands its IPVS family lists; null: none, as every stock kernel. `zones`: Xiaomi's,
 * whose local addresses belong to subnets instead of services.
 */
export type FullnatKind = 'services' | 'zones' | null;

export function fullnatKind(commands: readonly number[]): FullnatKind {
  if (![CMD_NEW_LADDR, CMD_DEL_LADDR, CMD_GET_LADDR].every((command) => commands.includes(command))) return null;
  return commands.includes(CMD_NEW_ZONE) ? 'zones' : 'services';
}

/** What a kernel's IPVS understands beside what all of them do. */
export interface IpvsDialect {
  readonly fullnat: FullnatKind;
  /** Services have a timeout of their own for established connections: alibaba's third version. */
  readonly establishedTimeouts: boolean;
}

export const STOCK: IpvsDialect = { fullnat: null, establishedTimeouts: false };

/** Why this kernel must not be sent it: it would take it for something else, or break connections by it; null: it may. */
export function dialectRefusal(operation: IpvsOperation, { fullnat, establishedTimeouts }: IpvsDialect): string | null {
  if (needsFullnat(operation) && fullnat !== 'services') return fullnat === null ? 'this kernel has no FULLNAT' : "this kernel's FULLNAT has its local addresses in zones";
  if (fullnat === null) return null;
  if (operation.op === 'add-service' || operation.op === 'edit-service') {
    // Its attribute is the third version's timeout.
    if (operation.service.engine !== null) return 'the patched kernels have no persistence engines';
    if (operation.service.establishedTimeout !== undefined && !establishedTimeouts) return 'this kernel has no timeouts of single services';
  }
  if (operation.op === 'add-destination' || operation.op === 'edit-destination') {
    const { method, tunnel } = operation.destination.forward;
    if (method === 'TUN' && tunnel.type !== 'ipip') return 'the patched kernels have no tunnels but ipip';
  }
  return null;
}

/** What a stock kernel would take without a word, and then break connections, or would not know. */
export function needsFullnat(operation: IpvsOperation): boolean {
  switch (operation.op) {
    case 'add-local-address':
    case 'delete-local-address':
      return true;
    case 'add-destination':
    case 'edit-destination':
      return operation.destination.forward.method === 'FNAT';
    case 'add-service':
    case 'edit-service':
      return operation.service.synProxy === true || operation.service.establishedTimeout !== undefined;
    case 'delete-service':
    case 'delete-destination':
    case 'zero':
    case 'flush':
    case 'set-timeouts':
    case 'start-daemon':
    case 'stop-daemon':
      return false;
  }
}

export function encodeLocalAddress(op: 'add' | 'delete', service: ServiceId, address: IpAddress): Uint8Array {
  return genericPayload(op === 'add' ? CMD_NEW_LADDR : CMD_DEL_LADDR, IPVS_VERSION)
    .nested(ATTR_SERVICE, (inner) => { writeServiceId(inner, service); })
    .nested(ATTR_LADDR, (inner) => { inner.attribute(LADDR_ADDR, addressBytes(address)); })
    .finish();
}

/** For a dump of a service's local addresses. */
export function encodeGetLocalAddresses(service: ServiceId): Uint8Array {
  return genericPayload(CMD_GET_LADDR, IPVS_VERSION).nested(ATTR_SERVICE, (inner) => { writeServiceId(inner, service); }).finish();
}

/** One message of that dump. The service's family says how much of the address counts. */
export function decodeLocalAddressReply(payload: Uint8Array, family: Family): LocalAddressStatus | DecodeError {
  const message = decodeGeneric(payload);
  if (message instanceof DecodeError) return message;
  const value = message.command === CMD_NEW_LADDR ? findAttribute(message.attributes, ATTR_LADDR) : null;
  if (value === null) return new DecodeError('bad-reply', `IPVS answer ${message.command} without a local address`);
  const attributes = decodeAttributes(value);
  if (attributes instanceof DecodeError) return attributes;
  const address = addressOf(findAttribute(attributes, LADDR_ADDR), familyNumber(family));
  const conflicts = findAttribute(attributes, LADDR_PORT_CONFLICT);
  const connections = attributeU32(findAttribute(attributes, LADDR_CONN_COUNTS));
  if (address === null || familyOf(address) !== family || conflicts?.length !== 8 || connections === null) return new DecodeError('bad-local-address', 'local address without address, conflicts or connections');
  return { address, portConflicts: new ByteReader(conflicts, NATIVE_ENDIAN).u64(), connections };
}
