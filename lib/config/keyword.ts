/**
 * The form of a keyword table. A keyword stands once, as a row: its argument type reads, range-checks and documents it; the
 * manual page, completion, the YAML form, the formatter and the "not in effect" list come from the same row.
 */
import type { Pass, Report } from './diagnostic.ts';
import type { Context } from './context.ts';
import { findKeyword, type Place, type Source, type Written } from './source.ts';

/** JSON schema, as far as the YAML form needs it. */
export type JsonSchema = { readonly [key: string]: string | number | boolean | JsonSchema | readonly (string | number | boolean | JsonSchema)[] };

/** The words of one statement while they are read. */
export interface Args {
  readonly words: readonly string[];
  /** Index of the first argument: 1, or 0 for the entry of a list. */
  readonly first: number;
  readonly place: Place;
  readonly context: Context;
  /** Name of the enclosing block (VI_1), '' if it has none. */
  readonly name: string;
  /** Reports at word `index`. */
  report(report: Omit<Report, 'place'>, index?: number): void;
}

/** How the arguments of a keyword are written, read and documented. */
export interface ValueType<T> {
  /** As the manual prints it: `SECONDS`, `IP [PORT]`; '' for none. */
  readonly syntax: string;
  /** Range in words; absent when the syntax says it all. */
  readonly range?: string;
  readonly schema: JsonSchema;
  /** Values that a shell may complete: words, or a kind of name. */
  readonly complete?: readonly string[] | 'interface' | 'file' | 'user';
  /** The keyword may stand alone. */
  readonly bare?: boolean;
  /** A string that is scanned a second time (scripts, regex): YAML and fmt keep it as it stands. */
  readonly raw?: boolean;
  /** undefined: faulty, as if the keyword were not there; the row's complaint follows unless `context.complained` was set. */
  read(args: Args): T | undefined;
}

const PLAIN_TYPES = new WeakSet<ValueType<unknown>>();

/** Declares that the words alone decide on the value: the same ones need not be read again. A type that is made from it is not, as it may read in another way. */
export function plain<T>(type: ValueType<T>): ValueType<T> {
  PLAIN_TYPES.add(type);
  return type;
}

export function isPlain(type: ValueType<unknown>): boolean {
  return PLAIN_TYPES.has(type);
}

export interface Keyword<out T = unknown> {
  readonly name?: string;
  readonly value: ValueType<T>;
  /** The manual's text. */
  readonly meaning: string;
  /** As the manual prints it; absent: none. */
  readonly default?: string;
  /** First version of keepalived with it, or `tskeepalived` for ours; absent: long there. */
  readonly since?: string;
  /** Absent: in effect. Otherwise what is missing, and the keyword gets one warning. */
  readonly notYet?: string;
  /** With `notYet`: whose product alone has it, so that it will have no effect here; `notYet` says what to do instead. */
  readonly elsewhere?: string;
  /** keepalived knows it only when built with this; the reference build is not. Ours has BFD. */
  readonly build?: 'bfd' | 'snmp' | 'dbus' | 'json' | 'regex';
  /** Bare use: `stop` ends keepalived with code 2; a template is an error; absent: `stop`, unless the type allows it. */
  readonly bare?: string;
  /** Template of keepalived's second line for a faulty value: `{word}`, `{name}`. */
  readonly invalid?: string;
  readonly deprecated?: string;
  /** Stores under this keyword's name instead. */
  readonly alias?: string;
  /** Each use adds a value: the value read is an array of them. */
  readonly many?: boolean;
  /** The first use wins; template of the complaint about a further one. */
  readonly once?: string;
  readonly block?: Table;
  readonly list?: ListForm;
  /** Acts on what depends on the order in the file. */
  then?(context: Context, value: unknown, args: Args): void;
}

/** The form of a list block: how an entry is read. */
export interface ListForm {
  readonly entry: ValueType<unknown>;
  /** Words that may follow an entry, each with its own row; for the manual and completion. */
  readonly options?: Rows;
  /** Every word is an entry of its own, rather than every line. */
  readonly words: boolean;
  /** Template of the complaint about an empty list; absent: none. */
  readonly empty?: string;
  /** The keyword is followed by a name, and each use is a list of its own. */
  readonly named?: boolean;
  /** Whose pass reads a list that stands outside every block; absent: VRRP's. */
  readonly pass?: Pass;
}

/** One use of a named list. */
export interface NamedList<T> {
  readonly name: string;
  readonly place: Place;
  readonly entries: readonly T[];
}

export type Rows = Readonly<Record<string, Keyword>>;

export interface Table<R extends Rows = Rows> {
  /** Path as the reference has it: `virtual_server.real_server`; '' for the root. */
  readonly path: string;
  readonly rows: R;
  readonly byName: ReadonlyMap<string, Keyword>;
  /** Whose pass reads it; absent: that of the enclosing block. */
  readonly pass?: Pass;
  begin?(context: Context, block: BlockValue): void;
  /** At the closing brace; false drops the block. */
  end?(context: Context, block: BlockValue, close: Place): boolean;
}

/** Typed values of a block: a member per keyword that was given. */
export type Values<R extends Rows> = { -readonly [K in keyof R]?: R[K] extends Keyword<infer T> ? T : never };

