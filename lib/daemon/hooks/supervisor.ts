import type { Clock } from '../../system/clock.ts';
import type { Cancel, Millis } from '../../util/time.ts';
import type { Log } from '../log/log.ts';
import { printedLines } from './printed.ts';
import { HOOK_NAMES, type HookAnswer } from './protocol.ts';
import { failuresAfter, pauseBefore } from './restart-policy.ts';
import type { HookEvents, HookName } from './types.ts';
import type { HookWorker, StartHookWorker } from './worker.ts';

export interface HooksParts {
  readonly clock: Clock;
  readonly log: Log;
  /** startHookWorker, or a test's. */
  readonly startWorker: StartHookWorker;
  /** How long one hook may take, and loading the file; default 10 s. */
  readonly limit?: Millis;
}

/** Whether a hooks file can be used, and if not, why and where. */
export type HooksVerdict = { readonly ok: true; readonly hooks: readonly HookName[] } | { readonly ok: false; readonly problem: string };

/** Runs the operator's TypeScript beside the daemon. Only `load` and `stop` are ever waited for. */
export interface HooksService {
  /**
   * Loads the file, at the start and at each reload (it is read anew then). A file that cannot be used is logged, with
   * its place; what ran before goes on then, and without one there are no hooks. null: no hooks any more. Never rejects.
   */
  load(file: string | null): Promise<HooksVerdict>;
  /** Hands over an event and returns at once. Events during the first load wait for it, so nobody need await that. */
  emit<Name extends HookName>(hook: Name, event: HookEvents[Name]): void;
  /** Lets waiting events be handled for at most `grace`, then ends the thread. */
  stop(grace: Millis): Promise<void>;
}

/** Events that wait while a hook is busy or its thread starts anew; beyond it the oldest go. */
const MAX_WAITING = 1000;
const DEFAULT_LIMIT: Millis = 10_000;
/** An endless loop is ended at once; only a system call can hold a thread longer. */
const ENDING: Millis = 5000;

/** One life of the thread. */
interface Session {
  readonly file: string;
  readonly worker: HookWorker;
  readonly born: Millis;
  hooks: readonly HookName[];
  /** What it is doing, and the end of its patience. */
  busy: { readonly id: number; readonly hook: HookName; readonly cancel: Cancel } | null;
  /** Why we ended it ourselves; then `ended` is no surprise. */
  verdict: string | null;
  /** It could not be used, or another has taken its place, or the daemon stops: it ends with what it is at. */
  retired: boolean;
  /** Why it is gone; null while it lives. */
  ended: string | null;
}

