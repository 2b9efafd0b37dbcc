import { chmodSync, closeSync, mkdirSync, openSync, rmdirSync } from 'node:fs';
import { SystemError } from '../system/error.ts';
import { check, execve, F_SETFD, fcntl, mount, setns, umount2, unshare } from './libc.ts';

/** Where ip-netns(8) and keepalived keep named network namespaces. */
const NAMED = '/run/netns';
const CLONE_NEWNS = 0x0002_0000;
const CLONE_NEWNET = 0x4000_0000;
/** mount(2) */
const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_SLAVE = 0x8_0000;
const MNT_DETACH = 2;

/** The file of a network namespace by its name. */
export function namespacePath(name: string): string {
  return `${NAMED}/${name}`;
}

/**
 * Takes the calling thread, which has to be the first, into a network namespace. Only what this thread does is there from now
 * on: sockets that it opens and processes that it starts, not what the pool's threads do. Throws SystemError.
 */
export function enterNetworkNamespace(path: string): void {
  const fd = opened(path);
  try {
    check(setns(fd, CLONE_NEWNET), 'enter', `network namespace ${path}`);
  } finally {
    closeSync(fd);
  }
}

/** Runs `open` in another network namespace and comes back; for sockets, which stay where they were opened. */
export function inNetworkNamespace<T>(path: string, open: () => T): T {
  const here = opened('/proc/thread-self/ns/net');
  try {
    enterNetworkNamespace(path);
    try {
      return open();
    } finally {
      check(setns(here, CLONE_NEWNET), 'return to', 'the network namespace');
    }
  } finally {
    closeSync(here);
  }
}

/**
 * Shows `below`/NAME in the place of `below` to the calling thread and what it starts, by a mount namespace of its own, as
 * keepalived does for the pid files of a network namespace. What is mounted elsewhere is still seen. Throws SystemError.
 */
export function privateDirectory(below: string, name: string): void {
  const own = `${below}/${name}`;
  try {
    mkdirSync(own, { recursive: true });
    for (const path of [below, own]) chmodSync(path, 0o755);
  } catch (cause) {
    throw new SystemError('make', own, codeOf(cause), cause);
  }
  check(unshare(CLONE_NEWNS), 'make', 'a mount namespace');
  check(mount('', '/', null, MS_REC | MS_SLAVE, null), 'keep to itself', 'the mount namespace');
  check(mount(own, below, null, MS_BIND, null), 'mount', `${own} on ${below}`);
}

/** At the end: the directory goes if it is empty. */
export function removePrivateDirectory(below: string, name: string): void {
  if (umount2(below, MNT_DETACH) < 0) return;
  for (const directory of [`${below}/${name}`, below]) {
    try {
      rmdirSync(directory);
    } catch {
      // Somebody else's files are in it, or somebody else removed it.
      return;
    }
  }
}

/**
 * Starts the same program again in the place of this one: all threads begin anew where the calling one is. `keep`:
 * descriptors above 2 that the new one is to have. Returns only by throwing SystemError.
 *
 * Node sets close-on-exec on everything that it was given, 0 to 2 as well.
 */
export function startAgain(argv: readonly string[], environment: NodeJS.ProcessEnv, keep: readonly number[]): never {
  for (const fd of [0, 1, 2, ...keep]) check(fcntl(fd, F_SETFD, 0), 'keep', `descriptor ${fd}`);
  const variables = Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  check(execve(process.execPath, [...argv, null], [...variables, null]), 'start again', process.execPath);
  throw new SystemError('start again', process.execPath, 'EIO');
}

function opened(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new SystemError('open', path, codeOf(cause), cause);
  }
}

function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? 'EIO';
}
