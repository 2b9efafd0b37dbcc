import { ByteReader, ByteWriter } from '../util/bytes.ts';
import { familyOf, ipFromBytes, ipToBytes, maxPrefix, type Family, type Prefix } from '../util/ip.ts';
import { ROUTE_TABLES, type Range, type RuleOf } from '../util/route.ts';
import { DecodeError } from './decode-error.ts';
import { attributeString, attributeU32, AttributeWriter, decodeAttributes, findAttribute, NATIVE_ENDIAN, type NetlinkAttribute } from './netlink.ts';

/**
 * Policy rules of rtnetlink(7) (linux/fib_rules.h): payloads only.
 *
 *     fib_rule_hdr: | family (8) | destination length (8) | source length (8) | TOS (8) |
 *                   | table (8) | reserved (16) | action (8) | flags (32) |
 */

export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;

export const RTNLGRP_IPV4_RULE = 8;
export const RTNLGRP_IPV6_RULE = 19;

const AF_INET = 2;
const AF_INET6 = 10;
const FIB_RULE_INVERT = 0x2;

const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_GOTO = 4;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_FLOW = 11;
const FRA_TUN_ID = 12;
const FRA_SUPPRESS_IFGROUP = 13;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_OIFNAME = 17;
const FRA_L3MDEV = 19;
const FRA_UID_RANGE = 20;
const FRA_PROTOCOL = 21;
const FRA_IP_PROTO = 22;
const FRA_SPORT_RANGE = 23;
const FRA_DPORT_RANGE = 24;

/** What the kernel says for "nothing suppressed". */
const NONE = 0xffff_ffff;

/** For a dump of all rules of one family. */
export function encodeGetRules(family: Family): Uint8Array {
  return new AttributeWriter().u8(familyNumber(family)).zeros(11).finish();
}

/** For RTM_NEWRULE and RTM_DELRULE: the kernel takes away the first rule that has all that is said, the protocol among it. */
export function encodeRule(rule: RuleOf): Uint8Array {
  const { family, source, destination, table } = rule;
  for (const prefix of [destination, source]) {
    if (prefix !== null && (prefix.length < 0 || prefix.length > maxPrefix(family) || familyOf(prefix.address) !== family)) throw new RangeError(`${prefix.address}/${prefix.length} in an ${family} rule`);
  }
  const writer = new AttributeWriter()
    .u8(familyNumber(family)).u8(destination?.length ?? 0).u8(source?.length ?? 0).u8(rule.tos)
    .u8(table < 256 ? table : ROUTE_TABLES.unspec).u16(0).u8(rule.action).u32(rule.invert ? FIB_RULE_INVERT : 0);
  const number = (type: number, value: number | null): void => { if (value !== null) writer.attributeU32(type, value); };
  if (table >= 256) number(FRA_TABLE, table);
  if (source !== null) writer.attribute(FRA_SRC, ipToBytes(source.address));
  if (destination !== null) writer.attribute(FRA_DST, ipToBytes(destination.address));
  number(FRA_PRIORITY, rule.priority);
  number(FRA_FWMARK, rule.mark);
  number(FRA_FWMASK, rule.markMask);
  number(FRA_FLOW, rule.realms);
  if (rule.inputLink !== null) writer.attributeString(FRA_IIFNAME, rule.inputLink);
  if (rule.outputLink !== null) writer.attributeString(FRA_OIFNAME, rule.outputLink);
  number(FRA_SUPPRESS_PREFIXLEN, rule.suppressPrefixLength);
  number(FRA_SUPPRESS_IFGROUP, rule.suppressGroup);
  if (rule.tunnelId !== null) writer.attribute(FRA_TUN_ID, new ByteWriter('big', 8).u64(BigInt(rule.tunnelId)).finish());
  if (rule.users !== null) writer.attribute(FRA_UID_RANGE, new ByteWriter(NATIVE_ENDIAN, 8).u32(rule.users.from).u32(rule.users.to).finish());
  if (rule.l3mdev) writer.attributeU8(FRA_L3MDEV, 1);
  writer.attributeU8(FRA_PROTOCOL, rule.protocol);
  if (rule.ipProtocol !== null) writer.attributeU8(FRA_IP_PROTO, rule.ipProtocol);
  if (rule.sourcePorts !== null) writer.attribute(FRA_SPORT_RANGE, ports(rule.sourcePorts));
  if (rule.destinationPorts !== null) writer.attribute(FRA_DPORT_RANGE, ports(rule.destinationPorts));
  number(FRA_GOTO, rule.target);
  return writer.finish();
}

