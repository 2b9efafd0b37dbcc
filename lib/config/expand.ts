/**
 * Definitions and what is made of them: `$NAME=value`, `$NAME`, `${NAME}`, the built-in `${_…}`, `~SEQ`, `~SEQx`, `~LST` and
 * `@ID` lines (reference 2.4).
 */
import type { Machine } from './machine.ts';

/** Bounds that a hand-written file never meets; beyond them expansion ends in a diagnostic. */
const MAX_REPLACEMENTS = 1000;
const MAX_LENGTH = 1 << 16;
const MAX_LINES = 100_000;
/** Characters that one ~ line may stand for. */
const MAX_SEQUENCE = 1 << 23;

export type Complain = (code: string, message: string, remedy?: string) => void;

export class Expander {
  readonly #values = new Map<string, string>();
  readonly #machine: Machine;
  readonly #configId: string;
  randomSeed: number | null = null;

  constructor(machine: Machine, configId: string) {
    this.#machine = machine;
    this.#configId = configId;
  }

  /** `$NAME=VALUE`: its parts; null when the line is no definition. */
  static definition(line: string): { readonly name: string; readonly value: string } | null {
    const match = /^\s*\$([A-Za-z_][A-Za-z0-9_]*)=(.*)$/su.exec(line);
    return match?.[1] === undefined || match[2] === undefined ? null : { name: match[1], value: match[2].trimStart() };
  }

  define(name: string, value: string): void {
    this.#values.set(name, value);
  }

