/**
 * IPVS by socket options (setsockopt(2), getsockopt(2), level IPPROTO_IP): the interface before generic netlink, IPv4 only, and
 * the only one of some kernels with FULLNAT (fullnat.md 1.3). Structures of 64-bit kernels, numbers in the machine's order
 * except addresses and ports:
 *
 *     service      | protocol u16 | - | address | port | - | mark u32 | scheduler (16) | flags u32 | timeout u32 | netmask |   44
 *     destination  | address | port | - | method u32 | weight i32 | upper u32 | lower u32 |                                  24
 *     in answers   service | destinations u32 | (local addresses u32, -) | counters |            104, with FULLNAT 120
 *                  destination | active u32 | inactive u32 | persistent u32 | - | counters |      96, with FULLNAT 104
 *     local one    | address | - | conflicts u64 | connections u32 | - |                          24
 *     counters     | connections, packets in, out: u32, with FULLNAT u64 | bytes in, out u64 | five rates u32 |
 */
import { ByteReader, ByteWriter } from '../util/bytes.ts';
import { familyOf, ipFromBytes, ipToBytes, type IpAddress } from '../util/ip.ts';
import { DecodeError } from './decode-error.ts';
import { methodNumber, methodOf } from './ipvs-destination.ts';
import type { IpvsOperation } from './ipvs-operation.ts';
import { flagBits, flagNames, hasSynProxy, isPersistent, netmaskBytes, prefixOf, protocolNumber, protocolOf } from './ipvs-service.ts';
import { NO_STATS } from './ipvs-stats.ts';
import { IPIP, type Destination, type DestinationId, type DestinationStatus, type IpvsInfo, type IpvsStats, type IpvsTimeouts, type LocalAddressStatus, type Service, type ServiceId, type ServiceStatus, type SyncDaemon } from './ipvs-values.ts';
import { NATIVE_ENDIAN } from './netlink.ts';

const BASE = 1024 + 64 + 64;
const SET = {
  ADD: BASE + 2, EDIT: BASE + 3, DEL: BASE + 4, FLUSH: BASE + 5, ADDDEST: BASE + 7, DELDEST: BASE + 8, EDITDEST: BASE + 9, TIMEOUT: BASE + 10, STARTDAEMON: BASE + 11, STOPDAEMON: BASE + 12, ZERO: BASE + 15,
  ADDLADDR: BASE + 16, DELLADDR: BASE + 17,
} as const;
/** For reading. GET_LADDRS only with FULLNAT, GET_ZONES only with Xiaomi's: others answer ENOPROTOOPT. */
export const GET = { VERSION: BASE, INFO: BASE + 1, SERVICES: BASE + 2, DESTS: BASE + 4, TIMEOUT: BASE + 6, DAEMON: BASE + 7, LADDRS: BASE + 8, ZONES: BASE + 9 } as const;

/** Of structures in answers. */
export type OptionLayout = 'stock' | 'fullnat';

export interface SocketOption {
  readonly option: number;
  readonly value: Uint8Array;
}

export interface IpvsOptionInfo extends IpvsInfo {
  readonly services: number;
}

/** A service with how many entries the kernel has for it. */
export interface CountedService {
  readonly service: ServiceStatus;
  readonly destinations: number;
  readonly localAddresses: number;
}

const NAME = 16;
const KEY = 16;
const HEADER = 24;
const LOCAL = 24;
const SIZES: Readonly<Record<OptionLayout, { readonly service: number; readonly destination: number }>> = { stock: { service: 104, destination: 96 }, fullnat: { service: 120, destination: 104 } };
/** What GET_INFO writes: three numbers, or four of Xiaomi's. */
const INFO = 16;

