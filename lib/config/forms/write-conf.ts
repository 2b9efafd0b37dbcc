/** Block tree → conf text: four blanks a level, one statement a line, includes and definitions resolved. */
import type { BlockValue, Statement } from '../keyword.ts';
import type { Comments } from './comments.ts';
import { confWord, statementText } from './conf-text.ts';

const INDENT = '    ';

/** The text that reads as the same tree. `comments`: carried along where a statement stands near them. */
export function writeConf(tree: BlockValue, comments: Comments | null = null): string {
  const lines: string[] = [];
  writeBody(tree.statements, '', lines, comments);
  for (const text of comments?.rest() ?? []) lines.push(comment(text));
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function writeBody(statements: readonly Statement[], indent: string, lines: string[], comments: Comments | null): void {
  for (const statement of statements) {
    const { above, behind } = comments?.at(statement) ?? { above: [], behind: null };
    const hasBody = statement.block !== null || statement.entries !== null;
    if (indent === '' && lines.length > 0 && (hasBody || lines.at(-1) === '}')) lines.push('');
    for (const text of above) lines.push(indent + comment(text));
    const tail = behind === null ? '' : ` ${comment(behind)}`;
    if (!hasBody) {
      lines.push(indent + statementText(statement) + tail);
      continue;
    }
    lines.push(`${indent}${headerText(statement)} {${tail}`);
    if (statement.block !== null) writeBody(statement.block.statements, indent + INDENT, lines, comments);
    for (const entry of statement.entries ?? []) writeEntry(entry, indent + INDENT, lines, comments);
    lines.push(`${indent}}`);
  }
}

/** Words behind the name of a list are a fault and mean nothing. */
function headerText(statement: Statement): string {
  const { list } = statement.row;
  const words = list === undefined ? statement.words : statement.words.slice(0, list.named === true ? 2 : 1);
  return words.map((word) => confWord(word)).join(' ');
}

/** A `{` that stood where an entry should comes out in quotes. */
function writeEntry(entry: Statement, indent: string, lines: string[], comments: Comments | null): void {
  const { above, behind } = comments?.at(entry) ?? { above: [], behind: null };
  for (const text of above) lines.push(indent + comment(text));
  lines.push(indent + entry.words.map((word, i) => confWord(word, i === 0)).join(' ') + (behind === null ? '' : ` ${comment(behind)}`));
}

function comment(text: string): string {
  return text === '' ? '#' : `# ${text}`;
}
