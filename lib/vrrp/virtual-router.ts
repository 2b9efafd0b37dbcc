/**
 * One virtual router: the state machine of RFC 3768 §6.4 and RFC 9568 §6.4 with keepalived's additions (its own are marked
 * so). Pure: what happened goes in as an event with the time, the new value and what is to be done come out. A timer is a
 * deadline in the state; there is nothing to cancel.
 */
import type { Advertisement } from '../codec/vrrp.ts';
import type { VrrpInstance } from '../config/model.ts';
import { compareIp, type IpAddress } from '../util/ip.ts';
import type { Millis } from '../util/time.ts';
import { count, type CounterName, type VrrpCounters, ZERO_COUNTERS } from './counters.ts';
import { masterDownInterval, skewTime } from './timers.ts';

export const OWNER_PRIORITY = 255;
/** Adverts of a second owner that are answered before we give in. */
const RIVALS_ANSWERED = 2;

export interface Master {
  readonly address: IpAddress;
  readonly priority: number;
}

export type State =
  | { readonly name: 'Initialize' }
  | {
      readonly name: 'Backup';
      readonly masterDownTimer: Millis;
      readonly masterAdverInterval: Millis;
      /** preempt_delay: until then a lower priority is put up with; null: not running, Infinity is never used. */
      readonly preemptTimer: Millis | null;
      /** keepalived's: who we last heard and accepted. */
      readonly master: Master | null;
      /** timer_expired_backup: our timers ran late, and a master of at most this priority may stay. */
      readonly putsUpWith?: number;
    }
  | {
      readonly name: 'Master';
      readonly adverTimer: Millis;
      /** The second block of gratuitous ARPs, and the periodic refresh. */
      readonly garpTimer: Millis | null;
      readonly refreshTimer: Millis | null;
      readonly masterAdverInterval: Millis;
      /** timer_expired_backup: our timers ran late; until the next advertisement of ours, one of at most this priority takes over. */
      readonly yieldsTo?: number;
    }
  | { readonly name: 'Fault' };

export type StateName = State['name'];

/** Why an instance cannot work, in words for the log: 'interface eth0 is down', 'script chk', … One entry each. */
export type FaultReason = string;

/** The reason of an instance whose interface is not there. */
export const absent = (link: string): FaultReason => `interface ${link} does not exist`;

export interface VirtualRouter {
  readonly state: State;
  /** Effective priority: base and tracked weights; 255 only for the owner. */
  readonly priority: number;
  /** All of these must clear before the instance leaves Fault. */
  readonly faults: ReadonlySet<FaultReason>;
  /** keepalived's: weight-0 scripts that have not finished their first run hold the instance in Initialize. */
  readonly holds: ReadonlySet<FaultReason>;
  /** The interface's or configured source address; null while there is none. Elections between equals need it. */
  readonly address: IpAddress | null;
  readonly counters: VrrpCounters;
  /** Kinds of complaint already logged in this state and about this master. */
  readonly said: ReadonlySet<string>;
  /** keepalived's: a unicast peer makes checksums as keepalived did before 1.3.6, and so do we from then on. */
  readonly oldChecksum: boolean;
  /** keepalived's: adverts heard, as Master and owner, from another owner that should yield. */
  readonly rivals: number;
  /** Monotonic time of the last change of state. */
  readonly since: Millis;
}

export type Event =
  /** keepalived's vrrp_startup_delay: the timers begin `delay` later. */
  | { readonly type: 'startup'; readonly delay?: Millis }
  /** keepalived's: `silent` leaves without a farewell, the addresses being left as well (-V). */
  | { readonly type: 'shutdown'; readonly silent?: boolean }
  | { readonly type: 'time' }
  /** keepalived's: a peer's checksum is of the old form. */
  | { readonly type: 'old-checksum' }
  | { readonly type: 'advertisement'; readonly from: IpAddress; readonly advert: Advertisement }
  /** `leavingFault`: by a file that is a fault no more, for which keepalived has other words. */
  | { readonly type: 'priority'; readonly value: number; readonly leavingFault?: boolean }
  | { readonly type: 'fault'; readonly reason: FaultReason }
  /** `anew`: by a reload, which keepalived's words tell from one by itself. */
  | { readonly type: 'recovery'; readonly reason: FaultReason; readonly anew?: boolean }
  /** keepalived's: a script has not answered yet, or has now. */
  | { readonly type: 'hold' | 'release'; readonly reason: FaultReason }
  /** keepalived's: somebody took one of our addresses away. */
  | { readonly type: 'address-lost'; readonly address: IpAddress; readonly link: string }
  /** keepalived's: somebody took one of our routes or rules away; in words. */
  | { readonly type: 'object-lost'; readonly what: string }
  | { readonly type: 'source'; readonly address: IpAddress | null }
  /** A sync group moves the instance along with another member. */
  | { readonly type: 'sync'; readonly to: 'Master' | 'Backup' | 'Fault' }
  | { readonly type: 'drop'; readonly counter: CounterName | null; readonly kind: string; readonly text: string };

