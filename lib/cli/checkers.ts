/** The checking process' life: configuration, log, pid file, IPVS, signals and the daemon's messages, and the way out. */
import type { Config } from '../config/model.ts';
import { keepalivedLines, startFatal, type Diagnostic } from '../config/load.ts';
import { CheckDaemon } from '../daemon/balance/check-daemon.ts';
import type { FromChecker, ToChecker } from '../daemon/balance/checker-messages.ts';
import { EventRelay } from '../daemon/balance/event-relay.ts';
import type { DaemonLog } from '../daemon/log/create-log.ts';
import { checkerScheduling, Scheduler } from '../daemon/scheduling.ts';
import { createMailer } from '../daemon/notify/mail.ts';
import { linuxCheckSystem, type LinuxCheckSystem } from '../linux/check-system.ts';
import { linuxClock } from '../linux/clock.ts';
import { linuxIpvs } from '../linux/ipvs.ts';
import { type PidFile, takePidFile } from '../linux/pid-file.ts';
import { SystemError } from '../system/error.ts';
import type { IpvsControl } from '../system/ipvs.ts';
import { writeCheckerDump } from './dumps.ts';
import { journalOf } from './journal-place.ts';
import { load, type LoadRequest, loadInWorker } from './load.ts';
import { defaultConfigId } from './machine.ts';
import { ipvsNamespace } from './namespace.ts';
import { openLog } from './open-log.ts';
import { chosenParts } from './parts.ts';
import { identOf } from './pid-files.ts';
import { onSignals } from './signals.ts';
import { checkerStart, type CheckerStart } from './start-checkers.ts';

const IDENT = 'Keepalived_healthcheckers';
const EXIT_OK = 0;
const EXIT_FATAL = 1;
const EXIT_CONFIG = 2;
const EXIT_PERMISSION = 4;
/** An internal inconsistency: the daemon starts another one. */
const EXIT_BUG = 70;
const LOG_GRACE = 500;
/** How often the daemon hears that this process works at its stop; child_wait_time is whole seconds. */
const SIGN_OF_LIFE = 500;

/** Runs until told to stop, or the daemon is gone; resolves with the exit code. */
export async function runCheckers(): Promise<number> {
  const start = checkerStart();
  const clock = linuxClock();
  const log = openLog(start.settings, clock, { ident: IDENT, suffix: '_healthcheckers' });
  const bug = (cause: unknown): void => {
    // IPVS stays as it is, for the next one to find.
    log.error(`internal error in the checking process: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`);
    log.flushNow();
    process.exit(EXIT_BUG);
  };
  process.on('uncaughtException', bug);
  process.on('unhandledRejection', bug);
  const code = await new CheckerLife(start, log, bug).run();
  await log.close(LOG_GRACE);
  return code;
}

class CheckerLife {
  readonly #start: CheckerStart;
  readonly #log: DaemonLog;
  readonly #bug: (cause: unknown) => void;
  readonly #request: LoadRequest;
  #daemon: CheckDaemon | null = null;
  #system: LinuxCheckSystem | null = null;
  #scheduler: Scheduler | null = null;
  #ending = false;
  #pidFile: PidFile | null = null;
  /** The daemon has died: another one may be started at any time. */
  #orphaned = false;
  #end: () => void = () => undefined;

  constructor(start: CheckerStart, log: DaemonLog, bug: (cause: unknown) => void) {
    this.#start = start;
    this.#log = log;
    this.#bug = bug;
    const { configFile, configId, allConfigErrors } = start.settings;
    this.#request = { path: configFile, configId: configId ?? defaultConfigId(), allConfigErrors };
  }

