import { open, readdir } from 'node:fs/promises';
import { SystemError } from '../system/error.ts';
import type { Processes, ProcessInfo } from '../system/processes.ts';
import { watchProcessEvents } from './process-events.ts';

/** So many of /proc are looked at side by side: the thread pool has work for others too. */
const SIDE_BY_SIDE = 4;
/** Command lines may be megabytes long (environments rewritten by setproctitle); what a configuration can say is shorter. */
const LONGEST = 64 * 1024;

/** /proc by Node's thread pool, the connector by koffi. `proc`: where it is mounted, for tests. */
export function linuxProcesses(proc = '/proc'): Processes {
  return {
    list: (commandLines) => listProcesses(proc, commandLines),
    read: (pid, commandLine) => readProcess(proc, pid, commandLine),
    watch: watchProcessEvents,
  };
}

async function listProcesses(proc: string, commandLines: boolean): Promise<readonly ProcessInfo[]> {
  let names: string[];
  try {
    names = await readdir(proc);
  } catch (cause) {
    throw new SystemError('list', proc, (cause as NodeJS.ErrnoException).code ?? 'EIO', cause);
  }
  const pids = names.filter((name) => /^[1-9]\d*$/u.test(name)).map(Number);
  const found: ProcessInfo[] = [];
  const work = async (): Promise<void> => {
    for (let pid = pids.pop(); pid !== undefined; pid = pids.pop()) {
      const info = await readProcess(proc, pid, commandLines);
      if (info !== null) found.push(info);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
  return found;
}

async function readProcess(proc: string, pid: number, commandLine: boolean): Promise<ProcessInfo | null> {
  try {
    const stat = parseStat(await readStart(`${proc}/${pid}/stat`));
    if (stat === null) return null;
    return { pid, comm: stat, argv: commandLine ? parseCommandLine(await readStart(`${proc}/${pid}/cmdline`)) : null };
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'EIO';
    // It ended meanwhile, or /proc is mounted with hidepid: for us it is not there.
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code)) return null;
    throw new SystemError('read', `${proc}/${pid}`, code, cause);
  }
}

/** `PID (COMM) STATE …`: the name; null for a zombie. COMM may hold brackets and blanks of its own. */
export function parseStat(bytes: Uint8Array): string | null {
  const text = new TextDecoder().decode(bytes);
  const start = text.indexOf('(');
  const end = text.lastIndexOf(')');
  if (start < 0 || end < start) return null;
  const state = text.charAt(end + 2);
  return state === 'Z' || state === 'X' ? null : text.slice(start + 1, end);
}

/** Words with a NUL behind each. */
export function parseCommandLine(bytes: Uint8Array): string[] {
  const text = new TextDecoder().decode(bytes);
  const words = text.split('\0');
  if (words.at(-1) === '') words.pop();
  return words;
}

async function readStart(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const buffer = new Uint8Array(LONGEST);
    const { bytesRead } = await file.read(buffer, 0, LONGEST, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
