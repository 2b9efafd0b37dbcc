import { chmodSync, existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ProcessSettings } from '../config/model-network.ts';
import type { Settings } from './settings.ts';

/** Of use_pid_dir, instance and namespaces. */
export const PID_DIRECTORY = '/run/keepalived';
const RUN = '/run';

/** The settings that say where a pid file is, with keepalived's name for it. */
export const PID_FILES = { pidFile: 'keepalived', vrrpPidFile: 'vrrp', checkersPidFile: 'checkers', bfdPidFile: 'bfd' } as const;
export type PidFileSetting = keyof typeof PID_FILES;

/** Where a pid file is that no option names (reference 1.4). */
export function defaultPidFile(which: PidFileSetting, process: Pick<ProcessSettings, 'instance' | 'usePidDir'>, namespace: string | null): string {
  const { instance, usePidDir } = process;
  const directory = instance !== null || usePidDir || namespace !== null ? PID_DIRECTORY : RUN;
  return `${directory}/${PID_FILES[which]}${instance === null ? '' : `_${instance}`}.pid`;
}

/** The settings with pid files where the configuration has them; those that options name stay. */
export function placedPidFiles(settings: Settings, process: Pick<ProcessSettings, 'instance' | 'usePidDir'>, namespace: string | null): Settings {
  const places = (Object.keys(PID_FILES) as PidFileSetting[]).filter((which) => !settings.pidOptions.includes(which))
    .map((which) => [which, defaultPidFile(which, process, namespace)] as const);
  return { ...settings, ...Object.fromEntries(places) };
}

/** Makes the directory of pid files if it is one of keepalived's. Throws what mkdir(2) says. */
export function makePidDirectory(path: string): void {
  if (dirname(path) !== PID_DIRECTORY || existsSync(PID_DIRECTORY)) return;
  mkdirSync(PID_DIRECTORY);
  // Whatever our umask is: monitors read what is in it.
  chmodSync(PID_DIRECTORY, 0o755);
}

/** At the end, when nobody has anything in it any more. */
export function removePidDirectory(path: string): void {
  if (dirname(path) !== PID_DIRECTORY) return;
  try {
    rmdirSync(PID_DIRECTORY);
  } catch {
    // Another daemon's pid files are in it, or it is a mount point, or another daemon was faster.
  }
}

/** `Keepalived_vrrp`, with `_NAMESPACE` and `_INSTANCE` where set. */
export function identOf(base: string, instance: string | null, namespace: string | null): string {
  return [base, namespace, instance].filter((part) => part !== null).join('_');
}
