/**
 * When a check is made, and what its results mean (reference 5.1): retries, delays, warmup, alpha, several URLs, weights of
 * programs and files, and keepalived's log lines. Pure: time and chance come with the event.
 */
import type { Checker, CheckSchedule } from '../config/model-ipvs.ts';
import type { Millis } from '../util/time.ts';
import { failedLine, mailText, miscLine, reasonLine, successLine, urlLine } from './lines.ts';
import type { ScriptEnd, Subject, Verdict } from './verdict.ts';

/** One checker of one real server. `weight` is the server's configured one, which MISC_CHECK with misc_dynamic replaces. */
export interface CheckerConfig {
  readonly checker: Checker;
  readonly subject: Subject;
  readonly weight: number;
  /** The real server's own `alpha`, which counts for FILE_CHECK and BFD_CHECK too. */
  readonly alpha: boolean;
}

/** Plain data; what a reload keeps of an unchanged checker. */
export interface CheckerState {
  readonly activity: 'waiting' | 'checking' | 'suspended';
  /** When the next check begins; Infinity while one runs, while suspended, and for checkers that wait for an event. */
  readonly due: Millis;
  /** When the last one began. */
  readonly begun: Millis;
  readonly up: boolean;
  /** A result has been drawn from it since it began. */
  readonly judged: boolean;
  /** Failures in a row that were forgiven. */
  readonly retries: number;
  /** HTTP_GET: the URL to check next. */
  readonly url: number;
  /** HTTP_GET: a URL is known to fail; the others wait until it succeeds. */
  readonly urlFailed: boolean;
  /** What it adds to the real server's weight. */
  readonly added: number;
  /** MISC_CHECK: how the last run ended. */
  readonly last: ScriptEnd | null;
}

export type CheckerEvent =
  /** `random`: 0 up to 1. */
  | { readonly type: 'start'; readonly random: number }
  | { readonly type: 'time' }
  | { readonly type: 'verdict'; readonly verdict: Verdict }
  /** ha_suspend: the service's address is not here. */
  | { readonly type: 'suspend' }
  | { readonly type: 'resume'; readonly random: number }
  /** FILE_CHECK: the number in the file. */
  | { readonly type: 'number'; readonly value: number }
  /** BFD_CHECK: the session's state. */
  | { readonly type: 'session'; readonly up: boolean };

export type CheckerAction =
  /** Make an attempt; `url` counts for HTTP_GET and SSL_GET. */
  | { readonly type: 'check'; readonly url: number }
  /** An attempt under way is of no use any more. */
  | { readonly type: 'cancel' }
  | { readonly type: 'log'; readonly text: string }
  /** A result, in the shape of the virtual server's event. The first one comes even when it changes nothing. */
  | { readonly type: 'verdict'; readonly up: boolean; readonly text: string; readonly told?: boolean }
  | { readonly type: 'weight'; readonly added: number };

export interface CheckerStep {
  readonly state: CheckerState;
  readonly actions: readonly CheckerAction[];
}

/** keepalived waits so long before any first check. */
const FIRST: Millis = 1000;

export function initialChecker({ checker, alpha }: CheckerConfig): CheckerState {
  const down = alpha || (checker.type === 'BFD_CHECK' ? checker.alpha : checker.type !== 'FILE_CHECK' && checker.schedule.alpha);
  const retries = 'schedule' in checker ? checker.schedule.retry : 0;
  return { activity: 'suspended', due: Infinity, begun: -Infinity, up: !down, judged: false, retries, url: 0, urlFailed: false, added: 0, last: null };
}

/** When it next wants `time`; Infinity: never. */
export function checkerDeadline(state: CheckerState): Millis {
  return state.due;
}

export function checkerStep(config: CheckerConfig, state: CheckerState, event: CheckerEvent, now: Millis): CheckerStep {
  switch (event.type) {
    case 'start': return activate(config, state, event.random, now);
    case 'time': return state.due <= now ? begin(state, now) : { state, actions: [] };
    case 'verdict': return state.activity === 'checking' ? judge(config, state, event.verdict, now) : { state, actions: [] };
    case 'suspend': return suspend(config, state);
    case 'resume': return state.activity === 'suspended' ? activate(config, state, event.random, now) : { state, actions: [] };
    case 'number': return fileNumber(config, state, event.value);
    case 'session': return session(config, state, event.up);
  }
}

