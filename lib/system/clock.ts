import type { Cancel, Millis } from '../util/time.ts';

/** Time, monotonic for decisions and wall-clock for people. */
export interface Clock {
  /** Monotonic milliseconds; never goes back. */
  now(): Millis;
  /** Runs `run` once at (or as soon as possible after) the monotonic time `when`. */
  at(when: Millis, run: () => void): Cancel;
  /** Milliseconds since the epoch, for log lines and dumps only. */
  wall(): number;
}
