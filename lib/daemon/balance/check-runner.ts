import { type CheckerConfig, type CheckerState, initialChecker } from '../../check/checker-state.ts';
import type { CheckMeans } from '../../check/checks.ts';
import { type CheckerNews, runChecker, type RunningChecker } from '../../check/run-checker.ts';
import type { RealServer, VirtualServer } from '../../config/model-ipvs.ts';
import { matchCheckers } from '../../ipvs/migrate.ts';
import { serverKey, type VirtualServerEvent } from '../../ipvs/virtual-server.ts';
import type { IpAddress } from '../../util/ip.ts';
import type { Log } from '../log/log.ts';

/** What checkers are told rather than find out. */
export interface CheckFacts {
  /** The number in a tracked file. */
  number(file: string): number;
  /** A BFD session's state; null while nobody has told. */
  session(name: string): boolean | null;
  /** ha_suspend: is it an address of this machine? */
  holds(address: IpAddress): boolean;
}

/** One checker that runs, and where it belongs. */
export interface CheckEntry {
  readonly config: CheckerConfig;
  readonly state: CheckerState;
}

interface Entry {
  /** Whom its news are about: identity of the virtual server, key of the real one, place among its checkers. */
  key: string;
  server: string;
  index: number;
  readonly config: CheckerConfig;
  /** The configuration as text: equal text is equal meaning. */
  readonly text: string;
  readonly means: CheckMeans;
  running: RunningChecker;
  /** ha_suspend: it runs while this address is here; null: always. */
  needs: IpAddress | null;
}

/** Identity of virtual server → key of real server → its checkers, in their order. */
type Entries = Map<string, Map<string, Entry[]>>;

/** Runs the checkers of all real servers, and over a reload carries on those that stay what they are (reference 5.1, 6.4). */
export class CheckRunner {
  readonly #facts: CheckFacts;
  readonly #log: Log;
  readonly #random: () => number;
  readonly #tell: (key: string, event: VirtualServerEvent) => void;
  #entries: Entries = new Map();

  constructor(facts: CheckFacts, log: Log, random: () => number, tell: (key: string, event: VirtualServerEvent) => void) {
    this.#facts = facts;
    this.#log = log;
    this.#random = random;
    this.#tell = tell;
  }

  /** All of them, in the order of the configuration. */
  entries(): CheckEntry[] {
    return this.#all().map(({ config, running }) => ({ config, state: running.state }));
  }

  /** From now on the checkers of these virtual servers, by identity, and no others. */
  run(services: ReadonlyMap<string, VirtualServer>, means: CheckMeans): void {
    const before = this.#entries;
    const left = new Set(this.#all());
    this.#entries = new Map();
    for (const [key, service] of services) {
      const servers = new Map<string, Entry[]>();
      this.#entries.set(key, servers);
      for (const server of service.realServers) {
        const old = before.get(key)?.get(serverKey(server)) ?? [];
        servers.set(serverKey(server), this.#runServer(key, service, server, old, means, left));
      }
    }
    for (const { running } of left) running.stop();
    this.addressesChanged();
    for (const entry of this.#all()) this.#inform(entry);
  }

  /** A tracked file has another number, a session another state. */
  informed(what: { readonly file: string } | { readonly session: string }): void {
    for (const entry of this.#all()) {
      const { checker } = entry.config;
      const about = 'file' in what ? checker.type === 'FILE_CHECK' && checker.trackFile === what.file : checker.type === 'BFD_CHECK' && checker.session === what.session;
      if (about) this.#inform(entry);
    }
  }

  /** ha_suspend: checkers rest while the service's address is elsewhere. */
  addressesChanged(): void {
    for (const { running, needs } of this.#all()) {
      const here = needs === null || this.#facts.holds(needs);
      if (here && running.state.activity === 'suspended') running.tell({ type: 'resume', random: this.#random() });
      if (!here && running.state.activity !== 'suspended') running.tell({ type: 'suspend' });
    }
  }

  /** Ends every attempt and timer. */
  stop(): void {
    for (const { running } of this.#all()) running.stop();
    this.#entries = new Map();
  }

  #all(): Entry[] {
    return [...this.#entries.values()].flatMap((servers) => [...servers.values()].flat());
  }

  #runServer(key: string, service: VirtualServer, server: RealServer, old: readonly Entry[], means: CheckMeans, left: Set<Entry>): Entry[] {
    const same = matchCheckers(old.map(({ config }) => config.checker), server.checkers);
    return server.checkers.map((checker, index) => {
      const config: CheckerConfig = { checker, subject: { server: server.id, service: service.id }, weight: server.weight, alpha: server.alpha };
      const needs = service.haSuspend && service.key.kind === 'address' ? service.key.address : null;
      const match = same.get(index);
      const known = match === undefined ? undefined : old[match];
      return this.#carried({ key, server: serverKey(server), index, config, needs, means }, known, left);
    });
  }

  /** The same one goes on as it is; one whose surroundings changed goes on from its state; a new one begins. */
  #carried(wanted: Omit<Entry, 'running' | 'text'>, known: Entry | undefined, left: Set<Entry>): Entry {
    const text = JSON.stringify(wanted.config);
    const { key, server, index, config, needs, means } = wanted;
    if (known !== undefined) {
      this.#say('Activating', config, needs);
      if (known.text === text && (config.checker.type !== 'SSL_GET' || known.means.tls === means.tls)) {
        left.delete(known);
        return Object.assign(known, { key, server, index, needs });
      }
    }
    const resting = known === undefined && needs !== null && !this.#facts.holds(needs);
    if (resting) this.#say('Deactivating', config, null);
    return this.#begin({ ...wanted, text }, known?.running.stop() ?? (resting ? initialChecker(config) : null));
  }

  #begin(wanted: Omit<Entry, 'running'>, kept: CheckerState | null): Entry {
    const place = wanted as Entry;
    place.running = runChecker(wanted.config, wanted.means, (news) => { this.#news(place, news); }, kept, this.#random);
    return place;
  }

  #news({ key, server, index }: Entry, news: CheckerNews): void {
    switch (news.type) {
      case 'log': return this.#log.info(news.text);
      case 'verdict': return this.#tell(key, { type: 'verdict', server, checker: index, up: news.up, text: news.text, ...(news.told === true ? { told: true } : {}) });
      case 'weight': return this.#tell(key, { type: 'weight', server, checker: index, added: news.added });
    }
  }

  #inform({ config: { checker }, running }: Entry): void {
    if (checker.type === 'FILE_CHECK') running.tell({ type: 'number', value: this.#facts.number(checker.trackFile) });
    const up = checker.type === 'BFD_CHECK' ? this.#facts.session(checker.session) : null;
    if (up !== null) running.tell({ type: 'session', up });
  }

  /** keepalived says at a reload again which checkers are active. */
  #say(word: string, { checker, subject }: CheckerConfig, needs: IpAddress | null): void {
    if (needs !== null && !this.#facts.holds(needs)) return;
    this.#log.info(checker.type === 'BFD_CHECK' ? `${word} BFD healthchecker` : `${word} healthchecker for service ${subject.server} for VS ${subject.service}`);
  }
}
