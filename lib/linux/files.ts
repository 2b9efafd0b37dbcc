import { constants, writeSync } from 'node:fs';
import { chown, open, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import type { FifoWriter, Files } from '../system/files.ts';
import { SystemError } from '../system/error.ts';
import { Inotify } from './inotify.ts';
import { check, mkfifo } from './libc.ts';
import { resolveGroup, resolveIds } from './users.ts';

export interface LinuxFiles extends Files {
  close(): void;
}

/** Files by Node's thread pool; only the write of a line into a FIFO happens in the loop's own thread, and does not block. */
export function linuxFiles(): LinuxFiles {
  let inotify: Inotify | null = null;
  return {
    read: (path, limit) => named('read', path, () => (limit === undefined ? readFile(path) : readStart(path, limit))),
    put: (path, text, { mode, overwrite }) => named('write', path, () => put(path, text, mode, overwrite)),
    write: (path, text, mode) => named('write', path, () => replaceFile(path, text, mode)),
    remove: (path) => named('remove', path, () => unlink(path)),
    watch: (path, changed) => (inotify ??= new Inotify()).watch(path, changed),
    openFifo: (path, owner) => named('open FIFO', path, () => openFifo(path, owner)),
    close() {
      inotify?.close();
      inotify = null;
    },
  };
}

/** pipe(7): a write of up to PIPE_BUF bytes goes into a pipe as a whole or not at all. */
const PIPE_BUF = 4096;
const FIFO_MODE = 0o644;

/** Also of what is no ordinary file, without waiting for anybody to write into it. */
async function readStart(path: string, limit: number): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(limit), 0, limit, null);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function put(path: string, text: string, mode: number, overwrite: boolean): Promise<void> {
  let file;
  try {
    file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOFOLLOW | (overwrite ? 0 : constants.O_EXCL), mode);
  } catch (cause) {
    if (!overwrite && (cause as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw cause;
  }
  try {
    if (!(await file.stat()).isFile()) throw new SystemError('write', `${path}, which is no ordinary file,`, 'EINVAL');
    await file.truncate(0);
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}

/** Distinguishes two writes of the same file that are under way together. */
let writes = 0;

async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const beside = `${path}.${process.pid}-${++writes}.new`;
  try {
    await writeFile(beside, text, { mode, flag: 'wx' });
    await rename(beside, path);
  } catch (cause) {
    // Left from a process of the same number that was killed while writing, or made by us just now: of no use to anybody.
    await unlink(beside).catch((missing: NodeJS.ErrnoException) => {
      if (missing.code !== 'ENOENT') throw missing;
    });
    throw cause;
  }
}

/** Opened for reading too, so that it opens without a reader, and no reader's end makes a write fail (fifo(7)). */
async function openFifo(path: string, owner: { readonly user: string | null; readonly group: string | null }): Promise<FifoWriter> {
  const ids = owner.user === null ? null : resolveIds(owner.user, owner.group);
  const created = makeFifo(path);
  const file = await open(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const status = await file.stat();
    if (!status.isFIFO()) throw new SystemError('open FIFO', `${path}, which is something else,`, 'EINVAL');
    if (status.uid !== process.geteuid?.() && status.uid !== ids?.uid) {
      throw new SystemError('open FIFO', `${path}, which belongs to user ${status.uid},`, 'EPERM');
    }
    const gid = ids?.gid ?? (owner.group === null ? null : resolveGroup(owner.group));
    if (created && gid !== null) await chown(path, ids?.uid ?? status.uid, gid);
  } catch (cause) {
    await file.close();
    if (created) await unlink(path);
    throw cause;
  }
  return {
    created,
    write: (line) => writeLine(file.fd, path, line),
    async close() {
      await file.close();
      if (created) await unlink(path);
    },
  };
}

/** True when it was not there. */
function makeFifo(path: string): boolean {
  if (mkfifo(path, FIFO_MODE) === 0) return true;
  try {
    check(-1, 'make FIFO', path);
  } catch (cause) {
    if ((cause as SystemError).code !== 'EEXIST') throw cause;
  }
  return false;
}

function writeLine(fd: number, path: string, line: string): boolean {
  const bytes = Buffer.from(line);
  if (bytes.length > PIPE_BUF) return false;
  try {
    return writeSync(fd, bytes) === bytes.length;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EAGAIN') return false;
    throw new SystemError('write to FIFO', path, code ?? 'EIO', cause);
  }
}

/** Any failure as a SystemError. */
async function named<T>(operation: string, path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof SystemError) throw cause;
    throw new SystemError(operation, path, (cause as NodeJS.ErrnoException).code ?? 'EIO', cause);
  }
}
