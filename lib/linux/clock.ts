import type { Clock, Precision } from '../system/clock.ts';
import type { Cancel, Millis } from '../util/time.ts';
import { DeadlineTimer } from './deadline-timer.ts';

/** setTimeout() takes a longer delay for 1 ms. */
const LONGEST_DELAY = 2 ** 31 - 1;

/** CLOCK_MONOTONIC by performance.now(), the event loop's timers, and a timer descriptor where they are too coarse. A pending timer keeps the process alive. */
export function linuxClock(): Clock {
  return { now, at, wall: () => Date.now() };
}

function now(): Millis {
  return performance.now();
}

/** One for the process, opened when it is first needed. */
let deadlines: DeadlineTimer | null = null;

function at(when: Millis, run: () => void, precision?: Precision): Cancel {
  if (precision === undefined) return coarse(when, run);
  deadlines ??= new DeadlineTimer(now);
  return precision === 'at-once' ? deadlines.at(when, run) : afterInput(deadlines, when, run);
}

/** An immediate is the last phase of the loop's turn, after all sockets that have something. */
function afterInput(timer: DeadlineTimer, when: Millis, run: () => void): Cancel {
  let turn: NodeJS.Immediate | undefined;
  const cancel = timer.at(when, () => { turn = setImmediate(run); });
  return () => {
    cancel();
    clearImmediate(turn);
  };
}

/** The loop counts whole milliseconds and may be up to one early, so the timer looks at the clock before it runs. */
function coarse(when: Millis, run: () => void): Cancel {
  let timer: NodeJS.Timeout | undefined;
  arm();
  return () => { clearTimeout(timer); };

  function arm(): void {
    timer = setTimeout(fire, Math.min(Math.max(Math.ceil(when - now()), 0), LONGEST_DELAY));
  }

  function fire(): void {
    if (now() < when) arm();
    else run();
  }
}
