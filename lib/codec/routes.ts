import { ByteReader, ByteWriter } from '../util/bytes.ts';
import { familyOf, ipFromBytes, ipToBytes, maxPrefix, type Family, type IpAddress, type Prefix } from '../util/ip.ts';
import { ROUTE_TABLES, RTAX, type Encap, type Nexthop, type RouteMetric, type RouteOf } from '../util/route.ts';
import { DecodeError } from './decode-error.ts';
import { decodeEncap, encapType, encodeEncap } from './encap.ts';
import { attributeString, attributeU32, AttributeWriter, decodeAttributes, findAttribute, NATIVE_ENDIAN, type NetlinkAttribute } from './netlink.ts';

/**
 * Routes of rtnetlink(7): payloads only, the message around them is netlink.ts's.
 *
 *     rtmsg:     | family (8) | destination length (8) | source length (8) | TOS (8) |
 *                | table (8) | protocol (8) | scope (8) | type (8) | flags (32) |
 *     rtnexthop: | length (16) | flags (8) | hops (8), weight less 1 | interface index (32) | attributes … |
 */

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;

export const RTNLGRP_IPV4_ROUTE = 7;
export const RTNLGRP_IPV6_ROUTE = 11;

const AF_INET = 2;
const AF_INET6 = 10;

const RTA_DST = 1;
const RTA_SRC = 2;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_FLOW = 11;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTA_PREF = 20;
const RTA_ENCAP_TYPE = 21;
const RTA_ENCAP = 22;
const RTA_EXPIRES = 23;
const RTA_TTL_PROPAGATE = 26;

const RTNH_F_ONLINK = 4;
const RTNEXTHOP_LENGTH = 8;
/** A clone made by the kernel (path MTU discovery, redirect), no entry of the table. */
const RTM_F_CLONED = 0x200;

/** A route as the kernel has it: links are indices. */
export type RouteMessage = RouteOf<number>;

/** For a dump of all routes of one family by one protocol; a kernel before 4.20 looks at the family alone. */
export function encodeGetRoutes(family: Family, protocol: number): Uint8Array {
  return new AttributeWriter().u8(familyNumber(family)).zeros(4).u8(protocol).zeros(6).finish();
}

/** For RTM_NEWROUTE. */
export function encodeNewRoute(route: RouteMessage): Uint8Array {
  const writer = routeHead(route, route.scope);
  if (route.priority !== null) writer.attributeU32(RTA_PRIORITY, route.priority);
  if (route.realms !== null) writer.attributeU32(RTA_FLOW, route.realms);
  if (route.expires !== null) writer.attributeU32(RTA_EXPIRES, route.expires);
  if (route.metrics.length > 0 || route.congestion !== null) writer.nested(RTA_METRICS, (inner) => { encodeMetrics(inner, route); });
  if (route.preference !== null) writer.attributeU8(RTA_PREF, route.preference);
  if (route.ttlPropagate !== null) writer.attributeU8(RTA_TTL_PROPAGATE, route.ttlPropagate ? 1 : 0);
  encodeWay(writer, route, route.family);
  if (route.nexthops.length > 0) writer.attribute(RTA_MULTIPATH, encodeNexthops(route));
  return writer.finish();
}

/**
 * For RTM_DELROUTE: what tells this route from others, its protocol among it, so that nobody else's like it is taken. What it
 * is like besides (metrics, encapsulation) is left out: the kernel need not agree on that.
 */
export function encodeDeleteRoute(route: RouteMessage): Uint8Array {
  const writer = routeHead(route, route.scope);
  if (route.priority !== null) writer.attributeU32(RTA_PRIORITY, route.priority);
  encodeWay(writer, { ...route, encap: null }, route.family);
  const nexthops = route.nexthops.map((hop) => ({ ...hop, encap: null, realms: null }));
  if (nexthops.length > 0) writer.attribute(RTA_MULTIPATH, encodeNexthops({ family: route.family, nexthops }));
  return writer.finish();
}

