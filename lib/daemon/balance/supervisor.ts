/** The checking half as a process of its own: started, watched, started again, stopped (reference 1.3). Nothing here waits for it. */
import type { Config } from '../../config/model.ts';
import type { Clock } from '../../system/clock.ts';
import type { Cancel, Millis } from '../../util/time.ts';
import type { HooksService } from '../hooks/supervisor.ts';
import type { Log } from '../log/log.ts';
import type { CheckerProcess, FromChecker, ProcessEnd, StartChecker } from './checker-messages.ts';
import { permanentError, respawnPause } from './respawn.ts';

/** The load-balancing half as the daemon sees it. All but `stop` return at once. */
export interface Balance {
  start(config: Config): void;
  reload(config: Config): void;
  /** A BFD session that checkers follow went up or down. */
  session(name: string, up: boolean): void;
  stop(): Promise<void>;
  /** What is left of drain_time is not waited for. */
  hurry(): void;
}

export interface SupervisorParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly start: StartChecker;
  readonly hooks: Pick<HooksService, 'emit'>;
  /** The daemon cannot go on, and ends with this code. */
  readonly over: (code: number) => void;
}

export interface SupervisorOptions {
  /** --all: also without a virtual server. */
  readonly always: boolean;
  /** false (-R): its death is the daemon's. */
  readonly respawn: boolean;
}

const NAME = 'Healthcheck';

interface Running {
  readonly process: CheckerProcess;
  readonly born: Millis;
  /** The longest drain_time that it has been given. */
  drain: Millis;
  /** It was told to stop: its end is no news, and after a while it is killed. null: it shall run. */
  leaving: Leaving | null;
}

interface Leaving {
  readonly told: Millis;
  /** It may drain its servers until then, in silence or not. */
  readonly drained: Millis;
  kill: Cancel;
}

/** How many times child_wait_time a process may take that says that it works at its stop: a large table takes its time. */
const PATIENCE = 12;

export class CheckerSupervisor implements Balance {
  readonly #parts: SupervisorParts;
  readonly #options: SupervisorOptions;
  /** What sessions were last said to be, for a process that starts later. */
  readonly #sessions = new Map<string, boolean>();
  #config: Config | null = null;
  #running: Running | null = null;
  #died = false;
  /** One has run as configured, so another can. */
  #wasReady = false;
  #pause: Millis = 0;
  #restart: Cancel | null = null;
  #stopping = false;
  #gone: () => void = () => undefined;

  constructor(options: SupervisorOptions, parts: SupervisorParts) {
    this.#options = options;
    this.#parts = parts;
  }