function activate({ checker, subject }: CheckerConfig, state: CheckerState, random: number, now: Millis): CheckerStep {
  const text = checker.type === 'BFD_CHECK' ? 'Activating BFD healthchecker' : `Activating healthchecker for service ${subject.server} for VS ${subject.service}`;
  const due = 'schedule' in checker ? now + FIRST + random * checker.schedule.warmup : Infinity;
  return { state: { ...state, activity: 'waiting', due }, actions: [{ type: 'log', text }] };
}

function suspend({ subject }: CheckerConfig, state: CheckerState): CheckerStep {
  if (state.activity === 'suspended') return { state, actions: [] };
  const said: CheckerAction = { type: 'log', text: `Suspending healthchecker for service ${subject.server} for VS ${subject.service}` };
  return { state: { ...state, activity: 'suspended', due: Infinity }, actions: state.activity === 'checking' ? [{ type: 'cancel' }, said] : [said] };
}

function begin(state: CheckerState, now: Millis): CheckerStep {
  return { state: { ...state, activity: 'checking', due: Infinity, begun: now }, actions: [{ type: 'check', url: state.url }] };
}

/** The end of an attempt. */
function judge(config: CheckerConfig, state: CheckerState, verdict: Verdict, now: Millis): CheckerStep {
  const { checker } = config;
  if (!('schedule' in checker)) return { state, actions: [] };
  const { schedule } = checker;
  const idle: CheckerState = { ...state, activity: 'waiting', due: now + schedule.delayLoop };
  const notes = verdict.type === 'success' || verdict.type === 'failure' ? (verdict.notes ?? []) : [];
  const said: CheckerAction[] = notes.map((text) => ({ type: 'log', text }));
  switch (verdict.type) {
    case 'unable': return { state: idle, actions: [{ type: 'log', text: verdict.line }] };
    case 'script': return scriptEnded(config, schedule, { ...idle, due: nextRun(state, schedule, now) }, verdict.end, now);
    case 'success': return before(said, succeeded(config, idle, verdict.matched, now));
    case 'failure': return before(said, failed(config, schedule, idle, verdict.reason, now));
  }
}

function before(said: readonly CheckerAction[], { state, actions }: CheckerStep): CheckerStep {
  return { state, actions: [...said, ...actions] };
}

function succeeded(config: CheckerConfig, state: CheckerState, matched: string | null, now: Millis): CheckerStep {
  const { checker } = config;
  if (checker.type === 'HTTP_GET' || checker.type === 'SSL_GET') {
    const url = checker.urls[state.url];
    const said: CheckerAction[] = !state.up && url !== undefined && matched !== null ? [{ type: 'log', text: urlLine(config.subject, matched, url.path) }] : [];
    const last = !state.urlFailed && state.url + 1 >= checker.urls.length;
    // After a failure all URLs are gone through again, from the first; an up server's retry that succeeded is no failure.
    const next: CheckerState = { ...state, retries: 0, urlFailed: false, url: state.urlFailed || last ? 0 : state.url + 1 };
    if (!last) return { state: checker.fastRecovery && !(state.up && state.judged) ? { ...next, due: now } : next, actions: said };
    return before(said, cameUp(config, next));
  }
  return cameUp(config, { ...state, retries: 0 });
}

function cameUp({ checker, subject }: CheckerConfig, state: CheckerState): CheckerStep {
  const after: CheckerState = { ...state, up: true, judged: true, retries: 0 };
  if (state.up && state.judged) return { state: after, actions: [] };
  const line = successLine(checker.type, subject);
  const told: CheckerAction = { type: 'verdict', up: true, text: mailText(checker.type, true, null) };
  return { state: after, actions: line === null ? [told] : [{ type: 'log', text: line }, told] };
}

/** Forgiven while up; the very first failure counts at once, since `retries` begins at the limit. */
function failed(config: CheckerConfig, schedule: CheckSchedule, state: CheckerState, reason: string | null, now: Millis): CheckerStep {
  const { checker, subject } = config;
  const line = reasonLine(checker.type, subject, reason);
  const said: CheckerAction[] = schedule.logAllFailures && state.up && line !== null ? [{ type: 'log', text: line }] : [];
  if (state.up && state.retries < schedule.retry) return { state: { ...state, retries: state.retries + 1, due: now + schedule.delayBeforeRetry }, actions: said };
  const after: CheckerState = { ...state, up: false, judged: true, retries: 0, urlFailed: true };
  if (!state.up && state.judged) return { state: after, actions: [] };
  const final = failedLine(checker.type, subject, reason, schedule.retry, state.judged);
  // The reason of these is their final line, which is not said twice.
  const once = said.filter((action) => action.type !== 'log' || action.text !== final);
  return { state: after, actions: [...once, { type: 'log', text: final }, { type: 'verdict', up: false, text: mailText(checker.type, false, reason) }] };
}

