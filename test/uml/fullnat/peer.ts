import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What somebody can be asked to do. */
export interface Calls {
  /** Answers HTTP on port 80 and datagrams on 53 with `NAME PEER`, where PEER is the address that it sees; /slow never ends. */
  serve(name: string): null;
  unserve(): null;
  /** Connections one after the other, from port `from` on (0: any); what each was answered, or a message. */
  ask(host: string, count: number, from: number): string[];
  /** The same once, given up after so many milliseconds. */
  try(host: string, patience: number): string;
  /** Datagrams at once, each from a port of its own. */
  send(host: string, count: number): string[];
  download(host: string): null;
  heard(): { readonly heard: number; readonly broken: string | null };
  /** One connection, from this port (0: any), on which `word` asks and brings the answer. */
  talk(host: string, port: number): null;
  word(): string;
  /** conntrack loses all that it knows. */
  forget(): null;
  /** Begins a connection from port 80, as no server does: what comes of it. */
  stray(host: string, port: number): string;
}

export interface Call {
  readonly id: number;
  readonly name: keyof Calls;
  readonly words: readonly unknown[];
}

export interface Reply {
  readonly id: number;
  readonly value: unknown;
  readonly failed: string | null;
}

const PROGRAM = fileURLToPath(new URL('./peer-program.js', import.meta.url));

/** A process in a network namespace that does what it is asked. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject: (cause: Error) => void }>();
  #asked = 0;

  constructor(namespace: string) {
    this.#child = spawn('nsenter', [`--net=/run/netns/${namespace}`, process.execPath, PROGRAM], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', ({ id, value, failed }: Reply) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (failed === null) waiting?.resolve(value);
      else waiting?.reject(new Error(`${namespace}: ${failed}`));
    });
    this.#child.once('close', () => { for (const { reject } of this.#waiting.values()) reject(new Error(`${namespace} has ended`)); });
  }

  call<Name extends keyof Calls>(name: Name, ...words: Parameters<Calls[Name]>): Promise<ReturnType<Calls[Name]>> {
    const id = this.#asked++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (value) => { resolve(value as ReturnType<Calls[Name]>); }, reject });
      this.#child.send({ id, name, words } satisfies Call);
    });
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL');
      await ended;
    }
  }
}
