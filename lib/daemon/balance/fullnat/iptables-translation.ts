import type { FullnatPlan } from '../../../ipvs/fullnat/plan.ts';
import { iptablesTables, type Choice, type IptablesTable, type IptablesTableName } from '../../../ipvs/fullnat/iptables.ts';
import { restoreText, savedTables, type SavedTable } from '../../../ipvs/fullnat/iptables-text.ts';
import type { Clock } from '../../../system/clock.ts';
import { SystemError } from '../../../system/error.ts';
import type { Iptables } from '../../../system/iptables.ts';
import type { Family } from '../../../util/ip.ts';
import type { Cancel, Millis } from '../../../util/time.ts';
import type { Log } from '../../log/log.ts';
import { iptablesChoice } from './iptables-features.ts';
import type { Translation } from './translation.ts';

/** Between two looks at the rules: this kind of kernel tells nobody of changes. */
const LOOK: Millis = 10_000;
/** The same where somebody keeps changing them, or they cannot be read. */
const LONGEST_LOOK: Millis = 160_000;
const FAMILIES: readonly Family[] = ['inet', 'inet6'];
const TABLES: readonly IptablesTableName[] = ['filter', 'mangle', 'nat'];

/** One family's rules as they were written, and as iptables-save showed them then. */
interface Held {
  readonly plan: FullnatPlan;
  readonly tables: readonly IptablesTable[];
  readonly shown: ReadonlyMap<string, SavedTable>;
}

/**
 * By iptables, where there is no nf_tables. A table is changed as a whole and at once by one iptables-restore a family; tables in
 * which nothing differs are left alone. What a killed run left is replaced; what somebody else takes out is put back.
 */
export class IptablesTranslation implements Translation {
  readonly name = 'iptables';
  readonly listing = 'iptables-save | grep TSK-FNAT';
  readonly #iptables: Iptables;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #held = new Map<Family, Held>();
  /** Families in which anything of ours may stand: of a run before, or of a change that failed. */
  readonly #unknown = new Set<Family>(FAMILIES);
  readonly #choices = new Map<Family, Choice>();
  #queue: Promise<unknown> = Promise.resolve();
  #look: Cancel | null = null;
  #pause: Millis = LOOK;
  #closed = false;

  constructor(iptables: Iptables, clock: Clock, log: Log) {
    this.#iptables = iptables;
    this.#clock = clock;
    this.#log = log;
  }

  apply(plans: readonly FullnatPlan[]): Promise<void> {
    return this.#alone(async () => {
      for (const family of FAMILIES) {
        const plan = plans.find((one) => one.family === family);
        if (plan !== undefined) await this.#write(plan);
        else if (this.#held.has(family) || this.#unknown.has(family)) await this.#remove(family);
      }
      if (this.#held.size > 0) this.#watch();
    });
  }

  close(): void {
    this.#closed = true;
    this.#look?.();
  }

  /** Nobody else of us is at the rules meanwhile. */
  #alone(run: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(run, run);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #write(plan: FullnatPlan, again = false): Promise<void> {
    const { family } = plan;
    let choice = this.#choices.get(family);
    if (choice === undefined) {
      choice = await iptablesChoice(this.#iptables, plan, this.#log);
      this.#choices.set(family, choice);
    }
    const tables = iptablesTables(plan, choice);
    const held = again || this.#unknown.has(family) ? undefined : this.#held.get(family);
    const changed = tables.filter((table) => !sameTable(table, held?.tables.find(({ name }) => name === table.name)));
    if (changed.length > 0) {
      // From here on nobody knows what stands there until it has been read again.
      this.#unknown.add(family);
      try {
        await this.#iptables.restore(family, restoreText(changed, [], await this.#saved(family)));
      } catch (cause) {
        // What it lacks is found out, and named, by the next attempt.
        this.#choices.delete(family);
        throw cause;
      }
    }
    this.#held.set(family, { plan, tables, shown: changed.length > 0 ? await this.#saved(family) : held?.shown ?? new Map<string, SavedTable>() });
    this.#unknown.delete(family);
  }

  async #remove(family: Family): Promise<void> {
    try {
      const text = restoreText([], TABLES, await this.#saved(family));
      if (text !== '') await this.#iptables.restore(family, text);
    } catch (cause) {
      // Without the program no rule can have been made.
      if (this.#held.has(family) || !(cause instanceof SystemError && cause.code === 'ENOENT')) throw cause;
    }
    this.#held.delete(family);
    this.#unknown.delete(family);
  }

  async #saved(family: Family): Promise<Map<string, SavedTable>> {
    return savedTables(await this.#iptables.save(family));
  }

  #watch(): void {
    if (this.#closed) return;
    this.#look ??= this.#clock.at(this.#clock.now() + this.#pause, () => {
      void this.#alone(() => this.#inspect()).catch((cause: unknown) => {
        this.#log.error(`FULLNAT: rules of iptables cannot be looked after: ${cause instanceof Error ? cause.message : String(cause)} - trying again in ${String(this.#nextPause() / 1000)} s`);
      }).then(() => {
        this.#look = null;
        if (this.#held.size > 0) this.#watch();
      });
    });
  }

  async #inspect(): Promise<void> {
    let damaged = false;
    for (const [family, { plan, shown }] of [...this.#held]) {
      if (this.#closed) return;
      const now = await this.#saved(family);
      if (!this.#unknown.has(family) && TABLES.every((name) => now.get(name)?.text === shown.get(name)?.text)) continue;
      damaged = true;
      if (!this.#unknown.has(family)) this.#log.warn(`FULLNAT: rules of ${family === 'inet' ? 'iptables' : 'ip6tables'} in chains TSK-FNAT were changed by somebody else; making them anew`);
      await this.#write(plan, true);
    }
    if (damaged) this.#nextPause();
    else this.#pause = LOOK;
  }

  #nextPause(): Millis {
    this.#pause = Math.min(this.#pause * 2, LONGEST_LOOK);
    return this.#pause;
  }
}

function sameTable(one: IptablesTable, other: IptablesTable | undefined): boolean {
  return other !== undefined && JSON.stringify([...one.chains]) === JSON.stringify([...other.chains]);
}
