/**
 * `fmt`: conf text laid out anew, nothing expanded: one statement a line, four blanks a level, `{` behind its statement, `}`
 * alone. The reader sees the same words and braces as before.
 */
import { commentAt } from './comments.ts';

const INDENT = '    ';

/** The same text in the one layout; formatting twice changes nothing. */
export function formatConf(text: string): string {
  const format = new Format();
  for (const line of text.split('\n')) format.line(line);
  return format.text();
}

class Format {
  readonly #out: string[] = [];
  #depth = 0;
  /** Inside a definition whose last line ends with a backslash: kept as it stands. */
  #inDefinition = false;
  /** Index of a line that a `{` on the next line may join; -1: none. */
  #header = -1;
  /** How many braces the last line opened or closed, if it began with `@`: the next one is its alternative. */
  #condition = 0;

  text(): string {
    while (this.#out.at(-1) === '') this.#out.pop();
    return this.#out.length === 0 ? '' : `${this.#out.join('\n')}\n`;
  }

  line(raw: string): void {
    const line = raw.trim();
    if (this.#inDefinition) return this.#continued(raw.trimEnd());
    if (line === '') return this.#blank();
    const condition = this.#condition;
    this.#condition = 0;
    const at = commentAt(line);
    if (at === 0) return this.#push(line);
    const comment = at < 0 ? '' : ` ${line.slice(at)}`;
    const code = (at < 0 ? line : line.slice(0, at)).trimEnd();
    const header = this.#header;
    this.#header = -1;
    if (/^\$[A-Za-z_]\w*=/u.test(line)) {
      this.#push(line);
      this.#inDefinition = code.endsWith('\\');
    } else if (/^(?:[@~]|include)/u.test(line) || code.includes('$')) this.#whole(line, code, condition);
    else {
      const parts = split(code);
      if (parts === null) this.#whole(line, code, condition);
      else this.#parts(parts, comment, header);
    }
  }

  #continued(line: string): void {
    this.#out.push(line);
    const at = commentAt(line);
    this.#inDefinition = at < 0 || line.slice(0, at).trim() === '' ? line.endsWith('\\') : line.slice(0, at).trimEnd().endsWith('\\');
  }

  #blank(): void {
    const last = this.#out.at(-1);
    this.#header = -1;
    if (last !== undefined && last !== '' && !last.endsWith('{')) this.#out.push('');
  }

  #push(text: string): void {
    this.#out.push(INDENT.repeat(this.#depth) + text);
  }

  #close(text: string): void {
    if (this.#out.at(-1) === '') this.#out.pop();
    this.#depth = Math.max(0, this.#depth - 1);
    this.#push(text);
  }

  /** A line that must stay one: a condition, a sequence, an include, or the use of a definition. */
  #whole(line: string, code: string, condition: number): void {
    const change = braces(code);
    const counted = line.startsWith('@') && condition !== 0 && condition === change ? 0 : change;
    if (line.startsWith('@')) this.#condition = change;
    const alternative = counted !== change;
    const shown = alternative && change > 0 ? this.#depth - change : this.#depth + Math.min(0, counted);
    this.#out.push(INDENT.repeat(Math.max(0, shown)) + line);
    this.#depth = Math.max(0, this.#depth + counted);
  }

  #parts(parts: readonly string[], comment: string, header: number): void {
    let open = header;
    for (const part of parts) {
      if (part === '}') {
        this.#close('}');
        open = -1;
      } else if (part === '{') {
        if (open < 0) this.#push('{');
        else this.#join(open);
        this.#depth++;
        open = -1;
      } else {
        this.#push(part);
        open = this.#out.length - 1;
      }
    }
    const last = this.#out.length - 1;
    this.#out[last] = (this.#out[last] ?? '') + comment;
    this.#header = open;
  }

  /** Puts a `{` behind the statement of a line, before its comment; comments below it are then inside. */
  #join(index: number): void {
    const line = this.#out[index] ?? '';
    const at = commentAt(line);
    this.#out[index] = at < 0 ? `${line} {` : `${line.slice(0, at).trimEnd()} { ${line.slice(at)}`;
    for (let i = index + 1; i < this.#out.length; i++) this.#out[i] = INDENT + (this.#out[i] ?? '');
  }
}

/** Statements and braces of a line; null: splitting it would change what it means. */
function split(code: string): string[] | null {
  const parts: string[] = [];
  let from = 0;
  let quoted = false;
  const push = (to: number): boolean => {
    const text = code.slice(from, to).trim();
    if (text !== '') parts.push(evenBlanks(text));
    return !/^(?:[@~$]|include)/u.test(text);
  };
  for (let i = 0; i < code.length; i++) {
    const c = code[i];
    if (c === '"') quoted = !quoted;
    if (quoted || (c !== '{' && c !== '}')) continue;
    if (!push(i)) return null;
    parts.push(c);
    from = i + 1;
  }
  return push(code.length) && !quoted ? parts : null;
}

/** One blank between words; lines with quotes or escapes of a shell are left alone, since blanks count in them. */
function evenBlanks(text: string): string {
  if (/['\\]/u.test(text)) return text;
  return text.split('"').map((part, i) => (i % 2 === 0 ? part.replace(/[ \t\v\f\r]+/gu, ' ') : part)).join('"');
}

/** Braces opened less braces closed, outside quotes and `${…}`. */
function braces(code: string): number {
  const plain = code.replace(/"[^"]*"/gu, '').replace(/\$\{[^}]*\}/gu, '');
  return [...plain].reduce((sum, c) => sum + (c === '{' ? 1 : c === '}' ? -1 : 0), 0);
}