export type Action =
  /** Send one advertisement; 0 when leaving. */
  | { readonly type: 'advertise'; readonly priority: number }
  /** The kernel should now hold desired(state). */
  | { readonly type: 'reconcile' }
  /** Gratuitous ARP and unsolicited NA for every address, `repeat` times each. */
  | { readonly type: 'announce'; readonly repeat: number }
  | { readonly type: 'transition'; readonly from: StateName; readonly to: StateName | 'Stop'; readonly priority: number; /** Why, in words. */ readonly reason: string }
  /** notify_master_rx_lower_pri */
  | { readonly type: 'lower-priority-heard' }
  /** A MASTER_PRIORITY or BACKUP_PRIORITY line. */
  | { readonly type: 'priority-changed'; readonly priority: number }
  | { readonly type: 'log'; readonly level: 'warn' | 'info' | 'detail'; readonly text: string };

export interface Step {
  readonly router: VirtualRouter;
  readonly actions: readonly Action[];
}

export function initialize(instance: VrrpInstance, now: Millis): VirtualRouter {
  return {
    state: { name: 'Initialize' }, priority: instance.priority, faults: new Set(), holds: new Set(), address: instance.sourceAddress,
    counters: ZERO_COUNTERS, said: new Set(), oldChecksum: false, rivals: 0, since: now,
  };
}

/** When the router next wants { type: 'time' }; Infinity: never. */
export function deadline({ state }: VirtualRouter): Millis {
  switch (state.name) {
    case 'Initialize':
    case 'Fault':
      return Infinity;
    case 'Backup':
      return state.masterDownTimer;
    case 'Master':
      return Math.min(state.adverTimer, state.garpTimer ?? Infinity, state.refreshTimer ?? Infinity);
  }
}

export function step(instance: VrrpInstance, router: VirtualRouter, event: Event, now: Millis): Step {
  switch (event.type) {
    case 'startup':
      return startup(instance, router, now, event.delay ?? 0);
    case 'shutdown':
      return shutdown(instance, router, event.silent === true, now);
    case 'time':
      return time(instance, router, now);
    case 'advertisement':
      return advertisement(instance, received(router, event.advert), event, now);
    case 'old-checksum':
      return { router: { ...router, oldChecksum: true }, actions: [info(instance, 'Setting unicast VRRPv3 checksum to old version')] };
    case 'priority':
      return changePriority(instance, router, event.value, event.leavingFault === true, now);
    case 'fault':
      return fault(instance, router, event.reason, now);
    case 'recovery':
      return recovery(instance, { ...router, faults: without(router.faults, event.reason) }, now, event.anew);
    case 'hold':
      return stay({ ...router, holds: with_(router.holds, event.reason) });
    case 'release':
      return recovery(instance, { ...router, holds: without(router.holds, event.reason) }, now);
    case 'address-lost':
      return giveUp(instance, router, 'IP ', `${event.address} removed from ${event.link}`, now);
    case 'object-lost':
      return giveUp(instance, router, '', `${event.what} removed`, now);
    case 'source':
      return stay({ ...router, address: event.address });
    case 'sync':
      return sync(instance, router, event.to, now);
    case 'drop':
      return drop(instance, router, event);
  }
}

/**
 * RFC 3768 §6.4.1, RFC 9568 §6.4.1: the owner is Master at once, all others are Backup for a Master_Down_Interval.
 * keepalived's: an owner with `state BACKUP` waits like the others; what a killed run left on the interfaces goes in any case, also when the instance cannot begin yet.
 */
