/**
 * One BFD session in asynchronous mode (RFC 5880 §6). step() is a function of values; timers are deadlines in the state.
 * Where keepalived has ways of its own, it says so.
 */
import type { BfdPacket, BfdStateName } from '../codec/bfd.ts';
import type { BfdSession } from '../config/model-network.ts';
import type { Millis } from '../util/time.ts';

export type SessionConfig = Pick<BfdSession, 'minRx' | 'minTx' | 'idleTx' | 'multiplier' | 'passive'>;

/** §4.1, as far as we set them. */
export const DIAG_NONE = 0;
export const DIAG_EXPIRED = 1;
export const DIAG_NEIGHBOR_DOWN = 3;

/** The state variables of §6.8.1, by their names there. */
export interface Session {
  readonly state: Exclude<BfdStateName, 'AdminDown'>;
  readonly diagnostic: number;
  readonly localDiscriminator: number;
  /** 0: not known. */
  readonly remoteDiscriminator: number;
  readonly remoteState: BfdStateName;
  readonly remoteDiagnostic: number;
  /** What is said, and what is acted on: they differ during a Poll Sequence that makes something slower (§6.8.3). */
  readonly desiredMinTx: Millis;
  readonly effectiveMinTx: Millis;
  readonly requiredMinRx: Millis;
  readonly effectiveMinRx: Millis;
  readonly remoteMinTx: Millis;
  readonly remoteMinRx: Millis;
  readonly remoteDemand: boolean;
  readonly remoteMultiplier: number;
  /** A Poll Sequence runs. */
  readonly polling: boolean;
  readonly detectionTime: Millis;
  readonly transmitAt: Millis;
  readonly expireAt: Millis;
  readonly lastSeen: Millis | null;
}

export type BfdEvent =
  | { readonly type: 'start' }
  | { readonly type: 'packet'; readonly packet: BfdPacket }
  /** Its deadline is reached: transmitAt, expireAt. */
  | { readonly type: 'transmit' | 'expire' }
  /** Other intervals, after a reload. */
  | { readonly type: 'configure' };

export type BfdAction =
  | { readonly type: 'send'; readonly packet: BfdPacket }
  /** `tell`: those who track the session hear of it. */
  | { readonly type: 'state'; readonly from: Session['state']; readonly to: Session['state']; readonly tell: boolean }
  | { readonly type: 'expired'; readonly after: Millis; readonly overdue: Millis }
  | { readonly type: 'polling' }
  | { readonly type: 'detection-time'; readonly was: Millis; readonly is: Millis };

export interface BfdStep {
  readonly session: Session;
  readonly actions: readonly BfdAction[];
}

/** What chance decides. */
export interface Dice {
  /** 0 ≤ x < 1 */
  jitter(): number;
  /** A discriminator that no session has: 1..2^32-1 (§6.8.1). */
  discriminator(): number;
}

const MICROSECOND: Millis = 0.001;

/** §6.8.1: the values at the beginning. */
export function newSession(config: SessionConfig, dice: Dice): Session {
  return {
    state: 'Down', diagnostic: DIAG_NONE, localDiscriminator: dice.discriminator(), remoteDiscriminator: 0, remoteState: 'Down', remoteDiagnostic: DIAG_NONE,
    desiredMinTx: config.idleTx, effectiveMinTx: config.idleTx, requiredMinRx: config.minRx, effectiveMinRx: config.minRx,
    remoteMinTx: 0, remoteMinRx: MICROSECOND, remoteDemand: false, remoteMultiplier: 0, polling: false, detectionTime: 0,
    transmitAt: Infinity, expireAt: Infinity, lastSeen: null,
  };
}

export function step(config: SessionConfig, session: Session, event: BfdEvent, now: Millis, dice: Dice): BfdStep {
  switch (event.type) {
    case 'start':
      return transmit(config, session, now, dice);
    case 'transmit':
      return now < session.transmitAt ? quiet(session) : transmit(config, session, now, dice);
    case 'expire':
      return now < session.expireAt ? quiet(session) : expire(config, session, now, dice);
    case 'packet':
      return receive(config, session, event.packet, now, dice);
    case 'configure':
      return configure(config, session, now, dice);
  }
}

