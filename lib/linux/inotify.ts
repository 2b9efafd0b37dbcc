import { basename, dirname } from 'node:path';
import { SystemError } from '../system/error.ts';
import type { Cancel } from '../util/time.ts';
import { check, close, errnoName, inotifyAddWatch, inotifyInit1, inotifyRmWatch, NATIVE_LITTLE_ENDIAN, pinned, pollReadable, read, SOCK_CLOEXEC, SOCK_NONBLOCK } from './libc.ts';

/** inotify(7) */
const IN_CLOSE_WRITE = 0x8;
const IN_MOVED_FROM = 0x40;
const IN_MOVED_TO = 0x80;
const IN_CREATE = 0x100;
const IN_DELETE = 0x200;
const IN_Q_OVERFLOW = 0x4000;
const IN_IGNORED = 0x8000;
const CHANGES = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE;
const EVENT_HEADER = 16;
const BUFFER_SIZE = 64 * 1024;
/** After the watched directory itself was removed or moved away: how long until it is looked for again. */
const LOOK_AGAIN_AFTER = 1_000;

interface Watched {
  readonly directory: string;
  readonly name: string;
  readonly changed: () => void;
  /** inotify's number for the directory; null while there is none. */
  watch: number | null;
}

/**
 * Files watched through their directories, so that they may be missing, or be replaced by rename. The loop's own fs.watch
 * tells of each write but not of the end of writing, and whoever reads at the first write finds the file empty.
 */
export class Inotify {
  readonly #fd = check(inotifyInit1(SOCK_CLOEXEC | SOCK_NONBLOCK), 'start', 'inotify');
  readonly #buffer = pinned(BUFFER_SIZE);
  readonly #watched = new Set<Watched>();
  readonly #stopPolling: Cancel;
  #again: NodeJS.Timeout | undefined;

  constructor() {
    this.#stopPolling = pollReadable(this.#fd, () => this.#readable());
  }

  /** Throws SystemError when the file's directory cannot be watched (ENOENT, EACCES, ENOSPC). */
  watch(path: string, changed: () => void): Cancel {
    const entry: Watched = { directory: dirname(path), name: basename(path), changed, watch: null };
    entry.watch = check(inotifyAddWatch(this.#fd, entry.directory, CHANGES), 'watch', entry.directory);
    this.#watched.add(entry);
    return () => {
      if (!this.#watched.delete(entry) || entry.watch === null) return;
      if (![...this.#watched].some((other) => other.watch === entry.watch)) inotifyRmWatch(this.#fd, entry.watch);
    };
  }

  close(): void {
    clearTimeout(this.#again);
    this.#watched.clear();
    this.#stopPolling();
    close(this.#fd);
  }

  #readable(): void {
    const size = read(this.#fd, this.#buffer, BUFFER_SIZE);
    if (size < 0) {
      const code = errnoName();
      if (code === 'EAGAIN' || code === 'EINTR') return;
      throw new SystemError('read from', 'inotify', code);
    }
    const changed = new Set<Watched>();
    const view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, size);
    for (let offset = 0; offset + EVENT_HEADER <= size; ) {
      const watch = view.getInt32(offset, NATIVE_LITTLE_ENDIAN);
      const mask = view.getUint32(offset + 4, NATIVE_LITTLE_ENDIAN);
      const length = view.getUint32(offset + 12, NATIVE_LITTLE_ENDIAN);
      const name = this.#buffer.toString('utf8', offset + EVENT_HEADER, offset + EVENT_HEADER + length).replace(/\0.*$/s, '');
      for (const entry of this.#watched) {
        if ((mask & IN_Q_OVERFLOW) !== 0 || (entry.watch === watch && entry.name === name)) changed.add(entry);
        if (entry.watch === watch && (mask & IN_IGNORED) !== 0) {
          entry.watch = null;
          changed.add(entry);
          this.#again ??= setTimeout(() => this.#lookAgain(), LOOK_AGAIN_AFTER);
        }
      }
      offset += EVENT_HEADER + length;
    }
    for (const entry of changed) entry.changed();
  }

  #lookAgain(): void {
    this.#again = undefined;
    for (const entry of this.#watched) {
      if (entry.watch !== null) continue;
      const watch = inotifyAddWatch(this.#fd, entry.directory, CHANGES);
      if (watch < 0) {
        this.#again ??= setTimeout(() => this.#lookAgain(), LOOK_AGAIN_AFTER);
      } else {
        entry.watch = watch;
        entry.changed();
      }
    }
  }
}
