import { expect } from 'chai';
import { hashBelow } from '../../lib/ipvs/fullnat/address-hash.ts';
import { ip, ipToBytes } from '../../lib/util/ip.ts';
import { runBpf } from '../ipvs/classic-bpf.ts';
import { until } from '../netns/wait.ts';
import type { Peer } from './fullnat/peer.ts';
import { CLIENT, FullnatSite, REAL, VIP, VIPS } from './fullnat/site.ts';
import { requireUml } from './needs.ts';

/** Not a measure: a guest on a busy machine may take a minute to start a process. */
const BOUND = 120_000;
const SEED = 4711;

/** Connections from ports at random that meet all of three local addresses, but for once in three million times. */
const MANY = 40;

interface Wanted {
  readonly local?: readonly string[];
  readonly servers?: readonly ('rs1' | 'rs2')[];
}

const FOUR = ['10.0.0.21', '10.0.0.22', '10.0.0.31'];
/** After the reloads. */
const FEWER = ['10.0.0.22', '10.0.0.41', '2001:db8:0:f::21-22'];
const SIX = ['2001:db8:0:f::21', '2001:db8:0:f::22'];

function configuration({ local = ['10.0.0.21-22', '10.0.0.31', '2001:db8:0:f::21-22'], servers = ['rs1', 'rs2'] }: Wanted = {}): string {
  const service = (head: string, family: 'inet' | 'inet6', port: number, lines: string): string => `virtual_server ${head} {
  delay_loop 1
  warmup 0
  lvs_sched rr
  lvs_method FNAT
  laddr_group_name lg
  ${lines}
${servers.map((server) => `  real_server ${REAL[server][family]} ${String(port)} {\n    TCP_CHECK {\n      connect_port 80\n      connect_timeout 3\n      retry 1\n      delay_before_retry 1\n    }\n  }\n`).join('')}}
`;
  return `global_defs {
  fullnat_seed ${String(SEED)}
  child_wait_time 120
}
local_address_group lg {
${local.map((line) => `  ${line}\n`).join('')}}
virtual_server_group many {
  ${VIPS[1]}-11 80
}
${service(`${VIP.inet} 80`, 'inet', 80, 'protocol TCP')}${service(`${VIP.inet} 53`, 'inet', 53, 'protocol UDP')}${service(`${VIP.inet6} 80`, 'inet6', 80, 'protocol TCP')}${service('fwmark 7', 'inet', 0, 'persistence_timeout 50')}${service('group many', 'inet', 80, 'protocol TCP')}`;
}

/** Where the hash puts a connection, by the same program run here. */
function predicted(port: number, local: readonly string[]): string {
  const packet = new Uint8Array(24);
  packet[0] = 0x45;
  packet.set(ipToBytes(ip(CLIENT.inet)), 12);
  new DataView(packet.buffer).setUint16(20, port);
  return local.find((_, i) => runBpf(hashBelow('inet', SEED, i + 1, local.length), packet) !== 0) ?? '';
}

/** The answers' servers, and the addresses that they saw. */
function sorted(answers: readonly string[]): { readonly servers: string[]; readonly seen: string[] } {
  const column = (i: number): string[] => [...new Set(answers.map((answer) => answer.split(' ')[i] ?? ''))].sort();
  return { servers: column(0), seen: column(1) };
}

