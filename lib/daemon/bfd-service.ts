/** Runs the BFD sessions: datagrams and deadlines in, packets and news out. The protocol itself is lib/bfd. */
import { deadline, newSession, step, type BfdAction, type BfdEvent, type Dice, type Session } from '../bfd/session.ts';
import { decodeBfd, encodeBfd, type BfdPacket } from '../codec/bfd.ts';
import { DecodeError } from '../codec/decode-error.ts';
import type { BfdSession } from '../config/model-network.ts';
import type { BfdDatagram, BfdSpeaker } from '../system/bfd-sockets.ts';
import type { System } from '../system/system.ts';
import { familyOf, type Family } from '../util/ip.ts';
import type { Cancel, Millis } from '../util/time.ts';
import { diagnosticText } from './report/bfd-text.ts';
import type { Log } from './log/log.ts';

/** RFC 5881 §4, RFC 5883 §5 */
const SINGLE_HOP = 3784;
const MULTIHOP = 4784;
/** keepalived's hop limit for IPv6. */
const DEFAULT_TTL: Readonly<Record<Family, number>> = { inet: 255, inet6: 64 };
/** Between two attempts to open a socket. */
const RETRY: Millis = 5000;

/** Who hears of sessions, by name. */
export interface BfdListener {
  vrrp(name: string, up: boolean): void;
  /** For BFD_CHECK. */
  checker(name: string, up: boolean): void;
}

export interface BfdStatus {
  readonly config: BfdSession;
  readonly session: Session;
  readonly speaking: boolean;
}

interface Running {
  config: BfdSession;
  session: Session;
  speaker: BfdSpeaker | null;
  /** What was last said of sending, so that a cause that stays is told once. */
  trouble: string | null;
}

export class BfdService {
  readonly #system: Pick<System, 'bfd' | 'clock'>;
  readonly #log: Log;
  readonly #listener: BfdListener;
  readonly #dice: Dice;
  /** By what makes a session the same one: source and neighbour, and the way between. */
  readonly #running = new Map<string, Running>();
  readonly #listeners = new Map<string, { close(): void }>();
  readonly #listenTrouble = new Map<string, string>();
  /** Packets that were dropped, by reason (§6.8.6). */
  readonly #dropped = new Map<string, number>();
  #timer: Cancel = () => undefined;
  #armed: Millis = Infinity;
  #retry: Cancel | null = null;
  /** What is to be said when the configuration without them counts. */
  #farewells: (() => void)[] = [];

  /** `random` answers 0 ≤ x < 1. */
  constructor(system: Pick<System, 'bfd' | 'clock'>, log: Log, listener: BfdListener, random: () => number) {
    this.#system = system;
    this.#log = log;
    this.#listener = listener;
    this.#dice = { jitter: random, discriminator: () => this.#discriminator(random) };
  }

  get dropped(): ReadonlyMap<string, number> {
    return this.#dropped;
  }

