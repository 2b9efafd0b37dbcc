/** What iptables-save says of chains of ours, and what iptables-restore is to be told. */
import { FULLNAT_CHAIN, type IptablesTable, type IptablesTableName } from './iptables.ts';

/** What of one table is ours, as iptables-save writes it. */
export interface SavedTable {
  readonly chains: readonly string[];
  /** Rules of other chains that lead into ours: `-A POSTROUTING … -j TSK-FNAT`. */
  readonly hooks: readonly string[];
  /** All of it, to be compared: the same text means that nobody has touched it. */
  readonly text: string;
}

const NOTHING: SavedTable = { chains: [], hooks: [], text: '' };
/** A probe is nobody's rule, wherever it stands. */
export const PROBE_CHAIN = `${FULLNAT_CHAIN}-PROBE`;

/** Ours in an output of iptables-save, table by table; a table that has nothing of ours is not in it. */
export function savedTables(output: string): Map<string, SavedTable> {
  const tables = new Map<string, { chains: string[]; hooks: string[]; text: string }>();
  let table = '';
  for (const line of output.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim();
    const [, declared] = /^:(\S+) /u.exec(line) ?? [];
    const [, chain, target] = /^-A (\S+)(?: .*)? -[jg] (\S+)/u.exec(line) ?? [];
    const ours = [declared, chain].some((name) => name !== undefined && isOurs(name));
    const isHook = !ours && target !== undefined && isOurs(target);
    if (!ours && !isHook) continue;
    const known = tables.get(table) ?? { chains: [], hooks: [], text: '' };
    tables.set(table, known);
    if (declared !== undefined) known.chains.push(declared);
    if (isHook) known.hooks.push(line);
    // Counters of chains are nobody's change.
    known.text += `${declared === undefined ? line : `:${declared}`}\n`;
  }
  return tables;
}

/**
 * Makes ours in these tables what `wanted` says, whatever of ours stands there now; `IptablesTableName`s without a wanted one lose
 * theirs. The text of one iptables-restore --noflush, which carries out each table as a whole; '': there is nothing to do.
 */
export function restoreText(wanted: readonly IptablesTable[], gone: readonly IptablesTableName[], saved: ReadonlyMap<string, SavedTable>): string {
  const change = (name: IptablesTableName, table: IptablesTable | null): string => {
    const { chains, hooks } = saved.get(name) ?? NOTHING;
    if (table === null && chains.length + hooks.length === 0) return '';
    const old = chains.filter((chain) => table?.chains.has(chain) !== true);
    return [
      `*${name}`,
      // Naming a chain makes it, or empties it.
      ...[...(table?.chains.keys() ?? []), ...old].map((chain) => `:${chain} - [0:0]`),
      ...hooks.map((rule) => rule.replace(/^-A/u, '-D')),
      ...(table === null ? [] : [`-I ${table.hook.chain} 1 ${table.hook.match} -j ${FULLNAT_CHAIN}`]),
      ...[...(table?.chains ?? [])].flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
      ...old.map((chain) => `-X ${chain}`),
      'COMMIT\n',
    ].join('\n');
  };
  return [...gone.map((name) => change(name, null)), ...wanted.map((table) => change(table.name, table))].join('');
}

/** Something that rules of ours need of the kernel and of iptables. */
export interface Feature {
  /** The kernel module that has it. */
  readonly module: string;
  readonly table: IptablesTableName;
  readonly rule: string;
}

/** Makes a chain that nothing leads to, with a rule for each of these. */
export function probeText(features: readonly Feature[]): string {
  const tables = [...new Set(features.map(({ table }) => table))];
  return tables.map((table) => [`*${table}`, `:${PROBE_CHAIN} - [0:0]`, ...features.filter((one) => one.table === table).map(({ rule }) => `-A ${PROBE_CHAIN} ${rule}`), 'COMMIT\n'].join('\n')).join('');
}

function isOurs(chain: string): boolean {
  return chain === FULLNAT_CHAIN || chain.startsWith(`${FULLNAT_CHAIN}-`);
}