/** RTM_NEWROUTE or RTM_DELROUTE; null for a family other than IPv4 and IPv6, and for a clone. */
export function decodeRoute(payload: Uint8Array): RouteMessage | null | DecodeError {
  const reader = new ByteReader(payload, NATIVE_ENDIAN);
  const [family, length, sourceLength, tos, table, protocol, scope, type] = [reader.u8(), reader.u8(), reader.u8(), reader.u8(), reader.u8(), reader.u8(), reader.u8(), reader.u8()];
  const flags = reader.u32();
  if (reader.overrun) return new DecodeError('too-short', `route message of ${payload.length} bytes`);
  if ((family !== AF_INET && family !== AF_INET6) || (flags & RTM_F_CLONED) !== 0) return null;
  const name: Family = family === AF_INET ? 'inet' : 'inet6';
  const attributes = decodeAttributes(reader.slice(reader.remaining));
  if (attributes instanceof DecodeError) return attributes;
  const destination = prefixOf(attributes, RTA_DST, length, name);
  const source = prefixOf(attributes, RTA_SRC, sourceLength, name);
  if (destination === null || source === null) return new DecodeError('bad-route', `route message with prefix lengths ${length} and ${sourceLength}`);
  const way = decodeWay(attributes, name);
  const metrics = decodeMetrics(findAttribute(attributes, RTA_METRICS));
  const nexthops = decodeNexthops(findAttribute(attributes, RTA_MULTIPATH), name);
  if (way instanceof DecodeError) return way;
  if (metrics instanceof DecodeError) return metrics;
  if (nexthops instanceof DecodeError) return nexthops;
  const number = (attribute: number): number | null => attributeU32(findAttribute(attributes, attribute));
  const propagate = findAttribute(attributes, RTA_TTL_PROPAGATE)?.[0];
  return {
    family: name, destination, source: sourceLength === 0 ? null : source, type, tos, table: number(RTA_TABLE) ?? table, protocol, scope,
    priority: number(RTA_PRIORITY), preferredSource: addressOf(attributes, RTA_PREFSRC, name), link: number(RTA_OIF), onlink: (flags & RTNH_F_ONLINK) !== 0,
    ...way, ...metrics, realms: number(RTA_FLOW), expires: number(RTA_EXPIRES), preference: findAttribute(attributes, RTA_PREF)?.[0] ?? null,
    ttlPropagate: propagate === undefined ? null : propagate !== 0, nexthops,
  };
}

/** The protocol of a route message, from its fixed header alone: nearly all that a busy router hears is not ours. */
export function routeProtocol(payload: Uint8Array): number | null {
  return payload[5] ?? null;
}

function routeHead(route: RouteMessage, scope: number): AttributeWriter {
  const { family, destination, source, table } = route;
  for (const prefix of [destination, source]) {
    if (prefix !== null && (prefix.length < 0 || prefix.length > maxPrefix(family) || familyOf(prefix.address) !== family)) throw new RangeError(`${prefix.address}/${prefix.length} in an ${family} route`);
  }
  const writer = new AttributeWriter()
    .u8(familyNumber(family)).u8(destination.length).u8(source?.length ?? 0).u8(route.tos)
    .u8(table < 256 ? table : ROUTE_TABLES.unspec).u8(route.protocol).u8(scope).u8(route.type)
    .u32(route.onlink ? RTNH_F_ONLINK : 0);
  if (table >= 256) writer.attributeU32(RTA_TABLE, table);
  writer.attribute(RTA_DST, ipToBytes(destination.address));
  if (source !== null) writer.attribute(RTA_SRC, ipToBytes(source.address));
  if (route.preferredSource !== null) writer.attribute(RTA_PREFSRC, ipToBytes(route.preferredSource));
  return writer;
}

type Way = Pick<Nexthop<number>, 'gateway' | 'encap'> & { readonly link: number | null };

/** Gateway, interface and encapsulation of the route itself. */
function encodeWay(writer: AttributeWriter, { gateway, link, encap }: Way, family: Family): void {
  encodeGateway(writer, gateway, family);
  if (link !== null) writer.attributeU32(RTA_OIF, link);
  if (encap !== null) encodeTunnel(writer, encap);
}

/** One of the other family goes into RTA_VIA, with its family before it (Linux 5.2). */
function encodeGateway(writer: AttributeWriter, gateway: IpAddress | null, family: Family): void {
  if (gateway === null) return;
  const bytes = ipToBytes(gateway);
  if (familyOf(gateway) === family) writer.attribute(RTA_GATEWAY, bytes);
  else writer.attribute(RTA_VIA, new ByteWriter(NATIVE_ENDIAN, 2 + bytes.length).u16(familyNumber(familyOf(gateway))).bytes(bytes).finish());
}

function encodeTunnel(writer: AttributeWriter, encap: Encap): void {
  writer.attributeU16(RTA_ENCAP_TYPE, encapType(encap));
  writer.nested(RTA_ENCAP, (inner) => { encodeEncap(inner, encap); });
}

/** RTAX_LOCK is a bit for each metric that is locked. */
function encodeMetrics(writer: AttributeWriter, { metrics, congestion }: RouteMessage): void {
  const all = [...metrics, ...(congestion === null ? [] : [{ metric: RTAX.congestion, locked: congestion.locked }])];
  const lock = all.reduce((bits, { metric, locked }) => (locked ? bits | (1 << metric) : bits), 0);
  if (lock !== 0) writer.attributeU32(RTAX.lock, lock);
  for (const { metric, value } of metrics) writer.attributeU32(metric, value);
  if (congestion !== null) writer.attributeString(RTAX.congestion, congestion.name);
}

