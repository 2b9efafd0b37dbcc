import type { Millis } from '../../util/time.ts';

/** A thread that lived this long was a good one: the next pause is short again. As keepalived treats its children. */
const GOOD_LIFE: Millis = 60_000;
const LONGEST_PAUSE: Millis = 60_000;

/** How often in a row it has failed, after one more failure of a thread that lived for `life`. */
export function failuresAfter(failures: number, life: Millis): number {
  return life >= GOOD_LIFE ? 1 : failures + 1;
}

/** The pause before the next start after so many failures in a row (1 or more): 1 s, 2 s, 4 s … 60 s. */
export function pauseBefore(failures: number): Millis {
  return Math.min(LONGEST_PAUSE, 1000 * 2 ** Math.min(failures - 1, 16));
}
