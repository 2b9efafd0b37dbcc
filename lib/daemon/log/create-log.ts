import { pino } from 'pino';
import { consoleLine, syslogLine } from './format.ts';
import type { Fields, Log, LogLevel } from './log.ts';
import type { LineWriter } from './writer.ts';

/** Sends one datagram to the syslog daemon (/dev/log) without waiting; false when it was not taken. */
export interface DatagramSender {
  send(datagram: Uint8Array): boolean;
}

export interface LogOptions {
  /** Lines below it are not made at all. `-D` is 'detail'. */
  readonly level: LogLevel;
  /** Console and file: keepalived's text, or pino's JSON, one object a line. Syslog always gets text. */
  readonly format: 'text' | 'json';
  /** `Keepalived`, `Keepalived_vrrp`, with `_NAMESPACE` and `_INSTANCE` where set. */
  readonly ident: string;
  readonly pid: number;
  /** Syslog facility number, see parseFacility; keepalived's default is 3, daemon. */
  readonly facility: number;
  /** Milliseconds since the epoch. */
  readonly wall: () => number;
  /** stderr (`-l`) and the log file (`-g`), whichever there are. */
  readonly writers: readonly LineWriter[];
  /** null: no syslog (`-G`). */
  readonly syslog: DatagramSender | null;
}

export interface DaemonLog extends Log {
  /** Writes what is buffered, for at most `graceMs`; console and file take nothing more. */
  close(graceMs: number): Promise<void>;
  /** From now on it goes by another name. */
  rename(ident: string): void;
  /** As close, but before it returns; for the last words of a dying process. */
  flushNow(): void;
}

/** What our stream reads back from pino's line. */
interface Line {
  readonly level: LogLevel;
  readonly time: number;
  readonly msg: string;
}

/** The daemon's log on pino: data as fields in JSON, keepalived's wording as text; neither waits for a reader. */
export function createLog(options: LogOptions): DaemonLog {
  let unsent = 0;
  let { ident } = options;
  const stream = {
    write(json: string): void {
      const line = JSON.parse(json) as Line;
      const lost = options.writers.reduce((sum, writer) => sum + writer.takeLost(), 0);
      for (const writer of options.writers) {
        if (lost > 0 && options.format === 'text') writer.write(`${consoleLine(line.time, `${String(lost)} log lines lost: the reader is too slow`)}\n`);
        writer.write(options.format === 'json' ? json : `${consoleLine(line.time, line.msg)}\n`);
      }
      if (options.syslog !== null) {
        if (unsent > 0 && post('warn', line.time, `${String(unsent)} log lines lost: syslog did not take them`)) unsent = 0;
        if (!post(line.level, line.time, line.msg)) unsent++;
      }
    },
  };
  function post(level: LogLevel, wall: number, text: string): boolean {
    return options.syslog?.send(Buffer.from(syslogLine(wall, level, options.facility, ident, options.pid, text))) ?? true;
  }
  const root = pino(
    {
      level: options.level,
      customLevels: { detail: 25 },
      base: null,
      mixin: () => ({ ident, pid: options.pid }),
      timestamp: () => `,"time":${String(options.wall())}`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return {
    ...wrap(root),
    async close(graceMs) {
      await Promise.all(options.writers.map((writer) => writer.close(graceMs)));
    },
    rename(name) {
      ident = name;
    },
    flushNow() {
      for (const writer of options.writers) writer.flushNow();
    },
  };
}

function wrap(logger: pino.Logger<'detail'>): Log {
  const say =
    (level: LogLevel) =>
    (text: string, fields: Fields = {}): void => {
      logger[level](fields, text);
    };
  return {
    error: say('error'),
    warn: say('warn'),
    info: say('info'),
    detail: say('detail'),
    debug: say('debug'),
    child: (name) => wrap(logger.child({ name })),
  };
}
