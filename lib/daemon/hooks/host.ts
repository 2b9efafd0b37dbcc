/**
 * The thread's side: loads the operator's file (TypeScript, by jiti, so nothing need be compiled or installed) and calls
 * its hooks, one event at a time. Runs in a worker_threads Worker only, see worker.ts.
 */
import childProcess from 'node:child_process';
import { statSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { createJiti } from 'jiti';
import { describeProblem } from './problem.ts';
import { HOOK_NAMES, type HookAnswer, type HookCall } from './protocol.ts';
import type { HookName } from './types.ts';

type Hook = (event: unknown) => unknown;

const port = parentPort;
if (port === null) throw new Error('host.js is a worker');
const { file } = workerData as { file: string };
const answer = (message: HookAnswer): void => port.postMessage(message);

refuseBlockingChildren();
try {
  const members = await load(file);
  const hooks = new Map(HOOK_NAMES.flatMap((name): [HookName, Hook][] => (typeof members[name] === 'function' ? [[name, (members[name] as Hook).bind(members)]] : [])));
  port.on('message', (call: HookCall) => void run(hooks.get(call.hook), call));
  answer({ type: 'loaded', hooks: [...hooks.keys()], unknown: Object.keys(members).filter((name) => name.startsWith('on') && !(HOOK_NAMES as readonly string[]).includes(name)) });
} catch (error) {
  answer({ type: 'unusable', problem: describeProblem(error, file) });
}

/** The file's default export, checked; throws what is wrong with it. */
async function load(path: string): Promise<Readonly<Record<string, unknown>>> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new Error('no such file');
  if (!found.isFile()) throw new Error('it is not a regular file');
  // Nothing is written beside the file or in a cache; 'tskeepalived' is this package, wherever it is installed.
  const jiti = createJiti(import.meta.url, { fsCache: false, moduleCache: false, interopDefault: false, alias: { tskeepalived: fileURLToPath(new URL('../../index.js', import.meta.url)) } });
  const { default: members } = await jiti.import<{ default?: unknown }>(path);
  if (typeof members !== 'object' || members === null) throw new Error('its default export is not an object of hooks');
  for (const name of HOOK_NAMES) {
    const member = (members as Record<string, unknown>)[name];
    if (member !== undefined && typeof member !== 'function') throw new Error(`'${name}' is not a function`);
  }
  return members as Readonly<Record<string, unknown>>;
}

/** A thread that waits for a child process cannot be ended before the child, and neither could the daemon's process. */
function refuseBlockingChildren(): void {
  for (const name of ['execSync', 'execFileSync', 'spawnSync'] as const) {
    const refuse = (): never => {
      throw new Error(`${name} would hold up the hooks and the daemon's stop: use ${name.slice(0, -4)}`);
    };
    Object.assign(childProcess, { [name]: refuse });
  }
  syncBuiltinESMExports();
}

async function run(hook: Hook | undefined, { id, event }: HookCall): Promise<void> {
  try {
    await hook?.(event);
    answer({ type: 'done', id });
  } catch (error) {
    answer({ type: 'threw', id, problem: describeProblem(error, file) });
  }
}
