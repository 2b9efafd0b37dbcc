/**
 * Statements → blocks of typed values, by the keyword tables. Follows keepalived where it is odd: an unknown block's contents
 * count for the block around it, and its `}` closes that one (reference 2.3).
 */
import type { Context } from './context.ts';
import { BlockValue, isPlain, Statement, type Args, type Keyword, type ListForm, type Table } from './keyword.ts';
import { fill } from './fill.ts';
import { nearest } from './nearest.ts';
import type { Token } from './reader.ts';
import type { Report } from './diagnostic.ts';
import { fileSource, findKeyword, inFile, type Place, type Source, type Written } from './source.ts';
import type { Met } from './vocabulary.ts';

interface OpenBlock {
  readonly value: BlockValue;
  readonly outer: BlockValue;
  readonly row: Keyword;
  /** Under which name the enclosing block stores it. */
  readonly key: string;
  readonly pass: Context['pass'];
}

/** Where statements come from: the Reader of conf text, or another form of the same. */
export interface Tokens {
  /** Of the last statement. */
  readonly words: readonly string[];
  /** What is known of it, if it may have stood like that before. */
  readonly met?: Met | null;
  /** Where the last token stands, as `place()` has it. */
  readonly source: Source;
  readonly line: number;
  readonly start: number;
  readonly end: number;
  readonly written?: Written | undefined;
  /** The last statement lost a string without its closing quote. */
  readonly unterminated?: boolean;
  next(): Token;
  /** Of the last token. */
  place(): Place;
}

/** So many unknown or repeated words get help; a file with more of them is not a configuration. */
const SUGGESTIONS = 200;

/** The passes of keepalived's processes, in their order. */
export type OnePass = 'parent' | 'checker' | 'vrrp';

/**
 * Reads everything that the reader has. `only`: as one of keepalived's processes does, which skips the blocks of the others;
 * null: all at once, which says the same as long as braces are in order (`context.tangled`). `tree`: keep every statement,
 * for other forms of the same text; the daemon does without.
 */
export function parse(reader: Tokens, root: Table, context: Context, only: OnePass | null = null, tree = false): BlockValue {
  return new Parser(reader, root, context, only, tree).run();
}

class Parser {
  readonly #reader: Tokens;
  readonly #context: Context;
  readonly #root: BlockValue;
  readonly #open: OpenBlock[] = [];
  #current: BlockValue;
  /** `{` without their `}` so far, as keepalived counts them. */
  #braces = 0;
  readonly #only: OnePass | null;
  /** One object for all statements, one for all entries of lists: nobody keeps them. */
  readonly #args: WordArgs;
  readonly #entryArgs: WordArgs;
  readonly #keepTree: boolean;
  #unknowns = 0;
  #duplicates = 0;

  constructor(reader: Tokens, root: Table, context: Context, only: OnePass | null, tree: boolean) {
    this.#keepTree = tree;
    this.#reader = reader;
    this.#context = context;
    this.#only = only;
    context.pass = only ?? 'all';
    const start = reader.place();
    this.#root = this.#current = new BlockValue<unknown>(root, '', undefined, start);
    this.#args = new WordArgs([], 1, context, '');
    this.#entryArgs = new WordArgs([], 0, context, '');
  }

  run(): BlockValue {
    for (let token = this.#reader.next(); token !== 'end'; token = this.#reader.next()) this.#token(token);
    while (this.#open.length > 0) this.#leave();
    if (this.#braces > 0) {
      const message = `There are ${String(this.#braces)} missing '}'s or extra '{'s`;
      this.#context.pass = this.#only ?? 'all';
      this.#context.report({ code: 'missing-close', recorded: 'missing-close', message, place: this.#lastPlace, saidAt: null, remedy: "the file ends here; look for the block that lacks its '}'" });
    }
    return this.#root;
  }

  /** The place of the last token; at the end of the file still that. */
  get #lastPlace(): Place {
    return this.#reader.place();
  }

  #token(token: Token): void {
    switch (token) {
      case 'statement': return this.#statement();
      case 'open': return this.#unexpectedOpen();
      case 'close': return this.#close();
      case 'end':
    }
  }

