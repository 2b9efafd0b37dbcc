/**
 * The trailer of keepalived 2.4's auth_hmac, 28 bytes behind the VRRP message (keepalived's own, no RFC):
 *
 *    +---------------+---------------+---------------+---------------+
 *    |    Type 1     |    Key id     |           Reserved            |
 *    +---------------+---------------+---------------+---------------+
 *    |                    Seconds since the epoch                    |
 *    +---------------+---------------+---------------+---------------+
 *    |    1/65536 of a second        |           Counter             |
 *    +---------------+---------------+---------------+---------------+
 *    |              HMAC-SHA-256, its first 16 bytes                 |
 *    +---------------+---------------+---------------+---------------+
 *
 * The digest covers a pseudo header of 20 bytes (family 4 or 6, version, VRID, 0, source address padded to 16 bytes), the
 * message with its checksum zero, and the trailer with the digest zero.
 */
import { ByteReader, ByteWriter, concat, equalBytes } from '../util/bytes.ts';
import type { Hmac } from '../util/hmac.ts';
import { type IpAddress, ipToBytes } from '../util/ip.ts';

export const TRAILER_LENGTH = 28;
const TRAILER_TYPE = 1;
const DIGEST_LENGTH = 16;
const DIGEST_AT = TRAILER_LENGTH - DIGEST_LENGTH;

/** When a trailer was made: each of a sender is above all before it. */
export interface Stamp {
  readonly seconds: number;
  /** 0..65535 */
  readonly fraction: number;
  /** Tells apart what has the same time. */
  readonly counter: number;
}

export interface Trailer {
  readonly keyId: number;
  readonly stamp: Stamp;
}

export function encodeTrailer(message: Uint8Array, from: IpAddress, keyId: number, { seconds, fraction, counter }: Stamp, key: Uint8Array, hmac: Hmac): Uint8Array {
  const trailer = new ByteWriter('big', TRAILER_LENGTH)
    .u8(TRAILER_TYPE).u8(keyId).u16(0).u32(seconds >>> 0).u16(fraction & 0xffff).u16(counter & 0xffff).zeros(DIGEST_LENGTH).finish();
  trailer.set(digest(message, trailer, from, key, hmac), DIGEST_AT);
  return trailer;
}

/** What the trailer says, before its digest is looked at; null when it is none. */
export function decodeTrailer(trailer: Uint8Array): Trailer | null {
  const reader = new ByteReader(trailer);
  const type = reader.u8();
  const keyId = reader.u8();
  reader.skip(2);
  const stamp: Stamp = { seconds: reader.u32(), fraction: reader.u16(), counter: reader.u16() };
  return trailer.length !== TRAILER_LENGTH || type !== TRAILER_TYPE || keyId === 0 ? null : { keyId, stamp };
}

/** True when the digest is that of this message, sender and key. */
export function trailerHolds(message: Uint8Array, trailer: Uint8Array, from: IpAddress, key: Uint8Array, hmac: Hmac): boolean {
  const bare = trailer.slice();
  bare.fill(0, DIGEST_AT);
  return equalBytes(trailer.subarray(DIGEST_AT), digest(message, bare, from, key, hmac));
}

/** Negative, zero or positive, as `a` is before, at or after `b`. */
export function compareStamps(a: Stamp, b: Stamp): number {
  return a.seconds - b.seconds || a.fraction - b.fraction || a.counter - b.counter;
}

function digest(message: Uint8Array, trailer: Uint8Array, from: IpAddress, key: Uint8Array, hmac: Hmac): Uint8Array {
  const source = ipToBytes(from);
  const pseudo = new Uint8Array(20);
  pseudo.set([source.length === 4 ? 4 : 6, (message[0] ?? 0) >> 4, message[1] ?? 0, 0]);
  pseudo.set(source, 4);
  const bare = message.slice();
  bare.fill(0, 6, 8);
  return hmac('sha256', key, concat(pseudo, bare, trailer)).slice(0, DIGEST_LENGTH);
}
