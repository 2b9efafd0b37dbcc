import { ByteReader } from '../util/bytes.ts';
import { DecodeError } from './decode-error.ts';
import type { IpvsStats } from './ipvs-values.ts';
import { NATIVE_ENDIAN } from './netlink.ts';

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
  const stats: { -readonly [name in keyof IpvsStats]: bigint } = { ...NO_STATS };
  // By hand, since they are most of a dump: ten for every service and destination.
  const reader = new ByteReader(value, NATIVE_ENDIAN);
  while (reader.remaining >= HEADER) {
    const length = reader.u16() - HEADER;
    const name = COUNTERS[(reader.u16() & TYPE_MASK) - 1];
    if (name === undefined) {
      reader.skip(Math.min(length + ((4 - (length & 3)) & 3), reader.remaining));
    } else {
      if (length !== 4 && length !== 8) return new DecodeError('bad-stats', `IPVS counter ${name} of ${length} bytes`);
      stats[name] = length === 8 ? reader.u64() : BigInt(reader.u32());
    }
    if (reader.overrun || length < 0) return new DecodeError('bad-stats', `IPVS counters are cut off in ${value.length} bytes`);
  }
  return stats;
}

/** Of a netlink attribute: its length and type, which has two flags. */
const HEADER = 4;
const TYPE_MASK = 0x3fff;
