import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { access, constants, stat } from 'node:fs/promises';
import type { RunningScript, ScriptOptions, ScriptResult, ScriptRunner } from '../system/script-runner.ts';
import { keepFromChildren } from './descriptor.ts';
import { resolveGroup, resolveIds } from './users.ts';

/** From SIGTERM to SIGKILL, and from there to giving the process up. */
const KILL_AFTER = 2_000;
const ABANDON_AFTER = 10_000;

/** Where distributions have util-linux' setpriv(1); the one in PATH might be anybody's. */
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'];

/** Runs what forks, with the priorities that the child is to have. */
export type Forking = <T>(start: () => T) => T;

export interface LinuxScriptRunner extends ScriptRunner {
  /** Resolves when no script runs any more, or after so many milliseconds. */
  ended(within: number): Promise<void>;
  /** Resolves when all that was told to stop is gone: SIGKILL has come to it after 2 s at the latest. */
  stopped(): Promise<void>;
  /** SIGTERM to the groups of all scripts that still run. */
  close(): void;
}

/**
 * Scripts as child processes. Each is the leader of a session and a process group of its own, has /dev/null for 0, 1 and 2 and
 * nothing above (Node opens everything with close-on-exec; descriptor.ts sees to raw-socket's and to what was inherited), and runs in `/`.
 *
 * They end with the daemon, by SIGTERM: at an orderly exit from `close` or an exit handler; for any other end the script is
 * started through `setpriv --pdeathsig TERM`, which replaces itself by the script (same process, same arguments). Where there
 * is no such setpriv (busybox has one without that option) only systemd's KillMode=control-group is left for that.
 *
 * Starting one stops the event loop for the fork: about 1 ms with 45 MB resident, 20 ms with 550 MB (measured on one
 * machine); setpriv costs 1 ms more, but in the child.
 */
export function linuxScriptRunner(asFound: Forking = (start) => start()): LinuxScriptRunner {
  keepFromChildren();
  const groups = new Set<number>();
  const stops = new Set<Promise<void>>();
  const runs = new Set<Promise<ScriptResult>>();
  let starter: readonly string[] | null = null;
  const killAll = (): void => groups.forEach((pid) => signalGroup(pid, 'SIGTERM'));
  process.once('exit', killAll);
  return {
    run(argv, options) {
      const running = start(argv, options, { starter: (starter ??= findStarter()), asFound }, { groups, stops });
      const { result } = running;
      runs.add(result);
      void result.finally(() => runs.delete(result));
      return running;
    },
    async ended(within) {
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([Promise.all(runs), new Promise((resolve) => { timer = setTimeout(resolve, within); })]);
      clearTimeout(timer);
    },
    async stopped() {
      await Promise.all(stops);
    },
    close() {
      process.off('exit', killAll);
      killAll();
    },
  };
}

function start(argv: readonly string[], options: ScriptOptions, { starter, asFound }: { starter: readonly string[]; asFound: Forking }, { groups, stops }: Living): RunningScript {
  if (argv.length === 0) return notStarted('there is no command');
  let child: ChildProcess;
  try {
    const grouped = options.supplementary === true && options.user !== null;
    if (grouped && starter.length === 0) return notStarted('supplementary groups need setpriv(1) of util-linux');
    const [command = '', ...rest] = [...(grouped ? withGroups(starter, options) : starter), ...argv];
    const how: SpawnOptions = { detached: true, stdio: 'ignore', cwd: '/', env: environment(), ...(grouped ? {} : credentials(options)) };
    child = asFound(() => spawn(command, rest, how));
  } catch (cause) {
    return notStarted((cause as Error).message);
  }
  const { pid } = child;
  if (pid === undefined) return { pid: null, result: whyNot(child), stop: () => undefined };
  groups.add(pid);
  return supervise(child, pid, argv[0] ?? '', options, { over: () => groups.delete(pid), stops });
}

interface Living {
  /** Process groups of scripts that run. */
  readonly groups: Set<number>;
  /** Those told to stop; each resolves when its group is gone, or has got SIGKILL. */
  readonly stops: Set<Promise<void>>;
}

