/** The load-balancing half from its start to its stop: IPVS, notifications and checkers (reference 6.2, 6.4, 6.5). */
import { loadClientTls } from '../../check/client-tls.ts';
import type { CheckMeans } from '../../check/checks.ts';
import type { IpvsOperation } from '../../codec/ipvs-operation.ts';
import type { Config } from '../../config/model.ts';
import type { TrackFile } from '../../config/model-network.ts';
import { claimedTable } from '../../ipvs/claim.ts';
import type { Standings } from '../../ipvs/migrate.ts';
import { EMPTY_TABLE, union, type IpvsTable } from '../../ipvs/table.ts';
import type { CheckSockets } from '../../system/check-sockets.ts';
import { SystemError } from '../../system/error.ts';
import type { IpvsControl } from '../../system/ipvs.ts';
import type { ScriptRunner } from '../../system/script-runner.ts';
import type { System } from '../../system/system.ts';
import type { Log } from '../log/log.ts';
import { Network } from '../network.ts';
import type { Mailer } from '../notify/mail.ts';
import { refusedChange } from '../refused-change.ts';
import { scriptsOf } from '../scripts-of.ts';
import { FileTracker } from '../track-files.ts';
import { Balancer, type BalancerParts } from './balancer.ts';
import { type CheckEntry, CheckRunner } from './check-runner.ts';
import { Drain } from './drain.ts';
import type { FullnatStatus } from './fullnat/backend.ts';
import { Fullnat } from './fullnat/fullnat.ts';
import { ServiceNotes } from './fullnat/service-notes.ts';
import { GroupMarker } from './group-marker.ts';
import { IpvsJournal } from './ipvs-journal.ts';
import { IpvsKeeper } from './ipvs-keeper.ts';
import { LvsNotifier } from './lvs-notifier.ts';
import { hasServiceAddresses, ServiceAddresses } from './service-addresses.ts';
import { StandingsFile } from './standings-file.ts';
import { SyncDaemons, syncSettings } from './sync-daemons.ts';

export interface CheckDaemonParts {
  readonly system: Pick<System, 'clock' | 'scripts' | 'files' | 'routes' | 'filter' | 'iptables' | 'sysctls'>;
  readonly ipvs: IpvsControl;
  readonly sockets: CheckSockets;
  readonly log: Log;
  readonly mailer: Mailer;
  /** Hooks hear by it; returns at once. */
  readonly emit: BalancerParts['emit'];
  /** 0 ≤ x < 1, for the warmup of checkers. */
  readonly random?: () => number;
}

export interface CheckDaemonOptions {
  /** Where its journal is, and what identifies this boot and network namespace. */
  readonly journal: { readonly path: string; readonly epoch: string };
  /** -I: IPVS stays as it is at the stop. */
  readonly keepIpvs: boolean;
  readonly fullnat: 'auto' | 'kernel' | 'netfilter';
  /** The one before has died: IPVS and what was known of the servers are taken over. */
  readonly again: boolean;
}

/** How much is done in a turn. */
const STEPS = 50;
/** How long mails may take at the stop. */
const MAIL_GRACE = 1000;

export class CheckDaemon {
  readonly #parts: CheckDaemonParts;
  readonly #options: CheckDaemonOptions;
  readonly #scripts: ScriptRunner;
  readonly #network: Network;
  readonly #files: FileTracker;
  readonly #sessions = new Map<string, boolean>();
  readonly #keeper: IpvsKeeper;
  readonly #journal: IpvsJournal;
  readonly #standings: StandingsFile;
  readonly #notifier: LvsNotifier;
  readonly #balancer: Balancer;
  readonly #runner: CheckRunner;
  readonly #sync: SyncDaemons;
  readonly #fullnat: Fullnat;
  readonly #marker: GroupMarker;
  readonly #addresses: ServiceAddresses;
  readonly #notes: ServiceNotes;
  #config: Config;
  /** The configuration of IPVS with marks in the place of groups' addresses, where nftables_ipvs asks for them. */
  #marked: Config['ipvs'];
  /** What stands in the journal. */
  #claimed: IpvsTable = EMPTY_TABLE;
  #tls: CheckMeans['tls'] = null;
  #tlsOf: Config['ipvs']['ssl'] | undefined;
  #watchesNetwork = false;
  /** The start, then one reload after the other. */
  #changing: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | null = null;
  readonly #drain: Drain;

