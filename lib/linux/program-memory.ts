import { readFileSync } from 'node:fs';
import { errnoName, mlock2, munlock } from './libc.ts';
import { SystemError } from '../system/error.ts';

/** mlock2(2): a page stays once it is there, and is not fetched before. */
const MLOCK_ONFAULT = 1;

interface Range {
  readonly start: bigint;
  readonly length: bigint;
}

/**
 * The memory of the program: what is mapped from files (node, libraries, addons), the C heap and the main stack. Not the
 * memory of JavaScript: V8 gives pages of it back to the kernel, which the kernel refuses for locked ones, and then V8 ends
 * the process (seen with mlockall(2) on Node 20, at the first change of a page's permission).
 */
export function programMemory(): { lock(): { heap: 'may be swapped' | 'stays' }; unlock(): void } {
  const locked: Range[] = [];
  return {
    lock() {
      for (const range of mappedRanges(readFileSync('/proc/self/maps', 'latin1'))) {
        if (mlock2(range.start, range.length, MLOCK_ONFAULT) >= 0) locked.push(range);
        else refuse(errnoName());
      }
      return { heap: mayBeSwapped() ? 'may be swapped' : 'stays' };
    },
    unlock() {
      for (const { start, length } of locked.splice(0)) munlock(start, length);
    },
  };
}

/** ENOMEM: also a mapping that went away meanwhile, or RLIMIT_MEMLOCK without CAP_IPC_LOCK. */
function refuse(code: string): never {
  throw new SystemError('lock memory of', 'the program', code);
}

/** Lines of proc_pid_maps(5): `START-END PERMS OFFSET DEV INODE PATH`, hexadecimal. */
export function mappedRanges(maps: string): Range[] {
  return maps.split('\n').flatMap((line) => {
    const [, start, end, path] = /^([0-9a-f]+)-([0-9a-f]+) [r-]\S+ +\S+ +\S+ +\S+ +(\S.*)$/u.exec(line) ?? [];
    if (start === undefined || end === undefined || path === undefined || !(path.startsWith('/') || path === '[heap]' || path === '[stack]')) return [];
    return [{ start: BigInt(`0x${start}`), length: BigInt(`0x${end}`) - BigInt(`0x${start}`) }];
  });
}

/** Whether this machine swaps, and no control group above us forbids it (MemorySwapMax=0 of systemd, memory.swap.max). */
function mayBeSwapped(): boolean {
  if (lines('/proc/swaps').length < 2) return false;
  const own = lines('/proc/self/cgroup').find((line) => line.startsWith('0::'))?.slice(3) ?? '/';
  for (let path = own; path !== '' && path !== '/'; path = path.slice(0, path.lastIndexOf('/'))) {
    if (lines(`/sys/fs/cgroup${path}/memory.swap.max`)[0] === '0') return false;
  }
  return true;
}

function lines(path: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\n').filter((line) => line !== '');
  } catch {
    // A kernel without swap, or without control groups, has no such file.
    return [];
  }
}
