/** Argument types of keywords: numbers, times, switches, words, addresses. Each reads, checks and documents itself. */
import { familyOf, isMulticast, parseIp, type Family, type IpAddress } from '../util/ip.ts';
import type { Millis } from '../util/time.ts';
import { plain, type Args, type ValueType } from './keyword.ts';

/** A keyword that stands alone; further words are ignored, as keepalived does. */
export const FLAG: ValueType<true> = plain({ syntax: '', schema: { type: 'boolean' }, bare: true, read: () => true });

/** `true on yes`, `false off no`, or nothing for true. */
export const BOOLEAN: ValueType<boolean> = plain({
  syntax: '[BOOL]',
  range: 'true, on, yes, false, off or no',
  schema: { type: 'boolean' },
  complete: ['true', 'false', 'on', 'off', 'yes', 'no'],
  bare: true,
  read: ({ words, first }) => readBoolean(words[first]),
});

function readBoolean(word: string | undefined): boolean | undefined {
  switch (word) {
    case undefined: case 'true': case 'on': case 'yes': return true;
    case 'false': case 'off': case 'no': return false;
    default: return undefined;
  }
}

/** One word, whatever it is. */
export function word(syntax = 'NAME', complete?: ValueType<string>['complete']): ValueType<string> {
  return { syntax, schema: { type: 'string' }, ...(complete === undefined ? {} : { complete }), read: ({ words, first }) => words[first] };
}

/** Everything that follows; may be empty. */
export function words(syntax: string, bare = false): ValueType<readonly string[]> {
  return { syntax, schema: { type: 'array', items: { type: 'string' } }, bare, read: ({ words: all, first }) => all.slice(first) };
}

/** A word, or none: null. */
export function optional<T>(inner: ValueType<T>): ValueType<T | null> {
  return { ...inner, syntax: `[${inner.syntax}]`, bare: true, read: (args) => (args.words.length <= args.first ? null : inner.read(args)) };
}

/** One of these words. `fold` ignores case. */
export function choice<const T extends string>(all: readonly T[], fold = false): ValueType<T> {
  return plain({
    syntax: all.join('|'),
    range: `one of ${all.join(', ')}`,
    schema: { enum: [...all] },
    complete: all,
    read: ({ words: given, first }) => all.find((one) => one === given[first] || (fold && one.toLowerCase() === given[first]?.toLowerCase())),
  });
}

export interface Limits {
  readonly min: number;
  readonly max: number;
}

export const UINT_MAX = 4294967295;
export const INT_MAX = 2147483647;

/** A decimal integer within limits. `syntax` says the unit. */
export function integer({ min, max }: Limits, syntax = 'N'): ValueType<number> {
  return plain({
    syntax,
    range: `${String(min)}..${limitName(max)}`,
    schema: { type: 'integer', minimum: min, maximum: max },
    read: (args) => readInteger(args, args.first, { min, max }),
  });
}

function limitName(max: number): string {
  return max === UINT_MAX ? 'UINT_MAX' : max === INT_MAX ? 'INT_MAX' : String(max);
}

/** Reads word `index` as an integer; what is wrong is reported in keepalived's words. */
export function readInteger(args: Args, index: number, { min, max }: Limits): number | undefined {
  const word_ = args.words[index] ?? '';
  const plain = digitsOnly(word_);
  if (plain >= 0 && plain >= min && plain <= max) return plain;
  const text = word_.trimStart();
  const fault = (message: string): undefined => {
    args.report({ code: 'invalid-number', recorded: 'invalid-number', message, remedy: `it must be ${String(min)}..${String(max)}` }, index);
  };
  if (!/^[+-]?\d+$/u.test(text)) return fault(`invalid number '${text}'`);
  if (min >= 0 && text.startsWith('-')) return fault(`negative number '${text}'`);
  const value = Number(text);
  if (value < min || value > max) return fault(`number '${text}' outside range [${String(min)}, ${String(max)}]`);
  return value;
}

/** The value of up to nine digits and nothing else; -1 for anything longer or other. */
export function digitsOnly(text: string): number {
  const { length } = text;
  if (length === 0 || length > 9) return -1;
  let value = 0;
  for (let i = 0; i < length; i++) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) return -1;
    value = value * 10 + c - 48;
  }
  return value;
}

