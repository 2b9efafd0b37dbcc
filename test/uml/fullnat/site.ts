import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Daemon, daemonCommand } from '../../netns/daemon.ts';
import { until } from '../../netns/wait.ts';
import { batch } from '../director/world.ts';
import { Peer } from './peer.ts';

const run = promisify(execFile);

export const CLIENT = { inet: '198.51.100.10', inet6: '2001:db8:100::10' } as const;
export const VIP = { inet: '203.0.113.1', inet6: '2001:db8:113::1' } as const;
/** More of the director's virtual addresses. */
export const VIPS = ['203.0.113.2', '203.0.113.10', '203.0.113.11'] as const;
export const REAL = { rs1: { inet: '10.0.1.11', inet6: '2001:db8:0:1::11' }, rs2: { inet: '10.0.2.12', inet6: '2001:db8:0:2::12' } } as const;
/** On the director's interface, beside its own 10.0.0.10. */
export const LOCAL = ['10.0.0.21', '10.0.0.22', '10.0.0.31', '10.0.0.41', '2001:db8:0:f::21', '2001:db8:0:f::22'] as const;

const PLACES = ['cli', 'rtr', 'dir', 'rs1', 'rs2'] as const;
type Place = (typeof PLACES)[number];

/**
 * The director has one interface, and nobody has it for a gateway: without translation of sources replies pass it by.
 *
 *     cli 198.51.100.10 ── rtr ── dir 10.0.0.10 (virtual addresses on lo, local addresses on eth0)
 *                           ├──── rs1 10.0.1.11
 *                           └──── rs2 10.0.2.12
 */
export class FullnatSite {
  readonly dir = mkdtempSync(join(tmpdir(), 'fullnat-'));
  readonly peers = new Map<Place, Peer>();
  daemon: Daemon | null = null;

  static async open(): Promise<FullnatSite> {
    const site = new FullnatSite();
    try {
      await site.#wire();
      for (const place of ['cli', 'dir', 'rs1', 'rs2'] as const) site.peers.set(place, new Peer(site.name(place)));
      for (const place of ['rs1', 'rs2'] as const) await site.peer(place).call('serve', place);
      return site;
    } catch (cause) {
      await site.close();
      throw cause;
    }
  }

  /** The network namespace of a place. */
  name(place: Place): string {
    return `f${process.pid}-${place}`;
  }

  peer(place: Place): Peer {
    const peer = this.peers.get(place);
    if (peer === undefined) throw new Error(`nobody is at ${place}`);
    return peer;
  }

  start(configuration: string): Daemon {
    this.configure(configuration);
    const files = ['-f', join(this.dir, 'k.conf'), '-p', join(this.dir, 'pid'), '-r', join(this.dir, 'vrrp.pid'), '-c', join(this.dir, 'checkers.pid')];
    // The shell stays: what is below it is the daemon.
    const child = spawn('sh', ['-c', '"$@"; exit $?', 'sh', 'nsenter', `--net=/run/netns/${this.name('dir')}`, ...daemonCommand('ours'), '-n', '-l', '-D', '-G', ...files], {
      cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', HOME: '/root', TMPDIR: this.dir, STATE_DIRECTORY: this.dir },
    });
    return (this.daemon = new Daemon('ours', 'dir', child));
  }

  configure(configuration: string): void {
    writeFileSync(join(this.dir, 'k.conf'), configuration);
  }

  /** Waits for the end of the reload, which both processes tell of. */
  async reload(configuration: string): Promise<void> {
    this.configure(configuration);
    const { daemon } = this;
    const told = (): number => daemon?.log.filter(({ text }) => text.endsWith('Reload complete')).length ?? 0;
    const before = told();
    daemon?.signal('SIGHUP');
    await until('both processes have reloaded', 120_000, () => told() >= before + 2, () => daemon?.tail() ?? '', 100);
  }

