import { mkdirSync, readFileSync, statSync } from 'node:fs';

/** Below the state directory; one for each network namespace and pid file, since those tell daemons apart. */
export function journalOf(pidFile: string): { readonly path: string; readonly epoch: string } {
  const { directory, prefix, epoch } = journalPlace();
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch {
    // The journal says so when it cannot write.
  }
  return { path: `${directory}/${prefix}${pidFile.replaceAll('/', '-')}.json`, epoch };
}

/** Where journals of this network namespace are, what their names begin with, and what identifies this boot of it. */
export function journalPlace(): { readonly directory: string; readonly prefix: string; readonly epoch: string } {
  const namespace = statSync('/proc/self/ns/net').ino;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return { directory: process.env['STATE_DIRECTORY'] ?? '/var/lib/tskeepalived', prefix: String(namespace), epoch: `${boot} ${namespace}` };
}
