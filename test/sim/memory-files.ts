import { SystemError } from '../../lib/system/error.ts';
import type { Files, FifoWriter } from '../../lib/system/files.ts';
import type { Cancel } from '../../lib/util/time.ts';

/** A FIFO of a test: what was written, how much it takes, whether it is open. */
export class MemoryFifo implements FifoWriter {
  readonly created: boolean;
  readonly lines: string[] = [];
  open = true;
  /** A full FIFO loses lines. */
  full = false;
  private readonly unlink: () => void;

  constructor(created: boolean, unlink: () => void) {
    this.created = created;
    this.unlink = unlink;
  }

  write(line: string): boolean {
    if (!this.open) throw new Error('written after close');
    if (this.full) return false;
    this.lines.push(line);
    return true;
  }

  close(): Promise<void> {
    this.open = false;
    if (this.created) this.unlink();
    return Promise.resolve();
  }
}

/** Files in memory. Watchers hear of every write and removal at once; FIFOs are made when opened. */
export class MemoryFiles implements Files {
  readonly files = new Map<string, { text: string; mode: number }>();
  readonly fifos = new Map<string, MemoryFifo>();
  /** Paths whose use fails, with the errno. */
  readonly broken = new Map<string, string>();
  /** Paths that cannot be watched, with the errno. */
  readonly unwatchable = new Map<string, string>();
  private readonly watchers = new Set<{ path: string; changed: () => void }>();

  read(path: string, limit = Infinity): Promise<Uint8Array> {
    return this.attempt('read', path, () => {
      const file = this.files.get(path);
      if (file === undefined) throw new SystemError('read', path, 'ENOENT');
      return new TextEncoder().encode(file.text).subarray(0, limit);
    });
  }

  put(path: string, text: string, { mode, overwrite }: { mode: number; overwrite: boolean }): Promise<void> {
    const known = this.files.get(path);
    if (known !== undefined && !overwrite) return this.attempt('write', path, () => undefined);
    return this.write(path, text, known?.mode ?? mode);
  }

  write(path: string, text: string, mode: number): Promise<void> {
    return this.attempt('write', path, () => {
      this.files.set(path, { text, mode });
      this.tell(path);
    });
  }

  remove(path: string): Promise<void> {
    return this.attempt('remove', path, () => {
      if (!this.files.delete(path)) throw new SystemError('remove', path, 'ENOENT');
      this.tell(path);
    });
  }

  watch(path: string, changed: () => void): Cancel {
    const code = this.unwatchable.get(path);
    if (code !== undefined) throw new SystemError('watch', path, code);
    const watcher = { path, changed };
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  openFifo(path: string): Promise<FifoWriter> {
    return this.attempt('openFifo', path, () => {
      if (this.files.has(path)) throw new SystemError('openFifo', path, 'EEXIST', 'it is not a FIFO');
      const created = !this.fifos.has(path);
      const fifo = new MemoryFifo(created, () => this.fifos.delete(path));
      this.fifos.set(path, fifo);
      return fifo;
    });
  }

  /** How many watches are set: none may be left when a test is over. */
  watching(): number {
    return this.watchers.size;
  }

  private tell(path: string): void {
    for (const watcher of this.watchers) if (watcher.path === path) watcher.changed();
  }

  private attempt<T>(operation: string, path: string, work: () => T): Promise<T> {
    return new Promise((resolve) => {
      const code = this.broken.get(path);
      if (code !== undefined) throw new SystemError(operation, path, code);
      resolve(work());
    });
  }
}