  all(): BfdStatus[] {
    return [...this.#running.values()].map(({ config, session, speaker }) => ({ config, session, speaking: speaker !== null }));
  }

  /**
   * Runs exactly these sessions; one that runs already goes on, with other intervals by a Poll Sequence. Who tracks one that
   * is no more hears of it by `settle`, when that no longer counts.
   */
  run(configs: readonly BfdSession[]): void {
    const wanted = new Map(configs.map((config) => [keyOf(config), config]));
    for (const [key, running] of [...this.#running]) if (!wanted.has(key)) this.#end(key, running);
    this.#listen(configs);
    for (const [key, config] of wanted) {
      const running = this.#running.get(key);
      if (running === undefined) this.#begin(key, config);
      else this.#change(running, config);
    }
    this.#arm();
  }

  settle(): void {
    for (const say of this.#farewells.splice(0)) say();
  }

  /** Nothing is said: the neighbours find out by themselves, as with keepalived. */
  close(): void {
    this.#timer();
    this.#retry?.();
    for (const { speaker } of this.#running.values()) speaker?.close();
    for (const listener of this.#listeners.values()) listener.close();
    this.#running.clear();
    this.#listeners.clear();
  }

  #begin(key: string, config: BfdSession): void {
    const running: Running = { config, session: newSession(config, this.#dice), speaker: null, trouble: null };
    this.#running.set(key, running);
    this.#open(running);
    this.#tell(running, false);
    this.#step(running, { type: 'start' });
  }

  #change(running: Running, config: BfdSession): void {
    const before = running.config;
    running.config = config;
    if (JSON.stringify(before) === JSON.stringify(config)) return;
    if (before.ttl !== config.ttl) {
      running.speaker?.close();
      this.#open(running);
    }
    // Under another name, or for others: they begin with what it is.
    this.#forget(before);
    this.#tell(running, running.session.state === 'Up');
    if (intervals(before) !== intervals(config)) this.#step(running, { type: 'configure' });
  }

  #end(key: string, { config, speaker }: Running): void {
    this.#running.delete(key);
    speaker?.close();
    this.#log.info(`(${config.name}) BFD session with ${config.neighbor} ends: it is no longer configured`);
    this.#forget(config);
  }

  /** Unless another session has the name by then. */
  #forget({ name, forVrrp, forCheckers }: BfdSession): void {
    this.#farewells.push(() => {
      const heirs = [...this.#running.values()].map(({ config }) => config).filter((config) => config.name === name);
      if (forVrrp && !heirs.some((config) => config.forVrrp)) this.#listener.vrrp(name, false);
      if (forCheckers && !heirs.some((config) => config.forCheckers)) this.#listener.checker(name, false);
    });
  }

  #open(running: Running): void {
    const { neighbor, source, ttl } = running.config;
    const family = familyOf(neighbor);
    try {
      running.speaker = this.#system.bfd.speaker({ family, source, ttl: ttl ?? DEFAULT_TTL[family] });
      running.trouble = null;
    } catch (cause) {
      running.speaker = null;
      this.#sendTrouble(running, `${problem(cause)}; trying again every ${RETRY / 1000} s`);
      this.#retrySoon();
    }
  }

  #listen(configs: readonly BfdSession[]): void {
    const wanted = new Map(configs.map((config) => [`${familyOf(config.neighbor)} ${portOf(config)}`, config]));
    for (const [key, listener] of [...this.#listeners]) {
      if (wanted.has(key)) continue;
      listener.close();
      this.#listeners.delete(key);
    }
    for (const [key, config] of wanted) if (!this.#listeners.has(key)) this.#openListener(key, familyOf(config.neighbor), portOf(config));
  }

  #openListener(key: string, family: Family, port: number): void {
    const failed = (cause: unknown): void => {
      this.#listeners.delete(key);
      const text = `BFD port ${port} (${family === 'inet' ? 'IPv4' : 'IPv6'}): ${problem(cause)}; trying again every ${RETRY / 1000} s`;
      if (this.#listenTrouble.get(key) !== text) this.#log.error(text);
      this.#listenTrouble.set(key, text);
      this.#retrySoon();
    };
    try {
      this.#listeners.set(key, this.#system.bfd.listen(family, port, (datagram) => { this.#hear(port, datagram); }, failed));
      this.#listenTrouble.delete(key);
    } catch (cause) {
      failed(cause);
    }
  }

  #retrySoon(): void {
    this.#retry ??= this.#system.clock.at(this.#system.clock.now() + RETRY, () => {
      this.#retry = null;
      const all = [...this.#running.values()];
      this.#listen(all.map(({ config }) => config));
      for (const running of all) if (running.speaker === null) this.#open(running);
    });
  }

  /** §6.8.6, up to the authentication bit, and the hops of §5 (RFC 5881) as keepalived counts them. */
  #hear(port: number, datagram: BfdDatagram): void {
    const packet = decodeBfd(datagram.payload);
    if (packet instanceof DecodeError) return this.#drop(packet.code, datagram, packet.detail);
    const running = this.#find(port, packet, datagram);
    if (running === null) return this.#drop('no-session', datagram, `no session with discriminator ${packet.yourDiscriminator}`);
    const { config } = running;
    const lowest = (config.ttl ?? DEFAULT_TTL[familyOf(config.neighbor)]) - config.maxHops;
    if (config.maxHops >= 0 && (datagram.ttl === null || datagram.ttl < lowest)) return this.#drop('bad-ttl', datagram, `TTL ${datagram.ttl ?? 'unknown'} below ${lowest}`);
    if (packet.authenticated) return this.#drop('authentication', datagram, 'authentication, which is not in use');
    this.#step(running, { type: 'packet', packet });
    this.#arm();
  }

