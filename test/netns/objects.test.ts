import { expect } from 'chai';
import type { Daemon, DaemonKind } from './daemon.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import type { LabNode } from './node.ts';
import { sleep, until, wallClock } from './wait.ts';

const VIP = '192.0.2.100/24';

/** Every option word that this kernel takes; a `dev` each, since keepalived 2.2.7 does not track a route without one. */
const ROUTES = `
    src 192.0.2.100 to 10.1.0.0/24 via 192.0.2.254 dev eth0
    10.2.0.0/24 via 192.0.2.254 dev eth0
    10.3.0.0/24 dev eth1 no_track protocol bird
    blackhole 10.4.0.0/24 no_track
    default via 192.0.2.254 dev eth0 table 100
    10.5.0.0/24 table 6909 no_track nexthop via 192.0.2.11 dev eth0 weight 3 nexthop via 192.0.2.12 dev eth0 onlink weight 2
    10.6.0.0/24 dev eth0 table 6909 tos 0x04 scope link priority 12 mtu 1000 hoplimit 100 advmss 101 reordering 104 window 105 cwnd 106 ssthresh lock 107 realms 5/6 rto_min 308ms initcwnd 109 initrwnd 110 features ecn add
    10.7.0.0/24 via 192.0.2.254 dev eth0 quickack 1 congctl cubic fastopen_no_cookie 1
    10.8.0.0/24 encap ip id 5 dst 192.0.2.7 src 192.0.2.8 ttl 9 dev eth0
    10.9.0.0/24 via 192.0.2.254 dev eth0 append
    10.9.0.0/24 via 192.0.2.253 dev eth0 append
    prohibit 10.13.0.0/24 no_track
    throw 10.14.0.0/24 table 100 no_track
    10.16.0.0/24 via 192.0.2.254 dev eth0 table named
    2001:db8:1::/64 via 2001:db8::1 dev eth0 metric 5
    2001:db8:2::/64 dev eth0 pref high
    unreachable 2001:db8:3::/64 no_track
    2001:db8:8::/64 table 77 no_track nexthop via 2001:db8::1 dev eth0 weight 2 nexthop via 2001:db8::2 dev eth0 weight 5
    default6 via fe80::9 dev eth0 metric 77`;
const RULES = `
    from 10.1.0.0/24 table 100 preference 100
    to 10.2.0.0/24 lookup 6909 priority 101
    from 10.28.0.0/24 to 10.29.0.0/26 table 200 iif eth0 oif eth1 tos 0x10 fwmark 24/12 preference 39 realms 30/20
    goto 300 preference 110
    from 10.1.2.0/24 blackhole preference 120
    from 10.1.3.0/24 type prohibit preference 121
    from 10.1.3.0/24 unreachable preference 122 no_track protocol 12
    from 10.1.4.0/24 nop preference 123
    to 2001:db8:5::/48 table 300 preference 124 uidrange 1000-2000
    l3mdev preference 125
    from 10.1.5.0/24 table 100 suppress_prefixlength 8 suppress_ifgroup 3 preference 126
    from 10.1.6.0/24 ipproto tcp sport 10-20 dport 30-40 table 100 preference 127
    from 10.1.7.0/24 tunnel-id 77 table 100 preference 128
    not from 10.1.8.0/24 table named preference 129`;
const STATICS = `
static_ipaddress {
  10.9.9.1/24 dev eth1
  2001:db8:99::1/64 dev eth1
}
static_routes {
  10.99.0.0/24 via 10.9.9.2 dev eth1
  10.97.0.0/24 dev eth1 no_track
  2001:db8:98::/64 via 2001:db8:99::2 dev eth1
}
static_rules {
  from 10.98.0.0/24 table 100 preference 98
}
`;

