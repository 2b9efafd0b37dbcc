import type { Cancel } from '../util/time.ts';
import { type CheckerAction, type CheckerConfig, type CheckerEvent, type CheckerState, checkerStep, initialChecker } from './checker-state.ts';
import { type CheckMeans, startCheck } from './checks.ts';
import type { Attempt } from './verdict.ts';

/** What a running checker tells: a log line, its result, the weight it adds. */
export type CheckerNews = Exclude<CheckerAction, { readonly type: 'check' | 'cancel' }>;

export interface RunningChecker {
  readonly state: CheckerState;
  /** The file's number, the session's state, ha_suspend. */
  tell(event: Exclude<CheckerEvent, { readonly type: 'time' | 'verdict' | 'start' }>): void;
  /** Ends the attempt under way and the timer; returns the state, for a reload to go on from. */
  stop(): CheckerState;
}

/**
 * Carries out what the checker's state asks for: one timer, at most one attempt. `kept`: the state of the same checker before a
 * reload; it goes on when it would have been due. `random`: 0 up to 1.
 */
export function runChecker(config: CheckerConfig, means: CheckMeans, news: (what: CheckerNews) => void, kept: CheckerState | null = null, random: () => number = Math.random): RunningChecker {
  let state = kept ?? initialChecker(config);
  let timer: Cancel = () => undefined;
  let attempt: Attempt | null = null;
  let running = true;
  if (kept === null) step({ type: 'start', random: random() });
  else {
    // An attempt that the reload cut short is made again at once.
    if (state.activity === 'checking') state = { ...state, activity: 'waiting', due: means.clock.now() };
    arm();
  }
  return {
    get state() { return state; },
    tell: step,
    stop() {
      running = false;
      timer();
      attempt?.cancel();
      return state;
    },
  };

  function step(event: CheckerEvent): void {
    if (!running) return;
    const next = checkerStep(config, state, event, means.clock.now());
    state = next.state;
    for (const action of next.actions) carryOut(action);
    arm();
  }

  function carryOut(action: CheckerAction): void {
    switch (action.type) {
      case 'check': return begin(action.url);
      case 'cancel':
        attempt?.cancel();
        attempt = null;
        return;
      case 'log':
      case 'verdict':
      case 'weight': return news(action);
    }
  }

  function begin(url: number): void {
    const begun = startCheck(config.checker, url, config.subject, means);
    attempt = begun;
    void begun?.verdict.then((verdict) => {
      if (attempt !== begun) return;
      attempt = null;
      step({ type: 'verdict', verdict });
    });
  }

  function arm(): void {
    timer();
    timer = state.due === Infinity || !running ? () => undefined : means.clock.at(state.due, () => { step({ type: 'time' }); });
  }
}
