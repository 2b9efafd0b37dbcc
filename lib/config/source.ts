/**
 * Where text comes from. A Source is a file, or text that something else wrote (a macro's expansion, a line of a ~SEQ, a
 * YAML value); its origin leads back to the file. Places are offsets, so that a file without faults costs nothing.
 */

export interface Source {
  /** As given on the command line or in the include; for made text, the name of the file that it comes from. */
  readonly name: string;
  readonly text: string;
  /** Line number of the first line of `text`. */
  readonly firstLine: number;
  readonly origin: Origin | null;
  /** The text with its secrets hidden, of the same length; absent: each line is masked when it is shown. */
  readonly shown?: string;
}

export interface Origin {
  readonly kind: 'include' | 'macro' | 'sequence' | 'yaml';
  /** What a person calls it: the include's pattern, the macro's line, the YAML path. */
  readonly label: string;
  readonly place: Place;
}

/** A stretch of a source: `start` and `end` are offsets into its text, `line` is counted as people do. */
export interface Place {
  readonly source: Source;
  readonly line: number;
  readonly start: number;
  readonly end: number;
  /** Absent: the text between `start` and `end` is the statement as the conf form has it. */
  readonly written?: Written;
}

/** A statement that another form writes differently: its conf text, and where each of its words stands. */
export interface Written {
  readonly text: string;
  readonly words: readonly Spot[];
}

export interface Spot {
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

/** The conf text of the statement at a place. */
export function textAt(place: Place): string {
  return place.written?.text ?? place.source.text.slice(place.start, place.end);
}

/** What a person needs to find a place. Columns count from 1; `endColumn` is the first column behind it. */
export interface Range {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
  /** The line as written, secrets masked; '' when there is none. */
  readonly sourceLine: string;
  /** From the inside out: how this text came to be read. */
  readonly chain: readonly ChainLink[];
}

export interface ChainLink {
  readonly kind: Origin['kind'];
  readonly label: string;
  readonly file: string;
  readonly line: number;
}

export function fileSource(name: string, text: string, origin: Origin | null): Source {
  return { name, text, firstLine: 1, origin };
}

/** Text that a line of another source stands for; it keeps that line's number. */
export function madeSource(text: string, origin: Origin): Source {
  return { name: origin.place.source.name, text, firstLine: origin.place.line, origin };
}

/** The place in the file itself: text made by macros and sequences leads back to the line that used them. */
export function inFile(place: Place): Place {
  let at = place;
  while (at.source.origin !== null && at.source.origin.kind !== 'include') at = at.source.origin.place;
  return at;
}

/** Resolves offsets to line, columns and the chain of includes and expansions. */
export function rangeOf(place: Place): Range {
  const { source } = place;
  const lineStart = source.text.lastIndexOf('\n', place.start - 1) + 1;
  const newline = source.text.indexOf('\n', lineStart);
  const line = (source.shown ?? source.text).slice(lineStart, newline < 0 ? source.text.length : newline).replace(/\r$/, '');
  return {
    file: source.name,
    line: place.line,
    column: place.start - lineStart + 1,
    endColumn: Math.max(Math.min(place.end - lineStart, line.length), place.start - lineStart) + 1,
    sourceLine: maskSecrets(line),
    chain: chainOf(source),
  };
}

function chainOf(source: Source): ChainLink[] {
  const links: ChainLink[] = [];
  for (let at = source.origin; at !== null; at = at.place.source.origin) {
    links.push({ kind: at.kind, label: maskSecrets(at.label), file: at.place.source.name, line: at.place.line });
  }
  return links;
}

/** Words after which a secret stands; also misspelt, since that is when a line is printed. */
const SECRET_WORD = /((?:^|[\s{"'])(?:\S*auth_?pa\w*|password|passphrase|key(?=:?\s*["']?\d+["']?\s))"?:?\s+(?:"?\d{1,3}"?\s+(?=\S))?)("[^"]*"?|[^\s{}]+)/giu;
const SECRET_MACRO = /(\$\w*(?:pass|pw|secret|key)\w*\s*=\s*)(\S.*)/giu;

/** The same line, each secret replaced by stars of the same length, so that columns stay right. */
export function maskSecrets(line: string): string {
  if (!/pa|key|secret|pw/iu.test(line)) return line;
  return line
    .replace(SECRET_WORD, (_, before: string, secret: string) => before + '*'.repeat(secret.length))
    .replace(SECRET_MACRO, (_, before: string, secret: string) => before + '*'.repeat(secret.length));
}

/**
 * Where one of these words last (or first) begins a statement of a block: `place` is the block's header, `close` the offset of its `}`.
 * Reads the text anew, which only diagnostics do.
 */
export function findKeyword(place: Place, close: number, words: readonly string[], first = false): Place | undefined {
  const { source } = place;
  const token = /"[^"\n]*"|[#!][^\n]*|[{}\n]|[^\s{}"#!]+/gu;
  token.lastIndex = place.end;
  let { line } = place;
  let depth = 0;
  let atStart = true;
  let found: Place | undefined;
  for (let match = token.exec(source.text); match !== null && match.index < close; match = token.exec(source.text)) {
    const text = match[0];
    if (text === '\n' && place.source.origin?.kind !== 'macro' && place.source.origin?.kind !== 'sequence') line++;
    if (text === '{') depth++;
    if (text === '}') depth--;
    if (text === '\n' || text === '{' || text === '}') {
      atStart = true;
      continue;
    }
    if (atStart && depth === 1 && words.includes(text)) {
      const newline = source.text.indexOf('\n', match.index);
      const rest = source.text.slice(match.index, newline < 0 ? source.text.length : newline);
      found = { source, line, start: match.index, end: match.index + rest.replace(/\s*[#!{}].*$/u, '').trimEnd().length };
      if (first) return found;
    }
    atStart = false;
  }
  return found;
}
