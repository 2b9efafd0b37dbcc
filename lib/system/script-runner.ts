import type { Millis } from '../util/time.ts';

export interface ScriptOptions {
  /** Then SIGTERM to its process group, SIGKILL 2 s later, given up 10 s after that. null: no limit. */
  readonly timeout: Millis | null;
  /** User and group by name or number; null: as the daemon itself. */
  readonly user: string | null;
  readonly group: string | null;
  /** The user's further groups too. */
  readonly supplementary?: boolean;
}

export type ScriptResult =
  | { readonly type: 'exited'; readonly status: number }
  | { readonly type: 'signalled'; readonly signal: string }
  | { readonly type: 'timed-out' }
  /** It could not be started, or would not die. */
  | { readonly type: 'failed'; readonly reason: string };

export interface RunningScript {
  readonly pid: number | null;
  readonly result: Promise<ScriptResult>;
  /** SIGTERM to the group, SIGKILL after 2 s. */
  stop(): void;
}

/** Child processes: own process group and session, only descriptors 0..2 (on /dev/null), cwd /, killed with the daemon. */
export interface ScriptRunner {
  /** Never throws, never blocks: a failure to start is a result. */
  run(argv: readonly string[], options: ScriptOptions): RunningScript;
}
