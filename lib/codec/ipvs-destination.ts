import { familyOf } from '../util/ip.ts';
import { DecodeError } from './decode-error.ts';
import { addressBytes, addressOf, familyNumber, portBytes } from './ipvs-service.ts';
import { decodeStats } from './ipvs-stats.ts';
import type { Destination, DestinationId, DestinationStatus, ForwardName, Tunnel } from './ipvs-values.ts';
import { attributePort, attributeU16, attributeU32, decodeAttributes, findAttribute, type AttributeWriter, type NetlinkAttribute } from './netlink.ts';

/** The attributes within IPVS_CMD_ATTR_DEST (linux/ip_vs.h). */

const DEST_ADDR = 1;
const DEST_PORT = 2;
const DEST_FWD_METHOD = 3;
const DEST_WEIGHT = 4;
const DEST_U_THRESH = 5;
const DEST_L_THRESH = 6;
const DEST_ACTIVE_CONNS = 7;
const DEST_INACT_CONNS = 8;
const DEST_PERSIST_CONNS = 9;
const DEST_STATS = 10;
/** Kernels before 3.18 do not know it: a destination is of its service's family there. */
const DEST_ADDR_FAMILY = 11;
const DEST_STATS64 = 12;
/** Since 5.2. */
const DEST_TUN_TYPE = 13;
const DEST_TUN_PORT = 14;
const DEST_TUN_FLAGS = 15;

/** IP_VS_CONN_F_FWD_MASK; FULLNAT is that of the patched kernels. */
const METHODS: readonly (readonly [ForwardName, number])[] = [['NAT', 0], ['LOCAL', 1], ['TUN', 2], ['DR', 3], ['BYPASS', 4], ['FNAT', 5]];
const METHOD_MASK = 7;
const TUNNELS: readonly Tunnel['type'][] = ['ipip', 'gue', 'gre'];
const TUNNEL_FLAGS: readonly Tunnel['checksum'][] = ['nocsum', 'csum', 'remcsum'];

/** What tells the kernel which destination is meant. `patched`: one with FULLNAT, where it is of its service's family. */
export function writeDestinationId(writer: AttributeWriter, { address, port }: DestinationId, patched = false): void {
  writer.attribute(DEST_ADDR, addressBytes(address)).attribute(DEST_PORT, portBytes(port));
  if (!patched) writer.attributeU16(DEST_ADDR_FAMILY, familyNumber(familyOf(address)));
}

/** All of it, as making and changing one need it. What is said about no tunnel, plain IPIP is taken for. */
export function writeDestination(writer: AttributeWriter, destination: Destination, patched = false): void {
  const { method, tunnel } = destination.forward;
  writeDestinationId(writer, destination, patched);
  writer
    .attributeU32(DEST_FWD_METHOD, methodNumber(method))
    .attributeU32(DEST_WEIGHT, destination.weight)
    .attributeU32(DEST_U_THRESH, destination.upperThreshold)
    .attributeU32(DEST_L_THRESH, destination.lowerThreshold);
  if (method !== 'TUN' || tunnel.type === 'ipip') return;
  writer.attributeU8(DEST_TUN_TYPE, TUNNELS.indexOf(tunnel.type));
  if (tunnel.type === 'gue') writer.attribute(DEST_TUN_PORT, portBytes(tunnel.port));
  writer.attributeU16(DEST_TUN_FLAGS, TUNNEL_FLAGS.indexOf(tunnel.checksum));
}

/** The value of IPVS_CMD_ATTR_DEST; `serviceFamily` is that of a destination that does not say its own. */
export function decodeDestination(value: Uint8Array, serviceFamily: 'inet' | 'inet6'): DestinationStatus | DecodeError {
  const attributes = decodeAttributes(value);
  if (attributes instanceof DecodeError) return attributes;
  const number = (type: number): number => attributeU32(findAttribute(attributes, type)) ?? 0;
  const family = attributeU16(findAttribute(attributes, DEST_ADDR_FAMILY)) ?? familyNumber(serviceFamily);
  const address = addressOf(findAttribute(attributes, DEST_ADDR), family);
  const port = attributePort(findAttribute(attributes, DEST_PORT));
  const method = methodOf(number(DEST_FWD_METHOD));
  if (address === null || port === null || method === null) {
    return new DecodeError('bad-destination', `IPVS destination of family ${family} with forwarding method ${number(DEST_FWD_METHOD)}`);
  }
  const tunnel = decodeTunnel(attributes);
  if (tunnel instanceof DecodeError) return tunnel;
  const stats = decodeStats(findAttribute(attributes, DEST_STATS64) ?? findAttribute(attributes, DEST_STATS));
  if (stats instanceof DecodeError) return stats;
  return {
    address,
    port,
    forward: { method, tunnel },
    weight: number(DEST_WEIGHT) | 0,
    upperThreshold: number(DEST_U_THRESH),
    lowerThreshold: number(DEST_L_THRESH),
    activeConnections: number(DEST_ACTIVE_CONNS),
    inactiveConnections: number(DEST_INACT_CONNS),
    persistentConnections: number(DEST_PERSIST_CONNS),
    stats,
  };
}

export function methodNumber(method: ForwardName): number {
  return METHODS.find(([name]) => name === method)?.[1] ?? 0;
}

/** From a connection's or destination's flags; null: none that is known. */
export function methodOf(flags: number): ForwardName | null {
  return METHODS.find(([, one]) => one === (flags & METHOD_MASK))?.[0] ?? null;
}

function decodeTunnel(attributes: readonly NetlinkAttribute[]): Tunnel | DecodeError {
  const number = findAttribute(attributes, DEST_TUN_TYPE)?.[0] ?? 0;
  const flags = attributeU16(findAttribute(attributes, DEST_TUN_FLAGS)) ?? 0;
  const type = TUNNELS[number];
  const checksum = TUNNEL_FLAGS[flags];
  if (type === undefined || checksum === undefined) return new DecodeError('bad-destination', `IPVS tunnel of type ${number} with flags ${flags}`);
  return { type, port: attributePort(findAttribute(attributes, DEST_TUN_PORT)) ?? 0, checksum };
}
