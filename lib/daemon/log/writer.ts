import { openSync } from 'node:fs';
import { pino } from 'pino';

/** Where lines go. */
export interface LineWriter {
  /** Takes a line with its newline and returns at once. A line that finds the buffer full is lost and counted. */
  write(line: string): void;
  /** Lines lost since this was last asked. */
  takeLost(): number;
  /** Writes what is buffered, for at most `graceMs`; takes nothing more. */
  close(graceMs: number): Promise<void>;
  /** Writes what is buffered before it returns: for the last words of a dying process. */
  flushNow(): void;
}

/** What waits for a slow reader of our stderr, in characters; beyond it lines are lost rather than memory. */
const MAX_BUFFER = 1 << 20;

/** Lines to an open descriptor. A console that is gone (EPIPE) costs lines, never the daemon. */
export function openWriter(fd: number): LineWriter {
  const stream = pino.destination({ dest: fd, sync: false, minLength: 0, maxLength: MAX_BUFFER });
  let lost = 0;
  let broken = false;
  stream.on('drop', () => lost++);
  stream.on('error', () => {
    broken = true;
    lost++;
  });
  return {
    write(line) {
      if (broken) lost++;
      else stream.write(line);
    },
    takeLost() {
      const count = lost;
      lost = 0;
      return count;
    },
    close: (graceMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, graceMs);
        const done = (): void => {
          clearTimeout(timer);
          resolve();
        };
        // Its flush does not wait for a write that is under way; its end does.
        stream.once('close', done).once('error', done);
        if (broken) done();
        else stream.end();
        broken = true;
      }),
    flushNow() {
      try {
        if (!broken) stream.flushSync();
      } catch {
        broken = true; // nobody is left to be told
      }
    },
  };
}

/** Lines appended to a file, which is made when missing. Throws Node's own error when it cannot be opened. */
export function openLogFile(path: string): LineWriter {
  return openWriter(openSync(path, 'a', 0o644));
}