describe('FULLNAT in a kernel without nf_tables', function () {
  this.timeout(300_000);
  let site: FullnatSite;
  const cli = (): Peer => site.peer('cli');
  const said = (): string => site.daemon?.tail() ?? '';

  before(async function () {
    requireUml(this, 'ipvsadm', 'tcpdump', 'iptables-legacy', 'ip6tables-legacy');
    site = await FullnatSite.open();
    // Somebody else's rule, which marks packets for the service of a mark.
    await site.run('iptables-legacy', '-t', 'mangle', '-A', 'PREROUTING', '-d', VIPS[0], '-j', 'MARK', '--set-mark', '7');
  });
  after(async () => { await site?.close(); });
  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.error(said());
  });

  async function servers(...names: ('rs1' | 'rs2')[]): Promise<void> {
    const wanted = names.map((name) => `-a -t ${VIP.inet}:80 -r ${REAL[name].inet}:80 -m -w 1`);
    await until(`${names.join(' and ')} in the table`, BOUND, async () => (await site.table()).filter((line) => line.startsWith(`-a -t ${VIP.inet}:80`)).sort().join() === wanted.sort().join(), said, 200);
  }

  it('without the source translation no answer comes: replies pass the director by', async () => {
    // The table that FULLNAT asks of IPVS, and the parameters, by hand.
    await site.run('sh', '-c', [
      'sysctl -qw net.ipv4.ip_forward=1 net.ipv4.vs.conntrack=1', `ipvsadm -A -t ${VIP.inet}:80 -s rr`, ...Object.values(REAL).map(({ inet }) => `ipvsadm -a -t ${VIP.inet}:80 -r ${inet}:80 -m`),
    ].join(' && '));
    expect(await cli().call('try', VIP.inet, 3000)).to.equal('no answer');
    expect(await site.run('ipvsadm', '-Lnc'), 'it came so far').to.match(new RegExp(`SYN_RECV +${CLIENT.inet.replaceAll('.', '\\.')}:`, 'u'));
    await site.run('sh', '-c', 'ipvsadm -C && sysctl -qw net.ipv4.ip_forward=0 net.ipv4.vs.conntrack=0');
  });

  it('with it HTTP works; the real servers see local addresses and nothing else, all of them', async () => {
    site.start(configuration());
    await servers('rs1', 'rs2');
    const answers = await cli().call('ask', VIP.inet, MANY, 0);
    expect(sorted(answers), said()).to.deep.equal({ servers: ['rs1', 'rs2'], seen: FOUR });
  });

  it('a capture shows each of the four translations', async () => {
    const port = 45678;
    const local = predicted(port, FOUR);
    // Of this connection alone: checks come every second, and would never leave the capture quiet.
    const packets = await site.capture(`tcp port ${String(port)}`, async () => {
      const [answer = ''] = await cli().call('ask', VIP.inet, 1, port);
      expect(answer.split(' ')[1]).to.equal(local);
    });
    const real = packets.map((line) => / > (10\.0\.[12]\.\d+)\.80 S$/u.exec(line)?.[1]).find((address) => packets.some((line) => line.startsWith(`${local}.${String(port)} > ${address ?? ''}.80`)));
    const [client, vip, lip, rip] = [`${CLIENT.inet}.${String(port)}`, `${VIP.inet}.80`, `${local}.${String(port)}`, `${real ?? ''}.80`];
    expect(packets.filter((line) => / S\.?$/u.test(line) && line.includes(String(port)))).to.deep.equal([`${client} > ${vip} S`, `${lip} > ${rip} S`, `${rip} > ${lip} S.`, `${vip} > ${client} S.`]);
    expect(packets.filter((line) => line.includes(client) && !line.includes(vip)), 'the client’s address goes no further').to.deep.equal([]);
    expect(packets.filter((line) => line.includes(vip) && !line.includes(client)), 'the virtual address either').to.deep.equal([]);
  });

  it('who gets which local address is decided by the seed, and survives the loss of all that conntrack knew', async () => {
    const from = 46000;
    const answers = await cli().call('ask', VIP.inet, 8, from);
    expect(answers.map((answer) => answer.split(' ')[1])).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7].map((i) => predicted(from + i, FOUR)));
    await cli().call('talk', VIP.inet, 46100);
    const first = await cli().call('word');
    expect(first.split(' ')[1]).to.equal(predicted(46100, FOUR));
    await site.peer('dir').call('forget');
    expect(await cli().call('word')).to.equal(first);
  });

  it('IPv6', async () => {
    expect(sorted(await cli().call('ask', VIP.inet6, MANY, 0)), said()).to.deep.equal({ servers: ['rs1', 'rs2'], seen: SIX });
  });

  it('UDP', async () => {
    const { servers: names, seen } = sorted(await cli().call('send', VIP.inet, MANY));
    expect({ names, seen }).to.deep.equal({ names: ['rs1', 'rs2'], seen: FOUR });
  });

  it('a service by mark, with persistence: one client, one server', async () => {
    const { servers: names, seen } = sorted(await cli().call('ask', VIPS[0], MANY, 0));
    expect(names, seen.join()).to.have.length(1);
    expect(seen).to.deep.equal(FOUR);
  });

  it('the addresses of a virtual_server_group', async () => {
    for (const vip of VIPS.slice(1)) expect(sorted(await cli().call('ask', vip, MANY, 0)), vip).to.deep.equal({ servers: ['rs1', 'rs2'], seen: FOUR });
  });

  it('a real server as a client, and a client on the director', async () => {
    for (const place of ['rs1', 'dir'] as const) {
      const { servers: names, seen } = sorted(await site.peer(place).call('ask', VIP.inet, 16, 0));
      expect({ names, seen: seen.filter((address) => !FOUR.includes(address)) }, place).to.deep.equal({ names: ['rs1', 'rs2'], seen: [] });
    }
  });

  it('a real server’s packet without a connection is met with silence, not with a reset', async () => {
    await site.peer('rs1').call('unserve');
    expect(await site.peer('rs1').call('stray', '10.0.0.21', 5555)).to.equal('silence');
  });

  it('a real server that died gets no connection; it is back, and takes its turn again', async () => {
    await servers('rs2');
    expect(sorted(await cli().call('ask', VIP.inet, 6, 0)).servers).to.deep.equal(['rs2']);
    await site.peer('rs1').call('serve', 'rs1');
    await servers('rs1', 'rs2');
    expect(sorted(await cli().call('ask', VIP.inet, 6, 0)).servers).to.deep.equal(['rs1', 'rs2']);
  });

  /** The download that was begun goes on. */
  async function goesOn(): Promise<void> {
    const { heard } = await cli().call('heard');
    await until('more of the download', BOUND, async () => {
      const now = await cli().call('heard');
      expect(now.broken, said()).to.equal(null);
      return now.heard > heard;
    }, said, 100);
  }

  it('reloads add and remove a local address and a real server, and a download goes on', async () => {
    await cli().call('download', VIP.inet);
    await goesOn();
    const [first = 'rs1'] = await downloading();
    const other = first === 'rs1' ? 'rs2' : 'rs1';
    await site.reload(configuration({ local: ['10.0.0.21-22', '10.0.0.31', '10.0.0.41', '2001:db8:0:f::21-22'], servers: [first] }));
    await servers(first);
    await goesOn();
    expect(sorted(await cli().call('ask', VIP.inet, 40, 0))).to.deep.equal({ servers: [first], seen: [...FOUR, '10.0.0.41'] });
    expect((await site.rules()).filter((line) => line.includes(REAL[other].inet))).to.deep.equal([]);
    await site.reload(configuration({ local: FEWER }));
    await servers('rs1', 'rs2');
    await goesOn();
    expect(sorted(await cli().call('ask', VIP.inet, 20, 0))).to.deep.equal({ servers: ['rs1', 'rs2'], seen: ['10.0.0.22', '10.0.0.41'] });
  });

  /** Servers that have a connection at the moment. */
  async function downloading(): Promise<('rs1' | 'rs2')[]> {
    const text = await site.run('ipvsadm', '-Lnc');
    return (['rs1', 'rs2'] as const).filter((name) => new RegExp(`ESTABLISHED .*${REAL[name].inet.replaceAll('.', '\\.')}:80`, 'u').test(text));
  }

  it('what somebody else flushes is put back, and the download goes on', async () => {
    const before = await site.rules();
    await site.run('iptables-legacy', '-t', 'nat', '-F');
    await until('the rules are there again', BOUND, async () => (await site.rules()).join('\n') === before.join('\n'), said, 1000);
    expect(said()).to.include('changed by somebody else');
    await goesOn();
    expect(sorted(await cli().call('ask', VIP.inet, MANY, 0)).seen).to.deep.equal(['10.0.0.22', '10.0.0.41']);
  });

  it('SIGKILL of the whole daemon breaks nothing, and the next one takes it all over', async () => {
    const before = await site.rules();
    const old = site.daemon;
    old?.kill();
    await old?.end;
    await goesOn();
    expect(sorted(await cli().call('ask', VIP.inet, 12, 0)).servers).to.deep.equal(['rs1', 'rs2']);
    site.start(configuration({ local: FEWER }));
    await site.daemon?.says(/Gained quorum/u, BOUND);
    await until('all is as before', BOUND, async () => (await site.rules()).toSorted().join('\n') === before.toSorted().join('\n'), said, 500);
    await goesOn();
    expect(sorted(await cli().call('ask', VIP.inet, MANY, 0))).to.deep.equal({ servers: ['rs1', 'rs2'], seen: ['10.0.0.22', '10.0.0.41'] });
  });

  it('the stop leaves nothing: no rule, no service, kernel parameters as they were; others’ rules stay', async () => {
    site.daemon?.terminate();
    await site.daemon?.ended(BOUND);
    expect(await site.rules()).to.deep.equal([]);
    expect(await site.table()).to.deep.equal([]);
    const parameters = await site.run('sysctl', '-n', 'net.ipv4.vs.conntrack', 'net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding');
    expect(parameters.trim().split('\n')).to.deep.equal(['0', '0', '0']);
    expect(await site.run('iptables-legacy', '-t', 'mangle', '-S', 'PREROUTING')).to.include('--set-xmark 0x7');
  });
});
