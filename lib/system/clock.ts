import type { Cancel, Millis } from '../util/time.ts';

/**
 * How to be on time. 'at-once': before anything else. 'after-input': when what has arrived was read; whatever held the process
 * up, an advertisement that has been waiting is heard before its sender is taken for dead.
 */
export type Precision = 'at-once' | 'after-input';

/** Time, monotonic for decisions and wall-clock for people. */
export interface Clock {
  /** Monotonic milliseconds; never goes back. */
  now(): Millis;
  /**
   * Runs `run` once at (or as soon as possible after) the monotonic time `when`: within some milliseconds, or to a fraction of
   * one when `precision` is given.
   */
  at(when: Millis, run: () => void, precision?: Precision): Cancel;
  /** Milliseconds since the epoch, for log lines and dumps only. */
  wall(): number;
}
