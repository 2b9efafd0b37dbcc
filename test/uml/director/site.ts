import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { get } from 'node:http';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { DaemonKind } from '../../netns/daemon.ts';
import { batch, World } from './world.ts';

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('./web-server.js', import.meta.url));

export type ServerName = 'r1' | 'r2';

/** The address of a real server, where the director finds it. */
export const REAL = { r1: { inet: '10.1.1.2', inet6: 'fd01:1::2' }, r2: { inet: '10.1.2.2', inet6: 'fd01:2::2' } } as const;

/**
 * A client (this process), a director, and two real servers with a web server each:
 *
 *     client 10.200.N.1 ── 10.200.N.2 director 10.1.1.1 ── 10.1.1.2 r1
 *                                              10.1.2.1 ── 10.1.2.2 r2
 *
 * `virtual` addresses are the director's and, on lo, each real server's, which takes tunnels of every kind.
 */
export class Site {
  readonly director: World;
  private readonly prefix: string;
  private readonly virtual: readonly string[];
  private readonly web = new Map<ServerName, ChildProcess>();

  static async open(number: number, kind: DaemonKind, folder: string, virtual: readonly string[]): Promise<Site> {
    const director = await World.open(number, kind, folder);
    const site = new Site(director, virtual);
    try {
      await site.wire(number);
      return site;
    } catch (cause) {
      await site.close();
      throw cause;
    }
  }

  private constructor(director: World, virtual: readonly string[]) {
    this.director = director;
    this.prefix = director.name;
    this.virtual = virtual;
  }

  /** The web server of a real server is started; it listens soon. */
  start(name: ServerName): void {
    this.web.set(name, spawn('ip', ['netns', 'exec', `${this.prefix}${name}`, process.execPath, PROGRAM, name, '80', '8080'], { stdio: ['ignore', 'ignore', 'inherit'] }));
  }

  async stop(name: ServerName): Promise<void> {
    const child = this.web.get(name);
    this.web.delete(name);
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async close(): Promise<void> {
    for (const name of ['r1', 'r2'] as const) {
      await this.stop(name);
      await run('ip', ['netns', 'delete', `${this.prefix}${name}`]).catch(() => undefined);
    }
    await this.director.close();
  }

  private async wire(number: number): Promise<void> {
    const { name } = this.director;
    for (const [i, server] of (['r1', 'r2'] as const).entries()) {
      const n = i + 1;
      const there = `${this.prefix}${server}`;
      await run('ip', ['netns', 'add', there]);
      await batch(['-n', name], `link add s${n} type veth peer name eth0 netns ${there}`, `link set s${n} up`, `address add 10.1.${n}.1/24 dev s${n}`, `address add fd01:${n}::1/64 dev s${n} nodad`);
      await run('ip', ['netns', 'exec', there, 'sh', '-c', [
        'ip link set lo up', 'ip link set eth0 up', 'modprobe -a ipip ip_gre ip6_tunnel ip6_gre fou fou6 || :',
        'for name in tunl0 gre0 ip6tnl0 ip6gre0; do ip link set $name up || exit; done',
        'ip fou add port 6080 gue', 'ip fou add port 6080 gue -6',
        'for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$file; done',
        `ip address add 10.1.${n}.2/24 dev eth0`, `ip address add fd01:${n}::2/64 dev eth0 nodad`, `ip route add default via 10.1.${n}.1`, `ip route add default via fd01:${n}::1`,
        ...this.virtual.map((address) => `ip address add ${address}/${address.includes(':') ? '128' : '32'} dev lo`),
      ].join(' && ')]);
    }
    await run('ip', ['netns', 'exec', name, 'sh', '-c', [
      // What a real server sends under a virtual address comes back through the director, which has that address as well.
      'cd /proc/sys/net', 'echo 1 >ipv4/ip_forward', 'echo 1 >ipv6/conf/all/forwarding', 'for at in ipv4/conf/*; do echo 0 >$at/rp_filter; echo 1 >$at/accept_local; done',
      ...this.virtual.map((address) => `ip address add ${address}/${address.includes(':') ? '128' : '32'} dev lo`),
    ].join(' && ')]);
    await batch([], ...this.virtual.map((address) => `route replace ${address} via ${address.includes(':') ? `fd00:200:${number}::2` : `10.200.${number}.2`}`));
  }
}

/** Who answers at an address; a message when nobody does within two seconds. */
export function ask(host: string): Promise<string> {
  return new Promise((resolve) => {
    const request = get({ host, port: 80, path: '/', agent: false, timeout: 2000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece)).on('end', () => { resolve(text); }).on('error', (cause) => { resolve(cause.message); });
    });
    request.on('timeout', () => request.destroy(new Error('no answer'))).on('error', (cause) => { resolve(cause.message); });
  });
}
