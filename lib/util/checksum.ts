/**
 * The Internet checksum of RFC 1071: the ones' complement of the ones' complement sum of 16-bit words. The parts count as
 * one run of bytes (a pseudo header and a payload need not be copied together); an odd last byte is padded with zero.
 * The result is 0..0xffff, to be stored in network order; over data that holds its own right checksum it is 0.
 */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  let high = true;
  for (const part of parts) {
    for (const byte of part) {
      sum += high ? byte << 8 : byte;
      high = !high;
    }
  }
  // A sum of doubles is exact up to 2^53: more bytes than there is memory. So the carries can be folded in at the end.
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
