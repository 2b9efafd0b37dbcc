/**
 * Text → statements and braces, across includes, definitions and conditions. The common line is scanned once, in place; only
 * a line with a `$`, `@`, `~` or an include goes the long way.
 */
import { Expander, type Complain } from './expand.ts';
import { includedFiles, type IncludeKind, type IncludeRules } from './include.ts';
import type { FileReader, Machine } from './machine.ts';
import type { Report } from './diagnostic.ts';
import { fileSource, madeSource, type Origin, type Place, type Source } from './source.ts';
import { codesOf, Met, MetStatements, Vocabulary, type Codes } from './vocabulary.ts';

/** keepalived's line buffer, with the newline. */
const LINE_BYTES = 1024;
const MAX_DEPTH = 64;
/** Characters that expansion may make in all. */
const MAX_MADE = 1 << 24;
/** Lines that may be expanded in all. */
const MAX_EXPANSIONS = 1 << 18;

export type Token = 'statement' | 'open' | 'close' | 'end';

interface Frame {
  source: Source;
  /** The text's characters, which are looked at one by one. */
  codes: Codes;
  /** Directory of the file, '' for the working directory. */
  directory: string;
  /** Path of the file, null for made text. */
  path: string | null;
  pos: number;
  lineStart: number;
  lineEnd: number;
  line: number;
  /** Next offset of a character that needs a look, or beyond the text. */
  nextDollar: number;
  nextNul: number;
  afterBrace: boolean;
  /** Expansion of a macro: its first line is the rest of the line that used it, not a line of its own. */
  isMacro: boolean;
}

export class Reader {
  /** The words of the last statement. */
  words: readonly string[] = [];
  /** What is known of it, if it may have stood like that before. */
  met: Met | null = null;
  source: Source;
  /** The last statement lost a string without its closing quote. */
  unterminated = false;
  line = 0;
  start = 0;
  end = 0;
  /** Files read so far, in order. */
  readonly files: string[] = [];
  readonly includeRules: IncludeRules;
  readonly expander: Expander;
  readonly #files: FileReader;
  readonly #report: (report: Report) => void;
  readonly #frames: Frame[] = [];
  #top: Frame | null = null;
  readonly #vocabulary = new Vocabulary();
  readonly #statements = new MetStatements();
  #madeLength = 0;
  #expansions = 0;
  #madeTooMuch = false;

  constructor(files: FileReader, machine: Machine, configId: string, rules: IncludeRules, report: (report: Report) => void) {
    this.#files = files;
    this.#report = report;
    this.includeRules = rules;
    this.expander = new Expander(machine, configId);
    this.source = fileSource('', '', null);
  }

  /** Reads this file next; `name` is what diagnostics call it. */
  pushFile(path: string, text: string, origin: Origin | null, at = path): void {
    this.files.push(path);
    const source = fileSource(path, text, origin);
    this.#strangeBlanks(source);
    this.#push(source, directoryOf(at), at);
  }

