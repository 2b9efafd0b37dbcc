import { ByteReader, ByteWriter } from '../util/bytes.ts';
import { ipFromBytes, ipToBytes, type Family, type IpAddress } from '../util/ip.ts';
import { DecodeError } from './decode-error.ts';
import { decodeStats } from './ipvs-stats.ts';
import { serviceFamily, type IpvsProtocol, type Persistence, type Service, type ServiceFlag, type ServiceId, type ServiceStatus } from './ipvs-values.ts';
import { attributePort, attributeString, attributeU16, attributeU32, decodeAttributes, findAttribute, NATIVE_ENDIAN, type AttributeWriter, type NetlinkAttribute } from './netlink.ts';

/** The attributes within IPVS_CMD_ATTR_SERVICE (linux/ip_vs.h). */

const SVC_AF = 1;
const SVC_PROTOCOL = 2;
const SVC_ADDR = 3;
const SVC_PORT = 4;
const SVC_FWMARK = 5;
const SVC_SCHED_NAME = 6;
/** struct ip_vs_flags: the flags, and which of them are meant. */
const SVC_FLAGS = 7;
const SVC_TIMEOUT = 8;
/** IPv4: the netmask in network order; IPv6: the prefix length as a number. */
const SVC_NETMASK = 9;
const SVC_STATS = 10;
const SVC_PE_NAME = 11;
const SVC_STATS64 = 12;

/** Of the patched kernel's third version; a stock kernel has the persistence engine's name there. */
const SVC_EST_TIMEOUT = 11;

const F_PERSISTENT = 0x01;
/** Of the patched kernels. */
const F_SYNPROXY = 0x8000;
const FLAGS: readonly (readonly [ServiceFlag, number])[] = [['ops', 0x04], ['flag-1', 0x08], ['flag-2', 0x10], ['flag-3', 0x20]];
/** Ours to set; IP_VS_SVC_F_HASHED (2) is how the kernel notes that a service is in its table. */
const FLAG_MASK = FLAGS.reduce((mask, [, bit]) => mask | bit, F_PERSISTENT);

export const AF_INET = 2;
export const AF_INET6 = 10;
const PROTOCOLS: readonly (readonly [IpvsProtocol, number])[] = [['tcp', 6], ['udp', 17], ['sctp', 132]];

/** What tells the kernel which service is meant. */
export function writeServiceId(writer: AttributeWriter, id: ServiceId): void {
  writer.attributeU16(SVC_AF, familyNumber(serviceFamily(id)));
  if (id.kind === 'fwmark') {
    writer.attributeU32(SVC_FWMARK, id.mark);
    return;
  }
  writer
    .attributeU16(SVC_PROTOCOL, protocolNumber(id.protocol))
    .attribute(SVC_ADDR, addressBytes(id.address))
    .attribute(SVC_PORT, portBytes(id.port));
}

/** All of it, as making and changing one need it. */
export function writeService(writer: AttributeWriter, service: Service): void {
  const { id, scheduler, persistence, engine } = service;
  writeServiceId(writer, id);
  const bits = flagBits(service);
  const mask = FLAG_MASK | (bits & F_SYNPROXY);
  writer.attributeString(SVC_SCHED_NAME, scheduler).attribute(SVC_FLAGS, new ByteWriter(NATIVE_ENDIAN, 8).u32(bits).u32(mask).finish());
  writer.attributeU32(SVC_TIMEOUT, persistence?.timeout ?? 0).attribute(SVC_NETMASK, netmaskBytes(serviceFamily(id), persistence));
  if (service.establishedTimeout !== undefined) writer.attributeU32(SVC_EST_TIMEOUT, service.establishedTimeout);
  else if (engine !== null) writer.attributeString(SVC_PE_NAME, engine);
}

/** The value of IPVS_CMD_ATTR_SERVICE. `patched`: of a kernel with FULLNAT, which has no persistence engines. */
export function decodeService(value: Uint8Array, patched = false): ServiceStatus | DecodeError {
  const attributes = decodeAttributes(value);
  if (attributes instanceof DecodeError) return attributes;
  const id = decodeId(attributes);
  if (id instanceof DecodeError) return id;
  const stats = decodeStats(findAttribute(attributes, SVC_STATS64) ?? findAttribute(attributes, SVC_STATS));
  if (stats instanceof DecodeError) return stats;
  const name = findAttribute(attributes, SVC_SCHED_NAME);
  const flags = findAttribute(attributes, SVC_FLAGS);
  if (name === null || flags?.length !== 8) return new DecodeError('bad-service', 'IPVS service without scheduler or flags');
  const bits = new ByteReader(flags, NATIVE_ENDIAN).u32();
  const engine = patched ? null : findAttribute(attributes, SVC_PE_NAME);
  const established = patched ? attributeU32(findAttribute(attributes, SVC_EST_TIMEOUT)) : null;
  return {
    id,
    scheduler: attributeString(name),
    flags: flagNames(bits),
    persistence: isPersistent(bits) ? decodePersistence(attributes, serviceFamily(id)) : null,
    engine: engine === null ? null : attributeString(engine),
    ...(patched && hasSynProxy(bits) ? { synProxy: true as const } : {}),
    ...(established === null || established === 0 ? {} : { establishedTimeout: established }),
    stats,
  };
}

