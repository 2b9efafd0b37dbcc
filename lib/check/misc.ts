import { constants } from 'node:os';
import type { Checker } from '../config/model-ipvs.ts';
import type { ScriptResult } from '../system/script-runner.ts';
import type { CheckMachine } from './attempt.ts';
import type { Attempt, ScriptEnd, Verdict } from './verdict.ts';

/** MISC_CHECK: a program of its own process group, ended (SIGTERM, SIGKILL 2 s later) when misc_timeout is over. */
export function checkMisc({ command, timeout }: Checker & { readonly type: 'MISC_CHECK' }, { scripts }: Pick<CheckMachine, 'scripts'>): Attempt {
  const running = scripts.run(command.argv, { timeout, user: command.account?.user ?? null, group: command.account?.group ?? null });
  let cancelled = false;
  const verdict = new Promise<Verdict>((resolve) => {
    const settle = (end: ScriptEnd): void => {
      if (!cancelled) resolve({ type: 'script', end });
    };
    running.result.then((result) => { settle(endOf(result)); }, (cause: unknown) => { settle({ type: 'failed', reason: String(cause) }); });
  });
  return {
    verdict,
    cancel() {
      cancelled = true;
      running.stop();
    },
  };
}

function endOf(result: ScriptResult): ScriptEnd {
  if (result.type !== 'signalled') return result;
  return { type: 'signalled', signal: (constants.signals as Readonly<Record<string, number>>)[result.signal] ?? 0 };
}