  /** One warning for a file in which other blanks than keepalived's separate words. */
  #strangeBlanks(source: Source): void {
    const { text } = source;
    if (!text.includes('\u00a0') && !text.includes('\u3000')) return;
    let line = 0;
    for (let start = 0; start < text.length; ) {
      const end = indexOr(text, '\n', start);
      line++;
      const bare = stripComment(text.slice(start, end)).replace(/"[^"]*"/gu, (quoted) => ' '.repeat(quoted.length));
      const column = bare.search(STRANGE_BLANK);
      if (column >= 0) {
        const place = { source, line, start: start + column, end: start + column + 1 };
        this.#report({ code: 'no-break-space', severity: 'warning', place, wording: null, message: 'a no-break space, read as a blank; keepalived takes it for a part of the word', remedy: "replace them: sed -i 's/\\xc2\\xa0/ /g' FILE" });
        return;
      }
      start = end + 1;
    }
  }

  /** Reads text that a place in a file stands for. */
  pushMade(text: string, origin: Origin): void {
    this.#push(madeSource(text, origin), this.#top?.directory ?? '', null);
  }

  /** The place of the last token. */
  place(): Place {
    return { source: this.source, line: this.line, start: this.start, end: this.end };
  }

  /** Goes on to the next token and says what it is; a statement's words are in `words`. */
  next(): Token {
    for (;;) {
      const frame = this.#top;
      if (frame === null) return 'end';
      if (frame.pos >= frame.lineEnd) {
        this.#nextLine(frame);
        continue;
      }
      const { codes, lineEnd } = frame;
      let { pos } = frame;
      let c = codes[pos] ?? 0;
      while (pos < lineEnd && isBlank(c)) c = codes[++pos] ?? 0;
      if (pos >= lineEnd || c === HASH || c === BANG) {
        frame.pos = lineEnd;
        continue;
      }
      this.source = frame.source;
      this.line = frame.line;
      this.start = pos;
      if (c === AT && frame.afterBrace && this.#condition(frame, pos)) continue;
      frame.afterBrace = c === OPEN || c === CLOSE;
      if (c === OPEN || c === CLOSE) {
        this.end = frame.pos = pos + 1;
        return c === OPEN ? 'open' : 'close';
      }
      this.#words(frame, pos);
      if (this.words.length > 0) return 'statement';
    }
  }

  /** What follows a brace is looked at like a line of its own: `@ID …` may take it away. */
  #condition(frame: Frame, pos: number): boolean {
    const rest = this.expander.condition(frame.source.text.slice(pos, frame.lineEnd));
    if (rest !== null) return false;
    frame.pos = frame.lineEnd;
    return true;
  }

  /** Collects words up to a brace, a comment or the end of the line; what stood like that before is known. */
  #words(frame: Frame, from: number): void {
    const { codes, lineEnd } = frame;
    this.unterminated = false;
    let pos = from;
    let hash = 0;
    let c = codes[pos] ?? 0;
    this.met = null;
    // An address of a list: it does not come again.
    if (c >= DIGIT_0 && c <= DIGIT_9) return this.#newWords(frame, from);
    do {
      hash = (Math.imul(hash, 31) + c) | 0;
      c = codes[++pos] ?? 0;
    } while (pos < lineEnd && (c > CLOSE || ENDS_STATEMENT[c] === 0));
    const known = this.#statements.find(codes, from, pos, hash);
    if (known !== null && c !== QUOTE) {
      this.met = known;
      this.words = known.words;
      this.end = from + known.used;
      frame.pos = pos < lineEnd && (c === HASH || c === BANG) ? lineEnd : pos;
      return;
    }
    this.#newWords(frame, from);
    if (c === QUOTE || codes[from] === QUOTE || !this.#statements.again(hash)) return;
    this.met = new Met(this.words, this.end - from);
    this.#statements.keep(codes, from, pos, hash, this.met);
  }

  #newWords(frame: Frame, from: number): void {
    const { text } = frame.source;
    const { codes, lineEnd } = frame;
    const words: string[] = [];
    let pos = from;
    let end = from;
    while (pos < lineEnd) {
      let c = codes[pos] ?? 0;
      if (isBlank(c)) {
        pos++;
        continue;
      }
      if (c === OPEN || c === CLOSE) break;
      if (c === HASH || c === BANG) {
        pos = lineEnd;
        break;
      }
      const wordStart = pos;
      let word: string;
      if (c === QUOTE) {
        const close = text.indexOf('"', pos + 1);
        if (close < 0 || close >= lineEnd) {
          this.#unterminated(frame, from);
          end = from + text.slice(from, lineEnd).trimEnd().length;
          pos = lineEnd;
          this.unterminated = true;
          break;
        }
        word = text.slice(pos + 1, close);
        pos = close + 1;
      } else {
        do c = codes[++pos] ?? 0;
        while (pos < lineEnd && (c > CLOSE ? !isBlank(c) : ENDS_WORD[c] === 0));
        word = words.length === 0 ? this.#vocabulary.word(text, codes, wordStart, pos) : text.slice(wordStart, pos);
      }
      end = pos;
      words.push(word);
    }
    this.words = words;
    this.end = end;
    frame.pos = pos;
  }

  /** keepalived quotes the statement from its first word on. */
  #unterminated(frame: Frame, at: number): void {
    const rest = frame.source.text.slice(at, frame.lineEnd).trimEnd();
    const quote = frame.source.text.indexOf('"', at);
    const place = { source: frame.source, line: frame.line, start: quote < 0 ? at : quote, end: frame.lineEnd };
    this.#report({ code: 'unterminated-quote', recorded: 'unmatched-quote', place, pass: 'all', message: `Unterminated quote '${rest}'` });
    this.#report({ code: 'unterminated-quote', recorded: 'unmatched-quote', place, pass: 'all', severity: 'note', message: `Unmatched quote: '${rest}'`, remedy: 'close the string with " on the same line' });
  }

  /** Moves a frame to its next line, or leaves it. */
  #nextLine(frame: Frame): void {
    const { text } = frame.source;
    if (frame.lineEnd >= text.length) {
      this.#frames.pop();
      this.#top = this.#frames.at(-1) ?? null;
      return;
    }
    const start = frame.lineEnd < 0 ? 0 : frame.lineEnd + 1;
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    if (frame.path !== null) frame.line++;
    frame.lineStart = frame.pos = start;
    frame.lineEnd = end;
    frame.afterBrace = false;
    if (end - start > LINE_BYTES / 3 && this.#tooLong(frame)) return;
    if (frame.nextNul < end) {
      if (frame.nextNul < start) frame.nextNul = indexOr(text, '\0', start);
      if (frame.nextNul < end && this.#hasNul(frame)) return;
    }
    const { codes } = frame;
    let pos = start;
    let c = codes[pos] ?? 0;
    while (pos < end && isBlank(c)) c = codes[++pos] ?? 0;
    frame.pos = pos;
    if (pos >= end) return;
    if (frame.isMacro && start === 0) {
      // Expanded already; what stands there may be an include, behind a condition or with a definition in its path.
      if (text.startsWith('include', pos)) this.#include(frame, pos);
      return;
    }
    if (c === AT || c === TILDE) return this.#special(frame);
    if (frame.nextDollar < end) {
      if (frame.nextDollar < start) frame.nextDollar = indexOr(text, '$', start);
      if (frame.nextDollar < end) return this.#special(frame);
    }
    if (c === LOWER_I && text.startsWith('include', pos)) this.#include(frame, pos);
  }

  #linePlace(frame: Frame): Place {
    return { source: frame.source, line: frame.line, start: frame.lineStart, end: frame.lineEnd };
  }

  #tooLong(frame: Frame): boolean {
    const line = frame.source.text.slice(frame.lineStart, frame.lineEnd);
    if (utf8Length(line) + 1 < LINE_BYTES) return false;
    this.#report({
      code: 'line-too-long', recorded: 'general', place: this.#linePlace(frame), pass: 'all',
      message: `line of ${String(utf8Length(line))} bytes is ignored: a line has at most ${String(LINE_BYTES - 2)}`, remedy: 'split it; entries of a block may stand on lines of their own',
    });
    frame.pos = frame.lineEnd;
    return true;
  }

  #hasNul(frame: Frame): boolean {
    this.#report({ code: 'nul-byte', place: this.#linePlace(frame), pass: 'all', message: 'line with a NUL byte is ignored', remedy: 'is this a text file?' });
    frame.pos = frame.lineEnd;
    return true;
  }

  /** Conditions, sequences, definitions and their uses: the line is replaced by what it stands for. */
  #special(frame: Frame): void {
    const place = this.#linePlace(frame);
    const whole = stripComment(frame.source.text.slice(frame.lineStart, frame.lineEnd));
    frame.pos = frame.lineEnd;
    const line = whole.trimStart().startsWith('@') ? this.expander.condition(whole) : whole;
    if (line === null || line.trim() === '') return;
    const definition = Expander.definition(line);
    if (definition !== null) return this.expander.define(definition.name, this.#continued(frame, definition.value));
    const complain: Complain = (code, message, remedy) => { this.#report({ code, message, place, pass: 'all', remedy: remedy ?? null }); };
    if (line.trimStart().startsWith('~')) {
      const lines = this.expander.sequence(line, complain);
      if (lines !== null) return this.#made(lines.join('\n'), { kind: 'sequence', label: line.trim(), place }, complain);
    }
    this.#made(this.expander.expand(line, frame.directory, complain), { kind: 'macro', label: line.trim(), place }, complain);
  }

  /** Reads what a line stands for, within bounds. */
  #made(text: string, origin: Origin, complain: Complain): void {
    this.#madeLength += text.length;
    this.#expansions++;
    if (this.#frames.length < MAX_DEPTH && this.#madeLength < MAX_MADE && this.#expansions < MAX_EXPANSIONS) return this.pushMade(text, origin);
    if (!this.#madeTooMuch) complain('macro-recursion', 'definitions expand without an end, or to more text than is sensible', 'a definition must not use itself');
    this.#madeTooMuch = true;
  }

  /** The value of a definition with the lines that a trailing `\` joins to it. */
  #continued(frame: Frame, first: string): string {
    const { text } = frame.source;
    const parts: string[] = [];
    let part = first.trimEnd();
    let comment = false;
    while (part.endsWith('\\') || comment) {
      parts.push(part.endsWith('\\') ? part.slice(0, -1).trimEnd() : part);
      if (frame.lineEnd >= text.length) return parts.join('\n');
      const start = frame.lineEnd + 1;
      const end = indexOr(text, '\n', start);
      frame.line++;
      frame.lineStart = start;
      frame.pos = frame.lineEnd = end;
      const line = text.slice(start, end).trimEnd();
      part = stripComment(line).trim();
      comment = part === '' && line.endsWith('\\');
      if (comment) this.#commentInside(frame);
    }
    parts.push(part);
    return parts.join('\n');
  }

  #commentInside(frame: Frame): void {
    this.#report({
      code: 'comment-in-definition', severity: 'warning', recorded: 'unknown-keyword', wording: null, place: this.#linePlace(frame), pass: 'all',
      message: 'a comment line inside a definition; keepalived 2.4.3 takes the definition for finished here', remedy: 'move the comment out of the definition',
    });
  }

  #include(frame: Frame, pos: number): void {
    const line = stripComment(frame.source.text.slice(pos, frame.lineEnd));
    const match = /^include([rmwba]?)\s+(.*\S)/u.exec(line);
    if (match?.[2] === undefined) return;
    frame.pos = frame.lineEnd;
    const place = { source: frame.source, line: frame.line, start: pos, end: pos + line.trimEnd().length };
    const pattern = match[2].replace(/^"(.*)"$/u, '$1');
    const files = includedFiles(this.#files, pattern, frame.directory, `include${match[1] ?? ''}` as IncludeKind, this.includeRules);
    for (const fault of files.faults) {
      this.#report({
        code: 'include-failed', place, pass: 'all', message: fault.message, severity: fault.fatal ? 'error' : 'warning',
        recorded: 'none', testExit: fault.fatal ? 6 : null, startExit: fault.fatal ? 6 : null, wording: fault.wording, remedy: fault.remedy,
      });
    }
    for (const file of files.found.toReversed()) this.#enter(file, pattern, place);
  }

  #enter({ path, at, bytes }: { path: string; at: string; bytes: Uint8Array }, pattern: string, place: Place): void {
    if (this.#frames.some((frame) => frame.path === at) || this.#frames.length >= MAX_DEPTH) {
      this.#report({ code: 'include-cycle', place, pass: 'all', message: `'${path}' includes itself`, remedy: 'remove the include, or the file from its pattern' });
      return;
    }
    this.pushFile(path, decode(bytes), { kind: 'include', label: pattern, place }, at);
  }

  #push(source: Source, directory: string, path: string | null): void {
    const { text } = source;
    const frame: Frame = {
      source, codes: codesOf(text), directory, path, pos: 0, lineStart: 0, lineEnd: -1, line: path === null ? source.firstLine : 0,
      nextDollar: indexOr(text, '$', 0), nextNul: indexOr(text, '\0', 0), afterBrace: false, isMacro: path === null && source.origin?.kind === 'macro',
    };
    this.#frames.push(frame);
    this.#top = frame;
    if (text === '') {
      this.#frames.pop();
      this.#top = this.#frames.at(-1) ?? null;
    }
  }
}

