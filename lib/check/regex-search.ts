import { createContext, Script } from 'node:vm';
import type { HttpUrl } from '../config/model-ipvs.ts';
import { translateRegex } from './regex.ts';

export interface BodySearch {
  take(part: Buffer): void;
  found(): boolean;
  close(): void;
}

type Regex = NonNullable<HttpUrl['regex']>;

/** So much of a body is searched. Longer ones are cut: memory stays bounded whatever a server sends. */
export const SEARCHED = 1024 * 1024;
/** A pattern that backtracks without end is stopped, and has not matched: nothing else would be checked meanwhile. */
const SEARCH_LIMIT = 500;

/** Patterns compiled so far: the same ones are used for ever. */
const compiled = new Map<string, ReturnType<typeof translateRegex>>();

/** Collects the beginning of a body and searches it once, at its end. */
export function bodySearch(regex: Regex): BodySearch | { readonly problem: string } {
  const key = JSON.stringify([regex.pattern, regex.options]);
  const translated = compiled.get(key) ?? translateRegex(regex.pattern, regex.options);
  compiled.set(key, translated);
  if ('problem' in translated) return { problem: `Invalid regex: '${regex.pattern}': ${translated.problem}` };
  let parts: Buffer[] = [];
  let length = 0;
  return {
    take(part) {
      const rest = SEARCHED - length;
      if (rest <= 0) return;
      // A copy: the part is a view of a larger buffer, which it would keep.
      parts.push(Buffer.from(part.subarray(0, rest)));
      length += Math.min(part.length, rest);
    },
    found() {
      const text = Buffer.concat(parts).toString(translated.unicode ? 'utf8' : 'latin1');
      parts = [];
      const limit = regex.options.includes('use_offset_limit') && regex.maxOffset > 0 ? regex.maxOffset : Infinity;
      const at = search(translated.regex, text, regex.minOffset);
      return at !== null && at <= limit && (!translated.firstLine || !text.slice(0, at).includes('\n'));
    },
    close() { parts = []; },
  };
}

const sandbox = createContext(Object.create(null) as object);
const EXECUTE = new Script('regex.lastIndex = from; found = regex.exec(text); found === null ? -1 : found.index');

/** Where it matches first, from an offset on; null: nowhere, or not within the limit. */
function search(regex: RegExp, text: string, from: number): number | null {
  if (from > text.length) return null;
  Object.assign(sandbox, { regex, text, from, found: null });
  try {
    const at = EXECUTE.runInContext(sandbox, { timeout: SEARCH_LIMIT }) as number;
    return at < 0 ? null : at;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return null;
    throw cause;
  } finally {
    Object.assign(sandbox, { regex: null, text: '', found: null });
  }
}
