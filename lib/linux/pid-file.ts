import { closeSync, fchmodSync, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { SystemError } from '../system/error.ts';
import { errnoName, F_OFD_SETLK, fcntlLock } from './libc.ts';

/** A pid file that is held: `PID\n`, mode 0644, with a write lock as long as the process lives. */
export interface PidFile {
  readonly path: string;
  /** Unlinks it. */
  remove(): void;
}

/**
 * Takes the pid file (F_OFD_SETLK, fcntl(2)). A file left by a process that is gone is taken over: its lock went with it.
 * Throws SystemError: EAGAIN when a living daemon holds it, else what open(2) said. Used at the start, before anything is
 * advertised.
 */
export function takePidFile(path: string, pid: number): PidFile {
  let fd: number;
  try {
    fd = openSync(path, 'a+', 0o644);
  } catch (cause) {
    throw new SystemError('open', path, cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause), cause);
  }
  if (fcntlLock(fd, F_OFD_SETLK, writeLock()) < 0) {
    const code = errnoName();
    closeSync(fd);
    throw new SystemError('lock', path, code === 'EACCES' ? 'EAGAIN' : code);
  }
  // Whatever our umask is: monitors read it.
  fchmodSync(fd, 0o644);
  ftruncateSync(fd);
  writeSync(fd, `${pid}\n`);
  return {
    path,
    remove() {
      unlinkSync(path);
      closeSync(fd);
    },
  };
}

/** struct flock: l_type F_WRLCK, whole file. */
function writeLock(): Uint8Array {
  const flock = new Uint8Array(32);
  new DataView(flock.buffer).setInt16(0, 1, new Uint8Array(new Uint16Array([1]).buffer)[0] === 1);
  return flock;
}
