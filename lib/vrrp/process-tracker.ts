/** The verdict of a vrrp_track_process from the number of its processes: quorum and delays. Pure. */
import type { TrackProcess } from '../config/model-network.ts';
import type { Millis } from '../util/time.ts';
import type { TrackState } from './priority.ts';

/** What changed the number: a fork has fork_delay, an end terminate_delay, anything else (exec, another name, a reload) counts at once. */
export type CountCause = 'fork' | 'exit' | 'other';

export interface ProcessState {
  readonly count: number;
  /** unknown: nobody has looked yet. */
  readonly verdict: TrackState;
  /** A verdict that is on its way, when it counts, and whose delay that is. */
  readonly pending: { readonly verdict: 'up' | 'down'; readonly at: Millis; readonly delay: 'fork' | 'terminate' } | null;
}

export interface ProcessStep {
  readonly state: ProcessState;
  readonly changed: boolean;
}

export const UNKNOWN_PROCESS: ProcessState = { count: 0, verdict: 'unknown', pending: null };

/** There are now `count` of them. The first number decides at once; a change that is undone within its delay has never been. */
export function counted(tracked: TrackProcess, before: ProcessState, count: number, cause: CountCause, now: Millis): ProcessStep {
  const verdict = hasQuorum(tracked, count) ? 'up' : 'down';
  if (before.verdict === 'unknown') return { state: { count, verdict, pending: null }, changed: true };
  if (verdict === before.verdict) return { state: { count, verdict, pending: null }, changed: false };
  const delay = cause === 'fork' ? tracked.forkDelay : cause === 'exit' ? tracked.terminateDelay : 0;
  if (delay === 0) return { state: { count, verdict, pending: null }, changed: true };
  const pending = before.pending ?? { verdict, at: now + delay, delay: cause === 'fork' ? 'fork' as const : 'terminate' as const };
  return { state: { ...before, count, pending }, changed: false };
}

/** A delay may have run out. */
export function waited(before: ProcessState, now: Millis): ProcessStep {
  if (before.pending === null || now < before.pending.at) return { state: before, changed: false };
  return { state: { count: before.count, verdict: before.pending.verdict, pending: null }, changed: true };
}

export function hasQuorum({ quorum, quorumMax }: TrackProcess, count: number): boolean {
  return count >= quorum && (quorumMax === null || count <= quorumMax);
}
