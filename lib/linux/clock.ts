import type { Clock } from '../system/clock.ts';
import type { Cancel, Millis } from '../util/time.ts';

/** setTimeout() takes a longer delay for 1 ms. */
const LONGEST_DELAY = 2 ** 31 - 1;

/** CLOCK_MONOTONIC by performance.now(), and the event loop's timers. A pending timer keeps the process alive. */
export function linuxClock(): Clock {
  return { now, at, wall: () => Date.now() };
}

function now(): Millis {
  return performance.now();
}

/** A precise timer looks at the clock in every turn of the loop for so long before its time. */
const WATCHED: Millis = 2;

/** The loop counts whole milliseconds and may be up to one early, so the timer looks at the clock before it runs. */
function at(when: Millis, run: () => void, precise = false): Cancel {
  let timer: NodeJS.Timeout | undefined;
  let turn: NodeJS.Immediate | undefined;
  arm();
  return () => {
    clearTimeout(timer);
    clearImmediate(turn);
  };

  function arm(): void {
    const rest = when - now();
    if (precise && rest <= WATCHED) turn = setImmediate(fire);
    else timer = setTimeout(fire, Math.min(Math.max(precise ? Math.floor(rest - WATCHED) : Math.ceil(rest), 0), LONGEST_DELAY));
  }

  function fire(): void {
    if (now() < when) arm();
    else run();
  }
}
