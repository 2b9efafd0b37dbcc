import type { VrrpInstance } from '../config/model.ts';
import type { LinkSettings } from '../config/model-network.ts';
import type { Clock } from '../system/clock.ts';
import type { Cancel, Millis } from '../util/time.ts';
import { skewTime } from '../vrrp/timers.ts';
import { OWNER_PRIORITY } from '../vrrp/state.ts';
import type { Log } from './log/log.ts';

export type LinkDelay = LinkSettings['delays'][number];

interface Delayed {
  /** What counts. */
  up: boolean;
  /** A change that waits to count. */
  timer: Cancel | null;
}

/**
 * interface_up_down_delays: a link that goes down or comes up counts as changed when it has stayed so for a while; one that
 * returns before has never changed.
 */
export class LinkDelays {
  readonly #clock: Clock;
  readonly #log: Log;
  /** What the kernel (or linkbeat) says of a link now; null when there is none. */
  readonly #raw: (name: string) => boolean | null;
  /** The longest that a change of this link may wait. */
  readonly #limit: (name: string) => Millis;
  readonly #changed: (name: string) => void;
  readonly #states = new Map<string, Delayed>();
  #delays: ReadonlyMap<string, LinkDelay> = new Map();

  constructor(clock: Clock, log: Log, raw: (name: string) => boolean | null, limit: (name: string) => Millis, changed: (name: string) => void) {
    this.#clock = clock;
    this.#log = log;
    this.#raw = raw;
    this.#limit = limit;
    this.#changed = changed;
  }

  /** From now on with these delays. A link that has one counts as it is now. */
  configure(delays: readonly LinkDelay[]): void {
    this.#delays = new Map(delays.filter(({ up, down }) => up > 0 || down > 0).map((delay) => [delay.link, delay]));
    for (const [name, state] of this.#states) {
      if (this.#delays.has(name)) continue;
      state.timer?.();
      this.#states.delete(name);
    }
    for (const name of this.#delays.keys()) if (!this.#states.has(name)) this.#states.set(name, { up: this.#raw(name) ?? false, timer: null });
  }

  /** Does the link count as up? */
  isUp(name: string): boolean {
    return this.#states.get(name)?.up ?? this.#raw(name) ?? false;
  }

  isWaiting(name: string): boolean {
    return this.#states.get(name)?.timer != null;
  }

  /** Something was heard of the link. True when that does not count yet: then `changed` follows, unless it is undone. */
  holdsBack(name: string): boolean {
    const state = this.#states.get(name);
    const delay = this.#delays.get(name);
    const raw = this.#raw(name);
    if (state === undefined || delay === undefined) return false;
    // A link that is gone is not one that bounces; see reset.
    if (raw === null) return false;
    if (raw === state.up) {
      const waited = state.timer !== null;
      state.timer?.();
      state.timer = null;
      return waited;
    }
    if (state.timer !== null) return true;
    const wait = Math.min(raw ? delay.up : delay.down, this.#limit(name));
    if (wait <= 0) {
      state.up = raw;
      return false;
    }
    this.#log.detail(`${name}: change to ${raw ? 'up' : 'down'} counts in ${Math.round(wait * 1000)} us`);
    state.timer = this.#clock.at(this.#clock.now() + wait, () => {
      state.timer = null;
      state.up = raw;
      this.#changed(name);
    });
    return true;
  }

  /** It came, or went: it counts as it is now. */
  reset(name: string): void {
    const state = this.#states.get(name);
    if (state === undefined) return;
    state.timer?.();
    state.timer = null;
    state.up = this.#raw(name) ?? false;
  }

  close(): void {
    for (const state of this.#states.values()) state.timer?.();
    this.#states.clear();
  }
}

/**
 * keepalived's limit: less than (down_timer_adverts - 1) intervals of the present master, so that nobody takes over before an
 * instance finds its link down.
 */
export function delayLimit(instance: VrrpInstance, masterAdverInterval: Millis): Millis {
  return Math.max(0, (instance.downTimerAdverts - 1) * masterAdverInterval - skewTime(instance, OWNER_PRIORITY, masterAdverInterval));
}
