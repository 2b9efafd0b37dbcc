/**
 * BFD control packets (RFC 5880 §4.1). Intervals are milliseconds here, microseconds on the wire.
 *
 *     | version 1 (3) diagnostic (5) | state (2) P F C A D M | detect multiplier (8) | length (8) |
 *     | my discriminator (32) | your discriminator (32) |
 *     | desired min TX interval (32) | required min RX interval (32) | required min echo RX interval (32) |  authentication …
 */
import { ByteReader, ByteWriter } from '../util/bytes.ts';
import type { Millis } from '../util/time.ts';
import { DecodeError } from './decode-error.ts';

export type BfdStateName = 'AdminDown' | 'Down' | 'Init' | 'Up';

export interface BfdPacket {
  /** 0..31, §4.1. */
  readonly diagnostic: number;
  readonly state: BfdStateName;
  readonly poll: boolean;
  readonly final: boolean;
  readonly controlPlaneIndependent: boolean;
  /** An authentication section follows; it is not looked at. */
  readonly authenticated: boolean;
  readonly demand: boolean;
  readonly multiplier: number;
  readonly myDiscriminator: number;
  readonly yourDiscriminator: number;
  readonly desiredMinTx: Millis;
  readonly requiredMinRx: Millis;
  readonly requiredMinEchoRx: Millis;
}

/** In the order of their numbers, §4.1. */
const STATES: readonly BfdStateName[] = ['AdminDown', 'Down', 'Init', 'Up'];
const VERSION = 1;
const LENGTH = 24;
/** With the smallest authentication section. */
const LENGTH_AUTHENTICATED = 26;
const MICROS = 1000;

export function encodeBfd(packet: BfdPacket): Uint8Array {
  const flags = (packet.poll ? 0x20 : 0) | (packet.final ? 0x10 : 0) | (packet.controlPlaneIndependent ? 0x08 : 0) | (packet.demand ? 0x02 : 0);
  return new ByteWriter('big', LENGTH)
    .u8((VERSION << 5) | packet.diagnostic)
    .u8((STATES.indexOf(packet.state) << 6) | flags)
    .u8(packet.multiplier)
    .u8(LENGTH)
    .u32(packet.myDiscriminator)
    .u32(packet.yourDiscriminator)
    .u32(micros(packet.desiredMinTx))
    .u32(micros(packet.requiredMinRx))
    .u32(micros(packet.requiredMinEchoRx))
    .finish();
}

/** What §6.8.6 asks of a packet before it is known whose it is. */
export function decodeBfd(bytes: Uint8Array): BfdPacket | DecodeError {
  const reader = new ByteReader(bytes);
  const first = reader.u8();
  const flags = reader.u8();
  const multiplier = reader.u8();
  const length = reader.u8();
  const [myDiscriminator, yourDiscriminator] = [reader.u32(), reader.u32()];
  const [desiredMinTx, requiredMinRx, requiredMinEchoRx] = [reader.u32() / MICROS, reader.u32() / MICROS, reader.u32() / MICROS];
  if (reader.overrun) return new DecodeError('too-short', `BFD packet of ${bytes.length} bytes`);
  if (first >> 5 !== VERSION) return new DecodeError('bad-version', `BFD version ${first >> 5}`);
  const authenticated = (flags & 0x04) !== 0;
  if (length < (authenticated ? LENGTH_AUTHENTICATED : LENGTH)) return new DecodeError('bad-length', `BFD length ${length}`);
  if (length > bytes.length) return new DecodeError('bad-length', `BFD length ${length} in ${bytes.length} bytes`);
  if (multiplier === 0) return new DecodeError('bad-multiplier', 'BFD detection multiplier 0');
  if ((flags & 0x01) !== 0) return new DecodeError('multipoint', 'BFD multipoint bit');
  if (myDiscriminator === 0) return new DecodeError('bad-discriminator', 'BFD my discriminator 0');
  const state = STATES[flags >> 6] ?? 'AdminDown';
  if (yourDiscriminator === 0 && state !== 'Down' && state !== 'AdminDown') return new DecodeError('bad-discriminator', `BFD your discriminator 0 in state ${state}`);
  return {
    diagnostic: first & 0x1f, state, poll: (flags & 0x20) !== 0, final: (flags & 0x10) !== 0, controlPlaneIndependent: (flags & 0x08) !== 0,
    authenticated, demand: (flags & 0x02) !== 0, multiplier, myDiscriminator, yourDiscriminator, desiredMinTx, requiredMinRx, requiredMinEchoRx,
  };
}

function micros(interval: Millis): number {
  return Math.min(Math.round(interval * MICROS), 0xffff_ffff);
}
