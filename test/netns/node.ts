import type { ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AddressWatch, MONITOR } from './address-watch.ts';
import { Daemon, daemonCommand } from './daemon.ts';
import type { DaemonKind } from './daemon.ts';
import type { Holder } from './holder.ts';
import { until } from './wait.ts';

export interface Result {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  /** Further options for the command line. */
  readonly flags?: readonly string[];
  /** For tests that look at the default pid files: leave -p, -r and -c away. */
  readonly defaultPidFiles?: boolean;
}

/** A machine of the lab: eth0 on the switch, its own processes, /run, /opt and nginx directories. */
export class LabNode {
  readonly name: string;
  readonly mac: string;
  /** With its prefix length. */
  readonly address: string;
  /** Its directory on the host, visible under the same path inside. */
  readonly dir: string;
  readonly watch: AddressWatch;
  private readonly holder: Holder;
  private readonly switchExec: (argv: readonly string[]) => Promise<Result>;

  constructor(spec: { name: string; mac: string; address: string; dir: string }, holder: Holder, switchExec: (argv: readonly string[]) => Promise<Result>) {
    this.name = spec.name;
    this.mac = spec.mac;
    this.address = spec.address;
    this.dir = spec.dir;
    this.holder = holder;
    this.switchExec = switchExec;
    this.watch = new AddressWatch(this.spawn(MONITOR));
  }

  /** Starts a program inside. It ends with the lab at the latest. */
  spawn(argv: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const path = `${join(this.dir, 'bin')}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
    return this.holder.spawn(argv, { PATH: path, HOME: '/root', LC_ALL: 'C', TMPDIR: join(this.dir, 'tmp'), STATE_DIRECTORY: join(this.dir, 'tmp'), ...env });
  }

  /** Runs a program to its end; throws after `bound` ms. Its status is the caller's to judge. */
  run(argv: readonly string[], bound = 15_000): Promise<Result> {
    return finish(this.spawn(argv), `${argv.join(' ')} in ${this.name}`, bound);
  }

  /** Runs a shell line and brings its output; throws when it fails. */
  async sh(line: string, bound?: number): Promise<string> {
    const result = await this.run(['sh', '-c', line], bound);
    if (result.status !== 0) throw new Error(`${this.name}: ${line}: status ${result.status ?? result.signal ?? '?'}: ${result.stderr}`);
    return result.stdout;
  }

  /** Starts a daemon in the foreground with this configuration, logging to stderr. */
  start(kind: DaemonKind, configuration: string, options: StartOptions = {}): Daemon {
    const file = this.write('keepalived.conf', configuration);
    const pids = options.defaultPidFiles === true ? [] : ['-p', '/run/keepalived.pid', '-r', '/run/keepalived_vrrp.pid', '-c', '/run/keepalived_checkers.pid'];
    const argv = [...daemonCommand(kind), '-n', '-l', '-D', '-G', '-f', file, ...pids, ...(options.flags ?? [])];
    return new Daemon(kind, this.name, this.spawn(argv));
  }

  /** Writes a file into the node's directory and brings its path. */
  write(name: string, text: string | Uint8Array, mode = 0o644): string {
    const path = join(this.dir, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  }

  /** Where a path inside the node (/run/…) lies as seen from the test. */
  outside(path: string): string {
    return `/proc/${this.holder.init}/root${path}`;
  }

  exists(path: string): boolean {
    return existsSync(this.outside(path));
  }

  read(path: string): string {
    return readFileSync(this.outside(path), 'utf8');
  }

  /** `ip link set eth0 down` or up, as its administrator would. */
  async link(how: 'up' | 'down'): Promise<void> {
    await this.sh(`ip link set eth0 ${how}`);
  }

  /** Pulls or plugs the cable at the switch. */
  async carrier(how: 'up' | 'down'): Promise<void> {
    await this.onSwitch(['ip', 'link', 'set', 'dev', portOf(this.name), how]);
  }

  /** Cuts it from the others without a carrier change, or heals that. */
  async partition(how: 'cut' | 'heal'): Promise<void> {
    await this.onSwitch(['ip', 'link', 'set', 'dev', portOf(this.name), 'type', 'bridge_slave', 'state', how === 'cut' ? '0' : '3']);
  }

  /** Waits until the node has, or no longer has, the address (with its prefix length). */
  async holds(address: string, bound: number, present = true, context?: () => string): Promise<void> {
    const what = `${this.name} ${present ? 'has' : 'no longer has'} ${address}`;
    await until(what, bound, () => this.watch.has(address) === present, () => `it has ${this.watch.all().join(' ')}\n${context?.() ?? ''}`);
  }

  private async onSwitch(argv: readonly string[]): Promise<void> {
    const result = await this.switchExec(argv);
    if (result.status !== 0) throw new Error(`switch: ${argv.join(' ')}: ${result.stderr}`);
  }
}

/** Collects a program's output to its end; kills it and throws after `bound` ms. */
export async function finish(child: ChildProcess, what: string, bound: number): Promise<Result> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (piece: Buffer) => (stdout += piece.toString()));
  child.stderr?.on('data', (piece: Buffer) => (stderr += piece.toString()));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${what} did not end within ${bound} ms\n${stdout}${stderr}`));
    }, bound);
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(cause);
    });
    const done = (status: number | null, signal: string | null): void => {
      clearTimeout(timer);
      resolve({ status, signal, stdout, stderr });
    };
    child.on('close', done);
    // A program it left in the background may keep the pipes open: its own end is enough, after a moment for the output.
    child.on('exit', (status, signal) => setTimeout(() => done(status, signal), 200));
  });
}

/** The name of a node's port at the switch. */
export function portOf(node: string): string {
  return `port-${node}`;
}
