import { ByteReader } from '../util/bytes.ts';
import { DecodeError } from './decode-error.ts';
import type { IpvsStats } from './ipvs-values.ts';
import { decodeAttributes, NATIVE_ENDIAN } from './netlink.ts';

/** The attributes within IPVS_SVC_ATTR_STATS and the others like it (linux/ip_vs.h), by number. */
const COUNTERS: readonly (keyof IpvsStats)[] = [
  'connections', 'inPackets', 'outPackets', 'inBytes', 'outBytes', 'connectionRate', 'inPacketRate', 'outPacketRate', 'inByteRate', 'outByteRate',
];

/** Nothing counted. */
export const NO_STATS: IpvsStats = {
  connections: 0n, inPackets: 0n, outPackets: 0n, inBytes: 0n, outBytes: 0n, connectionRate: 0n, inPacketRate: 0n, outPacketRate: 0n, inByteRate: 0n, outByteRate: 0n,
};

/**
 * STATS64, or STATS of a kernel before 4.0, where some have 32 bits: each is read by its length. null, as of a kernel without
 * counters, is nothing counted.
 */
export function decodeStats(value: Uint8Array | null): IpvsStats | DecodeError {
  if (value === null) return NO_STATS;
  const attributes = decodeAttributes(value);
  if (attributes instanceof DecodeError) return attributes;
  const stats: { -readonly [name in keyof IpvsStats]: bigint } = { ...NO_STATS };
  for (const attribute of attributes) {
    const name = COUNTERS[attribute.type - 1];
    if (name === undefined) continue;
    const reader = new ByteReader(attribute.value, NATIVE_ENDIAN);
    stats[name] = attribute.value.length === 8 ? reader.u64() : BigInt(reader.u32());
    if (reader.overrun) return new DecodeError('bad-stats', `IPVS counter ${name} of ${attribute.value.length} bytes`);
  }
  return stats;
}
