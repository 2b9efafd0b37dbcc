import type { Config } from '../config/model.ts';
import { usedLinks } from './used-links.ts';
import type { Clock } from '../system/clock.ts';
import type { LinkMedia, MediaMethod } from '../system/link-media.ts';
import type { Cancel, Millis } from '../util/time.ts';
import type { Log } from './log/log.ts';

/** From one answer to the next question. */
const PERIOD: Millis = 1000;
/** How long a start waits for the first answers. */
const FIRST: Millis = 1000;
/** In this order; the one that was asked for before them all. */
const ORDER: readonly MediaMethod[] = ['MII', 'ETHTOOL', 'IOCTL'];

interface Beat {
  readonly wanted: MediaMethod | null;
  /** null: nobody has answered yet. */
  up: boolean | null;
  /** Which way the driver answers. */
  method: MediaMethod | null;
  timer: Cancel;
}

/** linkbeat_interfaces and linkbeat_use_polling: links whose state is asked for every second. One question at a time for each. */
export class Linkbeat {
  readonly #media: LinkMedia;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #changed: (name: string) => void;
  readonly #beats = new Map<string, Beat>();

  constructor(media: LinkMedia, clock: Clock, log: Log, changed: (name: string) => void) {
    this.#media = media;
    this.#clock = clock;
    this.#log = log;
    this.#changed = changed;
  }

  /** Polls what this configuration asks for, and nothing else; resolves when each new one has answered once, or has had its time. */
  async configure(config: Config): Promise<void> {
    const wanted = polledLinks(config);
    for (const [name, beat] of this.#beats) {
      if (wanted.has(name) && wanted.get(name) === beat.wanted) continue;
      beat.timer();
      this.#beats.delete(name);
    }
    const fresh: Promise<void>[] = [];
    for (const [name, method] of wanted) {
      if (this.#beats.has(name)) continue;
      const beat: Beat = { wanted: method, up: null, method: null, timer: () => undefined };
      this.#beats.set(name, beat);
      fresh.push(this.#ask(name, beat));
    }
    if (fresh.length === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.at(this.#clock.now() + FIRST, resolve);
      void Promise.all(fresh).then(() => { cancel(); resolve(); });
    });
  }

  /** Has the interface a link? null: it is not polled, or has not answered. */
  state(name: string): boolean | null {
    return this.#beats.get(name)?.up ?? null;
  }

  close(): void {
    for (const beat of this.#beats.values()) beat.timer();
    this.#beats.clear();
  }

  async #ask(name: string, beat: Beat): Promise<void> {
    const up = await this.#answer(name, beat);
    if (this.#beats.get(name) !== beat) return;
    beat.timer = this.#clock.at(this.#clock.now() + PERIOD, () => { void this.#ask(name, beat); });
    if (up === beat.up || up === null) return;
    const first = beat.up === null;
    beat.up = up;
    if (!first || !up) this.#log.info(`Linkbeat reports ${name} ${up ? 'up' : 'down'}`);
    this.#changed(name);
  }

  /** The way that answered is kept; when it does not any more, all are tried again. */
  async #answer(name: string, beat: Beat): Promise<boolean | null> {
    const order = beat.method !== null ? [beat.method] : beat.wanted === null ? ORDER : [beat.wanted, ...ORDER.filter((method) => method !== beat.wanted)];
    for (const method of order) {
      const up = await this.#media.hasLink(name, method);
      if (up === null) continue;
      beat.method = method;
      return up;
    }
    beat.method = null;
    return null;
  }
}

/** Interfaces to be polled, and the way that was asked for. */
function polledLinks({ links, instances, syncGroups }: Config): ReadonlyMap<string, MediaMethod | null> {
  const polled = new Map<string, MediaMethod | null>();
  if (links.pollAll) for (const instance of instances) for (const name of usedLinks(instance, syncGroups.find((group) => group.members.includes(instance.name)))) polled.set(name, null);
  for (const { link, method } of links.polled) polled.set(link, method);
  return polled;
}