/** Watches over a started script: its end, its timeout, being stopped. */
function supervise(child: ChildProcess, pid: number, command: string, { timeout }: ScriptOptions, { over, stops }: { readonly over: () => void } & Pick<Living, 'stops'>): RunningScript {
  let timedOut = false;
  let timer: NodeJS.Timeout | undefined;
  let settle: (result: ScriptResult) => void = () => undefined;
  const result = new Promise<ScriptResult>((resolve) => {
    settle = resolve;
  });
  const finish = (how: ScriptResult): void => {
    clearTimeout(timer);
    over();
    settle(how);
  };
  const stop = (): void => {
    clearTimeout(timer);
    const gone = stopGroup(pid, result).finally(() => stops.delete(gone));
    stops.add(gone);
    timer = setTimeout(() => {
      child.unref();
      finish({ type: 'failed', reason: `process ${pid} did not end within ${ABANDON_AFTER / 1000} s of SIGKILL` });
    }, KILL_AFTER + ABANDON_AFTER);
  };
  let stopping = false;
  const stopOnce = (): void => {
    if (stopping || child.exitCode !== null || child.signalCode !== null) return;
    stopping = true;
    stop();
  };
  if (timeout !== null) {
    timer = setTimeout(() => {
      timedOut = true;
      stopOnce();
    }, timeout);
  }
  child.once('error', (cause) => finish({ type: 'failed', reason: cause.message }));
  child.once('exit', (status, signal) => {
    if (timedOut) finish({ type: 'timed-out' });
    else if (signal !== null) finish({ type: 'signalled', signal });
    else if (status === NOT_FOUND || status === NOT_EXECUTABLE) void explain(command, status).then(finish);
    else finish({ type: 'exited', status: status ?? 0 });
  });
  return { pid, result, stop: stopOnce };
}

/** setpriv, like a shell, ends with these where it could not start the script; but so may the script itself. */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

async function explain(command: string, status: number): Promise<ScriptResult> {
  try {
    await access(command, constants.X_OK);
    if ((await stat(command)).isDirectory()) return { type: 'failed', reason: `'${command}' is a directory` };
    return { type: 'exited', status };
  } catch (cause) {
    return { type: 'failed', reason: (cause as Error).message };
  }
}

function notStarted(reason: string): RunningScript {
  return { pid: null, result: Promise.resolve({ type: 'failed', reason }), stop: () => undefined };
}

/** Node reports by an 'error' event what exec(3) or fork(2) refused. */
function whyNot(child: ChildProcess): Promise<ScriptResult> {
  return new Promise((resolve) => {
    child.once('error', (cause) => resolve({ type: 'failed', reason: cause.message }));
  });
}

/** The daemon's environment without what would change how the script, or its shell, is loaded and read. */
function environment(): NodeJS.ProcessEnv {
  const env = { ...process.env };
  for (const name of ['IFS', 'LD_PRELOAD', 'LD_LIBRARY_PATH']) delete env[name];
  return env;
}

function credentials({ user, group }: ScriptOptions): { uid?: number; gid?: number } {
  if (user !== null) return resolveIds(user, group);
  return group === null ? {} : { gid: resolveGroup(group) };
}

/** initgroups(3) is not Node's, but setpriv's; by it the user and group are taken on as well. */
function withGroups(starter: readonly string[], { user, group }: ScriptOptions): readonly string[] {
  const { uid, gid } = resolveIds(user ?? '', group);
  return [...starter.slice(0, -1), '--reuid', String(uid), '--regid', String(gid), '--init-groups', '--'];
}

function findStarter(): readonly string[] {
  for (const setpriv of SETPRIV) {
    const starter = [setpriv, '--pdeathsig', 'TERM', '--'];
    const [command = '', ...rest] = [...starter, setpriv, '--version'];
    if (spawnSync(command, rest, { stdio: 'ignore', cwd: '/' }).status === 0) return starter;
  }
  return [];
}

/** SIGTERM, and to what is there after 2 s SIGKILL: what a script has started may live longer than the script itself. */
async function stopGroup(pid: number, ended: Promise<unknown>): Promise<void> {
  signalGroup(pid, 'SIGTERM');
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => { timer = setTimeout(resolve, KILL_AFTER, true); });
  if ((await Promise.race([late, ended.then(() => false)])) || groupLives(pid)) {
    await late;
    signalGroup(pid, 'SIGKILL');
  }
  clearTimeout(timer);
}

/** A group keeps its number from being given away as long as it has a member. */
function groupLives(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (cause) {
    // ESRCH: it has ended already, as was wanted. Anything else is a bug of ours.
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
  }
}
