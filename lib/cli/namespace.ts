/**
 * net_namespace and -s. A thread is in a namespace, not a process, and the program has several by the time it knows which: so
 * the first thread goes there and starts the program again in its own place, under the same process id. The second start finds
 * a mark in its environment.
 */
import { openSync } from 'node:fs';
import type { Config } from '../config/model.ts';
import { enterNetworkNamespace, namespacePath, privateDirectory, removePrivateDirectory, startAgain } from '../linux/namespace.ts';
import { SystemError } from '../system/error.ts';
import { PID_DIRECTORY } from './pid-files.ts';

const MARK = 'TSKEEPALIVED_NAMESPACE';

/** What the second start is told. */
export interface Namespace {
  readonly name: string;
  /** The file of the namespace that the first one was started in, as long as this process lives. */
  readonly outside: string;
}

/** The namespace that we were brought into; null: none. The mark is taken out of the environment, so that no script inherits it. */
export function currentNamespace(env: NodeJS.ProcessEnv = process.env): Namespace | null {
  const mark = env[MARK];
  if (mark === undefined) return null;
  delete env[MARK];
  const colon = mark.indexOf(':');
  return { name: mark.slice(colon + 1), outside: `/proc/${process.pid}/fd/${mark.slice(0, colon)}` };
}

/** What this process was started with, before anything was taken out of it. */
export interface Origin {
  readonly environment: NodeJS.ProcessEnv;
  readonly directory: string;
}

export function origin(): Origin {
  return { environment: { ...process.env }, directory: process.cwd() };
}

/** Goes there and starts again. Throws SystemError when that cannot be. */
export function startInNamespace(name: string, argv: readonly string[], { environment, directory }: Origin): never {
  const path = namespacePath(name);
  if (name === '' || name.includes('/') || name === '.' || name === '..') throw new SystemError('open', path, 'EINVAL');
  const outside = openSync('/proc/self/ns/net', 'r');
  enterNetworkNamespace(path);
  privateDirectory(PID_DIRECTORY, name);
  process.chdir(directory);
  const channel = channelDescriptor();
  startAgain(
    [process.argv0, ...process.execArgv, process.argv[1] ?? '', ...argv],
    { ...environment, [MARK]: `${outside}:${name}`, ...(channel === null ? {} : { NODE_CHANNEL_FD: String(channel), NODE_CHANNEL_SERIALIZATION_MODE: 'json' }) },
    channel === null ? [outside] : [outside, channel],
  );
}

/** Where IPVS is, by net_namespace_ipvs: the file of its network namespace; null: the one that we are in. */
export function ipvsNamespace({ process: { ipvsNamespace: wanted } }: Config, outside: string | null): string | null {
  if (wanted === undefined) return null;
  return wanted === null ? outside : namespacePath(wanted);
}

/** At the end of the second start. */
export function leaveNamespace({ name }: Namespace): void {
  removePrivateDirectory(PID_DIRECTORY, name);
}

/** Of the pipe to the process in the foreground, which waits for what comes of us; null: nobody waits. */
function channelDescriptor(): number | null {
  const { channel } = process as { readonly channel?: { readonly fd?: number } };
  return channel?.fd ?? null;
}
