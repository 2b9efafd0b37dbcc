/**
 * All virtual routers and sync groups as one value. An event is stepped through its own member, then sync-group.ts is asked
 * what follows for the others, until nothing does. Pure.
 */
import type { SyncGroup, VrrpInstance } from '../config/model.ts';
import { Table } from '../util/table.ts';
import type { Millis } from '../util/time.ts';
import { followers, groupState, mayBecomeMaster, type Members } from './sync-group.ts';
import { masterDownInterval } from './timers.ts';
import type { Action, Event, StateName, VirtualRouter } from './state.ts';
import { deadline as memberDeadline, step } from './virtual-router.ts';

/** What the router runs by: instances by name, and the groups. */
export interface RouterConfig {
  readonly instances: ReadonlyMap<string, VrrpInstance>;
  readonly groups: readonly SyncGroup[];
}

export interface Router {
  readonly members: Members;
  /** Which of two equal deadlines was set first. */
  readonly order: ReadonlyMap<string, number>;
  readonly sequence: number;
  /** Members whose timer fired while their group was not ready. */
  readonly willing: ReadonlySet<string>;
  /** What each group was last said to be. */
  readonly groups: ReadonlyMap<string, StateName | 'Stop'>;
}

export type RouterAction =
  | { readonly kind: 'instance'; readonly name: string; readonly action: Action }
  | { readonly kind: 'group'; readonly name: string; readonly to: StateName | 'Stop' }
  | { readonly kind: 'log'; readonly text: string };

export interface RouterStep {
  readonly router: Router;
  readonly actions: readonly RouterAction[];
}

/** The reason by which a member is held in Fault for the sake of the others in its group. */
export const groupReason = (group: SyncGroup): string => `sync group ${group.name}`;

export function emptyRouter(members: Members): Router {
  return { members, order: new Map(), sequence: 0, willing: new Set(), groups: new Map() };
}

/** When the router next wants `due`; Infinity: never. */
export function deadline(router: Router): Millis {
  let least = Infinity;
  for (const member of router.members.values()) least = Math.min(least, memberDeadline(member));
  return least;
}

/** Is a Master_Down_Timer among what is due by then? Such a one hardly ever fires, and the network waits for it. */
export function takesOver(router: Router, by: Millis): boolean {
  for (const { state } of router.members.values()) if (state.name === 'Backup' && state.masterDownTimer <= by) return true;
  return false;
}

/** Starts every member, its timers `delay` later (vrrp_startup_delay); a group that is of one mind from the beginning is told before its members. */
export function start(config: RouterConfig, router: Router, now: Millis, delay: Millis = 0): RouterStep {
  const run = new Run(config, router, now);
  for (const group of config.groups) {
    run.spreadFaults(group, null, true);
    run.spreadHolds(group);
  }
  for (const name of router.members.keys()) run.member(name, { type: 'startup', delay });
  run.tellGroups();
  const groups = run.actions.filter((a) => a.kind === 'group');
  return { router: run.router, actions: [...groups, ...run.actions.filter((a) => a.kind !== 'group')] };
}

/** One event for one member, and all that follows. */
export function routerStep(config: RouterConfig, router: Router, name: string, event: Event, now: Millis): RouterStep {
  const run = new Run(config, router, now);
  run.handle(name, event);
  run.tellGroups();
  return { router: run.router, actions: run.actions };
}

/** Everything whose deadline has come, in the order of the deadlines, the first set first. */
export function due(config: RouterConfig, router: Router, now: Millis): RouterStep {
  const run = new Run(config, router, now);
  const names = [...router.members.keys()]
    .filter((name) => at(router, name) <= now)
    .sort((a, b) => at(router, a) - at(router, b) || (router.order.get(a) ?? 0) - (router.order.get(b) ?? 0));
  for (const name of names) {
    run.handle(name, { type: 'time' });
    run.tellGroups();
  }
  return { router: run.router, actions: run.actions };
}

/** Everybody leaves, `silent` without a farewell; groups are told last. */
export function stop(config: RouterConfig, router: Router, now: Millis, silent = false): RouterStep {
  const run = new Run(config, router, now);
  for (const name of router.members.keys()) run.member(name, { type: 'shutdown', silent });
  for (const group of config.groups) run.actions.push({ kind: 'group', name: group.name, to: 'Stop' });
  return { router: run.router, actions: run.actions };
}

function at(router: Router, name: string): Millis {
  const member = router.members.get(name);
  return member === undefined ? Infinity : memberDeadline(member);
}

/** The working copy of a turn's consequences: nobody sees `router` before the turn is over, so its maps are copied once. */
class Run {
  readonly config: RouterConfig;
  readonly now: Millis;
  readonly actions: RouterAction[] = [];
  router: Router;
  /** The maps of `router`, once they are copies. */
  private copies: { readonly members: Table<VirtualRouter>; readonly order: Table<number> } | null = null;

  constructor(config: RouterConfig, router: Router, now: Millis) {
    this.config = config;
    this.router = router;
    this.now = now;
  }

  handle(name: string, event: Event): void {
    const group = this.config.groups.find((g) => g.members.includes(name));
    if (group === undefined) {
      this.member(name, event);
      return;
    }
    if (event.type === 'time' && this.waitsForGroup(group, name)) return;
    const before = this.router.members.get(name)?.state.name;
    const armed = at(this.router, name);
    if (event.type === 'release') this.keepHeld(group, name);
    this.member(name, event);
    const after = this.router.members.get(name)?.state.name;
    // An advertisement that was accepted moved the timer: somebody else is Master, and that is well.
    if (event.type === 'advertisement' && at(this.router, name) !== armed) this.unwilling(name);
    if (after !== undefined && after !== before) this.follow(group, name, after);
    this.spreadFaults(group, name, false);
    this.spreadHolds(group);
  }

