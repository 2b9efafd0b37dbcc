/** What the YAML form makes of a keyword: shared by the one that reads it, the one that writes it, and the schema. */
import type { Keyword, ValueType } from '../keyword.ts';

/** `flag`: true or false; `switch`: also bare; `command`: a program with its account; `raw`: text split like a shell does. */
export type ValueForm = 'flag' | 'switch' | 'word' | 'words' | 'command' | 'raw';

export function valueForm(type: ValueType<unknown>): ValueForm {
  if (type.raw === true) return /^(?:"CMD|PATTERN)/u.test(type.syntax) ? 'command' : 'raw';
  if (type.syntax === '') return 'flag';
  if (type.syntax === '[BOOL]') return 'switch';
  return isOneWord(type) ? 'word' : 'words';
}

/** The whole text is one word, blanks included; otherwise it is split as conf text is. */
export function isOneWord(type: ValueType<unknown>): boolean {
  return /^\[?[\w.|/:*=-]+\]?$/u.test(type.syntax) && !/HEX/u.test(type.syntax);
}

/** A block without a name or address: its value is the body itself, or a list of bodies. */
export function isHeadless(row: Keyword): boolean {
  return row.value.syntax === '';
}

/** Secrets by the path of their table and name. */
export function isSecret(path: string, name: string): boolean {
  return name === 'auth_pass' || (name === 'password' && path === 'SSL') || (name === 'key' && path.endsWith('auth_hmac'));
}

/** Words of conf text: quotes make one word of what is between them. null: a quote is not closed. */
export function splitWords(text: string): { readonly word: string; readonly start: number; readonly end: number }[] | null {
  const found: { word: string; start: number; end: number }[] = [];
  for (let at = 0; at < text.length; ) {
    if (/\s/u.test(text[at] ?? '')) {
      at++;
      continue;
    }
    const start = at;
    if (text[at] === '"') {
      const close = text.indexOf('"', at + 1);
      if (close < 0) return null;
      at = close + 1;
      found.push({ word: text.slice(start + 1, close), start, end: at });
    } else {
      while (at < text.length && !/[\s"]/u.test(text[at] ?? '')) at++;
      found.push({ word: text.slice(start, at), start, end: at });
    }
  }
  return found;
}