function startup(instance: VrrpInstance, router: VirtualRouter, now: Millis, delay: Millis): Step {
  if (router.faults.size > 0) {
    // keepalived's: an interface that is still to come is waited for without a word of FAULT.
    const text = router.faults.has(absent(instance.link)) ? `waiting for ${instance.link}` : 'Entering FAULT STATE (init)';
    return enter(router, { name: 'Fault' }, now, [info(instance, text), { type: 'reconcile' }], [...router.faults].join(', '));
  }
  if (router.holds.size > 0) return { router, actions: [{ type: 'reconcile' }] };
  const owner = router.priority === OWNER_PRIORITY && instance.wantMaster;
  if (owner && delay === 0) return becomeMaster(instance, router, now, 'startup of the address owner', [detail(instance, 'Receive advertisement timeout')]);
  const interval = instance.advertInterval;
  // keepalived's: `state MASTER` waits for one interval only, with the owner's skew.
  const first = owner ? 0 : interval + skewTime(instance, OWNER_PRIORITY, interval);
  const wait = delay + (instance.wantMaster ? first : masterDownInterval(instance, router.priority, interval));
  return becomeBackup(instance, router, now, wait, 'startup', [info(instance, 'Entering BACKUP STATE (init)')]);
}

/** RFC 3768 §6.4.3: a Master that is shut down says so with priority 0. */
function shutdown(instance: VrrpInstance, router: VirtualRouter, silent: boolean, now: Millis): Step {
  const master = router.state.name === 'Master' && !silent;
  const next: VirtualRouter = {
    ...router, state: { name: 'Initialize' }, since: now, said: new Set(),
    counters: master ? leave(router.counters, 1) : router.counters,
  };
  const stop: Action = { type: 'transition', from: router.state.name, to: 'Stop', priority: router.priority, reason: 'shutdown' };
  if (!master) return { router: next, actions: [{ type: 'reconcile' }, stop] };
  return { router: next, actions: [{ type: 'advertise', priority: 0 }, detail(instance, 'sent 0 priority'), { type: 'reconcile' }, stop] };
}

function time(instance: VrrpInstance, router: VirtualRouter, now: Millis): Step {
  const { state } = router;
  switch (state.name) {
    case 'Initialize':
    case 'Fault':
      return stay(router);
    case 'Backup':
      // RFC 3768 §6.4.2, RFC 9568 §6.4.2: the Master_Down_Timer fires.
      if (now < state.masterDownTimer) return stay(router);
      return becomeMaster(instance, router, now, downReason(state), [detail(instance, 'Receive advertisement timeout')]);
    case 'Master':
      return masterTime(instance, router, state, now);
  }
}

/** RFC 3768 §6.4.3, RFC 9568 §6.4.3: the Adver_Timer fires; besides, keepalived's blocks of gratuitous ARPs. */
function masterTime(instance: VrrpInstance, router: VirtualRouter, state: Extract<State, { name: 'Master' }>, now: Millis): Step {
  const actions: Action[] = [];
  let next = state;
  let { counters } = router;
  if (now >= state.adverTimer && isReplaced(instance, state, now)) {
    // Somebody may be Master by now: it is listened for rather than driven out.
    const yieldsTo = instance.extras?.timerExpiredBackup ?? 0;
    actions.push(info(instance, `timers ran late by ${Math.round(now - state.adverTimer)} ms, a backup of priority ${yieldsTo} or less may stay master`));
    next = { ...next, yieldsTo, adverTimer: now + instance.advertInterval };
  } else if (now >= state.adverTimer) {
    actions.push({ type: 'advertise', priority: router.priority });
    counters = count(counters, 'sent');
    // From the deadline, so that a late turn does not add up; unless a whole interval was missed.
    const due = state.adverTimer + instance.advertInterval;
    const { name, garpTimer, refreshTimer, masterAdverInterval } = next;
    next = { name, adverTimer: due > now ? due : now + instance.advertInterval, garpTimer, refreshTimer, masterAdverInterval };
  }
  if (state.garpTimer !== null && now >= state.garpTimer) {
    actions.push({ type: 'announce', repeat: instance.garp.masterRepeat });
    next = { ...next, garpTimer: null };
  }
  if (state.refreshTimer !== null && now >= state.refreshTimer) {
    actions.push({ type: 'announce', repeat: instance.garp.refreshRepeat });
    next = { ...next, refreshTimer: now + instance.garp.refresh };
  }
  return { router: moved(router, next, counters), actions };
}

