import type { Cancel, Millis } from '../util/time.ts';
import { check, pinned, pollReadable, TFD_CLOEXEC, TFD_NONBLOCK, timerfdCreate, timerfdSettime, WORD, writeWord } from './libc.ts';

interface Entry {
  readonly when: Millis;
  readonly run: () => void;
}

const CLOCK_MONOTONIC = 1;
/** struct itimerspec: interval and value, each of seconds and nanoseconds. */
const ITIMERSPEC = 4 * WORD;
const LONGEST: Millis = 1e12;

/**
 * Deadlines to the microsecond: the loop's own timers count whole milliseconds. One timerfd(2) for all of them, polled by the
 * event loop, so that waiting costs nothing. A pending deadline keeps the process alive. `now` is CLOCK_MONOTONIC.
 *
 * A deadline that is cancelled or put off leaves the descriptor as it is: one vain turn is cheaper than a call each time.
 */
export class DeadlineTimer {
  readonly #now: () => Millis;
  readonly #entries = new Set<Entry>();
  readonly #value = pinned(ITIMERSPEC);
  readonly #fd: number;
  readonly #poll: ReturnType<typeof pollReadable>;
  /** When the descriptor will be readable. */
  #armed: Millis = Infinity;
  #firing = false;

  /** Throws SystemError. */
  constructor(now: () => Millis) {
    this.#now = now;
    this.#fd = check(timerfdCreate(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), 'open', 'a timer');
    this.#poll = pollReadable(this.#fd, () => { this.#fire(); });
    this.#poll.unref();
  }

  /** Runs `run` at `when`, never before; deadlines that have passed together run in their order. */
  at(when: Millis, run: () => void): Cancel {
    const entry = { when, run };
    if (this.#entries.size === 0) this.#poll.ref();
    this.#entries.add(entry);
    if (!this.#firing && when < this.#armed) this.#arm(when);
    return () => { if (this.#entries.delete(entry) && this.#entries.size === 0) this.#poll.unref(); };
  }

  #fire(): void {
    this.#firing = true;
    try {
      for (let next = this.#first(); next !== undefined && next.when <= this.#now(); next = this.#first()) {
        this.#entries.delete(next);
        next.run();
      }
    } finally {
      this.#firing = false;
      if (this.#entries.size === 0) this.#poll.unref();
      this.#arm(this.#first()?.when ?? Infinity);
    }
    // Promises settled in a native callback wait for another event to run on.
    setImmediate(() => undefined);
  }

  #first(): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.#entries) if (first === undefined || entry.when < first.when) first = entry;
    return first;
  }

  /** Also makes the descriptor unreadable until then; zero would be never. */
  #arm(when: Millis): void {
    this.#armed = when;
    const wait = when === Infinity ? 0 : Math.max(Math.ceil(Math.min(when - this.#now(), LONGEST) * 1e6), 1);
    writeWord(this.#value, 2 * WORD, Math.floor(wait / 1e9));
    writeWord(this.#value, 3 * WORD, wait % 1e9);
    check(timerfdSettime(this.#fd, 0, this.#value, null), 'set', 'a timer');
  }
}