describe('netns: routes, rules and static entries', function () {
  this.timeout(120_000);
  let lab: Lab<'ours' | 'other'>;

  beforeEach(async function () {
    requireLab(this);
    lab = await Lab.open({ nodes: { ours: '192.0.2.1/24', other: '192.0.2.2/24' }, witness: null });
    await Promise.all([lab.nodes.ours, lab.nodes.other].map(prepare));
  });
  afterEach(() => lab?.close());

  it('the same configuration, ours and keepalived: the same tables as BACKUP, as MASTER, without an interface and with it again, and nothing after the stop', async () => {
    // An interval that leaves time to look at the backup, on a busy machine too.
    const configuration = instance(ROUTES, RULES, 'advert_int 4\n  virtual_ipaddress_excluded {\n    2001:db8::100/64\n  }') + STATICS;
    // Two machines that do not hear one another, so that both are Master.
    await lab.nodes.ours.partition('cut');
    const played = await Promise.all((['ours', 'keepalived'] as const).map((kind) => play(kind === 'ours' ? lab.nodes.ours : lab.nodes.other, kind, configuration)));
    const [ours, reference] = played;
    expect(ours?.master.length).to.be.greaterThan(35);
    for (const moment of ['backup', 'master', 'fault', 'again', 'stopped', 'dump'] as const) expect(ours?.[moment], moment).to.deep.equal(reference?.[moment]);
  });

  it('killed and started again: what it left is its own again, and what the configuration no longer names goes', async () => {
    const { ours } = lab.nodes;
    const before = await tables(ours);
    const first = await master(ours, instance('10.2.0.0/24 via 192.0.2.254 dev eth0\n 10.3.0.0/24 dev eth1 no_track protocol bird\n 10.4.0.0/24 dev eth1', 'from 10.1.0.0/24 table 100 preference 100\n from 10.1.1.0/24 table 100 preference 101') + STATICS);
    const held = await tables(ours);
    first.kill();
    await sleep(200);
    expect(await tables(ours), 'a killed daemon leaves all').to.deep.equal(held);
    await ours.sh('ip route add 10.77.0.0/24 dev eth0 proto 18');
    const fewer = instance('10.2.0.0/24 via 192.0.2.254 dev eth0\n 10.3.0.0/24 dev eth1 no_track protocol bird', 'from 10.1.0.0/24 table 100 preference 100');
    const second = ours.start('ours', fewer.replace('state MASTER', 'state BACKUP'));
    await second.says(/Entering BACKUP STATE/, 10_000);
    await until('what was left is gone, but for what this daemon never claimed', 3000, async () => {
      const now = await tables(ours);
      return now.length === before.length + 1 && now.some((line) => line.startsWith('10.77.0.0/24'));
    }, () => second.tail());
    expect(second.said(/removing \d+ routes and rules that an earlier run left behind/)).to.equal(true);
    await second.says(/setting Virtual Rules/, 10_000);
    const again = await settledTables(ours);
    expect(again.filter((line) => line.startsWith('10.4.0.0/24') || line.includes('10.1.1.0'))).to.deep.equal([]);
    await stop(second);
    expect((await tables(ours)).filter((line) => !line.startsWith('10.77.0.0/24'))).to.deep.equal(before);
  });

  it('somebody takes a tracked route, then a rule: the master gives up, and has them again', async () => {
    const { ours } = lab.nodes;
    const daemon = await master(ours, instance('10.2.0.0/24 via 192.0.2.254 dev eth0\n 2001:db8:2::/64 dev eth0', 'from 10.1.0.0/24 table 100 preference 100'));
    const held = await settledTables(ours);
    for (const [command, what] of [['ip route del 10.2.0.0/24', /reports route prepend 10\.2\.0\.0\/24 via inet 192\.0\.2\.254 dev eth0 proto 18 removed/], ['ip -6 route del 2001:db8:2::/64', /reports route prepend 2001:db8:2::\/64 dev eth0 proto 18 removed/], ['ip rule del preference 100', /reports rule from 10\.1\.0\.0\/24 priority 100 tos 0x0 protocol 18 lookup 100 removed/]] as const) {
      const since = wallClock();
      await ours.sh(command);
      await daemon.says(what, 3000, since);
      await daemon.says(/Entering BACKUP STATE/, 3000, since);
      await daemon.says(/setting Virtual Rules/, 6000, since);
      await until('all is there again', 3000, async () => JSON.stringify(await tables(ours)) === JSON.stringify(held), () => daemon.tail());
    }
  });

  it('no_track: the master stays, and does not put it back', async () => {
    const { ours } = lab.nodes;
    const daemon = await master(ours, instance('10.2.0.0/24 via 192.0.2.254 dev eth0 no_track\n 10.3.0.0/24 dev eth0', 'from 10.1.0.0/24 table 100 preference 100 no_track'));
    await ours.sh('ip route del 10.2.0.0/24; ip rule del preference 100');
    await sleep(1500);
    expect((await tables(ours)).filter((line) => line.startsWith('10.2.') || line.startsWith('100:'))).to.deep.equal([]);
    expect(daemon.log.filter((line) => line.text.includes('Entering BACKUP STATE')).length, daemon.tail()).to.equal(1);
  });

  it('static entries are put back: taken away by somebody, or with their interface; a track_group follows', async () => {
    const { ours } = lab.nodes;
    const groups = 'track_group G {\n  group {\n    VI_1\n  }\n}\n';
    const daemon = await master(ours, groups + instance('', '') + STATICS.replace('via 10.9.9.2 dev eth1', 'via 10.9.9.2 dev eth1 track_group G'));
    const held = await settledTables(ours);
    const back = (what: string): Promise<unknown> => until(`all is there again: ${what}`, 5000, async () => JSON.stringify(await tables(ours)) === JSON.stringify(held), () => daemon.tail());
    await ours.sh('ip rule del preference 98; ip route del 10.99.0.0/24');
    await back('rule and route');
    expect(daemon.said(/Restoring deleted static rule from 10\.98\.0\.0\/24 priority 98 tos 0x0 protocol 18 lookup 100$/)).to.equal(true);
    // The kernel flushes the interface with its last address; what is not tracked does not come back by itself.
    await ours.sh('ip addr del 10.9.9.1/24 dev eth1; ip route replace 10.97.0.0/24 dev eth1 scope global proto 18');
    await back('address, and the routes that went with it');
    const since = wallClock();
    await ours.sh('ip link set eth1 down');
    await daemon.says(/Entering FAULT STATE/, 3000, since);
    await ours.sh('ip link set eth1 up; ip route replace 10.97.0.0/24 dev eth1 scope global proto 18');
    await back('with the interface');
    await daemon.says(/Entering MASTER STATE/, 8000, since);
    await stop(daemon);
    expect((await tables(ours)).filter((line) => /10\.9|2001:db8:9/.test(line))).to.deep.equal([]);
  });

  it('an interface of a tracked route goes down: FAULT; and comes up: all is there again', async () => {
    const { ours } = lab.nodes;
    const daemon = await master(ours, instance('10.2.0.0/24 dev eth1', 'from 10.1.0.0/24 iif eth1 table 100 preference 100'));
    const held = await settledTables(ours);
    const since = wallClock();
    await ours.sh('ip link set eth1 down');
    await daemon.says(/Entering FAULT STATE/, 3000, since);
    await until('nothing is held', 3000, async () => !(await tables(ours)).some((line) => line.includes('keepalived')), () => daemon.tail());
    await ours.sh('ip link set eth1 up');
    await daemon.says(/setting Virtual Rules/, 8000, since);
    await until('all is there again', 3000, async () => JSON.stringify(await tables(ours)) === JSON.stringify(held), () => daemon.tail());
  });

  it('a reload touches what changed and nothing else; a master stays master', async () => {
    const { ours } = lab.nodes;
    const daemon = await master(ours, instance('10.2.0.0/24 via 192.0.2.254 dev eth0\n 10.3.0.0/24 dev eth0\n blackhole 10.4.0.0/24', 'from 10.1.0.0/24 table 100 preference 100\n from 10.1.1.0/24 table 100 preference 101') + STATICS);
    await settledTables(ours);
    const monitor = ours.spawn(['ip', 'monitor', 'route', 'rule']);
    let changes = '';
    monitor.stdout?.on('data', (piece: Buffer) => (changes += piece.toString()));
    await until('the monitor listens', 3000, async () => {
      await ours.sh('ip route add 10.66.0.0/24 dev eth0; ip route del 10.66.0.0/24');
      return changes.includes('Deleted 10.66.0.0/24');
    });
    ours.write('keepalived.conf', instance('10.2.0.0/24 via 192.0.2.253 dev eth0\n 10.3.0.0/24 dev eth0\n unreachable 10.4.0.0/24', 'from 10.1.0.0/24 table 100 preference 100\n from 10.1.2.0/24 table 100 preference 102') + STATICS.replace('10.97.0.0', '10.96.0.0'));
    daemon.signal('SIGHUP');
    await daemon.says(/Reload complete/, 5000);
    await ours.sh('ip route add 10.67.0.0/24 dev eth0; ip route del 10.67.0.0/24');
    await until('the monitor has heard it all', 3000, () => changes.includes('Deleted 10.67.0.0/24'));
    const told = changes.split('\n').map((line) => line.trim().replace(/\s+/gu, ' ')).filter((line) => line !== '' && !/10\.6[67]\.|proto kernel/.test(line));
    expect(told.sort()).to.deep.equal([
      '10.2.0.0/24 via 192.0.2.253 dev eth0 proto keepalived', '10.96.0.0/24 dev eth1 proto keepalived', '102: from 10.1.2.0/24 lookup 100 proto keepalived',
      'Deleted 10.2.0.0/24 via 192.0.2.254 dev eth0 proto keepalived', 'Deleted 10.97.0.0/24 dev eth1 proto keepalived', 'Deleted 101: from 10.1.1.0/24 lookup 100 proto keepalived',
      'Deleted blackhole 10.4.0.0/24 proto keepalived', 'unreachable 10.4.0.0/24 proto keepalived',
    ]);
    expect(daemon.log.filter((line) => line.text.includes('Entering')).length, daemon.tail()).to.equal(2);
  });

  it("somebody else's routes and rules like ours stay", async () => {
    const { ours } = lab.nodes;
    await ours.sh('ip route add 10.2.0.0/24 via 192.0.2.9 dev eth0; ip rule add from 10.1.0.0/24 table 100 preference 100; ip route add blackhole 10.4.0.0/24');
    const before = await tables(ours);
    const daemon = await master(ours, instance('10.2.0.0/24 via 192.0.2.254 dev eth0\n blackhole 10.4.0.0/24', 'from 10.1.0.0/24 table 101 preference 100'));
    await settledTables(ours);
    expect(daemon.said(/\(VI_1\) Netlink: add route 10\.4\.0\.0\/24 in table 254: EEXIST/), daemon.tail()).to.equal(true);
    await stop(daemon);
    expect(await tables(ours)).to.deep.equal(before);
  });
});

