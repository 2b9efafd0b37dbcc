import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { constants, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Daemon, daemonCommand, type DaemonKind } from '../../netns/daemon.ts';

const run = promisify(execFile);

/**
 * A director of its own: a network namespace with its own IPVS, joined to the first one by a veth pair, over which it finds
 * the real servers there. All of it goes with `close`.
 */
export class World {
  readonly name: string;
  readonly kind: DaemonKind;
  /** Its files: keepalived.conf, the scripts' notes, what came out of the FIFO. */
  readonly dir: string;
  daemon: Daemon | null = null;
  private readonly holder: ChildProcess;
  private readonly fifo: Socket;
  private heard = '';
  private thresholds = false;

  /** `number`: 1 to 250, which no other living world has. `folder` is made by the caller, and goes with him. */
  static async open(number: number, kind: DaemonKind, folder: string): Promise<World> {
    const name = `w${process.pid}-${number}`;
    const dir = join(folder, name);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'note.sh'), `#!/bin/sh\necho "$*" >>${dir}/notes\n`, { mode: 0o755 });
    await run('ip', ['netns', 'add', name]);
    try {
      await batch([], `link add w${number} type veth peer name eth0 netns ${name}`, `link set w${number} up`, `address add 10.200.${number}.1/24 dev w${number}`, `address add fd00:200:${number}::1/64 dev w${number} nodad`);
      await batch(['-n', name], 'link set lo up', 'link set eth0 up', `address add 10.200.${number}.2/24 dev eth0`, `address add fd00:200:${number}::2/64 dev eth0 nodad`, `route add default via 10.200.${number}.1`, `route add default via fd00:200:${number}::1`);
      await run('mkfifo', [join(dir, 'fifo')]);
      return new World(name, kind, dir);
    } catch (cause) {
      await run('ip', ['netns', 'delete', name]);
      throw cause;
    }
  }

  private constructor(name: string, kind: DaemonKind, dir: string) {
    this.name = name;
    this.kind = kind;
    this.dir = dir;
    this.fifo = new Socket({ fd: openSync(join(dir, 'fifo'), constants.O_RDWR | constants.O_NONBLOCK), readable: true, writable: false });
    this.fifo.setEncoding('utf8').on('data', (text: string) => (this.heard += text));
    this.holder = spawn('nsenter', [`--net=/run/netns/${name}`, 'sleep', 'infinity'], { stdio: 'ignore' });
  }

  /** Starts the daemon with this configuration, in which @DIR@ stands for the directory. */
  start(configuration: string, ...flags: string[]): Daemon {
    this.configure(configuration);
    const files = ['-f', join(this.dir, 'keepalived.conf'), '-p', join(this.dir, 'keepalived.pid'), '-r', join(this.dir, 'vrrp.pid'), '-c', join(this.dir, 'checkers.pid')];
    // The shell stays: what is below it is the daemon.
    const child = spawn('sh', ['-c', '"$@"; exit $?', 'sh', 'nsenter', `--net=/run/netns/${this.name}`, ...daemonCommand(this.kind), '-n', '-l', '-D', '-G', ...files, ...flags], {
      cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', HOME: '/root', TMPDIR: this.dir, STATE_DIRECTORY: this.dir },
    });
    return (this.daemon = new Daemon(this.kind, this.name, child));
  }

  configure(configuration: string): void {
    this.thresholds = configuration.includes('threshold');
    writeFileSync(join(this.dir, 'keepalived.conf'), configuration.replaceAll('@DIR@', this.dir));
  }

  reload(configuration: string): void {
    this.configure(configuration);
    this.daemon?.signal('SIGHUP');
  }

  /** The kernel's own list: cheap to look at, and it changes with everything but thresholds, flags and tunnels. */
  glance(): string {
    const path = `/proc/${this.holder.pid ?? 0}/net/ip_vs`;
    return existsSync(path) ? readFileSync(path, 'utf8').replaceAll(/ +\d+ +\d+ *$/gmu, '') : '';
  }

  /** `ipvsadm -Sn`, line by line, and the thresholds, which that leaves out. */
  async table(): Promise<string[]> {
    const saved = lines(await this.run('ipvsadm', '-Sn'));
    if (!this.thresholds) return saved;
    const listed = await this.run('ipvsadm', '-Ln', '--thresholds');
    return [...saved, ...[...listed.matchAll(/-> (\S+) +(\d+) +(\d+)/gu)].filter(([, , upper]) => upper !== '0').map(([, server, upper, lower]) => `- thresholds of ${server}: ${upper} ${lower}`)];
  }

  /** A program in this namespace; its output. */
  async run(program: string, ...words: string[]): Promise<string> {
    // `ip netns exec` would mount as well, which takes its time in a user-mode kernel.
    return (await run('nsenter', [`--net=/run/netns/${this.name}`, program, ...words], { encoding: 'utf8', timeout: 60_000 })).stdout;
  }

  /** What scripts wrote, in no order, and what the FIFO said since the last `forget`. */
  get notes(): { readonly notes: string[]; readonly fifo: string[] } {
    const path = join(this.dir, 'notes');
    // The NUL after a line is 2.4.3's own, and not copied.
    return { notes: existsSync(path) ? lines(readFileSync(path, 'utf8')).sort() : [], fifo: lines(this.heard.replaceAll('\0', '')) };
  }

  forget(): void {
    rmSync(join(this.dir, 'notes'), { force: true });
    this.heard = '';
  }

  async close(): Promise<void> {
    if (this.daemon?.running === true) {
      this.daemon.kill();
      await this.daemon.end;
    }
    this.fifo.destroy();
    this.holder.kill('SIGKILL');
    await run('ip', ['netns', 'delete', this.name]);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Several changes by one `ip`; throws with what it said. */
export async function batch(options: readonly string[], ...commands: string[]): Promise<void> {
  const done = run('ip', [...options, '-batch', '-'], { timeout: 20_000 });
  done.child.stdin?.end(commands.map((command) => `${command}\n`).join(''));
  await done;
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
