import { deadline, newSession, step, type BfdAction, type BfdEvent, type Dice, type Session, type SessionConfig } from '../../lib/bfd/session.ts';
import type { BfdPacket } from '../../lib/codec/bfd.ts';
import type { Millis } from '../../lib/util/time.ts';

export const CONFIG: SessionConfig = { minRx: 100, minTx: 100, idleTx: 1000, multiplier: 3, passive: false };

/** One end of a session, on a time that a test moves. */
export class End {
  config: SessionConfig;
  session: Session;
  now: Millis = 0;
  readonly sent: { readonly at: Millis; readonly packet: BfdPacket }[] = [];
  /** Every action but sending. */
  readonly said: BfdAction[] = [];
  onSend: (packet: BfdPacket) => void = () => undefined;
  private readonly dice: Dice;

  constructor(config: Partial<SessionConfig> = {}, dice: Dice = fixedDice()) {
    this.config = { ...CONFIG, ...config };
    this.dice = dice;
    this.session = newSession(this.config, dice);
  }

  do(event: BfdEvent): this {
    const { session, actions } = step(this.config, this.session, event, this.now, this.dice);
    this.session = session;
    for (const action of actions) {
      if (action.type === 'send') {
        this.sent.push({ at: this.now, packet: action.packet });
        this.onSend(action.packet);
      } else this.said.push(action);
    }
    return this;
  }

  hears(packet: Partial<BfdPacket>): this {
    return this.do({ type: 'packet', packet: { ...PACKET, yourDiscriminator: this.session.localDiscriminator, ...packet } });
  }

  /** Runs its timers up to this time. */
  until(time: Millis): this {
    while (deadline(this.session) <= time) {
      this.now = Math.max(this.now, deadline(this.session));
      if (this.session.expireAt <= this.now) this.do({ type: 'expire' });
      this.do({ type: 'transmit' });
    }
    this.now = time;
    return this;
  }

  /** What it has sent since the last look. */
  took(): BfdPacket[] {
    return this.sent.splice(0).map(({ packet }) => packet);
  }

  states(): string[] {
    return this.said.flatMap((action) => (action.type === 'state' ? [`${action.from} > ${action.to}${action.tell ? '' : ' (not told)'}`] : []));
  }
}

export const PACKET: BfdPacket = {
  diagnostic: 0, state: 'Down', poll: false, final: false, controlPlaneIndependent: false, authenticated: false, demand: false, multiplier: 5,
  myDiscriminator: 77, yourDiscriminator: 0, desiredMinTx: 1000, requiredMinRx: 50, requiredMinEchoRx: 0,
};

/** Jitter always `value`; discriminators 1, 2, 3, … */
export function fixedDice(value = 0.5, first = 1): Dice {
  let next = first;
  return { jitter: () => value, discriminator: () => next++ };
}

/** A reproducible stream of numbers 0 ≤ x < 1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Two ends with a wire between them that delays and loses. */
export class Wire {
  readonly a: End;
  readonly b: End;
  now: Millis = 0;
  /** Share of packets lost, and whether any pass at all. */
  loss = 0;
  cut = false;
  delay: Millis = 1;
  private readonly random: () => number;
  private flying: { readonly at: Millis; readonly to: End; readonly packet: BfdPacket }[] = [];

  constructor(seed: number, a: Partial<SessionConfig> = {}, b: Partial<SessionConfig> = {}) {
    this.random = seeded(seed);
    this.a = new End(a, { jitter: this.random, discriminator: () => 1 + Math.floor(this.random() * 0xffff_fffe) });
    this.b = new End(b, { jitter: this.random, discriminator: () => 1 + Math.floor(this.random() * 0xffff_fffe) });
    this.a.onSend = (packet) => { this.carry(packet, this.b); };
    this.b.onSend = (packet) => { this.carry(packet, this.a); };
  }

  start(): this {
    this.a.do({ type: 'start' });
    this.b.do({ type: 'start' });
    return this;
  }

  advance(span: Millis): this {
    const end = this.now + span;
    for (;;) {
      const next = Math.min(deadline(this.a.session), deadline(this.b.session), ...this.flying.map(({ at }) => at));
      if (next > end) break;
      this.now = Math.max(this.now, next);
      const due = this.flying.filter(({ at }) => at <= this.now);
      this.flying = this.flying.filter(({ at }) => at > this.now);
      for (const { to, packet } of due) this.arrive(to, packet);
      for (const one of [this.a, this.b]) {
        one.now = this.now;
        one.do({ type: 'expire' }).do({ type: 'transmit' });
      }
    }
    this.now = end;
    return this;
  }

  private carry(packet: BfdPacket, to: End): void {
    if (this.cut || this.random() < this.loss) return;
    this.flying.push({ at: this.now + this.delay, to, packet });
  }

  /** As the service selects: a discriminator that is not ours is nobody's. */
  private arrive(to: End, packet: BfdPacket): void {
    to.now = this.now;
    if (packet.yourDiscriminator === 0 || packet.yourDiscriminator === to.session.localDiscriminator) to.do({ type: 'packet', packet });
  }
}
