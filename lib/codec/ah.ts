/**
 * The IP Authentication Header (RFC 2402 §2) as VRRP of RFC 2338 and keepalived use it: HMAC-MD5-96 (RFC 2403), IPv4 only,
 * transport mode, the SPI being the source address.
 *
 *    +---------------+---------------+---------------+---------------+
 *    | Next Hdr 112  | Payload Len 4 |            Reserved           |
 *    +---------------+---------------+---------------+---------------+
 *    |               Security Parameters Index (SPI)                 |
 *    +---------------+---------------+---------------+---------------+
 *    |                        Sequence Number                        |
 *    +---------------+---------------+---------------+---------------+
 *    |                 Integrity Check Value, 12 bytes               |
 *    +---------------+---------------+---------------+---------------+
 */
import { ByteReader, ByteWriter, concat, equalBytes } from '../util/bytes.ts';
import type { Hmac } from '../util/hmac.ts';
import { type IpAddress, ipToBytes, isMulticast } from '../util/ip.ts';
import { DecodeError } from './decode-error.ts';
import { VRRP_PROTOCOL } from './vrrp.ts';

export const AH_PROTOCOL = 51;
/** Header and check value. */
export const AH_LENGTH = 24;
const LENGTH = AH_LENGTH;
const ICV_LENGTH = 12;
const IPV4_HEADER = 20;

/** What the check value covers of the IP header besides addresses: everything that no router on the way changes. */
export interface AhEnvelope {
  readonly from: IpAddress;
  readonly to: IpAddress;
  readonly ttl: number;
  readonly id: number;
}

/** AH and message, ready to follow the IP header. */
export function encodeAh(envelope: AhEnvelope, sequence: number, message: Uint8Array, key: Uint8Array, hmac: Hmac): Uint8Array {
  const header = new ByteWriter('big', LENGTH)
    .u8(VRRP_PROTOCOL).u8(LENGTH / 4 - 2).u16(0).bytes(ipToBytes(envelope.from)).u32(sequence >>> 0).zeros(ICV_LENGTH).finish();
  const ip = new ByteWriter('big', IPV4_HEADER)
    .u8(0x45).u8(0).u16(IPV4_HEADER + LENGTH + message.length).u16(envelope.id).u16(0)
    .u8(envelope.ttl).u8(AH_PROTOCOL).u16(0).bytes(ipToBytes(envelope.from)).bytes(ipToBytes(envelope.to)).finish();
  header.set(checkValue(immutable(ip, envelope.to), header, message, key, hmac), LENGTH - ICV_LENGTH);
  return concat(header, message);
}

export interface OpenedAh {
  readonly sequence: number;
  /** The VRRP message behind it. */
  readonly message: Uint8Array;
}

/**
 * Verifies what followed the IPv4 header `ipHeader` (with its options). Errors: 'too-short', 'next-header', 'length', 'spi'
 * (not the source address), 'icv'.
 */
export function decodeAh(ipHeader: Uint8Array, from: IpAddress, to: IpAddress, payload: Uint8Array, key: Uint8Array, hmac: Hmac): OpenedAh | DecodeError {
  if (payload.length < LENGTH) return new DecodeError('too-short', `${payload.length} bytes, AH has ${LENGTH}`);
  const reader = new ByteReader(payload);
  const next = reader.u8();
  const words = reader.u8();
  if (next !== VRRP_PROTOCOL) return new DecodeError('next-header', `next header ${next}, ${VRRP_PROTOCOL} expected`);
  if (words !== LENGTH / 4 - 2) return new DecodeError('length', `payload length ${words}, ${LENGTH / 4 - 2} expected`);
  reader.skip(2);
  if (!equalBytes(reader.slice(4), ipToBytes(from))) return new DecodeError('spi', 'the SPI is not the source address');
  const sequence = reader.u32();
  const header = payload.slice(0, LENGTH);
  const icv = header.slice(LENGTH - ICV_LENGTH);
  header.fill(0, LENGTH - ICV_LENGTH);
  const message = payload.subarray(LENGTH);
  if (!equalBytes(icv, checkValue(immutable(ipHeader, to), header, message, key, hmac))) return new DecodeError('icv', 'the check value does not match');
  return { sequence, message };
}

/** keepalived's reading of RFC 2402 §3.3.3.1: TOS, flags, offset and checksum do not count, the TTL only for multicast, where it is 255. */
function immutable(header: Uint8Array, to: IpAddress): Uint8Array {
  const copy = header.slice();
  copy[1] = 0;
  copy.fill(0, 6, 8);
  if (!isMulticast(to)) copy[8] = 0;
  copy.fill(0, 10, 12);
  return copy;
}

function checkValue(ip: Uint8Array, header: Uint8Array, message: Uint8Array, key: Uint8Array, hmac: Hmac): Uint8Array {
  return hmac('md5', key, ip, header, message).slice(0, ICV_LENGTH);
}