/** keepalived's timer_expired_backup: a backup of that priority has missed us for its Master_Down_Interval. */
function isReplaced(instance: VrrpInstance, state: Extract<State, { name: 'Master' }>, now: Millis): boolean {
  const highest = instance.extras?.timerExpiredBackup ?? null;
  if (highest === null || state.yieldsTo !== undefined) return false;
  return now - (state.adverTimer - instance.advertInterval) >= masterDownInterval(instance, highest, instance.advertInterval);
}

function advertisement(instance: VrrpInstance, router: VirtualRouter, event: { from: IpAddress; advert: Advertisement }, now: Millis): Step {
  const { state } = router;
  switch (state.name) {
    case 'Initialize':
    case 'Fault':
      return stay(router);
    case 'Backup':
      return backupHears(instance, router, state, event, now);
    case 'Master':
      return masterHears(instance, router, state, event, now);
  }
}

/** RFC 3768 §6.4.2, RFC 9568 §6.4.2. */
function backupHears(
  instance: VrrpInstance, router: VirtualRouter, state: Extract<State, { name: 'Backup' }>,
  { from, advert }: { from: IpAddress; advert: Advertisement }, now: Millis,
): Step {
  if (advert.priority === 0) {
    const masterDownTimer = now + skewTime(instance, router.priority, state.masterAdverInterval);
    const master = { address: from, priority: 0 };
    return { router: { ...router, state: { ...state, masterDownTimer, master } }, actions: [detail(instance, 'Backup received priority 0 advertisement')] };
  }
  const lower = advert.priority < router.priority;
  // keepalived's: the delay counts from the first lower-priority advertisement.
  const delaying = instance.preemptDelay > 0 && lower;
  const preemptTimer = delaying ? (state.preemptTimer ?? now + instance.preemptDelay) : null;
  const patient = preemptTimer !== null && now < preemptTimer;
  const tolerated = state.putsUpWith !== undefined && advert.priority <= state.putsUpWith;
  if (lower && !instance.nopreempt && !patient && !tolerated) {
    const text = `received lower priority (${advert.priority}) advert from ${from} - discarding`;
    return { router: { ...router, state: { ...state, preemptTimer } }, actions: [info(instance, text)] };
  }
  const masterAdverInterval = instance.version === 3 ? advert.advertInterval : instance.advertInterval;
  const known = state.master?.address === from;
  const heard: State = {
    name: 'Backup', masterAdverInterval, preemptTimer, master: { address: from, priority: advert.priority },
    masterDownTimer: now + masterDownInterval(instance, router.priority, masterAdverInterval),
  };
  const next = state.putsUpWith === undefined ? heard : { ...heard, putsUpWith: state.putsUpWith };
  return stay(moved(router, next, router.counters, known ? router.said : new Set()));
}

/** RFC 3768 §6.4.3, RFC 9568 §6.4.3: who is better stays; equal priorities are decided by the primary address. */
function masterHears(
  instance: VrrpInstance, router: VirtualRouter, state: Extract<State, { name: 'Master' }>,
  { from, advert }: { from: IpAddress; advert: Advertisement }, now: Millis,
): Step {
  if (advert.priority === 0) {
    const answer: VirtualRouter = { ...router, counters: count(router.counters, 'sent'), state: { ...state, adverTimer: now + instance.advertInterval } };
    return { router: answer, actions: [{ type: 'advertise', priority: router.priority }] };
  }
  if (advert.priority === OWNER_PRIORITY && router.priority === OWNER_PRIORITY) {
    const duel = ownersMeet(instance, router, state, from, now);
    if (duel !== null) return duel;
  }
  const equal = advert.priority === router.priority;
  const order = equal && router.address !== null ? compareIp(from, router.address) : 0;
  if (advert.priority > router.priority || order > 0) {
    const text = equal
      ? `Master received advert from ${from} with same priority ${advert.priority} but higher IP address than ours`
      : `Master received advert from ${from} with higher priority ${advert.priority}, ours ${router.priority}`;
    const before: Action[] = [info(instance, text)];
    if (instance.higherPrioSendAdvert) before.push({ type: 'advertise', priority: router.priority });
    const counters = instance.higherPrioSendAdvert ? count(router.counters, 'sent') : router.counters;
    const interval = instance.version === 3 ? advert.advertInterval : instance.advertInterval;
    return becomeBackup(
      instance, { ...router, counters }, now, masterDownInterval(instance, router.priority, interval), `${from} has priority ${advert.priority}`,
      [...before, info(instance, 'Entering BACKUP STATE')], { address: from, priority: advert.priority }, interval,
    );
  }
  if (state.yieldsTo !== undefined && advert.priority <= state.yieldsTo) return yieldTo(instance, router, state.yieldsTo, { from, advert }, now);
  return lowerPriorityHeard(instance, router, state, { from, advert }, equal, now);
}

