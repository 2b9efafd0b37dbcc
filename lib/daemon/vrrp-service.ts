/**
 * The VRRP half: datagrams, deadlines and changes of the machine in, actions out. The protocol itself is lib/vrrp; here its
 * actions are carried out, in their order and in the same turn. One clock timer, for the earliest deadline.
 */
import type { Config, SyncGroup, VrrpInstance } from '../config/model.ts';
import type { Precision } from '../system/clock.ts';
import type { System } from '../system/system.ts';
import type { Datagram } from '../system/vrrp-sockets.ts';
import type { IpAddress } from '../util/ip.ts';
import type { Cancel, Millis } from '../util/time.ts';
import { allAddresses } from '../vrrp/desired.ts';
import { vmacLinks } from '../vrrp/vmac.ts';
import { type VrrpCounters, ZERO_COUNTERS } from '../vrrp/counters.ts';
import { migrate } from '../vrrp/migrate.ts';
import * as routers from '../vrrp/router.ts';
import type { Router, RouterConfig, RouterStep } from '../vrrp/router.ts';
import type { Event, VirtualRouter } from '../vrrp/state.ts';
import { initialize } from '../vrrp/virtual-router.ts';
import { Advertiser } from './advertiser.ts';
import { FloodGuard } from './flood-guard.ts';
import { trackedBy } from './facts.ts';
import type { FilterService } from './filter/filter-service.ts';
import type { Leftovers } from './journal.ts';
import { KernelObjects } from './kernel-objects.ts';
import { KnownFacts } from './known-facts.ts';
import { LinkStates } from './link-states.ts';
import type { Log } from './log/log.ts';
import { addressKey, type Network, type NetworkChange } from './network.ts';
import { Performer, type VrrpListener, type VrrpOptions } from './performer.ts';
import { rehearse } from './rehearsal.ts';
import { Speakers } from './speakers.ts';
import type { Tracked, TrackedKind } from './trackers.ts';

export class VrrpService {
  readonly #system: System;
  readonly #log: Log;
  readonly #network: Network;
  readonly #listener: VrrpListener;
  readonly #options: VrrpOptions;
  readonly #tracked: Tracked;
  readonly #objects: KernelObjects;
  readonly #speakers: Speakers;
  readonly #advertiser: Advertiser;
  readonly #flood: FloodGuard;
  readonly #performer: Performer;
  readonly #facts: KnownFacts;
  /** Which interfaces count as up; prepared before a start or a reload. */
  readonly links: LinkStates;
  #config: RouterConfig = { instances: new Map(), groups: [] };
  /** The virtual addresses of all instances. */
  #virtual: ReadonlySet<IpAddress> = new Set();
  #router: Router = routers.emptyRouter(new Map());
  #started = false;
  #delayEnd: Millis = 0;
  #timer: Cancel = () => undefined;
  #armed: Millis = Infinity;

  constructor(system: System, log: Log, network: Network, listener: VrrpListener, tracked: Tracked, options: VrrpOptions) {
    this.#system = system;
    this.#log = log;
    this.#network = network;
    this.#listener = listener;
    this.#tracked = tracked;
    this.#options = options;
    this.#objects = new KernelObjects(system, network, log, {
      lost: (instance, what) => { this.#event(instance, { type: 'object-lost', what }); },
      changed: (instances) => { for (const name of instances) this.#reassess(name); },
    });
    this.#flood = new FloodGuard(system.clock, log);
    this.#speakers = new Speakers(system, log, network, this.#flood, {
      listens: () => this.#started && system.clock.now() >= this.#delayEnd,
      heard: (instance, datagram) => { this.#hear(instance, datagram); },
      failed: (link) => { this.#reassessLink(link); },
      retried: () => { for (const name of this.#config.instances.keys()) this.#reassess(name); },
    });
    this.#advertiser = new Advertiser(this.#speakers.pool, log, system.clock);
    this.#performer = new Performer(system, log, network, listener, options, this.#objects, this.#advertiser, {
      instance: (name) => this.#config.instances.get(name),
      group: (name) => this.#config.groups.find((group) => group.name === name),
      member: (name) => this.#router.members.get(name),
    });
    this.links = new LinkStates(system, log, network, (instance) => {
      const state = this.#router.members.get(instance.name)?.state;
      return state?.name === 'Backup' || state?.name === 'Master' ? state.masterAdverInterval : instance.advertInterval;
    }, (name) => { this.#linkChanged(name); });
    this.#facts = new KnownFacts({
      network, tracked, links: this.links, objects: this.#objects, speakers: this.#speakers, groupOf: (name) => this.#groupOf(name),
      isVirtual: (address) => this.#virtual.has(address),
    }, log);
  }

