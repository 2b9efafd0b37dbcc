import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SystemError } from '../system/error.ts';
import type { Sysctls } from '../system/sysctls.ts';

const ROOT = '/proc/sys';

/** Parameters of the network namespace that this process is in. */
export function linuxSysctls(): Sysctls {
  return {
    read: (path) => attempt('read', path, async () => (await readFile(join(ROOT, path), 'utf8')).trimEnd()),
    // No truncation and no new file: a parameter that does not exist is an error.
    write: (path, value) => attempt('write', path, () => writeFile(join(ROOT, path), `${value}\n`, { flag: 'r+' })),
  };
}

async function attempt<T>(operation: string, path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new SystemError(operation, `sysctl ${path}`, code ?? 'EIO', cause);
  }
}