/** Why it cannot be asked for this way: [errno, in words]; null: it can. */
export function optionRefusal(operation: IpvsOperation): readonly [string, string] | null {
  switch (operation.op) {
    case 'add-service':
    case 'edit-service':
      if (operation.service.engine !== null) return ['EOPNOTSUPP', 'socket options have no persistence engines'];
      if (operation.service.establishedTimeout !== undefined) return ['EOPNOTSUPP', 'socket options have no timeouts of single services'];
      return idRefusal(operation.service.id);
    case 'delete-service':
      return idRefusal(operation.id);
    case 'add-destination':
    case 'edit-destination':
    case 'delete-destination':
      if (familyOf(operation.destination.address) === 'inet6') return ONLY_IPV4;
      if (operation.op !== 'delete-destination' && operation.destination.forward.method === 'TUN' && operation.destination.forward.tunnel.type !== 'ipip') return ['EOPNOTSUPP', 'socket options have no tunnels but ipip'];
      return idRefusal(operation.service);
    case 'add-local-address':
    case 'delete-local-address':
      return familyOf(operation.address) === 'inet6' ? ONLY_IPV4 : idRefusal(operation.service);
    case 'zero':
      return operation.service === null ? null : idRefusal(operation.service);
    case 'flush':
    case 'set-timeouts':
    case 'start-daemon':
    case 'stop-daemon':
      return null;
  }
}

const ONLY_IPV4 = ['EAFNOSUPPORT', "this kernel's IPVS is reached by socket options, which are for IPv4 only"] as const;

function idRefusal(id: ServiceId): readonly [string, string] | null {
  return (id.kind === 'fwmark' ? id.family : familyOf(id.address)) === 'inet6' ? ONLY_IPV4 : null;
}

/** One setsockopt(2). To be asked only what optionRefusal lets pass. */
export function encodeOption(operation: IpvsOperation): SocketOption {
  switch (operation.op) {
    case 'add-service':
      return { option: SET.ADD, value: service(operation.service) };
    case 'edit-service':
      return { option: SET.EDIT, value: service(operation.service) };
    case 'delete-service':
      return { option: SET.DEL, value: serviceId(operation.id) };
    case 'add-destination':
      return { option: SET.ADDDEST, value: withDestination(operation.service, operation.destination) };
    case 'edit-destination':
      return { option: SET.EDITDEST, value: withDestination(operation.service, operation.destination) };
    case 'delete-destination':
      return { option: SET.DELDEST, value: withDestination(operation.service, operation.destination) };
    case 'add-local-address':
      return { option: SET.ADDLADDR, value: withLocal(operation.service, operation.address) };
    case 'delete-local-address':
      return { option: SET.DELLADDR, value: withLocal(operation.service, operation.address) };
    case 'zero':
      // No service at all stands for every one.
      return { option: SET.ZERO, value: operation.service === null ? new Uint8Array(44) : serviceId(operation.service) };
    case 'flush':
      return { option: SET.FLUSH, value: new Uint8Array() };
    case 'set-timeouts':
      return { option: SET.TIMEOUT, value: words(operation.timeouts.tcp ?? 0, operation.timeouts.tcpFin ?? 0, operation.timeouts.udp ?? 0) };
    case 'start-daemon':
      return { option: SET.STARTDAEMON, value: daemon(operation.daemon.state, operation.daemon.link, operation.daemon.syncId) };
    case 'stop-daemon':
      return { option: SET.STOPDAEMON, value: daemon(operation.state, '', 0) };
  }
}

/** A buffer for GET_INFO. */
export function infoRequest(): Uint8Array {
  return new Uint8Array(INFO);
}

export function decodeOptionInfo(bytes: Uint8Array): IpvsOptionInfo {
  const reader = new ByteReader(bytes, NATIVE_ENDIAN);
  const version = reader.u32();
  const connectionTableSize = reader.u32();
  return { version: [version >> 16, version >> 8, version].map((part) => part & 0xff).join('.'), connectionTableSize, services: reader.u32() };
}

/** A buffer for GET_SERVICES, with room for as many; the kernel refuses another size. */
export function servicesRequest(count: number, layout: OptionLayout): Uint8Array {
  const bytes = new Uint8Array(8 + count * SIZES[layout].service);
  bytes.set(words(count));
  return bytes;
}

/** Those that the kernel had: there may be fewer than it said a moment before. */
export function decodeOptionServices(bytes: Uint8Array, layout: OptionLayout): CountedService[] | DecodeError {
  const services: CountedService[] = [];
  for (const entry of entries(bytes, 8, SIZES[layout].service)) {
    if (entry.every((byte) => byte === 0)) continue;
    const one = decodeService(entry, layout);
    if (one instanceof DecodeError) return one;
    services.push(one);
  }
  return services;
}

