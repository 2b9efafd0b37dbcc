/**
 * keepalived's command line as one table (keepalived(8)), and getopt_long's rules on it: abbreviated long names, bundled
 * short ones, optional values only when attached.
 */

export type ValueKind = 'none' | 'required' | 'optional';

export interface OptionRow {
  readonly long: string;
  readonly short: string | null;
  readonly value: ValueKind;
  /** What the value is called in the usage. */
  readonly name: string | null;
  readonly meaning: string;
  /** false: keepalived has it, we do not yet; using it is an error that says so. */
  readonly built: boolean;
}

const row = (long: string, short: string | null, value: ValueKind, name: string | null, meaning: string, built = true): OptionRow => ({ long, short, value, name, meaning, built });

export const OPTIONS: readonly OptionRow[] = [
  row('use-file', 'f', 'required', 'FILE', 'configuration file (default /etc/keepalived/keepalived.conf)'),
  row('vrrp', 'P', 'none', null, 'run VRRP only'),
  row('check', 'C', 'none', null, 'run the health checkers only'),
  row('no_bfd', 'B', 'none', null, 'do not run BFD'),
  row('all', null, 'none', null, 'run every part even when its section is empty'),
  row('log-console', 'l', 'none', null, 'log to stderr as well'),
  row('log-detail', 'D', 'none', null, 'detailed log; twice for more'),
  row('log-facility', 'S', 'required', 'FACILITY', 'syslog facility: 0-7, local0-local7, user, daemon (default daemon)'),
  row('log-file', 'g', 'optional', 'FILE', 'log to FILE as well (default /tmp/keepalived.log)'),
  row('flush-log-file', null, 'none', null, 'accepted: every line of the log file is written at once anyhow'),
  row('no-syslog', 'G', 'none', null, 'do not log to syslog'),
  row('umask', 'u', 'required', 'NUMBER', 'umask for the files that we make (0 prefix: octal)'),
  row('release-vips', 'X', 'none', null, 'remove addresses of an earlier run as well when leaving MASTER'),
  row('dont-release-vrrp', 'V', 'none', null, 'leave addresses in place at a stop'),
  row('dont-release-ipvs', 'I', 'none', null, 'leave IPVS in place at a stop'),
  row('dont-respawn', 'R', 'none', null, 'end when a child process dies'),
  row('dont-fork', 'n', 'none', null, 'stay in the foreground'),
  row('dump-conf', 'd', 'none', null, 'log the configuration after start and reload'),
  row('pid', 'p', 'required', 'FILE', 'pid file (default /run/keepalived.pid)'),
  row('vrrp_pid', 'r', 'required', 'FILE', 'pid file of VRRP (default /run/vrrp.pid)'),
  row('checkers_pid', 'c', 'required', 'FILE', 'pid file of the checkers (default /run/checkers.pid)'),
  row('bfd_pid', 'b', 'required', 'FILE', 'pid file of BFD (default /run/bfd.pid)'),
  row('genhash', 'T', 'none', null, 'run as genhash (only as the first option)'),
  row('address-monitoring', 'a', 'none', null, 'log every change of an address'),
  row('snmp', 'x', 'none', null, 'SNMP agent', false),
  row('snmp-agent-socket', 'A', 'required', 'ADDRESS', 'AgentX socket', false),
  row('namespace', 's', 'required', 'NAME', 'run in a network namespace (overrides net_namespace)'),
  row('core-dump', 'm', 'none', null, 'produce a core dump at a crash'),
  row('core-dump-pattern', 'M', 'optional', 'PATTERN', 'core dump, and the name of all core dumps of this machine (default core), put back at the stop'),
  row('all-config', 'e', 'none', null, 'every kind of include failure is an error'),
  row('config-id', 'i', 'required', 'ID', 'which @ID lines are ours (default: host name up to the first dot)'),
  row('signum', null, 'required', 'NAME', 'print the number of a signal: STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON'),
  row('config-test', 't', 'optional', 'LOG', 'check the configuration, diagnostics to stderr or appended to LOG'),
  row('config-fd', null, 'required', 'N', 'keepalived\'s own, between its processes', false),
  row('ignore-sigint', null, 'none', null, 'SIGINT does not stop the daemon'),
  row('version', 'v', 'none', null, 'print the version'),
  row('help', 'h', 'none', null, 'this text'),
  row('hooks', null, 'required', 'FILE.ts', 'TypeScript hooks (also: hooks in global_defs)'),
  row('fullnat', null, 'required', 'BACKEND', 'who does FULLNAT: auto (default), kernel (a patched one) or netfilter'),
  row('log-level', null, 'required', 'LEVEL', 'error, warn, info, detail or debug'),
  row('log-format', null, 'required', 'FORMAT', 'text or json'),
];

/** Thrown for a command line that cannot be understood; the text is for the operator. */
export class UsageError extends Error {}

/** One option as it was given: its row and its value, null when it has none. */
export interface Given {
  readonly row: OptionRow;
  readonly value: string | null;
}

/** getopt_long(3) over the table; throws UsageError for an unknown or ambiguous option, a missing value, a stray argument. */
export function parseOptions(argv: readonly string[]): Given[] {
  const given: Given[] = [];
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      const [stray] = rest.splice(0);
      if (stray !== undefined) throw new UsageError(`unexpected argument '${stray}'`);
    } else if (word.startsWith('--')) given.push(longOption(word.slice(2), rest));
    else if (word.startsWith('-') && word.length > 1) given.push(...shortOptions(word.slice(1), rest));
    else throw new UsageError(`unexpected argument '${word}'`);
  }
  return given;
}

function longOption(word: string, rest: string[]): Given {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word : word.slice(0, equals);
  const attached = equals < 0 ? null : word.slice(equals + 1);
  const exact = OPTIONS.find((o) => o.long === name);
  const candidates = exact === undefined ? OPTIONS.filter((o) => o.long.startsWith(name)) : [exact];
  const [found] = candidates;
  if (found === undefined) throw new UsageError(`unknown option '--${name}'`);
  if (candidates.length > 1) throw new UsageError(`option '--${name}' is ambiguous: ${candidates.map((o) => `--${o.long}`).join(', ')}`);
  if (attached !== null && found.value === 'none') throw new UsageError(`option '--${found.long}' takes no value`);
  return { row: found, value: attached ?? required(found, `--${found.long}`, rest) };
}

function shortOptions(letters: string, rest: string[]): Given[] {
  const given: Given[] = [];
  for (let i = 0; i < letters.length; i++) {
    const letter = letters.charAt(i);
    const found = OPTIONS.find((o) => o.short === letter);
    if (found === undefined) throw new UsageError(`unknown option '-${letter}'`);
    const attached = letters.slice(i + 1);
    if (found.value === 'none') given.push({ row: found, value: null });
    else {
      given.push({ row: found, value: attached === '' ? required(found, `-${letter}`, rest) : attached });
      break;
    }
  }
  return given;
}

function required(option: OptionRow, shown: string, rest: string[]): string | null {
  if (option.value !== 'required') return null;
  const value = rest.shift();
  if (value === undefined) throw new UsageError(`option '${shown}' needs ${option.name ?? 'a value'}`);
  return value;
}
