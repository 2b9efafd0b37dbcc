import { mkdirSync, readFileSync, statSync } from 'node:fs';

/** Below the state directory; one for each network namespace and pid file, since those tell daemons apart. */
export function journalOf(pidFile: string): { readonly path: string; readonly epoch: string } {
  const directory = process.env['STATE_DIRECTORY'] ?? '/var/lib/tskeepalived';
  const namespace = statSync('/proc/self/ns/net').ino;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch {
    // The journal says so when it cannot write.
  }
  return { path: `${directory}/${namespace}${pidFile.replaceAll('/', '-')}.json`, epoch: `${boot} ${namespace}` };
}