/** One statement as read, and its own place. */
export class Statement implements Place {
  readonly source: Source;
  readonly line: number;
  readonly start: number;
  readonly end: number;
  /** Only of other forms than conf. */
  declare written?: Written;
  /** The keyword first, quotes undone. */
  readonly words: readonly string[];
  readonly row: Keyword;
  block: BlockValue | null = null;
  /** Of a list: its lines, or with `words` its words. */
  entries: readonly Statement[] | null = null;
  /** The next one of its block: a list costs a large file less than arrays. */
  next: Statement | null = null;

  constructor(source: Source, line: number, start: number, end: number, words: readonly string[], row: Keyword) {
    this.source = source;
    this.line = line;
    this.start = start;
    this.end = end;
    this.words = words;
    this.row = row;
  }
}

/** A block as read. */
export class BlockValue<H = unknown, R extends Rows = Rows> {
  readonly table: Table;
  /** First word of the header; '' if it has none. */
  readonly name: string;
  readonly header: H;
  readonly values: Values<R> = {};
  readonly source: Source;
  readonly line: number;
  readonly start: number;
  readonly end: number;
  /** Offset of the closing brace, if it stands in the same source. */
  close: number;
  #first: Statement | null = null;
  #last: Statement | null = null;
  readonly #written: Written | undefined;

  /** The place is kept as numbers: a large file has many blocks and few faults. */
  constructor(table: Table, name: string, header: H, { source, line, start, end, written }: Omit<Place, 'written'> & { readonly written?: Written | undefined }) {
    this.#written = written;
    this.table = table;
    this.name = name;
    this.header = header;
    this.source = source;
    this.line = line;
    this.start = start;
    this.end = end;
    this.close = source.text.length;
  }

  /** The statement that opens the block. */
  get place(): Place {
    const { source, line, start, end } = this;
    return this.#written === undefined ? { source, line, start, end } : { source, line, start, end, written: this.#written };
  }

  add(statement: Statement): void {
    if (this.#last === null) this.#first = statement;
    else this.#last.next = statement;
    this.#last = statement;
  }

  /** In the order of the file; empty unless the tree was asked for. */
  get statements(): Statement[] {
    const all: Statement[] = [];
    for (let one = this.#first; one !== null; one = one.next) all.push(one);
    return all;
  }

  /** Where a keyword was last given, by this name or another spelling of it; without a tree found by reading the block's text again. */
  placeOf(keyword: keyof R & string): Place | undefined {
    const spellings = [...this.table.byName].filter(([name, row]) => name === keyword || row.alias === keyword).map(([name]) => name);
    if (this.#first !== null) return this.statements.findLast((one) => spellings.includes(one.words[0] ?? ''));
    return this.#written === undefined ? findKeyword(this, this.close, spellings) : undefined;
  }
}

export type BlockOf<K> = K extends Keyword<readonly (infer B)[]> ? B : never;

interface TableParts<R extends Rows> {
  readonly pass?: Pass;
  begin?(context: Context, block: BlockValue<unknown, R>): void;
  end?(context: Context, block: BlockValue<unknown, R>, close: Place): boolean;
}

export function table<const R extends Rows>(path: string, rows: R, parts: TableParts<NoInfer<R>> = {}): Table<R> {
  return { path, rows, byName: new Map(Object.entries(rows).map(([name, row]) => [name, { ...row, name }])), ...parts };
}

/** A keyword with arguments. */
export function keyword<T>(value: ValueType<T>, meaning: string, parts: Omit<Keyword<T>, 'value' | 'meaning'> = {}): Keyword<T> {
  return { value, meaning, ...parts };
}

/** The same keyword, each use adding a value. */
export function many<T>(one: Keyword<T>): Keyword<readonly T[]> {
  return { ...(one as Keyword<never>), many: true };
}

/** A keyword with a block of keywords; may be given many times. */
export function block<H, R extends Rows>(header: ValueType<H>, inner: Table<R>, meaning: string, parts: Omit<Keyword, 'value' | 'meaning' | 'block'> = {}): Keyword<readonly BlockValue<H, R>[]> {
  return { value: header as ValueType<never>, meaning, block: inner, many: true, ...parts };
}

/** A keyword with a block of lines, each an entry. */
export function list<T>(entry: ValueType<T>, meaning: string, parts: Omit<Keyword, 'value' | 'meaning' | 'list'> & Omit<ListForm, 'entry' | 'words'> & { readonly words?: boolean } = {}): Keyword<readonly T[]> {
  const { options, empty, words = false, ...rest } = parts;
  const form: ListForm = { entry, words, ...(options === undefined ? {} : { options }), ...(empty === undefined ? {} : { empty }) };
  return { value: LIST_HEADER as ValueType<never>, meaning, list: form, ...rest };
}

/** A keyword with a name and a block of lines. */
export function namedList<T>(entry: ValueType<T>, meaning: string, parts: Omit<Keyword, 'value' | 'meaning' | 'list'> & Omit<ListForm, 'entry' | 'words' | 'named'> = {}): Keyword<readonly NamedList<T>[]> {
  const { pass, empty, ...rest } = parts;
  const form: ListForm = { entry, words: false, named: true, ...(empty === undefined ? {} : { empty }), ...(pass === undefined ? {} : { pass }) };
  return { value: NAME_HEADER as ValueType<never>, meaning, list: form, ...rest };
}

/** No header: `{` follows the keyword. */
const LIST_HEADER: ValueType<undefined> = { syntax: '{ … }', schema: { type: 'array' }, bare: true, read: () => undefined };
const NAME_HEADER: ValueType<undefined> = { syntax: 'NAME { … }', schema: { type: 'object' }, read: () => undefined };
