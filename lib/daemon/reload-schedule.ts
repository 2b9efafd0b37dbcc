import { SystemError } from '../system/error.ts';
import type { Clock } from '../system/clock.ts';
import type { Files } from '../system/files.ts';
import type { Cancel, Millis } from '../util/time.ts';
import type { Log } from './log/log.ts';

/** reload_time_file and reload_repeat. */
export interface ReloadTimeSettings {
  readonly file: string;
  /** A time without a date stays, for the next day. */
  readonly repeat: boolean;
}

export type ReloadTime =
  | { readonly ok: true; /** ms since the epoch */ readonly at: number; /** Named with its date: once and never again. */ readonly dated: boolean }
  | { readonly ok: false; readonly reason: 'format' | 'past'; readonly text: string };

/** The longest that a timer waits before it looks at the wall clock again: that may be set, or have a summer time. */
const LOOK: Millis = 60_000;
const DAY = 86_400_000;
const READ_LIMIT = 64;
const FORMAT = /^(?:(?<year>\d{2}|\d{4})-(?<month>\d\d)-(?<day>\d\d) )?(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)(?<utc>Z?)$/u;

/**
 * The first line of a reload time file: `HH:MM:SS`, `YY-MM-DD HH:MM:SS` or `YYYY-MM-DD HH:MM:SS`, local time unless `Z` follows
 * (keepalived.conf(5)). A time without a date is the next such time after `now` (ms since the epoch).
 */
export function reloadTime(text: string, now: number): ReloadTime {
  const [line = ''] = text.split('\n');
  const found = FORMAT.exec(line)?.groups;
  const part = (name: string): number => Number(found?.[name] ?? NaN);
  const [hour, minute, second] = [part('hour'), part('minute'), part('second')];
  if (found === undefined || hour > 23 || minute > 59 || second > 59) return { ok: false, reason: 'format', text: line };
  const utc = found['utc'] === 'Z';
  const dated = found['year'] !== undefined;
  const today = new Date(now);
  const year = !dated ? (utc ? today.getUTCFullYear() : today.getFullYear()) : part('year') + (found['year']?.length === 2 ? 2000 : 0);
  const month = !dated ? (utc ? today.getUTCMonth() : today.getMonth()) : part('month') - 1;
  const day = !dated ? (utc ? today.getUTCDate() : today.getDate()) : part('day');
  const on = (date: number): Date => (utc ? new Date(Date.UTC(year, month, date, hour, minute, second)) : new Date(year, month, date, hour, minute, second));
  const at = on(day);
  // The 31st of a short month is none.
  if (dated && ((utc ? at.getUTCDate() : at.getDate()) !== day || (utc ? at.getUTCMonth() : at.getMonth()) !== month)) return { ok: false, reason: 'format', text: line };
  if (at.getTime() > now) return { ok: true, at: at.getTime(), dated };
  return dated ? { ok: false, reason: 'past', text: line } : { ok: true, at: on(day + 1).getTime(), dated };
}

/** Reloads when the file that reload_time_file names says so; what the file says is followed as it changes. */
export class ReloadSchedule {
  readonly #files: Pick<Files, 'read' | 'watch' | 'remove'>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #reload: () => void;
  #settings: ReloadTimeSettings | null = null;
  #unwatch: Cancel = () => undefined;
  #timer: Cancel = () => undefined;

  constructor(files: Pick<Files, 'read' | 'watch' | 'remove'>, clock: Clock, log: Log, reload: () => void) {
    this.#files = files;
    this.#clock = clock;
    this.#log = log;
    this.#reload = reload;
  }

  /** From now on by this file; null: by none. */
  configure(settings: ReloadTimeSettings | null): void {
    const same = settings?.file === this.#settings?.file;
    this.#settings = settings;
    if (same && settings !== null) return;
    this.close();
    if (settings === null) return;
    this.#settings = settings;
    try {
      this.#unwatch = this.#files.watch(settings.file, () => { void this.#look(); });
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      this.#log.warn(`reload_time_file ${settings.file} cannot be watched (${cause.code}); no reload will be scheduled`);
      return;
    }
    void this.#look();
  }

  close(): void {
    this.#settings = null;
    this.#unwatch();
    this.#unwatch = () => undefined;
    this.#timer();
  }

  async #look(): Promise<void> {
    const { file } = this.#settings ?? { file: '' };
    let text: string;
    try {
      text = new TextDecoder('latin1').decode(await this.#files.read(file, READ_LIMIT));
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      if (cause.code !== 'ENOENT') this.#log.warn(`Unable to read reload time file ${file}: ${cause.code}`);
      return this.#timer();
    }
    if (this.#settings?.file !== file) return;
    this.#timer();
    const time = reloadTime(text, this.#clock.wall());
    if (time.ok) return this.#schedule(time);
    if (time.reason === 'format') {
      this.#log.info(`Reload time ${time.text} format is incorrect - ignoring`);
      this.#log.info(`Invalid reload time '${time.text}' specified - ignoring`);
    } else {
      this.#log.info(`Reload time ${time.text} is in the past - ignoring`);
      this.#log.info('Reload date/time is in the past - ignoring');
    }
  }

  #schedule(time: { readonly at: number; readonly dated: boolean }): void {
    this.#log.info(`Scheduling reload for ${localTime(time.at)}`);
    this.#wait(time);
  }

  #wait(time: { readonly at: number; readonly dated: boolean }): void {
    const rest = time.at - this.#clock.wall();
    this.#timer = this.#clock.at(this.#clock.now() + Math.min(Math.max(rest, 0), LOOK), () => {
      if (this.#clock.wall() < time.at) this.#wait(time);
      else this.#due(time);
    });
  }

  #due(time: { readonly at: number; readonly dated: boolean }): void {
    const settings = this.#settings;
    if (settings === null) return;
    if (settings.repeat && !time.dated) this.#schedule({ at: time.at + DAY, dated: false });
    else {
      this.#files.remove(settings.file).catch((cause: unknown) => {
        this.#log.warn(`reload_time_file ${settings.file} was not removed: ${cause instanceof Error ? cause.message : String(cause)}`);
      });
    }
    this.#reload();
  }
}

/** `2026-11-24 00:38:08` */
function localTime(at: number): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
