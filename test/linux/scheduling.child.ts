import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { readFile } from 'node:fs/promises';
import { linuxScheduling } from '../../lib/linux/scheduling.ts';
import { linuxScriptRunner } from '../../lib/linux/script-runner.ts';

/** What scheduling.test.ts wants done, in a process of its own; says what came of it as JSON. */
const [, , what = '', file = ''] = process.argv;
const scheduling = linuxScheduling();
const runner = linuxScriptRunner((start) => scheduling.asFound(start));

/** Policy, priority, nice value and processors of each thread, without repetitions (proc_pid_stat(5), proc_pid_status(5)). */
function threads(): string[] {
  return [...new Set(readdirSync('/proc/self/task').map((tid) => {
    const stat = readFileSync(`/proc/self/task/${tid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const cpus = /^Cpus_allowed_list:\s*(\S+)/mu.exec(readFileSync(`/proc/self/task/${tid}/status`, 'latin1'))?.[1] ?? '?';
    return `policy ${fields[38] ?? ''} priority ${fields[37] ?? ''} nice ${fields[16] ?? ''} cpus ${cpus}`;
  }))];
}

/** The same of a script. */
async function script(): Promise<string> {
  const line = `f=$(sed 's/.*) //' /proc/self/stat); set -- $f; shift 16; n=$1; shift 21; c=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status); echo "policy $2 priority $1 nice $n cpus $c" > ${file}`;
  const result = await runner.run(['/bin/sh', '-c', line], { timeout: 10_000, user: null, group: null }).result;
  return result.type === 'exited' && result.status === 0 ? (await readFile(file, 'utf8')).trim() : JSON.stringify(result);
}

function locked(): number {
  return Number(/^VmLck:\s*(\d+)/mu.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]);
}

/** Grows and shrinks the heap, so that V8 gives memory back. */
async function garbage(): Promise<void> {
  for (let round = 0; round < 5; round++) {
    let kept: unknown[] = Array.from({ length: 200_000 }, (_, i) => [i]);
    kept = kept.slice(0, 1);
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function play(): Promise<unknown> {
  switch (what) {
    case 'nice': {
      const before = getPriority();
      scheduling.setNice(5);
      const low = [threads(), await script()];
      scheduling.setNice(-5);
      const high = [threads(), await script()];
      scheduling.setNice(null);
      return { before, low, high, after: threads() };
    }
    case 'real-time': {
      scheduling.setRealTime(7);
      const now = [threads(), await script()];
      scheduling.setRealTime(null);
      return { now, after: threads() };
    }
    case 'processors': {
      scheduling.setProcessors([0]);
      const now = [threads(), await script()];
      scheduling.setProcessors(null);
      return { now, after: threads() };
    }
    case 'no such processor':
      try {
        scheduling.setProcessors([1000]);
        return 'taken';
      } catch (cause) {
        return (cause as { readonly code: string }).code;
      }
    case 'memory': {
      const { heap } = scheduling.lockProgram();
      const during = locked();
      await garbage();
      scheduling.unlockProgram();
      return { heap, during, after: locked() };
    }
    // Locked to the end: the process has to end well all the same.
    case 'memory to the end':
      scheduling.lockProgram();
      await garbage();
      return locked();
    case 'limit': {
      const limits = (): string => /^Max realtime timeout\s+(\S+)\s+(\S+)/mu.exec(readFileSync('/proc/self/limits', 'latin1'))?.slice(1).join(' ') ?? '';
      const before = limits();
      scheduling.setRealTime(1);
      let exceeded = 0;
      const end = scheduling.limitRealTime(20_000, () => { exceeded++; });
      const during = limits();
      // The kernel looks at each tick, in a second at the most; then the loop hears of it.
      for (const until = performance.now() + 400; performance.now() < until;) continue;
      await new Promise((resolve) => setTimeout(resolve, 50));
      end();
      return { before, during, exceeded, after: limits(), listeners: process.listenerCount('SIGXCPU') };
    }
    case 'name': {
      const name = (): string => readFileSync('/proc/self/comm', 'utf8').trim();
      const before = name();
      scheduling.setName('a name longer than fifteen');
      const now = name();
      scheduling.setName(null);
      return { before, now, after: name() };
    }
    default:
      return null;
  }
}

// Threads of the pool, which come with the first file.
await readFile('/proc/self/comm');
console.log(JSON.stringify(await play()));
runner.close();
