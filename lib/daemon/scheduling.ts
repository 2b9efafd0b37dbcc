import type { Config } from '../config/model.ts';
import { SystemError } from '../system/error.ts';
import type { Scheduling } from '../system/scheduling.ts';
import type { Cancel } from '../util/time.ts';
import { needsVrrp } from '../vrrp/desired.ts';
import type { Log } from './log/log.ts';
import { checkerProcessName, mainProcessName } from './process-name.ts';

/** What a configuration says of how a process is to be run: `vrrp_priority`, `vrrp_rt_priority` and the rest of them. */
export interface SchedulingSettings {
  /** -20..19; null: left alone. */
  readonly nice: number | null;
  /** SCHED_RR, 1..99; null: ordinary scheduling. */
  readonly realTime: number | null;
  /** RLIMIT_RTTIME in microseconds; null: none. */
  readonly realTimeLimit: number | null;
  readonly processors: readonly number[] | null;
  readonly noSwap: boolean;
  /** What the process is called; null: as it was started. */
  readonly name: string | null;
}

type Part = 'vrrp' | 'checker' | 'bfd';

/** Of the checkers' process. */
export function checkerScheduling(config: Config): SchedulingSettings {
  return { ...settingsOf(config, 'checker'), name: checkerProcessName(config.settings) };
}

/** Of the VRRP process. BFD runs in it: where there are sessions, the better of what was asked for both counts. */
export function vrrpScheduling(config: Config, bfd: boolean): SchedulingSettings {
  const vrrp = { ...settingsOf(config, 'vrrp'), name: mainProcessName(config.settings, needsVrrp(config)) };
  if (!bfd || config.bfd.length === 0) return vrrp;
  const other = settingsOf(config, 'bfd');
  return {
    nice: least(vrrp.nice, other.nice),
    realTime: greatest(vrrp.realTime, other.realTime),
    realTimeLimit: greatest(vrrp.realTimeLimit, other.realTimeLimit),
    processors: vrrp.processors ?? other.processors,
    noSwap: vrrp.noSwap || other.noSwap,
    name: vrrp.name,
  };
}

function settingsOf({ settings }: Config, part: Part): Omit<SchedulingSettings, 'name'> {
  return {
    nice: settings[`${part}_priority`] ?? null,
    realTime: settings[`${part}_rt_priority`] ?? null,
    realTimeLimit: settings[`${part}_rlimit_rttime`] ?? null,
    processors: settings[`${part}_cpu_affinity`] ?? null,
    noSwap: settings[`${part}_no_swap`] ?? false,
  };
}

function least(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

function greatest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}

/**
 * Gives a process the scheduling that its configuration asks for, at the start and at each reload; only what changed is asked
 * of the machine. What the machine refuses is said, and the process goes on as it is: failover comes before speed.
 */
export class Scheduler {
  readonly #machine: Scheduling;
  readonly #log: Log;
  #now: SchedulingSettings = { nice: null, realTime: null, realTimeLimit: null, processors: null, noSwap: false, name: null };
  /** What lateness has brought it to; see AutoPriority. */
  #raised = 0;
  #unlimit: Cancel | null = null;

  constructor(machine: Scheduling, log: Log) {
    this.#machine = machine;
    this.#log = log;
  }

  /** The priority that it has, 0 for none. */
  get realTime(): number {
    return Math.max(this.#now.realTime ?? 0, this.#raised);
  }

  apply(wanted: SchedulingSettings): void {
    const before = this.#now;
    const had = this.realTime;
    this.#now = wanted;
    if (wanted.name !== before.name) this.#try('the name', () => { this.#machine.setName(wanted.name); });
    if (wanted.nice !== before.nice) this.#try('the nice value', () => { this.#machine.setNice(wanted.nice); });
    if (wanted.realTime !== before.realTime && this.realTime !== had) this.#setRealTime();
    if (!same(wanted.processors, before.processors)) this.#try('the processors', () => { this.#machine.setProcessors(wanted.processors); });
    if (wanted.realTimeLimit !== before.realTimeLimit || (this.realTime > 0) !== (had > 0)) this.#limit();
    if (wanted.noSwap !== before.noSwap) this.#lock(wanted.noSwap);
  }

  /**
   * At least this real-time priority, whatever the configuration says; brings whether the machine let it. One that it refused
   * does not count.
   */
  raise(priority: number): boolean {
    const had = this.realTime;
    const before = this.#raised;
    this.#raised = priority;
    const done = this.#setRealTime();
    if (!done) this.#raised = before;
    else if (had === 0) this.#limit();
    return done;
  }

  #setRealTime(): boolean {
    const priority = this.realTime;
    return this.#try('the real-time priority', () => { this.#machine.setRealTime(priority === 0 ? null : priority); });
  }

  /** The limit is about real-time threads alone. */
  #limit(): void {
    this.#unlimit?.();
    this.#unlimit = null;
    const { realTimeLimit: limit } = this.#now;
    if (limit === null || this.realTime === 0) return;
    this.#try('RLIMIT_RTTIME', () => {
      this.#unlimit = this.#machine.limitRealTime(limit, () => {
        this.#log.warn(`more than ${limit} us of processor time without a pause at real-time priority ${this.realTime}; raise the rlimit_rttime setting, or find out what takes so long`);
      });
    });
  }

  #lock(wanted: boolean): void {
    this.#try('memory locks', () => {
      if (!wanted) return this.#machine.unlockProgram();
      const { heap } = this.#machine.lockProgram();
      if (heap === 'may be swapped') this.#log.warn("no_swap: program and libraries are locked in memory, JavaScript's own memory cannot be; MemorySwapMax=0 in the unit keeps it from being swapped out");
    });
  }

  #try(what: string, act: () => void): boolean {
    try {
      act();
      return true;
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      this.#log.warn(`${what} cannot be set: ${cause.message}${REMEDY[cause.code] ?? ''}`);
      return false;
    }
  }
}

const REMEDY: Readonly<Record<string, string>> = {
  EPERM: '; it takes CAP_SYS_NICE, and of a systemd unit RestrictRealtime=no',
  EACCES: '; it takes CAP_SYS_NICE',
  EINVAL: '; none of these processors is there for us',
  ENOMEM: '; it takes CAP_IPC_LOCK, or LimitMEMLOCK=infinity in the unit',
};

function same(a: readonly number[] | null, b: readonly number[] | null): boolean {
  return a === b || (a !== null && b !== null && a.length === b.length && a.every((one, i) => one === b[i]));
}