/**
 * keepalived's: of two owners the one with the lower address yields, as between equals; the other advertises twice more, and
 * if the rogue goes on nevertheless it is 254 and Backup until the rogue is gone. null: we are the one that yields.
 */
function ownersMeet(instance: VrrpInstance, router: VirtualRouter, state: Extract<State, { name: 'Master' }>, from: IpAddress, now: Millis): Step | null {
  const error: Action = {
    type: 'log', level: 'warn',
    text: `(${instance.name}) CONFIGURATION ERROR: local instance and ${from} are both configured as address owner, please resolve`,
  };
  const told = router.said.has('owners') ? [] : [error];
  if (router.address === null || compareIp(from, router.address) > 0) return null;
  const rivals = router.rivals + 1;
  const next: VirtualRouter = { ...router, rivals, said: with_(router.said, 'owners') };
  if (rivals <= RIVALS_ANSWERED) {
    const answered: VirtualRouter = { ...next, counters: count(next.counters, 'sent'), state: { ...state, adverTimer: now + instance.advertInterval } };
    return { router: answered, actions: [...told, { type: 'advertise', priority: router.priority }] };
  }
  const reduced: VirtualRouter = { ...next, priority: OWNER_PRIORITY - 1 };
  const actions: Action[] = [...told, info(instance, `Reducing priority to ${OWNER_PRIORITY - 1} until ${from} is gone`), info(instance, 'Entering BACKUP STATE')];
  return becomeBackup(
    instance, reduced, now, masterDownInterval(instance, reduced.priority, instance.advertInterval), `${from} is owner, too`,
    actions, { address: from, priority: OWNER_PRIORITY },
  );
}

/** keepalived's timer_expired_backup: who took over while we were away stays Master. */
function yieldTo(instance: VrrpInstance, router: VirtualRouter, putsUpWith: number, { from, advert }: { from: IpAddress; advert: Advertisement }, now: Millis): Step {
  const interval = instance.version === 3 ? advert.advertInterval : instance.advertInterval;
  const step = becomeBackup(
    instance, router, now, masterDownInterval(instance, router.priority, interval), `${from} took over while our timers ran late`,
    [info(instance, `Master received advert from ${from} with priority ${advert.priority}, which stays master`), info(instance, 'Entering BACKUP STATE')], { address: from, priority: advert.priority }, interval,
  );
  const { state } = step.router;
  return state.name === 'Backup' ? { ...step, router: { ...step.router, state: { ...state, putsUpWith } } } : step;
}

/** keepalived's: a rival that should give way is answered, and the switches are told again who has the addresses. */
function lowerPriorityHeard(
  instance: VrrpInstance, router: VirtualRouter, state: Extract<State, { name: 'Master' }>,
  { from, advert }: { from: IpAddress; advert: Advertisement }, equal: boolean, now: Millis,
): Step {
  const what = equal ? `same priority ${advert.priority} but lower IP address than ours` : `lower priority ${advert.priority}, ours ${router.priority}`;
  const answer = !instance.lowerPrioNoAdvert;
  const actions: Action[] = [info(instance, `Received advert from ${from} with ${what}${answer ? ', forcing new election' : ''}`)];
  let next: VirtualRouter = router;
  if (answer) {
    actions.push({ type: 'advertise', priority: router.priority });
    next = { ...router, counters: count(router.counters, 'sent') };
  }
  const { lowerPrioRepeat, lowerPrioDelay } = instance.garp;
  if (lowerPrioRepeat > 0) actions.push({ type: 'announce', repeat: lowerPrioRepeat });
  actions.push({ type: 'lower-priority-heard' });
  const garpTimer = lowerPrioRepeat > 0 && lowerPrioDelay > 0 ? now + lowerPrioDelay : state.garpTimer;
  return { router: { ...next, state: { ...state, garpTimer, adverTimer: answer ? now + instance.advertInterval : state.adverTimer } }, actions };
}

