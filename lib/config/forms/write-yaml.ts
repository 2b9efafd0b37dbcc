/** Block tree → YAML that reads as the same tree. */
import type { BlockValue, Statement } from '../keyword.ts';
import type { Comments } from './comments.ts';
import { confWord, rawWords, commandText } from './conf-text.ts';
import { isHeadless, isOneWord, valueForm } from './yaml-rules.ts';

/** `left`: statements that have no YAML form, since they are faulty. */
export interface YamlText {
  readonly text: string;
  readonly left: readonly Statement[];
}

export function writeYaml(tree: BlockValue, comments: Comments | null = null): YamlText {
  const writer = new Writer(comments);
  writer.body(tree.statements, '', '');
  for (const text of comments?.rest() ?? []) writer.lines.push(comment(text));
  return { text: `${writer.lines.join('\n')}\n`, left: writer.left };
}

const STEP = '  ';

class Writer {
  readonly lines: string[] = [];
  readonly left: Statement[] = [];
  readonly #comments: Comments | null;

  constructor(comments: Comments | null) {
    this.#comments = comments;
  }

  /**
   * A mapping, or where a keyword comes again further down, a sequence of mappings. `first`: what stands before the first key
   * already, `- ` of a sequence.
   */
  body(statements: readonly Statement[], indent: string, first: string): void {
    const parts = segments(statements);
    if (parts.length <= 1) return this.#mapping(parts[0] ?? [], indent, first);
    for (const [i, part] of parts.entries()) this.#mapping(part, `${indent}${STEP}`, `${i === 0 && first !== '' ? first : indent}- `);
  }

  #mapping(groups: readonly Statement[][], indent: string, first: string): void {
    if (groups.length === 0) this.lines.push(`${first === '' ? indent : first}{}`);
    for (const [i, group] of groups.entries()) {
      if (indent === '' && i > 0 && group[0]?.block !== null) this.lines.push('');
      this.#group(group, indent, i === 0 && first !== '' ? first : indent);
    }
  }

  /** One key with everything that stands under it. */
  #group(group: readonly Statement[], indent: string, first: string): void {
    const [head] = group;
    if (head === undefined) return;
    const { row } = head;
    const key = scalar(head.words[0] ?? '', true);
    const inner = indent + STEP;
    if (row.block !== undefined && isHeadless(row)) this.#headless(group, key, indent, first);
    else if (row.block !== undefined) {
      let behind = this.#above(head, indent);
      this.#line(`${first}${key}:`, null, indent);
      for (const one of group) {
        behind = one === head ? behind : this.#above(one, inner);
        this.lines.push(`${inner}${scalar(headerKey(one), true)}:${behind === null ? '' : ` ${comment(behind)}`}`);
        this.#under(one.block?.statements ?? [], inner + STEP);
      }
    } else if (row.list?.named === true) {
      this.#line(`${first}${key}:`, null, indent);
      for (const one of group) this.#entries([one], `${inner}${scalar(one.words[1] ?? '', true)}:`, inner);
    } else if (row.list !== undefined) this.#entries(group, `${first}${key}:`, indent);
    else this.#values(group, `${first}${key}:`, indent);
  }

  #headless(group: readonly Statement[], key: string, indent: string, first: string): void {
    const inner = indent + STEP;
    const [one] = group;
    if (one !== undefined && group.length === 1 && segments(one.block?.statements ?? []).length <= 1) {
      this.#line(`${first}${key}:`, one, indent);
      return this.#under(one.block?.statements ?? [], inner);
    }
    this.#line(`${first}${key}:`, null, indent);
    for (const each of group) {
      const behind = this.#above(each, inner);
      if (behind !== null) this.lines.push(inner + comment(behind));
      this.body(each.block?.statements ?? [], inner + STEP, `${inner}- `);
    }
  }

  /** A body below the line of its key; an empty one stands on that line. */
  #under(statements: readonly Statement[], indent: string): void {
    if (statements.length > 0) return this.body(statements, indent, '');
    this.#append(' {}');
  }

  #entries(group: readonly Statement[], head: string, indent: string): void {
    this.#line(head, group[0] ?? null, indent);
    const entries = group.flatMap((one) => one.entries ?? []);
    if (entries.length === 0) this.#append(' []');
    for (const entry of entries) {
      const type = entry.row.list?.entry;
      const whole = entry.row.list?.words === true || (type !== undefined && isOneWord(type));
      this.#line(`${indent}${STEP}- ${scalar(whole ? (entry.words[0] ?? '') : entry.words.map((word) => confWord(word)).join(' '))}`, entry, indent + STEP);
    }
  }

  #values(group: readonly Statement[], head: string, indent: string): void {
    const told = group.map((one) => [one, valueText(one)] as const).filter((pair): pair is readonly [Statement, string] => pair[1] !== null || !this.left.push(pair[0]));
    const [only] = told;
    if (only !== undefined && told.length === 1) return this.#line(`${head} ${only[1]}`.trimEnd(), only[0], indent);
    if (told.length === 0) return this.#line(`${head} []`, null, indent);
    this.#line(head, null, indent);
    for (const [one, text] of told) this.#line(`${indent}${STEP}- ${text}`, one, indent + STEP);
  }

  #line(text: string, statement: Statement | null, indent: string): void {
    const behind = statement === null ? null : this.#above(statement, indent);
    this.lines.push(text + (behind === null ? '' : ` ${comment(behind)}`));
  }

  /** Writes the comments above; what stands behind is for the line itself. */
  #above(statement: Statement, indent: string): string | null {
    const { above, behind } = this.#comments?.at(statement) ?? { above: [], behind: null };
    for (const text of above) this.lines.push(indent + comment(text));
    return behind;
  }

  /** To the last line, before its comment. */
  #append(text: string): void {
    const at = this.lines.length - 1;
    const line = this.lines[at] ?? '';
    const mark = line.indexOf(' # ');
    this.lines[at] = mark < 0 ? line + text : line.slice(0, mark) + text + line.slice(mark);
  }
}

