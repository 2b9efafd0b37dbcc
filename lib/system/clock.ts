import type { Cancel, Millis } from '../util/time.ts';

/** Time, monotonic for decisions and wall-clock for people. */
export interface Clock {
  /** Monotonic milliseconds; never goes back. */
  now(): Millis;
  /**
   * Runs `run` once at (or as soon as possible after) the monotonic time `when`. `precise`: to a fraction of a millisecond,
   * at the price of looking at the clock for the last two; for what happens rarely and must not be late.
   */
  at(when: Millis, run: () => void, precise?: boolean): Cancel;
  /** Milliseconds since the epoch, for log lines and dumps only. */
  wall(): number;
}