function encodeNexthops({ family, nexthops }: Pick<RouteMessage, 'family' | 'nexthops'>): Uint8Array {
  const all = new ByteWriter(NATIVE_ENDIAN);
  for (const hop of nexthops) {
    const inner = new AttributeWriter();
    encodeGateway(inner, hop.gateway, family);
    if (hop.realms !== null) inner.attributeU32(RTA_FLOW, hop.realms);
    if (hop.encap !== null) encodeTunnel(inner, hop.encap);
    all.u16(RTNEXTHOP_LENGTH + inner.length).u8(hop.onlink ? RTNH_F_ONLINK : 0).u8(hop.weight - 1).u32(hop.link ?? 0).bytes(inner.finish());
  }
  return all.finish();
}

function decodeNexthops(bytes: Uint8Array | null, family: Family): Nexthop<number>[] | DecodeError {
  if (bytes === null) return [];
  const reader = new ByteReader(bytes, NATIVE_ENDIAN);
  const hops: Nexthop<number>[] = [];
  while (reader.remaining > 0) {
    const length = reader.u16();
    const flags = reader.u8();
    const weight = reader.u8() + 1;
    const index = reader.i32();
    if (reader.overrun || length < RTNEXTHOP_LENGTH) return new DecodeError('bad-nexthop', `next hop of length ${length}`);
    const attributes = decodeAttributes(reader.slice(length - RTNEXTHOP_LENGTH));
    if (reader.overrun) return new DecodeError('bad-nexthop', `next hop of length ${length} is cut off`);
    if (attributes instanceof DecodeError) return attributes;
    const way = decodeWay(attributes, family);
    if (way instanceof DecodeError) return way;
    hops.push({ ...way, link: index > 0 ? index : null, weight, onlink: (flags & RTNH_F_ONLINK) !== 0, realms: attributeU32(findAttribute(attributes, RTA_FLOW)) });
    reader.skip(Math.min((4 - (length % 4)) % 4, reader.remaining));
  }
  return hops;
}

function decodeWay(attributes: readonly NetlinkAttribute[], family: Family): { gateway: IpAddress | null; encap: Encap | null } | DecodeError {
  const via = findAttribute(attributes, RTA_VIA)?.subarray(2);
  const gateway = addressOf(attributes, RTA_GATEWAY, family) ?? (via?.length === 4 || via?.length === 16 ? ipFromBytes(via) : null);
  const type = findAttribute(attributes, RTA_ENCAP_TYPE);
  const tunnel = findAttribute(attributes, RTA_ENCAP);
  if (type?.length !== 2 || tunnel === null) return { gateway, encap: null };
  const encap = decodeEncap(new ByteReader(type, NATIVE_ENDIAN).u16(), tunnel);
  return encap instanceof DecodeError ? encap : { gateway, encap };
}

function decodeMetrics(bytes: Uint8Array | null): Pick<RouteMessage, 'metrics' | 'congestion'> | DecodeError {
  if (bytes === null) return { metrics: [], congestion: null };
  const attributes = decodeAttributes(bytes);
  if (attributes instanceof DecodeError) return attributes;
  const lock = attributeU32(findAttribute(attributes, RTAX.lock)) ?? 0;
  const locked = (metric: number): boolean => metric < 32 && (lock & (1 << metric)) !== 0;
  const metrics = attributes.flatMap(({ type, value }): RouteMetric[] => {
    const number = attributeU32(value);
    return type === RTAX.lock || type === RTAX.congestion || number === null ? [] : [{ metric: type, value: number, locked: locked(type) }];
  });
  const name = findAttribute(attributes, RTAX.congestion);
  return { metrics, congestion: name === null ? null : { name: attributeString(name), locked: locked(RTAX.congestion) } };
}

/** The kernel leaves out an address of all zeros. */
function prefixOf(attributes: readonly NetlinkAttribute[], type: number, length: number, family: Family): Prefix | null {
  if (length > maxPrefix(family)) return null;
  const address = addressOf(attributes, type, family) ?? ipFromBytes(new Uint8Array(maxPrefix(family) / 8));
  return { address, length };
}

function addressOf(attributes: readonly NetlinkAttribute[], type: number, family: Family): IpAddress | null {
  const value = findAttribute(attributes, type);
  return value?.length === maxPrefix(family) / 8 ? ipFromBytes(value) : null;
}

function familyNumber(family: Family): number {
  return family === 'inet' ? AF_INET : AF_INET6;
}
