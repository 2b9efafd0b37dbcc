import type { ChildProcess } from 'node:child_process';
import { wallClock } from './wait.ts';

export interface AddressChange {
  readonly at: number;
  /** With the prefix length, as ip(8) prints it: '10.0.0.9/32'. */
  readonly address: string;
  readonly present: boolean;
}

/** The addresses of a node as the kernel reports them (`ip -o monitor`), now and in the past. */
export class AddressWatch {
  readonly changes: AddressChange[] = [];
  /** The monitor listens and what was there before is known. */
  readonly ready: Promise<void>;
  private readonly child: ChildProcess;
  private readonly held = new Set<string>();
  private rest = '';

  /** `child` runs MONITOR in the node. */
  constructor(child: ChildProcess) {
    this.child = child;
    this.ready = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (status) => reject(new Error(`ip monitor ended with ${status ?? 'a signal'}`)));
      child.stdout?.on('data', (piece: Buffer) => {
        const lines = (this.rest + piece.toString()).split('\n');
        this.rest = lines.pop() ?? '';
        for (const line of lines) {
          if (line === LISTENING) resolve();
          else this.take(line);
        }
      });
    });
    // A lab that is closed while it is being built ends the monitor; whoever awaits `ready` hears of it.
    this.ready.catch(() => undefined);
  }

  has(address: string): boolean {
    return this.held.has(address);
  }

  all(): string[] {
    return [...this.held];
  }

  stop(): void {
    this.child.kill('SIGTERM');
  }

  private take(line: string): void {
    const found = /^(?:\[(?<at>[^\]]+)\])?\s*(?<gone>Deleted )?\d+: \S+\s+inet6? (?<address>\S+)/.exec(line)?.groups;
    if (found === undefined) return;
    const address = found['address'] ?? '';
    const present = found['gone'] === undefined;
    // The kernel also tells of an address whose flags or lifetime changed; that is not a coming.
    if (this.held.has(address) === present) return;
    if (present) this.held.add(address);
    else this.held.delete(address);
    this.changes.push({ at: parseStamp(found['at']), address, present });
  }
}

const LISTENING = 'the monitor listens';

/** First listen, then dump: nothing can fall in between. The pause gives ip(8) the time to bind its socket. */
export const MONITOR = ['sh', '-c', `ip -ts -o monitor address & sleep 0.15; ip -o address; echo ${LISTENING}; wait`];

/** '2026-11-23T21:40:00.123456' (local time) → milliseconds since the epoch with a fraction. */
export function parseStamp(text: string | undefined): number {
  const [, seconds, micros] = /^(.*)\.(\d+)$/.exec(text ?? '') ?? [];
  return seconds === undefined ? wallClock() : new Date(seconds).getTime() + Number(micros) / 1000;
}
