import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { SystemError } from '../system/error.ts';
import type { Scheduling } from '../system/scheduling.ts';
import type { Cancel, Millis } from '../util/time.ts';
import { check, errnoName, NATIVE_LITTLE_ENDIAN, nativeInt, prlimit, schedGetaffinity, schedSetaffinity, schedSetscheduler } from './libc.ts';
import { programMemory } from './program-memory.ts';

/** sched(7) */
const SCHED_OTHER = 0;
const SCHED_RR = 2;
const SCHED_RESET_ON_FORK = 0x4000_0000;
/** getrlimit(2) */
const RLIMIT_RTTIME = 15;
const UNLIMITED = 0xffff_ffff_ffff_ffffn;
/** So many processors a mask of ours has room for; a kernel that has more refuses it (EINVAL). */
const MASK_BYTES = 1024;
/** Pause between two complaints. */
const SILENCE: Millis = 60_000;

export interface LinuxScheduling extends Scheduling {
  /** Runs `start`, which forks: the child has the nice value that the daemon was started with. */
  asFound<T>(start: () => T): T;
}

/** Linux schedules threads, not processes: what is asked is done for every thread below /proc/self/task. */
export function linuxScheduling(): LinuxScheduling {
  const found = { nice: getPriority(), name: readFileSync('/proc/self/comm', 'utf8').trimEnd(), processors: new Uint8Array(MASK_BYTES) };
  check(schedGetaffinity(0, MASK_BYTES, found.processors), 'get the processors of', 'this process');
  const memory = programMemory();
  let nice = found.nice;
  let realTime: number | null = null;
  const policy = (): void => {
    // With the flag a child starts as others do, unless we were made nicer than that (see asFound).
    const reset = realTime !== null || nice < found.nice ? SCHED_RESET_ON_FORK : 0;
    forAllThreads('set the scheduling of', (tid) => schedSetscheduler(tid, (realTime === null ? SCHED_OTHER : SCHED_RR) | reset, nativeInt(realTime ?? 0)));
  };
  return {
    setNice(wanted) {
      nice = wanted ?? found.nice;
      for (const tid of threads()) niceOf(tid, nice);
      policy();
    },
    setRealTime(priority) {
      realTime = priority;
      policy();
    },
    setProcessors(numbers) {
      const mask = numbers === null ? found.processors : maskOf(numbers);
      forAllThreads('set the processors of', (tid) => schedSetaffinity(tid, mask.length, mask));
    },
    limitRealTime,
    lockProgram: () => memory.lock(),
    unlockProgram: () => { memory.unlock(); },
    setName(name) {
      // The name of the first thread is that of the process; others keep theirs.
      try {
        writeFileSync('/proc/self/comm', name ?? found.name);
      } catch (cause) {
        throw new SystemError('write', '/proc/self/comm', (cause as NodeJS.ErrnoException).code ?? 'EIO', cause);
      }
    },
    asFound(start) {
      if (nice <= found.nice) return start();
      setPriority(0, found.nice);
      try {
        return start();
      } finally {
        setPriority(0, nice);
      }
    },
  };
}

function threads(): number[] {
  return readdirSync('/proc/self/task').map(Number);
}

/** A thread that ended meanwhile is none of our concern. */
function forAllThreads(operation: string, act: (tid: number) => number): void {
  for (const tid of threads()) {
    if (act(tid) >= 0) continue;
    const code = errnoName();
    if (code !== 'ESRCH') throw new SystemError(operation, 'this process', code);
  }
}

function niceOf(tid: number, nice: number): void {
  try {
    setPriority(tid, nice);
  } catch (cause) {
    // libuv's errors of this kind carry it in `info`.
    const code = (cause as { readonly info?: { readonly code?: string } }).info?.code ?? (cause as NodeJS.ErrnoException).code ?? 'EIO';
    if (code !== 'ESRCH') throw new SystemError('set the nice value of', 'this process', code, cause);
  }
}

/** A cpu_set_t: words of the machine's size, a bit for each processor. */
function maskOf(numbers: readonly number[]): Uint8Array {
  const mask = new Uint8Array(MASK_BYTES);
  for (const number of numbers) {
    const byte = NATIVE_LITTLE_ENDIAN ? number >> 3 : (number >> 3) ^ 7;
    if (byte < MASK_BYTES) mask[byte] = (mask[byte] ?? 0) | (1 << (number & 7));
  }
  return mask;
}

/**
 * At the soft limit the kernel sends SIGXCPU and moves the limit a second further; after the pause it is set again. The hard
 * one, at which it kills, stays as it was found: a collection of garbage may take longer.
 */
function limitRealTime(microseconds: number, exceeded: () => void): Cancel {
  const before = realTimeLimit();
  const limit = (): void => { setRealTimeLimit(BigInt(microseconds), before.hard); };
  let timer: NodeJS.Timeout | undefined;
  const heard = (): void => {
    if (timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      limit();
    }, SILENCE);
    timer.unref();
    exceeded();
  };
  process.on('SIGXCPU', heard);
  try {
    limit();
  } catch (cause) {
    process.off('SIGXCPU', heard);
    throw cause;
  }
  return () => {
    clearTimeout(timer);
    setRealTimeLimit(before.soft, before.hard);
    process.off('SIGXCPU', heard);
  };
}

function realTimeLimit(): { readonly soft: bigint; readonly hard: bigint } {
  const limits = new Uint8Array(16);
  check(prlimit(0, RLIMIT_RTTIME, null, limits), 'get RLIMIT_RTTIME of', 'this process');
  const view = new DataView(limits.buffer);
  return { soft: view.getBigUint64(0, NATIVE_LITTLE_ENDIAN), hard: view.getBigUint64(8, NATIVE_LITTLE_ENDIAN) };
}

function setRealTimeLimit(soft: bigint, hard: bigint): void {
  const limits = new Uint8Array(16);
  const view = new DataView(limits.buffer);
  view.setBigUint64(0, hard === UNLIMITED || soft < hard ? soft : hard, NATIVE_LITTLE_ENDIAN);
  view.setBigUint64(8, hard, NATIVE_LITTLE_ENDIAN);
  check(prlimit(0, RLIMIT_RTTIME, limits, null), 'set RLIMIT_RTTIME of', 'this process');
}
