import type { Clock } from '../system/clock.ts';
import type { Cancel, Millis } from '../util/time.ts';
import type { RouterAction } from '../vrrp/router.ts';
import type { Log } from './log/log.ts';

/** Lines about packets of one instance within SECOND; a reader has seen enough by then. */
const LINES = 10;
const SECOND: Millis = 1000;
/** Between two answers to a rival that should give way, beyond the advertisement itself: no rival that keeps to an interval meets it. */
const PAUSE: Millis = 100;

interface Heard {
  since: Millis;
  lines: number;
  left: number;
  answered: Millis;
  timer: Cancel | null;
}

/**
 * What packets cause must not be as much as somebody chooses to send: lines of the log, gratuitous ARPs for every address and
 * notification scripts. Beyond a bound lines are counted, and their number is told; the rest is left out. A change of state is
 * never held back, and a rival is always answered with an advertisement.
 */
export class FloodGuard {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #heard = new Map<string, Heard>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Of what follows from one packet, what is to be done. */
  pass(name: string, actions: readonly RouterAction[]): readonly RouterAction[] {
    if (actions.length === 0 || actions.some(isChange)) return actions;
    const now = this.#clock.now();
    const heard = this.#of(name, now);
    const mayAnswer = now - heard.answered >= PAUSE;
    const passed = actions.filter((action) => isAnswer(action) ? mayAnswer : !isLine(action) || this.#line(name, heard, now));
    if (mayAnswer && actions.some(isAnswer)) heard.answered = now;
    return passed;
  }

  /** May a line be written about `what` (an instance, an interface)? One that may not is counted. */
  mayLog(what: string): boolean {
    const now = this.#clock.now();
    return this.#line(what, this.#of(what, now), now);
  }

  close(): void {
    for (const { timer } of this.#heard.values()) timer?.();
    this.#heard.clear();
  }

  #of(what: string, now: Millis): Heard {
    const heard = this.#heard.get(what) ?? { since: now, lines: 0, left: 0, answered: -Infinity, timer: null };
    this.#heard.set(what, heard);
    return heard;
  }

  #line(what: string, heard: Heard, now: Millis): boolean {
    if (heard.timer === null && now - heard.since >= SECOND) {
      heard.since = now;
      heard.lines = 0;
    }
    if (heard.lines < LINES) {
      heard.lines++;
      return true;
    }
    heard.left++;
    heard.timer ??= this.#clock.at(heard.since + SECOND, () => { this.#tell(what, heard); });
    return false;
  }

  #tell(what: string, heard: Heard): void {
    this.#log.info(`(${what}) ${heard.left} more lines about packets within a second were left out`);
    Object.assign(heard, { timer: null, left: 0, lines: 0, since: this.#clock.now() });
  }
}

function isChange(action: RouterAction): boolean {
  return action.kind !== 'instance' || action.action.type === 'transition';
}

function isLine(action: RouterAction): boolean {
  return action.kind === 'instance' && action.action.type === 'log';
}

function isAnswer(action: RouterAction): boolean {
  return action.kind === 'instance' && (action.action.type === 'announce' || action.action.type === 'lower-priority-heard');
}
