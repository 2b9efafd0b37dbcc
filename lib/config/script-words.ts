/**
 * The second splitter, for script commands and patterns (reference 2.6): shell-like quotes and backslash escapes on the raw
 * line; adjacent parts join.
 */

export type SplitResult = { readonly ok: true; readonly words: readonly string[] } | { readonly ok: false; readonly message: string; /** The kind that is missing. */ readonly quote: string };

/** Splits at blanks outside quotes. */
export function scriptWords(text: string): SplitResult {
  const words: string[] = [];
  let word: string | null = null;
  for (let i = 0; i < text.length; ) {
    const c = text[i] ?? '';
    if (/\s/u.test(c)) {
      if (word !== null) words.push(word);
      word = null;
      i++;
    } else if (c === '"' || c === "'") {
      const part = quoted(text, i, c);
      if (part === null) return { ok: false, message: `missing terminating ${c}`, quote: c };
      word = (word ?? '') + part.value;
      i = part.end;
    } else if (c === '\\' && i + 1 < text.length) {
      const part = escape(text, i);
      word = (word ?? '') + part.value;
      i = part.end;
    } else {
      word = (word ?? '') + c;
      i++;
    }
  }
  if (word !== null) words.push(word);
  return { ok: true, words };
}

interface Part {
  readonly value: string;
  readonly end: number;
}

function quoted(text: string, start: number, quote: string): Part | null {
  let value = '';
  for (let i = start + 1; i < text.length; ) {
    const c = text[i] ?? '';
    if (c === quote) return { value, end: i + 1 };
    if (c === '\\' && i + 1 < text.length) {
      const part = escape(text, i);
      value += part.value;
      i = part.end;
    } else {
      value += c;
      i++;
    }
  }
  return null;
}

const SIMPLE: Readonly<Record<string, string>> = { a: '\x07', b: '\b', E: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** `\n`, `\xHH`, `\ooo`, `\cX`; any other character stands for itself. */
function escape(text: string, start: number): Part {
  const rest = text.slice(start + 1, start + 5);
  const hex = /^x([0-9a-f]{1,2})/iu.exec(rest);
  if (hex?.[1] !== undefined) return { value: String.fromCharCode(parseInt(hex[1], 16)), end: start + 2 + hex[1].length };
  const octal = /^[0-7]{1,3}/u.exec(rest);
  if (octal !== null) return { value: String.fromCharCode(parseInt(octal[0], 8) & 0xff), end: start + 1 + octal[0].length };
  const c = rest[0] ?? '';
  if (c === 'c' && rest.length > 1) return { value: String.fromCharCode(rest.charCodeAt(1) & 0x1f), end: start + 3 };
  return { value: SIMPLE[c] ?? c, end: start + 2 };
}