/** keepalived's: a Backup's remaining wait moves by the difference of the two Master_Down_Intervals. */
function changePriority(instance: VrrpInstance, router: VirtualRouter, value: number, leavingFault: boolean, now: Millis): Step {
  if (value === router.priority || (gaveIn(router) && value === OWNER_PRIORITY)) return stay(router);
  const { state } = router;
  const actions: Action[] = [info(instance, leavingFault && state.name === 'Fault' ? `Setting effective priority to ${value}` : `Changing effective priority from ${router.priority} to ${value}`)];
  if (state.name === 'Master' || state.name === 'Backup') actions.push({ type: 'priority-changed', priority: value });
  if (state.name !== 'Backup') return { router: { ...router, priority: value }, actions };
  const difference = skewTime(instance, value, state.masterAdverInterval) - skewTime(instance, router.priority, state.masterAdverInterval);
  const masterDownTimer = Math.max(now, state.masterDownTimer + difference);
  return { router: { ...router, priority: value, state: { ...state, masterDownTimer } }, actions };
}

/** keepalived's: Fault. A Master that leaves this way says so twice. */
function fault(instance: VrrpInstance, router: VirtualRouter, reason: FaultReason, now: Millis): Step {
  const next = { ...router, faults: with_(router.faults, reason), holds: without(router.holds, reason) };
  return router.state.name === 'Fault' ? stay(next) : becomeFault(instance, next, now, true, reason);
}

function becomeFault(instance: VrrpInstance, router: VirtualRouter, now: Millis, leader: boolean, reason: string): Step {
  const actions: Action[] = [info(instance, 'Entering FAULT STATE')];
  let { counters } = router;
  if (router.state.name === 'Master') {
    const farewells = leader ? 2 : 1;
    counters = leave(counters, farewells);
    for (let i = 0; i < farewells; i++) actions.push({ type: 'advertise', priority: 0 });
    if (leader) actions.push(detail(instance, 'sent 0 priority'));
  }
  return enter({ ...router, counters }, { name: 'Fault' }, now, [...actions, { type: 'reconcile' }], reason);
}

/** keepalived's: what held the instance is over; it starts as a Backup with a full Master_Down_Interval, the owner as well. */
function recovery(instance: VrrpInstance, router: VirtualRouter, now: Millis, anew = false): Step {
  const waiting = router.state.name === 'Fault' || router.state.name === 'Initialize';
  if (!waiting || router.faults.size > 0 || router.holds.size > 0) return stay(router);
  const wait = masterDownInterval(instance, router.priority, instance.advertInterval);
  return becomeBackup(instance, router, now, wait, 'recovered', [info(instance, anew ? 'Entering BACKUP STATE (init)' : 'Entering BACKUP STATE')]);
}

/** keepalived's: a Master that lost an address gives up and stands again after the skew. */
function giveUp(instance: VrrpInstance, router: VirtualRouter, kind: string, lost: string, now: Millis): Step {
  if (router.state.name !== 'Master') return stay(router);
  const counters = leave(router.counters, 1);
  const actions: Action[] = [
    { type: 'log', level: 'info', text: `(${instance.name}) Netlink reflector reports ${kind}${lost}` },
    { type: 'advertise', priority: 0 }, detail(instance, 'sent 0 priority'), info(instance, 'Entering BACKUP STATE'),
  ];
  return becomeBackup(instance, { ...router, counters }, now, skewTime(instance, router.priority, instance.advertInterval), lost, actions);
}

/** What another member's transition asks of this one; see sync-group.ts. Backup without a farewell, Fault with one. */
function sync(instance: VrrpInstance, router: VirtualRouter, to: 'Master' | 'Backup' | 'Fault', now: Millis): Step {
  if (router.state.name === to) return stay(router);
  switch (to) {
    case 'Master':
      return becomeMaster(instance, router, now, 'sync group');
    case 'Fault':
      return becomeFault(instance, router, now, false, 'sync group');
    case 'Backup': {
      const wait = masterDownInterval(instance, router.priority, instance.advertInterval);
      const counters = router.state.name === 'Master' ? leave(router.counters, 0) : router.counters;
      return becomeBackup(instance, { ...router, counters }, now, wait, 'sync group', [info(instance, 'Entering BACKUP STATE')]);
    }
  }
}

