/**
 * Regular expressions of `regex` are PCRE2's; these are made into JavaScript's. What has no equal there (recursion, conditions,
 * verbs, \G, \K, \C, \X) is refused with a message instead of meaning something else.
 */

export type Translated =
  /** `unicode`: the body is UTF-8; otherwise each byte is a character. `firstLine`: a match must begin in the first line. */
  | { readonly regex: RegExp; readonly unicode: boolean; readonly firstLine: boolean }
  | { readonly problem: string };

/** `options` are regex_options. auto_callout, no_auto_possess, no_dotstar_anchor, no_start_optimize and alt_verbnames change no result. */
export function translateRegex(pattern: string, options: readonly string[]): Translated {
  const has = new Set(options);
  const unicode = (has.has('utf') || has.has('ucp')) && !has.has('never_utf');
  const flags = `g${has.has('caseless') ? 'i' : ''}${has.has('dotall') ? 's' : ''}${has.has('multiline') ? 'm' : ''}${unicode ? 'u' : ''}`;
  try {
    const translator = new Translator(pattern, has);
    const source = translator.translate();
    return { regex: new RegExp(source, flags + (translator.caseless && !flags.includes('i') ? 'i' : '')), unicode, firstLine: has.has('firstline') };
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof Refused) return { problem: cause.message };
    throw cause;
  }
}

class Refused extends Error {}

const POSIX: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9', alpha: 'A-Za-z', ascii: '\\x00-\\x7f', blank: ' \\t', cntrl: '\\x00-\\x1f\\x7f', digit: '0-9', graph: '\\x21-\\x7e', lower: 'a-z',
  print: '\\x20-\\x7e', punct: '!-\\/:-@\\[-`{-~', space: '\\s', upper: 'A-Z', word: '\\w', xdigit: '0-9A-Fa-f',
};
const END = '(?![\\s\\S])';
const BEFORE_LAST_NEWLINE = '(?=\\n?(?![\\s\\S]))';

/** Escapes outside a class whose JavaScript form differs. */
const ESCAPES: Readonly<Record<string, string>> = {
  A: '(?<![\\s\\S])', z: END, Z: BEFORE_LAST_NEWLINE, h: '[ \\t\\xa0]', H: '[^ \\t\\xa0]', R: '(?:\\r\\n|[\\n\\v\\f\\r\\x85])', N: '[^\\n]', a: '\\x07', e: '\\x1b', V: '[^\\n\\v\\f\\r\\x85]', v: '[\\n\\v\\f\\r\\x85]',
};
const REFUSED = new Set(['G', 'K', 'C', 'X', 'E']);

class Translator {
  caseless = false;
  readonly #text: string;
  readonly #has: ReadonlySet<string>;
  #at = 0;
  #out = '';

  constructor(text: string, has: ReadonlySet<string>) {
    this.#text = text;
    this.#has = has;
  }

  translate(): string {
    const inline = /^\(\?i\)/u.exec(this.#text);
    if (inline !== null) {
      this.caseless = true;
      this.#at = inline[0].length;
    }
    while (this.#at < this.#text.length) this.#out += this.#piece();
    return this.#out;
  }

  #piece(): string {
    const c = this.#text.charAt(this.#at);
    if (c === '\\') return this.#escape();
    if (c === '[') return this.#set();
    if (c === '(') return this.#group();
    this.#at++;
    if (c === '$') return this.#has.has('dollar_endonly') || this.#has.has('multiline') ? '$' : BEFORE_LAST_NEWLINE;
    if (this.#has.has('extended') && /\s/u.test(c)) return '';
    if (this.#has.has('extended') && c === '#') return this.#comment();
    if ('*+?{'.includes(c)) return this.#quantifier(c);
    // Alone they are themselves, which JavaScript's Unicode mode does not have.
    return c === ']' || c === '}' ? `\\${c}` : c === '/' ? '\\/' : c;
  }

  #comment(): string {
    const end = this.#text.indexOf('\n', this.#at);
    this.#at = end < 0 ? this.#text.length : end + 1;
    return '';
  }

  #quantifier(first: string): string {
    let text = first;
    if (first === '{') {
      const range = /^\{(\d+)(,(\d*))?\}/u.exec(this.#text.slice(this.#at - 1));
      if (range === null) return '\\{';
      text = range[0];
      this.#at += text.length - 1;
    }
    const after = this.#text.charAt(this.#at);
    if (after === '+') throw new Refused(`possessive quantifier at offset ${this.#at} is not supported`);
    if (after === '?') this.#at++;
    const lazy = (after === '?') !== this.#has.has('ungreedy');
    return lazy ? `${text}?` : text;
  }

  #escape(): string {
    const c = this.#text.charAt(this.#at + 1);
    if (c === '') throw new Refused('\\ at end of pattern');
    if (c === 'Q') return this.#quoted();
    this.#at += 2;
    if (REFUSED.has(c)) throw new Refused(`\\${c} at offset ${this.#at - 2} is not supported`);
    const known = ESCAPES[c];
    if (known !== undefined) return known;
    if (c === 'x') return this.#hexEscape();
    if (c === 'g' || c === 'k') return this.#reference(c);
    if (c === 'p' || c === 'P') return this.#property(c);
    // Letters and digits keep their meaning; anything else stands for itself, also where JavaScript's Unicode mode is strict.
    return /[a-z0-9]/iu.test(c) ? `\\${c}` : '^$.*+?()[]{}|/\\'.includes(c) ? `\\${c}` : c;
  }

  #quoted(): string {
    const end = this.#text.indexOf('\\E', this.#at);
    const text = this.#text.slice(this.#at + 2, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#text.length : end + 2;
    return text.replace(/[\\^$.*+?()[\]{}|/]/gu, '\\$&');
  }

