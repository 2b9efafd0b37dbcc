/** Going to the background: Node cannot fork, so a second process runs the daemon and the first waits until it stands. */
import { spawn } from 'node:child_process';

const MARK = 'TSKEEPALIVED_BACKGROUND';
/** Longer than any start; then the child goes on alone. */
const PATIENCE = 30_000;

type Report = { readonly type: 'ready' } | { readonly type: 'failed'; readonly code: number; readonly text: string };

/** True in the process that is to be the daemon. */
export function isBackgroundCall(): boolean {
  return process.env[MARK] !== undefined && process.send !== undefined;
}

/** Likewise; the mark is taken out of the environment, so that no script inherits it. */
export function isBackground(): boolean {
  const marked = isBackgroundCall();
  delete process.env[MARK];
  return marked;
}

/** Starts the daemon's process; resolves with the exit code of this one. */
export function goBackground(argv: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const script = process.argv[1];
    if (script === undefined) throw new Error('no program to start in the background');
    const child = spawn(process.execPath, [...process.execArgv, script, ...argv], {
      detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'], env: { ...process.env, [MARK]: '1' },
    });
    const patience = setTimeout(() => {
      process.stderr.write(`tskeepalived: process ${child.pid ?? '?'} is still starting; see the log\n`);
      leave(0);
    }, PATIENCE);
    const leave = (code: number): void => {
      clearTimeout(patience);
      if (child.connected) child.disconnect();
      child.unref();
      resolve(code);
    };
    child.once('error', (cause) => {
      process.stderr.write(`tskeepalived: cannot start in the background: ${cause.message}\n`);
      leave(1);
    });
    child.once('exit', (code) => { leave(code ?? 1); });
    child.on('message', (report: Report) => {
      if (report.type === 'ready') return leave(0);
      process.stderr.write(`tskeepalived: ${report.text}\n`);
      leave(report.code);
    });
  });
}

/** In the daemon's process: tells the first one how it went. */
export function reportToForeground(report: Report): void {
  if (process.send === undefined || !process.connected) return;
  process.send(report, undefined, undefined, () => { if (process.connected) process.disconnect(); });
}
