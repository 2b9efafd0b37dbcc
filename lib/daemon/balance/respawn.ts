import type { Millis } from '../../util/time.ts';

/** A process that lived this long was a good one. */
const GOOD_LIFE: Millis = 60_000;
const LONGEST_PAUSE: Millis = 60_000;

/** The pause before a process that lived for `life` starts again, and the one after it (reference 1.3): none, 1 s, 2 s, 4 s … 60 s. */
export function respawnPause(next: Millis, life: Millis): { readonly pause: Millis; readonly next: Millis; readonly limited: boolean } {
  if (life >= GOOD_LIFE) return { pause: 0, next: 0, limited: false };
  return { pause: next, next: next === 0 ? 1000 : Math.min(LONGEST_PAUSE, next * 2), limited: true };
}

/** Exit codes after which another start would end the same way (reference 1.2). */
export function permanentError(status: number): string | null {
  switch (status) {
    case 1: return 'FATAL';
    case 2: return 'CONFIG';
    case 4: return 'MISSING PERMISSION';
    default: return null;
  }
}
