import type { Config, VirtualAddress, VrrpInstance } from '../config/model.ts';
import type { Address } from '../system/netlink-routes.ts';
import type { Clock } from '../system/clock.ts';
import type { System } from '../system/system.ts';
import type { Cancel } from '../util/time.ts';
import { allAddresses } from '../vrrp/desired.ts';
import { allRouting, isTracked, linksOf, objectsOf, type RoutingObject } from '../vrrp/routing.ts';
import { AddressKeeper, kernelAddress } from './address-keeper.ts';
import type { Leftovers } from './journal.ts';
import { KernelQueue } from './kernel-queue.ts';
import type { Log } from './log/log.ts';
import { addressKey, type Network, type NetworkChange } from './network.ts';
import { routingText } from './report/routing-text.ts';
import { RouteKeeper } from './route-keeper.ts';
import { STATIC, StaticObjects } from './static-objects.ts';

export interface ObjectListener {
  /** Somebody else took a tracked route or rule of a Master; in words. */
  lost(instance: string, what: string): void;
  /** What static entries mean for these instances may have changed. */
  changed(instances: readonly string[]): void;
}

/**
 * What instances and static entries hold in the kernel: addresses, then routes, then rules; taken away the other way round.
 * A great many go in chunks, so that no advertisement waits for them.
 */
export class KernelObjects {
  readonly addresses: AddressKeeper;
  readonly #queue: KernelQueue;
  readonly #routing: RouteKeeper;
  readonly #statics: StaticObjects;
  readonly #clock: Clock;
  readonly #network: Network;
  readonly #log: Log;
  /** Interfaces whose routes may have gone, and what looks after them at the end of the turn. */
  readonly #changed = new Set<string>();
  #settle: Cancel = () => undefined;
  /** By instance, as long as the configuration is the same: it is asked for with every change of the machine. */
  readonly #links = new Map<string, ReadonlySet<string>>();
  /** Ids of routes and rules that a killed run may have left. */
  #leftovers: ReadonlySet<string> = new Set();

