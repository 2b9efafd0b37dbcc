import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Daemon, daemonCommand, PROJECT } from '../../netns/daemon.ts';
import { batch } from '../../uml/director/world.ts';
import { Machine } from './machine.ts';

const run = promisify(execFile);

export const CLIENTS = ['198.51.100.10', '198.51.100.11', '198.51.100.12'] as const;
export const SERVERS = ['10.0.1.11', '10.0.2.12'] as const;
export const SERVERS6 = ['2001:db8:0:1::11', '2001:db8:0:2::12'] as const;
export const LOCAL = ['10.0.0.21', '10.0.0.22', '10.0.0.23'] as const;
export const LOCAL6 = ['2001:db8:0:f::21', '2001:db8:0:f::22'] as const;
/** Virtual addresses: all on lo of both directors. */
export const VIP = '203.0.113.1';
export const VIPS = [VIP, '203.0.113.2', '203.0.113.3', '203.0.113.4', '203.0.113.5', '203.0.113.6'] as const;
export const VIP6 = '2001:db8:113::1';
/** A director's own address, of the two. */
export const DIRECTORS = ['10.0.0.10', '10.0.8.10'] as const;

/**
 *     client 198.51.100.10 ─── router ─┬─ director 10.0.0.10, one arm; local addresses 10.0.0.21 …
 *                                      ├─ other    10.0.8.10, the same addresses
 *                                      ├─ one      10.0.1.11 in VLAN 101
 *                                      └─ two      10.0.2.12 in VLAN 102
 *
 * The gateway of everybody is the router: replies meet a director only because they are sent to a local address.
 */
export class Site {
  readonly folder: string;
  readonly client: Machine;
  readonly servers: readonly [Machine, Machine];
  readonly #children = new Set<ChildProcess>();

  static async open(): Promise<Site> {
    const folder = mkdtempSync(join(tmpdir(), 'fullnat-'));
    const machines: Machine[] = [];
    try {
      await batch([], ...NAMES.map((name) => `netns add ${name}`));
      await wire();
      for (const [name, role] of [['client', 'client'], ['one', 'one'], ['two', 'two']] as const) machines.push(await Machine.start(name, role));
      const [client, one, two] = machines;
      if (client === undefined || one === undefined || two === undefined) throw new Error('no machines');
      return new Site(folder, client, [one, two]);
    } catch (cause) {
      for (const machine of machines) await machine.end();
      await removeNamespaces();
      rmSync(folder, { recursive: true, force: true });
      throw cause;
    }
  }

  private constructor(folder: string, client: Machine, servers: readonly [Machine, Machine]) {
    this.folder = folder;
    this.client = client;
    this.servers = servers;
  }

  /** Starts the daemon in a director's namespace. */
  direct(director: 'director' | 'other', configuration: string): Daemon {
    this.configure(configuration, director);
    const file = (name: string): string => join(this.folder, `${director}-${name}`);
    const files = ['-f', file('keepalived.conf'), '-p', file('keepalived.pid'), '-r', file('vrrp.pid'), '-c', file('checkers.pid')];
    // The shell stays: what is below it is the daemon.
    const child = spawn('sh', ['-c', '"$@"; exit $?', 'sh', 'nsenter', `--net=/run/netns/${director}`, ...daemonCommand('ours'), '-n', '-l', '-D', '-G', ...files], {
      cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', HOME: '/root', TMPDIR: this.folder, STATE_DIRECTORY: this.folder },
    });
    this.#children.add(child);
    return new Daemon('ours', director, child);
  }

  configure(configuration: string, director: 'director' | 'other' = 'director'): void {
    writeFileSync(join(this.folder, `${director}-keepalived.conf`), configuration);
  }

  /** Runs a program of a machine to its end, and brings what it said; its failure is an error with what it said. */
  async on(machine: string, program: string, ...words: string[]): Promise<string> {
    return (await run('nsenter', [`--net=/run/netns/${machine}`, program, ...words], { encoding: 'utf8', timeout: 120_000, maxBuffer: 1 << 26 })).stdout;
  }

  /** tskeepalived's own commands. */
  ours(machine: string, ...words: string[]): Promise<string> {
    return this.on(machine, process.execPath, join(PROJECT, 'bin/tskeepalived.js'), ...words);
  }

  nft(machine: string, ...words: string[]): Promise<string> {
    return this.on(machine, 'nft', ...words);
  }

  /** Which director has the addresses, for the router. */
  async route(to: 'director' | 'other'): Promise<void> {
    const [via, via6] = to === 'director' ? [DIRECTORS[0], '2001:db8:0:f::10'] : [DIRECTORS[1], '2001:db8:0:8::10'];
    await batch(['-n', 'router'], ...[...VIPS, ...LOCAL].map((address) => `route replace ${address} via ${via}`), ...[VIP6, ...LOCAL6].map((address) => `route replace ${address} via ${via6}`));
  }

  /** The machine's connection tracking forgets everything. */
  async forget(machine: string): Promise<void> {
    await this.on(machine, process.execPath, '--input-type=module', '-e', FLUSH_CONNTRACK, PROJECT);
  }

  /** The director's IPv4 table is made anew so many times, each followed by two changes of its local addresses: as at starts and reloads. */
  async churn(director: 'director' | 'other', times: number): Promise<void> {
    await this.on(director, process.execPath, '--input-type=module', '-e', CHURN, PROJECT, join(this.folder, `${director}-keepalived.conf`), String(times));
  }

  /** Watches a machine's link by tcpdump until `stop`, which brings a line a packet, with more options than that as they say. */
  async capture(machine: string, link: string, filter: string, ...options: string[]): Promise<{ stop(): Promise<string[]> }> {
    return this.#record(machine, ['tcpdump', '-n', '-l', '--immediate-mode', ...options, '-i', link, filter], /listening on/u);
  }

