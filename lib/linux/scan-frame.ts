import { DecodeError } from '../codec/decode-error.ts';
import { parseIpv4 } from '../codec/ipv4.ts';
import { checksumHolds, decodeAdvertisement, VRRP_PROTOCOL, type Advertisement } from '../codec/vrrp.ts';
import { ByteReader } from '../util/bytes.ts';
import { ipFromBytes, type IpAddress } from '../util/ip.ts';

/** An advertisement as it was seen on the wire. */
export interface SeenAdvertisement {
  readonly from: IpAddress;
  readonly to: IpAddress;
  /** TTL or hop limit. */
  readonly ttl: number;
  /** The message, or what is wrong with it. */
  readonly advert: Advertisement | DecodeError;
  /** 'as-v2': a version 3 message whose checksum leaves out the pseudo header (v3_checksum_as_v2). */
  readonly checksum: 'ok' | 'bad' | 'as-v2';
  /** Sequence number of the Authentication Header (RFC 2402), null where there is none. */
  readonly ahSequence: number | null;
}

/** The link types libpcap has for what carries VRRP, by the names of the cap package. */
export type LinkType = 'ETHERNET' | 'LINKTYPE_LINUX_SLL' | 'RAW';

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
/** 802.1Q and 802.1ad. */
const ETHERTYPES_VLAN = [0x8100, 0x88a8];
const AH_PROTOCOL = 51;

/** Takes a captured frame apart, down to the advertisement. A DecodeError stands for what is no VRRP at all. */
export function decodeFrame(linkType: LinkType, frame: Uint8Array): SeenAdvertisement | DecodeError {
  const packet = networkPacket(linkType, frame);
  if (packet instanceof DecodeError) return packet;
  return (packet[0] ?? 0) >> 4 === 6 ? decode6(packet) : decode4(packet);
}

/** The bytes after the link's header. */
function networkPacket(linkType: LinkType, frame: Uint8Array): Uint8Array | DecodeError {
  if (linkType === 'RAW') return frame;
  const reader = new ByteReader(frame);
  reader.skip(linkType === 'ETHERNET' ? 12 : 14);
  let type = reader.u16();
  while (ETHERTYPES_VLAN.includes(type)) {
    reader.skip(2);
    type = reader.u16();
  }
  if (reader.overrun) return new DecodeError('too-short', `frame of ${frame.length} bytes`);
  if (type !== ETHERTYPE_IPV4 && type !== ETHERTYPE_IPV6) return new DecodeError('not-ip', `ethertype 0x${type.toString(16)}`);
  return reader.slice(reader.remaining);
}

function decode4(bytes: Uint8Array): SeenAdvertisement | DecodeError {
  const packet = parseIpv4(bytes);
  if (packet instanceof DecodeError) return packet;
  const { from, to, ttl, payload, protocol } = packet;
  if (protocol === VRRP_PROTOCOL) return seen({ from, to, ttl, ahSequence: null }, payload, 'inet');
  if (protocol !== AH_PROTOCOL) return new DecodeError('not-vrrp', `protocol ${protocol}`);
  // AH: next header, length in words less 2, reserved, SPI, sequence, integrity check value.
  const reader = new ByteReader(payload);
  const next = reader.u8();
  const length = (reader.u8() + 2) * 4;
  reader.skip(6);
  const ahSequence = reader.u32();
  if (reader.overrun || length < 12 || length > payload.length) return new DecodeError('bad-ah', `authentication header of ${length} bytes`);
  if (next !== VRRP_PROTOCOL) return new DecodeError('not-vrrp', `protocol ${next} after AH`);
  return seen({ from, to, ttl, ahSequence }, payload.subarray(length), 'inet');
}

/** RFC 8200 §3; an extension header would not be sent by any VRRP router. */
function decode6(bytes: Uint8Array): SeenAdvertisement | DecodeError {
  const reader = new ByteReader(bytes);
  reader.skip(4);
  const length = reader.u16();
  const next = reader.u8();
  const ttl = reader.u8();
  const from = reader.slice(16);
  const to = reader.slice(16);
  const payload = reader.slice(length);
  if (reader.overrun) return new DecodeError('too-short', `IPv6 packet of ${bytes.length} bytes`);
  if (next !== VRRP_PROTOCOL) return new DecodeError('not-vrrp', `next header ${next}`);
  return seen({ from: ipFromBytes(from), to: ipFromBytes(to), ttl, ahSequence: null }, payload, 'inet6');
}

function seen(
  ends: Pick<SeenAdvertisement, 'from' | 'to' | 'ttl' | 'ahSequence'>,
  message: Uint8Array,
  family: 'inet' | 'inet6',
): SeenAdvertisement {
  const advert = decodeAdvertisement(message, family);
  const version = (message[0] ?? 0) >> 4;
  const plain = checksumHolds(message, null);
  if (version === 2) return { ...ends, advert, checksum: plain ? 'ok' : 'bad' };
  return { ...ends, advert, checksum: checksumHolds(message, ends) ? 'ok' : plain ? 'as-v2' : 'bad' };
}

/** One line for people; `time` in milliseconds since the epoch. */
export function printSeen(time: number, { from, to, ttl, advert, checksum, ahSequence }: SeenAdvertisement): string {
  const head = `${clockTime(time)} ${from} > ${to}`;
  if (advert instanceof DecodeError) return `${head} malformed: ${advert.detail} (${advert.code}), ttl ${ttl}, checksum ${checksum}`;
  return [
    `${head} VRRPv${advert.version}${advert.type === 1 ? '' : ` type ${advert.type}`} vrid ${advert.vrid} prio ${advert.priority}`,
    `interval ${advert.advertInterval / 1000}s`,
    `auth ${authName(advert)}${ahSequence === null ? '' : ` (seq ${ahSequence})`}`,
    `addresses ${advert.addresses.join(' ') || 'none'}`,
    `ttl ${ttl}`,
    `checksum ${checksum}`,
  ].join(', ');
}

/** The same as one JSON object. A password (auth type 1) is on the wire in the clear, but not printed. */
export function seenToJson(time: number, { from, to, ttl, advert, checksum, ahSequence }: SeenAdvertisement): string {
  const head = { time: new Date(time).toISOString(), from, to };
  if (advert instanceof DecodeError) return JSON.stringify({ ...head, error: advert.code, detail: advert.detail, ttl, checksum });
  const { version, type, vrid, priority, advertInterval, addresses } = advert;
  return JSON.stringify({
    ...head, version, type, vrid, priority, interval: advertInterval / 1000, auth: authName(advert), ahSequence, addresses, ttl, checksum,
  });
}

function authName({ auth }: Advertisement): string {
  const type = auth?.type ?? 0;
  return ['none', 'pass', 'ah'][type] ?? `type ${type}`;
}

/** Local time of day with milliseconds. */
function clockTime(time: number): string {
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
