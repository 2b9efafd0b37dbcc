import type { FilterOp, FilterTable, SetElement } from '../../codec/nftables.ts';
import type { Clock } from '../../system/clock.ts';
import type { PacketFilter } from '../../system/packet-filter.ts';
import { toHex } from '../../util/bytes.ts';
import type { Family } from '../../util/ip.ts';
import type { Cancel, Millis } from '../../util/time.ts';
import type { FilterSettings } from '../../vrrp/filter.ts';
import type { Log } from '../log/log.ts';
import { type FilterElement, needs, type Part, partOps, setsOf } from './ruleset.ts';

const FAMILIES: readonly Family[] = ['inet', 'inet6'];
/** Between two times that a table is made anew. */
const PAUSE: Millis = 1000;
const ATTEMPTS = 5;

/**
 * Makes our tables hold what each owner wants dropped, an element of two owners once. Everything that one call changes is one
 * batch, which the kernel has carried out when the call returns. A table that somebody else changed is made anew as a whole.
 */
export class NftablesKeeper {
  readonly #filter: PacketFilter;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #settings: FilterSettings;
  /** Families in which a table of our name stood before the first use. */
  readonly #old: Set<Family>;
  readonly #held = new Map<string, readonly FilterElement[]>();
  /** What the kernel has: parts of each family's table, in the order they were made. */
  readonly #present = new Map<Family, Set<Part>>();
  #unwatch: Cancel | null = null;
  #repair: Cancel | null = null;
  #repaired: Millis = -Infinity;
  #failures = 0;
  #closed = false;

  constructor(filter: PacketFilter, clock: Clock, log: Log, settings: FilterSettings, old: Iterable<Family>) {
    this.#filter = filter;
    this.#clock = clock;
    this.#log = log;
    this.#settings = settings;
    this.#old = new Set(old);
  }

  /** From now on `owner` wants this, and nothing else. True when that changed anything. */
  hold(owner: string, wanted: readonly FilterElement[]): boolean {
    const before = this.#wanted();
    if (wanted.length > 0) this.#held.set(owner, wanted);
    else this.#held.delete(owner);
    const after = this.#wanted();
    const gone = [...before].filter(([key]) => !after.has(key)).map(([, element]) => element);
    const fresh = [...after].filter(([key]) => !before.has(key)).map(([, element]) => element);
    if (gone.length + fresh.length === 0) return false;
    this.#failures = 0;
    this.#apply([...this.#elementOps('delete-elements', gone), ...this.#parts(fresh), ...this.#elementOps('add-elements', fresh)]);
    return true;
  }

