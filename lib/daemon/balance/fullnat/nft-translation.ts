import type { FilterOp, FilterTable } from '../../../codec/nftables.ts';
import type { FullnatPlan } from '../../../ipvs/fullnat/plan.ts';
import { buildRuleset, changeRuleset, FULLNAT_TABLE, removeRuleset } from '../../../ipvs/fullnat/ruleset.ts';
import type { Clock } from '../../../system/clock.ts';
import { SystemError } from '../../../system/error.ts';
import type { PacketFilter } from '../../../system/packet-filter.ts';
import type { Family } from '../../../util/ip.ts';
import type { Cancel, Millis } from '../../../util/time.ts';
import type { Log } from '../../log/log.ts';
import type { Translation } from './translation.ts';

/** Between two times that a table is made anew. */
const PAUSE: Millis = 1000;
const LONGEST_PAUSE: Millis = 60_000;
/** Something is not there, or there already. */
const MISMATCHES: ReadonlySet<string> = new Set(['ENOENT', 'EEXIST', 'EBUSY']);

/**
 * By nf_tables. The first use makes the tables whole, in the place of those that a killed run left; after that only what differs
 * is sent. What somebody else takes out is put back.
 */
export class NftTranslation implements Translation {
  readonly name = 'nftables';
  readonly listing = `nft list table ip ${FULLNAT_TABLE}`;
  readonly #filter: PacketFilter;
  readonly #clock: Clock;
  readonly #log: Log;
  /** What the kernel has; absent: nobody knows. */
  readonly #held = new Map<Family, FullnatPlan>();
  /** Families in which a table of a run before may stand. */
  readonly #unknown = new Set<Family>(['inet', 'inet6']);
  /** A change did not find what it changes: the kernel has not what was thought, and all is made anew. */
  #doubtful = false;
  /** One after the other: a repair must not bring back what a reload has just replaced. */
  #turn: Promise<unknown> = Promise.resolve();
  #unwatch: Cancel | null = null;
  #repair: Cancel | null = null;
  #pause: Millis = PAUSE;
  #closed = false;

  constructor(filter: PacketFilter, clock: Clock, log: Log) {
    this.#filter = filter;
    this.#clock = clock;
    this.#log = log;
  }

  apply(plans: readonly FullnatPlan[]): Promise<void> {
    return this.#inTurn(() => this.#apply(plans));
  }

  async #apply(plans: readonly FullnatPlan[]): Promise<void> {
    const leftovers = this.#unknown.size === 0 ? [] : (await this.#filter.tables()).filter(({ name, family }) => name === FULLNAT_TABLE && this.#unknown.has(family)).map(({ family }) => family);
    const ops: FilterOp[] = plans.flatMap((plan) => {
      const held = this.#held.get(plan.family);
      return held === undefined || this.#doubtful ? buildRuleset(plan) : changeRuleset(held, plan);
    });
    const wanted = new Set(plans.map(({ family }) => family));
    for (const family of [...this.#held.keys(), ...leftovers]) if (!wanted.has(family)) ops.push(...removeRuleset(family));
    if (ops.length > 0) {
      this.#watch();
      await this.#filter.apply(ops).catch((cause: unknown) => {
        this.#doubtful ||= cause instanceof SystemError && MISMATCHES.has(cause.code);
        throw cause;
      });
    }
    this.#doubtful = false;
    this.#unknown.clear();
    this.#held.clear();
    for (const plan of plans) this.#held.set(plan.family, plan);
  }

  close(): void {
    this.#closed = true;
    this.#repair?.();
    this.#unwatch?.();
  }

  #watch(): void {
    if (this.#unwatch !== null) return;
    const blind = (cause: unknown): void => {
      this.#unwatch ??= () => undefined;
      this.#log.warn(`FULLNAT: changes that others make to nftables table ${FULLNAT_TABLE} will not be noticed: ${String(cause)}`);
    };
    try {
      this.#unwatch = this.#filter.watch((table) => { this.#damaged(table); }, blind);
    } catch (cause) {
      blind(cause);
    }
  }

  #damaged(table: FilterTable | null): void {
    if (this.#closed || (table !== null && (table.name !== FULLNAT_TABLE || !this.#held.has(table.family)))) return;
    if (this.#repair === null) this.#log.warn(`FULLNAT: nftables table ${FULLNAT_TABLE} was changed by somebody else; making it anew`);
    this.#later();
  }

  #later(): void {
    this.#repair ??= this.#clock.at(this.#clock.now() + this.#pause, () => {
      this.#repair = null;
      this.#inTurn(() => this.#rebuild()).then(() => { this.#pause = PAUSE; }, (cause: unknown) => {
        this.#log.error(`FULLNAT: nftables table ${FULLNAT_TABLE} cannot be made anew: ${String(cause)}; new connections fail until it is there`);
        this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
        if (!this.#closed) this.#later();
      });
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work, work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #rebuild(): Promise<void> {
    if (!this.#closed && this.#held.size > 0) await this.#filter.apply([...this.#held.values()].flatMap(buildRuleset));
  }
}
