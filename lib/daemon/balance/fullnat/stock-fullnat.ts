import type { ForwardMethod, IpvsConfig, VirtualServer } from '../../../config/model-ipvs.ts';
import { serviceKey } from '../../../codec/ipvs-values.ts';
import { serviceIds } from '../../../ipvs/desired.ts';
import { fullnatPlan, isFullnat, type FullnatPlan } from '../../../ipvs/fullnat/plan.ts';
import { stockRemarks } from '../../../ipvs/fullnat/remarks.ts';
import type { Clock } from '../../../system/clock.ts';
import type { Family } from '../../../util/ip.ts';
import type { Cancel, Millis } from '../../../util/time.ts';
import type { Log } from '../../log/log.ts';
import type { FullnatBackend, FullnatStatus } from './backend.ts';
import type { BudgetWatch } from './budget-watch.ts';
import { VS_CONNTRACK, type KernelSettings } from './kernel-settings.ts';
import type { Translation } from './translation.ts';

const FIRST_PAUSE: Millis = 1000;
const LONGEST_PAUSE: Millis = 60_000;
const FAMILIES: readonly Family[] = ['inet', 'inet6'];

/**
 * FULLNAT on a kernel without it: IPVS masquerades, and a translation of our own gives the connections local addresses. A
 * virtual server is only handed to IPVS when its translation is there: a client that is let in without it hangs.
 */
export class StockFullnat implements FullnatBackend {
  readonly #choose: () => Promise<Translation>;
  #translation: Translation | null = null;
  readonly #settings: KernelSettings;
  readonly #budget: BudgetWatch;
  readonly #clock: Clock;
  readonly #log: Log;
  /** What could not be set up is tried again; this hears when it worked. */
  readonly #ready: () => void;
  #plans: readonly FullnatPlan[] = [];
  /** Services that are translated, by serviceKey. */
  #translated: ReadonlySet<string> = new Set();
  /** Virtual servers with the client's address in their SYNs. */
  #toa: readonly string[] = [];
  #retry: Cancel = () => undefined;
  #pause: Millis = FIRST_PAUSE;
  #closed = false;
  readonly #said = new Set<string>();

  /** `choose` rejects where there is nothing to translate with, and is asked again later. */
  constructor(choose: () => Promise<Translation>, settings: KernelSettings, budget: BudgetWatch, clock: Clock, log: Log, ready: () => void) {
    this.#choose = choose;
    this.#settings = settings;
    this.#budget = budget;
    this.#clock = clock;
    this.#log = log;
    this.#ready = ready;
  }

  /** To be called before IPVS is changed. */
  async apply(config: IpvsConfig): Promise<void> {
    this.#retry();
    this.#plans = FAMILIES.flatMap((family) => fullnatPlan(config, family) ?? []);
    this.#toa = config.virtualServers.filter((service) => isFullnat(service) && service.fullnat.toa && service.family === 'inet').map(({ id }) => id);
    for (const line of stockRemarks(config)) this.#once(line);
    try {
      await this.#setUp();
    } catch (cause) {
      this.#failed(cause);
    }
  }

  /** The configuration as IPVS gets it: FULLNAT is masquerading there. */
  served(config: IpvsConfig): IpvsConfig {
    const isReady = (service: VirtualServer): boolean => serviceIds(service, config.groups).every((id) => this.#translated.has(serviceKey(id)));
    const virtualServers = config.virtualServers.filter((service) => !isFullnat(service) || isReady(service)).map(masqueraded);
    return { ...config, virtualServers };
  }

  /** To be called when IPVS has lost its services, or (`keep`) keeps them. */
  async stop(keep: boolean): Promise<void> {
    this.#closed = true;
    this.#retry();
    this.#translation?.close();
    this.#budget.watch([]);
    if (keep) return;
    try {
      await this.#translation?.apply([]);
      await this.#settings.need([]);
    } catch (cause) {
      this.#log.error(`FULLNAT: ${String(cause)}; what is left: ${this.#translation?.listing ?? 'kernel parameters'}`);
    }
  }

  status(): FullnatStatus | null {
    if (this.#translation === null || this.#plans.length === 0) return null;
    return { by: this.#translation.name, pools: this.#plans.flatMap(({ pools }) => pools), reading: this.#budget.last };
  }

  async #setUp(): Promise<void> {
    this.#translation ??= await this.#choose();
    if (this.#translation.name === 'iptables') for (const id of this.#toa) this.#once(`Virtual server ${id}: toa needs nf_tables, which this kernel does not have - ignored: real servers see local addresses`);
    // Settings first: without them no packet meets the rules. When none is needed any more, rules go first.
    if (this.#plans.length > 0) await this.#settings.need(this.#plans.map(({ family }) => family));
    await this.#translation.apply(this.#plans);
    if (this.#plans.length === 0) await this.#settings.need([]);
    this.#translated = new Set(this.#plans.flatMap(({ services }) => services.map(({ id }) => serviceKey(id))));
    this.#pause = FIRST_PAUSE;
    if (!this.#closed) this.#budget.watch(this.#plans);
  }

  #failed(cause: unknown): void {
    const text = cause instanceof Error ? cause.message : String(cause);
    const remedy = text.includes(VS_CONNTRACK) ? ": this kernel's IPVS does not know conntrack (CONFIG_IP_VS_NFCT), so that it cannot do FULLNAT; use another kernel, or lvs_method TUN" : '';
    this.#log.error(`FULLNAT cannot be set up${this.#translation === null ? '' : ` by ${this.#translation.name}`}: ${text}${remedy}${this.#translated.size > 0 ? '; what was there goes on' : ''} - trying again in ${String(this.#pause / 1000)} s`);
    this.#retry = this.#clock.at(this.#clock.now() + this.#pause, () => {
      if (this.#closed) return;
      this.#setUp().then(() => {
        this.#log.info('FULLNAT is set up');
        this.#ready();
      }, (again: unknown) => { this.#failed(again); });
    });
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
  }

  #once(line: string): void {
    if (this.#said.has(line)) return;
    this.#said.add(line);
    this.#log.warn(line);
  }
}

function masqueraded<T extends VirtualServer>(service: T): T {
  if (!isFullnat(service)) return service;
  const forward = (one: ForwardMethod): ForwardMethod => (one.method === 'FNAT' ? { ...one, method: 'NAT' } : one);
  return {
    ...service,
    flags: service.flags.filter((flag) => flag !== 'ops'),
    forward: forward(service.forward),
    realServers: service.realServers.map((server) => ({ ...server, forward: forward(server.forward) })),
    sorryServer: service.sorryServer === null ? null : { ...service.sorryServer, forward: forward(service.sorryServer.forward) },
  };
}