/** A second interface, and a routing table with a name. */
async function prepare(node: LabNode): Promise<void> {
  await node.sh('ip link add eth1 type veth peer name p1 && ip link set p1 up && ip link set eth1 up && ip -6 addr add 2001:db8::2/64 dev eth1 nodad');
  await node.sh(`mkdir -p ${node.dir}/iproute2 && cp -r /etc/iproute2/. ${node.dir}/iproute2 && echo '4242 named' >> ${node.dir}/iproute2/rt_tables && mount --bind ${node.dir}/iproute2 /etc/iproute2`);
}

interface Played {
  readonly backup: readonly string[];
  readonly master: readonly string[];
  readonly fault: readonly string[];
  readonly again: readonly string[];
  readonly stopped: readonly string[];
  readonly dump: readonly string[];
}

async function play(node: LabNode, kind: DaemonKind, configuration: string): Promise<Played> {
  const empty = await tables(node);
  const daemon = node.start(kind, configuration);
  await daemon.says(/Entering BACKUP STATE/, 10_000);
  const backup = await settledTables(node);
  await daemon.says(/setting Virtual Rules/, 40_000);
  const master = await settledTables(node);
  const dump = await dumped(node, daemon);
  const since = wallClock();
  await node.sh('ip link set eth1 down');
  await daemon.says(/Entering FAULT STATE/, 20_000, since);
  const fault = await settledTables(node);
  await node.sh('ip link set eth1 up; ip -6 addr replace 2001:db8:99::1/64 dev eth1 nodad');
  await daemon.says(/setting Virtual Rules/, 40_000, since);
  const again = await settledTables(node);
  await stop(daemon);
  expect(await tables(node), `${kind} leaves nothing`).to.deep.equal(empty);
  return { backup, master, fault, again, stopped: await tables(node), dump };
}

