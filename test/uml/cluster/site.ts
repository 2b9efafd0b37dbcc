import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Daemon, daemonCommand, PROJECT } from '../../netns/daemon.ts';
import { until } from '../../netns/wait.ts';
import { batch } from '../director/world.ts';
import type { Seen } from './peers.ts';

const run = promisify(execFile);
const PEERS = fileURLToPath(new URL('./peers.js', import.meta.url));
const SAMPLES = join(PROJECT, 'conf/cluster');
const CLIENTS = Array.from({ length: 10 }, (_, i) => `198.51.100.${11 + i}`);

/** The router, and what hangs on it. */
const LEAVES = ['clients', 'first', 'second', 'rs1', 'rs2'];
const MACHINES = ['router', ...LEAVES];

/** Seconds: more than a route may take to go on a busy machine; a second SIGTERM ends it. */
export const DRAIN = 100;
export const VIP = '203.0.113.1';
export type DirectorName = 'first' | 'second';
type BirdName = DirectorName | 'router';
export const DIRECTORS: readonly DirectorName[] = ['first', 'second'];
/** Where each is on the router's LAN, and the beginning of its local addresses. */
export const AT = { first: { address: '10.0.0.11', local: '10.0.9.16/28' }, second: { address: '10.0.0.12', local: '10.0.9.32/28' } } as const;

/**
 * The cluster of conf/cluster, on the samples themselves:
 *
 *     ten clients 198.51.100.11… ── router ─┬─ br0 10.0.0.1 ─┬─ first  10.0.0.11
 *                                           │                └─ second 10.0.0.12
 *                                           ├─ rs1 10.1.1.2
 *                                           └─ rs2 10.1.2.2
 */
export class Cluster {
  private readonly folder: string;
  private readonly prefix = `cl${process.pid}-`;
  private readonly children: ChildProcess[] = [];
  private readonly daemons = new Map<DirectorName, Daemon>();
  private readonly birds = new Map<BirdName, ChildProcess>();
  private readonly watches = new Map<DirectorName, ChildProcess>();
  private clients: { readonly child: ChildProcess; readonly lines: Interface } | null = null;

  static async open(folder: string): Promise<Cluster> {
    const cluster = new Cluster(folder);
    try {
      await cluster.wire();
      return cluster;
    } catch (cause) {
      await cluster.close();
      throw cause;
    }
  }

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Starts BIRD, the daemon, and who watches it. */
  async start(name: DirectorName): Promise<void> {
    const dir = join(this.folder, name);
    const files = ['-f', join(dir, 'keepalived.conf'), '-p', join(dir, 'pid'), '-r', join(dir, 'vrrp.pid'), '-c', join(dir, 'checkers.pid')];
    const child = this.spawn(name, ['sh', '-c', '"$@"; exit $?', 'sh', ...daemonCommand('ours'), '-n', '-l', '-D', '-i', name, ...files], { TMPDIR: dir, STATE_DIRECTORY: dir });
    this.daemons.set(name, new Daemon('ours', name, child));
    await until('its pid file', 60_000, () => { try { return readFileSync(join(dir, 'pid'), 'utf8') !== ''; } catch { return false; } }, () => this.daemon(name).tail(), 100);
    if (!this.watches.has(name)) this.watches.set(name, this.spawn(name, ['sh', join(SAMPLES, 'watch'), join(dir, 'pid'), 'birdc', '-s', join(dir, 'bird.ctl'), 'disable', 'fullnat']));
  }

  /** Its checking process. */
  checkers(name: DirectorName): number {
    return Number(readFileSync(join(this.folder, name, 'checkers.pid'), 'utf8'));
  }

  daemon(name: DirectorName): Daemon {
    const daemon = this.daemons.get(name);
    if (daemon === undefined) throw new Error(`${name} was not started`);
    return daemon;
  }

  /** Directors to which the router sends what is for this prefix. */
  async routes(prefix: string = VIP): Promise<DirectorName[]> {
    const text = await this.run('router', 'ip', 'route', 'show', prefix);
    return DIRECTORS.filter((name) => text.includes(`via ${AT[name].address} `));
  }

  /** Clients' sockets whose connections a director's IPVS has. */
  connections(name: DirectorName): string[] {
    return [...this.proc(name, 'ip_vs_conn').matchAll(/^TCP +(\w+) (\w+) .* ESTABLISHED /gmu)].map(([, address = '', port = '']) => socketOf(address, port));
  }

  /** Its IPVS has services. */
  serves(name: DirectorName): boolean {
    return /^TCP /mu.test(this.proc(name, 'ip_vs'));
  }

  /** Starts the clients. */
  ask(): void {
    const child = this.spawn('clients', [process.execPath, PEERS, 'ask', VIP, ...CLIENTS]);
    if (child.stdout === null) throw new Error('no stdout');
    this.clients = { child, lines: createInterface({ input: child.stdout }) };
  }

  /** What they have seen since they were asked last. */
  seen(): Promise<Seen> {
    const { clients } = this;
    if (clients === null) return Promise.reject(new Error('no clients'));
    return new Promise((resolve) => {
      clients.lines.once('line', (line) => { resolve(JSON.parse(line) as Seen); });
      clients.child.stdin?.write('\n');
    });
  }

  /** A program in a namespace; its output. */
  async run(name: string, program: string, ...words: readonly string[]): Promise<string> {
    return (await run('nsenter', [`--net=/run/netns/${this.prefix}${name}`, program, ...words], { encoding: 'utf8', timeout: 30_000 })).stdout;
  }

  /** The director's cable is pulled, at the router's end. */
  async cut(name: DirectorName): Promise<void> {
    await this.batch('router', `link set ${name} down`);
  }