  #hexEscape(): string {
    const found = /^(?:\{([0-9a-f]{1,6})\}|([0-9a-f]{0,2}))/iu.exec(this.#text.slice(this.#at));
    this.#at += found?.[0].length ?? 0;
    const code = parseInt(found?.[1] ?? found?.[2] ?? '0', 16) || 0;
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
  }

  #reference(kind: string): string {
    const found = /^(?:\{(-?)(\w+)\}|<(\w+)>|'(\w+)'|(-?)(\d+))/u.exec(this.#text.slice(this.#at));
    const name = found?.[2] ?? found?.[3] ?? found?.[4] ?? found?.[6];
    if (name === undefined || found?.[1] === '-' || found?.[5] === '-') throw new Refused(`\\${kind} at offset ${this.#at - 2} is not supported`);
    this.#at += found?.[0].length ?? 0;
    return /^\d+$/u.test(name) ? `(?:\\${name})` : `\\k<${name}>`;
  }

  #property(kind: string): string {
    const found = /^(?:\{\^?\w+\}|[A-Z])/u.exec(this.#text.slice(this.#at));
    if (found === null || !this.#has.has('utf')) throw new Refused(`\\${kind} needs regex_options utf`);
    this.#at += found[0].length;
    return `\\${kind}{${found[0].replace(/[{}]/gu, '')}}`;
  }

  #group(): string {
    const rest = this.#text.slice(this.#at);
    const plain = /^\((?!\?|\*)/u.exec(rest);
    if (plain !== null) return this.#skip(1, this.#has.has('no_auto_capture') ? '(?:' : '(');
    const kept = /^\(\?(?::|=|!|<=|<!)/u.exec(rest);
    if (kept !== null) return this.#skip(kept[0].length, kept[0]);
    const comment = /^\(\?#[^)]*\)/u.exec(rest);
    if (comment !== null) return this.#skip(comment[0].length, '');
    const named = /^\(\?(?:P?<(\w+)>|'(\w+)')/u.exec(rest);
    if (named !== null) return this.#skip(named[0].length, `(?<${named[1] ?? named[2] ?? ''}>`);
    const back = /^\(\?P=(\w+)\)/u.exec(rest);
    if (back !== null) return this.#skip(back[0].length, `\\k<${back[1] ?? ''}>`);
    throw new Refused(`${/^\(.{0,2}/u.exec(rest)?.[0] ?? '('} at offset ${this.#at} is not supported`);
  }

  #skip(length: number, text: string): string {
    this.#at += length;
    return text;
  }

  /** A character class. `]` first is a member, unless allow_empty_class. */
  #set(): string {
    const start = this.#at++;
    let out = '[';
    if (this.#text.charAt(this.#at) === '^') out += this.#skip(1, '^');
    if (this.#text.charAt(this.#at) === ']' && !this.#has.has('allow_empty_class')) out += this.#skip(1, '\\]');
    for (;;) {
      const c = this.#text.charAt(this.#at);
      if (c === '') throw new Refused(`missing terminating ] for character class at offset ${start}`);
      if (c === ']') return this.#skip(1, `${out}]`);
      out += this.#member(c);
    }
  }

  #member(c: string): string {
    const posix = /^\[:(\^?)(\w+):\]/u.exec(this.#text.slice(this.#at));
    if (posix !== null) {
      const set = POSIX[posix[2] ?? ''];
      if (set === undefined || posix[1] === '^') throw new Refused(`POSIX class ${posix[0]} is not supported`);
      return this.#skip(posix[0].length, set);
    }
    if (c !== '\\') return this.#skip(1, c === '[' ? '\\[' : c);
    const next = this.#text.charAt(this.#at + 1);
    this.#at += 2;
    if (next === 'x') return this.#hexEscape();
    if (next === 'h') return ' \\t\\xa0';
    if (next === 'a') return '\\x07';
    if (next === 'e') return '\\x1b';
    return /[a-z0-9]/iu.test(next) || '^$.*+?()[]{}|/\\-'.includes(next) ? `\\${next}` : next;
  }
}
