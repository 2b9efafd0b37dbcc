import type { Clock } from '../../../lib/system/clock.ts';

/** Real time, for tests with a real thread at work; every wait is for a condition, with a bound. */
export const realClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  at(when, run) {
    const timer = setTimeout(run, Math.max(0, when - performance.now()));
    return () => clearTimeout(timer);
  },
};

/** Waits for the condition; throws after 20 s. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited 20 s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
