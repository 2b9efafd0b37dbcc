import type { TrackFile } from '../config/model-network.ts';
import { SystemError } from '../system/error.ts';
import type { Clock } from '../system/clock.ts';
import type { Files } from '../system/files.ts';
import type { Cancel, Millis } from '../util/time.ts';
import { fileNumber } from '../vrrp/file-tracker.ts';
import type { Log } from './log/log.ts';

/** A number stands at the beginning; nothing behind this is looked at. */
const READ_LIMIT = 256;
/** Pause before a directory that could not be watched is tried again. */
const WATCH_AGAIN: Millis = 5000;
/** Before the umask, which makes it rw-------. */
const INIT_MODE = 0o666;

interface Entry {
  file: TrackFile;
  value: number;
  unwatch: Cancel;
  /** The reading under way, and whether the file has changed since it began. */
  reading: Promise<void> | null;
  again: boolean;
  /** What was last said of it, so that a trouble that stays is told once. */
  said: string | null;
}

/**
 * The numbers in tracked files: read at first and after each change, never on anybody's time. A file may be missing, come,
 * go, be replaced by rename, or hold anything; its directory too may come later.
 */
export class FileTracker {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #changed: (name: string) => void;
  readonly #entries = new Map<string, Entry>();

  constructor(files: Files, clock: Clock, log: Log, changed: (name: string) => void) {
    this.#files = files;
    this.#clock = clock;
    this.#log = log;
    this.#changed = changed;
  }

  /** Tracks these too; resolves when each new one was read. One with the same path keeps its number. */
  async track(files: readonly TrackFile[]): Promise<void> {
    await Promise.all(files.map(async (file) => {
      const known = this.#entries.get(file.name);
      if (known?.file.path === file.path) known.file = file;
      else await this.#begin(file, known);
    }));
  }

  /** From now on no others than these. */
  keep(files: readonly TrackFile[]): void {
    const wanted = new Set(files.map((file) => file.name));
    for (const [name, entry] of this.#entries) if (!wanted.has(name)) this.#drop(name, entry);
  }

  /** The number in it; 0 while there is none. */
  value(name: string): number {
    return this.#entries.get(name)?.value ?? 0;
  }

  all(): { file: TrackFile; value: number }[] {
    return [...this.#entries.values()].map(({ file, value }) => ({ file, value }));
  }

  close(): void {
    this.keep([]);
  }

  async #begin(file: TrackFile, before: Entry | undefined): Promise<void> {
    before?.unwatch();
    // The old number stands until the new file is read.
    const entry: Entry = { file, value: before?.value ?? 0, unwatch: () => undefined, reading: null, again: false, said: null };
    this.#entries.set(file.name, entry);
    if (file.init !== null) await this.#init(entry, file.init);
    this.#watch(entry);
    await this.#read(entry);
  }

  async #init({ file }: Entry, { value, overwrite }: { value: number; overwrite: boolean }): Promise<void> {
    try {
      await this.#files.put(file.path, `${value}\n`, { mode: INIT_MODE, overwrite });
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      this.#log.warn(`Unable to create track file ${file.path}: ${cause.code}`);
    }
  }

  #watch(entry: Entry): void {
    if (!this.#isTracked(entry)) return;
    try {
      entry.unwatch = this.#files.watch(entry.file.path, () => { void this.#read(entry); });
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      const why = cause.code === 'ENOENT' ? 'does not exist' : `cannot be watched (${cause.code})`;
      this.#say(entry, `Track file directory for ${entry.file.name} ${why}; looking again every ${WATCH_AGAIN / 1000} s`);
      entry.unwatch = this.#clock.at(this.#clock.now() + WATCH_AGAIN, () => {
        this.#watch(entry);
        void this.#read(entry);
      });
    }
  }

  /** One reading at a time; a change during it asks for one more. */
  #read(entry: Entry): Promise<void> {
    entry.again = entry.reading !== null;
    entry.reading ??= this.#readOnce(entry).finally(() => {
      entry.reading = null;
      if (entry.again && this.#isTracked(entry)) return this.#read(entry);
      return undefined;
    });
    return entry.reading;
  }

  async #readOnce(entry: Entry): Promise<void> {
    let text: string;
    try {
      text = new TextDecoder('latin1').decode(await this.#files.read(entry.file.path, READ_LIMIT));
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      if (cause.code !== 'ENOENT') this.#say(entry, `Unable to read track file ${entry.file.path}: ${cause.code}; it counts as 0`);
      return this.#take(entry, 0);
    }
    const number = fileNumber(text);
    // keepalived's: the number before it stands.
    if (!number.ok) return this.#log.info(`Invalid number ${number.text} read from ${entry.file.path} - ignoring`);
    entry.said = null;
    this.#take(entry, number.value);
  }

  #take(entry: Entry, value: number): void {
    if (!this.#isTracked(entry) || value === entry.value) return;
    entry.value = value;
    this.#changed(entry.file.name);
  }

  #drop(name: string, entry: Entry): void {
    this.#entries.delete(name);
    entry.unwatch();
  }

  #isTracked(entry: Entry): boolean {
    return this.#entries.get(entry.file.name) === entry;
  }

  #say(entry: Entry, text: string): void {
    if (entry.said !== text) this.#log.warn(text);
    entry.said = text;
  }
}
