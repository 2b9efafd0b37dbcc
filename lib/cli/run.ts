/** The daemon's life: configuration, log, pid files, the machine, signals, and the way out. */
import { release, version as kernelVersion } from 'node:os';
import { dirname, resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { configTestExit, type Diagnostic, distinct, keepalivedLines, printDiagnostic, startFatal } from '../config/load.ts';
import type { Config } from '../config/model.ts';
import { Daemon } from '../daemon/daemon.ts';
import { startHookWorker } from '../daemon/hooks/worker.ts';
import { createHooks } from '../daemon/hooks/supervisor.ts';
import { CheckerSupervisor } from '../daemon/balance/supervisor.ts';
import type { DaemonLog } from '../daemon/log/create-log.ts';
import { ReloadSchedule, type ReloadTimeSettings } from '../daemon/reload-schedule.ts';
import { renderData } from '../daemon/report/data.ts';
import { createMailer } from '../daemon/notify/mail.ts';
import { linuxClock } from '../linux/clock.ts';
import { linuxIpvs } from '../linux/ipvs.ts';
import { type PidFile, takePidFile } from '../linux/pid-file.ts';
import type { NetlinkBuffers } from '../linux/netlink-routes.ts';
import { linuxSysctls } from '../linux/sysctls.ts';
import { linuxSystem } from '../linux/system.ts';
import { SystemError } from '../system/error.ts';
import type { Clock } from '../system/clock.ts';
import type { Millis } from '../util/time.ts';
import { isBackground, reportToForeground } from './background.ts';
import { dumpCore } from './core-dump.ts';
import { writeDump } from './dumps.ts';
import { testLines } from './config-test.ts';
import { journalOf } from './journal-place.ts';
import { load, type LoadRequest, loadInWorker } from './load.ts';
import { defaultConfigId } from './machine.ts';
import { currentNamespace, ipvsNamespace, leaveNamespace, type Namespace, origin, type Origin, startInNamespace } from './namespace.ts';
import { openLog } from './open-log.ts';
import { chosenParts } from './parts.ts';
import { identOf, makePidDirectory, placedPidFiles, removePidDirectory } from './pid-files.ts';
import { missingCapabilities } from './privileges.ts';
import { type ServiceManager, serviceManager } from './service-manager.ts';
import { needsVrrp } from '../vrrp/desired.ts';
import { appendVerdict, reloadMark, SavedConfigurations, whileMarked } from './reload-files.ts';
import type { Settings } from './settings.ts';
import { onSignals } from './signals.ts';
import { startCheckers } from './start-checkers.ts';
import { COMPATIBLE, VERSION } from './version.ts';

/** keepalived(8)'s exit codes of a daemon. */
const EXIT_OK = 0;
const EXIT_FATAL = 1;
const EXIT_CONFIG = 2;
const EXIT_PERMISSION = 4;
const IDENT = 'Keepalived_vrrp';
/** How long the log may take to reach its readers at the end. */
const LOG_GRACE = 500;
/** How long hooks may take for what they have heard. */
const HOOKS_GRACE = 1000;
/** All of a stop but the checking process. */
const STOP_GRACE: Millis = 10_000;

/** Runs until told to stop; resolves with the exit code. */
export async function runDaemon(settings: Settings, argv: readonly string[]): Promise<number> {
  // Code that has not run for days (a takeover's) stays compiled.
  setFlagsFromString('--no-flush-bytecode');
  const started = origin();
  const clock = linuxClock();
  const background = isBackground();
  const services = serviceManager(process.env, clock);
  const here = background ? inRoot(settings) : settings;
  const namespace = currentNamespace();
  const log = openLog(here, clock, { ident: IDENT, suffix: '' });
  const life = new Life(here, { ...started, argv, namespace }, clock, log, services);
  process.on('uncaughtException', (cause) => { life.bug(cause); });
  process.on('unhandledRejection', (cause) => { life.bug(cause); });
  const code = await life.run(() => { if (background) reportToForeground({ type: 'ready' }); });
  if (background && code !== EXIT_OK) reportToForeground({ type: 'failed', code, text: life.lastWords ?? `ended with ${code}` });
  await log.close(LOG_GRACE);
  services.close();
  if (namespace !== null) leaveNamespace(namespace);
  return code;
}

/** How this process came to be. */
interface Start extends Origin {
  readonly argv: readonly string[];
  readonly namespace: Namespace | null;
}

class Life {
  #settings: Settings;
  readonly #started: Start;
  readonly #clock: Clock;
  readonly #log: DaemonLog;
  readonly #services: ServiceManager;
  readonly #request: LoadRequest;
  #pidFiles: PidFile[] = [];
  readonly #saved: SavedConfigurations;
  #daemon: Daemon | null = null;
  #schedule: ReloadSchedule | null = null;
  #ending = false;
  #end: (code: number) => void = () => undefined;
  /** Why it could not start. */
  lastWords: string | null = null;

  constructor(settings: Settings, started: Start, clock: Clock, log: DaemonLog, services: ServiceManager) {
    this.#settings = settings;
    this.#started = started;
    this.#clock = clock;
    this.#log = log;
    this.#services = services;
    this.#saved = new SavedConfigurations(log, process.pid);
    this.#request = { path: settings.configFile, configId: settings.configId ?? defaultConfigId(), allConfigErrors: settings.allConfigErrors, dump: settings.dumpConfig, vrrp: true };
  }

  async run(ready: () => void): Promise<number> {
    const log = this.#log;
    const { argv, namespace } = this.#started;
    // The start before it went into the namespace said so.
    if (namespace === null) {
      log.info(`Starting tskeepalived v${VERSION} (as Keepalived v${COMPATIBLE})`);
      log.info(`Running on Linux ${release()} ${kernelVersion()}`);
      log.info(`Command line: ${argv.map((a) => `'${a}'`).join(' ')}`);
    }
    const missing = missingCapabilities();
    if (missing.length > 0) return this.#fail(EXIT_PERMISSION, `permission missing: ${missing.join(' and ')}; run as root, or with these capabilities`);
    if (namespace === null && this.#settings.namespace !== null) return this.#move(this.#settings.namespace);
    const { config: read, diagnostics, dump, files } = await load(this.#request);
    const wanted = read?.process.namespace ?? null;
    if (namespace === null && wanted !== null) return this.#move(wanted);
    this.#tell(read, diagnostics);
    const fatal = startFatal(diagnostics);
    if (read === null || fatal !== null) return this.#refused(fatal ?? EXIT_CONFIG, diagnostics);
    log.info(`Configuration file ${this.#settings.configFile}`);
    if (this.#settings.namespace !== null && wanted !== null) log.info(`Overriding config net_namespace '${wanted}' with command line namespace '${this.#settings.namespace}'`);
    this.#place(read);
    const config = chosenParts(read, this.#settings);
    for (const line of dump) log.info(line);
    process.umask(this.#settings.umask ?? config.global.umask);
    const taken = this.#takePidFiles(config);
    if (taken !== null) return this.#fail(EXIT_FATAL, taken);
    const restore = await dumpCore(this.#settings.coreDump, linuxSysctls(), log);
    await this.#saved.read(config.settings.config_save_dir, files);
    try {
      return await this.#live(config, ready);
    } finally {
      await restore();
      for (const file of this.#pidFiles) file.remove();
      removePidDirectory(this.#settings.pidFile);
      log.info(`Stopped tskeepalived v${VERSION}`);
    }
  }

  /** Into the namespace, by starting again in it: comes back only when that fails. */
  #move(name: string): number {
    this.#log.flushNow();
    try {
      startInNamespace(name, this.#started.argv.slice(1), this.#started);
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      this.#log.error(cause.operation === 'open' ? `Failed to open ${cause.object}: ${cause.code}` : `${cause.message}; it takes CAP_SYS_ADMIN, and of a systemd unit RestrictNamespaces=no`);
      return this.#fail(cause.code === 'EPERM' ? EXIT_PERMISSION : EXIT_FATAL, `Unable to set network namespace ${name} - exiting`);
    }
  }

  /** Pid files and the log's name, which depend on the configuration. */
  #place({ process: { instance, usePidDir } }: Config): void {
    const namespace = this.#started.namespace?.name ?? null;
    this.#settings = { ...placedPidFiles(this.#settings, { instance, usePidDir }, namespace), outside: this.#started.namespace?.outside ?? null };
    const ident = identOf(IDENT, instance, namespace);
    if (ident === IDENT) return;
    this.#log.info(`Changing syslog ident to ${ident}`);
    this.#log.rename(ident);
  }

  async #live(config: Config, ready: () => void): Promise<number> {
    const log = this.#log;
    const over = new Promise<number>((resolve) => { this.#end = resolve; });
    const hooks = createHooks({ clock: this.#clock, log, startWorker: startHookWorker });
    let system: ReturnType<typeof linuxSystem>;
    try {
      system = linuxSystem((cause) => { this.bug(cause); }, netlinkBuffers(config));
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      return this.#fail(cause.code === 'EPERM' || cause.code === 'EACCES' ? EXIT_PERMISSION : EXIT_FATAL, cause.message);
    }
    const balance = new CheckerSupervisor({ always: this.#settings.checkers && this.#settings.everyPart, respawn: this.#settings.respawn }, {
      clock: this.#clock, log, start: startCheckers(this.#settings, (fork) => system.scheduling.asStarted(fork)), hooks, over: (code) => { this.#stop(code); },
    });
    const daemon = new Daemon(config, {
      version: VERSION, logAddresses: this.#settings.addressMonitoring, keepAddresses: this.#settings.keepAddresses, releaseForeign: this.#settings.releaseVips, journal: journalOf(this.#settings.pidFile), bfd: this.#settings.bfd,
    }, { system, log, mailer: createMailer(log), hooks, balance, ...(this.#settings.vrrp ? { ipvs: () => linuxIpvs({ namespace: ipvsNamespace(config, this.#settings.outside) }) } : {}) });
    this.#daemon = daemon;
    const unsignal = onSignals({
      stop: (name) => { if (name !== 'SIGINT' || !this.#settings.ignoreInterrupt) this.#stop(); },
      reload: () => { this.#reload(hooks); },
      data: () => {
        balance.dump('data');
        void writeDump('data', daemon, system.files, log);
      },
      stats: () => { void writeDump('stats', daemon, system.files, log); },
      clearStats: () => { void writeDump('stats', daemon, system.files, log).then(() => { daemon.vrrp.clearCounters(); }); },
      json: () => {
        balance.dump('json');
        void writeDump('json', daemon, system.files, log);
      },
    });
    try {
      const file = this.#hooksFile(config);
      // A file that cannot be used is said, and the daemon goes on without: failover comes before observers.
      // Events wait in its queue until it is loaded.
      if (file !== null) void hooks.load(file);
      await daemon.start();
      this.#schedule = new ReloadSchedule(system.files, this.#clock, log, () => { this.#reload(hooks); });
      this.#schedule.configure(reloadTimes(config));
      this.#services.ready(`${config.instances.length} VRRP instances`);
      ready();
      return await over;
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      return this.#fail(cause.code === 'EPERM' ? EXIT_PERMISSION : EXIT_FATAL, cause.message);
    } finally {
      this.#schedule?.close();
      await daemon.stop();
      await hooks.stop(HOOKS_GRACE);
      unsignal();
      system.close();
    }
  }

  #stop(code = EXIT_OK): void {
    if (this.#ending) {
      this.#daemon?.hurry();
      return;
    }
    this.#ending = true;
    this.#log.info('Stopping');
    this.#services.stopping(this.#stopLimit());
    this.#end(code);
  }

  /** What the service manager must grant beyond its own limit: a draining checking process, and the rest of the stop. */
  #stopLimit(): Millis {
    const config = this.#daemon?.config;
    return config === undefined || config.ipvs.drainTime === 0 ? 0 : config.ipvs.drainTime + config.process.childWait + STOP_GRACE;
  }

  /** One at a time; a signal during a reload asks for one more. */
  #reloading = false;
  #again = false;
  #reload(hooks: ReturnType<typeof createHooks>): void {
    if (this.#ending) return;
    if (this.#reloading) {
      if (!this.#again) this.#log.info('Reload already in progress, request queued');
      this.#again = true;
      return;
    }
    this.#reloading = true;
    this.#services.reloading();
    this.#reloadOnce(hooks)
      .catch((cause: unknown) => { this.#log.error(`Reload failed, the old configuration goes on: ${String(cause)}`); })
      .finally(() => {
        this.#reloading = false;
        this.#services.ready(`${this.#daemon?.config.instances.length ?? 0} VRRP instances`);
        if (!this.#again) return;
        this.#again = false;
        this.#reload(hooks);
      });
  }

  async #reloadOnce(hooks: ReturnType<typeof createHooks>): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === null) return;
    const { settings } = daemon.config;
    const validated = settings.reload_check_config !== undefined;
    this.#log.info(validated ? 'validate conf before Reload' : 'Reloading ...');
    const { config: read, diagnostics, dump, files } = await whileMarked(reloadMark(settings, this.#settings.pidFile), this.#log, () => loadInWorker(this.#request));
    if (this.#ending) return;
    if (validated && configTestExit(diagnostics) !== 0) return this.#invalid(settings.reload_check_config ?? null, diagnostics);
    if (validated) this.#log.info('Reloading ...');
    this.#tell(read, diagnostics);
    if (read === null || startFatal(diagnostics) !== null) {
      this.#log.error(`Configuration file ${this.#settings.configFile} cannot be used, the old configuration goes on`);
      return;
    }
    const config = chosenParts(read, this.#settings);
    for (const line of dump) this.#log.info(line);
    void hooks.load(this.#hooksFile(config));
    await this.#saved.dump(config.settings.config_save_dir, 'pre', renderData(daemon.status()));
    await this.#saved.read(config.settings.config_save_dir, files);
    await daemon.reload(config);
    await this.#saved.dump(config.settings.config_save_dir, 'post', renderData(daemon.status()));
    this.#schedule?.configure(reloadTimes(daemon.config));
    // VRRP's pid file comes with the first instance.
    const taken = this.#takePidFiles(config);
    if (taken !== null) this.#log.error(taken);
  }

  /** reload_check_config: what a configuration test would have ended with keeps the old configuration. */
  async #invalid(file: string | null, diagnostics: readonly Diagnostic[]): Promise<void> {
    const lines = testLines(diagnostics);
    this.#log.error(file === null ? 'New config failed validation' : `New config failed validation, see ${file} for details`);
    if (file !== null) await appendVerdict(file, lines, this.#log);
    else for (const line of lines) this.#log.warn(line);
  }

  /** A bug: said, then the addresses are given up in good order, then systemd starts us again. */
  bug(cause: unknown): void {
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    this.#log.error(`internal error, stopping: ${text}`);
    this.#log.flushNow();
    if (this.#ending) process.exit(EXIT_FATAL);
    this.#ending = true;
    this.#services.stopping(this.#stopLimit());
    this.#end(EXIT_FATAL);
  }

  /** Relative in the configuration: to its directory; on the command line: to where we were started. */
  #hooksFile(config: Config): string | null {
    if (this.#settings.hooks !== null) return resolve(this.#settings.hooks);
    return config.global.hooks === null ? null : resolve(dirname(this.#settings.configFile), config.global.hooks);
  }

  #tell(config: Config | null, diagnostics: readonly Diagnostic[]): void {
    const vrrp = (config !== null && needsVrrp(config)) || diagnostics.some((d) => d.pass === 'vrrp' && d.startExit !== null);
    const several = new Set(diagnostics.map((d) => d.range?.file)).size > 1;
    for (const line of keepalivedLines(diagnostics, several, vrrp ? ['parent', 'vrrp'] : ['parent'])) this.#log.warn(line);
    for (const d of diagnostics) {
      if (d.wording !== null) continue;
      const place = d.range === null ? '' : `${d.range.file}:${d.range.line}:${d.range.column}: `;
      this.#log.warn(`${place}${d.message}${d.remedy === null ? '' : ` (${d.remedy})`}`, { code: d.code });
    }
  }

  /** The log has keepalived's words; whoever started us in the background reads ours, with places and remedies. */
  #refused(code: number, diagnostics: readonly Diagnostic[]): number {
    if (code === EXIT_CONFIG) this.#log.error(`pid ${process.pid} exited with permanent error CONFIG. Terminating`);
    // keepalived only names the file that it misses; whoever reads the log at night wants to know why.
    else for (const d of distinct(diagnostics)) if (d.startExit === code) this.#log.error(d.remedy === null ? d.message : `${d.message}; ${d.remedy}`);
    this.#log.info(`For places and remedies: tskeepalived --config-test --use-file ${this.#settings.configFile}`);
    this.lastWords = ['not started:', ...distinct(diagnostics).filter((d) => d.severity === 'error').map(printDiagnostic)].join('\n');
    return code;
  }

  #fail(code: number, text: string): number {
    this.lastWords = text;
    this.#log.error(text);
    return code;
  }

  /** null, or why not. */
  #takePidFiles(config: Config): string | null {
    const held = new Set(this.#pidFiles.map((file) => file.path));
    const { pidFile, vrrpPidFile, bfdPidFile, bfd, vrrp, everyPart } = this.#settings;
    const all = everyPart && vrrp;
    const paths = [pidFile, ...(all || needsVrrp(config) ? [vrrpPidFile] : []), ...(bfd && (everyPart || config.bfd.length > 0) ? [bfdPidFile] : [])].filter((path) => !held.has(path));
    for (const path of paths) {
      try {
        makePidDirectory(path);
        this.#pidFiles.push(takePidFile(path, process.pid));
      } catch (cause) {
        if (held.size === 0) for (const file of this.#pidFiles.splice(0)) file.remove();
        if (!(cause instanceof SystemError)) throw cause;
        return cause.code === 'EAGAIN' ? `daemon is already running (pid file ${path})` : `pid file ${path} cannot be written: ${cause.code}`;
      }
    }
    return null;
  }
}

/** vrrp_netlink_cmd_rcv_bufs, vrrp_netlink_monitor_rcv_bufs: from the start on. */
function netlinkBuffers({ settings }: Config): NetlinkBuffers {
  const { vrrp_netlink_cmd_rcv_bufs: command = 0, vrrp_netlink_monitor_rcv_bufs: monitor = 0 } = settings;
  return {
    ...(command === 0 ? {} : { commandBuffer: { bytes: command, force: settings.vrrp_netlink_cmd_rcv_bufs_force ?? false } }),
    ...(monitor === 0 ? {} : { monitorBuffer: { bytes: monitor, force: settings.vrrp_netlink_monitor_rcv_bufs_force ?? false } }),
  };
}

function reloadTimes({ settings }: Config): ReloadTimeSettings | null {
  const { reload_time_file: file } = settings;
  return file === undefined ? null : { file, repeat: settings.reload_repeat ?? false };
}

/** Detached from the directory it was started in and from its terminal; the configuration's path stays good. */
function inRoot(settings: Settings): Settings {
  const configFile = resolve(settings.configFile);
  const hooks = settings.hooks === null ? null : resolve(settings.hooks);
  process.chdir('/');
  return { ...settings, configFile, hooks, console: false };
}
