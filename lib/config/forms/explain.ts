/** `explain` and `features`: the tables in words. */
import { nearest } from '../nearest.ts';
import { catalog, missing, since, usage, type Entry } from './catalog.ts';
import { CODES } from './codes.ts';

export interface Explained {
  readonly text: string;
  readonly found: boolean;
}

/** What a keyword, `block.keyword` or the code of a diagnostic means; not found: with the nearest name. */
export function explain(term: string): Explained {
  const entries = matching(term);
  const parts = grouped(entries).map(paragraph);
  const code = Object.hasOwn(CODES, term) ? CODES[term] : undefined;
  if (code !== undefined) parts.unshift(`${term} (code of a diagnostic)\n  ${code.what}\n  ${code.why}\n  What to do: ${code.remedy}\n`);
  if (parts.length > 0) return { text: parts.join('\n'), found: true };
  const near = nearest(term, [...new Set([...catalog().map((entry) => entry.name), ...Object.keys(CODES)])]);
  return { text: `'${term}' is neither a keyword nor a code${near === null ? '' : `; did you mean '${near}'?`}\n`, found: false };
}

function matching(term: string): Entry[] {
  const dot = term.lastIndexOf('.');
  const [block, name] = dot < 0 ? [null, term] : [term.slice(0, dot), term.slice(dot + 1)];
  return catalog().filter((entry) => entry.name === name && (block === null || entry.block === block || entry.block.endsWith(`.${block}`)));
}

/** The same keyword in several blocks is told once. */
function grouped(entries: readonly Entry[]): Entry[][] {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const key = [usage(entry), entry.row.meaning, entry.row.default ?? '', missing(entry.row) ?? ''].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return [...groups.values()];
}

function paragraph(entries: readonly Entry[]): string {
  const [entry] = entries;
  if (entry === undefined) return '';
  const { row } = entry;
  const type = row.list?.entry ?? row.value;
  const facts = [
    ['in', entries.map(({ block }) => (block === '' ? 'the top level' : block)).join(', ')],
    ['values', type.range ?? null],
    ['default', row.default ?? null],
    ['spelling of', row.alias ?? null],
    ['since', since(row)],
    ['built with', row.build ?? null],
    ['effect', missing(row) ?? 'in effect'],
  ] as const;
  const told = facts.flatMap(([what, text]) => (text === null ? [] : [`  ${`${what}:`.padEnd(13)}${text}`]));
  const options = Object.entries(row.list?.options ?? {}).map(([name, one]) => `  ${usage({ name, block: '', row: one }).padEnd(30)} ${one.meaning}`);
  return [usage(entry), `  ${row.meaning}`, ...told, ...(options.length === 0 ? [] : ['  options of an entry:', ...options.map((line) => `  ${line}`)]), ''].join('\n');
}

export interface Feature {
  readonly keyword: string;
  readonly block: string;
  readonly inEffect: boolean;
  readonly missing: string | null;
  /** Whose product alone has it; null: it is in effect here, or will be. */
  readonly elsewhere: string | null;
  readonly since: string | null;
}

/** Every keyword, in effect or not. */
export function features(): Feature[] {
  return catalog().map(({ name, block, row }) => ({ keyword: name, block, inEffect: row.notYet === undefined, missing: missing(row), elsewhere: row.elsewhere ?? null, since: since(row) }));
}

/** The same for people: blocks with what is in effect, then what is not, then what never will be. */
export function featuresText(): string {
  const all = features();
  const blocks = [...new Set(all.map((one) => one.block))];
  const section = (title: string, some: readonly Feature[]): string[] => (some.length === 0 ? [] : ['', `${title}:`, ...blocks.flatMap((block) => {
    const names = some.filter((one) => one.block === block).map((one) => one.keyword);
    return names.length === 0 ? [] : [`  ${block === '' ? 'top level' : block}:`, ...wrapped(names, '    ')];
  })]);
  const inEffect = all.filter((one) => one.inEffect);
  const later = all.filter((one) => !one.inEffect && one.elsewhere === null);
  const others = all.filter((one) => one.elsewhere !== null);
  return [
    ...section(`In effect (${String(inEffect.length)} of ${String(all.length)} keywords)`, inEffect).slice(1),
    ...section(`Read and checked, not in effect yet (${String(later.length)})`, later),
    ...section(`Of other products, without effect here (${String(others.length)}; tskeepalived explain KEYWORD: what to do instead)`, others), '',
  ].join('\n');
}

const WIDTH = 100;

function wrapped(words: readonly string[], indent: string): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > WIDTH) lines.push(indent + word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