export function createHooks({ clock, log, startWorker, limit = DEFAULT_LIMIT }: HooksParts): HooksService {
  const waiting: { readonly hook: HookName; readonly event: unknown }[] = [];
  let current: Session | null = null;
  let restart: Cancel | null = null;
  let failures = 0;
  let dropped = 0;
  let ids = 0;
  const starting = new Set<Session>();
  let stopped = false;
  let drained: (() => void) | null = null;

  /** Starts a thread on the file; resolves once it is loaded, has refused, has died or is overdue. */
  function begin(file: string): Promise<{ readonly session: Session; readonly verdict: HooksVerdict }> {
    return new Promise((resolve) => {
      let pending = true;
      const loaded = (verdict: HooksVerdict): void => {
        if (!pending) return;
        pending = false;
        overdue();
        starting.delete(session);
        session.retired = !verdict.ok;
        resolve({ session, verdict });
      };
      const overdue = clock.at(clock.now() + limit, () => {
        session.worker.terminate();
        loaded({ ok: false, problem: `${file}: loading took longer than ${seconds(limit)}` });
      });
      const worker = startWorker(file, {
        printed: printedLines(clock, (line) => log.info(`hooks: ${line}`)),
        answered(answer) {
          if (answer.type === 'loaded') {
            session.hooks = answer.hooks;
            for (const name of answer.unknown) log.warn(`hooks: ${file}: '${name}' is no hook; there are ${HOOK_NAMES.join(', ')}`);
            loaded({ ok: true, hooks: answer.hooks });
          } else if (answer.type === 'unusable') {
            worker.terminate();
            loaded({ ok: false, problem: answer.problem });
          } else finished(session, answer);
        },
        ended(reason) {
          if (pending) loaded({ ok: false, problem: `${file}: its thread ended while loading: ${reason}` });
          else gone(session, reason);
        },
      });
      const session: Session = { file, worker, born: clock.now(), hooks: [], busy: null, verdict: null, retired: false, ended: null };
      starting.add(session);
    });
  }

  function pump(): void {
    const session = current;
    if (session === null || session.busy !== null || session.verdict !== null) return;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (!session.hooks.includes(next.hook)) continue;
      const { hook, event } = next;
      const id = ids++;
      const cancel = clock.at(clock.now() + limit, () => {
        session.verdict = `${hook} took longer than ${seconds(limit)}`;
        const stuck = clock.at(clock.now() + ENDING, () => {
          log.error(`hooks: ${hook} took longer than ${seconds(limit)} and its thread does not end (a system call holds it); no hooks until it does`);
        });
        session.busy = { id, hook, cancel: stuck };
        session.worker.terminate();
      });
      session.busy = { id, hook, cancel };
      session.worker.call({ id, hook, event });
      return;
    }
    if (dropped > 0) log.warn(`hooks: ${String(dropped)} events were dropped`);
    dropped = 0;
    drained?.();
  }

  function finished(session: Session, answer: Extract<HookAnswer, { id: number }>): void {
    if (session.busy?.id !== answer.id) return;
    const { hook, cancel } = session.busy;
    cancel();
    session.busy = null;
    if (answer.type === 'threw') log.error(`hooks: ${hook} threw at ${answer.problem}`);
    if (session.retired) session.worker.terminate();
    else pump();
  }

  /** The thread is gone: ended by us, by the hook itself or by its limits. */
  function gone(session: Session, reason: string): void {
    session.ended = reason;
    const during = session.busy?.hook;
    session.busy?.cancel();
    session.busy = null;
    if (session !== current) return;
    current = null;
    failures = failuresAfter(failures, clock.now() - session.born);
    const pause = pauseBefore(failures);
    const what = session.verdict ?? `the thread ended${during === undefined ? '' : ` in ${during}`}: ${reason}`;
    log.error(`hooks: ${what}; started again in ${seconds(pause)}, ${String(waiting.length)} events wait`);
    again(session.file, pause);
    drained?.();
  }

  function again(file: string, pause: Millis): void {
    const cancel = clock.at(clock.now() + pause, () => {
      void begin(file).then(({ session, verdict }) => {
        // A reload or a stop that came meanwhile has the last word.
        if (restart !== cancel) retire(session);
        else if (verdict.ok) take(session);
        else {
          failures++;
          log.error(`hooks: cannot be started again: ${verdict.problem}; next attempt in ${seconds(pauseBefore(failures))}`);
          again(file, pauseBefore(failures));
        }
      });
    });
    restart = cancel;
  }

  function take(session: Session): void {
    restart = null;
    current = session;
    if (session.ended === null) pump();
    else gone(session, session.ended);
  }

  /** Ends a session that is no longer wanted, after the event it is at. */
  function retire(session: Session | null): void {
    if (session === null) return;
    session.retired = true;
    if (session.busy === null) session.worker.terminate();
  }

  function drop(): void {
    restart?.();
    restart = null;
    retire(current);
    current = null;
  }

  return {
    async load(file) {
      if (file === null) {
        drop();
        waiting.length = 0;
        return { ok: true, hooks: [] };
      }
      const { session, verdict } = await begin(file);
      if (stopped) retire(session);
      if (!verdict.ok) {
        if (stopped) return verdict;
        if (current === null && restart === null) waiting.length = 0;
        log.error(`hooks: ${verdict.problem}${current === null ? '; going on without hooks' : '; the hooks loaded before stay'}`);
        return verdict;
      }
      if (stopped) return { ok: false, problem: `${file}: the daemon stops` };
      drop();
      failures = 0;
      log.info(`hooks: ${file} loaded: ${verdict.hooks.join(', ') || 'it has none'}`);
      take(session);
      return verdict;
    },
    emit(hook, event) {
      if (current === null && restart === null && starting.size === 0) return;
      waiting.push({ hook, event });
      if (waiting.length > MAX_WAITING) {
        waiting.shift();
        dropped++;
        if (dropped === 1) log.warn(`hooks: ${String(MAX_WAITING)} events wait already, the oldest are dropped`);
      }
      pump();
    },
    async stop(grace) {
      if (current !== null && (current.busy !== null || waiting.length > 0)) {
        await new Promise<void>((resolve) => {
          const cancel = clock.at(clock.now() + grace, () => {
            log.warn(`hooks: ${current?.busy?.hook ?? 'a hook'} still runs at the stop and is ended, ${String(waiting.length)} events are given up`);
            resolve();
          });
          drained = () => {
            cancel();
            resolve();
          };
        });
      }
      drained = null;
      stopped = true;
      waiting.length = 0;
      for (const session of starting) session.worker.terminate();
      const last = current;
      drop();
      last?.busy?.cancel();
      last?.worker.terminate();
    },
  };
}

function seconds(duration: Millis): string {
  return `${String(duration / 1000)} s`;
}
