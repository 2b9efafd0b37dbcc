/** Statements as conf text. What is written here is read again as the same words. */
import type { Statement } from '../keyword.ts';
import { scriptWords } from '../script-words.ts';
import { textAt } from '../source.ts';

/** The words of a statement on one line, without brace: `virtual_server 10.0.0.1 80`. */
export function statementText(statement: Statement): string {
  const { row, words } = statement;
  if (row.value.raw === true && row.list === undefined) return rawText(statement);
  return words.map((word, i) => confWord(word, i === 0)).join(' ');
}

/** Only blanks, quotes, braces and comment marks need quotes; at the start of a line also what the reader looks at there. */
export function confWord(word: string, startsLine = false): string {
  const plain = word !== '' && !/[\s{}#!"]/u.test(word) && !(startsLine && /^(?:[@~$]|include)/u.test(word));
  return plain ? word : `"${word}"`;
}

/** Words of a script line, so that they survive both splitters: braces and marks in quotes, quotes as escapes. */
export function commandText(words: readonly string[]): string {
  return words.map((word) => (/^[\w./:@%+,=*?~^$&|<>()[\];-]+$/u.test(word) ? word : `"${escaped(word)}"`)).join(' ');
}

/** The words of a raw statement as the second splitter has them, the keyword first; null when its quotes are not closed. */
export function rawWords(statement: Statement): readonly string[] | null {
  const split = scriptWords(textAt(statement));
  return split.ok ? split.words : null;
}

/** Kept as written, except that blanks behind the keyword become one. */
function rawText(statement: Statement): string {
  return textAt(statement).replace(/^(\S+)\s+/u, '$1 ');
}

function escaped(word: string): string {
  // A hexadecimal escape takes two digits at most, so what follows it is never swallowed.
  return [...word].map((c) => (c === '\\' ? '\\\\' : c === '"' || c < ' ' || c === '\x7f' ? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}` : c)).join('');
}
