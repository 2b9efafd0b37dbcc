import { budgetAlarms, NO_ALARMS, type BudgetAlarms, type BudgetReading } from '../../../ipvs/fullnat/budget-alarms.ts';
import { parseConntrackStat, type Conntrack } from '../../../ipvs/fullnat/conntrack.ts';
import type { FullnatPlan } from '../../../ipvs/fullnat/plan.ts';
import { portUse } from '../../../ipvs/fullnat/port-budget.ts';
import { SystemError } from '../../../system/error.ts';
import type { IpvsControl } from '../../../system/ipvs.ts';
import type { System } from '../../../system/system.ts';
import type { Cancel, Millis } from '../../../util/time.ts';
import type { Log } from '../../log/log.ts';

/** Between two looks; more where one takes long, so that looking stays below a twentieth of the time. */
const INTERVAL: Millis = 30_000;
const PART = 20;
const STATISTICS = '/proc/net/stat/nf_conntrack';
const COUNT = 'net/netfilter/nf_conntrack_count';
const MAX = 'net/netfilter/nf_conntrack_max';
const LOOSE = 'net/netfilter/nf_conntrack_tcp_loose';

/** Looks at ports and conntrack from time to time. Destinations are read, not connections: that costs the same with millions of them. */
export class BudgetWatch {
  readonly #system: Pick<System, 'clock' | 'files' | 'sysctls'>;
  readonly #ipvs: Pick<IpvsControl, 'dump'>;
  readonly #log: Log;
  #plans: readonly FullnatPlan[] = [];
  #alarms: BudgetAlarms = NO_ALARMS;
  #last: BudgetReading | null = null;
  #timer: Cancel | null = null;
  #looking = false;
  #readBefore = false;
  readonly #said = new Set<string>();

  constructor(system: Pick<System, 'clock' | 'files' | 'sysctls'>, ipvs: Pick<IpvsControl, 'dump'>, log: Log) {
    this.#system = system;
    this.#ipvs = ipvs;
    this.#log = log;
  }

  /** What was seen last; null: nothing yet. */
  get last(): BudgetReading | null {
    return this.#last;
  }

  /** From now on these; none: nothing is looked at. */
  watch(plans: readonly FullnatPlan[]): void {
    this.#plans = plans;
    if (plans.length > 0) {
      if (this.#timer === null && !this.#looking) this.#in(0);
      return;
    }
    this.#timer?.();
    this.#timer = null;
    this.#last = null;
    this.#alarms = NO_ALARMS;
  }

  #in(pause: Millis): void {
    const { clock } = this.#system;
    this.#timer = clock.at(clock.now() + pause, () => {
      this.#timer = null;
      this.#looking = true;
      const begun = clock.now();
      void this.#look().then(() => {
        this.#looking = false;
        if (this.#plans.length > 0) this.#in(Math.max(INTERVAL, PART * (clock.now() - begun)));
      });
    });
  }

  async #look(): Promise<void> {
    const uses = await this.#read('the IPVS table', async () => portUse(this.#plans, await this.#ipvs.dump()));
    const conntrack = await this.#conntrack();
    if (this.#plans.length === 0) return;
    this.#last = { uses: uses ?? [], conntrack };
    // What could not be read is no reason to say that all is well again.
    if (uses === null) return;
    const { alarms, lines } = budgetAlarms(this.#alarms, this.#last, this.#system.clock.now());
    this.#alarms = alarms;
    for (const { level, text } of lines) this.#log[level](text);
  }

  async #conntrack(): Promise<Conntrack | null> {
    const { sysctls, files } = this.#system;
    if (!this.#readBefore) {
      this.#readBefore = true;
      if (await this.#read(LOOSE, () => sysctls.read(LOOSE)) === '0') this.#log.warn('FULLNAT: net.netfilter.nf_conntrack_tcp_loose is 0: a connection that conntrack has lost, or that another director began, is lost; set it to 1');
    }
    const [count, max] = [await this.#read(COUNT, () => sysctls.read(COUNT)), await this.#read(MAX, () => sysctls.read(MAX))].map(Number);
    const lost = await this.#read(STATISTICS, async () => parseConntrackStat(new TextDecoder().decode(await files.read(STATISTICS))));
    return count === undefined || max === undefined || !Number.isSafeInteger(count) || !Number.isSafeInteger(max) || max === 0 ? null : { count, max, lost };
  }

  /** null where it cannot be read, which is said once. */
  async #read<T>(what: string, read: () => Promise<T>): Promise<T | null> {
    try {
      const value = await read();
      this.#said.delete(what);
      return value;
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      // It is over: what is closed meanwhile is nobody's loss.
      if (this.#plans.length === 0) return null;
      if (!this.#said.has(what)) this.#log.warn(`FULLNAT: ${what} cannot be read (${cause.code}): the use of ports and of conntrack is not fully watched`);
      this.#said.add(what);
      return null;
    }
  }
}