  /** keepalived's: scripts that hold one member at its start hold all; when the last has answered they go, that member first. */
  spreadHolds(group: SyncGroup): void {
    const reason = groupReason(group);
    const held = group.members.some((name) => this.holdsItself(group, name));
    for (const name of group.members) {
      const member = this.router.members.get(name);
      if (member === undefined) continue;
      if (!held && member.holds.has(reason)) this.member(name, { type: 'release', reason });
      else if (held && member.state.name === 'Initialize' && !this.holdsItself(group, name)) this.member(name, { type: 'hold', reason });
    }
  }

  /** A member whose own scripts have answered waits for those of the others. */
  keepHeld(group: SyncGroup, name: string): void {
    if (group.members.some((other) => other !== name && this.holdsItself(group, other))) this.member(name, { type: 'hold', reason: groupReason(group) });
  }

  holdsItself(group: SyncGroup, name: string): boolean {
    return [...(this.router.members.get(name)?.holds ?? [])].some((reason) => reason !== groupReason(group));
  }

  /** keepalived's: a timer that fires before the group is ready starts again. */
  waitsForGroup(group: SyncGroup, name: string): boolean {
    const member = this.router.members.get(name);
    const instance = this.config.instances.get(name);
    if (member?.state.name !== 'Backup' || instance === undefined || this.now < member.state.masterDownTimer) return false;
    if (mayBecomeMaster(group, this.router.members, name, this.router.willing)) return false;
    const masterDownTimer = this.now + masterDownInterval(instance, member.priority, member.state.masterAdverInterval);
    this.put(name, { ...member, state: { ...member.state, masterDownTimer } });
    this.router = { ...this.router, willing: new Set([...this.router.willing, name]) };
    this.actions.push({ kind: 'instance', name, action: { type: 'log', level: 'detail', text: `(${name}) Receive advertisement timeout` } });
    return true;
  }

  /** The others go where one went. */
  follow(group: SyncGroup, name: string, to: StateName): void {
    if (to !== 'Master' && to !== 'Backup') return;
    const rest = followers(group, this.router.members, name, to).filter((other) => this.canFollow(other));
    if (rest.length > 0) this.actions.push({ kind: 'log', text: `VRRP_Group(${group.name}) Syncing instances to ${to.toUpperCase()} state` });
    for (const other of rest) this.member(other, { type: 'sync', to });
    // The leader's timer counts as set after its followers': keepalived's order of equal deadlines.
    if (to === 'Master') this.countAsSet(name);
  }

  canFollow(name: string): boolean {
    const member = this.router.members.get(name);
    return member !== undefined && member.faults.size === 0 && member.holds.size === 0 && member.state.name !== 'Initialize';
  }

  /** A fault of one member holds all others; when the last own fault is gone, all are let go, `first` before the rest. */
  spreadFaults(group: SyncGroup, first: string | null, silent: boolean): void {
    const reason = groupReason(group);
    const own = new Set(group.members.filter((name) => [...(this.router.members.get(name)?.faults ?? [])].some((r) => r !== reason)));
    const ordered = first === null ? group.members : [first, ...group.members.filter((m) => m !== first)];
    let told = false;
    for (const name of ordered) {
      const member = this.router.members.get(name);
      if (member === undefined) continue;
      const held = [...own].some((other) => other !== name);
      if (held && !member.faults.has(reason)) {
        const marked = { ...member, faults: new Set([...member.faults, reason]) };
        this.put(name, marked);
        if (silent || member.state.name === 'Fault') continue;
        if (!told) this.actions.push({ kind: 'log', text: `VRRP_Group(${group.name}) Syncing instances to FAULT state` });
        told = true;
        this.member(name, { type: 'sync', to: 'Fault' });
      } else if (!held && member.faults.has(reason)) this.member(name, { type: 'recovery', reason });
    }
  }

  tellGroups(): void {
    for (const group of this.config.groups) {
      const state = groupState(group, this.router.members);
      if (state === null || state === 'Initialize' || state === this.router.groups.get(group.name)) continue;
      this.router = { ...this.router, groups: new Map([...this.router.groups, [group.name, state]]) };
      this.actions.push({ kind: 'group', name: group.name, to: state });
    }
  }

  member(name: string, event: Event): void {
    const instance = this.config.instances.get(name);
    const before = this.router.members.get(name);
    if (instance === undefined || before === undefined) return;
    const { router, actions } = step(instance, before, event, this.now);
    if (router !== before) this.put(name, router);
    if (router.state.name !== before.state.name) this.unwilling(name);
    for (const action of actions) this.actions.push({ kind: 'instance', name, action });
  }

  put(name: string, member: VirtualRouter): void {
    const before = this.router.members.get(name);
    const rearmed = before === undefined || memberDeadline(before) !== memberDeadline(member);
    this.own().members.set(name, member);
    if (rearmed) this.countAsSet(name);
  }

  /** Its deadline is the one that was set last. */
  countAsSet(name: string): void {
    this.own().order.set(name, this.router.sequence);
    this.router = { ...this.router, sequence: this.router.sequence + 1 };
  }

  own(): { readonly members: Table<VirtualRouter>; readonly order: Table<number> } {
    if (this.copies !== null) return this.copies;
    this.copies = { members: Table.of(this.router.members), order: Table.of(this.router.order) };
    this.router = { ...this.router, ...this.copies };
    return this.copies;
  }

  unwilling(name: string): void {
    if (!this.router.willing.has(name)) return;
    const willing = new Set(this.router.willing);
    willing.delete(name);
    this.router = { ...this.router, willing };
  }
}