  /** What is left of an `@ID …` or `@^ID …` line here: its text, or null when it is for others. */
  condition(line: string): string | null {
    const match = /^\s*@(\^?)(\S*)\s*(.*)$/su.exec(line);
    if (match === null) return line;
    const [, inverted, id, text] = match;
    return (id === this.#configId) !== (inverted === '^') && text !== '' ? (text ?? null) : null;
  }

  /**
   * The line with every known name replaced, again and again until none is left. A value of several lines ends the line: what
   * follows its first newline is left as it is, since it is read as lines of its own, later.
   */
  expand(line: string, directory: string, complain: Complain): string {
    let text = line;
    let rest = '';
    let at = text.indexOf('$');
    for (let count = 0; at >= 0; ) {
      const use = nameAt(text, at);
      const value = use === null ? null : this.#value(use.name, directory, complain);
      if (use === null || value === null) {
        at = text.indexOf('$', at + 1);
        continue;
      }
      const newline = value.indexOf('\n');
      if (newline >= 0) {
        rest = value.slice(newline) + text.slice(use.end) + rest;
        text = text.slice(0, at) + value.slice(0, newline);
      } else text = text.slice(0, at) + value + text.slice(use.end);
      if (++count > MAX_REPLACEMENTS || text.length + rest.length > MAX_LENGTH) {
        complain('macro-recursion', `definition '${use.name}' never stops expanding`, 'a definition must not use itself');
        return '';
      }
      at = text.indexOf('$', at);
    }
    return text + rest;
  }

  /** The lines that a `~SEQ`, `~SEQx` or `~LST` line stands for: definitions, each followed by the text; null: not such a line. */
  sequence(line: string, complain: Complain): string[] | null {
    const match = /^\s*~(SEQx|SEQ|LST)\s*\(/u.exec(line);
    if (match === null) return null;
    const end = closing(line, match[0].length);
    if (end < 0) {
      complain('bad-sequence', `~${match[1] ?? ''} has no closing ')'`);
      return [];
    }
    const inside = line.slice(match[0].length, end);
    const text = line.slice(end + 1).trimStart();
    const rounds = match[1] === 'LST' ? listRounds(inside, complain) : numberRounds(inside, match[1] === 'SEQx', complain);
    const most = Math.floor(MAX_SEQUENCE / (text.length + 64));
    if (rounds.length > most) {
      complain('sequence-too-long', `a ~ line stands for too much text`, 'write several ~ lines, or a generated file');
      rounds.length = most;
    }
    const before = (rounds[0] ?? []).map(([name]) => [name, this.#values.get(name)] as const);
    const lines = rounds.flatMap((round) => [...round.map(([name, value]) => `$${name}=${value}`), text]);
    for (const [name, value] of before) if (value !== undefined && !value.includes('\n')) lines.push(`$${name}=${value}`);
    return lines;
  }

  #value(name: string, directory: string, complain: Complain): string | null {
    const words = name.split(/\s+/u);
    switch (words[0]) {
      case '_PWD': return this.#absolute(directory);
      case '_INSTANCE': return this.#configId;
      case '_HASH': return '#';
      case '_BANG': return '!';
      case '_ENV': return words[1] === undefined ? null : (this.#machine.env(words[1]) ?? '');
      case '_RANDOM': return this.#random(words, complain);
      case undefined: return null;
      default: return this.#values.get(name) ?? null;
    }
  }

  #absolute(directory: string): string {
    const { cwd } = this.#machine;
    if (directory.startsWith('/')) return directory;
    return directory === '' ? (cwd ?? '.') : cwd === undefined ? directory : `${cwd}/${directory}`;
  }

  #random(words: readonly string[], complain: Complain): string {
    const min = Number(words[1] ?? 0);
    const max = Number(words[2] ?? 32767);
    if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || max < min) {
      complain('bad-random', `\${_RANDOM ${words.slice(1).join(' ')}}: the bounds must be two numbers, the smaller first`);
      return String(words[1] ?? 0);
    }
    return String(this.#machine.random(min, max, this.randomSeed));
  }
}

/** The name used at a `$`; null when the `$` is only a character. */
function nameAt(text: string, at: number): { name: string; end: number } | null {
  if (text[at + 1] === '{') {
    const close = text.indexOf('}', at);
    const name = close < 0 ? '' : text.slice(at + 2, close);
    return /^[A-Za-z_][A-Za-z0-9_]*(?:\s+-?\w+)*$/u.test(name) ? { name, end: close + 1 } : null;
  }
  const match = /^[A-Za-z_][A-Za-z0-9_]*(?=[\s,)]|$)/u.exec(text.slice(at + 1, at + 256));
  return match === null ? null : { name: match[0], end: at + 1 + match[0].length };
}

/** Offset of the `)` that belongs to a `(` before `from`. */
function closing(line: string, from: number): number {
  let depth = 1;
  for (let i = from; i < line.length; i++) {
    if (line[i] === '(') depth++;
    else if (line[i] === ')' && --depth === 0) return i;
  }
  return -1;
}

type Round = readonly (readonly [name: string, value: string])[];

function numberRounds(inside: string, hex: boolean, complain: Complain): Round[] {
  const [name = '', ...rest] = inside.split(',').map((word) => word.trim());
  const numbers = rest.map(cNumber);
  if (!/^[A-Za-z_]\w*$/u.test(name) || numbers.length < 1 || numbers.length > 3 || numbers.includes(null)) {
    complain('bad-sequence', `~SEQ needs a name and one to three numbers, not '${inside}'`, 'write ~SEQ(VAR, START, STEP, END) text');
    return [];
  }
  const values = numbers as number[];
  const end = values.at(-1) ?? 0;
  const start = values.length === 1 ? (end < 0 ? -1 : 1) : (values[0] ?? 0);
  const step = values.length === 3 ? (values[1] ?? 0) : end < start ? -1 : 1;
  if (step === 0 || (end - start) / step < 0 || (hex && (start < 0 || end < 0))) {
    complain('bad-sequence', `~SEQ never reaches its end: '${inside}'`);
    return [];
  }
  const rounds: Round[] = [];
  for (let n = start; step > 0 ? n <= end : n >= end; n += step) {
    rounds.push([[name, hex ? n.toString(16) : String(n)]]);
    if (rounds.length > MAX_LINES) {
      complain('sequence-too-long', `a ~SEQ line stands for more than ${String(MAX_LINES)} lines`);
      break;
    }
  }
  return rounds;
}

/** A number as C writes them: decimal, 0x…, 0…. */
function cNumber(word: string): number | null {
  const match = /^([+-]?)(0x[0-9a-f]+|0[0-7]*|[1-9]\d*)$/iu.exec(word);
  if (match?.[2] === undefined) return null;
  const digits = match[2];
  const value = /^0x/iu.test(digits) ? parseInt(digits, 16) : digits.startsWith('0') ? parseInt(digits, 8) : Number(digits);
  if (!Number.isSafeInteger(value)) return null;
  return match[1] === '-' ? -value : value;
}

function listRounds(inside: string, complain: Complain): Round[] {
  const items = splitItems(inside);
  const names = tuple(items[0] ?? '');
  if (names.length === 0 || names.some((name) => !/^[A-Za-z_]\w*$/u.test(name))) {
    complain('bad-sequence', `~LST needs a name first, not '${items[0] ?? ''}'`, 'write ~LST(VAR, VALUE, VALUE, …) text');
    return [];
  }
  return items.slice(1).map((item) => {
    const values = (items[0] ?? '').startsWith('{') ? tuple(item) : [item];
    if (values.length > names.length) complain('bad-sequence', `~LST: '${item}' has more members than there are names`);
    return names.map((name, i) => [name, values[i] ?? ''] as const);
  });
}

function tuple(item: string): string[] {
  return item.startsWith('{') ? item.replace(/^\{|\}$/gu, '').split(',').map((word) => word.trim()) : [item];
}

/** Splits at commas outside braces. */
function splitItems(inside: string): string[] {
  const items: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= inside.length; i++) {
    const c = inside[i];
    if (c === '{') depth++;
    else if (c === '}') depth--;
    else if (c === undefined || (c === ',' && depth <= 0)) {
      items.push(inside.slice(start, i).trim());
      start = i + 1;
    }
  }
  return items;
}