  constructor(config: Config, options: CheckDaemonOptions, parts: CheckDaemonParts) {
    const { system: { clock, files, routes, scripts }, ipvs, log, mailer, emit } = parts;
    this.#config = config;
    this.#marked = config.ipvs;
    this.#options = options;
    this.#parts = parts;
    this.#scripts = scriptsOf(scripts, () => this.#config);
    this.#network = new Network(routes, clock, log, (change) => {
      if (change.type === 'address-added' || change.type === 'address-removed') this.#runner.addressesChanged();
      this.#addresses.changed(change);
    });
    this.#files = new FileTracker(files, clock, log, (file) => { this.#runner.informed({ file }); });
    this.#keeper = new IpvsKeeper(ipvs, clock, log);
    this.#journal = new IpvsJournal(files, log, options.journal.path, options.journal.epoch);
    this.#standings = new StandingsFile(files, clock, log, `${options.journal.path}.standings`, options.journal.epoch);
    this.#notifier = new LvsNotifier(config, { scripts: this.#scripts, files, clock, log, mailer });
    this.#balancer = new Balancer({ clock, log, keeper: this.#keeper, notifier: this.#notifier, emit });
    this.#drain = new Drain(clock, log);
    this.#fullnat = new Fullnat({
      system: parts.system, ipvs, by: options.fullnat, log, journal: { path: `${options.journal.path}.fullnat`, epoch: options.journal.epoch },
      ready: () => {
        if (this.#stopping !== null) return;
        this.#rebalance();
        void this.#followQuorums();
      },
    });
    this.#marker = new GroupMarker({ filter: parts.system.filter, files, clock, log, journal: { path: `${options.journal.path}.marks`, epoch: options.journal.epoch } });
    this.#addresses = new ServiceAddresses({ network: this.#network, routes, clock, log, files, journal: { path: `${options.journal.path}.addresses`, epoch: options.journal.epoch } }, this.#keeper);
    this.#notes = new ServiceNotes(files, log, `${options.journal.path}.fullnat-services`, options.journal.epoch);
    this.#sync = new SyncDaemons(() => Promise.resolve(ipvs), log);
    this.#runner = new CheckRunner({
      number: (file) => this.#files.value(file),
      session: (name) => this.#sessions.get(name) ?? null,
      holds: (address) => this.#network.holds(address),
    }, log, parts.random ?? Math.random, (key, event) => {
      this.#balancer.event(key, event);
      this.#standings.save(this.#balancer.standings);
      void this.#followQuorums();
    });
  }

  get config(): Config {
    return this.#config;
  }

  get standings(): Standings {
    return this.#balancer.standings;
  }

  /** Of FULLNAT on a stock kernel. */
  get fullnat(): FullnatStatus | null {
    return this.#fullnat.status();
  }

  checkers(): CheckEntry[] {
    return this.#runner.entries();
  }

  /** Resolves when IPVS is as configured and checkers run. Rejects with SystemError when the kernel cannot be asked. */
  start(): Promise<void> {
    this.#changing = this.#start();
    return this.#changing;
  }

  async #start(): Promise<void> {
    const { log, ipvs } = this.#parts;
    const config = this.#config;
    log.info('Initializing ipvs');
    await this.#setTimeouts(null);
    await this.#beginSync();
    await this.#notifier.start();
    if (config.ipvs.flush && !this.#options.again) await this.#ask([{ op: 'flush' }]);
    await this.#keeper.start(await this.#journal.leftover());
    const kept = this.#options.again ? await this.#standings.load(config.ipvs.virtualServers) : new Map<string, never>();
    this.#marked = await this.#marker.apply(config.ipvs);
    this.#claimed = claimedTable(this.#marked);
    await this.#journal.claim(this.#claimed);
    log.detail(`IPVS: version ${(await ipvs.info()).version}`);
    await this.#prepare(config, await this.#addresses.begin(config.ipvs));
    if (this.#stopping !== null) return;
    await this.#fullnat.apply(this.#marked);
    this.#balancer.start(this.#served(), kept);
    this.#run();
    await this.#keeper.settled();
    await this.#followQuorums();
  }

  /** One at a time; once it stops, nothing is reloaded any more. */
  reload(config: Config): Promise<void> {
    const next = (): Promise<void> => this.#reload(config);
    this.#changing = this.#changing.then(next, next);
    return this.#changing;
  }

  async #reload(config: Config): Promise<void> {
    const { log } = this.#parts;
    if (this.#stopping !== null) return;
    log.info('Reloading');
    const refused = refusedChange(this.#config, config);
    if (refused !== null) return log.error(refused);
    const before = this.#config;
    this.#config = config;
    log.info('Reinitializing ipvs');
    await this.#setTimeouts(before);
    const sync = syncSettings(config, log);
    await this.#sync.become(sync?.instance === null ? sync : null, ['master', 'backup'], null);
    await this.#notifier.reload(config);
    // Until the old ones have gone, both are ours.
    this.#marked = await this.#marker.apply(config.ipvs);
    const claimed = claimedTable(this.#marked);
    this.#claimed = union(claimed, this.#claimed);
    await this.#journal.claim(this.#claimed);
    await this.#prepare(config);
    if (this.#stopping !== null) return;
    await this.#fullnat.apply(this.#marked);
    this.#rebalance();
    await this.#keeper.settled();
    await this.#followQuorums();
    this.#claimed = claimed;
    await this.#journal.claim(claimed);
    log.info('Reload complete');
  }

  /** A BFD session went up or down. */
  session(name: string, up: boolean): void {
    this.#sessions.set(name, up);
    this.#runner.informed({ session: name });
  }

  /**
   * Checks end at once; clients are sent elsewhere and IPVS serves on for drain_time; then it is cleared, unless it is to stay.
   * Calling it again waits for the same stop. `hasHeir`, asked after drain_time: has another process taken IPVS over meanwhile?
   */
  stop(hasHeir: () => boolean = () => false): Promise<void> {
    this.#stopping ??= this.#stop(hasHeir);
    return this.#stopping;
  }

  /** What is left of drain_time is not waited for. */
  hurry(): void {
    this.#drain.end();
  }

  async #stop(hasHeir: () => boolean): Promise<void> {
    this.#runner.stop();
    this.#files.close();
    // Whoever asked for it hears of its failure.
    await this.#changing.catch(() => undefined);
    // A start or a reload that was under way may have begun some.
    this.#runner.stop();
    this.#files.close();
    await this.#keeper.settled();
    if (!this.#options.keepIpvs) await this.#addresses.withdraw();
    const { drainTime } = this.#config.ipvs;
    const drains = !this.#options.keepIpvs && drainTime > 0 && this.#balancer.standings.size > 0;
    if (drains) {
      await this.#stepwise(this.#balancer.withdraw(false));
      await this.#drain.wait(drainTime);
    }
    const inherited = drains && hasHeir();
    await this.#clear(this.#options.keepIpvs || inherited);
    await this.#notifier.stop(MAIL_GRACE);
    if (!inherited) await this.#standings.clear();
  }

  async #clear(keep: boolean): Promise<void> {
    if (!keep && this.#balancer.standings.size > 0) await this.#flush();
    await this.#stepwise(this.#balancer.withdraw(keep));
    this.#balancer.stop(keep);
    await this.#keeper.settled();
    this.#keeper.close();
    await this.#fullnat.stop(keep);
    await this.#marker.stop(keep);
    await this.#addresses.close(keep);
    if (this.#watchesNetwork) this.#network.close();
    if (keep) return;
    await this.#sync.stop();
    await this.#notes.note(this.#config.ipvs, null);
    await this.#journal.clear();
  }

  /** Others of this process have their turn in between. */
  async #stepwise(steps: Iterator<void>): Promise<void> {
    const { clock } = this.#parts.system;
    for (let taken = 1; steps.next().done !== true; taken++) {
      if (taken % STEPS === 0) await new Promise<void>((resolve) => { clock.at(clock.now(), resolve); });
    }
  }

  /** The configuration as IPVS gets it. */
  #served(): Config {
    const ipvs = this.#fullnat.served(this.#marked);
    void this.#notes.note(this.#marked, ipvs);
    return { ...this.#config, ipvs };
  }

  #followQuorums(): Promise<void> {
    return this.#watchesNetwork ? this.#addresses.follow([...this.#balancer.standings.values()], this.#config.ipvs.groups) : Promise.resolve();
  }

  #rebalance(): void {
    this.#balancer.reload(this.#served());
    this.#run();
  }

  /** What must be known, and be there, before anybody can decide: client TLS, files, addresses. `leftover`: of addresses. */
  async #prepare({ ipvs, trackFiles }: Config, leftover = false): Promise<void> {
    const { system: { files }, log } = this.#parts;
    if (this.#tlsOf === undefined || JSON.stringify(ipvs.ssl) !== JSON.stringify(this.#tlsOf)) {
      const { context, problems } = await loadClientTls(ipvs.ssl, files);
      for (const problem of problems) log.warn(problem);
      this.#tls = context;
      this.#tlsOf = ipvs.ssl;
    }
    await this.#files.track(filesOf(ipvs.virtualServers, trackFiles));
    if (!this.#watchesNetwork && (leftover || hasServiceAddresses(ipvs) || ipvs.virtualServers.some(({ haSuspend }) => haSuspend))) {
      this.#watchesNetwork = true;
      await this.#network.start();
    }
    if (this.#watchesNetwork && this.#stopping === null) await this.#addresses.prepare(ipvs);
  }

  #run(): void {
    const { system: { clock }, sockets } = this.#parts;
    this.#files.keep(filesOf(this.#config.ipvs.virtualServers, this.#config.trackFiles));
    const services = new Map([...this.#balancer.standings].map(([key, { service }]) => [key, service]));
    this.#runner.run(services, { clock, sockets, scripts: this.#scripts, tls: this.#tls });
    this.#standings.save(this.#balancer.standings);
  }

  /** lvs_timeouts; what it does not name stays as it is. */
  async #setTimeouts(before: Config | null): Promise<void> {
    const { timeouts } = this.#config.ipvs;
    if (timeouts === null || JSON.stringify(timeouts) === JSON.stringify(before?.ipvs.timeouts)) return;
    const { tcp, tcpfin, udp } = timeouts;
    await this.#ask([{ op: 'set-timeouts', timeouts: { ...(tcp === null ? {} : { tcp }), ...(tcpfin === null ? {} : { tcpFin: tcpfin }), ...(udp === null ? {} : { udp }) } }]);
  }

  /** Without an instance to follow the sync daemons are this half's. */
  async #beginSync(): Promise<void> {
    const sync = syncSettings(this.#config, this.#parts.log);
    if (sync?.instance === null) await this.#sync.begin(sync, ['master', 'backup'], null);
  }

  /** lvs_flush_on_stop: the whole table at one stroke, or our services without a word about each of their servers. */
  async #flush(): Promise<void> {
    const { flushOnStop } = this.#config.ipvs;
    if (flushOnStop === 'all') await this.#ask([{ op: 'flush' }]);
    if (flushOnStop === 'ours') await this.#ask([...this.#keeper.wanted.values()].map(({ service }) => ({ op: 'delete-service', id: service.id })));
    if (flushOnStop !== null) this.#keeper.stale();
  }

  async #ask(operations: readonly IpvsOperation[]): Promise<void> {
    const { ipvs, log } = this.#parts;
    try {
      for (const problem of await ipvs.apply(operations)) if (problem !== null) log.error(`IPVS: ${problem.message}`);
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      log.error(`IPVS: ${cause.message}`);
    }
  }
}

/** The tracked files that a FILE_CHECK names. */
function filesOf(services: Config['ipvs']['virtualServers'], files: readonly TrackFile[]): TrackFile[] {
  const named = new Set(services.flatMap(({ realServers }) => realServers.flatMap(({ checkers }) => checkers.flatMap((checker) => (checker.type === 'FILE_CHECK' ? [checker.trackFile] : [])))));
  return files.filter(({ name }) => named.has(name));
}