/** Statements by keyword, as long as each keyword stands together and no name comes twice; then a new part. */
function segments(statements: readonly Statement[]): Statement[][][] {
  const parts: Statement[][][] = [];
  let groups: Statement[][] = [];
  let seen = new Set<string>();
  for (const statement of statements) {
    const key = statement.words[0] ?? '';
    const last = groups.at(-1);
    const mapped = (statement.block !== null && !isHeadless(statement.row)) || statement.row.list?.named === true;
    const again = mapped && last?.some((one) => headerKey(one) === headerKey(statement)) === true;
    if (last !== undefined && last[0]?.words[0] === key && !again) last.push(statement);
    else {
      if (seen.has(key)) {
        parts.push(groups);
        groups = [];
        seen = new Set();
      }
      groups.push([statement]);
      seen.add(key);
    }
  }
  return groups.length === 0 ? parts : [...parts, groups];
}

/** What stands behind the keyword of a block; words that mean nothing are left out. */
function headerKey({ row, words }: Statement): string {
  if (row.list !== undefined || isOneWord(row.value)) return words[1] ?? '';
  return words.slice(1).map((word) => confWord(word)).join(' ');
}

/** null: a raw value whose quotes are not closed. */
function valueText(statement: Statement): string | null {
  const { row, words } = statement;
  const form = valueForm(row.value);
  if (form === 'command' || form === 'raw') return rawValue(statement, form);
  if (form === 'flag') return 'true';
  if (words.length < 2) return row.value.bare === true ? 'true' : 'null';
  const [, word = ''] = words;
  if (form === 'switch') return word === 'true' || word === 'false' ? word : scalar(word);
  const text = form === 'word' ? word : words.slice(1).map((one) => confWord(one)).join(' ');
  return scalar(text, row.value.bare !== true);
}

function rawValue(statement: Statement, form: 'command' | 'raw'): string | null {
  const split = rawWords(statement);
  if (split === null) return null;
  const [, command, user, group] = split;
  if (command === undefined) return statement.row.value.bare === true ? 'true' : 'null';
  if (form === 'raw') return scalar(commandText(split.slice(1)));
  if (user === undefined) return scalar(command);
  return `{ command: ${quoted(command)}, user: ${quoted(user)}${group === undefined ? '' : `, group: ${quoted(group)}`} }`;
}

/** A plain scalar where it means the same; `words`: true, null and the like are words here. */
function scalar(text: string, words = false): string {
  const plain = /^(?:[\w./+$^]|-(?=\w))(?:[^\s:#]|:(?=\S)|(?<=\S)#| (?=[^\s#]))*$/u.test(text) && !/^[-+.\w]*:$|["'\\`]|[^ -~]/u.test(text);
  const special = /^(?:true|false|null|~)$/iu.test(text) && !(words && /^(?:true|false)$/u.test(text));
  return plain && !special && text.length < 900 ? text : quoted(text);
}

/** JSON's strings are YAML's double-quoted ones. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

function comment(text: string): string {
  return text === '' ? '#' : `# ${text}`;
}
