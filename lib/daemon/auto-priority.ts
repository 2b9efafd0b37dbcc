import type { GlobalValues } from '../config/keywords/global-defs.ts';
import type { Clock } from '../system/clock.ts';
import type { Cancel, Millis } from '../util/time.ts';
import type { Log } from './log/log.ts';
import type { Scheduler } from './scheduling.ts';

/** sched_get_priority_max(SCHED_RR) of Linux. */
const HIGHEST = 99;
const DEFAULT_DELAY: Millis = 1000;

/**
 * keepalived's max_auto_priority: a timer that runs late by min_auto_priority_delay or more brings real-time scheduling, with
 * one priority more each time, up to the given one.
 */
export class AutoPriority {
  readonly #scheduler: Pick<Scheduler, 'realTime' | 'raise'>;
  readonly #clock: Clock;
  readonly #log: Log;
  #highest = 0;
  #tolerated: Millis = DEFAULT_DELAY;
  #pending: Cancel | null = null;

  constructor(scheduler: Pick<Scheduler, 'realTime' | 'raise'>, clock: Clock, log: Log) {
    this.#scheduler = scheduler;
    this.#clock = clock;
    this.#log = log;
  }

  configure({ max_auto_priority: highest, min_auto_priority_delay: delay }: Pick<GlobalValues, 'max_auto_priority' | 'min_auto_priority_delay'>): void {
    this.#highest = highest === undefined ? 0 : (highest ?? HIGHEST);
    this.#tolerated = delay === undefined ? DEFAULT_DELAY : delay / 1000;
  }

  /** keepalived's advice at the start; -1 wants none. */
  advise(): void {
    if (this.#highest === 0) this.#log.info('NOTICE: setting config option max_auto_priority should result in better keepalived performance');
  }

  /** The clock whose timers are watched. What follows from lateness follows after what the timer was for. */
  watched(): Clock {
    const clock = this.#clock;
    return {
      now: () => clock.now(),
      wall: () => clock.wall(),
      at: (when, run, precise) => {
        const due = Math.max(when, clock.now());
        return clock.at(when, () => {
          const late = clock.now() - due;
          if (late >= this.#tolerated && this.#highest > 0) this.#late(late);
          run();
        }, precise);
      },
    };
  }

  close(): void {
    this.#pending?.();
    this.#pending = null;
    this.#highest = 0;
  }

  /** Timers that were due in the same turn are one lateness. */
  #late(late: Millis): void {
    this.#pending ??= this.#clock.at(this.#clock.now(), () => {
      this.#pending = null;
      this.#log.info(`A thread timer expired ${(late / 1000).toFixed(6)} seconds ago`);
      const next = this.#scheduler.realTime + 1;
      if (next > this.#highest || !this.#scheduler.raise(next)) return;
      this.#log.info(`Set realtime priority ${next}`);
    });
  }
}
