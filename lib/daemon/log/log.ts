/** What a line is about, as data: goes into the JSON form, never into the text. */
export type Fields = Readonly<Record<string, unknown>>;

/** From loud to quiet-by-default: `detail` is what `-D` adds, `debug` is packets. */
export type LogLevel = 'error' | 'warn' | 'info' | 'detail' | 'debug';

/**
 * What the daemon writes its log with. The text keeps keepalived's wording, since operators and their scripts grep for
 * it; numbers and names besides go into the fields. None of these waits for anything.
 */
export interface Log {
  /** Someone must act. */
  error(text: string, fields?: Fields): void;
  /** Someone may have to act. */
  warn(text: string, fields?: Fields): void;
  /** Transitions, reloads, start and stop. */
  info(text: string, fields?: Fields): void;
  /** What keepalived says only with `-D`. */
  detail(text: string, fields?: Fields): void;
  /** Packets. */
  debug(text: string, fields?: Fields): void;
  /** The same log, with a `name` (of an instance, a script, …) in the fields of each line. */
  child(name: string): Log;
}
