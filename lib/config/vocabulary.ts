/**
 * The characters of a text as numbers, and the keywords met in it: a large configuration says the same few again and again, and
 * a string that is known already brings along the hash by which keyword tables find it.
 */
import type { Keyword, Table } from './keyword.ts';

const SLOTS = 1024;
const STATEMENTS = 2048;

/** UTF-16 code units, in bytes where that is enough. */
export type Codes = Uint8Array | Uint16Array;

export class Vocabulary {
  /** One word a slot: the last one. */
  readonly #words: string[] = new Array<string>(SLOTS).fill('');

  /** The text from `start` to `end`. */
  word(text: string, codes: Codes, start: number, end: number): string {
    const length = end - start;
    const slot = ((length << 5) + (codes[start] ?? 0) * 7 + (codes[end - 1] ?? 0)) & (SLOTS - 1);
    const known = this.#words[slot] ?? '';
    if (known.length === length && text.startsWith(known, start)) return known;
    const word = text.slice(start, end);
    this.#words[slot] = word;
    return word;
  }
}

/** A statement as it stood before. */
export class Met {
  readonly words: readonly string[];
  /** Characters up to the end of its last word. */
  readonly used: number;
  /** What the parser made of it: in which table, by which row, and the value if the words alone decide on it. */
  table: Table | null = null;
  row: Keyword | undefined = undefined;
  value: string | number | boolean | undefined = undefined;

  constructor(words: readonly string[], used: number) {
    this.words = words;
    this.used = used;
  }
}

/** Whole statements that were read already. One a slot: the last one that came twice. */
export class MetStatements {
  /** Hash of the statement that was last seen with this slot. */
  readonly #seen = new Int32Array(STATEMENTS);
  readonly #met: (Met | null)[] = new Array<Met | null>(STATEMENTS).fill(null);
  readonly #starts = new Int32Array(STATEMENTS);
  readonly #lengths = new Int32Array(STATEMENTS);
  #codes: Codes = new Uint8Array();

  find(codes: Codes, start: number, end: number, hash: number): Met | null {
    const slot = slotOf(hash);
    const length = end - start;
    if (this.#lengths[slot] !== length || codes !== this.#codes) return null;
    const before = this.#starts[slot] ?? 0;
    for (let i = 0; i < length; i++) if (codes[before + i] !== codes[start + i]) return null;
    return this.#met[slot] ?? null;
  }

  /** Whether one like this came before, most likely: most that come once never come again. */
  again(hash: number): boolean {
    const slot = slotOf(hash);
    if (this.#seen[slot] === hash) return true;
    this.#seen[slot] = hash;
    return false;
  }

  keep(codes: Codes, start: number, end: number, hash: number, met: Met): void {
    if (codes !== this.#codes) {
      this.#codes = codes;
      this.#lengths.fill(0);
    }
    const slot = slotOf(hash);
    this.#met[slot] = met;
    this.#starts[slot] = start;
    this.#lengths[slot] = end - start;
  }
}

function slotOf(hash: number): number {
  return (hash ^ (hash >>> 15)) & (STATEMENTS - 1);
}

/** ASCII, which is nearly every configuration, takes a byte a character. */
export function codesOf(text: string): Codes {
  const bytes = new TextEncoder().encode(text);
  return bytes.length === text.length ? bytes : Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}