  async mend(name: DirectorName): Promise<void> {
    await this.batch('router', `link set ${name} up`);
  }

  /** How it stands, for whoever has to find out why a test failed. */
  async describe(): Promise<string> {
    const looks: readonly (readonly [name: string, ...argv: string[]])[] = [
      ['router', 'ip', 'route'], ['router', 'birdc', '-s', join(this.folder, 'router', 'bird.ctl'), 'show', 'ospf', 'neighbors'],
      ...DIRECTORS.flatMap((name): [string, ...string[]][] => [[name, 'ipvsadm', '-Ln'], [name, 'ipvsadm', '-Lnc'], [name, 'iptables-legacy-save', '-c'], [name, 'cat', '/proc/net/stat/nf_conntrack'], [name, 'birdc', '-s', join(this.folder, name, 'bird.ctl'), 'show', 'protocols']]),
    ];
    const texts: string[] = [];
    for (const [name, program = '', ...words] of looks) texts.push(`--- ${name}: ${program} ${words.join(' ')}`, await this.run(name, program, ...words).catch(String));
    return texts.join('\n');
  }

  async close(): Promise<void> {
    for (const daemon of this.daemons.values()) {
      if (!daemon.running) continue;
      // Of one whose main process is gone the other may just be ending.
      if (daemon.pids().length > 0) daemon.kill();
      await until('its end', 60_000, () => !daemon.running, () => daemon.tail(), 100);
    }
    for (const child of this.children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    for (const name of MACHINES) await run('ip', ['netns', 'delete', `${this.prefix}${name}`]).catch(() => undefined);
  }

  private spawn(name: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const child = spawn('nsenter', [`--net=/run/netns/${this.prefix}${name}`, ...argv], { cwd: '/', stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', HOME: '/root', ...env } });
    child.stderr?.resume();
    this.children.push(child);
    return child;
  }

  /** In few processes: each takes its time in a user-mode kernel. */
  private async wire(): Promise<void> {
    const at = (name: string): string => `${this.prefix}${name}`;
    await batch([], ...MACHINES.map((name) => `netns add ${at(name)}`));
    await batch([], ...LEAVES.map((name) => `link add eth0 netns ${at(name)} type veth peer name ${name} netns ${at('router')}`));
    await this.batch('router', 'link set lo up', 'link add br0 type bridge', 'link set br0 up', 'address add 10.0.0.1/24 dev br0', ...DIRECTORS.map((name) => `link set ${name} master br0`),
      'address add 198.51.100.1/24 dev clients', 'address add 10.1.1.1/24 dev rs1', 'address add 10.1.2.1/24 dev rs2', ...LEAVES.map((name) => `link set ${name} up`));
    await this.run('router', 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv4.fib_multipath_hash_policy=1');
    await this.leaf('clients', '198.51.100.2/24', '198.51.100.1', ...CLIENTS.map((address) => `address add ${address}/32 dev eth0`));
    for (const n of [1, 2]) {
      await this.leaf(`rs${n}`, `10.1.${n}.2/24`, `10.1.${n}.1`);
      this.spawn(`rs${n}`, [process.execPath, PEERS, 'serve', `rs${n}`]);
    }
    this.bird('router', readFileSync(join(SAMPLES, 'router-bird.conf'), 'utf8'));
    for (const name of DIRECTORS) await this.director(name);
  }

  private async director(name: DirectorName): Promise<void> {
    const other = name === 'first' ? 'second' : 'first';
    await this.leaf(name, `${AT[name].address}/24`, '10.0.0.1', `address add ${VIP}/32 dev lo`, `route add blackhole ${AT[other].local}`);
    await this.run(name, 'sh', '-c', 'modprobe nf_conntrack && sysctl -qw net.netfilter.nf_conntrack_tcp_be_liberal=1');
    const bird = readFileSync(join(SAMPLES, 'bird.conf'), 'utf8');
    // As its comments say.
    this.bird(name, name === 'first' ? bird : bird.replace(AT.first.address, AT.second.address).replaceAll(/metric1 = \d+; \}; +# second: (\d+)/gu, 'metric1 = $1; };'));
    const control = join(this.folder, name, 'bird.ctl');
    writeFileSync(join(this.folder, name, 'keepalived.conf'), readFileSync(join(SAMPLES, 'keepalived.conf'), 'utf8').replace('drain_time 5 ', `drain_time ${DRAIN} `).replaceAll('/usr/sbin/birdc', `/usr/sbin/birdc -s ${control}`));
  }

  /** BIRD of a sample, at work until the end. */
  private bird(name: BirdName, configuration: string): void {
    const dir = join(this.folder, name);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'bird.conf'), configuration.replace('log syslog all', 'log stderr all'));
    this.birds.set(name, this.spawn(name, ['bird', '-f', '-c', join(dir, 'bird.conf'), '-s', join(dir, 'bird.ctl')]));
  }

  /** A file of /proc/net in a machine that has BIRD, read without a process. */
  private proc(name: BirdName, file: string): string {
    return readFileSync(`/proc/${this.birds.get(name)?.pid ?? 0}/net/${file}`, 'utf8');
  }

  private leaf(name: string, address: string, gateway: string, ...commands: readonly string[]): Promise<void> {
    return this.batch(name, 'link set lo up', `address add ${address} dev eth0`, 'link set eth0 up', `route add default via ${gateway}`, ...commands);
  }

  private batch(name: string, ...commands: readonly string[]): Promise<void> {
    return batch(['-n', `${this.prefix}${name}`], ...commands);
  }
}

/** ADDRESS:PORT of the two columns of hexadecimal digits that the kernel has for it. */
function socketOf(address: string, port: string): string {
  return `${[...Buffer.from(address, 'hex')].join('.')}:${parseInt(port, 16)}`;
}
