import { compareStamps, decodeTrailer, type Stamp, trailerHolds } from '../codec/auth-trailer.ts';
import type { VrrpInstance } from '../config/model.ts';
import { fromHex } from '../util/bytes.ts';
import type { Hmac } from '../util/hmac.ts';
import type { IpAddress } from '../util/ip.ts';
import type { CounterName } from './counters.ts';

/** auth_hmac of an instance. */
export type HmacSettings = NonNullable<NonNullable<VrrpInstance['extras']>['hmac']>;

/** A trailer that is not believed. */
export interface BadTrailer {
  readonly counter: CounterName;
  readonly text: string;
}

export interface TrailerFacts {
  readonly from: IpAddress;
  /** Seconds since the epoch, with a fraction. */
  readonly now: number;
  /** The last stamp believed of this sender; null: none yet. */
  readonly last: Stamp | null;
  readonly hmac: Hmac;
}

/**
 * keepalived 2.4's auth_hmac: the stamp of a trailer that is believed, or why not. `time` wants it within the window around
 * our own clock, `monotonic` asks no clock; both want it above the last of that sender.
 */
export function openTrailer(instance: VrrpInstance, settings: HmacSettings, message: Uint8Array, trailer: Uint8Array | null, facts: TrailerFacts): Stamp | BadTrailer {
  const { from } = facts;
  if (trailer === null) return { counter: 'authExtMissing', text: `received no auth_hmac trailer from ${from}` };
  const said = decodeTrailer(trailer);
  if (said === null) return { counter: 'authExtMalformed', text: `received a malformed auth_hmac trailer from ${from}` };
  const key = settings.keys.find(({ id }) => id === said.keyId);
  if (key === undefined) return { counter: 'authExtUnknownKey', text: `received an auth_hmac trailer with unknown key ${said.keyId} from ${from}` };
  if (!trailerHolds(message, trailer, from, fromHex(key.secret), facts.hmac)) return { counter: 'authExtInvalidHmac', text: `received an auth_hmac trailer with an invalid HMAC from ${from}` };
  const age = facts.now - (said.stamp.seconds + said.stamp.fraction / 0x10000);
  const window = windowOf(instance, settings) / 1000;
  if (settings.antiReplay === 'time' && Math.abs(age) > window) return { counter: 'authExtStale', text: `received a stale auth_hmac trailer from ${from}: ${age.toFixed(1)} s old, ${window} s allowed` };
  if (facts.last !== null && compareStamps(said.stamp, facts.last) <= 0) return { counter: 'authExtReplay', text: `received a replayed auth_hmac trailer from ${from}` };
  return said.stamp;
}

/** time_window; by default 3 intervals, within 5 to 300 seconds. */
export function windowOf({ advertInterval }: VrrpInstance, { window }: HmacSettings): number {
  return window ?? Math.min(300_000, Math.max(5000, 3 * advertInterval));
}