  get filter(): FilterService {
    return this.#performer.filter;
  }

  get router(): Router {
    return this.#router;
  }

  get instances(): ReadonlyMap<string, VrrpInstance> {
    return this.#config.instances;
  }

  /** True for an address that this run put into the kernel. */
  isOurs(key: string): boolean {
    return this.#objects.addresses.isOurs(key);
  }

  /** Removes what an earlier run left and nobody names any more. */
  sweep(leftovers: Leftovers): void {
    this.#objects.sweep(leftovers);
  }

  /** The network is known by now. `delay` is vrrp_startup_delay: until then nothing is heard, and no timer begins. */
  start(config: Config, delay: Millis): void {
    this.#use(config);
    this.#objects.use(config);
    // Before anything can be heard: it takes a while on a busy machine.
    rehearse(this.#config);
    const now = this.#system.clock.now();
    this.#router = routers.emptyRouter(new Map([...this.#config.instances.values()].map((i) => [i.name, initialize(i, now)])));
    this.#speakers.open();
    // Virtual MACs that an earlier run left are there already, and nobody tells of them.
    this.filter.linksChanged();
    if (delay > 0) this.#log.info(`Delaying startup for ${delay / 1000} seconds`);
    this.#delayEnd = now + delay;
    this.#begin(delay);
  }

  /** Same addresses, states and timers for what is still there (architecture: Reload). */
  reload(config: Config): void {
    const from = this.#config;
    // keepalived's: a last advertisement under the old configuration; the first under the new follows as soon as it stands.
    for (const [name, member] of this.#router.members) if (member.state.name === 'Master') this.#performer.act(name, { type: 'advertise', priority: member.priority });
    const now = this.#system.clock.now();
    const next = routerConfig(config);
    const { router, kept, gone, fresh } = migrate(from, this.#router, next, now);
    this.#performer.whileReloading(gone, () => {
      if (this.#started) for (const name of gone) this.#take(routers.routerStep(from, this.#router, name, { type: 'shutdown' }, now));
    });
    this.#performer.rename(kept);
    this.#use(config);
    this.#objects.use(config);
    this.#router = router;
    this.#advertiser.reload(kept);
    this.#facts.rename(kept);
    this.#speakers.open();
    this.filter.linksChanged();
    if (!this.#started) return;
    for (const [name, old] of kept) {
      const [before, after] = [from.instances.get(old), this.#config.instances.get(name)];
      if (before !== undefined && after !== undefined) this.#performer.move(before, after);
    }
    for (const name of kept.keys()) this.#reassess(name, true);
    // Whoever was held by a group that is no more has nothing to hold it now.
    for (const name of kept.keys()) this.#event(name, { type: 'recovery', reason: 'reload', anew: true });
    for (const name of fresh) {
      this.#prime(name);
      this.#take(routers.routerStep(this.#config, this.#router, name, { type: 'startup' }, now));
    }
    this.#arm();
  }

  /** A start that is still delayed ends at the later of these from now on; who waits by its timer waits that much longer or shorter. */
  delayUntil(...ends: readonly Millis[]): void {
    const now = this.#system.clock.now();
    if (this.#delayEnd <= now) return;
    const end = Math.max(now, ...ends);
    const members = [...this.#router.members].map(([name, member]) => {
      const { state } = member;
      return [name, state.name === 'Backup' && state.master === null ? { ...member, state: { ...state, masterDownTimer: state.masterDownTimer + end - this.#delayEnd } } : member] as const;
    });
    this.#router = { ...this.#router, members: new Map(members) };
    this.#delayEnd = end;
    this.#arm();
  }

  /** Everybody leaves: farewells sent, addresses taken away. */
  stop(): void {
    this.#speakers.stop();
    this.#performer.stop(() => {
      if (this.#started) this.#take(routers.stop(this.#config, this.#router, this.#system.clock.now(), this.#options.keepAddresses));
      this.#started = false;
      this.#timer();
    });
    this.#flood.close();
    this.links.close();
  }

  close(): void {
    this.#speakers.close();
  }

  /** Packets that the kernel has dropped since an instance's socket was opened, its receive buffer being full. */
  droppedFor(instance: VrrpInstance): number {
    return this.#speakers.dropped(instance);
  }

  /** What an instance has counted, and its socket for it. */
  countersOf(instance: VrrpInstance): VrrpCounters {
    const counters = this.#router.members.get(instance.name)?.counters ?? ZERO_COUNTERS;
    return { ...counters, vridErr: this.#speakers.unknownVrids(instance) };
  }

  /** keepalived's STATS_CLEAR. */
  clearCounters(): void {
    this.#speakers.clearCounters();
    this.#router = { ...this.#router, members: new Map([...this.#router.members].map(([name, m]) => [name, { ...m, counters: ZERO_COUNTERS }])) };
  }

  /** A tracked script, file, process or BFD session says something else. */
  trackedChanged(kind: TrackedKind, name: string): void {
    for (const instance of this.#config.instances.values()) {
      const group = this.#groupOf(instance.name);
      if (!trackedBy(instance, kind, name) && (group === undefined || !trackedBy(group, kind, name))) continue;
      if (kind === 'bfd' && this.#started) this.#log.info(`VRRP_Instance(${instance.name}) Tracked BFD instance ${name} is ${this.#tracked.bfd(name) === 'up' ? 'UP' : 'DOWN'}`);
      this.#reassess(instance.name);
    }
  }

  networkChanged(change: NetworkChange): void {
    if (this.#started && this.#objects.networkChanged(change)) return;
    switch (change.type) {
      case 'link-added':
      case 'link-removed':
        this.links.reset(change.name);
        if (this.#started) this.#log.info(`Interface ${change.name} ${change.type === 'link-added' ? 'added' : 'deleted'}`);
        this.filter.linksChanged();
        return this.#linkChanged(change.name);
      case 'link':
        return this.links.holdsBack(change.name) ? undefined : this.#linkChanged(change.name);
      case 'address-added':
        if (!this.#objects.addresses.isOurs(addressKey(change.address.linkIndex, change.address))) this.#reassessAddress(change.link, change.address.prefix.address);
        return;
      case 'address-removed': {
        const key = addressKey(change.address.linkIndex, change.address);
        const owner = this.#objects.addresses.ownerOf(key);
        // Our own removal, and perhaps added anew since: no source but one that was configured to be a virtual address.
        if (this.#objects.addresses.wasTold(key) && (owner !== null || !this.#isSource(change.address.prefix.address))) return;
        const instance = owner === null ? undefined : this.#config.instances.get(owner);
        if (instance !== undefined && this.#tracksLoss(instance, key)) {
          // Still ours while the Master gives up: put back by hand in the meantime, it goes with the others.
          this.#event(instance.name, { type: 'address-lost', address: change.address.prefix.address, link: change.link });
        } else if (owner === null) this.#reassessLink(change.link);
        this.#objects.addresses.lost(key);
        return;
      }
    }
  }

  #isSource(address: IpAddress): boolean {
    for (const instance of this.#config.instances.values()) if (instance.sourceAddress === address) return true;
    return false;
  }

  #use(config: Config): void {
    this.#config = routerConfig(config);
    this.#virtual = new Set(config.instances.flatMap((instance) => allAddresses(instance).map(({ prefix }) => prefix.address)));
    this.#performer.use(config);
    this.#speakers.use(config);
  }

  #begin(delay: Millis): void {
    this.#started = true;
    for (const name of this.#config.instances.keys()) this.#prime(name);
    this.#take(routers.start(this.#config, this.#router, this.#system.clock.now(), delay));
  }

  #linkChanged(name: string): void {
    if (this.#started && this.#network.link(name) !== undefined) this.#log.detail(`Netlink reports ${name} ${this.links.isUp(name) ? 'up' : 'down'}`);
    this.#speakers.linkChanged(name);
    this.#reassessLink(name);
  }

  #reassessLink(link: string): void {
    if (!this.#started) return;
    for (const instance of this.#config.instances.values()) {
      const tracked = [...instance.trackInterfaces, ...(this.#groupOf(instance.name)?.trackInterfaces ?? [])];
      const concerned = instance.link === link || vmacLinks(instance).includes(link) || tracked.some((ref) => ref.name === link) || allAddresses(instance).some((v) => v.link === link) || this.#objects.linksFor(instance).has(link);
      if (concerned) this.#reassess(instance.name);
    }
  }

  /** A new address may be the source of an interface's instances, or of unicast anywhere. */
  #reassessAddress(link: string, address: IpAddress): void {
    this.#reassessLink(link);
    if (!this.#started) return;
    for (const instance of this.#config.instances.values()) if (instance.link !== link && instance.sourceAddress === address) this.#reassess(instance.name);
  }

  /** Before its startup an instance simply has what is known. */
  #prime(name: string): void {
    const instance = this.#config.instances.get(name);
    const member = this.#router.members.get(name);
    if (instance === undefined || member === undefined) return;
    const facts = this.#facts.first(instance);
    if (facts.priority !== instance.priority) this.#listener.priorityChanged(instance, 'BACKUP', facts.priority);
    const primed: VirtualRouter = { ...member, faults: facts.faults, holds: facts.holds, priority: facts.priority, address: facts.source };
    this.#router = { ...this.#router, members: new Map(this.#router.members).set(name, primed) };
  }

  #reassess(name: string, anew = false): void {
    const instance = this.#config.instances.get(name);
    if (instance === undefined || !this.#started) return;
    this.#facts.again(instance, anew, (event) => { this.#event(name, event); });
  }

  #tracksLoss(instance: VrrpInstance, key: string): boolean {
    return allAddresses(instance).some((virtual) => {
      const link = this.#network.link(virtual.link);
      return !virtual.noTrack && link !== undefined && addressKey(link.index, virtual) === key;
    });
  }

  #groupOf(name: string): SyncGroup | undefined {
    return this.#config.groups.find((group) => group.members.includes(name));
  }

  #hear(instance: VrrpInstance, datagram: Datagram): void {
    const member = this.#router.members.get(instance.name);
    if (member === undefined) return;
    for (const event of this.#advertiser.believe(instance, member, datagram)) this.#heard(instance.name, event);
  }

  #heard(name: string, event: Event): void {
    const { router, actions } = routers.routerStep(this.#config, this.#router, name, event, this.#system.clock.now());
    this.#take({ router, actions: this.#flood.pass(name, actions) });
  }

  #event(name: string, event: Event): void {
    this.#take(routers.routerStep(this.#config, this.#router, name, event, this.#system.clock.now()));
  }

  /** The new value first, so that whatever an action causes sees it; then the actions, in their order. */
  #take(step: RouterStep): void {
    this.#router = step.router;
    for (const action of step.actions) this.#performer.perform(action);
    this.#arm();
  }

  #arm(): void {
    const next = Math.max(routers.deadline(this.#router), this.#delayEnd);
    if (next === this.#armed) return;
    this.#timer();
    this.#armed = next;
    const precision = routers.takesOver(this.#router, next) ? 'after-input' : 'at-once';
    this.#timer = next === Infinity ? () => undefined : this.#system.clock.at(next, () => { this.#due(precision); }, precision);
  }

  /** What came late may have a takeover among it, which waits for what was to be heard. */
  #due(precision: Precision): void {
    const now = this.#system.clock.now();
    if (precision === 'at-once' && routers.takesOver(this.#router, now)) {
      this.#timer = this.#system.clock.at(now, () => { this.#due('after-input'); }, 'after-input');
      return;
    }
    this.#armed = Infinity;
    this.#take(routers.due(this.#config, this.#router, now));
  }
}

function routerConfig(config: Config): RouterConfig {
  return { instances: new Map(config.instances.map((i) => [i.name, i])), groups: config.syncGroups };
}
