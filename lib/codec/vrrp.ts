/**
 * VRRP advertisements, version 2 (RFC 3768 §5.1) and version 3 (RFC 9568 §5.1).
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |Version| Type  | Virtual Rtr ID|    Priority   |Count IPvX Addr|
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * v2 |   Auth Type   |Adver Int (s)  |          Checksum             |
 * v3 |(rsvd) |  Max Adver Int (cs)   |          Checksum             |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |                       IPvX Address(es)                        |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * v2 |             Authentication Data (8 bytes, always)             |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { ByteReader, ByteWriter, concat } from '../util/bytes.ts';
import { internetChecksum } from '../util/checksum.ts';
import { type Family, type IpAddress, ipFromBytes, ipToBytes } from '../util/ip.ts';
import type { Millis } from '../util/time.ts';
import { DecodeError } from './decode-error.ts';

export const VRRP_PROTOCOL = 112;
export const TYPE_ADVERTISEMENT = 1;
export const AUTH_NONE = 0;
export const AUTH_PASS = 1;
export const AUTH_AH = 2;
const HEADER_LENGTH = 8;
const AUTH_DATA_LENGTH = 8;

export interface Advertisement {
  readonly version: number;
  /** 1 is ADVERTISEMENT, the only one there is. */
  readonly type: number;
  readonly vrid: number;
  readonly priority: number;
  readonly advertInterval: Millis;
  readonly addresses: readonly IpAddress[];
  /** v2: the type and the 8 bytes of data; null in v3. */
  readonly auth: { readonly type: number; readonly data: Uint8Array } | null;
}

/** The two ends of a datagram, for the pseudo header of version 3. */
export interface Ends {
  readonly from: IpAddress;
  readonly to: IpAddress;
}

/**
 * The VRRP message of an advertisement, checksum included. `pseudo` is what the checksum's pseudo header names (v3, RFC 9568
 * §5.2.8); null leaves it out, as version 2 does (RFC 3768 §5.3.8).
 */
export function encodeAdvertisement(advert: Advertisement, pseudo: Ends | null): Uint8Array {
  const writer = new ByteWriter();
  writer.u8((advert.version << 4) | advert.type);
  writer.u8(advert.vrid);
  writer.u8(advert.priority);
  writer.u8(advert.addresses.length);
  if (advert.version === 2) {
    writer.u8(advert.auth?.type ?? AUTH_NONE);
    writer.u8(Math.round(advert.advertInterval / 1000));
  } else writer.u16(Math.round(advert.advertInterval / 10) & 0x0fff);
  writer.u16(0);
  for (const address of advert.addresses) writer.bytes(ipToBytes(address));
  if (advert.version === 2) writer.bytes(authData(advert.auth?.data ?? new Uint8Array(0)));
  const message = writer.finish();
  const checksum = messageChecksum(message, advert.version === 2 ? null : pseudo);
  message[6] = checksum >> 8;
  message[7] = checksum & 0xff;
  return message;
}

/**
 * Reads a message of which nothing is believed yet: version, type, authentication and checksum are the receiver's to judge
 * (RFC 9568 §7.1). Errors: 'too-short', 'length' (the count of addresses does not fit), 'version' (neither 2 nor 3).
 */
export function decodeAdvertisement(message: Uint8Array, family: Family): Advertisement | DecodeError {
  if (message.length < HEADER_LENGTH) return new DecodeError('too-short', `${message.length} bytes, a VRRP header has 8`);
  const reader = new ByteReader(message);
  const first = reader.u8();
  const version = first >> 4;
  if (version !== 2 && version !== 3) return new DecodeError('version', `VRRP version ${version}`);
  const vrid = reader.u8();
  const priority = reader.u8();
  const count = reader.u8();
  const word = reader.u16();
  reader.skip(2);
  const size = family === 'inet' ? 4 : 16;
  const expected = HEADER_LENGTH + count * size + (version === 2 ? AUTH_DATA_LENGTH : 0);
  if (message.length !== expected) return new DecodeError('length', `${message.length} bytes, ${expected} expected for ${count} addresses`);
  const addresses = Array.from({ length: count }, () => ipFromBytes(reader.slice(size)));
  return {
    version,
    type: first & 0x0f,
    vrid,
    priority,
    advertInterval: version === 2 ? (word & 0xff) * 1000 : (word & 0x0fff) * 10,
    addresses,
    auth: version === 2 ? { type: word >> 8, data: reader.slice(AUTH_DATA_LENGTH).slice() } : null,
  };
}

/** How long the message says that it is; null when it is too short to say, or of no version that there is. */
export function messageLength(message: Uint8Array, family: Family): number | null {
  const version = (message[0] ?? 0) >> 4;
  const count = message[3];
  if (message.length < HEADER_LENGTH || count === undefined || (version !== 2 && version !== 3)) return null;
  return HEADER_LENGTH + count * (family === 'inet' ? 4 : 16) + (version === 2 ? AUTH_DATA_LENGTH : 0);
}

/** The same bytes with the checksum over all of them, the pseudo header before. */
export function withChecksum(message: Uint8Array, pseudo: Ends | null): Uint8Array {
  const copy = message.slice();
  copy.fill(0, 6, 8);
  const checksum = messageChecksum(copy, pseudo);
  copy.set([checksum >> 8, checksum & 0xff], 6);
  return copy;
}

/** True when the message holds its own right checksum, with or without (null) the pseudo header. */
export function checksumHolds(message: Uint8Array, pseudo: Ends | null): boolean {
  return internetChecksum(...(pseudo === null ? [] : [pseudoHeader(pseudo, message.length)]), message) === 0;
}

/** The 8 bytes of authentication data of a password: cut or padded with zeros (RFC 2338 §5.3.10). */
export function authData(secret: Uint8Array): Uint8Array {
  const data = new Uint8Array(AUTH_DATA_LENGTH);
  data.set(secret.subarray(0, AUTH_DATA_LENGTH));
  return data;
}

function messageChecksum(message: Uint8Array, pseudo: Ends | null): number {
  return pseudo === null ? internetChecksum(message) : internetChecksum(pseudoHeader(pseudo, message.length), message);
}

/** RFC 8200 §8.1 for IPv6; for IPv4 the one of TCP (RFC 9293 §3.1). */
function pseudoHeader({ from, to }: Ends, length: number): Uint8Array {
  const source = ipToBytes(from);
  const tail = source.length === 4 ? [0, VRRP_PROTOCOL, length >> 8, length & 0xff] : [0, 0, length >> 8, length & 0xff, 0, 0, 0, VRRP_PROTOCOL];
  return concat(source, ipToBytes(to), Uint8Array.from(tail));
}
