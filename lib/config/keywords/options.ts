/** Entries made of options, `word value word value …`, by a table of rows: routes, rules. */
import { fill } from '../fill.ts';
import type { Args, Keyword, Rows, Values } from '../keyword.ts';

/** How many words an option takes after its own name. */
export type Taken = number;

/** Reads options from word `index` on into `values`; false when the entry is lost. */
export function readOptions<R extends Rows>(args: Args, index: number, rows: R, values: Values<R>, taken: Readonly<Record<string, (args: Args, index: number) => Taken>>, unknown: (word: string) => string, indices: readonly number[] | null = null): boolean {
  const byName: Readonly<Record<string, Keyword | undefined>> = rows;
  for (let i = index; i < args.words.length; ) {
    const name = args.words[i] ?? '';
    const row = Object.hasOwn(rows, name) ? byName[name] : undefined;
    if (row === undefined) {
      args.report({ code: 'unknown-option', message: unknown(name), remedy: `known: ${Object.keys(rows).join(', ')}` }, i);
      return false;
    }
    if (row.value.bare !== true && i + 1 >= args.words.length) {
      missing(args, name, indices?.[i] ?? i);
      return false;
    }
    if (row.deprecated !== undefined) args.report({ code: 'deprecated', severity: 'warning', recorded: 'deprecated', message: row.deprecated }, i);
    const at = at_(args, i + 1);
    const value = row.value.read(at);
    if (value === undefined) {
      if (row.invalid !== undefined) at.report({ code: 'invalid-value', message: fill(row.invalid, at), remedy: row.value.range === undefined ? null : `it must be ${row.value.range}` });
      return false;
    }
    (values as Record<string, unknown>)[row.alias ?? name] = value;
    i += 1 + (taken[name]?.(args, i + 1) ?? (row.value.bare === true ? 0 : 1));
  }
  return true;
}

/** The same words, the first argument at `first`. */
function at_(args: Args, first: number): Args {
  return { words: args.words, first, place: args.place, context: args.context, name: args.name, report: (report, index = first) => { args.report(report, index); } };
}

function missing(args: Args, name: string, index: number): void {
  const first = args.place.source.text.slice(args.place.start, args.place.end).split(/\s/u)[0] ?? '';
  args.report({
    code: 'missing-argument', recorded: 'missing-parameter', message: `'${name}' needs an argument`, remedy: `write: ${name} …`, testExit: 2, startExit: 2,
    wording: `*** Configuration line starting \`${first}\` is missing a parameter after keyword \`${name}\` at word position ${String(index + 2)}`,
  }, index);
}