  #unexpectedOpen(): void {
    this.#braces++;
    this.#context.tangled = true;
    this.#context.report({ code: 'unexpected-open', recorded: 'unexpected-open', place: this.#lastPlace, message: "Unexpected '{' - ignoring" });
  }

  #close(): void {
    this.#closeBrace();
    if (this.#open.length > 0) return this.#leave();
    this.#context.tangled = true;
    this.#context.report({ code: 'unexpected-close', recorded: 'unknown-keyword', place: this.#lastPlace, message: "Unknown keyword '}'", remedy: 'no block is open here' });
  }

  #closeBrace(): void {
    if (this.#braces > 0) this.#braces--;
    else this.#context.report({ code: 'unexpected-close', recorded: 'unexpected-close', place: this.#lastPlace, message: "Extra '}' found" });
  }

  #statement(): void {
    const reader = this.#reader;
    const { words } = reader;
    const word = words[0] ?? '';
    const row = this.#rowOf(word, reader.met ?? null);
    if (row === undefined) return this.#unknown(word);
    if (this.#only !== null && this.#open.length === 0 && !this.#isOurs(row)) return this.#leaveOut(row);
    const args = this.#args;
    args.set(words, reader);
    args.name = this.#current.name;
    if (row.deprecated !== undefined) args.report({ code: 'deprecated', severity: 'warning', recorded: 'deprecated', message: fill(row.deprecated, args) }, 0);
    if (row.notYet !== undefined) this.#notYet(word, row, args);
    if (row.block !== undefined) return this.#enter(row, row.block, args);
    if (row.list !== undefined) return this.#list(row, row.list, args);
    if (this.#open.length === 0 && this.#only === null) this.#context.pass = 'parent';
    this.#scalar(row, word, args);
    if (this.#open.length === 0) this.#context.pass = this.#only ?? 'all';
  }

  #rowOf(word: string, met: Met | null): Keyword | undefined {
    const { table } = this.#current;
    if (met === null) return table.byName.get(word);
    if (met.table !== table) {
      met.table = table;
      met.row = table.byName.get(word);
      met.value = undefined;
    }
    return met.row;
  }

  #scalar(row: Keyword, word: string, args: WordArgs): void {
    const reader = this.#reader;
    const { words } = args;
    const known = reader.met?.value;
    if (known !== undefined && !this.#keepTree) return this.#store(row, word, known, args);
    // Scripts are scanned again from the raw line, which says more about a missing quote than a missing word does.
    const rescanned = row.value.raw === true && reader.unterminated === true;
    if (words.length < 2 && row.value.bare !== true && !rescanned && !this.#bare(row, args)) return;
    if (this.#keepTree) this.#current.add(statementOf(args, row));
    this.#context.complained = false;
    this.#context.block = this.#current.table.path;
    const said = this.#context.diagnostics.length;
    const value = row.value.read(args);
    if (value === undefined) return invalid(row, args);
    if (reader.met !== null && reader.met !== undefined && isPlain(row.value) && isPrimitive(value) && this.#context.diagnostics.length === said) reader.met.value = value;
    this.#store(row, word, value, args);
  }

  /** Whether this pass acts on a root keyword. */
  #isOurs(row: Keyword): boolean {
    const pass = row.list !== undefined ? (row.list.pass ?? 'vrrp') : (row.block?.pass ?? 'parent');
    return pass === this.#only || (pass === 'children' && this.#only !== 'parent');
  }

  /** A root keyword of another pass: its block, if it has its `{`, is not looked at. */
  #leaveOut(row: Keyword): void {
    if (row.list === undefined && row.block === undefined) return;
    const token = this.#reader.next();
    if (token !== 'open') return this.#token(token);
    this.#braces++;
    this.#skip();
  }

  #store(row: Keyword, word: string, value: unknown, args: Args): void {
    const values = this.#current.values as Record<string, unknown>;
    const key = row.alias ?? row.name ?? word;
    if (row.once !== undefined && values[key] !== undefined) {
      args.report({ code: 'duplicate', message: fill(row.once, args), remedy: this.#firstGiven(word, args) }, 0);
      return;
    }
    if (row.many === true) {
      const all = values[key] as unknown[] | undefined;
      if (all === undefined) values[key] = [value];
      else all.push(value);
    } else values[key] = value;
    row.then?.(this.#context, value, args);
  }

  /** Looked up for the first few only: it means reading the block again. */
  #firstGiven(word: string, args: Args): string | null {
    if (++this.#duplicates > SUGGESTIONS) return null;
    const first = findKeyword(this.#current, args.place.start, [word], true);
    return first === undefined ? null : `first given in line ${String(first.line)}`;
  }

  /** A keyword without its argument: false when it is an error. */
  #bare(row: Keyword, args: WordArgs): boolean {
    const word = args.words[0] ?? '';
    if (row.bare !== undefined && row.bare !== 'stop') {
      args.report({ code: 'missing-argument', message: fill(row.bare, args), remedy: `write: ${word} ${row.value.syntax}` }, 0);
      return false;
    }
    args.report({
      code: 'missing-argument', recorded: 'missing-parameter', message: `'${word}' needs an argument`, remedy: `write: ${word} ${row.value.syntax}`, testExit: 2, startExit: 2,
      wording: `*** Configuration line starting \`${word}\` is missing a parameter after keyword \`${word}\` at word position 2`,
    }, 0);
    return false;
  }

  #unknown(word: string): void {
    const near = ++this.#unknowns > SUGGESTIONS ? null : nearest(word, this.#current.table.byName.keys());
    this.#context.report({
      code: 'unknown-keyword', severity: 'warning', recorded: 'unknown-keyword', place: wordPlace(this.#lastPlace, 0),
      message: `Unknown keyword '${word}'${this.#current.table.path === '' ? '' : ` in ${this.#current.table.path}`}`, wording: `Unknown keyword '${word}'`,
      remedy: near === null ? null : `did you mean '${near}'?`,
    });
  }

  /** Said once; for a keyword that keepalived's own build would not know, each time, as keepalived does. */
  #notYet(word: string, row: Keyword, args: WordArgs): void {
    if (this.#context.notYet.has(row) && row.build === undefined && row.since !== 'fullnat') return;
    this.#context.notYet.add(row);
    const remedy = row.notYet === '' ? null : (row.notYet ?? null);
    const message = row.elsewhere === undefined ? `'${word}' is read, not in effect yet` : `'${word}' has no effect: only ${row.elsewhere} has it`;
    if (row.build !== undefined || row.since === 'fullnat') {
      args.report({ code: 'not-in-effect', severity: 'warning', recorded: 'unknown-keyword', wording: `Unknown keyword '${word}'`, message, remedy }, 0);
    } else args.report({ code: 'not-in-effect', severity: 'note', recorded: 'none', wording: null, message, remedy }, 0);
  }

  #enter(row: Keyword, inner: Table, args: WordArgs): void {
    const { words } = args;
    const { pass } = this.#context;
    if (this.#open.length === 0) {
      if (inner.pass !== 'parent') this.#context.childBlocks = true;
      if (this.#only === null) this.#context.pass = inner.pass ?? 'all';
    }
    let header: unknown;
    if (words.length >= 2 || row.value.bare === true) {
      this.#context.complained = false;
      header = row.value.read(args);
      if (header === undefined) invalid(row, args);
    } else this.#bare(row, args);
    const value = new BlockValue<unknown>(inner, words[1] ?? '', header, args.written === undefined ? args : args.place);
    const statement = this.#keepTree && header !== undefined ? statementOf(args, row) : null;
    const token = this.#reader.next();
    if (header === undefined) {
      this.#context.pass = pass;
      if (token === 'open') {
        this.#braces++;
        return this.#skip();
      }
      this.#missingOpen(token, words);
      return this.#token(token);
    }
    if (statement !== null) {
      statement.block = value;
      this.#current.add(statement);
    }
    this.#open.push({ value, outer: this.#current, row, key: row.alias ?? row.name ?? '', pass });
    this.#current = value;
    inner.begin?.(this.#context, value);
    if (token === 'open') {
      this.#braces++;
      return;
    }
    this.#missingOpen(token, words);
    this.#token(token);
  }

  /** A block that the file ends before is no fault for keepalived. */
  #missingOpen(token: Token, words: readonly string[]): void {
    if (token === 'end') return;
    this.#context.tangled = true;
    this.#context.report({ code: 'missing-open', recorded: 'missing-open', place: this.#lastPlace, message: "Missing '{' at beginning of configuration block", remedy: `write: ${words[0] ?? ''} … {` });
  }

  /** Leaves the contents of a block unread, by counting braces. */
  #skip(): void {
    const outside = this.#braces - 1;
    while (this.#braces > outside) {
      const token = this.#reader.next();
      if (token === 'end') return;
      if (token === 'open') this.#braces++;
      else if (token === 'close') this.#braces--;
    }
  }

  #leave(): void {
    const open = this.#open.pop();
    if (open === undefined) return;
    const { value, outer, row, key } = open;
    this.#current = outer;
    const { table } = value;
    if (this.#reader.source === value.source) value.close = this.#reader.end;
    if (table.end === undefined || table.end(this.#context, value, this.#lastPlace)) {
      const values = outer.values as Record<string, unknown>;
      const all = values[key] as unknown[] | undefined;
      if (all === undefined) values[key] = [value];
      else all.push(value);
      row.then?.(this.#context, value, new WordArgs([], 0, this.#context, value.name));
    }
    this.#context.pass = open.pass;
  }

  #list(row: Keyword, form: ListForm, args: WordArgs): void {
    const { words, place } = args;
    const statement = this.#keepTree ? statementOf(args, row) : null;
    const outerPass = this.#context.pass;
    if (this.#open.length === 0) {
      this.#context.childBlocks = true;
      if (this.#only === null) this.#context.pass = form.pass ?? 'vrrp';
    }
    const first = form.named === true ? 2 : 1;
    const name = form.named === true ? (words[1] ?? '') : this.#current.name;
    if (words.length < first) this.#bare(row, args);
    if (words.length > first) {
      args.report({ code: 'extra-words', message: `Block ${words[0] ?? ''} has extra parameters ${words.slice(first).join(' ')} ...`, remedy: `entries stand between '{' and '}'` }, first);
    }
    const entries: Statement[] = [];
    const { read, count } = this.#entries(row, form, name, entries);
    if (read.length === 0 && (count === 0 || form.named === true) && form.empty !== undefined) {
      const about = new WordArgs(words, 1, this.#context, name);
      this.#context.report({ code: 'empty-list', message: fill(form.empty, about), place, saidAt: this.#lastPlace });
    }
    if (statement !== null) {
      statement.entries = entries;
      this.#current.add(statement);
    }
    const values = this.#current.values as Record<string, unknown>;
    const key = row.alias ?? words[0] ?? '';
    const before = values[key] as unknown[] | undefined;
    if (form.named === true) values[key] = [...(before ?? []), { name, place, entries: read }];
    else values[key] = before === undefined ? read : [...before, ...read];
    row.then?.(this.#context, read, args);
    this.#context.pass = outerPass;
  }

  /** The entries up to the `}`. A missing `{` is not noticed, as in keepalived. */
  #entries(row: Keyword, form: ListForm, name: string, entries: Statement[]): { read: unknown[]; count: number } {
    const read: unknown[] = [];
    const reader = this.#reader;
    const args = this.#entryArgs;
    let count = 0;
    args.name = name;
    let token = reader.next();
    if (token === 'open') {
      this.#braces++;
      token = reader.next();
    }
    for (; token !== 'end' && token !== 'close'; token = reader.next()) {
      if (token === 'open') this.#braces++;
      const words = token === 'open' ? ['{'] : reader.words;
      for (let i = 0; i < (form.words ? words.length : 1); i++) {
        args.set(form.words ? [words[i] ?? ''] : words, reader);
        if (this.#keepTree) entries.push(statementOf(args, row));
        count++;
        const value = form.entry.read(args);
        if (value !== undefined) read.push(value);
      }
    }
    if (token === 'close') this.#closeBrace();
    return { read, count };
  }
}

function isPrimitive(value: unknown): value is string | number | boolean {
  return typeof value !== 'object' && typeof value !== 'function';
}

/** Words and place of the statement at hand; one object serves many statements, so nobody may keep it. */
class WordArgs implements Args {
  words: readonly string[];
  readonly first: number;
  readonly context: Context;
  name: string;
  source: Source = fileSource('', '', null);
  line = 0;
  start = 0;
  end = 0;
  written: Written | undefined = undefined;

  constructor(words: readonly string[], first: number, context: Context, name: string) {
    this.words = words;
    this.first = first;
    this.context = context;
    this.name = name;
  }

  set(words: readonly string[], at: Tokens): void {
    this.words = words;
    this.source = at.source;
    this.line = at.line;
    this.start = at.start;
    this.end = at.end;
    this.written = at.written;
  }

  /** Made when asked for: most statements have no fault and no use for it. */
  get place(): Place {
    const { source, line, start, end, written } = this;
    return written === undefined ? { source, line, start, end } : { source, line, start, end, written };
  }

  report(report: Omit<Report, 'place'>, index = this.first): void {
    this.context.report({ ...report, place: wordPlace(this.place, index) });
  }
}

function statementOf(args: WordArgs, row: Keyword): Statement {
  const statement = new Statement(args.source, args.line, args.start, args.end, args.words, row);
  if (args.written !== undefined) statement.written = args.written;
  return statement;
}

function invalid(row: Keyword, args: WordArgs): void {
  if (args.context.complained) return;
  if (row.invalid !== undefined) args.report({ code: 'invalid-value', message: fill(row.invalid, args), remedy: row.value.range === undefined ? `write: ${args.words[0] ?? ''} ${row.value.syntax}` : `it must be ${row.value.range}` });
}

/** Where word `index` of a statement stands; the statement itself when there is no such word. */
export function wordPlace(place: Place, index: number): Place {
  if (place.written !== undefined) {
    const spot = place.written.words[index];
    return spot === undefined ? place : { source: place.source, ...spot };
  }
  const { text } = place.source;
  let at = place.start;
  for (let word = 0; at < place.end; word++) {
    while (at < place.end && /\s/u.test(text[at] ?? '')) at++;
    const start = at;
    if (text[at] === '"') {
      const close = text.indexOf('"', at + 1);
      at = close < 0 ? place.end : close + 1;
    } else {
      do at++;
      while (at < place.end && !/[\s"]/u.test(text[at] ?? ''));
    }
    if (word === index) return { source: place.source, line: place.line, start, end: Math.min(at, place.end) };
  }
  return inFile(place) === place ? { source: place.source, line: place.line, start: place.end, end: place.end } : place;
}
