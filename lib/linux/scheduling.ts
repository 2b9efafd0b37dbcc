import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { SystemError } from '../system/error.ts';
import type { Scheduling } from '../system/scheduling.ts';
import type { Cancel, Millis } from '../util/time.ts';
import { check, errnoName, NATIVE_LITTLE_ENDIAN, nativeInt, schedGetaffinity, schedSetaffinity, schedSetscheduler } from './libc.ts';
import { getLimit, RLIMIT_RTTIME, setLimit } from './limits.ts';
import { programMemory } from './program-memory.ts';

/** sched(7) */
const SCHED_OTHER = 0;
const SCHED_RR = 2;
const SCHED_RESET_ON_FORK = 0x4000_0000;
const NAME = 'RLIMIT_RTTIME';
/** So many processors a mask of ours has room for; a kernel that has more refuses it (EINVAL). */
const MASK_BYTES = 1024;
/** Pause between two complaints. */
const SILENCE: Millis = 60_000;

export interface LinuxScheduling extends Scheduling {
  /** Runs `start`, which forks: the child has the nice value that the daemon was started with. */
  asFound<T>(start: () => T): T;
  /** The same for a process of our own, which is not to inherit the processors either. */
  asStarted<T>(start: () => T): T;
}

/** Linux schedules threads, not processes: what is asked is done for every thread below /proc/self/task. */
export function linuxScheduling(): LinuxScheduling {
  const found = { nice: getPriority(), name: readFileSync('/proc/self/comm', 'utf8').trimEnd(), processors: new Uint8Array(MASK_BYTES) };
  check(schedGetaffinity(0, MASK_BYTES, found.processors), 'get the processors of', 'this process');
  const memory = programMemory();
  let nice = found.nice;
  let processors = found.processors;
  let realTime: number | null = null;
  const policy = (): void => {
    // With the flag a child starts as others do, unless we were made nicer than that (see asFound).
    const reset = realTime !== null || nice < found.nice ? SCHED_RESET_ON_FORK : 0;
    forAllThreads('set the scheduling of', (tid) => schedSetscheduler(tid, (realTime === null ? SCHED_OTHER : SCHED_RR) | reset, nativeInt(realTime ?? 0)));
  };
  const asFound = <T>(start: () => T): T => {
    if (nice <= found.nice) return start();
    setPriority(0, found.nice);
    try {
      return start();
    } finally {
      setPriority(0, nice);
    }
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
      processors = mask;
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
    asFound,
    asStarted(start) {
      const here = (mask: Uint8Array): void => { check(schedSetaffinity(0, mask.length, mask), 'set the processors of', 'this thread'); };
      if (processors === found.processors) return asFound(start);
      here(found.processors);
      try {
        return asFound(start);
      } finally {
        here(processors);
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
function maskOf(numbers: readonly number[]): Uint8Array<ArrayBuffer> {
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
  const before = getLimit(RLIMIT_RTTIME, NAME);
  const limit = (): void => { setLimit(RLIMIT_RTTIME, NAME, { soft: BigInt(microseconds), hard: before.hard }); };
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
    setLimit(RLIMIT_RTTIME, NAME, before);
    process.off('SIGXCPU', heard);
  };
}
