import type { FilterOp, FilterTable } from '../../lib/codec/nftables.ts';
import type { PacketFilter } from '../../lib/system/packet-filter.ts';
import { SystemError } from '../../lib/system/error.ts';
import { toHex } from '../../lib/util/bytes.ts';
import type { Cancel } from '../../lib/util/time.ts';

interface Table {
  readonly chains: Map<string, number>;
  readonly sets: Map<string, Set<string>>;
}

/** A kernel's nf_tables: batches are carried out as a whole or refused. */
export class FakeFilter implements PacketFilter {
  /** No nf_tables: what everything ends with. */
  missing: string | null = null;
  /** The batches that were carried out or refused. */
  readonly batches: (readonly FilterOp[])[] = [];
  readonly held = new Map<string, Table>();
  private readonly watchers = new Set<(table: FilterTable | null) => void>();

  apply(operations: readonly FilterOp[]): Promise<void> {
    this.batches.push(operations);
    const next = new Map([...this.held].map(([key, { chains, sets }]) => [key, { chains: new Map(chains), sets: new Map([...sets].map(([name, keys]) => [name, new Set(keys)])) }]));
    for (const operation of operations) {
      const code = this.missing ?? carryOut(next, operation);
      if (code !== null) return Promise.reject(new SystemError(operation.op, `${operation.family} ${operation.table}`, code));
    }
    this.held.clear();
    for (const [key, table] of next) this.held.set(key, table);
    return Promise.resolve();
  }

  tables(): Promise<FilterTable[]> {
    if (this.missing !== null) return Promise.reject(new SystemError('list', 'tables', this.missing));
    return Promise.resolve([...this.held.keys()].map((key) => {
      const [family, name = ''] = key.split(' ');
      return { family: family === 'inet' ? 'inet' : 'inet6', name };
    }));
  }

  watch(damaged: (table: FilterTable | null) => void): Cancel {
    this.watchers.add(damaged);
    return () => this.watchers.delete(damaged);
  }

  watching(): number {
    return this.watchers.size;
  }

  /** `nft flush ruleset` by somebody else. */
  flush(): void {
    const lost = [...this.held.keys()];
    this.held.clear();
    for (const key of lost) {
      const [family, name = ''] = key.split(' ');
      for (const damaged of this.watchers) damaged({ family: family === 'inet' ? 'inet' : 'inet6', name });
    }
  }

  /** Keys of a set, in hexadecimal; null when there is no such set. */
  elements(table: string, set: string): string[] | null {
    const keys = this.held.get(table)?.sets.get(set);
    return keys === undefined ? null : [...keys];
  }
}

/** Null, or the errno's name. */
function carryOut(tables: Map<string, Table>, operation: FilterOp): string | null {
  const key = `${operation.family} ${operation.table}`;
  const table = tables.get(key);
  if (operation.op === 'add-table') {
    if (table === undefined) tables.set(key, { chains: new Map(), sets: new Map() });
    return null;
  }
  if (table === undefined) return 'ENOENT';
  switch (operation.op) {
    case 'delete-table':
      tables.delete(key);
      return null;
    case 'add-chain':
      table.chains.set(operation.chain, 0);
      return null;
    case 'flush-chain':
      if (!table.chains.has(operation.chain)) return 'ENOENT';
      table.chains.set(operation.chain, 0);
      return null;
    case 'delete-chain': {
      const rules = table.chains.get(operation.chain);
      if (rules === undefined || rules > 0) return rules === undefined ? 'ENOENT' : 'EBUSY';
      table.chains.delete(operation.chain);
      return null;
    }
    case 'flush-set':
      if (!table.sets.has(operation.set)) return 'ENOENT';
      table.sets.set(operation.set, new Set());
      return null;
    case 'delete-set':
      return table.sets.delete(operation.set) ? null : 'ENOENT';
    case 'add-set':
      table.sets.set(operation.set, new Set());
      return null;
    case 'add-rule': {
      const sets = operation.expressions.flatMap((step) => (step.type === 'lookup' ? [step.set] : []));
      const count = table.chains.get(operation.chain);
      if (count === undefined || sets.some((set) => !table.sets.has(set))) return 'ENOENT';
      table.chains.set(operation.chain, count + 1);
      return null;
    }
    case 'add-elements':
    case 'delete-elements': {
      const set = table.sets.get(operation.set);
      if (set === undefined) return 'ENOENT';
      for (const { key: bytes } of operation.elements) {
        if (operation.op === 'add-elements') set.add(toHex(bytes));
        else if (!set.delete(toHex(bytes))) return 'ENOENT';
      }
      return null;
    }
  }
}
