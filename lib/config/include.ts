/** Which files an include line brings in, and which failures count (reference 2.5). */
import type { FileReader } from './machine.ts';

export type IncludeKind = 'include' | 'includer' | 'includem' | 'includew' | 'includeb' | 'includea';

/** What makes a plain `include` fail; `include_check` and --all-config change it. */
export interface IncludeRules {
  read: boolean;
  match: boolean;
  wildcard: boolean;
  brace: boolean;
}

export interface IncludeFault {
  readonly message: string;
  /** keepalived's words; null: it says nothing. */
  readonly wording: string | null;
  readonly remedy: string | null;
  readonly fatal: boolean;
}

export interface Included {
  /** `path` as the pattern matched it, which is its name; `at` from where the process stands. */
  readonly found: readonly { readonly path: string; readonly at: string; readonly bytes: Uint8Array }[];
  readonly faults: readonly IncludeFault[];
}

const EXECUTE_BITS = 0o111;

/** The files that match, in order, and what went wrong on the way. Files that may not be used are left out. */
export function includedFiles(reader: FileReader, pattern: string, directory: string, kind: IncludeKind, rules: IncludeRules): Included {
  const checks = rulesOf(kind, rules);
  const faults: IncludeFault[] = [];
  const found: { path: string; at: string; bytes: Uint8Array }[] = [];
  const alternatives = braces(pattern);
  let matched = 0;
  for (const alternative of alternatives) {
    const paths = reader.glob(alternative, directory);
    matched += paths.length;
    if (paths.length === 0 && alternatives.length > 1 && checks.brace) faults.push(missing(alternative, true, 'one alternative of the braces matches no file'));
    for (const path of paths) {
      const at = path.startsWith('/') || directory === '' ? path : `${directory}/${path}`;
      const fault = unusable(reader, path, at);
      if (fault !== null) faults.push({ ...fault, fatal: checks.read });
      else {
        const result = reader.read(at);
        if (result.ok) found.push({ path, at, bytes: result.bytes });
        else faults.push({ message: `cannot read '${path}': ${result.error}`, wording: `Unable to open configuration file ${path} (${result.error})`, remedy: null, fatal: checks.read });
      }
    }
  }
  if (matched === 0) {
    const wild = /[*?[{]/u.test(pattern);
    const fatal = wild ? checks.wildcard : checks.match;
    if (fatal || !wild) faults.push(missing(pattern, fatal, fatal ? null : `'${kind}' lets this pass; includem would not`));
  }
  return { found, faults };
}

function rulesOf(kind: IncludeKind, rules: IncludeRules): IncludeRules {
  switch (kind) {
    case 'include': return rules;
    case 'includer': return { read: true, match: false, wildcard: false, brace: false };
    case 'includem': return { read: true, match: true, wildcard: false, brace: false };
    case 'includew': return { read: true, match: true, wildcard: true, brace: false };
    case 'includeb': return { read: true, match: false, wildcard: false, brace: true };
    case 'includea': return { read: true, match: true, wildcard: true, brace: true };
  }
}

function missing(pattern: string, fatal: boolean, remedy: string | null): IncludeFault {
  return { message: `no file matches '${pattern}'`, wording: `Config files missing '${pattern}'.`, remedy, fatal };
}

function unusable(reader: FileReader, path: string, at: string): Omit<IncludeFault, 'fatal'> | null {
  const facts = reader.facts(at);
  if (facts.kind !== 'file') return { message: `'${path}' is not a regular file`, wording: `Configuration file '${path}' is not a regular non-executable file`, remedy: null };
  if ((facts.mode & EXECUTE_BITS) !== 0) {
    return { message: `'${path}' is executable and therefore skipped`, wording: `Configuration file '${path}' is not a regular non-executable file`, remedy: `chmod a-x ${at}` };
  }
  return null;
}

/** `a{b,c}d` → `abd`, `acd`, as glob(3) with GLOB_BRACE; bounded. */
export function braces(pattern: string): string[] {
  const done: string[] = [];
  const waiting = [pattern];
  while (waiting.length > 0 && waiting.length + done.length < 1000) {
    const text = waiting.shift() ?? '';
    const close = text.indexOf('}');
    const open = text.lastIndexOf('{', close);
    if (close < 0 || open < 0) done.push(text);
    else waiting.push(...text.slice(open + 1, close).split(',').map((part) => text.slice(0, open) + part + text.slice(close + 1)));
  }
  return done;
}
