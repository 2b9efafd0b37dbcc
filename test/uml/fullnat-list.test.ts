import { expect } from 'chai';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { printNotes } from '../../lib/ipvs/fullnat/notes.ts';
import { ip } from '../../lib/util/ip.ts';
import { until } from '../netns/wait.ts';
import { ipvsadm, restore } from './ipvsadm.ts';
import { skip } from '../needs.ts';
import { requireUml } from './needs.ts';

const PROGRAM = join(dirname(createRequire(import.meta.url).resolve('../../../package.json')), 'bin/tskeepalived.js');
const FAMILIES = [
  { version: '-4', tables: 'iptables-legacy', vip: '192.0.2.1', prefix: '/32', client: '10.1.0.2', local: '10.2.0.21', server: '10.2.0.2' },
  { version: '-6', tables: 'ip6tables-legacy', vip: '2001:db8::1', prefix: '/128', client: 'fd01::2', local: 'fd02::21', server: 'fd02::2' },
] as const;

/** Says, for each connection, where it came from; and keeps it. */
const SERVER = "require('net').createServer((s) => { s.on('error', () => 0); console.log(s.remoteAddress.replace('::ffff:', '') + ' ' + s.remotePort); s.write('hello'); }).listen(8080, '::', () => console.log('ready'))";
const CLIENT = "for (const [i, host] of process.argv.slice(1).entries()) require('net').connect({ port: 80, host }).on('data', () => console.log('connected ' + host)).on('error', (e) => console.log('error ' + e.message))";

/** Two networks with the director between them; a client and a server in namespaces of their own. */
const NETWORK = `
set -e
for n in c s; do ip netns add $n; ip -n $n link set lo up; done
ip link add vc type veth peer name eth0 netns c
ip link add vs type veth peer name eth0 netns s
ip link set vc up; ip link set vs up; ip -n c link set eth0 up; ip -n s link set eth0 up
ip address add 10.1.0.1/24 dev vc; ip address add fd01::1/64 dev vc nodad
ip address add 10.2.0.1/24 dev vs; ip address add 10.2.0.21/32 dev vs; ip address add fd02::1/64 dev vs nodad; ip address add fd02::21/128 dev vs nodad
ip -n c address add 10.1.0.2/24 dev eth0; ip -n c address add fd01::2/64 dev eth0 nodad
ip -n s address add 10.2.0.2/24 dev eth0; ip -n s address add fd02::2/64 dev eth0 nodad
ip -n c route add 192.0.2.1 via 10.1.0.1; ip -n c route add 2001:db8::1 via fd01::1
ip address add 192.0.2.1/32 dev lo; ip address add 2001:db8::1/128 dev lo nodad
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.vs.conntrack=1
`;

