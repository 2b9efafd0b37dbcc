import type { CheckSockets, Route } from '../system/check-sockets.ts';
import { SystemError } from '../system/error.ts';
import type { System } from '../system/system.ts';
import type { Checker, CheckTarget } from '../config/model-ipvs.ts';
import type { Cancel, Millis } from '../util/time.ts';
import { unableLine } from './unable.ts';
import type { Attempt, Subject, Verdict } from './verdict.ts';

/** What checks ask of the machine. */
export interface CheckMachine extends Pick<System, 'clock' | 'scripts'> {
  readonly sockets: CheckSockets;
}

/** The checker and whom it checks, for the line of an attempt that could not be made. */
export interface About {
  readonly kind: Checker['type'];
  readonly subject: Subject;
}

/**
 * One attempt with a hard limit. `start` sets it going and returns what undoes it; that is called exactly once, however the
 * attempt ends: settled, expired, or cancelled. A SystemError thrown by `start` means that it could not be made.
 */
export function attempt(about: About, { clock }: Pick<CheckMachine, 'clock'>, limit: Millis, expired: () => Verdict, start: (settle: (verdict: Verdict) => void) => Cancel): Attempt {
  let over = false;
  let undo: Cancel | null = null;
  let resolve: (verdict: Verdict) => void = () => undefined;
  const verdict = new Promise<Verdict>((settled) => { resolve = settled; });
  const stopTimer = clock.at(clock.now() + limit, () => { settle(expired()); });
  const settle = (found: Verdict): void => {
    if (end()) resolve(found);
  };
  try {
    undo = start(settle);
  } catch (cause) {
    if (!(cause instanceof SystemError)) {
      end();
      throw cause;
    }
    settle({ type: 'unable', line: unableLine(about.kind, about.subject, cause) });
  }
  // It was settled within `start`, before there was anything to undo.
  if (over) undo?.();
  return { verdict, cancel: () => { end(); } };

  function end(): boolean {
    if (over) return false;
    over = true;
    stopTimer();
    undo?.();
    return true;
  }
}

export function routeOf(target: CheckTarget): Route {
  return { to: target.address, port: target.port, from: target.bindAddress, fromPort: target.bindPort, link: target.bindLink, mark: target.fwmark };
}
