/** The checking process: a program of its own beside this one, with a mark in its environment, which says what it needs to know. */
import { spawn } from 'node:child_process';
import { readFile, unlink } from 'node:fs/promises';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { FromChecker, ProcessEnd, StartChecker } from '../daemon/balance/checker-messages.ts';
import type { Forking } from '../linux/script-runner.ts';
import type { Settings } from './settings.ts';

const MARK = 'TSKEEPALIVED_CHECKERS';
const PROGRAM = new URL('./check-process.cjs', import.meta.url);

/** What the daemon's process tells the one that it starts. */
export interface CheckerStart {
  /** As the daemon goes by: paths are absolute, or relative to the directory both run in. */
  readonly settings: Settings;
  readonly again: boolean;
}

/** The mark is taken out of the environment, so that no script inherits it. */
export function checkerStart(): CheckerStart {
  const start = JSON.parse(process.env[MARK] ?? '') as CheckerStart;
  delete process.env[MARK];
  return start;
}

/** Starts it by `forking`, which gives it the priorities that the daemon was started with, with the daemon's stderr and nothing else that is open here: everything is close-on-exec. */
export function startCheckers(settings: Settings, forking: Forking): StartChecker {
  return (again, listener) => {
    const start: CheckerStart = { settings, again };
    const child = forking(() => spawn(process.execPath, [...process.execArgv, fileURLToPath(PROGRAM), ...process.argv.slice(2)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: { ...process.env, [MARK]: JSON.stringify(start) },
    }));
    let over = false;
    const ended = (how: ProcessEnd): void => {
      if (over) return;
      over = true;
      void removeStale(settings.checkersPidFile, child.pid).then(() => { listener.ended(how); });
    };
    child.on('message', (message: FromChecker) => { listener.heard(message); });
    child.once('error', (cause) => { if (child.pid === undefined) ended({ type: 'failed', reason: cause.message }); });
    child.once('exit', (status, signal) => {
      ended(signal === null ? { type: 'exited', status: status ?? 0 } : { type: 'signalled', signal, number: constants.signals[signal] });
    });
    return {
      pid: child.pid ?? null,
      send(message) {
        // Of a process that is gone, its end tells.
        if (child.connected) child.send(message, undefined, undefined, () => undefined);
      },
      kill: () => { child.kill('SIGKILL'); },
    };
  };
}

/** The pid file of one that was killed. */
async function removeStale(path: string, pid: number | undefined): Promise<void> {
  try {
    if ((await readFile(path, 'utf8')) === `${pid ?? ''}\n`) await unlink(path);
  } catch {
    // It is gone already, as after every orderly end.
  }
}