  /** What changes in nf_tables, a line a change. */
  async monitor(machine: string): Promise<{ stop(): Promise<string[]> }> {
    return this.#record(machine, ['nft', '-nn', 'monitor'], null);
  }

  async #record(machine: string, argv: readonly string[], ready: RegExp | null): Promise<{ stop(): Promise<string[]> }> {
    const child = spawn('nsenter', [`--net=/run/netns/${machine}`, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.add(child);
    let said = '';
    let log = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    const begun = new Promise<void>((resolve, reject) => {
      if (ready === null) setTimeout(resolve, 3000);
      child.once('exit', (status) => { reject(new Error(`${argv[0] ?? ''} ended with ${status ?? '?'}: ${log}`)); });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        if (ready?.test(log) === true) resolve();
      });
    });
    await begun;
    return {
      stop: async () => {
        // What has happened is written by then.
        await new Promise((resolve) => setTimeout(resolve, 1000));
        const over = new Promise((resolve) => child.once('close', resolve));
        child.kill('SIGINT');
        await over;
        this.#children.delete(child);
        return said.split('\n').filter((line) => line !== '');
      },
    };
  }

  async close(): Promise<void> {
    for (const machine of [this.client, ...this.servers]) await machine.end();
    for (const child of this.#children) child.kill('SIGKILL');
    await removeNamespaces();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const NAMES = ['client', 'router', 'director', 'other', 'one', 'two'] as const;

const FLUSH_CONNTRACK = `
const { NetlinkRequests } = await import(process.argv[1] + '/dist/lib/linux/netlink-requests.js');
const requests = new NetlinkRequests(12, 'conntrack');
const [failed] = await requests.batch([{ type: 0x102, flags: 0, payload: new Uint8Array(4), operation: 'flush', object: 'conntrack' }]);
requests.close();
if (failed !== null) throw failed;`;

const CHURN = `
const [, project, path, times] = process.argv;
const { load } = await import(project + '/dist/lib/cli/load.js');
const { fullnatPlan } = await import(project + '/dist/lib/ipvs/fullnat/plan.js');
const { buildRuleset, changeRuleset } = await import(project + '/dist/lib/ipvs/fullnat/ruleset.js');
const { linuxPacketFilter } = await import(project + '/dist/lib/linux/packet-filter.js');
const plan = fullnatPlan((await load({ path, configId: '', allConfigErrors: true })).config.ipvs, 'inet');
const less = { ...plan, pools: plan.pools.map((pool) => ({ ...pool, addresses: pool.addresses.slice(1) })) };
const filter = linuxPacketFilter();
for (let i = 0; i < Number(times); i++) {
  for (const ops of [buildRuleset(plan), changeRuleset(plan, less), changeRuleset(less, plan)]) {
    await filter.apply(ops);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
filter.close();`;

async function wire(): Promise<void> {
  for (const name of NAMES) await batch(['-n', name], 'link set lo up');
  // Those of the directors are the daemon's affair.
  await run('nsenter', ['--net=/run/netns/router', 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
  for (const [name, vlan, address, gateway, address6, gateway6] of LINKS) {
    await batch([], `link add r-${name} netns router type veth peer name eth0 netns ${name}`);
    const [here, there] = vlan === null ? ['eth0', `r-${name}`] : [`eth0.${vlan}`, `r-${name}.${vlan}`];
    const tagged = (link: string, parent: string): string[] => (vlan === null ? [] : [`link add link ${parent} name ${link} type vlan id ${vlan}`, `link set ${link} up`]);
    await batch(['-n', name], 'link set eth0 up', ...tagged(here, 'eth0'), `address add ${address}/24 dev ${here}`, `address add ${address6}/64 dev ${here} nodad`);
    await batch(['-n', 'router'], `link set r-${name} up`, ...tagged(there, `r-${name}`), `address add ${gateway}/24 dev ${there}`, `address add ${gateway6}/64 dev ${there} nodad`);
    await batch(['-n', name], `route add default via ${gateway}`, `route add default via ${gateway6}`);
  }
  await batch(['-n', 'client'], ...CLIENTS.slice(1).map((address) => `address add ${address}/24 dev eth0`));
  for (const name of ['director', 'other']) {
    await batch(['-n', name], ...VIPS.map((address) => `address add ${address}/32 dev lo`), `address add ${VIP6}/128 dev lo nodad`,
      ...LOCAL.map((address) => `address add ${address}/32 dev eth0`), ...LOCAL6.map((address) => `address add ${address}/128 dev eth0 nodad`));
  }
}

/** Namespace, VLAN, address and gateway of both families. */
const LINKS = [
  ['client', null, CLIENTS[0], '198.51.100.1', '2001:db8:100::10', '2001:db8:100::1'],
  ['director', null, DIRECTORS[0], '10.0.0.1', '2001:db8:0:f::10', '2001:db8:0:f::1'],
  ['other', null, DIRECTORS[1], '10.0.8.1', '2001:db8:0:8::10', '2001:db8:0:8::1'],
  ['one', 101, SERVERS[0], '10.0.1.1', SERVERS6[0], '2001:db8:0:1::1'],
  ['two', 102, SERVERS[1], '10.0.2.1', SERVERS6[1], '2001:db8:0:2::1'],
] as const;

async function removeNamespaces(): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'list']);
  const there = new Set(stdout.split('\n').map((line) => line.split(' ')[0] ?? ''));
  for (const name of NAMES) if (there.has(name)) await run('ip', ['netns', 'delete', name]);
}
