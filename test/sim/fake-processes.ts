import { SystemError } from '../../lib/system/error.ts';
import type { ProcessEvent, Processes, ProcessInfo } from '../../lib/system/processes.ts';
import type { Cancel } from '../../lib/util/time.ts';

/** The processes of a simulated machine, and what the kernel tells of them. */
export class FakeProcesses implements Processes {
  readonly running = new Map<number, readonly string[]>();
  /** How often all were looked through, and single ones. */
  looks = 0;
  reads = 0;
  /** The kernel refuses to tell, with this errno. */
  refuses: string | null = null;
  /** The kernel never says that it tells. */
  silent = false;
  /** /proc cannot be listed, with this errno. */
  unlisted: string | null = null;
  private readonly listeners = new Set<{ heard: (event: ProcessEvent) => void; failed: (cause: SystemError) => void }>();
  private next = 100;

  list(commandLines: boolean): Promise<readonly ProcessInfo[]> {
    this.looks++;
    if (this.unlisted !== null) return Promise.reject(new SystemError('list', '/proc', this.unlisted));
    return Promise.resolve([...this.running].map(([pid, argv]) => info(pid, argv, commandLines)));
  }

  read(pid: number, commandLine: boolean): Promise<ProcessInfo | null> {
    this.reads++;
    const argv = this.running.get(pid);
    return Promise.resolve(argv === undefined ? null : info(pid, argv, commandLine));
  }

  watch(_: unknown, heard: (event: ProcessEvent) => void, failed: (cause: SystemError) => void): Cancel {
    if (this.refuses !== null) throw new SystemError('ask for', 'process events', this.refuses);
    const listener = { heard, failed };
    this.listeners.add(listener);
    if (!this.silent) queueMicrotask(() => { if (this.listeners.has(listener)) heard({ type: 'listening' }); });
    return () => this.listeners.delete(listener);
  }

  /** A program starts: a fork of something else, then exec. */
  start(...argv: string[]): number {
    const pid = this.next++;
    this.running.set(pid, argv);
    this.tell({ type: 'fork', pid, parent: 1 });
    this.tell({ type: 'exec', pid });
    return pid;
  }

  /** It forks a copy of itself. */
  fork(parent: number): number {
    const pid = this.next++;
    this.running.set(pid, this.running.get(parent) ?? []);
    this.tell({ type: 'fork', pid, parent });
    return pid;
  }

  exec(pid: number, ...argv: string[]): void {
    this.running.set(pid, argv);
    this.tell({ type: 'exec', pid });
  }

  end(pid: number): void {
    this.running.delete(pid);
    this.tell({ type: 'exit', pid });
  }

  tell(event: ProcessEvent): void {
    for (const { heard } of this.listeners) heard(event);
  }

  /** The kernel's socket dies. */
  fail(code: string): void {
    for (const listener of this.listeners) {
      this.listeners.delete(listener);
      listener.failed(new SystemError('receive', 'process events', code));
    }
  }

  listening(): number {
    return this.listeners.size;
  }
}

function info(pid: number, argv: readonly string[], commandLine: boolean): ProcessInfo {
  return { pid, comm: (argv[0] ?? '').replace(/^.*\//u, '').slice(0, 15), argv: commandLine ? argv : null };
}
