import { execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Two network namespaces joined by a veth pair, `va` (10.0.0.1/24, fe80::ff:fe00:a) in the first and `vb` (10.0.0.2/24,
 * fe80::ff:fe00:b) in the second; removed by `remove`, whatever happened.
 */
export class Namespaces {
  readonly a: string;
  readonly b: string;

  constructor(purpose: string) {
    this.a = `tska-${process.pid}-${purpose}-a`;
    this.b = `tska-${process.pid}-${purpose}-b`;
    try {
      for (const name of [this.a, this.b]) ip('netns', 'add', name);
      ip('link', 'add', 'va', 'netns', this.a, 'address', '02:00:00:00:00:0a', 'type', 'veth', 'peer', 'name', 'vb', 'netns', this.b, 'address', '02:00:00:00:00:0b');
      for (const [name, link, address] of [[this.a, 'va', '10.0.0.1/24'], [this.b, 'vb', '10.0.0.2/24']] as const) {
        execFileSync('ip', ['netns', 'exec', name, 'sysctl', '-qw', `net.ipv6.conf.${link}.accept_dad=0`]);
        ip('-n', name, 'link', 'set', 'lo', 'up');
        ip('-n', name, 'link', 'set', link, 'up');
        ip('-n', name, 'address', 'add', address, 'dev', link);
      }
    } catch (cause) {
      this.remove();
      throw cause;
    }
  }

  remove(): void {
    for (const name of [this.a, this.b]) {
      try {
        ip('netns', 'delete', name);
      } catch (cause) {
        console.error(`namespace ${name} was not removed: ${(cause as Error).message}`);
      }
    }
  }
}

export function ip(...words: string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8' });
}

export interface Outcome<T> {
  /** What the program said: one JSON value on its last line; null when it said nothing. */
  readonly said: T | null;
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** Runs a compiled program beside this file in a namespace, for `limit` ms at most. */
export function runIn<T>(namespace: string, program: string, words: readonly string[], limit = 20_000): Promise<Outcome<T>> {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, path, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), limit);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => {
      clearTimeout(timer);
      const line = stdout.trim().split('\n').at(-1) ?? '';
      resolve({ said: line === '' ? null : (JSON.parse(line) as T), status, signal, stderr });
    });
  });
}

/** Waits for a condition, at most `limit` ms; throws with `what` when it does not come. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, limit = 5_000): Promise<void> {
  for (const end = Date.now() + limit; ; ) {
    if (await condition()) return;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
