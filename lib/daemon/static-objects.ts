import type { Config, VirtualAddress } from '../config/model.ts';
import type { Clock } from '../system/clock.ts';
import type { Address } from '../system/netlink-routes.ts';
import type { Cancel, Millis } from '../util/time.ts';
import { isTracked, linksOf, objectsOf, trackGroupOf, type RoutingObject } from '../vrrp/routing.ts';
import { kernelAddress, type AddressKeeper } from './address-keeper.ts';
import type { Log } from './log/log.ts';
import { addressKey, type Network } from './network.ts';
import { addressText } from './report/text.ts';
import { routingText } from './report/routing-text.ts';
import type { RouteKeeper } from './route-keeper.ts';

/** No instance can be called so. */
export const STATIC = 'static entries';
/** Between two restorations of the same entry. */
const PAUSE: Millis = 1000;

type StaticObject = { readonly kind: 'address'; readonly id: string; readonly virtual: VirtualAddress } | RoutingObject;

export interface StaticParts {
  readonly addresses: AddressKeeper;
  readonly routing: RouteKeeper;
  readonly network: Network;
  readonly clock: Clock;
  readonly log: Log;
  /** An entry that a track_group follows went missing, or is there again. */
  readonly changed: (instances: readonly string[]) => void;
}

/** static_ipaddress, static_routes and static_rules: there from the start to the stop, and put back when somebody takes them. */
export class StaticObjects {
  readonly #parts: StaticParts;
  #objects = new Map<string, StaticObject>();
  /** Instances by track_group. */
  #groups = new Map<string, readonly string[]>();
  /** Ids of those that could not be put there. */
  readonly #missing = new Set<string>();
  /** When each was restored last, and who waits to be. */
  readonly #restored = new Map<string, Millis>();
  readonly #waiting = new Map<string, Cancel>();

  constructor(parts: StaticParts) {
    this.#parts = parts;
  }

  /** Brings the kernel from the entries before to those of `config`: what stays is not touched, and new ones come before old ones go. */
  use({ statics, trackGroups }: Pick<Config, 'statics' | 'trackGroups'>): void {
    this.#groups = new Map(trackGroups.map((group) => [group.name, group.members]));
    const before = this.#objects;
    const after: StaticObject[] = [...statics.addresses.map(addressObject), ...objectsOf(statics)];
    this.#objects = new Map(after.map((object) => [object.id, object]));
    this.#put(after.filter((object) => !before.has(object.id)));
    this.#take([...before.values()].filter((object) => !this.#objects.has(object.id)));
  }

  /** At the stop. */
  remove(): void {
    this.close();
    this.#take([...this.#objects.values()]);
    this.#objects = new Map();
  }

  close(): void {
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
  }

