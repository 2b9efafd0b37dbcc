import type { Cancel } from '../util/time.ts';
import type { SystemError } from './error.ts';

/** A process that runs; zombies and the kernel's own threads have an empty `argv`. */
export interface ProcessInfo {
  readonly pid: number;
  /** Its name, at most 15 characters. */
  readonly comm: string;
  /** Its command line in words; null when it was not asked for. */
  readonly argv: readonly string[] | null;
}

export type ProcessEvent =
  /** The kernel tells: from now on nothing is missed. */
  | { readonly type: 'listening' }
  | { readonly type: 'fork'; readonly pid: number; readonly parent: number }
  | { readonly type: 'exec'; readonly pid: number }
  | { readonly type: 'renamed'; readonly pid: number; readonly comm: string }
  | { readonly type: 'exit'; readonly pid: number }
  /** Events were lost: who is there must be looked up again. */
  | { readonly type: 'lost' };

export interface ProcessWatchOptions {
  /** Bytes of the receive buffer, `force` beyond the system's limit; null: the kernel's own. */
  readonly buffer: { readonly bytes: number; readonly force: boolean } | null;
}

/** The processes of this machine (of this pid namespace). */
export interface Processes {
  /** All that run, a few looked at at a time; those that end meanwhile are left out. */
  list(commandLines: boolean): Promise<readonly ProcessInfo[]>;
  /** One of them; null when it does not run any more. */
  read(pid: number, commandLine: boolean): Promise<ProcessInfo | null>;
  /**
   * From now on what the kernel tells. `failed` hears of an end that was not asked for. Throws SystemError where the kernel
   * refuses; in a container it may just never say 'listening'.
   */
  watch(options: ProcessWatchOptions, heard: (event: ProcessEvent) => void, failed: (cause: SystemError) => void): Cancel;
}
