import type { Link, NetlinkRoutes, NetworkOp, Route, RouteEvent, Rule } from '../system/netlink-routes.ts';
import type { Clock } from '../system/clock.ts';
import type { Cancel, Millis } from '../util/time.ts';
import { PROTOCOL_KEEPALIVED } from '../util/route.ts';
import { isTracked, linksOf, type RoutingObject } from '../vrrp/routing.ts';
import { isAsWanted, type KernelQueue } from './kernel-queue.ts';
import { isSameRoute, isSameRule, kernelRoute, routeKey, ruleKey } from './kernel-route.ts';
import type { Log } from './log/log.ts';
import type { Network } from './network.ts';

const RETRY: Millis = 1000;
const RETRIES = 5;

/** A route or rule of ours in the kernel, or on its way there or from there. */
interface Entry {
  readonly object: RoutingObject;
  /** Who wants it: instances, or the static entries. Nobody: it is being removed. */
  readonly owners: Set<string>;
  readonly held: { readonly route: Route } | { readonly rule: Rule };
  /** Removals of ours that the kernel has not told of yet. */
  leaving: number;
  /** As far as is known. */
  there: boolean;
  /** Why the kernel did not take it, as was said. */
  refused: string | null;
}

/** What a request came to: false, it was refused. */
export type Answer = (object: RoutingObject, done: boolean) => void;

/**
 * The reconciler of routes and rules: the kernel holds what owners want. Only what bears keepalived's mark, or was put there
 * by this run, is ever removed. `lost` hears of tracked ones that somebody else took away.
 */
export class RouteKeeper {
  readonly #routes: NetlinkRoutes;
  readonly #queue: KernelQueue;
  readonly #clock: Clock;
  readonly #network: Network;
  readonly #log: Log;
  readonly #lost: (owner: string, object: RoutingObject) => void;
  readonly #entries = new Map<string, Entry>();
  /** Entries by what an event tells of them at once. */
  readonly #index = new Map<string, Set<Entry>>();
  #unwatch: Cancel | null = null;
  #retry: Cancel = () => undefined;
  #dumping = false;

  constructor(routes: NetlinkRoutes, queue: KernelQueue, clock: Clock, network: Network, log: Log, lost: (owner: string, object: RoutingObject) => void) {
    this.#routes = routes;
    this.#queue = queue;
    this.#clock = clock;
    this.#network = network;
    this.#log = log;
    this.#lost = lost;
  }

  /** Whether the kernel's changes of routes and rules are heard. Throws SystemError. */
  follow(wanted: boolean): void {
    if (wanted) this.#unwatch ??= this.#routes.watchRoutes((event) => { this.#hear(event); });
    else this.close();
  }

  close(): void {
    this.#unwatch?.();
    this.#unwatch = null;
    this.#retry();
  }

