import { ByteReader, ByteWriter, concat } from '../util/bytes.ts';
import { internetChecksum } from '../util/checksum.ts';
import { ipFromBytes, ipToBytes, type IpAddress } from '../util/ip.ts';
import { DecodeError } from './decode-error.ts';

/**
 * The IPv4 header (RFC 791 §3.1):
 *
 *     |Version|  IHL  |Type of Service|          Total Length         |
 *     |         Identification        |Flags|      Fragment Offset    |
 *     |  Time to Live |    Protocol   |         Header Checksum       |
 *     |                       Source Address                          |
 *     |                    Destination Address                        |
 *     |                    Options                    |    Padding    |
 */

export interface Ipv4Fields {
  readonly from: IpAddress;
  readonly to: IpAddress;
  readonly ttl: number;
  /** 16 bits; a kernel fills in its own where a raw socket says 0 (raw(7)). */
  readonly id: number;
  readonly protocol: number;
  /** Default 0xC0: precedence Internetwork Control, as routing protocols use it. */
  readonly tos?: number;
}

export interface Ipv4Packet {
  /** The header with its options. */
  readonly header: Uint8Array;
  readonly from: IpAddress;
  readonly to: IpAddress;
  readonly ttl: number;
  readonly protocol: number;
  /** What follows the header, up to the total length: link-layer padding is cut off. */
  readonly payload: Uint8Array;
  /** As the header says it. */
  readonly totalLength: number;
}

const HEADER_LENGTH = 20;

/** A 20-byte header without options, DF off, with its checksum, in front of `payloadLength` bytes. */
export function encodeIpv4Header(fields: Ipv4Fields, payloadLength: number): Uint8Array {
  const totalLength = HEADER_LENGTH + payloadLength;
  if (totalLength > 0xffff) throw new RangeError(`an IPv4 packet of ${String(totalLength)} bytes is too long`);
  const writer = new ByteWriter('big', HEADER_LENGTH);
  writer.u8(0x45).u8(fields.tos ?? 0xc0).u16(totalLength);
  writer.u16(fields.id).u16(0);
  writer.u8(fields.ttl).u8(fields.protocol).u16(0);
  writer.bytes(ipToBytes(fields.from)).bytes(ipToBytes(fields.to));
  writer.patchU16(10, internetChecksum(writer.finish()));
  return writer.finish();
}

/** The whole packet, ready for a raw socket with IP_HDRINCL. */
export function buildIpv4Packet(fields: Ipv4Fields & { readonly payload: Uint8Array }): Uint8Array {
  return concat(encodeIpv4Header(fields, fields.payload.length), fields.payload);
}

/** Takes a received packet apart. The header checksum is not looked at: the kernel has done so before a raw socket sees it. */
export function parseIpv4(packet: Uint8Array): Ipv4Packet | DecodeError {
  const reader = new ByteReader(packet);
  const first = reader.u8();
  reader.skip(1);
  const totalLength = reader.u16();
  reader.skip(4);
  const ttl = reader.u8();
  const protocol = reader.u8();
  reader.skip(2);
  const from = reader.slice(4);
  const to = reader.slice(4);
  if (reader.overrun) return new DecodeError('too-short', `${String(packet.length)} bytes are no IPv4 header`);
  if (first >> 4 !== 4) return new DecodeError('bad-version', `IP version ${String(first >> 4)} where 4 was expected`);
  const headerLength = (first & 0x0f) * 4;
  if (headerLength < HEADER_LENGTH || headerLength > packet.length) {
    return new DecodeError('bad-header-length', `IPv4 header length ${String(headerLength)} in ${String(packet.length)} bytes`);
  }
  if (totalLength < headerLength || totalLength > packet.length) {
    return new DecodeError('bad-total-length', `IPv4 total length ${String(totalLength)} in ${String(packet.length)} bytes`);
  }
  return {
    header: packet.subarray(0, headerLength),
    from: ipFromBytes(from),
    to: ipFromBytes(to),
    ttl,
    protocol,
    payload: packet.subarray(headerLength, totalLength),
    totalLength,
  };
}
