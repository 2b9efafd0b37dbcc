/**
 * What FULLNAT costs on a stock kernel, in Debian's one under QEMU, whose clock counts instructions: requests and packets from a
 * client through router, director and router to a real server, by plain IPVS masquerading (replies routed back to the director),
 * by FULLNAT with our tables, and by nftables alone; then FULLNAT with 1 service and with 1,000, and the time that 1,000 × 10 take to set up.
 *
 *     npm run bench fullnat -- --reps=3 --requests=200 --packets=2000 --services=1000 --servers=10
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import type { IpvsConfig } from '../../lib/config/model-ipvs.ts';
import { desiredTable } from '../../lib/ipvs/desired.ts';
import { diffTables } from '../../lib/ipvs/diff.ts';
import { fullnatPlan, type FullnatPlan } from '../../lib/ipvs/fullnat/plan.ts';
import { buildRuleset, changeRuleset, removeRuleset } from '../../lib/ipvs/fullnat/ruleset.ts';
import { begin } from '../../lib/ipvs/migrate.ts';
import { EMPTY_TABLE, type IpvsTable } from '../../lib/ipvs/table.ts';
import { linuxIpvs } from '../../lib/linux/ipvs.ts';
import { enterNetworkNamespace, namespacePath } from '../../lib/linux/namespace.ts';
import { linuxPacketFilter } from '../../lib/linux/packet-filter.ts';
import type { IpvsControl } from '../../lib/system/ipvs.ts';
import type { PacketFilter } from '../../lib/system/packet-filter.ts';
import { load } from '../config/helpers.ts';
import { PROJECT } from '../netns/daemon.ts';
import { until } from '../netns/wait.ts';
import { LOCAL, SERVERS, Site, VIP } from '../qemu/fullnat/site.ts';
import { loadModules } from '../qemu/needs.ts';
import { batch } from '../uml/director/world.ts';
import { median, numberOption, printTable, spread } from './support/table.ts';

const BLAST = fileURLToPath(new URL('./support/blast.js', import.meta.url));
const DISCARD = 9;
const BOUND = 600_000;

/** Reading ten thousand servers takes a minute here: each text once. */
const known = new Map<string, IpvsConfig>();

if (process.env['QEMU_RUN'] === '1') await measure();
else process.exitCode = inGuest();