  async run(): Promise<number> {
    const over = new Promise<void>((resolve) => { this.#end = resolve; });
    const unsignal = this.#listen();
    try {
      const { config: read, diagnostics } = await load(this.#request);
      this.#tell(diagnostics);
      if (read === null || startFatal(diagnostics) !== null) return startFatal(diagnostics) ?? EXIT_CONFIG;
      const config = chosenParts(read, this.#start.settings);
      this.#log.rename(identOf(IDENT, config.process.instance, config.process.namespace));
      process.umask(this.#start.settings.umask ?? config.global.umask);
      this.#pidFile = this.#takePidFile();
      if (this.#pidFile === null) return EXIT_FATAL;
      return await this.#live(config, over);
    } finally {
      unsignal();
      this.#pidFile?.remove();
      if (process.connected) process.disconnect();
    }
  }

  async #live(config: Config, over: Promise<void>): Promise<number> {
    let ipvs: IpvsControl | null = null;
    const relay = new EventRelay(linuxClock(), (event) => { report(event); });
    try {
      const namespace = ipvsNamespace(config, this.#start.settings.outside);
      const system = linuxCheckSystem(this.#bug, monitorBuffers(config), namespace);
      this.#system = system;
      this.#scheduler = new Scheduler(system.scheduling, this.#log);
      this.#scheduler.apply(checkerScheduling(config));
      ipvs = await openIpvs(config, namespace);
      const daemon = new CheckDaemon(config, this.#options(), {
        system, ipvs, sockets: system.sockets, log: this.#log, mailer: createMailer(this.#log),
        emit: (hook, event) => { if (this.#hasHooks()) relay.push({ type: 'event', hook, event } as Extract<FromChecker, { readonly type: 'event' }>); },
      });
      for (const [name, up] of this.#early) daemon.session(name, up);
      this.#daemon = daemon;
      const started = daemon.start();
      if (this.#again) this.#reload();
      // A stop that comes before its end is no failure.
      await Promise.race([started, over]);
      if (!this.#ending) report({ type: 'ready' });
      await over;
      return EXIT_OK;
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      this.#log.error(`IPVS: Can't initialize ipvs: ${cause.message}${cause.cause instanceof Error ? `: ${cause.cause.message}` : ''}`);
      return cause.code === 'EPERM' ? EXIT_PERMISSION : EXIT_FATAL;
    } finally {
      this.#ending = true;
      await this.#daemon?.stop(() => this.#hasHeir());
      relay.close();
      ipvs?.close();
      await this.#system?.close();
    }
  }

  #options(): ConstructorParameters<typeof CheckDaemon>[1] {
    const { path, epoch } = journalOf(this.#start.settings.pidFile);
    return { journal: { path: path.replace(/json$/u, 'ipvs.json'), epoch }, keepIpvs: this.#start.settings.keepIpvs, fullnat: this.#start.settings.fullnat, again: this.#start.again };
  }

  /** The daemon's messages, its death, and keepalived's signals of a checker process. */
  #listen(): () => void {
    const heard = (message: ToChecker): void => { this.#hear(message); };
    const stop = (): void => { this.#orphan(); };
    process.on('message', heard);
    process.on('disconnect', stop);
    const nothing = (): void => undefined;
    const unsignal = onSignals({
      // Of a group of processes each gets the signal, and this one the daemon's message besides.
      stop: (name) => {
        if (name !== 'SIGTERM') return;
        if (this.#terminated || this.#orphaned) this.#daemon?.hurry();
        this.#terminated = true;
        this.#stop();
      },
      reload: () => { this.#reload(); },
      data: () => { this.#dump('data'); },
      stats: nothing,
      clearStats: nothing,
      json: () => { this.#dump('json'); },
    });
    return () => {
      unsignal();
      process.off('message', heard);
      process.off('disconnect', stop);
    };
  }

  #hear(message: ToChecker): void {
    switch (message.type) {
      case 'reload': return this.#reload();
      case 'data':
      case 'json': return this.#dump(message.type);
      case 'stop': return this.#stop();
      case 'hurry': return this.#daemon?.hurry();
      case 'session': return this.#session(message.name, message.up);
    }
  }

  /** Those that come before the daemon is there. */
  readonly #early = new Map<string, boolean>();
  #session(name: string, up: boolean): void {
    if (this.#daemon === null) this.#early.set(name, up);
    else this.#daemon.session(name, up);
  }

  #terminated = false;
  #stop(): void {
    if (!this.#ending) setInterval(() => { report({ type: 'leaving' }); }, SIGN_OF_LIFE).unref();
    this.#ending = true;
    this.#end();
  }

  /** Where this drains, the next daemon's checking process does not wait for it: the pid file is free at once. */
  #orphan(): void {
    if (!this.#orphaned && (this.#daemon?.config.ipvs.drainTime ?? 0) > 0) {
      this.#pidFile?.remove();
      this.#pidFile = null;
    }
    this.#orphaned = true;
    this.#stop();
  }

  /** After it has drained without a daemon: does another one run here now? Then IPVS is its own. */
  #hasHeir(): boolean {
    if (!this.#orphaned || this.#pidFile !== null) return false;
    try {
      this.#pidFile = takePidFile(this.#start.settings.checkersPidFile, process.pid);
      return false;
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      if (cause.code !== 'EAGAIN') return false;
      this.#log.info('Another checking process has taken over');
      return true;
    }
  }

  #dump(kind: 'data' | 'json'): void {
    const { settings } = this.#start;
    if (this.#daemon !== null && this.#system !== null) void writeCheckerDump(kind, this.#daemon, settings.umask, this.#system.files, this.#log);
  }

  /** One at a time; what asks for one meanwhile gets one more. */
  #reloading = false;
  #again = false;
  #reload(): void {
    if (this.#ending) return;
    this.#again = this.#reloading || this.#daemon === null;
    if (this.#again) return;
    this.#reloading = true;
    this.#reloadOnce()
      .catch((cause: unknown) => { this.#log.error(`Reload failed, the old configuration goes on: ${String(cause)}`); })
      .finally(() => {
        this.#reloading = false;
        if (this.#again) this.#reload();
      });
  }

  async #reloadOnce(): Promise<void> {
    const { config: read, diagnostics } = await loadInWorker(this.#request);
    if (this.#ending) return;
    this.#tell(diagnostics);
    if (read === null || startFatal(diagnostics) !== null) return this.#log.error(`Configuration file ${this.#request.path} cannot be used, the old configuration goes on`);
    const config = chosenParts(read, this.#start.settings);
    this.#scheduler?.apply(checkerScheduling(config));
    await this.#daemon?.reload(config);
  }

  #hasHooks(): boolean {
    return this.#start.settings.hooks !== null || (this.#daemon?.config.global.hooks ?? null) !== null;
  }

  /** keepalived's lines of its checker process; the rest is said by the daemon. */
  #tell(diagnostics: readonly Diagnostic[]): void {
    const several = new Set(diagnostics.map((d) => d.range?.file)).size > 1;
    for (const line of keepalivedLines(diagnostics, several, ['checker'])) this.#log.warn(line);
  }

  #takePidFile(): PidFile | null {
    const { checkersPidFile: path } = this.#start.settings;
    try {
      return takePidFile(path, process.pid);
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      this.#log.error(cause.code === 'EAGAIN' ? `daemon is already running (pid file ${path})` : `pid file ${path} cannot be written: ${cause.code}`);
      return null;
    }
  }
}

function report(message: FromChecker): void {
  // A daemon that is gone is noticed by the disconnect.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

/** lvs_netlink_cmd_rcv_bufs and lvs_netlink_monitor_rcv_bufs. */
function openIpvs({ settings }: Config, namespace: string | null): Promise<IpvsControl> {
  const { lvs_netlink_cmd_rcv_bufs: bytes = 0, lvs_netlink_cmd_rcv_bufs_force: force = false } = settings;
  return linuxIpvs({ namespace, ...(bytes === 0 ? {} : { receiveBuffer: { bytes, force } }) });
}

function monitorBuffers({ settings }: Config): Parameters<typeof linuxCheckSystem>[1] {
  const { lvs_netlink_monitor_rcv_bufs: bytes = 0, lvs_netlink_monitor_rcv_bufs_force: force = false } = settings;
  return bytes === 0 ? {} : { monitorBuffer: { bytes, force } };
}