  /** Adds what `owner` wants and the kernel lacks, in the order given. One whose interface is not there is left for later. */
  add(owner: string, wanted: readonly RoutingObject[], answered?: Answer): void {
    const entries = wanted.map((object) => this.#want(owner, object)).filter((entry) => entry !== null).filter((entry) => !entry.there);
    for (const entry of entries) entry.refused = null;
    this.#put(owner, entries, answered);
  }

  /**
   * Asks once more for those of ours that a change of `link` may have taken away: the kernel tells of no IPv4 route then.
   * `answered` hears of each, `missed` being those that were not there.
   */
  reassert(link: string, answered: (owner: string, object: RoutingObject, done: boolean, missed: boolean) => void): void {
    const byOwner = new Map<string, Entry[]>();
    for (const entry of this.#entries.values()) {
      const [owner] = entry.owners;
      if (owner === undefined || !isTracked(entry.object) || !this.#mayHaveGone(entry, link)) continue;
      byOwner.set(owner, [...(byOwner.get(owner) ?? []), entry]);
    }
    for (const [owner, entries] of byOwner) this.#put(owner, entries, (object, done, missed) => { answered(owner, object, done, missed); });
  }

  /**
   * Removes those of `objects` that `owner` alone wants, in the order given; with `leftovers` also what an earlier run left,
   * when it bears the mark, or `isLeftover` knows it. How many were asked for.
   */
  remove(owner: string, objects: readonly RoutingObject[], leftovers: boolean, isLeftover: (object: RoutingObject) => boolean = () => false): number {
    const entries = objects.flatMap((object) => {
      const entry = this.#entries.get(object.id);
      if (entry === undefined) return leftovers && (isMarked(object) || isLeftover(object)) ? (this.#track(object) ?? []) : [];
      return entry.owners.delete(owner) && entry.owners.size === 0 ? entry : [];
    });
    this.#take(owner, entries);
    return entries.length;
  }

  /** Keeps what stands under another name: after a reload. */
  rename(names: ReadonlyMap<string, string>): void {
    const renamed = new Map([...names].map(([to, from]) => [from, to]));
    for (const entry of this.#entries.values()) {
      const owners = [...entry.owners].map((owner) => renamed.get(owner) ?? owner);
      entry.owners.clear();
      for (const owner of owners) entry.owners.add(owner);
    }
  }

  /** It is wanted, and has been asked for. */
  knows(object: RoutingObject): boolean {
    return (this.#entries.get(object.id)?.owners.size ?? 0) > 0;
  }

  #want(owner: string, object: RoutingObject): Entry | null {
    const entry = this.#entries.get(object.id) ?? this.#track(object);
    entry?.owners.add(owner);
    return entry;
  }

  #track(object: RoutingObject): Entry | null {
    const held = this.#resolve(object);
    if (held === null) return null;
    const entry: Entry = { object, owners: new Set(), held, leaving: 0, there: false, refused: null };
    this.#entries.set(object.id, entry);
    const key = 'route' in held ? routeKey(held.route) : ruleKey(held.rule);
    this.#index.set(key, (this.#index.get(key) ?? new Set()).add(entry));
    return entry;
  }

  #resolve(object: RoutingObject): Entry['held'] | null {
    if (object.kind === 'rule') return { rule: object.rule.spec };
    const route = kernelRoute(object.route.spec, this.#network);
    return route === null ? null : { route };
  }

  /** An interface that went and came has another index. */
  #refresh(entry: Entry): Entry | null {
    const held = this.#resolve(entry.object);
    if (held === null) return null;
    if (JSON.stringify(held) === JSON.stringify(entry.held)) return entry;
    this.#forget(entry);
    const fresh = this.#track(entry.object);
    for (const owner of entry.owners) fresh?.owners.add(owner);
    return fresh;
  }

  #put(owner: string, entries: readonly Entry[], answered?: (object: RoutingObject, done: boolean, missed: boolean) => void): void {
    const operations = new Map<NetworkOp, { entry: Entry; was: boolean }>();
    for (const stale of entries) {
      const entry = this.#refresh(stale);
      if (entry === null) continue;
      operations.set(addition(entry), { entry, was: entry.there });
      entry.there = true;
    }
    this.#queue.push(owner, [...operations.keys()], (operation, error) => {
      const one = operations.get(operation);
      if (one === undefined) return;
      const { entry, was } = one;
      const done = error === null || isAsWanted(operation, error.code) || (was && error.code === 'EEXIST');
      entry.refused = done ? null : error.code;
      if (!done) entry.there = false;
      answered?.(entry.object, done, error === null);
    }, (operation, error) => {
      // One that is there is there; a reason that stays is told once.
      const one = operations.get(operation);
      return one !== undefined && ((one.was && error.code === 'EEXIST') || one.entry.refused === error.code);
    });
  }

  #take(owner: string, entries: readonly Entry[]): void {
    const operations = new Map(entries.map((entry) => [removal(entry), entry]));
    for (const entry of entries) {
      entry.leaving++;
      entry.there = false;
    }
    this.#queue.push(owner, [...operations.keys()], (operation, error) => {
      const entry = operations.get(operation);
      if (entry === undefined) return;
      // What was not removed will not be told of.
      if (error !== null || this.#unwatch === null) entry.leaving--;
      this.#drop(entry);
    });
  }

  #hear(event: RouteEvent): void {
    switch (event.type) {
      case 'route-gone':
        return this.#gone([...(this.#index.get(routeKey(event.route)) ?? [])].filter((entry) => 'route' in entry.held && isSameRoute(entry.held.route, event.route)));
      case 'rule-gone':
        return this.#gone([...(this.#index.get(ruleKey(event.rule)) ?? [])].filter((entry) => 'rule' in entry.held && isSameRule(entry.held.rule, event.rule)));
      case 'lost':
        this.#log.warn('Netlink: messages from the kernel about routes were lost, reading its tables again');
        return this.#resync(RETRIES);
    }
  }

  /** A removal of ours is told of first; another one is somebody else's. */
  #gone(entries: readonly Entry[]): void {
    const entry = entries.find(({ leaving }) => leaving > 0) ?? entries.find(({ there }) => there);
    if (entry === undefined) return;
    if (entry.leaving > 0) {
      entry.leaving--;
      this.#drop(entry);
    } else this.#taken(entry);
  }

  #taken(entry: Entry): void {
    if (!entry.there) return;
    entry.there = false;
    if (isTracked(entry.object)) for (const owner of [...entry.owners]) this.#lost(owner, entry.object);
  }

  /** Nobody wants it, and nothing more will be told of it. */
  #drop(entry: Entry): void {
    if (entry.owners.size === 0 && entry.leaving <= 0) this.#forget(entry);
  }

  #forget(entry: Entry): void {
    if (this.#entries.get(entry.object.id) === entry) this.#entries.delete(entry.object.id);
    const key = 'route' in entry.held ? routeKey(entry.held.route) : ruleKey(entry.held.rule);
    const others = this.#index.get(key);
    others?.delete(entry);
    if (others?.size === 0) this.#index.delete(key);
  }

  /** IPv4 routes of an interface, and those whose interface the kernel chose; nothing can be put on one that is down. */
  #mayHaveGone({ object, there }: Entry, link: string): boolean {
    const links = linksOf(object);
    const usable = links.every((name) => isUp(this.#network.link(name)));
    if (!there) return usable;
    return usable && object.kind === 'route' && object.route.spec.family === 'inet' && (links.length === 0 || links.includes(link));
  }

  /** One dump at a time; what it does not have is lost. */
  #resync(tries: number): void {
    if (this.#dumping) return;
    this.#dumping = true;
    this.#routes.dumpRoutes().then(
      ({ routes, rules }) => {
        this.#dumping = false;
        if (this.#unwatch === null) return;
        for (const entry of [...this.#entries.values()]) {
          const { held } = entry;
          entry.leaving = 0;
          this.#drop(entry);
          const there = 'route' in held ? routes.some((route) => isSameRoute(held.route, route)) : rules.some((rule) => isSameRule(held.rule, rule));
          if (!there && isMarked(entry.object)) this.#taken(entry);
        }
      },
      (cause: unknown) => {
        this.#dumping = false;
        if (this.#unwatch === null) return;
        this.#log.error(`Netlink: the kernel's routes could not be read (${String(cause)})${tries > 0 ? '; trying again in 1 s' : ''}`);
        if (tries > 0) this.#retry = this.#clock.at(this.#clock.now() + RETRY, () => { this.#resync(tries - 1); });
      },
    );
  }
}

function isUp(link: Link | undefined): boolean {
  return link !== undefined && link.up && link.running;
}

function isMarked(object: RoutingObject): boolean {
  return (object.kind === 'route' ? object.route.spec : object.rule.spec).protocol === PROTOCOL_KEEPALIVED;
}

function addition({ object, held }: Entry): NetworkOp {
  if ('rule' in held) return { op: 'add-rule', rule: held.rule };
  return { op: 'add-route', route: held.route, place: object.kind === 'route' ? object.route.spec.place : 'prepend' };
}

function removal({ held }: Entry): NetworkOp {
  return 'rule' in held ? { op: 'delete-rule', rule: held.rule } : { op: 'delete-route', route: held.route };
}
