/** The room that knows everybody: start, reload, stop. */
import type { Config, ScriptCommand, SyncGroup, VrrpInstance } from '../config/model.ts';
import type { RunningScript, ScriptResult, ScriptRunner } from '../system/script-runner.ts';
import { SystemError } from '../system/error.ts';
import type { IpvsControl } from '../system/ipvs.ts';
import type { System } from '../system/system.ts';
import type { Millis } from '../util/time.ts';
import type { StateName } from '../vrrp/state.ts';
import type { HookState } from './hooks/types.ts';
import type { HooksService } from './hooks/supervisor.ts';
import { Journal, type Leftovers } from './journal.ts';
import { routingText } from './report/routing-text.ts';
import { LocalIgmp } from './local-igmp.ts';
import type { Log } from './log/log.ts';
import { Network, type NetworkChange } from './network.ts';
import type { NotifyState } from './notify/events.ts';
import type { Balance } from './balance/supervisor.ts';
import { SyncFollower } from './balance/sync-follower.ts';
import { BfdService } from './bfd-service.ts';
import { createNotifier, type Notifier } from './notify/notifier.ts';
import type { Mailer } from './notify/mail.ts';
import { refusedChange } from './refused-change.ts';
import { needsVrrp } from '../vrrp/desired.ts';
import { AutoPriority } from './auto-priority.ts';
import type { VrrpOptions } from './performer.ts';
import { PromoteSecondaries } from './promote-secondaries.ts';
import { runAs } from './run-as.ts';
import { scriptsOf } from './scripts-of.ts';
import { VmacKeeper } from './vmac-keeper.ts';
import { Scheduler, vrrpScheduling } from './scheduling.ts';
import { snapshot } from './snapshot.ts';
import type { Status } from './status.ts';
import { Trackers } from './trackers.ts';
import { VrrpService } from './vrrp-service.ts';

export interface DaemonOptions extends VrrpOptions {
  /** Where the journal of this daemon is, and what identifies this boot and network namespace. */
  readonly version: string;
  /** -a: every change of an address is logged. */
  readonly logAddresses: boolean;
  readonly journal: { readonly path: string; readonly epoch: string };
  /** false: bfd_instance blocks are read, and no session runs (-B). */
  readonly bfd?: boolean;
}

export interface DaemonParts {
  readonly system: System;
  readonly log: Log;
  readonly mailer: Mailer;
  readonly hooks: Pick<HooksService, 'emit'>;
  /** 0 ≤ x < 1 for jitter and discriminators of BFD; Math.random unless a test has its own. */
  readonly random?: () => number;
  /** The load-balancing half, which runs elsewhere. */
  readonly balance?: Balance;
  /** IPVS, for lvs_sync_daemon; opened when it is needed. */
  readonly ipvs?: () => Promise<IpvsControl>;
}

/** keepalived waits about this long after its farewells. */
const LINGER: Millis = 1000;

export class Daemon {
  readonly #parts: DaemonParts;
  readonly #options: DaemonOptions;
  readonly #network: Network;
  readonly #trackers: Trackers;
  readonly #vrrp: VrrpService;
  readonly #bfd: BfdService;
  readonly #journal: Journal;
  readonly #promote: PromoteSecondaries;
  readonly #igmp: LocalIgmp;
  readonly #vmacs: VmacKeeper;
  readonly #notifier: Notifier;
  readonly #sync: SyncFollower | null;
  readonly #scheduler: Scheduler;
  readonly #autoPriority: AutoPriority;
  #config: Config;
  /** What each group was last said to be. */
  readonly #groups = new Map<string, HookState>();
  readonly #startedAt: number;
  readonly #scripts: ScriptRunner;
  #stopping: Promise<void> | null = null;
  /** The start, then one reload after the other. */
  #changing: Promise<void> = Promise.resolve();
  #startupScript: RunningScript | null = null;
  /** When VRRP began, which vrrp_startup_delay counts from. */
  #begunAt: Millis = 0;