describe('tskeepalived ipvs, of FULLNAT on a real kernel', function () {
  this.timeout(240_000);
  let folder: string;
  const children: ChildProcess[] = [];
  let seen: string[] = [];

  function child(namespace: string, script: string, ...argv: string[]): string[] {
    const lines: string[] = [];
    const one = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', script, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(one);
    one.stdout.setEncoding('utf8').on('data', (text: string) => { lines.push(...text.split('\n').filter((line) => line !== '')); });
    return lines;
  }

  /** `tskeepalived ipvs`: what it prints, and what it says beside it. */
  function ours(...options: string[]): { readonly text: string; readonly said: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'ipvs', ...options], { encoding: 'utf8', env: { ...process.env, STATE_DIRECTORY: folder } });
    expect(status, stderr).to.equal(0);
    return { text: stdout, said: stderr };
  }

  before(async function () {
    requireUml(this, 'ipvsadm', 'iptables-legacy', 'ip6tables-legacy', 'sysctl');
    folder = mkdtempSync(join(tmpdir(), 'tska-fnat-'));
    execFileSync('sh', ['-c', NETWORK]);
    restore(FAMILIES.flatMap(({ vip, server }) => {
      const bracket = (address: string): string => (address.includes(':') ? `[${address}]` : address);
      return [`-A -t ${bracket(vip)}:80 -s rr`, `-a -t ${bracket(vip)}:80 -r ${bracket(server)}:8080 -m`];
    }));
    for (const { tables, vip, prefix, local } of FAMILIES) {
      execFileSync(tables, ['-t', 'nat', '-A', 'POSTROUTING', '-p', 'tcp', '-m', 'ipvs', '--vaddr', `${vip}${prefix}`, '--vport', '80', '--vmethod', 'MASQ', '--vdir', 'ORIGINAL', '-j', 'SNAT', '--to-source', local]);
    }
    // As the daemon writes it.
    const namespace = statSync('/proc/self/ns/net').ino;
    const epoch = `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${String(namespace)}`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${String(namespace)}-run-keepalived.pid.ipvs.json.fullnat-services`), printNotes(epoch, FAMILIES.map(({ vip, local }) => ({ key: `tcp ${vip} 80`, group: 'G', localAddresses: [ip(local)] }))));

    seen = child('s', SERVER);
    await until('the server', 30_000, () => seen.includes('ready'), () => seen.join('\n'));
    const clients = child('c', CLIENT, '192.0.2.1', '2001:db8::1', '192.0.2.1');
    await until('three connections', 60_000, () => clients.length === 3, () => `${clients.join('\n')}\n${seen.join('\n')}`);
    expect(clients.filter((line) => line.startsWith('error'))).to.deep.equal([]);
    await until('the server sees them', 30_000, () => seen.length === 4, () => seen.join('\n'));
  });
  after(() => {
    for (const one of children) one.kill('SIGKILL');
    if (folder === undefined) return;
    rmSync(folder, { recursive: true, force: true });
    for (const { tables } of FAMILIES) execFileSync(tables, ['-t', 'nat', '-F', 'POSTROUTING']);
    ipvsadm('-C');
    execFileSync('sh', ['-c', 'ip netns del c; ip netns del s; ip address del 192.0.2.1/32 dev lo; ip address del 2001:db8::1/128 dev lo']);
  });

  /** `CLIENT VIRTUAL LOCAL SERVER` without ports that differ from run to run, and with the local one. */
  function four(text: string): string[] {
    return text.trim().split('\n').slice(2).map((line) => line.split(/\s+/u).slice(3).join(' ')).sort();
  }

  function bare(text: string): string {
    return text.replace(/:\d+$/u, '').replaceAll(/[[\]]/gu, '');
  }

  let lines: string[] = [];
  it('connections with their four addresses: the server sees the local one', () => {
    lines = four(ours('-c', '--fullnat').text);
    expect(lines.map((line) => line.split(' ').map(bare))).to.have.deep.members([
      ...['', ''].map(() => ['10.1.0.2', '192.0.2.1', '10.2.0.21', '10.2.0.2']), ['fd01::2', '2001:db8::1', 'fd02::21', 'fd02::2'],
    ]);
    expect(lines.map((line) => (line.split(' ')[2] ?? '').replace(/^\[?([^\]]*)\]?:(\d+)$/u, '$1 $2')).sort(), 'what the server saw').to.deep.equal(seen.slice(1).sort());
  });

  it('the same as JSON', () => {
    const connections = ours('-c', '--json').text.trim().split('\n').map((line) => JSON.parse(line) as { local: { address: string }; virtual: { port: number } });
    expect(connections.map(({ local, virtual }) => [local.address, virtual.port]).sort()).to.deep.equal([['10.2.0.21', 80], ['10.2.0.21', 80], ['fd02::21', 80]]);
  });

  it('without ctnetlink in the kernel, by its file', function () {
    const modprobe = readFileSync('/proc/sys/kernel/modprobe', 'utf8');
    if (spawnSync('modprobe', ['-r', 'nf_conntrack_netlink']).status !== 0) skip(this, 'nf_conntrack_netlink cannot be unloaded');
    writeFileSync('/proc/sys/kernel/modprobe', '/bin/false');
    try {
      expect(four(ours('-c', '--fullnat').text)).to.deep.equal(lines);
    } finally {
      writeFileSync('/proc/sys/kernel/modprobe', modprobe);
      execFileSync('modprobe', ['nf_conntrack_netlink']);
    }
  });

  it('local addresses with connections and ports in use, and a hint about the small connection table', () => {
    const { text, said } = ours('-G');
    expect(text).to.equal([
      'IP Virtual Server version 1.2.1 (size=4096)',
      'VIP:VPORT                  TOTAL SNAT_IP                  CONFLICTS     CONNS FULLEST',
      'TCP  192.0.2.1:80              1',
      '                                 10.2.0.21                        -         2 2/64512 10.2.0.2:8080',
      'TCP  [2001:db8::1]:80          1',
      '                                 fd02::21                         -         1 1/64512 [fd02::2]:8080', '',
    ].join('\n'));
    expect(said).to.include('hint: the connection table has 4096 buckets').and.include('conn_tab_bits=22');
    const six = JSON.parse(ours('-G', '--json', '-t', '[2001:db8::1]:80').text) as { by: string; localAddresses: { connections: number }[] }[];
    expect(six.map(({ by, localAddresses }) => [by, localAddresses[0]?.connections]), 'of one service, as JSON').to.deep.equal([['netfilter', 1]]);
  });

  it('FullNat by name with --fullnat; without it, and of one service, as ipvsadm prints', () => {
    expect(ours('--fullnat').text.split('\n').filter((line) => line.includes('->')).slice(1).map((line) => line.trim().split(/\s+/u)[2])).to.deep.equal(['FullNat', 'FullNat']);
    expect(ours('-Ln', '-t', '192.0.2.1:80')).to.deep.equal({ text: ipvsadm('-Ln', '-t', '192.0.2.1:80'), said: '' });
    expect(JSON.parse(ours('--json').text)).to.have.property('fullnat').that.has.length(2);
  });

  it('where no daemon has written down what it translates, nothing is FULLNAT', () => {
    const { stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'ipvs', '-G'], { encoding: 'utf8', env: { ...process.env, STATE_DIRECTORY: join(folder, 'none') } });
    expect(stdout.split('\n')).to.have.length(3);
    expect(stderr).to.include('no service of this table has FULLNAT');
  });
});
