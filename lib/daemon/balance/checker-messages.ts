/** What the daemon and its checking process say to each other. */
import type { BalanceEvents } from './events.ts';

export type ToChecker =
  | { readonly type: 'reload' }
  /** Write keepalived_check.data. */
  | { readonly type: 'data' }
  /** Write keepalived_check.json. */
  | { readonly type: 'json' }
  | { readonly type: 'stop' }
  /** What is left of drain_time is not waited for. */
  | { readonly type: 'hurry' }
  /** A BFD session that checkers follow. */
  | { readonly type: 'session'; readonly name: string; readonly up: boolean };

export type FromChecker =
  /** IPVS is as configured, and checkers run. */
  | { readonly type: 'ready' }
  /** Twice a second while it stops: it works at it. */
  | { readonly type: 'leaving' }
  | { [Name in keyof BalanceEvents]: { readonly type: 'event'; readonly hook: Name; readonly event: BalanceEvents[Name] } }[keyof BalanceEvents];

/** How a process has ended. */
export type ProcessEnd =
  | { readonly type: 'exited'; readonly status: number }
  | { readonly type: 'signalled'; readonly signal: string; readonly number: number }
  /** It never ran. */
  | { readonly type: 'failed'; readonly reason: string };

export interface CheckerProcess {
  /** null: it could not be started; its end follows. */
  readonly pid: number | null;
  /** Returns at once; what cannot be delivered any more is dropped. */
  send(message: ToChecker): void;
  /** SIGKILL. */
  kill(): void;
}

export interface CheckerListener {
  heard(message: FromChecker): void;
  /** Once, at the end. */
  ended(how: ProcessEnd): void;
}

/** Starts the process. `again`: the one before has died. */
export type StartChecker = (again: boolean, listener: CheckerListener) => CheckerProcess;