/** When it next wants 'transmit' or 'expire'. */
export function deadline(session: Session): Millis {
  return Math.min(session.transmitAt, session.expireAt);
}

/** §6.8.7: the longer of our interval and the one that the neighbour can bear; never while it wants nothing. */
export function transmitInterval({ effectiveMinTx, remoteMinRx }: Session): Millis {
  return Math.max(effectiveMinTx, remoteMinRx);
}

/** §6.8.4, asynchronous mode. */
function detectionTime({ remoteMultiplier, effectiveMinRx, remoteMinTx }: Session): Millis {
  return remoteMultiplier * Math.max(effectiveMinRx, remoteMinTx);
}

/** §6.8.6, from the authentication bit on; what comes before is the codec's and the service's. */
function receive(config: SessionConfig, before: Session, packet: BfdPacket, now: Millis, dice: Dice): BfdStep {
  let session: Session = {
    ...before,
    remoteDiscriminator: packet.myDiscriminator, remoteState: packet.state, remoteDiagnostic: packet.diagnostic, remoteDemand: packet.demand,
    remoteMinTx: packet.desiredMinTx, remoteMinRx: packet.requiredMinRx, remoteMultiplier: packet.multiplier, lastSeen: now,
  };
  if (packet.final && session.polling) session = { ...session, polling: false, effectiveMinTx: session.desiredMinTx, effectiveMinRx: session.requiredMinRx };
  const actions: BfdAction[] = [];
  const next = nextState(session.state, packet.state);
  if (next !== session.state) {
    // keepalived's: that a neighbour was taken down by hand is no news for those who track it.
    actions.push({ type: 'state', from: session.state, to: next, tell: packet.state !== 'AdminDown' });
    session = entered(config, session, next, next === 'Down' ? DIAG_NEIGHBOR_DOWN : DIAG_NONE, dice);
    if (session.polling) actions.push({ type: 'polling' });
  }
  const time = detectionTime(session);
  if (time !== before.detectionTime) actions.push({ type: 'detection-time', was: before.detectionTime, is: time });
  session = { ...session, detectionTime: time, expireAt: now + time };
  if (packet.poll) actions.push({ type: 'send', packet: packetOf(config, session, true) });
  // §6.8.7: what the neighbour should know soon goes at once; a Final has said it already.
  const news = next !== before.state && !(packet.poll && !session.polling);
  if (news) return joined(actions, transmit(config, session, now, dice));
  return { session: rescheduled(config, before, session, now, dice), actions };
}

/** The table of §6.8.6. */
function nextState(state: Session['state'], remote: BfdStateName): Session['state'] {
  switch (remote) {
    case 'AdminDown':
      return 'Down';
    case 'Down':
      return state === 'Up' ? 'Down' : 'Init';
    case 'Init':
      return 'Up';
    case 'Up':
      return state === 'Init' ? 'Up' : state;
  }
}

/** §6.8.4: nothing was heard for the detection time. */
function expire(config: SessionConfig, before: Session, now: Millis, dice: Dice): BfdStep {
  const overdue = now - before.expireAt;
  // §6.8.1: the neighbour is forgotten.
  const session: Session = { ...before, remoteDiscriminator: 0, remoteDemand: false, remoteMinRx: MICROSECOND, expireAt: Infinity };
  if (session.state === 'Down') return quiet({ ...session, transmitAt: config.passive ? Infinity : session.transmitAt });
  const down = { ...entered(config, session, 'Down', DIAG_EXPIRED, dice), remoteState: 'Down' as const };
  const said: BfdAction[] = [
    { type: 'expired', after: before.detectionTime + overdue, overdue },
    { type: 'state', from: session.state, to: 'Down', tell: true },
  ];
  return joined(said, transmit(config, down, now, dice));
}