/** IP_VS_SVC_F_*, and that of syn_proxy. */
export function flagBits({ flags, persistence, synProxy }: Pick<Service, 'flags' | 'persistence' | 'synProxy'>): number {
  return FLAGS.reduce((sum, [name, bit]) => (flags.includes(name) ? sum | bit : sum), (persistence === null ? 0 : F_PERSISTENT) | (synProxy === true ? F_SYNPROXY : 0));
}

export function flagNames(bits: number): ServiceFlag[] {
  return FLAGS.filter(([, bit]) => (bits & bit) !== 0).map(([flag]) => flag);
}

export function isPersistent(bits: number): boolean {
  return (bits & F_PERSISTENT) !== 0;
}

/** Of a patched kernel's service. */
export function hasSynProxy(bits: number): boolean {
  return (bits & F_SYNPROXY) !== 0;
}

export function protocolNumber(protocol: IpvsProtocol): number {
  return PROTOCOLS.find(([name]) => name === protocol)?.[1] ?? 0;
}

export function protocolOf(number: number): IpvsProtocol | null {
  return PROTOCOLS.find(([, one]) => one === number)?.[0] ?? null;
}

/** 16 bytes, as the kernel's union has them. */
export function addressBytes(address: IpAddress): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(ipToBytes(address));
  return bytes;
}

export function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff);
}

export function familyNumber(family: Family): number {
  return family === 'inet' ? AF_INET : AF_INET6;
}

/** An address of the family; the kernel gives 16 bytes for either. null: it is too short, or of no family known here. */
export function addressOf(value: Uint8Array | null, family: number): IpAddress | null {
  const size = family === AF_INET ? 4 : 16;
  if (value === null || value.length < size || (family !== AF_INET && family !== AF_INET6)) return null;
  return ipFromBytes(value.subarray(0, size));
}

function decodeId(attributes: readonly NetlinkAttribute[]): ServiceId | DecodeError {
  const family = attributeU16(findAttribute(attributes, SVC_AF)) ?? 0;
  const mark = attributeU32(findAttribute(attributes, SVC_FWMARK)) ?? 0;
  if (family !== AF_INET && family !== AF_INET6) return new DecodeError('bad-service', `IPVS service of address family ${family}`);
  if (mark !== 0) return { kind: 'fwmark', mark, family: family === AF_INET ? 'inet' : 'inet6' };
  const number = attributeU16(findAttribute(attributes, SVC_PROTOCOL)) ?? 0;
  const protocol = protocolOf(number);
  const address = addressOf(findAttribute(attributes, SVC_ADDR), family);
  const port = attributePort(findAttribute(attributes, SVC_PORT));
  if (protocol === null || address === null || port === null) return new DecodeError('bad-service', `IPVS service of protocol ${number} without address or port`);
  return { kind: 'address', protocol, address, port };
}

/** IPv4: the netmask; IPv6: the prefix length as a number. */
export function netmaskBytes(family: Family, persistence: Persistence | null): Uint8Array {
  const granularity = persistence?.granularity ?? (family === 'inet' ? 32 : 128);
  if (typeof granularity !== 'number') return ipToBytes(granularity);
  if (family === 'inet6') return new ByteWriter(NATIVE_ENDIAN, 4).u32(granularity).finish();
  return Uint8Array.from([0, 1, 2, 3], (i) => 0xff & (0xff00 >> Math.min(8, Math.max(0, granularity - 8 * i))));
}

function decodePersistence(attributes: readonly NetlinkAttribute[], family: Family): Persistence {
  const timeout = attributeU32(findAttribute(attributes, SVC_TIMEOUT)) ?? 0;
  const netmask = findAttribute(attributes, SVC_NETMASK);
  if (netmask?.length !== 4) return { timeout, granularity: family === 'inet' ? 32 : 128 };
  return { timeout, granularity: family === 'inet' ? prefixOf(netmask) : new ByteReader(netmask, NATIVE_ENDIAN).u32() };
}

/** The prefix length of a netmask, or the netmask as it is when its bits are none. */
export function prefixOf(netmask: Uint8Array): number | IpAddress {
  const bits = Array.from(netmask, (byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/u.test(bits) ? bits.replaceAll('0', '').length : ipFromBytes(netmask);
}