/** An integer that takes 0 for 1, with keepalived's words about it. */
export function atLeastOne(max: number, message: string): ValueType<number> {
  const inner = integer({ min: 0, max });
  return {
    ...inner,
    read: (args) => {
      const value = inner.read(args);
      if (value !== 0) return value;
      args.report({ code: 'raised-to-one', severity: 'warning', message: message.replace('{name}', args.name) });
      return 1;
    },
  };
}

/**
 * Seconds with up to `digits` decimals, as milliseconds (microseconds become fractions of them). Limits are seconds.
 */
export function seconds({ min, max }: Limits, digits: 0 | 3 | 6 = 6): ValueType<Millis> {
  return plain({
    syntax: digits === 0 ? 'SECONDS' : `SECONDS[.${'d'.repeat(digits)}]`,
    range: `${String(min)}..${String(max)} seconds`,
    schema: { type: 'number', minimum: min, maximum: max },
    read: (args) => {
      const value = readDecimal(args, args.first, { min, max }, digits);
      return value === undefined ? undefined : Number.isInteger(value) ? value * 1000 : Math.round(value * 1e6) / 1e3;
    },
  });
}

/** Milliseconds with up to three decimals. */
export function milliseconds({ min, max }: Limits): ValueType<Millis> {
  return plain({
    syntax: 'MILLISECONDS[.ddd]',
    range: `${String(min)}..${String(max)} milliseconds`,
    schema: { type: 'number', minimum: min, maximum: max },
    read: (args) => readDecimal(args, args.first, { min, max }, 3),
  });
}

/** Reads word `index` as a decimal number, rounded half up to `digits` decimals. */
export function readDecimal(args: Args, index: number, { min, max }: Limits, digits: number): number | undefined {
  const word_ = args.words[index] ?? '';
  const plain = digitsOnly(word_);
  if (plain >= 0 && plain >= min && plain <= max) return plain;
  const text = word_.trimStart();
  const fault = (message: string, remedy: string): undefined => {
    args.report({ code: 'invalid-number', recorded: 'invalid-number', message, remedy }, index);
  };
  const within = `it must be ${String(min)}..${String(max)}`;
  if (digits === 0 ? !/^[+-]?\d+$/u.test(text) : !/^[+-]?(\d+\.?\d*|\.\d+)$/u.test(text)) return fault(`invalid number '${text}'`, within);
  if (min >= 0 && text.startsWith('-')) return fault(`negative number '${text}'`, within);
  const decimals = text.includes('.') ? text.length - text.indexOf('.') - 1 : 0;
  if (decimals > digits) fault(`number '${text}' has too many decimal places`, `it may have ${String(digits)}; the rest is rounded`);
  const scale = 10 ** digits;
  const value = Math.round(Number(text) * scale + Number.EPSILON) / scale;
  if (value < min || value > max) return fault(`number '${text}' outside range [${bound(min, digits)}, ${bound(max, digits)}]`, within);
  return value;
}

/** A limit as keepalived prints it: with all the decimals that the value may have. */
function bound(limit: number, digits: number): string {
  return digits === 0 ? String(limit) : limit.toFixed(digits);
}

/** A multicast address; `complaint` is about one that is not. */
export function multicast(complaint: (args: Args, text: string) => string, family: Family | null = null): ValueType<IpAddress> {
  const inner = address(family);
  return {
    ...inner,
    read: (args) => {
      const parsed = inner.read(args);
      if (parsed === undefined || isMulticast(parsed)) return parsed;
      args.report({ code: 'invalid-value', message: complaint(args, args.words[args.first] ?? ''), remedy: 'it must be in 224.0.0.0/4 or ff00::/8' });
      args.context.complained = true;
      return undefined;
    },
  };
}

/** An address, of one family if asked; a prefix behind it is not looked at, as in keepalived. */
export function address(family: Family | null = null): ValueType<IpAddress> {
  return {
    syntax: family === null ? 'IP' : family === 'inet' ? 'IPv4' : 'IPv6',
    schema: { type: 'string' },
    read: ({ words: given, first }) => {
      const parsed = parseIp((given[first] ?? '').replace(/\/.*$/u, ''));
      return parsed === null || (family !== null && familyOf(parsed) !== family) ? undefined : parsed;
    },
  };
}
