import { createLog, type DaemonLog } from '../daemon/log/create-log.ts';
import { openLogFile, openWriter } from '../daemon/log/writer.ts';
import { unixDatagram } from '../linux/unix-datagram.ts';
import type { Clock } from '../system/clock.ts';
import type { Settings } from './settings.ts';

/** Who logs: the identity in syslog, and what stands in the log file's name for it. */
export interface LogOwner {
  readonly ident: string;
  /** '' for the daemon's own process. */
  readonly suffix: string;
}

export function openLog(settings: Settings, clock: Clock, { ident, suffix }: LogOwner): DaemonLog {
  const writers = [
    ...(settings.console ? [openWriter(2)] : []),
    ...(settings.logFile === null ? [] : [openLogFile(suffixed(settings.logFile, suffix))]),
  ];
  return createLog({
    level: settings.level, format: settings.format, ident, pid: process.pid, facility: settings.facility,
    wall: () => clock.wall(), writers, syslog: settings.syslog ? unixDatagram('/dev/log', clock) : null,
  });
}

/** Before the last dot of the file's name, or at its end (reference 1.1). */
export function suffixed(path: string, suffix: string): string {
  const dot = path.lastIndexOf('.');
  return dot <= path.lastIndexOf('/') ? path + suffix : path.slice(0, dot) + suffix + path.slice(dot);
}