/** A buffer for GET_DESTS. */
export function destinationsRequest(id: ServiceId, count: number, layout: OptionLayout): Uint8Array {
  return listRequest(id, count, SIZES[layout].destination);
}

export function decodeOptionDestinations(bytes: Uint8Array, layout: OptionLayout): DestinationStatus[] | DecodeError {
  const destinations: DestinationStatus[] = [];
  for (const entry of entries(bytes, HEADER, SIZES[layout].destination)) {
    if (entry.every((byte) => byte === 0)) continue;
    const one = decodeDestination(entry, layout);
    if (one instanceof DecodeError) return one;
    destinations.push(one);
  }
  return destinations;
}

/** A buffer for GET_LADDRS. With a count of 0 and no service it asks nothing, and tells whether the kernel knows the option. */
export function localAddressesRequest(id: ServiceId | null, count: number): Uint8Array {
  return listRequest(id, count, LOCAL);
}

export function decodeOptionLocalAddresses(bytes: Uint8Array): LocalAddressStatus[] {
  return entries(bytes, HEADER, LOCAL).filter((entry) => entry.some((byte) => byte !== 0)).map((entry) => {
    const reader = new ByteReader(entry, NATIVE_ENDIAN);
    const address = ipFromBytes(reader.slice(4));
    reader.skip(4);
    return { address, portConflicts: reader.u64(), connections: reader.u32() };
  });
}

export function timeoutsRequest(): Uint8Array {
  return new Uint8Array(12);
}

export function decodeOptionTimeouts(bytes: Uint8Array): IpvsTimeouts {
  const reader = new ByteReader(bytes, NATIVE_ENDIAN);
  return { tcp: reader.u32(), tcpFin: reader.u32(), udp: reader.u32() };
}

/** For GET_DAEMON, which tells of both. */
export function daemonsRequest(): Uint8Array {
  return new Uint8Array(2 * (8 + NAME));
}

export function decodeOptionDaemons(bytes: Uint8Array): SyncDaemon[] {
  return entries(bytes, 0, 8 + NAME).flatMap((entry): SyncDaemon[] => {
    const reader = new ByteReader(entry, NATIVE_ENDIAN);
    const state = reader.u32();
    const link = text(reader.slice(NAME));
    return state === 1 || state === 2 ? [{ state: state === 1 ? 'master' : 'backup', link, syncId: reader.u32(), maxLength: null, group: null, port: null, ttl: null }] : [];
  });
}

function writer(size: number): ByteWriter {
  return new ByteWriter(NATIVE_ENDIAN, size);
}

function words(...values: readonly number[]): Uint8Array {
  return values.reduce((all, value) => all.u32(value), writer(4 * values.length)).finish();
}

function key(bytes: ByteWriter, id: ServiceId): ByteWriter {
  // A mark's protocol means nothing, and must be one all the same.
  if (id.kind === 'fwmark') return bytes.u16(protocolNumber('tcp')).zeros(10).u32(id.mark);
  return bytes.u16(protocolNumber(id.protocol)).zeros(2).bytes(ipToBytes(id.address)).bytes(port(id.port)).zeros(6);
}

