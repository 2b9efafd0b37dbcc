import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { until, wallClock } from './wait.ts';

export type DaemonKind = 'ours' | 'keepalived';

/** The command of each. LAB_OURS replaces ours by another command, blank-separated: LAB_OURS=keepalived checks the lab itself. */
export function daemonCommand(kind: DaemonKind): string[] {
  if (kind === 'keepalived') return ['keepalived'];
  const other = process.env['LAB_OURS'];
  return other === undefined ? [process.execPath, join(PROJECT, 'bin', 'tskeepalived.js')] : other.split(' ');
}

/** The directory with package.json, whether this runs from dist/ or not. */
export const PROJECT = ((): string => {
  for (let at = import.meta.dirname; at !== dirname(at); at = dirname(at)) {
    if (existsSync(join(at, 'package.json'))) return at;
  }
  throw new Error(`no package.json above ${import.meta.dirname}`);
})();

export interface LogLine {
  readonly at: number;
  readonly text: string;
}

export interface DaemonEnd {
  readonly status: number | null;
  readonly signal: string | null;
  readonly at: number;
}

/** A daemon running in a node, in the foreground. `child` is what entered the node; the daemon is below it. */
export class Daemon {
  /** What it is, for messages. */
  readonly kind: string;
  readonly node: string;
  readonly started = wallClock();
  readonly log: LogLine[] = [];
  readonly end: Promise<DaemonEnd>;
  private readonly child: ChildProcess;
  private over: DaemonEnd | null = null;
  private lost = false;

  constructor(kind: string, node: string, child: ChildProcess) {
    this.kind = kind;
    this.node = node;
    this.child = child;
    const read = (piece: Buffer): void => {
      for (const text of piece.toString().split('\n')) if (text !== '') this.log.push({ at: wallClock(), text });
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    this.end = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status, signal) => {
        this.over = { status, signal, at: wallClock() };
        resolve(this.over);
      });
    });
    this.end.catch(() => undefined);
  }

  /** Not ended, and not killed by us. */
  get running(): boolean {
    return this.over === null && !this.lost;
  }

  /** Process ids of the daemon and all its descendants, as the test sees them; the daemon's own first. */
  pids(): number[] {
    return this.child.pid === undefined ? [] : descendants(this.child.pid);
  }

  /** SIGTERM to the daemon's parent process; brings when it was sent. */
  terminate(): number {
    return this.signal('SIGTERM');
  }

  signal(name: NodeJS.Signals): number {
    const [pid] = this.pids();
    if (pid === undefined) throw new Error(`${this.kind} in ${this.node} does not run: ${this.tail()}`);
    const at = wallClock();
    process.kill(pid, name);
    return at;
  }

  /** SIGKILL to every process of the daemon at one stroke: the children stopped first, so that none has time to react to the others' death. Brings when. */
  kill(): number {
    const [first, ...children] = this.pids();
    if (first === undefined) throw new Error(`${this.kind} in ${this.node} does not run: ${this.tail()}`);
    this.lost = true;
    // The first is not stopped: nsenter would stop with it and never tell of its end.
    for (const pid of children) killQuietly(pid, 'SIGSTOP');
    const at = wallClock();
    for (const pid of [first, ...children]) killQuietly(pid, 'SIGKILL');
    return at;
  }

  /** The end of the log, for error messages. */
  tail(lines = 30): string {
    return `--- ${this.node} (${this.kind}), last lines:\n${this.log.slice(-lines).map((line) => line.text).join('\n')}`;
  }

  said(pattern: RegExp, since = 0): boolean {
    return this.log.some((line) => line.at >= since && pattern.test(line.text));
  }

  /** Waits for a line of the log that matches; not longer than the daemon lives. */
  async says(pattern: RegExp, bound: number, since = 0): Promise<void> {
    const heard = (): boolean => {
      if (this.said(pattern, since)) return true;
      if (this.over === null) return false;
      throw new Error(`${this.node} ended with ${this.over.status ?? this.over.signal ?? '?'} without saying ${pattern.source}\n${this.tail()}`);
    };
    await until(`${this.node} says ${pattern.source}`, bound, heard, () => this.tail());
  }

  /** Waits for its end. */
  async ended(bound: number): Promise<DaemonEnd> {
    await until(`${this.node} (${this.kind}) ends`, bound, () => this.over !== null, () => this.tail());
    return this.end;
  }
}

/** The processes below `root` (without it), parents before children. */
function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentOf(entry);
    if (parent === null) continue;
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found: number[] = [];
  for (const queue = [...(children.get(root) ?? [])]; queue.length > 0; ) {
    const pid = queue.shift();
    if (pid === undefined) break;
    found.push(pid);
    queue.push(...(children.get(pid) ?? []));
  }
  return found;
}

function parentOf(pid: string): number | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null; // It ended between the listing and now.
  }
  // pid (comm) state ppid …; comm may hold blanks and brackets.
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? null : Number(parent);
}

function killQuietly(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
  }
}
