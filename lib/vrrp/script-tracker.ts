/** A tracked script's verdict from its results (keepalived's rise and fall). Pure. */
import type { VrrpScript } from '../config/model.ts';
import type { TrackState } from './priority.ts';

export interface ScriptState {
  readonly verdict: TrackState;
  /** Consecutive results that speak against the verdict. */
  readonly against: number;
  /** How the last run ended, in words; null before the first. */
  readonly last: string | null;
  /** Exit status of the last run when it exited by itself. */
  readonly status: number | null;
}

/** How one run ended. */
export type RunEnd =
  | { readonly type: 'exited'; readonly status: number }
  | { readonly type: 'signalled'; readonly signal: string }
  | { readonly type: 'timed-out' }
  | { readonly type: 'failed'; readonly reason: string };

export interface ScriptStep {
  readonly state: ScriptState;
  readonly changed: boolean;
  /** Lines for the log, in keepalived's words. */
  readonly lines: readonly string[];
}

export const UNKNOWN_SCRIPT: ScriptState = { verdict: 'unknown', against: 0, last: null, status: null };

/** The first result decides at once (`init_fail` has no effect in keepalived 2.4.3); later ones when `rise` or `fall` of them agree. */
export function scriptStep(script: VrrpScript, before: ScriptState, end: RunEnd): ScriptStep {
  const good = end.type === 'exited' && end.status === 0;
  const words = outcome(end);
  const status = end.type === 'exited' ? end.status : null;
  const verdict: TrackState = good ? 'up' : 'down';
  const lines: string[] = [];
  if (before.verdict !== 'unknown' && status !== null && before.status !== null && status !== before.status) {
    lines.push(`Script \`${script.name}\` now returning ${status}`);
  }
  if (before.verdict === verdict) return { state: { verdict, against: 0, last: words, status }, changed: false, lines };
  const against = before.against + 1;
  const needed = before.verdict === 'unknown' ? 1 : good ? script.rise : script.fall;
  if (against < needed) return { state: { ...before, against, last: words, status }, changed: false, lines };
  lines.push(`VRRP_Script(${script.name}) ${words}`);
  return { state: { verdict, against: 0, last: words, status }, changed: true, lines };
}

function outcome(end: RunEnd): string {
  switch (end.type) {
    case 'exited':
      return end.status === 0 ? 'succeeded' : `failed (exited with status ${end.status})`;
    case 'signalled':
      return `failed (due to signal ${end.signal})`;
    case 'timed-out':
      return 'timed_out';
    case 'failed':
      return `failed (${end.reason})`;
  }
}