/** RTM_NEWRULE or RTM_DELRULE; null for a family other than IPv4 and IPv6. */
export function decodeRule(payload: Uint8Array): RuleOf | null | DecodeError {
  const reader = new ByteReader(payload, NATIVE_ENDIAN);
  const [family, length, sourceLength, tos, table] = [reader.u8(), reader.u8(), reader.u8(), reader.u8(), reader.u8()];
  reader.skip(2);
  const action = reader.u8();
  const flags = reader.u32();
  if (reader.overrun) return new DecodeError('too-short', `rule message of ${payload.length} bytes`);
  if (family !== AF_INET && family !== AF_INET6) return null;
  const attributes = decodeAttributes(reader.slice(reader.remaining));
  if (attributes instanceof DecodeError) return attributes;
  const name: Family = family === AF_INET ? 'inet' : 'inet6';
  const source = prefixOf(attributes, FRA_SRC, sourceLength, name);
  const destination = prefixOf(attributes, FRA_DST, length, name);
  if (source === undefined || destination === undefined) return new DecodeError('bad-rule', `rule message with prefix lengths ${length} and ${sourceLength}`);
  const find = (type: number): Uint8Array | null => findAttribute(attributes, type);
  const number = (type: number): number | null => attributeU32(find(type));
  const said = (type: number): number | null => { const value = number(type); return value === NONE ? null : value; };
  const text = (type: number): string | null => { const value = find(type); return value === null ? null : attributeString(value); };
  const tunnel = find(FRA_TUN_ID);
  const mark = number(FRA_FWMARK);
  return {
    family: name, invert: (flags & FIB_RULE_INVERT) !== 0, source, destination, tos, action, table: number(FRA_TABLE) ?? table,
    priority: number(FRA_PRIORITY) ?? 0, protocol: find(FRA_PROTOCOL)?.[0] ?? 0, mark, markMask: number(FRA_FWMASK), realms: number(FRA_FLOW),
    suppressPrefixLength: said(FRA_SUPPRESS_PREFIXLEN), suppressGroup: said(FRA_SUPPRESS_IFGROUP), inputLink: text(FRA_IIFNAME), outputLink: text(FRA_OIFNAME),
    tunnelId: tunnel?.length === 8 ? Number(new ByteReader(tunnel).u64()) : null, users: users(find(FRA_UID_RANGE)), l3mdev: (find(FRA_L3MDEV)?.[0] ?? 0) !== 0,
    ipProtocol: find(FRA_IP_PROTO)?.[0] ?? null, sourcePorts: range(find(FRA_SPORT_RANGE)), destinationPorts: range(find(FRA_DPORT_RANGE)), target: number(FRA_GOTO),
  };
}

function ports({ from, to }: Range): Uint8Array {
  return new ByteWriter(NATIVE_ENDIAN, 4).u16(from).u16(to).finish();
}

function range(bytes: Uint8Array | null): Range | null {
  if (bytes?.length !== 4) return null;
  const reader = new ByteReader(bytes, NATIVE_ENDIAN);
  return { from: reader.u16(), to: reader.u16() };
}

function users(bytes: Uint8Array | null): Range | null {
  if (bytes?.length !== 8) return null;
  const reader = new ByteReader(bytes, NATIVE_ENDIAN);
  return { from: reader.u32(), to: reader.u32() };
}

/** null: everything; undefined: no prefix of this family. */
function prefixOf(attributes: readonly NetlinkAttribute[], type: number, length: number, family: Family): Prefix | null | undefined {
  if (length > maxPrefix(family)) return undefined;
  const value = findAttribute(attributes, type);
  if (value?.length !== maxPrefix(family) / 8) return length === 0 ? null : undefined;
  return { address: ipFromBytes(value), length };
}

function familyNumber(family: Family): number {
  return family === 'inet' ? AF_INET : AF_INET6;
}
