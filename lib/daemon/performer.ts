import type { Config, SyncGroup, VrrpInstance } from '../config/model.ts';
import type { System } from '../system/system.ts';
import { allAddresses, holds } from '../vrrp/desired.ts';
import type { RouterAction } from '../vrrp/router.ts';
import type { Action, StateName, VirtualRouter } from '../vrrp/state.ts';
import type { Advertiser } from './advertiser.ts';
import { Announcer } from './announcer.ts';
import { ExtraGarp } from './extra-garp.ts';
import { FilterService } from './filter/filter-service.ts';
import type { KernelObjects } from './kernel-objects.ts';
import type { Log } from './log/log.ts';
import type { Network } from './network.ts';

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

/** Whose actions they are, as it is now. */
export interface Performed {
  instance(name: string): VrrpInstance | undefined;
  group(name: string): SyncGroup | undefined;
  member(name: string): VirtualRouter | undefined;
}

/** Carries out the actions of the virtual routers, in their order and in the same turn. */
export class Performer {
  readonly filter: FilterService;
  readonly #log: Log;
  readonly #listener: VrrpListener;
  readonly #options: VrrpOptions;
  readonly #objects: KernelObjects;
  readonly #advertiser: Advertiser;
  readonly #of: Performed;
  readonly #announcer: Announcer;
  readonly #extraGarp: ExtraGarp;
  /** Instances that have cleared once what an earlier run may have left. */
  readonly #cleared = new Set<string>();
  #stopped = false;
  /** Instances that a reload takes away: their farewell is FAULT or DELETED, not STOP. */
  #leaving: 'stop' | 'reload' = 'stop';

  constructor(system: System, log: Log, network: Network, listener: VrrpListener, options: VrrpOptions, objects: KernelObjects, advertiser: Advertiser, of: Performed) {
    this.#log = log;
    this.#listener = listener;
    this.#options = options;
    this.#objects = objects;
    this.#advertiser = advertiser;
    this.#of = of;
    this.filter = new FilterService(system, network, log);
    this.#announcer = new Announcer(system.link, system.clock, network, log);
    this.#extraGarp = new ExtraGarp(system.clock, (instance, addresses) => { this.#announcer.announce(instance, addresses, 1); });
  }

  use({ garpGroups }: Pick<Config, 'garpGroups'>): void {
    this.#announcer.use(garpGroups);
  }

  perform(action: RouterAction): void {
    switch (action.kind) {
      case 'log':
        return this.#log.info(action.text);
      case 'group': {
        const group = this.#of.group(action.name);
        if (group !== undefined) this.#listener.group(group, action.to);
        return;
      }
      case 'instance':
        return this.act(action.name, action.action);
    }
  }

  act(name: string, action: Action): void {
    const instance = this.#of.instance(name);
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
        return this.#listener.lowerPriorityHeard(instance, this.#of.member(name)?.priority ?? 0);
      case 'priority-changed': {
        const master = this.#of.member(name)?.state.name === 'Master';
        return this.#listener.priorityChanged(instance, master ? 'MASTER' : 'BACKUP', action.priority);
      }
      case 'log':
        return this.#log[action.level](action.text, { instance: name });
    }
  }

  /** What `leave` performs is of instances that a reload takes away. */
  whileReloading(gone: readonly string[], leave: () => void): void {
    this.#leaving = 'reload';
    leave();
    this.#leaving = 'stop';
    for (const name of gone) this.#cleared.delete(name);
  }

  /** `kept`: new name to old. */
  rename(kept: ReadonlyMap<string, string>): void {
    this.#objects.rename(kept);
    this.filter.rename(kept);
  }

  /** A reload changed a Master's configuration. Any new address has all announced, as with keepalived. */
  move(old: VrrpInstance, instance: VrrpInstance): void {
    const member = this.#of.member(instance.name);
    if (member?.state.name !== 'Master') return;
    if (old.name !== instance.name) this.#extraGarp.stop(old.name);
    this.#extraGarp.start(instance);
    this.filter.update(instance, member);
    if (this.#objects.move(old, instance)) this.#announce(instance, instance.garp.masterRepeat);
  }

  /** `leave` performs everybody's farewell. */
  stop(leave: () => void): void {
    this.#stopped = true;
    leave();
    this.#objects.stop(this.#options.keepAddresses);
    this.filter.close(this.#options.keepAddresses);
    this.#announcer.close();
    this.#extraGarp.close();
  }

  #transition(instance: VrrpInstance, from: StateName, to: StateName | 'Stop', priority: number, reason: string): void {
    // One that was in FAULT already has nothing more to say when a reload takes it away.
    if (this.#leaving === 'reload' && from === 'Fault' && !instance.notifyDeleted) return;
    if (to !== 'Stop' || this.#leaving === 'stop') this.#listener.instance(instance, from, to, priority, reason);
    else this.#listener.instance(instance, from, instance.notifyDeleted ? 'Deleted' : 'Fault', priority, 'taken out by a reload');
  }

  #advertise(instance: VrrpInstance, priority: number): void {
    const member = this.#of.member(instance.name);
    if (member === undefined || member.address === null) return;
    this.#advertiser.send(instance, priority, member.address, member.oldChecksum);
  }

  /** Neighbours are told when the kernel has the addresses, and only if they are still ours then. */
  #announce(instance: VrrpInstance, repeat: number): void {
    this.#objects.whenDone(() => {
      if (this.#of.member(instance.name)?.state.name === 'Master') this.#announcer.announce(instance, allAddresses(instance), repeat);
    });
  }

  #reconcile(instance: VrrpInstance): void {
    const member = this.#of.member(instance.name);
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
    this.#objects.whenDone(() => { this.filter.update(instance, this.#of.member(instance.name) ?? member); });
  }
}
