import type { Context } from 'mocha';
import { spawnSync } from 'node:child_process';
import { inPath, requirePrograms, requireRoot, skip } from '../needs.ts';

/** Skips where no lab can be made: no root, no tools, no right to make namespaces, nobody to capture. */
export function requireLab(test: Context, needs: { readonly witness: boolean } = { witness: true }): void {
  requireRoot(test);
  requirePrograms(test, 'ip', 'unshare', 'nsenter', 'setpriv', 'bash');
  const made = spawnSync('unshare', ['--net', '--mount', '--pid', '--fork', '--mount-proc', 'true'], { encoding: 'utf8' });
  if (made.status !== 0) skip(test, `namespaces cannot be made here: ${made.stderr.trim()}`);
  if (needs.witness && !inPath('tcpdump') && !capLoads()) skip(test, 'nobody to capture: neither the cap package (libpcap-dev at npm ci) nor tcpdump');
}

function capLoads(): boolean {
  // In a process of its own, as everything with cap.
  return spawnSync(process.execPath, ['-e', `require('cap')`], { cwd: import.meta.dirname, stdio: 'ignore' }).status === 0;
}