/** A packet that was not believed: counted, and told once for each kind, state and master. */
function drop(instance: VrrpInstance, router: VirtualRouter, { counter, kind, text }: { counter: CounterName | null; kind: string; text: string }): Step {
  const counted = counter === null ? router : moved(router, router.state, count(router.counters, counter));
  return say(instance, counted, kind, text);
}

/** Advertise, then the addresses, then tell the neighbours, then everybody else (RFC 3768 §6.4.2; the order is keepalived's). */
function becomeMaster(instance: VrrpInstance, before_: VirtualRouter, now: Millis, reason: string, before: readonly Action[] = []): Step {
  // An owner that gave in to another is owner again.
  const router: VirtualRouter = gaveIn(before_) ? { ...before_, priority: OWNER_PRIORITY, rivals: 0 } : { ...before_, rivals: 0 };
  const { garp } = instance;
  const state: State = {
    name: 'Master', adverTimer: now + instance.advertInterval, masterAdverInterval: instance.advertInterval,
    garpTimer: garp.masterDelay > 0 ? now + garp.masterDelay : null,
    refreshTimer: garp.refresh > 0 ? now + garp.refresh : null,
  };
  const counters = count(count(router.counters, 'becameMaster'), 'sent');
  return enter({ ...router, counters }, state, now, [
    ...before, { type: 'advertise', priority: router.priority }, info(instance, 'Entering MASTER STATE'), { type: 'reconcile' },
    { type: 'announce', repeat: garp.masterRepeat },
  ], reason);
}

function becomeBackup(
  instance: VrrpInstance, router: VirtualRouter, now: Millis, wait: Millis, reason: string, actions: readonly Action[],
  master: Master | null = null, masterAdverInterval: Millis = instance.advertInterval,
): Step {
  const counters = router.state.name === 'Master' && master !== null ? count(router.counters, 'releasedMaster') : router.counters;
  const state: State = { name: 'Backup', masterDownTimer: now + wait, masterAdverInterval, preemptTimer: null, master };
  return enter({ ...router, counters }, state, now, [...actions, { type: 'reconcile' }], reason);
}

function enter(router: VirtualRouter, state: State, now: Millis, actions: readonly Action[], reason: string): Step {
  const transition: Action = { type: 'transition', from: router.state.name, to: state.name, priority: router.priority, reason };
  return { router: { ...router, state, since: now, said: new Set() }, actions: [...actions, transition] };
}

function gaveIn({ rivals }: VirtualRouter): boolean {
  return rivals > RIVALS_ANSWERED;
}

function downReason({ master }: Extract<State, { name: 'Backup' }>): string {
  if (master === null) return 'no master heard';
  return master.priority === 0 ? `${master.address} has left` : `master ${master.address} is down`;
}

/** A Master that leaves counts that, and its farewells. */
function leave(counters: VrrpCounters, farewells: number): VrrpCounters {
  return count(count(counters, 'releasedMaster'), 'priZeroSent', farewells);
}

function received(router: VirtualRouter, advert: Advertisement): VirtualRouter {
  const counters = count(router.counters, 'received');
  return moved(router, router.state, advert.priority === 0 ? count(counters, 'priZeroRcvd') : counters);
}

/** What every advertisement does, sent or heard: by name, since a spread is some ten times slower. */
function moved(router: VirtualRouter, state: State, counters: VrrpCounters, said = router.said): VirtualRouter {
  const { priority, faults, holds, address, oldChecksum, rivals, since } = router;
  return { state, priority, faults, holds, address, counters, said, oldChecksum, rivals, since };
}

function say(instance: VrrpInstance, router: VirtualRouter, kind: string, text: string): Step {
  if (router.said.has(kind)) return stay(router);
  return { router: { ...router, said: with_(router.said, kind) }, actions: [info(instance, text)] };
}

function stay(router: VirtualRouter): Step {
  return { router, actions: [] };
}

function info(instance: VrrpInstance, text: string): Action {
  return { type: 'log', level: 'info', text: `(${instance.name}) ${text}` };
}

function detail(instance: VrrpInstance, text: string): Action {
  return { type: 'log', level: 'detail', text: `(${instance.name}) ${text}` };
}

function with_(set: ReadonlySet<string>, item: string): ReadonlySet<string> {
  return set.has(item) ? set : new Set([...set, item]);
}

function without(set: ReadonlySet<string>, item: string): ReadonlySet<string> {
  if (!set.has(item)) return set;
  const rest = new Set(set);
  rest.delete(item);
  return rest;
}
