/**
 * The VRRP half: datagrams, deadlines and changes of the machine in, actions out. The protocol itself is lib/vrrp; here its
 * actions are carried out, in their order and in the same turn. One clock timer, for the earliest deadline.
 */
import { AH_LENGTH, AH_PROTOCOL } from '../codec/ah.ts';
import type { Config, SyncGroup, VrrpInstance } from '../config/model.ts';
import { SystemError } from '../system/error.ts';
import type { Precision } from '../system/clock.ts';
import type { System } from '../system/system.ts';
import type { Datagram, SocketSpec } from '../system/vrrp-sockets.ts';
import type { IpAddress } from '../util/ip.ts';
import type { Cancel, Millis } from '../util/time.ts';
import { allAddresses, holds } from '../vrrp/desired.ts';
import { speakingLink, vmacLinks } from '../vrrp/vmac.ts';
import { type VrrpCounters, ZERO_COUNTERS } from '../vrrp/counters.ts';
import { migrate } from '../vrrp/migrate.ts';
import * as routers from '../vrrp/router.ts';
import type { Router, RouterAction, RouterConfig, RouterStep } from '../vrrp/router.ts';
import type { Action, Event, StateName, VirtualRouter } from '../vrrp/state.ts';
import { initialize } from '../vrrp/virtual-router.ts';
import { ExtraGarp } from './extra-garp.ts';
import { Announcer } from './announcer.ts';
import { Advertiser } from './advertiser.ts';
import { FilterService } from './filter/filter-service.ts';
import { FloodGuard } from './flood-guard.ts';
import { assess, type Facts, spoken, startLines, trackedBy } from './facts.ts';
import type { Leftovers } from './journal.ts';
import { KernelObjects } from './kernel-objects.ts';
import { LinkStates } from './link-states.ts';
import type { Log } from './log/log.ts';
import { addressKey, type Network, type NetworkChange } from './network.ts';
import { receiveShare } from './receive-buffers.ts';
import { rehearse } from './rehearsal.ts';
import { SocketPool, specKey, specOf } from './vrrp-sockets.ts';
import type { Tracked, TrackedKind } from './trackers.ts';

/** What the service tells the rest of the daemon; none of these may wait. */
export interface VrrpListener {
  instance(instance: VrrpInstance, from: StateName, to: StateName | 'Stop' | 'Deleted', priority: number, reason: string): void;
  group(group: SyncGroup, to: StateName | 'Stop'): void;
  lowerPriorityHeard(instance: VrrpInstance, priority: number): void;
  priorityChanged(instance: VrrpInstance, state: 'MASTER' | 'BACKUP', priority: number): void;
}

export interface VrrpOptions {
  /** -V: addresses stay at a stop, and nobody is told to take them over. */
  readonly keepAddresses: boolean;
  /** -X: addresses that an earlier run left are removed whenever an instance leaves Master. */
  readonly releaseForeign: boolean;
}

/** Pause before a socket that failed is opened again. */
const SOCKET_RETRY: Millis = 5000;

