import type { Clock } from '../../lib/system/clock.ts';
import type { Cancel, Millis } from '../../lib/util/time.ts';

interface Timer {
  readonly when: Millis;
  readonly order: number;
  readonly run: () => void;
}

/** More timers than this within one advance are a runaway. */
const RUNAWAY = 100_000;

/**
 * Time that passes only when a test says so. Timers run in order of their time, ties in the order they were set, and
 * promises settle between two of them.
 */
export class VirtualClock implements Clock {
  private time: Millis = 0;
  private order = 0;
  private readonly timers = new Set<Timer>();
  private readonly epoch: number;

  /** `epoch`: the wall clock at time 0, in ms. */
  constructor(epoch: number = Date.UTC(2026, 0, 1)) {
    this.epoch = epoch;
  }

  now(): Millis {
    return this.time;
  }

  wall(): number {
    return this.epoch + this.time;
  }

  at(when: Millis, run: () => void): Cancel {
    const timer = { when, order: this.order++, run };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Lets `duration` ms pass with all that is due in them. */
  async advance(duration: Millis): Promise<void> {
    const end = this.time + duration;
    await settle();
    for (let ran = 0; ; ran++) {
      const next = this.next();
      if (next === undefined || next.when > end) break;
      if (ran === RUNAWAY) throw new Error(`runaway: ${String(RUNAWAY)} timers ran within ${String(duration)} ms of virtual time`);
      this.timers.delete(next);
      this.time = Math.max(this.time, next.when);
      next.run();
      await settle();
    }
    this.time = end;
  }

  /** Timers set: none may be left when a test is over. */
  pending(): number {
    return this.timers.size;
  }

  private next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.timers) {
      if (first === undefined || timer.when < first.when || (timer.when === first.when && timer.order < first.order)) first = timer;
    }
    return first;
  }
}

/** Promises, and promises that wait for promises, settle. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