/** Routes and rules that are not the kernel's own, in all tables. */
async function tables(node: LabNode): Promise<string[]> {
  const text = await node.sh('ip -4 route show table all | grep -v "proto kernel"; ip -6 route show table all | grep -v "proto kernel"; ip -4 rule; ip -6 rule; ip -4 -o addr show dev eth1 | sed "s/.*inet/inet/"');
  return text.split('\n').map((line) => line.trim().replace(/ +/g, ' ')).filter((line) => line !== '' && !/^(local|anycast|multicast|ff00)|lookup (local|main|default)$/.test(line));
}

/** The same, when two looks have found the same. */
async function settledTables(node: LabNode): Promise<string[]> {
  let last = await tables(node);
  return until('the tables stand still', 20_000, async () => {
    const now = await tables(node);
    const same = JSON.stringify(now) === JSON.stringify(last);
    last = now;
    return same ? now : null;
  }, () => last.join('\n'), 300);
}

/** What the dump says of routes, rules and static entries. */
async function dumped(node: LabNode, daemon: Daemon): Promise<string[]> {
  const path = `${node.dir}/tmp/keepalived.data`;
  daemon.signal('SIGUSR1');
  await until('the dump is there', 5000, async () => (await node.sh(`tail -1 ${path} 2>/dev/null || :`)) !== '');
  const text = await node.sh(`sed -n '/Static Addresses/,/VRRP Topology/p; /Virtual Routes :/,/Using smtp/p' ${path}`);
  return text.split('\n').map((line) => line.replace(/ \[installed ifindex \d+\]/u, ''));
}

async function master(node: LabNode, configuration: string): Promise<Daemon> {
  const daemon = node.start('ours', configuration);
  await daemon.says(/Entering MASTER STATE/, 12_000);
  await node.holds(VIP, 3000, true, () => daemon.tail());
  return daemon;
}

async function stop(daemon: Daemon): Promise<void> {
  daemon.terminate();
  expect((await daemon.ended(8000)).status).to.equal(0);
}

function instance(routes: string, rules: string, more = ''): string {
  return `vrrp_instance VI_1 {
  state MASTER
  interface eth0
  virtual_router_id 51
  priority 150
  virtual_ipaddress {
    ${VIP}
  }
  ${more}
  virtual_routes {
    ${routes}
  }
  virtual_rules {
    ${rules}
  }
}
`;
}
