/** Accounts and commands of scripts: who runs them, and what they are (reference part 4). */
import type { AccountRef, ScriptCommand } from './model.ts';
import type { Args, BlockValue, ValueType } from './keyword.ts';
import { scriptWords } from './script-words.ts';
import type { Context } from './context.ts';
import { textAt, type Place } from './source.ts';

const ACCOUNT = 'USER [[:]GROUP]';
const DEFAULT_USER = 'keepalived_script';

/** A script before its account is settled: null means the default of its place in the file. */
export interface RawScript extends ScriptCommand {
  /** The first word as written. */
  readonly path: string;
  /** No account could be found, and enable_script_security asks for one. */
  readonly accountMissing: boolean;
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
  const given = words[index + 1] ?? '';
  const group = given.replace(/^:/u, '');
  const { accounts } = args.context.machine;
  if (accounts !== null) {
    if (accounts.user(user) === null) return fault(args, `user '${user}' does not exist`);
    if (group !== '' && accounts.group(group) === null) return fault(args, `group '${group}' does not exist`);
  }
  return { user, group: group === '' ? null : group, ...(given.startsWith(':') ? { supplementary: true } : {}) };
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
  const text = textAt(place);
  const split = scriptWords(text);
  if (!split.ok) {
    args.report({ code: 'unterminated-quote', message: `String '${text}': missing terminating ${split.quote}`, recorded: 'unmatched-quote', remedy: 'close the quotes on the same line' });
    return undefined;
  }
  const [, command, user] = split.words;
  if (command === undefined) return undefined;
  const argv = scriptWords(command);
  if (!argv.ok) {
    args.report({ code: 'unterminated-quote', message: `String '${command}': missing terminating ${argv.quote}`, recorded: 'unmatched-quote', remedy: 'close the quotes inside the command' });
    return undefined;
  }
  args.context.switches.set('script_path', argv.words[0] ?? '');
  const own = user === undefined ? null : readAccount(args, split.words, 2);
  if (own === undefined) return undefined;
  const fallback = own ?? defaultAccount(args);
  const accountMissing = fallback === null && args.context.scriptSecurity && args.context.machine.accounts !== null;
  return { argv: argv.words, path: argv.words[0] ?? '', account: fallback, accountMissing };
}

/** `user` of a script's block. A failure is remembered for the end of the block, which then drops the script. */
export function scriptUser(complaint: (path: string) => string): ValueType<AccountRef> {
  return {
    ...account,
    read: (args) => {
      const value = readAccount(args, args.words, args.first);
      if (value !== undefined) return value;
      const { switches } = args.context;
      switches.set('user_failed', true);
      args.report({ code: 'unknown-account', message: complaint(switches.has('script_path') ? String(switches.get('script_path')) : ''), remedy: 'create the account, or name another one' });
      return undefined;
    },
  };
}

/** The same script without an account of its own: its default, and whether that is missing. Reported at `close`. */
export function missingAccount(context: Context, block: BlockValue, close: Place, message: string): void {
  const say = (text: string, remedy: string | null): void => { context.report({ code: 'no-script-user', place: block.place, saidAt: close, message: text, remedy }); };
  if (!context.switches.has('default_user_failed')) {
    context.switches.set('default_user_failed', true);
    say(`Unable to set default user ${DEFAULT_USER} for script`, `create the account ${DEFAULT_USER}, or name one: script_user USER in global_defs`);
  }
  say(message, null);
}

/** script_user so far, else keepalived_script if that account exists, else the daemon's own (null). */
export function defaultAccount(args: Args): AccountRef | null {
  const { context } = args;
  if (context.scriptUser !== null) return context.scriptUser;
  const known = context.machine.accounts?.user(DEFAULT_USER) ?? null;
  return known === null ? null : { user: DEFAULT_USER, group: null };
}
