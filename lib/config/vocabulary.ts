/**
 * The characters of a text as numbers, and the keywords met in it: a large configuration says the same few again and again, and
 * a string that is known already brings along the hash by which keyword tables find it.
 */
const SLOTS = 1024;

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

/** ASCII, which is nearly every configuration, takes a byte a character. */
export function codesOf(text: string): Codes {
  const bytes = new TextEncoder().encode(text);
  return bytes.length === text.length ? bytes : Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}