function port(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function service({ id, scheduler, flags, persistence, synProxy }: Pick<Service, 'id' | 'scheduler' | 'flags' | 'persistence' | 'synProxy'>): Uint8Array {
  return key(writer(44), id)
    .bytes(name(scheduler)).u32(flagBits({ flags, persistence, ...(synProxy === undefined ? {} : { synProxy }) })).u32(persistence?.timeout ?? 0).bytes(netmaskBytes('inet', persistence)).finish();
}

/** Where only the key counts. */
function serviceId(id: ServiceId): Uint8Array {
  return key(writer(44), id).zeros(44 - KEY).finish();
}

function withDestination(id: ServiceId, destination: DestinationId | Destination): Uint8Array {
  const bytes = writer(68).bytes(serviceId(id)).bytes(ipToBytes(destination.address)).bytes(port(destination.port)).zeros(2);
  if (!('forward' in destination)) return bytes.zeros(16).finish();
  return bytes.u32(methodNumber(destination.forward.method)).u32(destination.weight).u32(destination.upperThreshold).u32(destination.lowerThreshold).finish();
}

function withLocal(id: ServiceId, address: IpAddress): Uint8Array {
  return writer(48).bytes(serviceId(id)).bytes(ipToBytes(address)).finish();
}

function daemon(state: SyncDaemon['state'], link: string, syncId: number): Uint8Array {
  return writer(24).u32(state === 'master' ? 1 : 2).bytes(name(link)).u32(syncId).finish();
}

function listRequest(id: ServiceId | null, count: number, size: number): Uint8Array {
  const bytes = writer(HEADER + count * size);
  return (id === null ? bytes.zeros(KEY) : key(bytes, id)).u32(count).zeros(4 + count * size).finish();
}

/** A name with its end, and zeros behind. */
function name(value: string): Uint8Array {
  const bytes = new Uint8Array(NAME);
  bytes.set(new TextEncoder().encode(value).subarray(0, NAME - 1));
  return bytes;
}

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function entries(bytes: Uint8Array, from: number, size: number): Uint8Array[] {
  return Array.from({ length: Math.max(0, Math.floor((bytes.length - from) / size)) }, (_, i) => bytes.subarray(from + i * size, from + (i + 1) * size));
}

function decodeService(entry: Uint8Array, layout: OptionLayout): CountedService | DecodeError {
  const reader = new ByteReader(entry, NATIVE_ENDIAN);
  const number = reader.u16();
  reader.skip(2);
  const address = ipFromBytes(reader.slice(4));
  const [high = 0, low = 0] = reader.slice(2);
  reader.skip(2);
  const mark = reader.u32();
  const protocol = protocolOf(number);
  if (mark === 0 && protocol === null) return new DecodeError('bad-service', `IPVS service of protocol ${number}`);
  const id: ServiceId = mark !== 0 || protocol === null ? { kind: 'fwmark', mark, family: 'inet' } : { kind: 'address', protocol, address, port: (high << 8) | low };
  const scheduler = text(reader.slice(NAME));
  const bits = reader.u32();
  const timeout = reader.u32();
  const netmask = reader.slice(4);
  const destinations = reader.u32();
  const localAddresses = layout === 'fullnat' ? reader.u32() : 0;
  if (layout === 'fullnat') reader.skip(4);
  const stats = decodeCounters(reader, layout);
  return {
    service: {
      id, scheduler, flags: flagNames(bits), persistence: isPersistent(bits) ? { timeout, granularity: prefixOf(netmask) } : null, engine: null,
      ...(layout === 'fullnat' && hasSynProxy(bits) ? { synProxy: true as const } : {}), stats,
    },
    destinations,
    localAddresses,
  };
}

function decodeDestination(entry: Uint8Array, layout: OptionLayout): DestinationStatus | DecodeError {
  const reader = new ByteReader(entry, NATIVE_ENDIAN);
  const address = ipFromBytes(reader.slice(4));
  const [high = 0, low = 0] = reader.slice(2);
  reader.skip(2);
  const flags = reader.u32();
  const method = methodOf(flags);
  if (method === null) return new DecodeError('bad-destination', `IPVS destination with forwarding method ${flags}`);
  const [weight, upperThreshold, lowerThreshold, activeConnections, inactiveConnections, persistentConnections] = [reader.i32(), reader.u32(), reader.u32(), reader.u32(), reader.u32(), reader.u32()];
  reader.skip(4);
  return {
    address, port: (high << 8) | low, forward: { method, tunnel: IPIP }, weight, upperThreshold, lowerThreshold, activeConnections, inactiveConnections, persistentConnections,
    stats: decodeCounters(reader, layout),
  };
}

function decodeCounters(reader: ByteReader, layout: OptionLayout): IpvsStats {
  const wide = (): bigint => reader.u64();
  const narrow = (): bigint => BigInt(reader.u32());
  const [connections = 0n, inPackets = 0n, outPackets = 0n] = layout === 'fullnat' ? [wide(), wide(), wide()] : [narrow(), narrow(), narrow()];
  // 64-bit numbers stand at multiples of eight.
  if (layout === 'stock') reader.skip(4);
  return { ...NO_STATS, connections, inPackets, outPackets, inBytes: wide(), outBytes: wide(), connectionRate: narrow(), inPacketRate: narrow(), outPacketRate: narrow(), inByteRate: narrow(), outByteRate: narrow() };
}
