/** Scripts: what the block settles, and whether the files can and may be run (reference part 4). */
import { missingAccount, type RawScript } from '../accounts.ts';
import type { Context } from '../context.ts';
import type { BlockValue } from '../keyword.ts';
import type { FileFacts, Machine } from '../machine.ts';
import type { AccountRef, ScriptCommand } from '../model.ts';
import type { Place } from '../source.ts';
import { declareTracked } from '../keywords/tracking.ts';

export function beginScript(context: Context): void {
  context.switches.delete('user_failed');
  context.switches.delete('script_path');
}

/** At the end of a vrrp_script: it needs a command and an account. */
export function endVrrpScript(context: Context, block: BlockValue, close: Place): boolean {
  const script = block.values['script'] as RawScript | undefined;
  if (script !== undefined) {
    if (context.switches.has('user_failed')) return false;
    if (script.accountMissing && block.values['user'] === undefined) {
      missingAccount(context, block, close, `Unable to set default user for vrrp script ${block.name} - removing`);
      return false;
    }
    declareTracked(context, 'script', block.name, block.place);
    return true;
  }
  context.report({ code: 'missing-script', place: block.place, saidAt: close, message: `No script set for vrrp_script ${block.name} - removing`, remedy: 'write: script "COMMAND ARGUMENTS"' });
  return false;
}

export type ScriptVerdict =
  | { readonly ok: true; readonly command: ScriptCommand; readonly unsafe: boolean }
  | { readonly ok: false; readonly reason: 'missing' | 'insecure'; readonly detail: string };

/** Resolves the command's file and judges it; without file facts everything is well. */
export function judgeScript(context: Context, script: RawScript, account: AccountRef | null): ScriptVerdict {
  const { machine } = context;
  const { files } = machine;
  const name = script.argv[0] ?? '';
  const asWritten = context.switches.get('use_symlink_paths') === true;
  const command = (path: string): ScriptCommand => ({ argv: [path, ...script.argv.slice(1)], account });
  if (files === null) return { ok: true, command: command(name), unsafe: false };
  if (name.startsWith('<')) return { ok: true, command: command(name), unsafe: false };
  const who = identity(machine, account);
  const written = name.includes('/') ? name : searchPath(machine, name, who);
  if (written === null) return { ok: false, reason: 'missing', detail: `no program '${name}' in PATH` };
  const walk = walkPath(files, written);
  const chosen = (real: string): ScriptCommand => command(asWritten ? written : real);
  if (walk === null || walk.facts.kind !== 'file') return { ok: false, reason: 'missing', detail: walk === null ? `'${written}' does not exist` : `'${written}' is no file` };
  if (!mayRun(walk.facts, who)) return { ok: false, reason: 'missing', detail: `'${written}' is not executable for ${account?.user ?? machine.self.name}` };
  const setId = (walk.facts.mode & 0o4000) !== 0 && walk.facts.uid === 0 || (walk.facts.mode & 0o2000) !== 0 && walk.facts.gid === 0;
  if (!setId && who.uid !== 0 && who.gid !== 0) return { ok: true, command: chosen(walk.real), unsafe: false };
  if (walk.linkToDirectory) return { ok: false, reason: 'insecure', detail: `a directory on the way to '${written}' is a symbolic link; write the path that it leads to: ${walk.real}` };
  if (walk.unsafe === null) return { ok: true, command: chosen(walk.real), unsafe: false };
  const detail = `'${walk.unsafe}' may be changed by others than root`;
  return context.scriptSecurity ? { ok: false, reason: 'insecure', detail } : { ok: true, command: chosen(walk.real), unsafe: true };
}

interface Identity {
  readonly uid: number;
  readonly gid: number;
}

function identity(machine: Machine, account: AccountRef | null): Identity {
  if (account === null) return machine.self;
  const user = machine.accounts?.user(account.user) ?? machine.self;
  const gid = account.group === null ? user.gid : (machine.accounts?.group(account.group) ?? user.gid);
  return { uid: user.uid, gid };
}

function searchPath(machine: Machine, name: string, who: Identity): string | null {
  for (const directory of (machine.env('PATH') ?? '/usr/sbin:/usr/bin:/sbin:/bin').split(':')) {
    const path = `${directory === '' ? '.' : directory}/${name}`;
    const walk = machine.files === null ? null : walkPath(machine.files, path);
    if (walk?.facts.kind === 'file' && mayRun(walk.facts, who)) return path;
  }
  return null;
}

interface Walk {
  readonly real: string;
  readonly facts: FileFacts;
  readonly linkToDirectory: boolean;
  /** First component that others than root may change; null: none. */
  readonly unsafe: string | null;
}

/** Follows a path component by component; null when it leads nowhere. */
function walkPath(files: (path: string) => FileFacts, path: string): Walk | null {
  let waiting = path.split('/').filter((part) => part !== '' && part !== '.');
  let real = path.startsWith('/') ? '' : '.';
  let linkToDirectory = false;
  let unsafe: string | null = null;
  let facts = files(real === '' ? '/' : real);
  let links = 0;
  while (waiting.length > 0) {
    const part = waiting.shift() ?? '';
    if (part === '..') {
      real = real.slice(0, Math.max(0, real.lastIndexOf('/')));
      continue;
    }
    const next = `${real}/${part}`;
    facts = files(next);
    if (facts.kind === 'missing' || facts.kind === 'unreadable') return null;
    if (facts.kind === 'link') {
      if (++links > 40 || facts.target === null) return null;
      if (waiting.length > 0) linkToDirectory = true;
      waiting = [...facts.target.split('/').filter((p) => p !== '' && p !== '.'), ...waiting];
      if (facts.target.startsWith('/')) real = '';
      continue;
    }
    if (unsafe === null && isUnsafe(facts)) unsafe = next;
    real = next;
  }
  return { real, facts, linkToDirectory, unsafe };
}

function isUnsafe(facts: FileFacts): boolean {
  if (facts.uid !== 0) return true;
  const sticky = facts.kind === 'directory' && (facts.mode & 0o1000) !== 0;
  return !sticky && ((facts.mode & 0o002) !== 0 || ((facts.mode & 0o020) !== 0 && facts.gid !== 0));
}

function mayRun(facts: FileFacts, who: Identity): boolean {
  if (who.uid === 0) return (facts.mode & 0o111) !== 0;
  if (facts.uid === who.uid) return (facts.mode & 0o100) !== 0;
  return facts.gid === who.gid ? (facts.mode & 0o010) !== 0 : (facts.mode & 0o001) !== 0;
}

/** What a process' scripts are like, all together. */
export interface ScriptState {
  running: boolean;
  insecure: boolean;
}

/** A script that was refused for its permissions counts as one that is there. */
export function noteScript(state: ScriptState, verdict: ScriptVerdict): void {
  if (verdict.ok || verdict.reason === 'insecure') state.running = true;
  if (verdict.ok && verdict.unsafe) state.insecure = true;
}

/** Scripts run, and nobody asked for the security checks. `kind` is `check ` for the checkers. */
export function reportSecurity(context: Context, state: ScriptState, kind: string): void {
  if (context.scriptSecurity || !state.running) return;
  context.report({
    code: 'script-security', severity: 'warning', recorded: 'security', saidAt: null,
    message: `SECURITY VIOLATION - ${kind}scripts are being executed but script_security not enabled.${state.insecure ? ' There are insecure scripts.' : ''}`,
    remedy: 'add enable_script_security to global_defs, and script_user for an account that may do little',
  });
}