/** Runs begin delay_loop apart, counted from the last start; those that fall into a run are left out. */
function nextRun(state: CheckerState, { delayLoop }: CheckSchedule, now: Millis): Millis {
  return state.begun + Math.max(1, Math.ceil((now - state.begun) / delayLoop)) * delayLoop;
}

const UP_WITH_WEIGHT = 2;

function scriptEnded(config: CheckerConfig, schedule: CheckSchedule, state: CheckerState, end: ScriptEnd, now: Millis): CheckerStep {
  const { checker, subject, weight } = config;
  if (checker.type !== 'MISC_CHECK') return { state, actions: [] };
  const script = checker.command.argv[0] ?? '';
  const good = end.type === 'exited' && (end.status === 0 || (checker.dynamic && end.status >= UP_WITH_WEIGHT));
  const line = (tries: string): CheckerAction => ({ type: 'log', text: miscLine(subject, script, end, tries, good) });
  if (good) {
    const added = checker.dynamic && end.status >= UP_WITH_WEIGHT ? end.status - UP_WITH_WEIGHT - weight : 0;
    const actions: CheckerAction[] = added === state.added ? [] : [{ type: 'weight', added }];
    const after: CheckerState = { ...state, up: true, judged: true, retries: 0, added, last: end };
    if (state.up && state.judged) return { state: after, actions };
    return { state: after, actions: [...actions, line(''), { type: 'verdict', up: true, text: '=> MISC CHECK succeeded on service <=', told: true }] };
  }
  const before_: CheckerState = { ...state, last: end };
  if (state.up && state.retries < schedule.retry) {
    const retries = state.retries + 1;
    const tries = state.retries === 0 ? `, will do ${schedule.retry} ${plural(schedule.retry)}` : ` on retry ${state.retries}/${schedule.retry}`;
    return { state: { ...before_, retries, due: now + schedule.delayBeforeRetry }, actions: schedule.logAllFailures ? [line(tries)] : [] };
  }
  const after: CheckerState = { ...before_, up: false, judged: true, retries: 0, added: 0 };
  if (!state.up && state.judged) return { state: after, actions: [] };
  const tries = schedule.retry === 0 ? ' with retry disabled' : ` after ${schedule.retry} ${plural(schedule.retry)}`;
  const text = `=> MISC CHECK ${end.type === 'timed-out' ? 'timed out' : 'failed'} on service <=`;
  return { state: after, actions: [line(tries), { type: 'verdict', up: false, text }] };
}

function plural(count: number): string {
  return count === 1 ? 'retry' : 'retries';
}

/** At or below this a file says down whatever its weight. */
const FILE_DOWN = -2147483648;

function fileNumber({ checker }: CheckerConfig, state: CheckerState, value: number): CheckerStep {
  if (checker.type !== 'FILE_CHECK') return { state, actions: [] };
  const product = checker.weight === 0 ? 0 : value * checker.weight * (checker.reverse ? -1 : 1);
  const up = checker.weight === 0 ? (value === 0) !== checker.reverse : product > FILE_DOWN;
  const added = up ? product : 0;
  const weight: CheckerAction[] = added === state.added ? [] : [{ type: 'weight', added }];
  const told: CheckerAction[] = state.up === up && state.judged ? [] : [{ type: 'verdict', up, text: mailText('FILE_CHECK', up, null) }];
  return { state: { ...state, up, judged: true, added }, actions: [...weight, ...told] };
}

function session({ checker, subject }: CheckerConfig, state: CheckerState, up: boolean): CheckerStep {
  if (checker.type !== 'BFD_CHECK' || (state.judged && state.up === up)) return { state, actions: [] };
  const word = up ? 'UP' : 'DOWN';
  const line: CheckerAction = { type: 'log', text: `BFD check of [${checker.session}] RS(${subject.server}) is ${word}` };
  return { state: { ...state, up, judged: true }, actions: [line, { type: 'verdict', up, text: `=> BFD CHECK ${checker.session} ${word} on service <=` }] };
}
