import type { Daemon } from '../daemon/daemon.ts';
import type { Log } from '../daemon/log/log.ts';
import type { Settings } from './settings.ts';
export async function writeDump(kind: 'data' | 'stats' | 'json', daemon: Daemon, settings: Settings, log: Log): Promise<void> {
  await Promise.resolve(); log.info(`dump ${kind} ${String(daemon.config.instances.length)} ${settings.pidFile}`);
}
