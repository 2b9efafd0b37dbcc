/** The files that signals ask for: keepalived's names, in TMPDIR or /tmp. */
import type { Config } from '../config/model.ts';
import type { CheckDaemon } from '../daemon/balance/check-daemon.ts';
import type { Daemon } from '../daemon/daemon.ts';
import type { Log } from '../daemon/log/log.ts';
import { renderBfd } from '../daemon/report/bfd.ts';
import { renderCheckData } from '../daemon/report/check-data.ts';
import { renderCheckJson } from '../daemon/report/fullnat.ts';
import { renderData, renderParentData } from '../daemon/report/data.ts';
import { renderJson } from '../daemon/report/json.ts';
import { renderStats } from '../daemon/report/stats.ts';
import type { Files } from '../system/files.ts';
import { SystemError } from '../system/error.ts';
import { needsVrrp } from '../vrrp/desired.ts';

export type DumpKind = 'data' | 'stats' | 'json';

/** keepalived_check.data of the checking process, or its figures in keepalived_check.json. */
export async function writeCheckerDump(kind: 'data' | 'json', daemon: CheckDaemon, umask: number | null, files: Files, log: Log): Promise<void> {
  const { config } = daemon;
  const directory = dumpDirectory(process.env['TMPDIR']);
  const mode = 0o666 & ~(umask ?? config.global.umask);
  if (kind === 'json') await write('checker json', `${directory}/keepalived_check.json`, renderCheckJson(daemon.fullnat), mode, files, log);
  else await write('checker data', statePath(config, directory, '_check'), renderCheckData(config, daemon.standings, daemon.checkers(), daemon.fullnat), mode, files, log);
}

/** Writes the dump beside the daemon's work; a failure is logged. Files are made anew and renamed, so no link is followed. */
export async function writeDump(kind: DumpKind, daemon: Daemon, files: Files, log: Log): Promise<void> {
  const status = daemon.status();
  const directory = dumpDirectory(process.env['TMPDIR']);
  const { config } = daemon;
  const mode = 0o666 & ~status.global.umask;
  for (const [said, path, text] of dumps(kind, status, config, directory)) await write(said, path, text, mode, files, log);
}

async function write(said: string, path: string, text: string, mode: number, files: Files, log: Log): Promise<void> {
  log.info(`Printing ${said} for process(${process.pid}) on signal`);
  try {
    await files.write(path, text, mode);
  } catch (cause) {
    if (!(cause instanceof SystemError)) throw cause;
    log.error(`Can't open dump file ${path}: ${cause.code}`);
  }
}

function dumps(kind: DumpKind, status: ReturnType<Daemon['status']>, config: Config, directory: string): (readonly [string, string, string])[] {
  // keepalived has no VRRP process then.
  const vrrp = needsVrrp(config);
  switch (kind) {
    case 'data':
      return [
        ['parent data', statePath(config, directory, '_parent'), renderParentData(status)],
        ...(vrrp ? [['VRRP data', statePath(config, directory, ''), renderData(status)] as const] : []),
        ...(status.bfd.sessions.length > 0 ? [['BFD data', statePath(config, directory, '_bfd'), renderBfd(status)] as const] : []),
      ];
    case 'stats':
      return !vrrp ? [] : [['VRRP stats', `${directory}/keepalived.stats`, renderStats(status)]];
    case 'json':
      return !vrrp ? [] : [['VRRP json', `${directory}/keepalived.json`, renderJson(status, config.settings.json_version === 2 ? 2 : 1)]];
  }
}

/**
 * Where a process' state dump goes: state_dump_file, of which an absolute path names the directory too and one that ends in `/`
 * nothing else; the process' suffix stands before the last dot, and with data_use_instance namespace and instance behind it.
 */
export function statePath({ settings, process: { namespace, instance } }: Pick<Config, 'settings' | 'process'>, directory: string, suffix: string): string {
  const given = settings.state_dump_file ?? '';
  const slash = given.lastIndexOf('/');
  const base = given.startsWith('/') ? given.slice(0, slash) : [directory, ...(slash < 0 ? [] : [given.slice(0, slash)])].join('/');
  const name = given.slice(slash + 1) === '' ? 'keepalived.data' : given.slice(slash + 1);
  const dot = name.includes('.') ? name.lastIndexOf('.') : name.length;
  const names = [namespace, instance].filter((one) => one !== null);
  const whose = settings.data_use_instance === true && names.length > 0 ? `.${names.join('_')}` : '';
  return `${base}/${name.slice(0, dot)}${suffix}${whose}${name.slice(dot)}`;
}

/** TMPDIR counts when it is absolute. */
function dumpDirectory(tmpdir: string | undefined): string {
  return tmpdir?.startsWith('/') === true ? tmpdir.replace(/\/+$/u, '') : '/tmp';
}
