import { SystemError } from '../../lib/system/error.ts';
import type { Sysctls } from '../../lib/system/sysctls.ts';

/** Kernel parameters in memory: only those that a test has put there exist. */
export class FakeSysctls implements Sysctls {
  readonly values = new Map<string, string>();
  /** Writes, in their order: `PATH VALUE`. */
  readonly written: string[] = [];
  /** Operations on these paths fail with this errno. */
  readonly broken = new Map<string, string>();

  read(path: string): Promise<string> {
    const value = this.values.get(path);
    if (this.broken.has(path) || value === undefined) return Promise.reject(new SystemError('read', `sysctl ${path}`, this.broken.get(path) ?? 'ENOENT'));
    return Promise.resolve(value);
  }

  write(path: string, value: string): Promise<void> {
    if (this.broken.has(path) || !this.values.has(path)) return Promise.reject(new SystemError('write', `sysctl ${path}`, this.broken.get(path) ?? 'ENOENT'));
    this.values.set(path, value);
    this.written.push(`${path} ${value}`);
    return Promise.resolve();
  }
}
