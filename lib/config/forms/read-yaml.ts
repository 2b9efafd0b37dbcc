/**
 * YAML → the statements that conf text would have, for the same parser: a keyword is a key, a block a mapping (of its names
 * or addresses, where it has them), a list a sequence. A body may be a sequence of mappings too, where order counts. Places
 * lead to the YAML text.
 */
import { Composer, type CST, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, Parser, type Scalar } from 'yaml';
import type { Report } from '../diagnostic.ts';
import type { Keyword, Table, ValueType } from '../keyword.ts';
import type { Tokens } from '../parser.ts';
import type { Token } from '../reader.ts';
import { scriptWords } from '../script-words.ts';
import type { Origin, Place, Source, Spot, Written } from '../source.ts';
import { commandText } from './conf-text.ts';
import { isHeadless, isSecret, splitWords, valueForm } from './yaml-rules.ts';

/** Aliases may stand for much; a file for a person does not. */
const MAX_ALIASED = 100_000;
const MAX_DEPTH = 40;

/** Reads YAML text as the parser reads a file; what is wrong with it as YAML is reported at once. */
export function yamlTokens(name: string, text: string, root: Table, report: (report: Report) => void): Tokens {
  const source: Mutable<Source> = { name, text, firstLine: 1, origin: null as Origin | null };
  const walk = new Walk(source);
  walk.document(root);
  if (walk.secrets.length > 0) source.shown = hide(text, walk.secrets);
  for (const one of walk.reports) report(one);
  return new TokenList(source, walk.tokens);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Item {
  readonly token: Token;
  readonly words: readonly string[];
  readonly place: Place;
}

/** A word with its place; several of them make a statement. */
interface Word extends Spot {
  readonly word: string;
}

class TokenList implements Tokens {
  words: readonly string[] = [];
  readonly source: Source;
  line = 1;
  start = 0;
  end = 0;
  written: Written | undefined = undefined;
  readonly #items: readonly Item[];
  #next = 0;

  constructor(source: Source, items: readonly Item[]) {
    this.source = source;
    this.#items = items;
  }

  next(): Token {
    const item = this.#items[this.#next++];
    if (item === undefined) return 'end';
    this.words = item.words;
    ({ line: this.line, start: this.start, end: this.end, written: this.written } = { written: undefined, ...item.place });
    return item.token;
  }

  place(): Place {
    const { source, line, start, end, written } = this;
    return written === undefined ? { source, line, start, end } : { source, line, start, end, written };
  }
}

class Walk {
  readonly tokens: Item[] = [];
  readonly reports: Report[] = [];
  readonly secrets: Spot[] = [];
  readonly #source: Source;
  readonly #lines = new LineCounter();
  #document: Document | null = null;
  /** The package looks through the whole document for each. */
  readonly #aliases = new Map<Node, Node | null>();
  #full = false;

  constructor(source: Source) {
    this.#source = source;
  }

  document(root: Table): void {
    const { text } = this.#source;
    const tokens = [...new Parser(this.#lines.addNewLine).parse(text)];
    if (isDeep(tokens)) return this.#fault('yaml-depth', 'the YAML is nested too deeply', { line: 1, start: 0, end: 0 }, 'a configuration has five levels at most');
    const [document, second] = new Composer({ prettyErrors: false }).compose(tokens, true, text.length);
    if (document === undefined) return;
    for (const fault of [...document.errors, ...document.warnings]) this.#syntax(fault.message, fault.pos);
    if (second !== undefined) this.#syntax('a second document', [second.range[0], second.range[1]], 'a configuration is one document: take out the ---');
    this.#document = document;
    if (document.errors.length === 0) this.#body(document.contents, root, 0);
  }

  #syntax(message: string, [start, end]: readonly [number, number], remedy: string | null = null): void {
    const twice = message.startsWith('Map keys must be unique');
    this.#fault(twice ? 'yaml-duplicate-key' : 'yaml-syntax', message, { line: this.#line(start), start, end: Math.max(end, start + 1) }, twice ? 'write what is repeated as a list' : remedy);
  }

  #body(given: unknown, table: Table, depth: number): void {
    const node = this.#resolve(given);
    if (isEmpty(node)) return;
    if (depth > MAX_DEPTH || this.tokens.length > this.#source.text.length + MAX_ALIASED) return this.#tooMuch(node);
    if (isMap(node)) for (const pair of node.items) this.#entry(pair, table, depth);
    else if (isSeq(node)) for (const item of node.items) this.#body(item, table, depth + 1);
    else this.#fault('yaml-form', `a mapping of keywords is wanted${table.path === '' ? '' : ` in ${table.path}`}`, this.#spot(node), 'write: keyword: value, one a line');
  }

  #tooMuch(node: Node): void {
    if (!this.#full) this.#fault('yaml-too-much', 'aliases stand for more than is sensible, or for themselves', this.#spot(node), 'write it out, or use fewer aliases');
    this.#full = true;
  }

  #entry(pair: Pair, table: Table, depth: number): void {
    const key = this.#key(pair);
    if (key === null) return;
    const row = table.byName.get(key.word);
    if (row === undefined) return this.#unknown(key);
    const value = this.#resolve(pair.value);
    if (isSecret(table.path, key.word) && value !== null) this.#secret(value);
    if (row.block !== undefined) this.#blocks(key, row, row.block, value, depth);
    else if (row.list !== undefined) this.#list(key, row, value);
    else if (isSeq(value)) for (const item of value.items) this.#value(key, row, this.#resolve(item));
    else this.#value(key, row, value);
  }

  #unknown(key: Word): void {
    if (key.word === '<<') this.#fault('yaml-merge', 'merge keys (<<) are not read', key, 'write the keywords out');
    else if (/^include[rmwba]?$/u.test(key.word)) this.#fault('yaml-include', `'${key.word}' is not for YAML`, key, 'join the files, or use the conf form: tskeepalived convert --to conf');
    else if (/^[@~$]/u.test(key.word)) this.#fault('yaml-macro', `'${key.word}': definitions, sequences and conditions are not for YAML`, key, 'write it out, use an anchor and aliases, or the conf form');
    else this.#statement([key]);
  }

  #blocks(key: Word, row: Keyword, inner: Table, value: Node | null, depth: number): void {
    if (isHeadless(row)) {
      for (const item of isSeq(value) ? value.items : [value]) this.#block([key], inner, item, depth);
    } else if (isMap(value)) {
      for (const pair of value.items) {
        const name = this.#key(pair);
        const words = name === null ? null : this.#split(name, row.value, pair.key as Node);
        if (words !== null) this.#block([key, ...words], inner, pair.value, depth);
      }
    } else if (isSeq(value)) for (const item of value.items) this.#blocks(key, row, inner, this.#resolve(item), depth + 1);
    else if (!isEmpty(value)) this.#fault('yaml-form', `'${key.word}' is a mapping of ${row.value.syntax} to what belongs to it`, value === null ? key : this.#spot(value), `write: ${key.word}: { ${row.value.syntax}: { … } }`);
  }

  #block(header: readonly Word[], inner: Table, body: unknown, depth: number): void {
    this.#statement(header);
    this.#brace('open', header);
    this.#body(body, inner, depth + 1);
    this.#brace('close', header);
  }

  #list(key: Word, row: Keyword, value: Node | null): void {
    if (row.list?.named !== true) return this.#entries([key], row, value);
    if (isSeq(value)) for (const item of value.items) this.#list(key, row, this.#resolve(item));
    else if (isMap(value)) {
      for (const pair of value.items) {
        const name = this.#key(pair);
        if (name !== null && this.#isPossible(name)) this.#entries([key, name], row, this.#resolve(pair.value));
      }
    } else if (!isEmpty(value)) this.#fault('yaml-form', `'${key.word}' is a mapping of names to lists`, value === null ? key : this.#spot(value), `write: ${key.word}: { NAME: [ … ] }`);
  }

  #entries(header: readonly Word[], row: Keyword, value: Node | null): void {
    this.#statement(header);
    this.#brace('open', header);
    for (const item of isSeq(value) ? value.items : isEmpty(value) ? [] : [value]) {
      const node = this.#resolve(item);
      if (!isScalar(node)) this.#fault('yaml-form', `an entry of '${header[0]?.word ?? ''}' is a line of text`, node === null ? spotOf(header) : this.#spot(node), `write: - ${row.list?.entry.syntax ?? ''}`);
      else {
        const words = row.list?.words === true ? this.#one(node) : this.#split({ word: textOf(node), ...this.#spot(node) }, row.list?.entry ?? row.value, node);
        if (words !== null && words.length > 0) this.#statement(words);
      }
    }
    this.#brace('close', header);
  }

  #value(key: Word, row: Keyword, value: Node | null): void {
    const form = valueForm(row.value);
    if (form === 'command' && isMap(value)) return this.#command(key, value.items);
    if (!isEmpty(value) && !isScalar(value)) return this.#fault('yaml-form', `'${key.word}' takes a value, not a ${isSeq(value) ? 'list' : 'mapping'}`, this.#spot(value), `write: ${key.word}: ${row.value.syntax}`);
    if (isEmpty(value) || !isScalar(value)) return this.#statement([key]);
    const text = textOf(value);
    const isPlain = value.type === 'PLAIN';
    if (form === 'flag') return this.#flag(key, value, text);
    if (isPlain && text === 'true' && row.value.bare === true) return this.#statement([key]);
    if (form === 'command') return this.#raw([key, { word: text, ...this.#spot(value) }]);
    if (form === 'raw') {
      const split = scriptWords(text);
      if (!split.ok) return this.#fault('unterminated-quote', `Unterminated ${split.quote} in '${text}'`, this.#spot(value), 'close the quotes');
      return this.#raw([key, ...split.words.map((word) => ({ word, ...this.#spot(value) }))]);
    }
    const words = form === 'switch' ? this.#one(value) : this.#split({ word: text, ...this.#spot(value) }, row.value, value);
    if (words !== null) this.#statement([key, ...words]);
  }

  #flag(key: Word, value: Scalar, text: string): void {
    if (['true', 'yes', 'on'].includes(text)) this.#statement([key]);
    else if (!['false', 'no', 'off'].includes(text)) this.#fault('yaml-form', `'${key.word}' is a switch, not '${text}'`, this.#spot(value), 'write true or false');
  }

  /** `{ command: …, user: …, group: … }` */
  #command(key: Word, pairs: readonly Pair[]): void {
    const found = new Map<string, Word>();
    for (const pair of pairs) {
      const name = this.#key(pair);
      const value = this.#resolve(pair.value);
      if (name === null) return;
      if (!['command', 'user', 'group'].includes(name.word) || !isScalar(value)) return this.#fault('yaml-form', `'${key.word}' has command, user and group, not '${name.word}'`, name, `write: ${key.word}: { command: …, user: … }`);
      found.set(name.word, { word: textOf(value), ...this.#spot(value) });
    }
    const [command, user, group] = ['command', 'user', 'group'].map((name) => found.get(name));
    if (command === undefined || (group !== undefined && user === undefined)) return this.#fault('yaml-form', `'${key.word}' needs its ${command === undefined ? 'command' : 'user'}`, key, `write: ${key.word}: { command: …, user: … }`);
    this.#raw([key, command, ...(user === undefined ? [] : [user]), ...(group === undefined ? [] : [group])]);
  }

  #key(pair: Pair): Word | null {
    const node = this.#resolve(pair.key);
    if (isScalar(node)) return { word: textOf(node), ...this.#spot(node) };
    this.#fault('yaml-form', 'a key must be a word', node === null ? { line: 1, start: 0, end: 0 } : this.#spot(node), null);
    return null;
  }

  /** The words of a text: one, or as conf text has them. */
  #split(text: Word, type: ValueType<unknown>, node: Node): Word[] | null {
    if (valueForm(type) === 'word') return this.#isPossible(text) ? [text] : null;
    const words = splitWords(text.word);
    if (words === null) this.#fault('unterminated-quote', `Unterminated quote in '${text.word}'`, text, 'close the string with "');
    const shift = this.#offset(text, node);
    const all = words?.map(({ word, start, end }) => (shift === null ? { ...text, word } : { word, line: text.line, start: shift + start, end: shift + end }));
    return all === undefined || !all.every((word) => this.#isPossible(word)) ? null : all;
  }

  #one(node: Scalar): Word[] | null {
    const word = { word: textOf(node), ...this.#spot(node) };
    return this.#isPossible(word) ? [word] : null;
  }

  /** Where the text itself begins, if it stands in the file as it is. */
  #offset(text: Word, node: Node): number | null {
    const start = isScalar(node) && (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') ? text.start + 1 : text.start;
    return this.#source.text.startsWith(text.word, start) ? start : null;
  }

  /** What conf text could hold too: anything but a quote or a control character. A definition is not expanded, which is said. */
  #isPossible(word: Word): boolean {
    const macro = /\$(?:\{[A-Za-z_][^}]*\}|[A-Za-z_]\w*$)/u.exec(word.word);
    if (macro !== null) this.#warn('yaml-macro', `'${macro[0]}' is not expanded in YAML`, word, 'write the value, or use an anchor and an alias');
    if (!/["\u0000-\u001f\u007f]/u.test(word.word)) return true;
    this.#fault('yaml-word', 'a quote, a line break or a control character inside a word', word, 'the configuration language has no such words');
    return false;
  }

  #raw(words: readonly Word[]): void {
    this.#statement(words, commandText(words.map(({ word }) => word)));
  }

  #statement(words: readonly Word[], raw: string | null = null): void {
    const text = raw ?? words.map(({ word }) => word).join(' ');
    const spots = words.map(({ line, start, end }) => ({ line, start, end }));
    this.#push('statement', words.map(({ word }) => word), { source: this.#source, ...spotOf(words), written: { text, words: spots } });
  }

  #brace(token: 'open' | 'close', header: readonly Word[]): void {
    this.#push(token, [], { source: this.#source, ...spotOf(header) });
  }

  #push(token: Token, words: readonly string[], place: Place): void {
    this.tokens.push({ token, words, place });
  }

  #resolve(node: unknown): Node | null {
    if (node === null || node === undefined) return null;
    if (!isAlias(node) || this.#document === null) return node as Node;
    const known = this.#aliases.get(node);
    if (known !== undefined) return known;
    const found = node.resolve(this.#document) ?? null;
    this.#aliases.set(node, found);
    return found;
  }

  #secret(node: Node): void {
    for (const one of isSeq(node) ? node.items : [node]) {
      const value = this.#resolve(one);
      if (value !== null && isScalar(value)) this.secrets.push(this.#spot(value));
    }
  }

  #spot(node: Node): Spot {
    const [start, end] = node.range ?? [0, 0];
    return { line: this.#line(start), start, end };
  }

  #line(offset: number): number {
    return Math.max(1, this.#lines.linePos(offset).line);
  }

  #fault(code: string, message: string, spot: Spot, remedy: string | null): void {
    this.reports.push({ code, message, remedy, place: { source: this.#source, line: spot.line, start: spot.start, end: spot.end }, pass: 'all' });
  }

  #warn(code: string, message: string, spot: Spot, remedy: string): void {
    this.reports.push({ code, message, remedy, severity: 'warning', recorded: 'none', wording: null, place: { source: this.#source, line: spot.line, start: spot.start, end: spot.end }, pass: 'all' });
  }
}

/** Whether the package would run out of stack: it reads nested text by recursion. */
function isDeep(tokens: readonly CST.Token[]): boolean {
  const waiting: (readonly [CST.Token, number])[] = tokens.map((token) => [token, 0]);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [token, depth] = next;
    if (depth > MAX_DEPTH) return true;
    if (token.type === 'document' && token.value !== undefined) waiting.push([token.value, depth]);
    if (!('items' in token)) continue;
    for (const item of token.items) {
      for (const part of [item.key, item.value]) if (part != null) waiting.push([part, depth + 1]);
    }
  }
  return false;
}

/** From the keyword to the last word; where the keyword stands further up, from the name or value that is meant. */
function spotOf(words: readonly Word[]): Spot {
  const [keyword = { line: 1, start: 0, end: 0 }, second = keyword] = words;
  const first = second.line > keyword.line ? second : keyword;
  const last = words.at(-1) ?? first;
  return { line: first.line, start: first.start, end: last.start >= first.start ? last.end : first.end };
}

function isEmpty(node: Node | null): node is null {
  return node === null || (isScalar(node) && node.value === null);
}

/** As written: numbers keep their zeros, words like `on` are words. */
function textOf(node: Scalar): string {
  return node.source ?? String(node.value);
}

function hide(text: string, secrets: readonly Spot[]): string {
  let shown = text;
  for (const { start, end } of secrets) shown = shown.slice(0, start) + shown.slice(start, end).replace(/[^\s"']/gu, '*') + shown.slice(end);
  return shown;
}
