/**
 * What an operator's hooks file may say: `export default { onTransition(e) {…} } satisfies Hooks`. Exported to users by
 * lib/index.ts. All values are plain data; times are milliseconds since the epoch.
 */

import type { BalanceEvents } from '../balance/events.ts';

/** States as keepalived names them in its log. STOP and DELETED are the last that is heard of an object. */
export type HookState = 'INIT' | 'BACKUP' | 'MASTER' | 'FAULT' | 'STOP' | 'DELETED';

/** A virtual router or a sync group has entered a state; the change is under way already and cannot be held up. */
export interface TransitionEvent {
  readonly kind: 'INSTANCE' | 'GROUP';
  readonly name: string;
  readonly from: HookState;
  readonly to: HookState;
  /** The instance's effective priority; 0 for a group. */
  readonly priority: number;
  /** Why, in words, e.g. `master down`. */
  readonly reason: string;
  readonly time: number;
}

export interface StartEvent {
  readonly version: string;
  readonly routerId: string;
  /** Names of the virtual routers. */
  readonly instances: readonly string[];
  readonly time: number;
}

export interface ReloadEvent {
  readonly instances: readonly string[];
  readonly time: number;
}

export interface StopEvent {
  readonly time: number;
}

/** A tracked script has a new result (its rise or fall is reached), a tracked process gained or lost its quorum, a BFD session went up or down. */
export interface TrackerResultEvent {
  readonly kind: 'script' | 'process' | 'bfd';
  readonly name: string;
  readonly up: boolean;
  /** Of a script in keepalived's words: `succeeded`, `failed (exited with status 1)`, `timed_out`; of a process `2 processes`; '' when there is nothing to add. */
  readonly detail: string;
  readonly time: number;
}

/** Which hook hears which event. */
export interface HookEvents extends BalanceEvents {
  readonly onStart: StartEvent;
  readonly onTransition: TransitionEvent;
  readonly onTrackerResult: TrackerResultEvent;
  readonly onReload: ReloadEvent;
  readonly onStop: StopEvent;
}

export type HookName = keyof HookEvents;

/**
 * Observers of the daemon, all optional. They run one event at a time, in order, in a thread of their own; a promise is
 * waited for. One that throws is logged; one that takes longer than 10 s or ends the thread is logged and started anew.
 */
export type Hooks = {
  readonly [Name in HookName]?: (event: HookEvents[Name]) => unknown;
};
