import type { IpvsConfig } from '../../config/model-ipvs.ts';
import { boundAddresses, boundKey, localBoundAddresses, type BoundAddress } from '../../ipvs/bound-addresses.ts';
import type { Standing } from '../../ipvs/desired.ts';
import { initialize } from '../../ipvs/virtual-server.ts';
import type { NetworkChange } from '../network.ts';
import { AddressBinder, type AddressBinderParts } from './address-binder.ts';
import type { IpvsKeeper } from './ipvs-keeper.ts';

/**
 * When the balancing half's own addresses come and go: those of a service (vip_bind_dev) with its quorum, local addresses with a
 * device for as long as the daemon runs.
 */
export class ServiceAddresses {
  readonly #binder: AddressBinder;
  readonly #keeper: Pick<IpvsKeeper, 'settled'>;
  readonly #log: AddressBinderParts['log'];
  /** Also those that a reload has taken out: connections may use them. */
  #local: readonly BoundAddress[] = [];
  #bound: readonly BoundAddress[] = [];
  #closed = false;

  constructor(parts: AddressBinderParts, keeper: Pick<IpvsKeeper, 'settled'>) {
    this.#binder = new AddressBinder(parts);
    this.#keeper = keeper;
    this.#log = parts.log;
  }

  /** Must the network be known? True also for what a killed run left. */
  async begin({ virtualServers, groups }: IpvsConfig): Promise<boolean> {
    const leftover = await this.#binder.leftover();
    // Those that may be wanted stay until it is known whether they are.
    const possible = boundAddresses(virtualServers.map((service): Standing => ({ service, state: { ...initialize(service), quorum: 'up' } })), groups);
    this.#bound = possible.filter((one) => this.#binder.holds(one));
    return leftover;
  }

  /** To be called when the network is known, and before anything can use local addresses. */
  async prepare(config: IpvsConfig): Promise<void> {
    const now = localBoundAddresses(config);
    const keys = new Set(now.map(boundKey));
    const left = this.#local.filter((one) => !keys.has(boundKey(one)));
    for (const { address, link } of left) this.#log.detail(`${address} stays on ${link} until the stop, for the connections that use it`);
    this.#local = [...now, ...left];
    this.#want(this.#bound);
    await this.#binder.settled();
  }

  /** As virtual servers stand now: what goes, at once; what comes, when IPVS serves it. */
  async follow(standings: readonly Standing[], groups: IpvsConfig['groups']): Promise<void> {
    if (this.#closed) return;
    const wanted = boundAddresses(standings, groups);
    if (wanted.map(boundKey).join() === this.#bound.map(boundKey).join()) return;
    this.#bound = wanted;
    this.#want(wanted.filter((one) => this.#binder.holds(one)));
    await this.#keeper.settled();
    // Another change may have come meanwhile, or the stop.
    if (this.#bound === wanted) this.#want(wanted);
    await this.#binder.settled();
  }

  changed(change: NetworkChange): void {
    this.#binder.changed(change);
  }

  /** Before IPVS goes: no new client comes by these addresses any more. */
  async withdraw(): Promise<void> {
    this.#closed = true;
    this.#bound = [];
    this.#want([]);
    await this.#binder.settled();
  }

  /** `keep`: all stays, for the next run to take over. */
  close(keep: boolean): Promise<void> {
    this.#closed = true;
    return this.#binder.close(keep);
  }

  #want(bound: readonly BoundAddress[]): void {
    this.#binder.want([...this.#local, ...bound]);
  }
}

/** Does a configuration have addresses for us to put on interfaces? */
export function hasServiceAddresses(config: IpvsConfig): boolean {
  return config.virtualServers.some(({ fullnat }) => fullnat.bindLink !== null) || localBoundAddresses(config).length > 0;
}
