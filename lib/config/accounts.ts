/** Accounts and commands of scripts: who runs them, and what they are (reference part 4). */
import type { AccountRef, ScriptCommand } from './model.ts';
import type { Args, ValueType } from './keyword.ts';
import { scriptWords } from './script-words.ts';

const ACCOUNT = 'USER [[:]GROUP]';
const DEFAULT_USER = 'keepalived_script';

/** A script before its account is settled: null means the default of its place in the file. */
export interface RawScript extends ScriptCommand {
  /** The first word as written. */
  readonly path: string;
}

export const account: ValueType<AccountRef> = {
  syntax: ACCOUNT,
  schema: { type: 'string' },
  complete: 'user',
  read: (args) => readAccount(args, args.words, args.first),
};

/** `USER [GROUP]` from word `index` on; undefined when the machine does not know them. */
export function readAccount(args: Args, words: readonly string[], index: number): AccountRef | undefined {
  const user = words[index] ?? '';
  const group = (words[index + 1] ?? '').replace(/^:/u, '');
  const { accounts } = args.context.machine;
  if (accounts !== null) {
    if (accounts.user(user) === null) return fault(args, `user '${user}' does not exist`);
    if (group !== '' && accounts.group(group) === null) return fault(args, `group '${group}' does not exist`);
  }
  return { user, group: group === '' ? null : group };
}

function fault(args: Args, message: string): undefined {
  args.report({ code: 'unknown-account', message, wording: null, recorded: 'none', remedy: 'create it, or name another one' });
}

/** `"CMD ARGS" [USER [GROUP]]`: the raw line is scanned again; the first word is then split once more. */
export function script(syntax = `"CMD ARGS" [${ACCOUNT}]`): ValueType<RawScript> {
  return { syntax, schema: { type: 'string' }, complete: 'file', raw: true, read: (args) => readScript(args) };
}

function readScript(args: Args): RawScript | undefined {
  const { place } = args;
  const text = place.source.text.slice(place.start, place.end);
  const split = scriptWords(text);
  if (!split.ok) {
    args.report({ code: 'unterminated-quote', message: split.message, recorded: 'unmatched-quote', remedy: 'close the quotes on the same line' });
    return undefined;
  }
  const [, command, user] = split.words;
  if (command === undefined) return undefined;
  const argv = scriptWords(command);
  if (!argv.ok) {
    args.report({ code: 'unterminated-quote', message: argv.message, recorded: 'unmatched-quote', remedy: 'close the quotes inside the command' });
    return undefined;
  }
  const own = user === undefined ? null : readAccount(args, split.words, 2);
  if (own === undefined) return undefined;
  return { argv: argv.words, path: argv.words[0] ?? '', account: own ?? defaultAccount(args) };
}

/** script_user so far, else keepalived_script if that account exists, else the daemon's own (null). */
export function defaultAccount(args: Args): AccountRef | null {
  const { context } = args;
  if (context.scriptUser !== null) return context.scriptUser;
  const known = context.machine.accounts?.user(DEFAULT_USER) ?? null;
  return known === null ? null : { user: DEFAULT_USER, group: null };
}