  /** Keeps what is held under other names: after a reload. */
  rename(names: ReadonlyMap<string, string>): void {
    const held = new Map([...names].flatMap(([to, from]) => { const value = this.#held.get(from); return value === undefined ? [] : [[to, value] as const]; }));
    for (const [owner, value] of this.#held) if (![...names.values()].includes(owner) && !held.has(owner)) held.set(owner, value);
    this.#held.clear();
    for (const [owner, value] of held) this.#held.set(owner, value);
  }

  /** Takes our tables away. With `keep` they stay: addresses that stay must not begin to accept packets. */
  close(keep: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#repair?.();
    this.#unwatch?.();
    if (!keep) this.#send([...this.#present.keys()].map((family) => ({ op: 'delete-table', family, table: this.#settings.table })));
  }

  #wanted(): Map<string, FilterElement> {
    return new Map([...this.#held.values()].flat().map((element) => [keyOf(element), element]));
  }

  /** The parts that these elements need and that are not there yet; a family's first one takes an old table's place. */
  #parts(elements: readonly FilterElement[]): FilterOp[] {
    const ops: FilterOp[] = [];
    for (const { family, part } of elements) {
      for (const needed of needs(part)) {
        let present = this.#present.get(family);
        if (present === undefined) {
          if (this.#old.delete(family)) this.#log.info(`Deleting old ${family === 'inet' ? 'ip' : 'ip6'} ${this.#settings.table} table`);
          ops.push(...replaced(family, this.#settings.table));
          this.#present.set(family, present = new Set());
        }
        if (present.has(needed)) continue;
        ops.push(...partOps(family, needed, present, this.#settings));
        present.add(needed);
      }
    }
    return ops;
  }

  #elementOps(op: 'add-elements' | 'delete-elements', elements: readonly FilterElement[]): FilterOp[] {
    const sets = new Map<string, { readonly family: Family; readonly set: string; readonly elements: SetElement[] }>();
    for (const { family, part, element } of elements) {
      for (const { set, map } of setsOf(family, part)) {
        const key = `${family} ${set}`;
        const entry = sets.get(key) ?? { family, set, elements: [] };
        sets.set(key, entry);
        entry.elements.push(map ? element : { key: element.key });
      }
    }
    return [...sets.values()].map((entry) => ({ op, table: this.#settings.table, ...entry }));
  }

  #apply(ops: readonly FilterOp[]): void {
    this.#watch();
    this.#send(ops);
  }

  #send(ops: readonly FilterOp[]): void {
    if (ops.length === 0) return;
    this.#filter.apply(ops).then(() => { this.#failures = 0; }, (cause: unknown) => {
      this.#failures++;
      const again = !this.#closed && this.#failures < ATTEMPTS;
      const remedy = this.#closed ? 'remove it with nft delete table' : again ? 'making the table anew' : 'packets to the addresses are not dropped until the next change of state; see nft list ruleset';
      this.#log.error(`nftables table ${this.#settings.table}: ${cause instanceof Error ? cause.message : String(cause)}; ${remedy}`);
      if (again) this.#rebuildSoon();
    });
  }

  #watch(): void {
    if (this.#unwatch !== null) return;
    try {
      this.#unwatch = this.#filter.watch((table) => { this.#damaged(table); }, (cause) => { this.#blind(cause); });
    } catch (cause) {
      this.#blind(cause);
    }
  }

  #blind(cause: unknown): void {
    this.#unwatch ??= () => undefined;
    this.#log.warn(`nftables: changes that others make to table ${this.#settings.table} will not be noticed: ${cause instanceof Error ? cause.message : String(cause)}`);
  }

  #damaged(table: FilterTable | null): void {
    if (table !== null && (table.name !== this.#settings.table || !this.#present.has(table.family))) return;
    if (this.#repair === null) this.#log.warn(`nftables: table ${this.#settings.table} was changed by somebody else; making it anew`);
    this.#rebuildSoon();
  }

  #rebuildSoon(): void {
    if (this.#repair !== null || this.#closed) return;
    const now = this.#clock.now();
    this.#repair = this.#clock.at(Math.max(now, this.#repaired + PAUSE), () => {
      this.#repair = null;
      this.#repaired = this.#clock.now();
      this.#rebuild();
    });
  }

  /** Every table that we have, as a whole, in one batch. */
  #rebuild(): void {
    const before = new Map([...this.#present].map(([family, parts]) => [family, [...parts]]));
    this.#present.clear();
    const ops: FilterOp[] = [];
    for (const family of FAMILIES) {
      const parts = before.get(family);
      if (parts === undefined) continue;
      const present = new Set<Part>();
      ops.push(...replaced(family, this.#settings.table));
      for (const part of parts) {
        ops.push(...partOps(family, part, present, this.#settings));
        present.add(part);
      }
      this.#present.set(family, present);
    }
    this.#send([...ops, ...this.#elementOps('add-elements', [...this.#wanted().values()])]);
  }
}

/** Whether or not there is one of that name, there is none afterwards; the part that comes next makes its own. */
export function replaced(family: Family, table: string): FilterOp[] {
  return [{ op: 'add-table', family, table }, { op: 'delete-table', family, table }];
}

function keyOf({ family, part, element }: FilterElement): string {
  return `${family} ${part} ${toHex(element.key)} ${element.data instanceof Uint8Array ? toHex(element.data) : ''}`;
}
