import type { GlobalDefs, ScriptCommand } from '../../config/model.ts';
import type { Clock } from '../../system/clock.ts';
import type { Files } from '../../system/files.ts';
import type { RunningScript, ScriptResult, ScriptRunner } from '../../system/script-runner.ts';
import type { Millis } from '../../util/time.ts';
import type { Log } from '../log/log.ts';
import { runAs } from '../run-as.ts';
import type { NotifyEvent, NotifyState } from './events.ts';
import type { Mailer } from './mail.ts';
import { buildMessage } from './message.ts';
import { Pipes, type WantedPipe } from './pipes.ts';
import { fifoLine, type Mailed, plan, remember } from './plan.ts';

/** What of global_defs concerns notification. */
export type NotifySettings = Pick<GlobalDefs, 'routerId' | 'mail' | 'noEmailFaults' | 'notifyFifo' | 'vrrpNotifyFifo'>;

export interface NotifierParts {
  readonly scripts: ScriptRunner;
  readonly files: Pick<Files, 'openFifo'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly mailer: Mailer;
}

/** Tells the world of transitions: scripts, FIFOs, mail. Nothing here delays the caller. */
export interface Notifier {
  /** Opens the FIFOs and starts their scripts; never rejects. To be awaited before the first event, so that its line is not lost. */
  start(): Promise<void>;
  notify(event: NotifyEvent): void;
  /** Tells the FIFOs once more, and nobody else, which state an object is in. */
  repeat(kind: 'INSTANCE' | 'GROUP', name: string, state: NotifyState, priority: number): void;
  /** From now on with these settings; FIFOs that stay the same stay open. What was mailed last is remembered. */
  reload(settings: NotifySettings): Promise<void>;
  /** After the STOP events: waits at most a second for their scripts and mails, then ends them, the FIFO scripts and the FIFOs. */
  stop(): Promise<void>;
}

/** How long scripts of STOP may run on. */
export const STOP_LIMIT: Millis = 1000;

export function createNotifier(initial: NotifySettings, { scripts, files, clock, log, mailer }: NotifierParts): Notifier {
  let settings = initial;
  let mailed: Mailed = new Map();
  const pipes = new Pipes(files, scripts, log);
  const stopping = new Set<RunningScript>();

  function run(command: ScriptCommand, ofStop: boolean): void {
    const { argv, account } = command;
    const running = scripts.run(argv, { timeout: ofStop ? STOP_LIMIT : null, ...runAs(account) });
    if (ofStop) stopping.add(running);
    void running.result.then((result) => {
      stopping.delete(running);
      const problem = scriptProblem(argv, result);
      if (problem !== null) log.warn(problem, { argv });
    });
  }

  return {
    start: () => pipes.open(pipesOf(settings)),
    notify(event) {
      const todo = plan(event, { mail: settings.mail !== null, noEmailFaults: settings.noEmailFaults }, mailed);
      const ofStop = event.type === 'transition' && event.state === 'STOP';
      for (const command of todo.scripts) run(command, ofStop);
      if (ofStop) pipes.endReaders();
      pipes.write(todo.fifoLine);
      if (todo.alert !== null && settings.mail !== null && event.type === 'transition') {
        mailed = remember(event, mailed);
        mailer.send(settings.mail, buildMessage(settings.mail, settings.routerId, todo.alert, new Date(clock.wall())));
      }
    },
    repeat(kind, name, state, priority) {
      pipes.write(fifoLine(kind, name, state, priority));
    },
    async reload(next) {
      settings = next;
      await pipes.reopen(pipesOf(settings));
    },
    async stop() {
      await Promise.all([within(clock, STOP_LIMIT, [...stopping].map((running) => running.result)), mailer.close(STOP_LIMIT)]);
      for (const running of stopping) running.stop();
      await pipes.close();
    },
  };
}

function pipesOf({ notifyFifo, vrrpNotifyFifo }: NotifySettings): readonly WantedPipe[] {
  return [
    ...(notifyFifo === null ? [] : [{ fifo: notifyFifo, label: 'notify' as const }]),
    ...(vrrpNotifyFifo === null ? [] : [{ fifo: vrrpNotifyFifo, label: 'vrrp notify' as const }]),
  ];
}

/** Waits for all of them, at most `limit`. */
async function within(clock: Clock, limit: Millis, results: readonly Promise<unknown>[]): Promise<void> {
  if (results.length === 0) return;
  await new Promise<void>((resolve) => {
    const cancel = clock.at(clock.now() + limit, resolve);
    void Promise.all(results).then(() => {
      cancel();
      resolve();
    });
  });
}

/** A notify script's exit status is its own affair, as with keepalived; one that did not run is the operator's. */
function scriptProblem(argv: readonly string[], result: ScriptResult): string | null {
  switch (result.type) {
    case 'exited':
    case 'signalled':
    case 'timed-out':
      return null;
    case 'failed':
      return `Notify script '${argv.join(' ')}' could not be run: ${result.reason}`;
  }
}
