import type { Cancel } from '../util/time.ts';

/**
 * How the kernel runs this process. Everything here is about all threads that there are at the moment: the one that runs
 * VRRP waits for those that collect garbage with it. Methods throw SystemError (EPERM, EACCES without CAP_SYS_NICE). They take
 * well under a millisecond; not for the path of an advertisement all the same.
 */
export interface Scheduling {
  /** The nice value, -20..19; null: as it was found. */
  setNice(nice: number | null): void;
  /** SCHED_RR with this priority, 1..99; null: the ordinary scheduling. Scripts and later threads start without it. */
  setRealTime(priority: number | null): void;
  /** The processors that it may run on, scripts too; null: as it was found. */
  setProcessors(numbers: readonly number[] | null): void;
  /**
   * RLIMIT_RTTIME, in microseconds: `exceeded` hears when a thread with real-time priority ran longer than that without
   * waiting for anything; not more than once a minute. The process is not killed for it.
   */
  limitRealTime(microseconds: number, exceeded: () => void): Cancel;
  /** Keeps what is in memory of the program and its libraries there. `heap`: whether the rest may be swapped out. */
  lockProgram(): { readonly heap: 'may be swapped' | 'stays' };
  unlockProgram(): void;
  /** What ps(1) calls the process: 15 bytes at most count. */
  setName(name: string | null): void;
}
