/** All keywords with the blocks that they stand in, from the tables. */
import type { Keyword, Table } from '../keyword.ts';
import { root } from '../keywords/root.ts';

export interface Entry {
  readonly name: string;
  /** Of the block around it; '' for the root. */
  readonly block: string;
  readonly row: Keyword;
}

/** Every keyword once for each block that has it, in the order of the tables; options of list entries behind their list. */
export function catalog(): Entry[] {
  const entries: Entry[] = [];
  const seen = new Set<string>();
  const visit = (table: Table, path: string, outer: Keyword | null): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const [name, given] of table.byName) {
      const row = within(given, outer);
      entries.push({ name, block: path, row });
      const inner = path === '' ? name : `${path}.${name}`;
      for (const [option, optionRow] of Object.entries(row.list?.options ?? {})) entries.push({ name: option, block: inner, row: within(optionRow, row) });
      if (row.block !== undefined) visit(row.block, inner, row);
    }
  };
  visit(root, '', null);
  return entries;
}

/** What stands in a block that is not in effect is not in effect either. */
function within(row: Keyword, outer: Keyword | null): Keyword {
  return outer?.notYet === undefined || row.notYet !== undefined ? row : { ...row, notYet: outer.notYet, ...(outer.elsewhere === undefined ? {} : { elsewhere: outer.elsewhere }) };
}

/** How a keyword is written: `advert_int SECONDS`. */
export function usage({ name, row }: Entry): string {
  if (row.block !== undefined) return `${name}${row.value.syntax === '' ? '' : ` ${row.value.syntax}`} { … }`;
  if (row.list !== undefined) return `${name}${row.list.named === true ? ' NAME' : ''} { ${row.list.entry.syntax} … }`;
  return row.value.syntax === '' ? name : `${name} ${row.value.syntax}`;
}

/** What is missing before a keyword is in effect; null: it is in effect. */
export function missing(row: Keyword): string | null {
  if (row.notYet === undefined) return null;
  if (row.elsewhere !== undefined) return `none here, only ${row.elsewhere} has it; ${row.notYet}`;
  return row.notYet === '' ? 'read, not in effect yet' : row.notYet;
}

export function since(row: Keyword): string | null {
  switch (row.since) {
    case undefined: return null;
    case 'tskeepalived': return 'tskeepalived only';
    case 'fullnat': return 'FULLNAT kernels and DPVS';
    default: return `keepalived ${row.since}`;
  }
}
