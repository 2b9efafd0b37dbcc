/** The load-balancing half: verdicts of checkers in, the kernel's IPVS table and notifications out. Decisions are lib/ipvs. */
import type { ServiceEntry } from '../../codec/ipvs-values.ts';
import type { IpvsConfig, VirtualServer } from '../../config/model-ipvs.ts';
import type { Config } from '../../config/model.ts';
import { desiredTable, entriesOf, type Standing } from '../../ipvs/desired.ts';
import { begin, migrate, type Migration, type Standings } from '../../ipvs/migrate.ts';
import { EMPTY_TABLE } from '../../ipvs/table.ts';
import { farewell, isUp, step, type VirtualServerAction, type VirtualServerEvent } from '../../ipvs/virtual-server.ts';
import type { Clock } from '../../system/clock.ts';
import type { Log } from '../log/log.ts';
import type { BalanceEvents } from './events.ts';
import type { IpvsKeeper } from './ipvs-keeper.ts';
import type { LvsNotifier } from './lvs-notifier.ts';

export interface BalancerParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly keeper: Pick<IpvsKeeper, 'want'>;
  readonly notifier: Pick<LvsNotifier, 'server' | 'quorum' | 'checked'>;
  /** Returns at once. */
  emit<Name extends keyof BalanceEvents>(hook: Name, event: BalanceEvents[Name]): void;
}

export class Balancer {
  readonly #parts: BalancerParts;
  #groups: IpvsConfig['groups'] = [];
  #standings: Standings = new Map();
  /** All has been told of the end. */
  #parted = false;
  /** The kernel's services of a standing, made once: most do not change when one does. */
  #entries = new WeakMap<Standing, readonly ServiceEntry[]>();

  constructor(parts: BalancerParts) {
    this.#parts = parts;
  }

  /** Virtual servers by identity, as they stand. */
  get standings(): Standings {
    return this.#standings;
  }

  /** `kept`: where those stand that were known before, which is no news. */
  start({ ipvs }: Config, kept: Standings = new Map()): void {
    this.#take(kept.size === 0 ? begin(ipvs.virtualServers, ipvs.initNotifies) : migrate(kept, ipvs.virtualServers, ipvs.initNotifies), ipvs);
  }

  reload({ ipvs }: Config): void {
    this.#take(migrate(this.#standings, ipvs.virtualServers, ipvs.initNotifies), ipvs);
  }

  /** `key`: the virtual server's identity. What is not configured (any more) is not looked at. */
  event(key: string, event: VirtualServerEvent): void {
    const standing = this.#standings.get(key);
    if (standing === undefined) return;
    const { state, actions } = step(standing.service, standing.state, event);
    if (state !== standing.state) this.#standings = new Map(this.#standings).set(key, { service: standing.service, state });
    this.#act(standing.service, actions);
    if (actions.some((action) => action.type === 'program')) this.#program();
  }

  /** Everything goes, and with `omega` it is told. `keep`: the kernel's table stays. */
  stop(keep: boolean): void {
    Array.from(this.withdraw(keep));
    this.#standings = new Map();
    if (!keep) this.#parts.keeper.want(EMPTY_TABLE);
  }

  /** What `stop` tells, ahead of it, once: the kernel's table stays until then. A step each virtual server: of ten thousand there is much to tell. */
  *withdraw(keep: boolean): Generator<void> {
    if (this.#parted) return;
    this.#parted = true;
    for (const { service, state } of this.#standings.values()) {
      for (const server of service.realServers) {
        const inhibited = server.inhibitOnFailure && !isUp(state, server);
        if (!keep) this.#parts.log.info(`Shutting down ${inhibited ? '(inhibited) ' : ''}service ${server.id} from VS ${service.id}`);
      }
      this.#act(service, farewell(service, state, service.omega));
      yield;
    }
  }

  #take({ standings, steps }: Migration, { groups }: IpvsConfig): void {
    this.#groups = groups;
    this.#entries = new WeakMap();
    this.#standings = standings;
    for (const { service, actions } of steps) this.#act(service, actions);
    this.#program();
  }

  #program(): void {
    this.#parts.keeper.want(desiredTable([...this.#standings.values()], this.#groups, (standing, groups) => {
      const known = this.#entries.get(standing);
      if (known !== undefined) return known;
      const entries = entriesOf(standing, groups);
      this.#entries.set(standing, entries);
      return entries;
    }));
  }

  #act(service: VirtualServer, actions: readonly VirtualServerAction[]): void {
    const { clock, log, notifier } = this.#parts;
    for (const action of actions) {
      switch (action.type) {
        case 'log':
          log.info(action.text);
          break;
        case 'program':
          // Once, when the step is done.
          break;
        case 'server':
          notifier.server(service, action.server, action.up);
          this.#parts.emit('onRealServer', { virtualServer: service.id, realServer: action.server.id, up: action.up, time: clock.wall() });
          break;
        case 'mail':
          notifier.checked(service, action.server, action.up, action.changed, action.text);
          break;
        case 'quorum':
          notifier.quorum(service, action.up, action.text);
          this.#parts.emit('onQuorum', { virtualServer: service.id, up: action.up, time: clock.wall() });
          break;
      }
    }
  }
}