  /** The kernel says that an address of ours is gone. */
  addressLost(address: Address): void {
    for (const object of this.#objects.values()) {
      if (object.kind !== 'address' || object.virtual.noTrack || this.#addressKey(object.virtual) !== addressKey(address.linkIndex, address)) continue;
      this.#restore(object);
    }
  }

  routingLost(object: RoutingObject): void {
    const known = this.#objects.get(object.id);
    if (known !== undefined && isTracked(object)) this.#restore(known);
  }

  /** An interface came, came up, or got an address: what it had taken along is put back. */
  linkChanged(name: string): void {
    const link = this.#parts.network.link(name);
    if (this.#objects.size === 0 || link?.up !== true || !link.running) return;
    for (const object of this.#objects.values()) {
      if (object.kind === 'address' && object.virtual.link === name && !object.virtual.noTrack && !this.#isThere(object.virtual)) this.#restore(object);
    }
    // What waited for an interface to be there at all is not known to the keeper yet.
    const waiting = [...this.#objects.values()].filter(isRouting).filter((object) => linksOf(object).includes(name) && isTracked(object) && !this.#parts.routing.knows(object));
    if (waiting.length > 0) this.#put(waiting);
  }

  /** The keeper asked again for one of ours; `missed`: it had not been there. */
  reasserted(object: RoutingObject, done: boolean, missed: boolean): void {
    if (missed) this.#parts.log.info(`Restoring deleted static ${textOf(object)}`);
    this.#answered(object, done);
  }

  /** Interfaces of tracked entries whose track_group has this instance. */
  linksFor(instance: string): string[] {
    return this.#following(instance).flatMap((object) => (object.kind === 'address' ? [object.virtual.link] : linksOf(object)));
  }

  /** What holds the instance in FAULT: entries of its track_group that are not there and cannot be put back. */
  faultsFor(instance: string): string[] {
    return this.#missing.size === 0 ? [] : this.#following(instance).filter(({ id }) => this.#missing.has(id)).map((object) => `static ${textOf(object)} is missing`);
  }

  #following(instance: string): StaticObject[] {
    if (this.#groups.size === 0) return [];
    return [...this.#objects.values()].filter((object) => this.#groups.get(groupOf(object) ?? '')?.includes(instance) === true);
  }

  #put(objects: readonly StaticObject[]): void {
    const { addresses, routing } = this.#parts;
    const virtuals = new Map(objects.flatMap((object) => (object.kind === 'address' ? [[object.virtual, object] as const] : [])));
    addresses.add(STATIC, [...virtuals.keys()], (virtual, refused) => {
      const object = virtuals.get(virtual);
      if (object !== undefined) this.#answered(object, !refused);
    });
    routing.add(STATIC, objects.filter(isRouting), (object, done) => { this.#answered(object, done); });
  }

  /** Rules, then routes, then addresses. */
  #take(objects: readonly StaticObject[]): void {
    for (const { id } of objects) this.#missing.delete(id);
    // Rules before the routes that they lead to, each kind in the configuration's order, as keepalived does (seen with 2.2.7).
    const routing = objects.filter(isRouting);
    this.#parts.routing.remove(STATIC, [...routing.filter(({ kind }) => kind === 'rule'), ...routing.filter(({ kind }) => kind !== 'rule')], false);
    this.#parts.addresses.remove(STATIC, objects.flatMap((object) => (object.kind === 'address' ? [object.virtual] : [])), false);
  }

  /** At once, but not more often than once a second: whoever takes it away again and again is not to be raced with. */
  #restore(object: StaticObject): void {
    const { clock, log } = this.#parts;
    const { id } = object;
    if (this.#waiting.has(id)) return;
    const due = (this.#restored.get(id) ?? -Infinity) + PAUSE;
    if (clock.now() < due) {
      this.#waiting.set(id, clock.at(due, () => {
        this.#waiting.delete(id);
        this.#restore(object);
      }));
      return;
    }
    if (this.#objects.get(id) !== object) return;
    this.#restored.set(id, clock.now());
    log.info(`Restoring deleted static ${textOf(object)}`);
    this.#put([object]);
  }

  #answered(object: StaticObject, done: boolean): void {
    const before = this.#missing.has(object.id);
    if (done === !before) return;
    if (done) this.#missing.delete(object.id);
    else if (this.#objects.get(object.id) === object) this.#missing.add(object.id);
    const instances = this.#groups.get(groupOf(object) ?? '');
    if (instances !== undefined) this.#parts.changed(instances);
  }

  #isThere(virtual: VirtualAddress): boolean {
    const key = this.#addressKey(virtual);
    return key !== null && this.#parts.network.has(key);
  }

  #addressKey(virtual: VirtualAddress): string | null {
    const link = this.#parts.network.link(virtual.link);
    return link === undefined ? null : addressKey(link.index, virtual);
  }
}

function addressObject(virtual: VirtualAddress): StaticObject {
  return { kind: 'address', id: `address ${virtual.link} ${JSON.stringify(kernelAddress(virtual, 0))}`, virtual };
}

function isRouting(object: StaticObject): object is RoutingObject {
  return object.kind !== 'address';
}

function groupOf(object: StaticObject): string | null {
  return object.kind === 'address' ? object.virtual.trackGroup : trackGroupOf(object);
}

/** `route …`, `rule …`, `address …`, as keepalived's log has them. */
function textOf(object: StaticObject): string {
  return object.kind === 'address' ? `address ${addressText(object.virtual, true)}` : `${object.kind} ${routingText(object)}`;
}