  constructor(config: Config, options: DaemonOptions, parts: DaemonParts) {
    const { system, log } = parts;
    this.#parts = parts;
    this.#options = options;
    this.#startedAt = system.clock.wall();
    this.#scripts = scriptsOf(system.scripts, () => this.#config);
    this.#config = config;
    this.#network = new Network(system.routes, system.clock, log, (change) => {
      if (options.logAddresses) logAddress(change, log);
      this.#vrrp.networkChanged(change);
      this.#vmacs.networkChanged(change);
      if (change.type === 'link-added') void this.#promote.linkAdded(change.name);
    });
    const result = (kind: 'script' | 'process' | 'bfd', name: string, up: boolean, detail: string): void => {
      parts.hooks.emit('onTrackerResult', { kind, name, up, detail, time: system.clock.wall() });
    };
    this.#trackers = new Trackers({ ...system, scripts: this.#scripts }, log, {
      changed: (kind, name) => { this.#vrrp.trackedChanged(kind, name); },
      script: (name, { verdict, last }) => { result('script', name, verdict === 'up', last ?? ''); },
      process: (name, { verdict, count }) => { result('process', name, verdict === 'up', `${count} processes`); },
      bfd: (name, up) => { result('bfd', name, up, ''); },
    });
    this.#scheduler = new Scheduler(system.scheduling, log);
    this.#autoPriority = new AutoPriority(this.#scheduler, system.clock, log);
    this.#vrrp = new VrrpService({ ...system, clock: this.#autoPriority.watched() }, log, this.#network, {
      instance: (instance, from, to, priority, reason) => { this.#instance(instance, from, to, priority, reason); },
      group: (group, to) => { this.#group(group, to); },
      lowerPriorityHeard: (instance, priority) => {
        this.#notifier.notify({ type: 'lower-priority-received', name: instance.name, priority, script: instance.notify.masterRxLowerPri });
      },
      priorityChanged: (instance, state, priority) => {
        if (instance.notifyPriorityChanges) this.#notifier.notify({ type: 'priority-changed', name: instance.name, state, priority });
      },
    }, this.#trackers, options);
    this.#bfd = new BfdService(system, log, {
      vrrp: (name, up) => { this.#trackers.sessions.set(name, up); },
      checker: (name, up) => { parts.balance?.session(name, up); },
    }, parts.random ?? Math.random);
    this.#promote = new PromoteSecondaries(system.sysctls, log);
    this.#igmp = new LocalIgmp(system.sysctls, log);
    this.#vmacs = new VmacKeeper(system, this.#network, log);
    this.#journal = new Journal(system.files, log, options.journal.path, options.journal.epoch);
    this.#sync = parts.ipvs === undefined ? null : new SyncFollower(parts.ipvs, log);
    this.#notifier = createNotifier(config.global, { scripts: this.#scripts, files: system.files, clock: system.clock, log, mailer: parts.mailer });
  }

  get config(): Config {
    return this.#config;
  }

  get network(): Network {
    return this.#network;
  }

  /** What is tracked; BFD sessions are told to `trackers.sessions`. */
  get trackers(): Trackers {
    return this.#trackers;
  }

  get vrrp(): VrrpService {
    return this.#vrrp;
  }

  /** What every report renders. */
  status(): Status {
    return snapshot({
      version: this.#options.version, startedAt: this.#startedAt, config: this.#config, clock: this.#parts.system.clock,
      network: this.#network, trackers: this.#trackers, vrrp: this.#vrrp, bfd: this.#bfd, sysctls: new Map([...this.#promote.found, ...this.#vmacs.found]),
    });
  }

  /** Resolves when VRRP is running. Rejects with SystemError when the kernel refuses what is needed. */
  start(): Promise<void> {
    this.#changing = this.#start();
    return this.#changing;
  }

  /** A stop that comes in between ends it at its next step. */
  async #start(): Promise<void> {
    const { system, log, hooks } = this.#parts;
    this.#autoPriority.configure(this.#config.settings);
    this.#autoPriority.advise();
    if (this.#config.global.startupScript !== null) await this.#runOnce('startup', this.#config.global.startupScript);
    if (this.#stopping !== null) return;
    this.#parts.balance?.start(this.#config);
    this.#sync?.begin(this.#config);
    await this.#network.start();
    await this.#notifier.start();
    if (needsVrrp(this.#config)) {
      this.#config = this.#vmacs.plan(this.#config, await this.#journal.links());
      const leftovers = await this.#journal.leftovers(this.#network, this.#config);
      if (this.#stopping !== null) return;
      tellLeftovers(leftovers, log);
      this.#vrrp.sweep(leftovers);
      await this.#vrrp.filter.sweep(await this.#journal.tables());
      const left = await this.#journal.sysctls();
      const found = [...await this.#promote.prepare(this.#config, only(left, PROMOTE)), ...await this.#igmp.prepare(this.#config, left), ...await this.#vmacs.prepare(left)];
      await this.#journal.claim(this.#config, new Map(found), this.#vmacs.names);
      await this.#promote.apply();
      await this.#promote.release();
      await this.#igmp.apply();
      await this.#vrrp.filter.prepare(this.#config);
      await this.#vmacs.release();
      await this.#vmacs.make();
    }
    if (this.#stopping !== null) return;
    await Promise.all([this.#trackers.prepare(this.#config), this.#vrrp.links.prepare(this.#config)]);
    const delay = await this.#startDelay(this.#config);
    if (this.#stopping !== null) return;
    this.#schedule();
    this.#trackers.run(this.#config);
    this.#bfd.run(this.#sessions());
    this.#vrrp.start(this.#config, delay);
    log.info('Startup complete');
    hooks.emit('onStart', { version: this.#options.version, routerId: this.#config.global.routerId, instances: names(this.#config), time: system.clock.wall() });
  }

  /** One at a time; once the daemon stops, nothing is reloaded any more. */
  reload(config: Config): Promise<void> {
    const next = (): Promise<void> => this.#reload(config);
    this.#changing = this.#changing.then(next, next);
    return this.#changing;
  }

  async #reload(read: Config): Promise<void> {
    const { system, log, hooks } = this.#parts;
    if (this.#stopping !== null) return;
    log.info('Reloading');
    const refused = refusedChange(this.#config, read);
    if (refused !== null) return log.error(refused);
    this.#parts.balance?.reload(read);
    const config = needsVrrp(read) || needsVrrp(this.#config) ? this.#vmacs.plan(read, new Set()) : read;
    this.#config = config;
    if (needsVrrp(config)) {
      const found = [...await this.#promote.prepare(config, new Map()), ...this.#igmp.found, ...await this.#vmacs.prepare(new Map())];
      await this.#journal.claim(config, new Map(found), this.#vmacs.names);
      await this.#promote.apply();
      await this.#igmp.apply();
      await this.#vrrp.filter.prepare(config);
      await this.#vmacs.make();
    }
    await this.#notifier.reload(config.global);
    if (this.#stopping !== null) return;
    await Promise.all([this.#trackers.prepare(config), this.#vrrp.links.prepare(config)]);
    const bootDelayEnd = await this.#bootDelayEnd(config);
    if (this.#stopping !== null) return;
    this.#schedule();
    this.#trackers.run(config);
    this.#bfd.run(this.#sessions());
    this.#vrrp.reload(config);
    this.#bfd.settle();
    this.#sync?.reload(config);
    await this.#promote.release();
    await this.#vmacs.release();
    await this.#vmacs.make();
    this.#vrrp.delayUntil(this.#begunAt + config.global.startupDelay, bootDelayEnd);
    if (config.settings.fifo_write_vrrp_states_on_reload === true) this.#tellStates();
    log.info('Reload complete');
    hooks.emit('onReload', { instances: names(config), time: system.clock.wall() });
  }

  /** Farewells at once; then scripts of STOP, mails and hooks get a second. Calling it again waits for the same stop. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** What is left of drain_time is not waited for. */
  hurry(): void {
    this.#parts.balance?.hurry();
  }

  async #stop(): Promise<void> {
    const { system, hooks } = this.#parts;
    this.#vmacs.stop();
    this.#autoPriority.close();
    this.#vrrp.stop();
    const balanced = this.#parts.balance?.stop();
    const unsynced = this.#sync?.stop();
    this.#bfd.close();
    this.#startupScript?.stop();
    this.#trackers.close();
    this.#network.close();
    hooks.emit('onStop', { time: system.clock.wall() });
    const linger = !needsVrrp(this.#config) ? Promise.resolve() : new Promise<void>((resolve) => system.clock.at(system.clock.now() + LINGER, resolve));
    const closed = (): Promise<void> => this.#notifier.stop();
    await Promise.all([linger, unsynced, this.#changing.then(closed, closed)]);
    this.#vrrp.close();
    if (!this.#options.keepAddresses) {
      await this.#vmacs.remove();
      await this.#promote.restore();
      await this.#igmp.restore();
      await this.#journal.clear();
    }
    // It may take its drain_time; all of VRRP is over before.
    await balanced;
    if (this.#config.global.shutdownScript !== null) await this.#runOnce('shutdown', this.#config.global.shutdownScript);
  }

  /** Real-time and other priorities, as this process is to have them. */
  #schedule(): void {
    this.#autoPriority.configure(this.#config.settings);
    this.#scheduler.apply(vrrpScheduling(this.#config, this.#options.bfd !== false));
  }

  #sessions(): Config['bfd'] {
    return this.#options.bfd === false ? [] : this.#config.bfd;
  }

  #instance(instance: VrrpInstance, from: StateName, to: StateName | 'Stop' | 'Deleted', priority: number, reason: string): void {
    this.#sync?.transition(instance.name, to === 'Master');
    const state = notifyState(to);
    if (state === null) return;
    this.#notifier.notify({ type: 'transition', kind: 'INSTANCE', name: instance.name, state, priority, scripts: instance.notify, smtpAlert: instance.smtpAlert });
    const { hooks, system } = this.#parts;
    hooks.emit('onTransition', { kind: 'INSTANCE', name: instance.name, from: notifyState(from) ?? 'INIT', to: state, priority, reason, time: system.clock.wall() });
  }

  #group(group: SyncGroup, to: StateName | 'Stop'): void {
    const state = notifyState(to);
    if (state === null) return;
    this.#notifier.notify({ type: 'transition', kind: 'GROUP', name: group.name, state, priority: 0, scripts: group.notify, smtpAlert: group.smtpAlert });
    const { hooks, system } = this.#parts;
    hooks.emit('onTransition', { kind: 'GROUP', name: group.name, from: this.#groups.get(group.name) ?? 'INIT', to: state, priority: 0, reason: 'its instances changed', time: system.clock.wall() });
    this.#groups.set(group.name, state);
  }

  /** vrrp_startup_delay, or what is left of vrrp_delay_after_boot if that is more. */
  async #startDelay(config: Config): Promise<Millis> {
    this.#begunAt = this.#parts.system.clock.now();
    return Math.max(config.global.startupDelay, (await this.#bootDelayEnd(config)) - this.#begunAt);
  }

  /** When vrrp_delay_after_boot is over, by the monotonic clock; -Infinity without one. */
  async #bootDelayEnd({ settings }: Config): Promise<Millis> {
    const delay = settings.vrrp_delay_after_boot ?? 0;
    if (delay === 0) return -Infinity;
    const { clock, files } = this.#parts.system;
    try {
      const uptime = parseFloat(new TextDecoder().decode(await files.read('/proc/uptime', 64)));
      if (Number.isFinite(uptime)) return clock.now() + delay - uptime * 1000;
      this.#parts.log.warn('/proc/uptime has no number: vrrp_delay_after_boot counts from now');
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      this.#parts.log.warn(`/proc/uptime cannot be read (${cause.code}): vrrp_delay_after_boot counts from now`);
    }
    return clock.now() + delay;
  }

  /** fifo_write_vrrp_states_on_reload: where everybody is, for the FIFOs alone. */
  #tellStates(): void {
    const { instances, groups } = this.status();
    for (const { config, state, priority } of instances) if (state !== 'INIT') this.#notifier.repeat('INSTANCE', config.name, state, priority);
    for (const { config, state } of groups) if (state !== 'INIT') this.#notifier.repeat('GROUP', config.name, state, 0);
  }

  async #runOnce(which: string, script: ScriptCommand & { readonly timeout: Millis }): Promise<void> {
    const { argv, account } = script;
    this.#parts.log.info(`Running ${which} script ${argv[0] ?? ''}`);
    const running = this.#scripts.run(argv, { timeout: script.timeout, ...runAs(account) });
    if (which === 'startup') this.#startupScript = running;
    const result = await running.result;
    if (which === 'startup') this.#startupScript = null;
    const problem = scriptProblem(result);
    if (problem !== null) this.#parts.log.warn(`${which} script ${problem}`);
    // keepalived's words.
    else this.#parts.log.info(`${which} script script succeeded`);
  }
}

function logAddress(change: NetworkChange, log: Log): void {
  if (change.type === 'address-added') log.info(`Assigned address ${change.address.prefix.address} for interface ${change.link}`);
  if (change.type === 'address-removed') log.info(`Deassigned address ${change.address.prefix.address} from interface ${change.link}`);
}

function tellLeftovers({ addresses, routing }: Leftovers, log: Log): void {
  if (addresses.length > 0) log.info(`removing ${addresses.length} addresses that an earlier run left behind: ${addresses.map((a) => a.prefix.address).join(', ')}`);
  if (routing.length > 0) log.info(`removing ${routing.length} routes and rules that an earlier run left behind: ${routing.map(routingText).join(', ')}`);
}

function names(config: Config): string[] {
  return config.instances.map((i) => i.name);
}

function scriptProblem(result: ScriptResult): string | null {
  switch (result.type) {
    case 'exited':
      return result.status === 0 ? null : `script failed, status ${result.status}`;
    case 'signalled':
      return `script was ended by ${result.signal}`;
    case 'timed-out':
      return 'timed out';
    case 'failed':
      return `could not be run: ${result.reason}`;
  }
}

function notifyState(to: StateName | 'Stop' | 'Deleted'): NotifyState | null {
  switch (to) {
    case 'Master':
      return 'MASTER';
    case 'Backup':
      return 'BACKUP';
    case 'Fault':
      return 'FAULT';
    case 'Stop':
      return 'STOP';
    case 'Deleted':
      return 'DELETED';
    case 'Initialize':
      return null;
  }
}

const PROMOTE = '/promote_secondaries';

function only(values: ReadonlyMap<string, string>, ending: string): ReadonlyMap<string, string> {
  return new Map([...values].filter(([path]) => path.endsWith(ending)));
}
