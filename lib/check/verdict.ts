/** What one attempt found out. */
export type Verdict =
  | Found
  /** It could not be made: no descriptor, no such interface, own address not there. Says nothing about the server. */
  | { readonly type: 'unable'; readonly line: string }
  /** A program of MISC_CHECK has ended. */
  | { readonly type: 'script'; readonly end: ScriptEnd };

/** What the server is like. `notes`: log lines besides. */
export type Found =
  /** `matched`: what a URL was judged by, in keepalived's words: `HTTP status code`, `MD5 digest`, `Regex match`. */
  | { readonly type: 'success'; readonly matched: string | null; readonly notes?: readonly string[] }
  /** `reason`: what the checker's log line about it says; null where keepalived has no words for it. */
  | { readonly type: 'failure'; readonly reason: string | null; readonly notes?: readonly string[] };

export type ScriptEnd =
  | { readonly type: 'exited'; readonly status: number }
  | { readonly type: 'signalled'; readonly signal: number }
  | { readonly type: 'timed-out' }
  | { readonly type: 'failed'; readonly reason: string };

/** Whom an attempt is about, for its log lines: `[IP]:tcp:PORT`. */
export interface Subject {
  readonly server: string;
  readonly service: string;
}

/** An attempt under way. `cancel` ends it at once, closes what it has open, and leaves `verdict` unsettled for ever. */
export interface Attempt {
  readonly verdict: Promise<Verdict>;
  cancel(): void;
}

export const SUCCESS: Found = { type: 'success', matched: null };

export function failure(reason: string | null): Found {
  return { type: 'failure', reason };
}
