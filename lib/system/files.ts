import type { Cancel } from '../util/time.ts';

/** Small files, off the main path: none of these blocks the event loop. All reject with SystemError. */
export interface Files {
  /** All of it, or its first `limit` bytes. */
  read(path: string, limit?: number): Promise<Uint8Array>;
  /** Writes a new file beside it and renames it over `path`. */
  write(path: string, text: string, mode: number): Promise<void>;
  /** Writes into the file where it stands, its owner and mode unchanged, making it if it is missing; without `overwrite` one that is there stays as it is. */
  put(path: string, text: string, options: { readonly mode: number; readonly overwrite: boolean }): Promise<void>;
  remove(path: string): Promise<void>;
  /** `changed` after each close-for-writing, creation, removal or rename of `path` (which need not exist). */
  watch(path: string, changed: () => void): Cancel;
  /** Opens (creating it as rw-r--r-- if missing) a FIFO for non-blocking writing; refuses what is not a FIFO, a symlink, or another user's. */
  openFifo(path: string, owner: { readonly user: string | null; readonly group: string | null }): Promise<FifoWriter>;
}

export interface FifoWriter {
  /** True when this call made the FIFO. */
  readonly created: boolean;
  /** Writes the line at once; false when the FIFO is full and the line is lost. */
  write(line: string): boolean;
  /** Closes; unlinks what it created. */
  close(): Promise<void>;
}