/** Another state: its intervals (§6.8.3: no faster than idle_tx unless Up), and keepalived's new discriminator after each Up. */
function entered(config: SessionConfig, session: Session, state: Session['state'], diagnostic: number, dice: Dice): Session {
  const desiredMinTx = state === 'Up' ? config.minTx : config.idleTx;
  return {
    ...session, state, diagnostic, desiredMinTx, effectiveMinTx: desiredMinTx, requiredMinRx: config.minRx, effectiveMinRx: config.minRx,
    polling: state === 'Up' && desiredMinTx !== session.desiredMinTx,
    localDiscriminator: session.state === 'Up' ? dice.discriminator() : session.localDiscriminator,
  };
}

/** §6.8.3: what becomes slower while Up is acted on when the neighbour has answered a Poll, what becomes faster at once. */
function configure(config: SessionConfig, before: Session, now: Millis, dice: Dice): BfdStep {
  const desiredMinTx = before.state === 'Up' ? config.minTx : config.idleTx;
  const changed = desiredMinTx !== before.desiredMinTx || config.minRx !== before.requiredMinRx;
  const up = before.state === 'Up';
  const session: Session = {
    ...before, desiredMinTx, requiredMinRx: config.minRx,
    effectiveMinTx: up ? Math.min(desiredMinTx, before.effectiveMinTx) : desiredMinTx,
    effectiveMinRx: up ? Math.max(config.minRx, before.effectiveMinRx) : config.minRx,
    polling: before.polling || (up && changed),
  };
  const said: BfdAction[] = session.polling && !before.polling ? [{ type: 'polling' }] : [];
  const time = detectionTime(session);
  if (time !== before.detectionTime) said.push({ type: 'detection-time', was: before.detectionTime, is: time });
  const expireAt = before.expireAt === Infinity || before.lastSeen === null ? before.expireAt : before.lastSeen + time;
  return joined(said, transmit(config, { ...session, detectionTime: time, expireAt }, now, dice));
}

/** §6.8.7: a packet, and when the next one is due. */
function transmit(config: SessionConfig, session: Session, now: Millis, dice: Dice): BfdStep {
  if (!speaks(config, session)) return quiet({ ...session, transmitAt: Infinity });
  return { session: { ...session, transmitAt: now + jittered(session, dice) }, actions: [{ type: 'send', packet: packetOf(config, session, false) }] };
}

/** Another interval counts from now on; one that stays leaves the timer alone. */
function rescheduled(config: SessionConfig, before: Session, session: Session, now: Millis, dice: Dice): Session {
  if (!speaks(config, session)) return { ...session, transmitAt: Infinity };
  const same = transmitInterval(before) === transmitInterval(session) && session.transmitAt !== Infinity;
  return same ? session : { ...session, transmitAt: Math.min(session.transmitAt, now + jittered(session, dice)) };
}

function speaks({ passive }: SessionConfig, session: Session): boolean {
  if (passive && session.remoteDiscriminator === 0) return false;
  if (session.remoteMinRx === 0) return false;
  return !(session.remoteDemand && session.state === 'Up' && session.remoteState === 'Up' && !session.polling);
}

/** §6.8.7: 10 to 25 % early, so that one that is late is not missed even with a multiplier of 1. */
function jittered(session: Session, dice: Dice): Millis {
  return transmitInterval(session) * (0.9 - 0.15 * dice.jitter());
}

function packetOf(config: SessionConfig, session: Session, final: boolean): BfdPacket {
  return {
    diagnostic: session.diagnostic, state: session.state, poll: session.polling && !final, final, controlPlaneIndependent: false, authenticated: false, demand: false,
    multiplier: config.multiplier, myDiscriminator: session.localDiscriminator, yourDiscriminator: session.remoteDiscriminator,
    desiredMinTx: session.desiredMinTx, requiredMinRx: session.requiredMinRx, requiredMinEchoRx: 0,
  };
}

function quiet(session: Session): BfdStep {
  return { session, actions: [] };
}

function joined(actions: readonly BfdAction[], { session, actions: more }: BfdStep): BfdStep {
  return { session, actions: [...actions, ...more] };
}
