import { ByteReader, ByteWriter } from '../util/bytes.ts';
import { ipFromBytes, ipToBytes, maxPrefix, familyOf, type Family, type IpAddress, type Prefix } from '../util/ip.ts';
import { DecodeError } from './decode-error.ts';
import { attributeString, attributeU16, attributeU32, AttributeWriter, decodeAttributes, findAttribute, NATIVE_ENDIAN } from './netlink.ts';

/**
 * Links and addresses of rtnetlink(7): payloads only, the message around them is netlink.ts's.
 *
 *     ifinfomsg: | family (8) | pad (8) | device type (16) | index (32) | flags (32) | change mask (32) |
 *     ifaddrmsg: | family (8) | prefix length (8) | flags (8) | scope (8) | link index (32) |
 */

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;

/** Multicast groups for NETLINK_ADD_MEMBERSHIP. */
export const RTNLGRP_LINK = 1;
export const RTNLGRP_IPV4_IFADDR = 5;
export const RTNLGRP_IPV6_IFADDR = 9;

const AF_UNSPEC = 0;
const AF_INET = 2;
const AF_INET6 = 10;

const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_POINTOPOINT = 0x10;
const IFF_RUNNING = 0x40;
const IFF_NOARP = 0x80;
const IFF_MULTICAST = 0x1000;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_GROUP = 27;
const IFLA_EXT_MASK = 29;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_VRF_TABLE = 1;
const IFLA_MACVLAN_MODE = 1;
const IFLA_IPVLAN_FLAGS = 2;
/** Leaves out the statistics, most of a link's message. */
const RTEXT_FILTER_SKIP_STATS = 8;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_BROADCAST = 4;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_PROTO = 11;
/** NODAD, OPTIMISTIC, HOMEADDRESS, MANAGETEMPADDR, NOPREFIXROUTE, MCAUTOJOIN: the others are the kernel's to set. */
const SETTABLE_FLAGS = 0x2 | 0x4 | 0x10 | 0x100 | 0x200 | 0x400;
const FOREVER = 0xffff_ffff;

/** An interface as the message shows it; for the fields see Link in lib/system/netlink-routes.ts. */
export interface LinkMessage {
  readonly index: number;
  readonly name: string;
  readonly mac: Uint8Array;
  readonly mtu: number;
  readonly up: boolean;
  readonly running: boolean;
  readonly loopback: boolean;
  readonly pointToPoint: boolean;
  readonly multicast: boolean;
  readonly noArp: boolean;
  readonly kind: string;
  readonly parentIndex: number | null;
  readonly vrfTable?: number;
  readonly macvlanMode?: number;
  /** Of an ipvlan (IFLA_IPVLAN_FLAGS): bridge is left out. */
  readonly ipvlanFlags?: number;
  readonly group?: number;
  readonly masterIndex?: number;
}

export type ScopeName = 'global' | 'site' | 'link' | 'host' | 'nowhere';

/** An address as the message shows it; for the fields see Address in lib/system/netlink-routes.ts. */
export interface AddressMessage {
  readonly linkIndex: number;
  readonly prefix: Prefix;
  readonly peer: IpAddress | null;
  readonly broadcast: IpAddress | null;
  readonly label: string | null;
  readonly scope: ScopeName | number;
  readonly flags: number;
  readonly preferred: number | null;
  readonly protocol: number | null;
}

const SCOPES: ReadonlyMap<number, ScopeName> = new Map([[0, 'global'], [200, 'site'], [253, 'link'], [254, 'host'], [255, 'nowhere']]);
const SCOPE_NUMBERS: Readonly<Record<ScopeName, number>> = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 };

/** For a dump of all links. */
export function encodeGetLinks(): Uint8Array {
  return new AttributeWriter().u8(AF_UNSPEC).zeros(15).attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS).finish();
}

/** For a dump of the addresses of one family, or of both. */
export function encodeGetAddresses(family: Family | null): Uint8Array {
  return new AttributeWriter().u8(family === null ? AF_UNSPEC : familyNumber(family)).zeros(7).finish();
}