  start(config: Config): void {
    this.#config = config;
    if (this.#isNeeded() && !this.#stopping) this.#spawn();
  }

  reload(config: Config): void {
    this.#config = config;
    if (this.#stopping) return;
    if (!this.#isNeeded()) {
      this.#restart?.();
      this.#restart = null;
      if (this.#running !== null) this.#dismiss(this.#running);
    } else if (this.#running !== null && this.#running.leaving === null) {
      this.#running.drain = Math.max(this.#running.drain, config.ipvs.drainTime);
      this.#running.process.send({ type: 'reload' });
    }
    // One that is leaving starts again when it is gone; one that waits for its turn reads the new configuration then.
    else if (this.#running === null && this.#restart === null) this.#spawn();
  }

  /** What USR1, or the signal for JSON, asks for. */
  dump(type: 'data' | 'json'): void {
    this.#running?.process.send({ type });
  }

  session(name: string, up: boolean): void {
    this.#sessions.set(name, up);
    this.#running?.process.send({ type: 'session', name, up });
  }

  /** Resolves when it has gone; it is killed child_wait_time after its drain_time, and later if it says that it works at it. */
  stop(): Promise<void> {
    this.#stopping = true;
    this.#restart?.();
    this.#restart = null;
    const running = this.#running;
    if (running === null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#gone = resolve;
      this.#dismiss(running);
    });
  }

  hurry(): void {
    this.#running?.process.send({ type: 'hurry' });
  }

  #isNeeded(): boolean {
    return this.#config !== null && (this.#options.always || this.#config.ipvs.virtualServers.length > 0);
  }

  #spawn(): void {
    const { clock, log, start } = this.#parts;
    this.#restart = null;
    const process = start(this.#died, { heard: (message) => { this.#heard(running, message); }, ended: (how) => { this.#ended(running, how); } });
    const running: Running = { process, born: clock.now(), drain: this.#config?.ipvs.drainTime ?? 0, leaving: null };
    this.#running = running;
    if (process.pid === null) return;
    log.info(`Starting ${NAME} child process, pid=${process.pid}`);
    for (const [name, up] of this.#sessions) process.send({ type: 'session', name, up });
  }

  #heard(running: Running, message: FromChecker): void {
    if (message.type === 'ready') this.#wasReady = true;
    else if (message.type === 'leaving') this.#wait(running);
    else if (message.hook === 'onQuorum') this.#parts.hooks.emit(message.hook, message.event);
    else this.#parts.hooks.emit(message.hook, message.event);
  }

  #dismiss(running: Running): void {
    if (running.leaving !== null) return;
    const told = this.#parts.clock.now();
    running.process.send({ type: 'stop' });
    running.leaving = { told, drained: told + running.drain, kill: () => undefined };
    this.#wait(running);
  }

  /** It is killed when it has said nothing for child_wait_time, or has taken too long for all it says. */
  #wait(running: Running): void {
    const { leaving } = running;
    if (leaving === null) return;
    const { clock, log } = this.#parts;
    const childWait = this.#config?.process.childWait ?? 0;
    leaving.kill();
    const at = Math.min(Math.max(clock.now(), leaving.drained) + childWait, leaving.drained + childWait * PATIENCE);
    leaving.kill = clock.at(at, () => {
      log.warn(`${NAME} child process(${running.process.pid ?? '?'}) did not end within ${(at - leaving.told) / 1000} s, killing it; what it leaves in IPVS goes at the next start (child_wait_time gives it longer)`);
      running.process.kill();
    });
  }

  #ended(running: Running, how: ProcessEnd): void {
    this.#running = null;
    running.leaving?.kill();
    if (this.#stopping) return this.#gone();
    if (running.leaving !== null) {
      // A reload has asked for it again meanwhile.
      this.#died = false;
      if (this.#isNeeded()) this.#spawn();
      return;
    }
    const { log, over, clock } = this.#parts;
    const pid = running.process.pid ?? '?';
    const permanent = how.type === 'exited' ? permanentError(how.status) : null;
    // Where one has run another can: then somebody is at the configuration file or the kernel, and VRRP goes on.
    if (how.type === 'exited' && permanent !== null && !this.#wasReady) {
      log.error(`pid ${pid} exited with permanent error ${permanent}. Terminating`);
      return over(how.status);
    }
    log.error(endText(pid, how));
    log.error(`${NAME} child process(${pid}) died: ${this.#options.respawn ? 'Respawning' : 'Exiting'}`);
    if (!this.#options.respawn) return over(FATAL);
    this.#died = true;
    const { pause, next, limited } = respawnPause(this.#pause, clock.now() - running.born);
    this.#pause = next;
    if (limited) log.info(`Restart of ${NAME} process delayed ${pause / 1000} seconds to limit respawn rate`);
    this.#restart = clock.at(clock.now() + pause, () => { this.#spawn(); });
  }
}

const FATAL = 1;

function endText(pid: number | string, how: ProcessEnd): string {
  switch (how.type) {
    case 'exited': return `pid ${pid} exited with status ${how.status}`;
    case 'signalled': return `pid ${pid} exited due to signal ${how.number} (${how.signal})`;
    case 'failed': return `${NAME} child process: fork error(${how.reason})`;
  }
}