  /** A program at the director; its output. */
  async run(program: string, ...words: string[]): Promise<string> {
    return (await run('nsenter', [`--net=/run/netns/${this.name('dir')}`, program, ...words], { encoding: 'utf8', timeout: 60_000 })).stdout;
  }

  /** Lines of `ipvsadm -Sn`. */
  async table(): Promise<string[]> {
    return (await this.run('ipvsadm', '-Sn')).split('\n').filter((line) => line !== '');
  }

  /** Rules and chains that are ours, of both families. */
  async rules(): Promise<string[]> {
    return (await this.run('sh', '-c', 'iptables-legacy-save; ip6tables-legacy-save')).split('\n').filter((line) => line.includes('TSK-FNAT'));
  }

  /** What goes over the director's interface while `act` runs, and until it ceases: `FROM > TO FLAGS` of each TCP packet. */
  async capture(filter: string, act: () => Promise<void>): Promise<string[]> {
    const child = spawn('nsenter', [`--net=/run/netns/${this.name('dir')}`, 'tcpdump', '-i', 'eth0', '-nn', '-l', '-tt', filter], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [text, said] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (said += piece));
    try {
      await until('tcpdump listens', 20_000, () => said.includes('listening on'), () => said);
      await act();
      const packets = (): string[] => [...text.matchAll(/ IP6? (\S+) > (\S+): Flags \[(\S+)\]/gu)].map(([, from, to, flags]) => `${from ?? ''} > ${to ?? ''} ${flags ?? ''}`);
      let seen = -1;
      await until('the last packet is written', 20_000, () => { const before = seen; seen = text.length; return before === seen; }, () => text, 500);
      return packets();
    } finally {
      await killed(child);
    }
  }

  async close(): Promise<void> {
    if (this.daemon?.running === true) {
      this.daemon.kill();
      await this.daemon.end;
    }
    for (const peer of this.peers.values()) await peer.close();
    for (const place of PLACES) await run('ip', ['netns', 'delete', this.name(place)]).catch(() => undefined);
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #wire(): Promise<void> {
    await batch([], ...PLACES.map((place) => `netns add ${this.name(place)}`));
    const rtr = this.name('rtr');
    await batch(['-n', rtr], 'link set lo up');
    const cables = [['cli', CLIENT.inet, CLIENT.inet6], ['dir', '10.0.0.10', '2001:db8:0:f::10'], ['rs1', REAL.rs1.inet, REAL.rs1.inet6], ['rs2', REAL.rs2.inet, REAL.rs2.inet6]] as const;
    for (const [place, four, six] of cables) {
      const [gateway4, gateway6] = [four.replace(/\d+$/u, '1'), six.replace(/::\d+$/u, '::1')];
      await batch(['-n', rtr], `link add r-${place} type veth peer name eth0 netns ${this.name(place)}`, `link set r-${place} up`, `address add ${gateway4}/24 dev r-${place}`, `address add ${gateway6}/64 dev r-${place} nodad`);
      await batch(['-n', this.name(place)], 'link set lo up', 'link set eth0 up', `address add ${four}/24 dev eth0`, `address add ${six}/64 dev eth0 nodad`, `route add default via ${gateway4}`, `route add default via ${gateway6}`);
    }
    const host = (address: string): string => `${address}/${address.includes(':') ? '128' : '32'}`;
    const virtual = [VIP.inet, VIP.inet6, ...VIPS];
    await batch(['-n', this.name('dir')], ...virtual.map((address) => `address add ${host(address)} dev lo`), ...LOCAL.map((address) => `address add ${host(address)} dev eth0${address.includes(':') ? ' nodad' : ''}`));
    await batch(['-n', rtr], ...virtual.map((address) => `route add ${host(address)} via ${address.includes(':') ? '2001:db8:0:f::10' : '10.0.0.10'}`));
    await run('nsenter', [`--net=/run/netns/${rtr}`, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding']);
  }
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  await ended;
}