/** The same program, in the guest. */
function inGuest(): number {
  console.log("\nFULLNAT's price, in Debian's kernel under QEMU, counted in instructions");
  const runner = join(PROJECT, 'test/qemu/qemu-run');
  const { status, stderr } = spawnSync(runner, ['-n'], { encoding: 'utf8' });
  if (status !== 0) {
    console.log(`skipped: ${stderr.trim()}; Debian packages qemu-system-x86 qemu-system-common linux-image-cloud-amd64 busybox-static cpio kmod`);
    return 0;
  }
  return spawnSync(runner, ['-i', '-t', '1800', '--', process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1;
}

/** Requests a second on kept and on new connections; microseconds of a packet. */
interface Figures {
  readonly kept: number[];
  readonly fresh: number[];
  readonly packet: number[];
}

type Way = 'no director' | 'IPVS masquerading' | 'FULLNAT' | 'nftables alone' | 'FULLNAT, many services';

interface Director {
  readonly ipvs: IpvsControl;
  readonly filter: PacketFilter;
}

async function measure(): Promise<void> {
  const [reps, requests, packets, services, servers] = [numberOption('reps', 3), numberOption('requests', 200), numberOption('packets', 2000), numberOption('services', 1000), numberOption('servers', 10)];
  loadModules('ip_vs_rr', '8021q', 'nft_chain_nat', 'nft_hash');
  const site = await Site.open();
  try {
    await site.route('director');
    // From here on this process is the director's.
    enterNetworkNamespace(namespacePath('director'));
    const director = { ipvs: await linuxIpvs(), filter: linuxPacketFilter() };
    run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
    const ways: Readonly<Record<Way, () => Promise<() => Promise<void>>>> = {
      'no director': () => Promise.resolve(() => Promise.resolve()),
      'IPVS masquerading': () => masquerading(director),
      FULLNAT: () => fullnat(director, 1, 1),
      'nftables alone': nftables,
      'FULLNAT, many services': () => fullnat(director, services, servers),
    };
    const figures = new Map<Way, Figures>((Object.keys(ways) as Way[]).map((way) => [way, { kept: [], fresh: [], packet: [] }]));
    for (let rep = 0; rep < reps; rep++) {
      for (const [way, begin] of Object.entries(ways) as [Way, () => Promise<() => Promise<void>>][]) {
        const end = await begin();
        await take(site, way === 'no director' ? SERVERS[0] : VIP, { requests, packets }, figures.get(way));
        await end();
      }
    }
    printFigures(figures, { reps, services, servers });
    await printSetUp(site, director, services, servers);
  } finally {
    await site.close();
  }
}

async function take(site: Site, host: string, { requests, packets }: { requests: number; packets: number }, into: Figures | undefined): Promise<void> {
  if (into === undefined) return;
  await site.client.time(host, 30, false);
  await site.client.time(host, 30, true);
  into.kept.push((requests * 1000) / (await site.client.time(host, requests, true)));
  into.fresh.push((requests * 1000) / (await site.client.time(host, requests, false)));
  into.packet.push(...(JSON.parse(await site.on('client', process.execPath, BLAST, host, String(DISCARD), String(packets), String(packets))) as number[]));
}

function printFigures(figures: ReadonlyMap<Way, Figures>, { reps, services, servers }: { reps: number; services: number; servers: number }): void {
  const of = (way: Way): Figures => figures.get(way) ?? { kept: [], fresh: [], packet: [] };
  const base = of('IPVS masquerading');
  const own = ({ packet }: Figures): number => median(packet) - median(of('no director').packet);
  const rows = [...figures].map(([way, one]) => {
    const isDirect = way === 'no director';
    const name = way === 'FULLNAT, many services' ? `FULLNAT, 1 of ${services} services × ${servers}` : way;
    return [name, spread(one.kept, 0), ratioOf(median(one.kept), median(base.kept)), spread(one.fresh, 0), ratioOf(median(one.fresh), median(base.fresh)), spread(one.packet, 1), isDirect ? '' : own(one).toFixed(1), isDirect ? '' : ratioOf(own(one), own(base))];
  });
  console.log(`requests a second, and microseconds of a packet; ${reps} rounds, 1 = IPVS masquerading`);
  printTable([['median [least..most]', 'kept connection', 'ratio', 'new connections', 'ratio', 'UDP packet, µs', 'of it the director', 'ratio'], ...rows]);
  const flat = own(of('FULLNAT, many services')) / own(of('FULLNAT'));
  console.log(`a packet with ${services} services costs the director ${flat.toFixed(2)} times what it costs with one`);
}

function ratioOf(value: number, base: number): string {
  return (value / base).toFixed(2);
}

/** Virtual servers, the first of them the one that is asked; all local addresses in one group. */
function configuration(services: number, servers: number, kind: 'FNAT' | 'NAT'): string {
  const real = (service: number, port: number): string =>
    service === 0 ? `  real_server ${SERVERS[0]} ${port} {\n  }\n` : Array.from({ length: servers }, (_, i) => `  real_server 10.${20 + (service >> 8)}.${service & 255}.${i + 1} ${port} {\n  }\n`).join('');
  const server = (address: string, service: number, port: number, protocol: string): string =>
    `virtual_server ${address} ${port} {\n  lvs_sched rr\n  lvs_method ${kind}\n  protocol ${protocol}\n${kind === 'FNAT' ? '  laddr_group_name inside\n' : ''}${real(service, port)}}\n`;
  const others = Array.from({ length: services - 1 }, (_, i) => server(`192.168.${(i + 1) >> 8}.${(i + 1) & 255}`, i + 1, 80, 'TCP'));
  return `local_address_group inside {\n${LOCAL.map((address) => `  ${address}\n`).join('')}}\n${server(VIP, 0, 80, 'TCP')}${server(VIP, 0, DISCARD, 'UDP')}${others.join('')}`;
}

function read(text: string): IpvsConfig {
  const before = known.get(text);
  if (before !== undefined) return before;
  const { config } = load(text);
  if (config === null) throw new Error('the configuration was not read');
  known.set(text, config.ipvs);
  return config.ipvs;
}

function planOf(config: IpvsConfig): FullnatPlan {
  const plan = fullnatPlan(config, 'inet');
  if (plan === null) throw new Error('there is no FULLNAT');
  return plan;
}

/** As the daemon has it when every server is up. */
function tableOf(config: IpvsConfig): IpvsTable {
  const masqueraded = config.virtualServers.map((server) => ({ ...server, realServers: server.realServers.map((real) => ({ ...real, forward: { ...real.forward, method: 'NAT' as const } })) }));
  return desiredTable([...begin(masqueraded, false).standings.values()], config.groups);
}

async function program({ ipvs }: Director, desired: IpvsTable, actual: IpvsTable): Promise<void> {
  const refused = (await ipvs.apply(diffTables(desired, actual))).find((error) => error !== null);
  if (refused != null) throw refused;
}

async function masquerading(director: Director): Promise<() => Promise<void>> {
  const table = tableOf(read(configuration(1, 1, 'NAT')));
  await program(director, table, EMPTY_TABLE);
  // What the server sends to the client meets the director, as if that were the gateway.
  const route = ['rule add iif r-one.101 to 198.51.100.0/24 lookup 100', 'route add default via 10.0.0.10 table 100'];
  await batch(['-n', 'router'], ...route);
  return async () => {
    await batch(['-n', 'router'], ...route.map((command) => command.replace(' add ', ' del ')));
    await program(director, EMPTY_TABLE, table);
  };
}

async function fullnat(director: Director, services: number, servers: number): Promise<() => Promise<void>> {
  const config = read(configuration(services, servers, 'FNAT'));
  const table = tableOf(config);
  run('sysctl', '-qw', 'net.ipv4.vs.conntrack=1');
  await director.filter.apply(buildRuleset(planOf(config)));
  await program(director, table, EMPTY_TABLE);
  return async () => {
    await program(director, EMPTY_TABLE, table);
    await director.filter.apply(removeRuleset('inet'));
    run('sysctl', '-qw', 'net.ipv4.vs.conntrack=0');
  };
}

/** Nothing but two translations. */
function nftables(): Promise<() => Promise<void>> {
  const rules = `table ip alone {
  chain pre { type nat hook prerouting priority dstnat; ip daddr ${VIP} tcp dport 80 dnat to ${SERVERS[0]}:80; ip daddr ${VIP} udp dport ${DISCARD} dnat to ${SERVERS[0]}:${DISCARD}; }
  chain post { type nat hook postrouting priority srcnat; ip daddr ${SERVERS[0]} ct status dnat snat to jhash ip saddr . th sport mod ${LOCAL.length} seed 1 map { ${LOCAL.map((address, i) => `${i} : ${address}`).join(', ')} }\n  }
}`;
  const { status, stderr } = spawnSync('nft', ['-f', '-'], { input: rules, encoding: 'utf8' });
  if (status !== 0) throw new Error(`nft: ${stderr}`);
  return Promise.resolve(() => {
    run('nft', 'delete', 'table', 'ip', 'alone');
    return Promise.resolve();
  });
}

async function printSetUp(site: Site, director: Director, services: number, servers: number): Promise<void> {
  const config = read(configuration(services, servers, 'FNAT'));
  const [plan, table] = [planOf(config), tableOf(config)];
  const changed = planOf(read(configuration(services, servers, 'FNAT').replace(`  ${LOCAL[2]}\n`, '')));
  const rows = [
    ['tables of nftables, in one transaction', await timed(() => director.filter.apply(buildRuleset(plan)))],
    ['IPVS', await timed(() => program(director, table, EMPTY_TABLE))],
    ['a local address less', await timed(() => director.filter.apply(changeRuleset(plan, changed)))],
    ['a local address more', await timed(() => director.filter.apply(changeRuleset(changed, plan)))],
    ['the table anew, as after a kill', await timed(() => director.filter.apply(buildRuleset(plan)))],
  ];
  await director.filter.apply(removeRuleset('inet'));
  await program(director, EMPTY_TABLE, table);
  const began = performance.now();
  const daemon = site.direct('other', configuration(services, servers, 'FNAT'));
  const lines = [...table.values()].reduce((sum, { destinations }) => sum + 1 + destinations.length, 0);
  await until('the daemon has set up all', BOUND, () => programmed(daemon.pids()[0]) >= lines, () => daemon.tail(), 100);
  rows.push(['the daemon, from its start until the kernel has it all', `${(performance.now() - began).toFixed(0)}`]);
  daemon.terminate();
  await daemon.ended(BOUND);
  console.log(`\n${services} virtual servers × ${servers} real servers with FULLNAT`);
  printTable([['', 'ms'], ...rows]);
}

async function timed(work: () => Promise<void>): Promise<string> {
  const began = performance.now();
  await work();
  return (performance.now() - began).toFixed(0);
}

/** Lines of the kernel's table as this process sees it, without its head. */
function programmed(pid: number | undefined): number {
  return pid === undefined ? 0 : readFileSync(`/proc/${pid}/net/ip_vs`, 'utf8').split('\n').length - 4;
}

function run(program: string, ...argv: string[]): void {
  const { status, stderr } = spawnSync(program, argv, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${argv.join(' ')}: ${stderr}`);
}
