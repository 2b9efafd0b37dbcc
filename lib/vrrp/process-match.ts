/** Whether a running process is the one that a vrrp_track_process means (keepalived.conf(5), VRRP track processes). Pure. */
import type { TrackProcess } from '../config/model-network.ts';

/** What the kernel tells of a process. */
export interface ProcessNames {
  /** /proc/PID/comm: at most 15 characters. */
  readonly comm: string;
  /** /proc/PID/cmdline in words; null when it was not asked for. */
  readonly argv: readonly string[] | null;
}

/** Whether `argv` must be known to decide. */
export function needsCommandLine({ fullCommand, match }: TrackProcess): boolean {
  return fullCommand || match !== null;
}

/**
 * By its name alone, unless full_command, parameters or param_match ask for the command line: then by the first word of that as it
 * stands and, with parameters or param_match, by the rest. Without a kind all parameters must be the same; `partial`: it begins
 * with ours; `initial`: likewise, and our last one may be the beginning of its.
 */
export function matches(tracked: TrackProcess, { comm, argv }: ProcessNames): boolean {
  const [program = '', ...wanted] = tracked.argv;
  if (!needsCommandLine(tracked)) return comm === program;
  if (argv === null || argv[0] !== program) return false;
  return tracked.match === null || parametersMatch(tracked.match, wanted, argv.slice(1));
}

function parametersMatch(match: 'exact' | 'initial' | 'partial', wanted: readonly string[], has: readonly string[]): boolean {
  if (has.length < wanted.length || (match === 'exact' && has.length > wanted.length)) return false;
  return wanted.every((word, i) => {
    const theirs = has[i] ?? '';
    return match === 'initial' && i === wanted.length - 1 ? theirs.startsWith(word) : theirs === word;
  });
}
