import type { Fields, Log, LogLevel } from '../../lib/daemon/log/log.ts';

export interface RecordedLine {
  readonly level: LogLevel;
  readonly text: string;
  readonly fields: Fields;
  /** The child's name, '' for the root. */
  readonly name: string;
}

/** A Log that keeps its lines for a test to look at. Children write into the same list. */
export class RecordingLog implements Log {
  readonly lines: RecordedLine[];
  private readonly name: string;

  constructor(lines: RecordedLine[] = [], name = '') {
    this.lines = lines;
    this.name = name;
  }

  /** The texts, of one level or of all. */
  texts(level?: LogLevel): string[] {
    return this.lines.filter((line) => level === undefined || line.level === level).map((line) => line.text);
  }

  error(text: string, fields?: Fields): void {
    this.add('error', text, fields);
  }

  warn(text: string, fields?: Fields): void {
    this.add('warn', text, fields);
  }

  info(text: string, fields?: Fields): void {
    this.add('info', text, fields);
  }

  detail(text: string, fields?: Fields): void {
    this.add('detail', text, fields);
  }

  debug(text: string, fields?: Fields): void {
    this.add('debug', text, fields);
  }

  child(name: string): Log {
    return new RecordingLog(this.lines, name);
  }

  private add(level: LogLevel, text: string, fields: Fields = {}): void {
    this.lines.push({ level, text, fields, name: this.name });
  }
}
