/** Comments of a text, handed out beside the statements that they stand at. */
import { inFile, type Place, type Source } from '../source.ts';

export interface Comment {
  readonly line: number;
  /** Without the mark and the blank behind it. */
  readonly text: string;
}

export type CommentScan = (text: string) => readonly Comment[];

/** Comments of conf text: from the first `!` or `#` outside quotes to the end of the line. */
export function confComments(text: string): Comment[] {
  return text.split('\n').flatMap((line, i) => {
    const at = commentAt(line);
    return at < 0 ? [] : [{ line: i + 1, text: stripMark(line.slice(at)) }];
  });
}

/** Where the comment of a line begins; -1: it has none. */
export function commentAt(line: string): number {
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const c = line[i];
    if (c === '"') quoted = !quoted;
    else if (!quoted && (c === '#' || c === '!')) return i;
  }
  return -1;
}

export function stripMark(comment: string): string {
  return comment.replace(/^[#!] ?/u, '').trimEnd();
}

/** Gives each comment once, in order, to the first statement that stands in or below its line. */
export class Comments {
  readonly #scan: CommentScan;
  readonly #waiting = new Map<Source, Comment[]>();

  constructor(scan: CommentScan) {
    this.#scan = scan;
  }

  /** Comments above a statement, and the one behind it on its line. */
  at(place: Place): { readonly above: readonly string[]; readonly behind: string | null } {
    const { source, line: first, written } = inFile(place);
    const line = written?.words.at(-1)?.line ?? first;
    const waiting = this.#of(source);
    const above: string[] = [];
    let behind: string | null = null;
    for (let next = waiting[0]; next !== undefined && next.line <= line; next = waiting[0]) {
      waiting.shift();
      if (next.line < line) above.push(next.text);
      else behind = next.text;
    }
    return { above, behind };
  }

  /** What stands below the last statement. */
  rest(): string[] {
    const all = [...this.#waiting.values()].flat().map((comment) => comment.text);
    this.#waiting.clear();
    return all;
  }

  #of(source: Source): Comment[] {
    let waiting = this.#waiting.get(source);
    if (waiting === undefined) {
      waiting = [...this.#scan(source.text)];
      this.#waiting.set(source, waiting);
    }
    return waiting;
  }
}
