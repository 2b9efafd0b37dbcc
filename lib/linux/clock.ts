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

/**
 * The loop counts whole milliseconds and may be up to one early, so the timer looks at the clock before it runs. A precise
 * one runs in the loop's last phase, after sockets were read: whatever held the process up, an advertisement that has been
 * waiting is heard before its sender is taken for dead.
 */
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
    if (!precise) timer = setTimeout(fire, Math.min(Math.max(Math.ceil(rest), 0), LONGEST_DELAY));
    else if (rest > WATCHED) timer = setTimeout(watch, Math.min(Math.floor(rest - WATCHED), LONGEST_DELAY));
    else watch();
  }

  function watch(): void {
    turn = setImmediate(fire);
  }

  function fire(): void {
    if (now() < when) arm();
    else run();
  }
}
