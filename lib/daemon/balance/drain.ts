import type { Clock } from '../../system/clock.ts';
import type { Millis } from '../../util/time.ts';
import type { Log } from '../log/log.ts';

/** drain_time: the wait at the stop between sending clients elsewhere and the end of IPVS. */
export class Drain {
  readonly #clock: Clock;
  readonly #log: Log;
  #ended = false;
  #end: () => void = () => undefined;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Resolves when the time is over, or `end` was or is called. */
  async wait(time: Millis): Promise<void> {
    if (this.#ended) return;
    this.#log.info(`Draining: IPVS serves on for ${String(time / 1000)} s`);
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.at(this.#clock.now() + time, resolve);
      this.#end = () => {
        cancel();
        this.#log.info('Draining: ended before its time');
        resolve();
      };
    });
    this.#end = () => undefined;
  }

  /** The one that is under way, and any to come. */
  end(): void {
    this.#ended = true;
    this.#end();
    this.#end = () => undefined;
  }
}