  constructor(system: Pick<System, 'routes' | 'clock'>, network: Network, log: Log, listener: ObjectListener) {
    this.#clock = system.clock;
    this.#network = network;
    this.#log = log;
    this.#queue = new KernelQueue(system.routes, system.clock, log);
    this.addresses = new AddressKeeper(this.#queue, network);
    this.#routing = new RouteKeeper(system.routes, this.#queue, system.clock, network, log, (owner, object) => {
      if (owner === STATIC) this.#statics.routingLost(object);
      else listener.lost(owner, `${object.kind} ${routingText(object)}`);
    });
    const { addresses } = this;
    this.#statics = new StaticObjects({ addresses, routing: this.#routing, network, clock: system.clock, log, changed: (instances) => { listener.changed(instances); } });
  }

  /** Removes what an earlier run left and nobody names any more; what is still named goes when its owner comes to it. */
  sweep({ addresses, routing, named }: Leftovers): void {
    this.#leftovers = named;
    this.#routing.remove('leftovers', [...routing].reverse(), true, () => true);
    this.addresses.sweep(addresses);
  }

  /** The static entries of the configuration, and whether anything is to be watched. Throws SystemError. */
  use(config: Config): void {
    const all = [...config.instances.flatMap((instance) => objectsOf(allRouting(instance))), ...objectsOf(config.statics)];
    this.#routing.follow(all.some(isTracked));
    this.#links.clear();
    this.#statics.use(config);
  }

  /** A Master's. */
  hold(instance: VrrpInstance): void {
    const { name } = instance;
    const routing = allRouting(instance);
    if (allAddresses(instance).length > 0) this.#log.detail(`(${name}) setting VIPs.`);
    this.addresses.add(name, allAddresses(instance));
    if (routing.routes.length > 0) this.#log.detail(`(${name}) setting Virtual Routes`);
    if (routing.rules.length > 0) this.#log.detail(`(${name}) setting Virtual Rules`);
    this.#routing.add(name, objectsOf(routing));
  }

  /** Of whoever is no Master; `leftovers`: also what this run did not put there. */
  release(instance: VrrpInstance, leftovers: boolean): void {
    const { name } = instance;
    const { routes, rules } = allRouting(instance);
    const isLeftover = (object: RoutingObject): boolean => this.#leftovers.has(object.id);
    const remove = (objects: readonly RoutingObject[]): number => this.#routing.remove(name, objects, leftovers, isLeftover);
    if (remove(objectsOf({ routes: [], rules })) > 0) this.#log.detail(`(${name}) removing Virtual Rules`);
    if (remove(objectsOf({ routes, rules: [] })) > 0) this.#log.detail(`(${name}) removing Virtual Routes`);
    if (this.addresses.remove(name, allAddresses(instance), leftovers) > 0) this.#log.detail(`(${name}) removing VIPs.`);
  }

  /** A reload changed a Master's: the new come before the old go, and what stays is not touched. True when an address is new. */
  move(old: VrrpInstance, instance: VrrpInstance): boolean {
    const { name } = instance;
    const before = new Map(allAddresses(old).map((v) => [identity(v), v]));
    const after = new Set(allAddresses(instance).map(identity));
    // The kernel keeps label, scope and flags as they were: another one is another address.
    const changed = allAddresses(instance).filter((v) => { const was = before.get(identity(v)); return was !== undefined && !sameInKernel(was, v); });
    const added = [...allAddresses(instance).filter((v) => !before.has(identity(v))), ...changed];
    this.addresses.remove(name, changed, true);
    if (added.length > 0) {
      this.#log.info(`(${name}) setting VIPs.`);
      this.addresses.add(name, added);
    }
    this.#moveRouting(old, instance);
    this.addresses.remove(name, allAddresses(old).filter((v) => !after.has(identity(v))), true);
    return added.length > 0;
  }

  rename(names: ReadonlyMap<string, string>): void {
    this.addresses.rename(names);
    this.#routing.rename(names);
  }

  /** Runs `run` once the kernel has all that was asked for so far. */
  whenDone(run: () => void): void {
    this.#queue.whenDone(run);
  }

  /** True when it concerned a static address and nobody else. */
  networkChanged(change: NetworkChange): boolean {
    switch (change.type) {
      case 'link-added':
      case 'link':
        this.#linkChanged(change.name);
        return false;
      case 'address-added':
        this.#addressAdded(change.link, addressKey(change.address.linkIndex, change.address));
        return false;
      case 'address-removed':
        return this.#staticRemoved(change.address);
      case 'link-removed':
        return false;
    }
  }

  /** Other interfaces than its own that the instance cannot do without, for the sake of its routes, its rules and its static entries. */
  linksFor(instance: VrrpInstance): ReadonlySet<string> {
    const known = this.#links.get(instance.name);
    if (known !== undefined) return known;
    const tracked = objectsOf(allRouting(instance)).filter(isTracked).flatMap(linksOf);
    const links = new Set([...tracked, ...this.#statics.linksFor(instance.name)].filter((name) => name !== instance.link));
    this.#links.set(instance.name, links);
    return links;
  }

  faultsFor(instance: VrrpInstance): readonly string[] {
    return this.#statics.faultsFor(instance.name);
  }

  /** At the stop, when all instances have left; `keep`: -V, what is there stays. */
  stop(keep: boolean): void {
    if (!keep) this.#statics.remove();
    this.#statics.close();
    this.#settle();
    this.#queue.flush();
    this.#routing.close();
  }

  #staticRemoved(address: Address): boolean {
    const key = addressKey(address.linkIndex, address);
    if (this.addresses.ownerOf(key) !== STATIC) return false;
    // Our own removal, and added anew since.
    if (this.addresses.wasTold(key)) return true;
    this.addresses.lost(key);
    this.#statics.addressLost(address);
    return true;
  }

  /** An instance's own address brings no route back: those come behind it. */
  #addressAdded(link: string, key: string): void {
    const owner = this.addresses.ownerOf(key);
    if (owner === null ? !this.addresses.isOurs(key) : owner === STATIC) this.#linkChanged(link);
  }

  /** Once for all that is heard in one turn. */
  #linkChanged(name: string): void {
    this.#changed.add(name);
    if (this.#changed.size > 1) return;
    this.#settle = this.#clock.at(this.#clock.now(), () => {
      const names = [...this.#changed];
      this.#changed.clear();
      for (const one of names) this.#reassert(one);
    });
  }

  /** The kernel takes IPv4 routes away with their interface, or its last address, without a word. */
  #reassert(name: string): void {
    const link = this.#network.link(name);
    if (link?.up !== true || !link.running) return;
    this.#statics.linkChanged(name);
    this.#routing.reassert(name, (owner, object, done, missed) => {
      if (owner === STATIC) this.#statics.reasserted(object, done, missed);
    });
  }

  /** One that must be the only one of its kind waits until the old ones are gone. */
  #moveRouting(old: VrrpInstance, instance: VrrpInstance): void {
    const { name } = instance;
    const before = objectsOf(allRouting(old));
    const after = objectsOf(allRouting(instance));
    const had = new Set(before.map(({ id }) => id));
    const has = new Set(after.map(({ id }) => id));
    const added = after.filter(({ id }) => !had.has(id));
    const exclusive = (object: RoutingObject): boolean => object.kind === 'route' && object.route.spec.place === 'add';
    this.#routing.add(name, added.filter((object) => !exclusive(object)));
    this.#routing.remove(name, inRemovalOrder(before.filter(({ id }) => !has.has(id))), true);
    this.#routing.add(name, added.filter(exclusive));
  }
}

/** Rules before the routes that they lead to, each in their list's order, as keepalived does. */
function inRemovalOrder(objects: readonly RoutingObject[]): RoutingObject[] {
  return [...objects.filter(({ kind }) => kind === 'rule'), ...objects.filter(({ kind }) => kind === 'route')];
}

function identity(virtual: VirtualAddress): string {
  return `${virtual.link} ${virtual.prefix.address}/${virtual.prefix.length} ${virtual.peer ?? ''}`;
}

function sameInKernel(a: VirtualAddress, b: VirtualAddress): boolean {
  return JSON.stringify(kernelAddress(a, 0)) === JSON.stringify(kernelAddress(b, 0));
}
