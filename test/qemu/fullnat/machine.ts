import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PEER = fileURLToPath(new URL('./peer.js', import.meta.url));

/** A peer.ts in a network namespace: client, or real server of this name. */
export class Machine {
  readonly namespace: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #number = 0;

  static async start(namespace: string, role: string): Promise<Machine> {
    const child = spawn('nsenter', [`--net=/run/netns/${namespace}`, process.execPath, PEER, role], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await new Promise((resolve, reject) => {
      child.once('message', resolve).once('error', reject).once('exit', (status) => { reject(new Error(`${role} ended with ${status ?? '?'}`)); });
    });
    return new Machine(namespace, child);
  }

  private constructor(namespace: string, child: ChildProcess) {
    this.namespace = namespace;
    this.#child = child;
    child.on('message', (message) => {
      const [number, result] = message as [number, unknown];
      this.#waiting.get(number)?.(result);
      this.#waiting.delete(number);
    });
    child.on('exit', () => {
      for (const answer of this.#waiting.values()) answer('the peer has ended');
      this.#waiting.clear();
    });
  }

  /** `times` requests on connections of their own: what was answered, or `error: …`. */
  fetch(host: string, { times = 1, ...more }: { times?: number; port?: number; from?: string; patience?: number } = {}): Promise<readonly string[]> {
    return this.#call('fetch', { host, times, ...more });
  }

  datagrams(host: string, ports: readonly number[]): Promise<readonly string[]> {
    return this.#call('datagrams', { host, ports });
  }

  /** Connects, stays, and brings what the server says. */
  talk(id: number, host: string, localPort?: number): Promise<string> {
    return this.#call('talk', { id, host, localPort });
  }

  say(id: number): Promise<string> {
    return this.#call('say', { id });
  }

  close(id: number, abruptly = false): Promise<void> {
    return this.#call('close', { id, abruptly });
  }

  /** A real server says something on all connections, unasked; how many there are. */
  push(): Promise<number> {
    return this.#call('push', {});
  }

  /** A download that never ends; the server's name. */
  download(id: number, host: string): Promise<string> {
    return this.#call('download', { id, host });
  }

  /** 'goes on', or how it ended. */
  downloaded(id: number, over = false): Promise<string> {
    return this.#call('downloaded', { id, over });
  }

  traffic(host: string): Promise<void> {
    return this.#call('traffic', { host });
  }

  rest(): Promise<{ readonly answered: number; readonly errors: readonly string[] }> {
    return this.#call('rest', {});
  }

  /** Milliseconds for so many requests: on one connection, or on as many. */
  async time(host: string, times: number, keep: boolean): Promise<number> {
    const took = await this.#call<number | { readonly failed: string }>('time', { host, times, keep });
    if (typeof took !== 'number') throw new Error(took.failed);
    return took;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  #call<T>(command: string, args: object): Promise<T> {
    const number = ++this.#number;
    return new Promise((resolve) => {
      this.#waiting.set(number, (result) => { resolve(result as T); });
      this.#child.send([number, command, args]);
    });
  }
}