const STRANGE_BLANK = /[\u00a0\u3000]/u;
const HASH = 35;
const BANG = 33;
const QUOTE = 34;
const OPEN = 123;
const CLOSE = 125;
const AT = 64;
const TILDE = 126;
const LOWER_I = 105;
const DIGIT_0 = 48;
const DIGIT_9 = 57;
const NO_BREAK_SPACE = 0xa0;
const WIDE_SPACE = 0x3000;

/** Characters up to `}` that end a word: blanks, quotes, braces, comments. */
const ENDS_WORD = Uint8Array.from({ length: CLOSE + 1 }, (_, c) => (isBlank(c) || c === OPEN || c === CLOSE || c === HASH || c === BANG || c === QUOTE ? 1 : 0));

/** Characters up to `}` behind which a statement is not read on by its bytes alone. */
const ENDS_STATEMENT = Uint8Array.from({ length: CLOSE + 1 }, (_, c) => (c === OPEN || c === CLOSE || c === HASH || c === BANG || c === QUOTE ? 1 : 0));

/** Blank, tab, VT, FF, CR; and, unlike keepalived, the no-break and ideographic spaces of text copied from a web page. */
function isBlank(c: number): boolean {
  return c <= 32 ? c === 32 || c === 9 || (c >= 11 && c <= 13) : c === NO_BREAK_SPACE || c === WIDE_SPACE;
}

function indexOr(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at < 0 ? text.length : at;
}

/** Everything before the first `!` or `#` outside double quotes. */
export function stripComment(line: string): string {
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const c = line.charCodeAt(i);
    if (c === QUOTE) quoted = !quoted;
    else if (!quoted && (c === HASH || c === BANG)) return line.slice(0, i);
  }
  return line;
}

export function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8').decode(bytes);
}

function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c > 0x7f) length += c > 0x7ff && (c < 0xd800 || c > 0xdfff) ? 2 : 1;
  }
  return length;
}

function directoryOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : slash === 0 ? '/' : path.slice(0, slash);
}