  #find(port: number, { yourDiscriminator }: BfdPacket, { from, to }: BfdDatagram): Running | null {
    for (const running of this.#running.values()) {
      const { config, session } = running;
      if (portOf(config) !== port || config.neighbor !== from) continue;
      if (yourDiscriminator === 0 ? config.source === null || to === null || config.source === to : session.localDiscriminator === yourDiscriminator) return running;
    }
    return null;
  }

  #drop(reason: string, { from }: BfdDatagram, text: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
    this.#log.detail(`BFD packet from ${from} dropped: ${text}`);
  }

  #step(running: Running, event: BfdEvent): void {
    const { session, actions } = step(running.config, running.session, event, this.#system.clock.now(), this.#dice);
    running.session = session;
    for (const action of actions) this.#perform(running, action);
  }

  #perform(running: Running, action: BfdAction): void {
    const { name } = running.config;
    switch (action.type) {
      case 'send':
        return this.#send(running, action.packet);
      case 'expired':
        return this.#log.info(`(${name}) Expired after ${Math.floor(action.after)} ms (${Math.round(action.overdue * 1000)} usec overdue)`);
      case 'polling':
        return this.#log.detail(`(${name}) Starting poll sequence`);
      case 'detection-time':
        return this.#log.detail(`${' '.repeat(name.length + 2)} Detection time is ${micros(action.is)} us (was ${micros(action.was)} us)`);
      case 'state': {
        const { diagnostic, remoteDiagnostic } = running.session;
        const why = action.to === 'Down' ? ` (Local diagnostic - ${diagnosticText(diagnostic)}, Remote diagnostic - ${diagnosticText(remoteDiagnostic)})` : '';
        this.#log.info(`(${name}) Entering ${action.to} state${why}`);
        if (action.tell && (action.to === 'Up' || action.from === 'Up')) this.#tell(running, action.to === 'Up');
        return;
      }
    }
  }

  #tell({ config }: Running, up: boolean): void {
    this.#log.detail(`Received BFD event: instance ${config.name} is in state ${up ? 'Up' : 'Down'} (delivered in 0 usec)`);
    if (config.forVrrp) this.#listener.vrrp(config.name, up);
    if (config.forCheckers) this.#listener.checker(config.name, up);
  }

  #send(running: Running, packet: BfdPacket): void {
    const { speaker, config } = running;
    if (speaker === null) return;
    try {
      speaker.send(encodeBfd(packet), config.neighbor, portOf(config));
      running.trouble = null;
    } catch (cause) {
      this.#sendTrouble(running, problem(cause));
    }
  }

  #sendTrouble(running: Running, text: string): void {
    if (running.trouble !== text) this.#log.warn(`(${running.config.name}) BFD packets to ${running.config.neighbor} cannot be sent: ${text}`);
    running.trouble = text;
  }

  /** One timer, for the earliest deadline. */
  #arm(): void {
    const all = [...this.#running.values()];
    const next = Math.min(Infinity, ...all.map(({ session }) => deadline(session)));
    if (next === this.#armed) return;
    this.#timer();
    this.#armed = next;
    this.#timer = () => undefined;
    if (next === Infinity) return;
    const expiring = all.some(({ session }) => session.expireAt === next);
    this.#timer = this.#system.clock.at(next, () => { this.#due(expiring); }, expiring ? 'after-input' : 'at-once');
  }

  #due(expiring: boolean): void {
    this.#armed = Infinity;
    for (const running of [...this.#running.values()]) {
      if (expiring) this.#step(running, { type: 'expire' });
      this.#step(running, { type: 'transmit' });
    }
    this.#arm();
  }

  /** §6.8.1: random, and no other session's. */
  #discriminator(random: () => number): number {
    const taken = new Set([...this.#running.values()].map(({ session }) => session.localDiscriminator));
    let value = 1 + Math.floor(random() * 0xffff_ffff);
    while (taken.has(value)) value = 1 + (value % 0xffff_ffff);
    return value;
  }
}

function keyOf({ source, neighbor, multihop }: BfdSession): string {
  return `${source ?? ''} ${neighbor} ${multihop}`;
}

function portOf({ multihop }: BfdSession): number {
  return multihop ? MULTIHOP : SINGLE_HOP;
}

function intervals({ minRx, minTx, idleTx, multiplier, passive }: BfdSession): string {
  return `${minRx} ${minTx} ${idleTx} ${multiplier} ${passive}`;
}

function micros(interval: Millis): number {
  return Math.round(interval * 1000);
}

function problem(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
