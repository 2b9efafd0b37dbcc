/** Several files in different forms, one after another. Definitions of one are not known in the next. */
import type { Tokens } from './parser.ts';
import type { Token } from './reader.ts';
import type { Place, Source, Written } from './source.ts';

type FileTokens = Tokens & { readonly files: readonly string[] };

export class JoinedTokens implements Tokens {
  readonly #waiting: (() => FileTokens)[];
  readonly #read: FileTokens[] = [];
  #now: FileTokens;

  /** Each file is opened when the one before it has ended. */
  constructor(parts: readonly (() => FileTokens)[]) {
    const [first, ...rest] = parts;
    if (first === undefined) throw new Error('nothing to read');
    this.#waiting = rest;
    this.#now = first();
    this.#read.push(this.#now);
  }

  get words(): readonly string[] {
    return this.#now.words;
  }

  get source(): Source {
    return this.#now.source;
  }

  get line(): number {
    return this.#now.line;
  }

  get start(): number {
    return this.#now.start;
  }

  get end(): number {
    return this.#now.end;
  }

  get written(): Written | undefined {
    return this.#now.written;
  }

  /** Read so far. */
  get files(): readonly string[] {
    return this.#read.flatMap((one) => one.files);
  }

  next(): Token {
    for (;;) {
      const token = this.#now.next();
      const open = token === 'end' ? this.#waiting.shift() : undefined;
      if (open === undefined) return token;
      this.#now = open();
      this.#read.push(this.#now);
    }
  }

  place(): Place {
    return this.#now.place();
  }
}