export class VrrpService {
  readonly #system: System;
  readonly #log: Log;
  readonly #network: Network;
  readonly #listener: VrrpListener;
  readonly #options: VrrpOptions;
  readonly #tracked: Tracked;
  readonly #objects: KernelObjects;
  readonly filter: FilterService;
  readonly #announcer: Announcer;
  readonly #extraGarp: ExtraGarp;
  readonly #sockets: SocketPool;
  readonly #advertiser: Advertiser;
  readonly #flood: FloodGuard;
  /** Which interfaces count as up; prepared before a start or a reload. */
  readonly links: LinkStates;
  #config: RouterConfig = { instances: new Map(), groups: [] };
  #router: Router = routers.emptyRouter(new Map());
  /** Instances by socket and VRID. */
  #speakers = new Map<string, VrrpInstance[]>();
  #facts = new Map<string, Facts>();
  readonly #cleared = new Set<string>();
  /** What was last said of a socket that could not be opened. */
  readonly #socketTrouble = new Map<string, string>();
  /** By instance: the unicast source that it has spoken from. */
  #bound = new Map<string, IpAddress>();
  #logUnknownVrids = false;
  /** Packets for virtual routers that nobody here is, by socket. */
  readonly #unknownVrids = new Map<string, number>();
  #settings: Config['settings'] = {};
  /** Somebody has asked for a size of receive buffers. */
  #sizes = false;
  #started = false;
  #stopped = false;
  #retrying = false;
  #retry: Cancel = () => undefined;
  #delayEnd: Millis = 0;
  #timer: Cancel = () => undefined;
  #armed: Millis = Infinity;
  /** Instances that a reload takes away: their farewell is FAULT or DELETED, not STOP. */
  #leaving: 'stop' | 'reload' = 'stop';

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
    this.filter = new FilterService(system, network, log);
    this.#announcer = new Announcer(system.link, system.clock, network, log);
    this.#extraGarp = new ExtraGarp(system.clock, (instance, addresses) => { this.#announcer.announce(instance, addresses, 1); });
    this.#sockets = new SocketPool(system.vrrp, (key, spec, datagram) => { this.#hear(key, spec, datagram); }, (key, spec, cause) => {
      const text = `VRRP socket on ${spec.link} (${spec.family === 'inet' ? 'IPv4' : 'IPv6'}): ${cause instanceof Error ? cause.message : String(cause)}; trying again every ${SOCKET_RETRY / 1000} s`;
      // A cause that stays is told once.
      if (this.#socketTrouble.get(key) !== text) this.#log.warn(text);
      this.#socketTrouble.set(key, text);
      if (this.#started) this.#reassessLink(spec.link);
      this.#retrySockets();
    }, (spec, count) => { this.#log.warn(`VRRP socket on ${spec.link} (${spec.family === 'inet' ? 'IPv4' : 'IPv6'}): ${count} packets lost, its receive buffer was full; vrrp_rx_bufs_policy or kernel_rx_buf_size make it larger`); });
    this.#advertiser = new Advertiser(this.#sockets, log, system.clock);
    this.#flood = new FloodGuard(system.clock, log);
    this.links = new LinkStates(system, log, network, (instance) => {
      const state = this.#router.members.get(instance.name)?.state;
      return state?.name === 'Backup' || state?.name === 'Master' ? state.masterAdverInterval : instance.advertInterval;
    }, (name) => { this.#linkChanged(name); });
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
    this.#openSockets();
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
    for (const [name, member] of this.#router.members) if (member.state.name === 'Master') this.#act(name, { type: 'advertise', priority: member.priority });
    const now = this.#system.clock.now();
    const next = routerConfig(config);
    const { router, kept, gone, fresh } = migrate(from, this.#router, next, now);
    this.#leaving = 'reload';
    if (this.#started) for (const name of gone) this.#take(routers.routerStep(from, this.#router, name, { type: 'shutdown' }, now));
    this.#leaving = 'stop';
    this.#objects.rename(kept);
    this.filter.rename(kept);
    this.#use(config);
    this.#objects.use(config);
    this.#router = router;
    this.#advertiser.reload(kept);
    this.#facts = renamed(this.#facts, kept);
    this.#bound = renamed(this.#bound, kept);
    for (const name of gone) this.#cleared.delete(name);
    this.#openSockets();
    this.filter.linksChanged();
    if (!this.#started) return;
    for (const [name, old] of kept) this.#move(from.instances.get(old), name);
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
    this.#retry();
    this.#stopped = true;
    if (this.#started) this.#take(routers.stop(this.#config, this.#router, this.#system.clock.now(), this.#options.keepAddresses));
    this.#started = false;
    this.#timer();
    this.#objects.stop(this.#options.keepAddresses);
    this.filter.close(this.#options.keepAddresses);
    this.#announcer.close();
    this.#extraGarp.close();
    this.#flood.close();
    this.links.close();
  }

  close(): void {
    this.#sockets.close();
  }

  /** Packets that the kernel has dropped since an instance's socket was opened, its receive buffer being full. */
  droppedFor(instance: VrrpInstance): number {
    return this.#sockets.dropped(specOf(instance));
  }

  /** What an instance has counted, and its socket for it. */
  countersOf(instance: VrrpInstance): VrrpCounters {
    const counters = this.#router.members.get(instance.name)?.counters ?? ZERO_COUNTERS;
    return { ...counters, vridErr: this.#unknownVrids.get(specKey(specOf(instance))) ?? 0 };
  }

  /** keepalived's STATS_CLEAR. */
  clearCounters(): void {
    this.#unknownVrids.clear();
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
    this.#announcer.use(config.garpGroups);
    this.#logUnknownVrids = config.global.logUnknownVrids;
    this.#settings = config.settings;
    this.#sizes = config.settings.vrrp_rx_bufs_policy !== undefined || config.instances.some(({ extras }) => extras?.receiveBuffer != null);
    this.#speakers = new Map();
    for (const instance of this.#config.instances.values()) {
      const key = `${specKey(specOf(instance))} ${instance.vrid}`;
      this.#speakers.set(key, [...(this.#speakers.get(key) ?? []), instance]);
    }
  }

  #begin(delay: Millis): void {
    this.#started = true;
    for (const name of this.#config.instances.keys()) this.#prime(name);
    this.#take(routers.start(this.#config, this.#router, this.#system.clock.now(), delay));
  }

  #openSockets(): void {
    const keys = new Set<string>();
    for (const instance of this.#config.instances.values()) {
      const spec = specOf(instance);
      keys.add(specKey(spec));
      const link = this.#network.link(spec.link);
      if (link !== undefined && this.#sockets.ensure(spec, link.index)) this.#socketTrouble.delete(specKey(spec));
    }
    this.#sockets.keep(keys);
    if (!this.#sizes) return;
    for (const spec of new Map([...this.#config.instances.values()].map((instance) => [specKey(specOf(instance)), specOf(instance)])).values()) this.#sizeSocket(spec);
  }

  /** kernel_rx_buf_size and vrrp_rx_bufs_policy. */
  #sizeSocket(spec: SocketSpec): void {
    if (!this.#sizes) return;
    const key = specKey(spec);
    const mtu = this.#network.link(spec.link)?.mtu ?? 0;
    const shares = [...this.#config.instances.values()].filter((instance) => specKey(specOf(instance)) === key).map((instance) => receiveShare(instance, this.#settings, mtu));
    try {
      this.#sockets.size(spec, shares.reduce((sum, share) => sum + share, 0));
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      this.#log.warn(`VRRP socket on ${spec.link}: its receive buffer stays as it is (${cause.message})`);
    }
  }

  /** What could not be opened is tried again after a pause, while there is an interface to open it on. */
  #retrySockets(): void {
    if (this.#retrying || this.#stopped) return;
    this.#retrying = true;
    this.#retry = this.#system.clock.at(this.#system.clock.now() + SOCKET_RETRY, () => {
      this.#retrying = false;
      this.#openSockets();
      for (const instance of this.#config.instances.values()) this.#reassess(instance.name);
    });
  }

  #linkChanged(name: string): void {
    const link = this.#network.link(name);
    if (link === undefined) this.#sockets.drop(name);
    else if (this.#started) this.#log.detail(`Netlink reports ${name} ${this.links.isUp(name) ? 'up' : 'down'}`);
    for (const instance of this.#config.instances.values()) {
      if (speakingLink(instance) !== name || link === undefined) continue;
      this.#sockets.ensure(specOf(instance), link.index);
      this.#sizeSocket(specOf(instance));
    }
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

  /** A unicast source must have been on this machine once; keepalived binds to it and does not mind its going. */
  #canSpeakFrom(instance: VrrpInstance): boolean {
    const { name, sourceAddress, unicastPeers } = instance;
    if (sourceAddress === null || unicastPeers.length === 0 || this.#bound.get(name) === sourceAddress) return true;
    if (!this.#network.holds(sourceAddress)) return false;
    this.#bound.set(name, sourceAddress);
    return true;
  }

  #assess(instance: VrrpInstance): Facts {
    return assess(instance, this.#groupOf(instance.name), {
      link: (name) => this.#network.link(name),
      isUp: (name) => this.links.isUp(name),
      primaryAddress: (i) => this.#network.primaryAddress(i.extras?.ipvlan != null ? speakingLink(i) : i.link, i.family, (key) => this.#objects.addresses.isOurs(key)),
      hasAddress: (i, address) => {
        const link = this.#network.link(i.link);
        if (link === undefined) return false;
        // A VRF's addresses are those of its interfaces as well.
        const all = link.kind === 'vrf' ? this.#network.links().filter((one) => one.index === link.index || one.masterIndex === link.index) : [link];
        return all.some(({ index }) => this.#network.addressesOf(index).some((a) => a.prefix.address === address));
      },
      canSpeakFrom: (i) => this.#canSpeakFrom(i),
      hasSocket: (i) => this.#sockets.isOpen(specOf(i)),
      script: (name) => this.#tracked.script(name),
      file: (name) => this.#tracked.file(name),
      process: (name) => this.#tracked.process(name),
      bfd: (name) => this.#tracked.bfd(name),
      objectLinks: (i) => this.#objects.linksFor(i),
      objectFaults: (i) => this.#objects.faultsFor(i),
    }, this.#facts.get(instance.name));
  }

  /** Before its startup an instance simply has what is known. */
  #prime(name: string): void {
    const instance = this.#config.instances.get(name);
    const member = this.#router.members.get(name);
    if (instance === undefined || member === undefined) return;
    const facts = this.#assess(instance);
    this.#facts.set(name, facts);
    for (const line of startLines(name, facts)) this.#log.info(line, { instance: name });
    if (facts.priority !== instance.priority) {
      this.#log.info(`(${name}) Changing effective priority from ${instance.priority} to ${facts.priority}`, { instance: name });
      this.#listener.priorityChanged(instance, 'BACKUP', facts.priority);
    }
    const primed: VirtualRouter = { ...member, faults: facts.faults, holds: facts.holds, priority: facts.priority, address: facts.source };
    this.#router = { ...this.#router, members: new Map(this.#router.members).set(name, primed) };
  }

  /** Something changed: what is new comes before what is over, so that one fault taking another's place is no recovery. */
  #reassess(name: string, anew = false): void {
    const instance = this.#config.instances.get(name);
    if (instance === undefined || !this.#started) return;
    const before = this.#facts.get(name);
    const facts = this.#assess(instance);
    this.#facts.set(name, facts);
    // A farewell still comes from the last address.
    const moved = before?.source !== facts.source;
    if (moved && facts.source !== null) this.#event(name, { type: 'source', address: facts.source });
    for (const reason of facts.faults) {
      if (before?.faults.has(reason) === true) continue;
      if (facts.files.has(reason)) this.#log.info(`(${name}): ${spoken(reason)} now FAULT state`, { instance: name });
      this.#event(name, { type: 'fault', reason });
    }
    if (moved && facts.source === null) this.#event(name, { type: 'source', address: null });
    for (const reason of facts.holds) if (before?.holds.has(reason) !== true) this.#event(name, { type: 'hold', reason });
    const leaving = [...(before?.faults ?? [])].filter((reason) => facts.files.has(reason) && !facts.faults.has(reason));
    for (const reason of leaving) this.#log.info(`(${name}): ${spoken(reason)} leaving FAULT state`, { instance: name });
    this.#event(name, { type: 'priority', value: facts.priority, leavingFault: leaving.length > 0 });
    for (const reason of before?.faults ?? []) if (!facts.faults.has(reason)) this.#event(name, { type: 'recovery', reason, anew });
    for (const reason of before?.holds ?? []) if (!facts.holds.has(reason) && !facts.faults.has(reason)) this.#event(name, { type: 'release', reason });
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

  #hear(key: string, { link, protocol }: SocketSpec, datagram: Datagram): void {
    if (!this.#started || this.#system.clock.now() < this.#delayEnd) return;
    const vrid = datagram.payload[protocol === AH_PROTOCOL ? AH_LENGTH + 1 : 1] ?? 0;
    const listeners = this.#speakers.get(`${key} ${vrid}`);
    if (listeners === undefined) {
      this.#unknownVrids.set(key, (this.#unknownVrids.get(key) ?? 0) + 1);
      if (this.#logUnknownVrids && this.#flood.mayLog(link)) this.#log.info(`Unknown VRID(${vrid}) received on interface(${link}). ignoring...`, { from: datagram.from });
      return;
    }
    for (const instance of listeners) {
      const member = this.#router.members.get(instance.name);
      if (member === undefined) continue;
      for (const event of this.#advertiser.believe(instance, member, datagram)) this.#heard(instance.name, event);
    }
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
    for (const action of step.actions) this.#perform(action);
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

  #perform(action: RouterAction): void {
    switch (action.kind) {
      case 'log':
        return this.#log.info(action.text);
      case 'group': {
        const group = this.#config.groups.find((g) => g.name === action.name);
        if (group !== undefined) this.#listener.group(group, action.to);
        return;
      }
      case 'instance':
        return this.#act(action.name, action.action);
    }
  }

  #act(name: string, action: Action): void {
    const instance = this.#config.instances.get(name);
    if (instance === undefined) return;
    switch (action.type) {
      case 'advertise':
        return this.#advertise(instance, action.priority);
      case 'reconcile':
        return this.#reconcile(instance);
      case 'announce':
        return this.#announce(instance, action.repeat);
      case 'transition':
        return this.#transition(instance, action.from, action.to, action.priority, action.reason);
      case 'lower-priority-heard':
        return this.#listener.lowerPriorityHeard(instance, this.#router.members.get(name)?.priority ?? 0);
      case 'priority-changed': {
        const master = this.#router.members.get(name)?.state.name === 'Master';
        return this.#listener.priorityChanged(instance, master ? 'MASTER' : 'BACKUP', action.priority);
      }
      case 'log':
        return this.#log[action.level](action.text, { instance: name });
    }
  }

  #transition(instance: VrrpInstance, from: StateName, to: StateName | 'Stop', priority: number, reason: string): void {
    // One that was in FAULT already has nothing more to say when a reload takes it away.
    if (this.#leaving === 'reload' && from === 'Fault' && !instance.notifyDeleted) return;
    if (to !== 'Stop' || this.#leaving === 'stop') this.#listener.instance(instance, from, to, priority, reason);
    else this.#listener.instance(instance, from, instance.notifyDeleted ? 'Deleted' : 'Fault', priority, 'taken out by a reload');
  }

  #advertise(instance: VrrpInstance, priority: number): void {
    const source = this.#router.members.get(instance.name)?.address ?? null;
    if (source === null) return;
    this.#advertiser.send(instance, priority, source, this.#router.members.get(instance.name)?.oldChecksum ?? false);
  }

  /** Neighbours are told when the kernel has the addresses, and only if they are still ours then. */
  #announce(instance: VrrpInstance, repeat: number): void {
    this.#objects.whenDone(() => {
      if (this.#router.members.get(instance.name)?.state.name === 'Master') this.#announcer.announce(instance, allAddresses(instance), repeat);
    });
  }

  #reconcile(instance: VrrpInstance): void {
    const member = this.#router.members.get(instance.name);
    if (member === undefined) return;
    if (holds(member)) {
      this.filter.update(instance, member);
      this.#extraGarp.start(instance);
      this.#objects.hold(instance);
      this.#cleared.add(instance.name);
      return;
    }
    this.#announcer.silence(instance.name);
    this.#extraGarp.stop(instance.name);
    if (this.#stopped && this.#options.keepAddresses) return;
    const first = !this.#cleared.has(instance.name);
    this.#cleared.add(instance.name);
    this.#objects.release(instance, first || this.#options.releaseForeign);
    this.#objects.whenDone(() => { this.filter.update(instance, this.#router.members.get(instance.name) ?? member); });
  }

  /** Any new address has all announced, as with keepalived. */
  #move(old: VrrpInstance | undefined, name: string): void {
    const instance = this.#config.instances.get(name);
    const member = this.#router.members.get(name);
    if (old === undefined || instance === undefined || member?.state.name !== 'Master') return;
    if (old.name !== name) this.#extraGarp.stop(old.name);
    this.#extraGarp.start(instance);
    this.filter.update(instance, member);
    if (this.#objects.move(old, instance)) this.#announce(instance, instance.garp.masterRepeat);
  }
}

/** What was kept under old names, under the new ones. */
function renamed<T>(values: ReadonlyMap<string, T>, kept: ReadonlyMap<string, string>): Map<string, T> {
  return new Map([...kept].flatMap(([to, old]) => { const value = values.get(old); return value === undefined ? [] : [[to, value] as const]; }));
}

function routerConfig(config: Config): RouterConfig {
  return { instances: new Map(config.instances.map((i) => [i.name, i])), groups: config.syncGroups };
}
