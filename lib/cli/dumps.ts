/** The files that signals ask for: keepalived's names, in TMPDIR or /tmp. */
import type { Daemon } from '../daemon/daemon.ts';
import type { Log } from '../daemon/log/log.ts';
import { renderBfd } from '../daemon/report/bfd.ts';
import { renderData, renderParentData } from '../daemon/report/data.ts';
import { renderJson } from '../daemon/report/json.ts';
import { renderStats } from '../daemon/report/stats.ts';
import type { Files } from '../system/files.ts';
import { SystemError } from '../system/error.ts';

export type DumpKind = 'data' | 'stats' | 'json';

/** Writes the dump beside the daemon's work; a failure is logged. Files are made anew and renamed, so no link is followed. */
export async function writeDump(kind: DumpKind, daemon: Daemon, files: Files, log: Log): Promise<void> {
  const status = daemon.status();
  const directory = dumpDirectory(process.env['TMPDIR']);
  const mode = 0o666 & ~status.global.umask;
  for (const [said, name, text] of dumps(kind, status)) {
    log.info(`Printing ${said} for process(${process.pid}) on signal`);
    try {
      await files.write(`${directory}/${name}`, text, mode);
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      log.error(`Can't open dump file ${directory}/${name}: ${cause.code}`);
    }
  }
}

function dumps(kind: DumpKind, status: ReturnType<Daemon['status']>): (readonly [string, string, string])[] {
  switch (kind) {
    case 'data':
      return [
        ['parent data', 'keepalived_parent.data', renderParentData(status)],
        ['VRRP data', 'keepalived.data', renderData(status)],
        ...(status.bfd.sessions.length > 0 ? [['BFD data', 'keepalived_bfd.data', renderBfd(status)] as const] : []),
      ];
    case 'stats':
      return [['VRRP stats', 'keepalived.stats', renderStats(status)]];
    case 'json':
      return [['VRRP json', 'keepalived.json', renderJson(status, 1)]];
  }
}

/** TMPDIR counts when it is absolute. */
function dumpDirectory(tmpdir: string | undefined): string {
  return tmpdir?.startsWith('/') === true ? tmpdir.replace(/\/+$/u, '') : '/tmp';
}
