import { type Given, UsageError } from './options.ts';
import { defaultPidFile, PID_FILES, type PidFileSetting } from './pid-files.ts';

/** What the command line asks of the daemon. */
export interface Settings {
  readonly configFile: string;
  readonly foreground: boolean;
  readonly console: boolean;
  readonly syslog: boolean;
  /** Facility number of syslog(3). */
  readonly facility: number;
  readonly level: 'error' | 'warn' | 'info' | 'detail' | 'debug';
  readonly format: 'text' | 'json';
  readonly logFile: string | null;
  readonly dumpConfig: boolean;
  readonly releaseVips: boolean;
  readonly keepAddresses: boolean;
  readonly ignoreInterrupt: boolean;
  readonly addressMonitoring: boolean;
  readonly pidFile: string;
  readonly vrrpPidFile: string;
  readonly bfdPidFile: string;
  readonly checkersPidFile: string;
  /** Those of the four that an option names; the others are where the configuration has them, once that is read. */
  readonly pidOptions: readonly PidFileSetting[];
  /** -s: comes before net_namespace; null: not given. */
  readonly namespace: string | null;
  /** The file of the network namespace that the daemon was started in, when it went into another one; null: it is still there. */
  readonly outside: string | null;
  /** -m, -M: a core dump after a crash, and the pattern of its name; null: as the system has it. */
  readonly coreDump: { readonly pattern: string | null } | null;
  /** false: no BFD session runs. */
  readonly bfd: boolean;
  /** Which parts run; -P and -C choose. */
  readonly vrrp: boolean;
  readonly checkers: boolean;
  /** --all: also those that have nothing to do. */
  readonly everyPart: boolean;
  /** false (-R): when the checking process dies, so does the daemon. */
  readonly respawn: boolean;
  /** -I: IPVS stays as it is at the stop. */
  readonly keepIpvs: boolean;
  /** Who does FULLNAT; auto: a patched kernel where there is one. */
  readonly fullnat: 'auto' | 'kernel' | 'netfilter';
  readonly configId: string | null;
  readonly allConfigErrors: boolean;
  readonly umask: number | null;
  readonly hooks: string | null;
  /** What is to be done instead of running the daemon. */
  readonly task:
    | { readonly type: 'run' }
    | { readonly type: 'help' | 'version' }
    | { readonly type: 'signum'; readonly name: string }
    | { readonly type: 'test'; readonly log: string | null };
}

const LEVELS = ['error', 'warn', 'info', 'detail', 'debug'] as const;

/** The options as settings, the last one of a kind winning; throws UsageError for a value that makes no sense. */
export function settingsOf(given: readonly Given[], facilityOf: (text: string) => number | null): Settings {
  const last = new Map(given.map((g) => [g.row.long, g.value]));
  const has = (name: string): boolean => last.has(name);
  const unbuilt = given.find((g) => !g.row.built);
  if (unbuilt !== undefined) throw new UsageError(`option '--${unbuilt.row.long}' is keepalived's, but not built yet in tskeepalived (${unbuilt.row.meaning})`);
  if (has('genhash')) throw new UsageError("option '--genhash' must be the first");
  const facility = last.get('log-facility');
  const facilityNumber = facility == null ? 3 : facilityOf(facility);
  if (facilityNumber === null) throw new UsageError(`option '--log-facility': no facility '${facility ?? ''}'`);
  return {
    configFile: last.get('use-file') ?? '/etc/keepalived/keepalived.conf',
    foreground: has('dont-fork'), console: has('log-console'), syslog: !has('no-syslog'), facility: facilityNumber,
    level: levelOf(last.get('log-level') ?? null, has('log-detail')), format: formatOf(last.get('log-format') ?? null),
    logFile: has('log-file') ? (last.get('log-file') ?? '/tmp/keepalived.log') : null,
    dumpConfig: has('dump-conf'), releaseVips: has('release-vips'), keepAddresses: has('dont-release-vrrp'), ignoreInterrupt: has('ignore-sigint'),
    addressMonitoring: has('address-monitoring'),
    ...pidFilesOf(last), namespace: last.get('namespace') ?? null, outside: null, coreDump: coreDumpOf(last),
    bfd: !has('no_bfd') && (has('vrrp') || !has('check')), vrrp: has('vrrp') || !has('check'), checkers: has('check') || !has('vrrp'),
    everyPart: has('all'), respawn: !has('dont-respawn'), keepIpvs: has('dont-release-ipvs'), fullnat: fullnatOf(last.get('fullnat') ?? 'auto'),
    configId: last.get('config-id') ?? null, allConfigErrors: has('all-config'), umask: umaskOf(last.get('umask') ?? null),
    hooks: last.get('hooks') ?? null,
    task: taskOf(last),
  };
}

const PID_OPTIONS: Readonly<Record<PidFileSetting, string>> = { pidFile: 'pid', vrrpPidFile: 'vrrp_pid', checkersPidFile: 'checkers_pid', bfdPidFile: 'bfd_pid' };

function pidFilesOf(last: ReadonlyMap<string, string | null>): Record<PidFileSetting, string> & Pick<Settings, 'pidOptions'> {
  const place = (which: PidFileSetting): string => last.get(PID_OPTIONS[which]) ?? defaultPidFile(which, { instance: null, usePidDir: false }, null);
  return {
    pidFile: place('pidFile'), vrrpPidFile: place('vrrpPidFile'), checkersPidFile: place('checkersPidFile'), bfdPidFile: place('bfdPidFile'),
    pidOptions: (Object.keys(PID_FILES) as PidFileSetting[]).filter((which) => last.has(PID_OPTIONS[which])),
  };
}

function coreDumpOf(last: ReadonlyMap<string, string | null>): Settings['coreDump'] {
  if (last.has('core-dump-pattern')) return { pattern: last.get('core-dump-pattern') ?? 'core' };
  return last.has('core-dump') ? { pattern: null } : null;
}

function taskOf(last: ReadonlyMap<string, string | null>): Settings['task'] {
  if (last.has('help')) return { type: 'help' };
  if (last.has('version')) return { type: 'version' };
  const signum = last.get('signum');
  if (signum != null) return { type: 'signum', name: signum };
  return last.has('config-test') ? { type: 'test', log: last.get('config-test') ?? null } : { type: 'run' };
}

function fullnatOf(text: string): Settings['fullnat'] {
  if (text === 'auto' || text === 'kernel' || text === 'netfilter') return text;
  throw new UsageError(`option '--fullnat': '${text}' is none of auto, kernel, netfilter`);
}

function levelOf(text: string | null, detail: boolean): Settings['level'] {
  if (text === null) return detail ? 'detail' : 'info';
  const level = LEVELS.find((l) => l === text);
  if (level === undefined) throw new UsageError(`option '--log-level': '${text}' is none of ${LEVELS.join(', ')}`);
  return level;
}

function formatOf(text: string | null): Settings['format'] {
  if (text === null || text === 'text') return 'text';
  if (text === 'json') return 'json';
  throw new UsageError(`option '--log-format': '${text}' is neither text nor json`);
}

/** A number as C writes it: 0x hexadecimal, 0 octal, else decimal. */
function umaskOf(text: string | null): number | null {
  if (text === null) return null;
  const value = /^0[0-7]*$/u.test(text) ? parseInt(text, 8) : /^(0x[0-9a-f]+|[1-9]\d*)$/iu.test(text) ? Number(text) : NaN;
  if (!(value <= 0o777)) throw new UsageError(`option '--umask': '${text}' is no number from 0 to 0777`);
  return value;
}