/**
 * For RTM_NEWADDR. The protocol always goes along: a kernel before 5.18 does not know IFA_PROTO and ignores it. A preferred
 * lifetime other than for ever goes with a valid lifetime of for ever.
 */
export function encodeNewAddress(address: AddressMessage): Uint8Array {
  const writer = addressHead(address);
  if (address.broadcast !== null) writer.attribute(IFA_BROADCAST, ipToBytes(address.broadcast));
  if (address.label !== null) writer.attributeString(IFA_LABEL, address.label);
  const flags = address.flags & SETTABLE_FLAGS;
  if (flags !== 0) writer.attributeU32(IFA_FLAGS, flags);
  if (address.preferred !== null) {
    writer.attribute(IFA_CACHEINFO, new ByteWriter(NATIVE_ENDIAN, 16).u32(address.preferred).u32(FOREVER).u32(0).u32(0).finish());
  }
  if (address.protocol !== null) writer.attributeU8(IFA_PROTO, address.protocol);
  return writer.finish();
}

/**
 * For RTM_DELADDR. IFA_ADDRESS stands in it although the kernel would do without: only then does it compare the prefix
 * length, and never removes a neighbour of the same address with another one.
 */
export function encodeDeleteAddress(address: AddressMessage): Uint8Array {
  return addressHead(address).finish();
}

/** RTM_NEWLINK or RTM_DELLINK; null for what is no interface's own message (a bridge's about its port, say). */
export function decodeLink(payload: Uint8Array): LinkMessage | null | DecodeError {
  const reader = new ByteReader(payload, NATIVE_ENDIAN);
  const family = reader.u8();
  reader.skip(3);
  const index = reader.i32();
  const flags = reader.u32();
  reader.skip(4);
  if (reader.overrun) return new DecodeError('too-short', `link message of ${payload.length} bytes`);
  if (family !== AF_UNSPEC) return null;
  const attributes = decodeAttributes(reader.slice(reader.remaining));
  if (attributes instanceof DecodeError) return attributes;
  const name = findAttribute(attributes, IFLA_IFNAME);
  if (name === null || index <= 0) return new DecodeError('bad-link', `link message with index ${index} and no name`);
  const info = findAttribute(attributes, IFLA_LINKINFO);
  const kind = info === null ? '' : linkKind(info);
  if (kind instanceof DecodeError) return kind;
  return {
    index,
    name: attributeString(name),
    mac: Uint8Array.from(findAttribute(attributes, IFLA_ADDRESS) ?? []),
    mtu: attributeU32(findAttribute(attributes, IFLA_MTU)) ?? 0,
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_RUNNING) !== 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    pointToPoint: (flags & IFF_POINTOPOINT) !== 0,
    multicast: (flags & IFF_MULTICAST) !== 0,
    noArp: (flags & IFF_NOARP) !== 0,
    kind,
    parentIndex: attributeU32(findAttribute(attributes, IFLA_LINK)),
    ...(info !== null && kind === 'macvlan' ? macvlan(info) : {}),
    ...(info !== null && kind === 'ipvlan' ? ipvlan(info) : {}),
    ...given('group', attributeU32(findAttribute(attributes, IFLA_GROUP))),
    ...given('masterIndex', attributeU32(findAttribute(attributes, IFLA_MASTER))),
    ...(kind === 'vrf' && info !== null ? vrf(info) : {}),
  };
}

