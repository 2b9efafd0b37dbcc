import type { FilterOp, FilterTable } from '../../codec/nftables.ts';
import type { IpvsConfig } from '../../config/model-ipvs.ts';
import { type GroupMarks, giveMarks, markRuleset, withMarks } from '../../ipvs/group-marks.ts';
import type { Clock } from '../../system/clock.ts';
import { SystemError } from '../../system/error.ts';
import type { Files } from '../../system/files.ts';
import type { PacketFilter } from '../../system/packet-filter.ts';
import type { Family } from '../../util/ip.ts';
import type { Cancel, Millis } from '../../util/time.ts';
import type { Log } from '../log/log.ts';

const FAMILIES: readonly Family[] = ['inet', 'inet6'];
/** Between two times that a table is made anew: the first, and the longest. */
const PAUSE: Millis = 1000;
const LONGEST_PAUSE: Millis = 60_000;

export interface GroupMarkerParts {
  readonly filter: PacketFilter;
  readonly files: Pick<Files, 'read' | 'write' | 'remove'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: { readonly path: string; readonly epoch: string };
}

/** What a run has put into nf_tables, and which marks it gave: a later one goes on with the same. */
interface Noted {
  readonly table: string;
  readonly marks: GroupMarks;
}

/**
 * `nftables_ipvs`: the table that marks packets to the addresses of groups, and the configuration with the marks in their place.
 * Where nf_tables cannot be had the addresses stay services of their own, which does the same.
 */
export class GroupMarker {
  readonly #parts: GroupMarkerParts;
  #noted: Noted | null = null;
  #read = false;
  /** What the kernel should have, by family. */
  #held: ReadonlyMap<Family, readonly FilterOp[]> = new Map();
  #unwatch: Cancel | null = null;
  #repair: Cancel | null = null;
  #pause: Millis = PAUSE;
  #closed = false;

  constructor(parts: GroupMarkerParts) {
    this.#parts = parts;
  }

