import type { Clock } from '../../system/clock.ts';
import type { Cancel, Millis } from '../../util/time.ts';
import type { FromChecker } from './checker-messages.ts';

type Event = Extract<FromChecker, { readonly type: 'event' }>;

/** So many at a time: who reads them has adverts to send. */
const AT_ONCE = 16;
const PAUSE: Millis = 10;
/** Hooks themselves let no more wait. */
const MOST = 1000;

/** Hands events for hooks to the daemon's process in small portions, however many servers change at once; of too many the oldest go. */
export class EventRelay {
  readonly #clock: Clock;
  readonly #send: (event: Event) => void;
  readonly #waiting: Event[] = [];
  #timer: Cancel | null = null;

  constructor(clock: Clock, send: (event: Event) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  push(event: Event): void {
    this.#waiting.push(event);
    if (this.#waiting.length > MOST) this.#waiting.shift();
    if (this.#timer === null) this.#portion();
  }

  /** The rest at once, and no more timers. */
  close(): void {
    this.#timer?.();
    this.#timer = null;
    for (const event of this.#waiting.splice(0)) this.#send(event);
  }

  #portion(): void {
    for (const event of this.#waiting.splice(0, AT_ONCE)) this.#send(event);
    this.#timer = this.#clock.at(this.#clock.now() + PAUSE, () => {
      this.#timer = null;
      if (this.#waiting.length > 0) this.#portion();
    });
  }
}