/** RTM_NEWADDR or RTM_DELADDR; null for a family other than IPv4 and IPv6. */
export function decodeAddress(payload: Uint8Array): AddressMessage | null | DecodeError {
  const reader = new ByteReader(payload, NATIVE_ENDIAN);
  const family = reader.u8();
  const length = reader.u8();
  const shortFlags = reader.u8();
  const scope = reader.u8();
  const linkIndex = reader.u32();
  if (reader.overrun) return new DecodeError('too-short', `address message of ${payload.length} bytes`);
  if (family !== AF_INET && family !== AF_INET6) return null;
  const attributes = decodeAttributes(reader.slice(reader.remaining));
  if (attributes instanceof DecodeError) return attributes;

  const size = family === AF_INET ? 4 : 16;
  const ipOf = (type: number): IpAddress | null => {
    const value = findAttribute(attributes, type);
    return value?.length === size ? ipFromBytes(value) : null;
  };
  // IPv6 has IFA_LOCAL only where there is a peer; IPv4 has both always, equal where there is none.
  const far = ipOf(IFA_ADDRESS);
  const local = ipOf(IFA_LOCAL) ?? far;
  if (local === null || length > size * 8) return new DecodeError('bad-address', `address message without an address of length ${length}`);
  const label = findAttribute(attributes, IFA_LABEL);
  const lifetimes = findAttribute(attributes, IFA_CACHEINFO);
  const preferred = attributeU32(lifetimes?.subarray(0, 4) ?? null);
  const protocol = findAttribute(attributes, IFA_PROTO);
  return {
    linkIndex,
    prefix: { address: local, length },
    peer: far === local ? null : far,
    broadcast: ipOf(IFA_BROADCAST),
    label: label === null ? null : attributeString(label),
    scope: SCOPES.get(scope) ?? scope,
    flags: attributeU32(findAttribute(attributes, IFA_FLAGS)) ?? shortFlags,
    preferred: preferred === FOREVER ? null : preferred,
    protocol: protocol?.[0] ?? null,
  };
}

/** ifaddrmsg with local and far address. */
function addressHead({ prefix, peer, scope, linkIndex }: AddressMessage): AttributeWriter {
  const family = familyOf(prefix.address);
  if (prefix.length < 0 || prefix.length > maxPrefix(family)) throw new RangeError(`prefix length ${prefix.length} of ${prefix.address}`);
  return new AttributeWriter()
    .u8(familyNumber(family))
    .u8(prefix.length)
    .u8(0)
    .u8(typeof scope === 'number' ? scope : SCOPE_NUMBERS[scope])
    .u32(linkIndex)
    .attribute(IFA_LOCAL, ipToBytes(prefix.address))
    .attribute(IFA_ADDRESS, ipToBytes(peer ?? prefix.address));
}

/** What a macvlan alone has; a mode that cannot be read is none that fits. */
function macvlan(info: Uint8Array): { readonly macvlanMode?: number } {
  const attributes = decodeAttributes(info);
  const data = attributes instanceof DecodeError ? null : findAttribute(attributes, IFLA_INFO_DATA);
  const inner = data === null ? null : decodeAttributes(data);
  return inner === null || inner instanceof DecodeError ? {} : given('macvlanMode', attributeU32(findAttribute(inner, IFLA_MACVLAN_MODE)));
}

/** What an ipvlan alone has, unless it is a bridge. */
function ipvlan(info: Uint8Array): { readonly ipvlanFlags?: number } {
  const attributes = decodeAttributes(info);
  const data = attributes instanceof DecodeError ? null : findAttribute(attributes, IFLA_INFO_DATA);
  const inner = data === null ? null : decodeAttributes(data);
  return inner === null || inner instanceof DecodeError ? {} : given('ipvlanFlags', attributeU16(findAttribute(inner, IFLA_IPVLAN_FLAGS)));
}

/** The default, 0, is not said. */
function given<Name extends string>(name: Name, value: number | null): { readonly [key in Name]?: number } {
  return value === null || value === 0 ? {} : { [name]: value } as { readonly [key in Name]?: number };
}

function linkKind(info: Uint8Array): string | DecodeError {
  const attributes = decodeAttributes(info);
  if (attributes instanceof DecodeError) return attributes;
  const kind = findAttribute(attributes, IFLA_INFO_KIND);
  return kind === null ? '' : attributeString(kind);
}

function vrf(info: Uint8Array): { vrfTable?: number } {
  const outer = decodeAttributes(info);
  const inner = outer instanceof DecodeError ? outer : decodeAttributes(findAttribute(outer, IFLA_INFO_DATA) ?? new Uint8Array(0));
  const table = inner instanceof DecodeError ? null : attributeU32(findAttribute(inner, IFLA_VRF_TABLE));
  return table === null ? {} : { vrfTable: table };
}

function familyNumber(family: Family): number {
  return family === 'inet' ? AF_INET : AF_INET6;
}