  /** To be called before IPVS is changed. Failures are said. */
  async apply(ipvs: IpvsConfig): Promise<IpvsConfig> {
    const { log } = this.#parts;
    await this.#remember();
    const settings = ipvs.groupMarks;
    if (settings === null && this.#noted === null) return ipvs;
    const marks = settings === null ? new Map<string, number>() : giveMarks(ipvs, settings.first, this.#noted?.marks ?? new Map<string, number>());
    const wanted = new Map(settings === null ? [] : FAMILIES.map((family) => [family, markRuleset(ipvs, marks, family, settings)] as const).filter(([, ops]) => ops.length > 0));
    try {
      await this.#program(wanted, settings === null ? null : { table: settings.table, marks });
    } catch (cause) {
      log.error(`nftables_ipvs: ${textOf(cause)}; the addresses of virtual server groups are served one by one`);
      return ipvs;
    }
    return withMarks(ipvs, marks);
  }

  /** When IPVS has lost its services, or (`keep`) keeps them. */
  async stop(keep: boolean): Promise<void> {
    this.#closed = true;
    this.#repair?.();
    this.#unwatch?.();
    if (keep || this.#noted === null) return;
    const { table } = this.#noted;
    try {
      await this.#program(new Map(), null);
    } catch (cause) {
      this.#parts.log.error(`nftables_ipvs: ${textOf(cause)}; what is left: nft list table ip ${table}`);
    }
  }

  /** One transaction; what another table of ours has, under whatever name it was noted, goes with it. */
  async #program(wanted: ReadonlyMap<Family, readonly FilterOp[]>, next: Noted | null): Promise<void> {
    const { filter } = this.#parts;
    const changed = [...wanted].filter(([family, ops]) => textOfOps(this.#held.get(family)) !== textOfOps(ops)).flatMap(([, ops]) => ops);
    const old = this.#noted?.table ?? null;
    const gone: FilterOp[] = old === null ? [] : FAMILIES.filter((family) => !wanted.has(family) || next?.table !== old).map((family) => ({ op: 'delete-table' as const, family, table: old }));
    const there = gone.length === 0 ? [] : await filter.tables();
    const removals = gone.filter(({ family, table }) => there.some((one) => one.family === family && one.name === table));
    // Known before it is there: a run that is killed in between leaves nothing unknown.
    if (next !== null) await this.#note(next);
    if (changed.length > 0) this.#watch();
    if (changed.length + removals.length > 0) await filter.apply([...removals, ...changed]);
    this.#held = wanted;
    if (next === null) await this.#forget();
  }

  #watch(): void {
    if (this.#unwatch !== null) return;
    const blind = (cause: unknown): void => {
      this.#unwatch ??= () => undefined;
      this.#parts.log.warn(`nftables_ipvs: changes that others make to its table will not be noticed: ${textOf(cause)}`);
    };
    try {
      this.#unwatch = this.#parts.filter.watch((table) => { this.#damaged(table); }, blind);
    } catch (cause) {
      blind(cause);
    }
  }

  /** null: messages were lost, and it may have been ours. */
  #damaged(table: FilterTable | null): void {
    if (this.#closed || this.#noted === null || (table !== null && (table.name !== this.#noted.table || !this.#held.has(table.family)))) return;
    if (this.#repair === null) this.#parts.log.warn(`nftables_ipvs: table ${this.#noted.table} was changed by somebody else; making it anew`);
    this.#later();
  }

  #later(): void {
    const { clock, filter, log } = this.#parts;
    this.#repair ??= clock.at(clock.now() + this.#pause, () => {
      this.#repair = null;
      filter.apply([...this.#held.values()].flat()).then(() => { this.#pause = PAUSE; }, (cause: unknown) => {
        log.error(`nftables_ipvs: ${textOf(cause)}; clients of virtual server groups are not served until the table is there`);
        this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
        if (!this.#closed) this.#later();
      });
    });
  }

  /** What a run before left, once. */
  async #remember(): Promise<void> {
    if (this.#read) return;
    this.#read = true;
    const { files, journal: { path, epoch }, log } = this.#parts;
    try {
      const value: unknown = JSON.parse(new TextDecoder().decode(await files.read(path)));
      this.#noted = notedOf(value, epoch);
    } catch (cause) {
      if (!isMissing(cause)) log.warn(`${path} cannot be read: ${textOf(cause)}`);
    }
  }

  async #note(noted: Noted): Promise<void> {
    const { files, journal: { path, epoch }, log } = this.#parts;
    const text = `${JSON.stringify({ epoch, table: noted.table, marks: [...noted.marks] })}\n`;
    const before = this.#noted === null ? '' : `${JSON.stringify({ epoch, table: this.#noted.table, marks: [...this.#noted.marks] })}\n`;
    this.#noted = noted;
    if (text === before) return;
    try {
      await files.write(path, text, 0o600);
    } catch (cause) {
      log.warn(`${path} cannot be written (${textOf(cause)}): if this process is killed, nftables table ${noted.table} stays until it is started again with it`);
    }
  }

  async #forget(): Promise<void> {
    const { files, journal: { path }, log } = this.#parts;
    this.#noted = null;
    try {
      await files.remove(path);
    } catch (cause) {
      if (!isMissing(cause)) log.warn(`${path} cannot be removed: ${textOf(cause)}`);
    }
  }
}

function notedOf(value: unknown, epoch: string): Noted | null {
  if (typeof value !== 'object' || value === null || !('epoch' in value) || value.epoch !== epoch || !('table' in value) || typeof value.table !== 'string' || !('marks' in value) || !Array.isArray(value.marks)) return null;
  const marks = value.marks.flatMap((one: unknown): [string, number][] => (Array.isArray(one) && typeof one[0] === 'string' && typeof one[1] === 'number' ? [[one[0], one[1]]] : []));
  return { table: value.table, marks: new Map(marks) };
}

function textOfOps(ops: readonly FilterOp[] | undefined): string {
  return JSON.stringify(ops, (_key, value: unknown) => (value instanceof Uint8Array ? [...value] : value));
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function isMissing(cause: unknown): boolean {
  return cause instanceof SystemError && cause.code === 'ENOENT';
}
