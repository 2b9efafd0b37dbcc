import type { Context } from 'mocha';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { requirePrograms, skip } from '../needs.ts';
import { PROJECT } from '../netns/daemon.ts';

/** The suite runs in Debian's own kernel under QEMU; `node test/run.mjs` starts it there (test/qemu/qemu-run says how). */
export function requireQemu(test: Context, ...programs: string[]): void {
  if (process.env['QEMU_RUN'] !== '1') {
    const missing = spawnSync(join(PROJECT, 'test/qemu/qemu-run'), ['-n'], { encoding: 'utf8' }).stderr.trim().replace(/^qemu-run: /u, '');
    skip(test, missing === '' ? 'runs in test/qemu/qemu-run alone' : `needs Debian's kernel in QEMU (${missing}): apt-get install qemu-system-x86 qemu-system-common linux-image-cloud-amd64 busybox-static cpio kmod`);
  }
  requirePrograms(test, 'ip', 'sysctl', ...programs);
}

/** Modules that the kernel does not load by itself when they are asked for. */
export function loadModules(...names: string[]): void {
  execFileSync('modprobe', ['-a', ...names]);
}
