import { expect } from 'chai';
import { readdirSync } from 'node:fs';
import { daemonCommand } from './daemon.ts';
import type { Daemon } from './daemon.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import type { LabNode } from './node.ts';
import { settles } from './settled.ts';
import type { Director } from './settled.ts';
import { sleep, until, wallClock } from './wait.ts';

const VIPS = ['192.0.2.100/24', '192.0.2.101/32'];
const [VIP = ''] = VIPS;

describe('netns: nothing is left behind', function () {
  this.timeout(60_000);
  let lab: Lab<'a' | 'b'>;

  beforeEach(async function () {
    requireLab(this);
    lab = await Lab.open({ nodes: { a: '192.0.2.1/24', b: '192.0.2.2/24' } });
  });
  afterEach(() => lab?.close());

  it('after a stop: no address, process, pid file, group; the interface was never promiscuous', async () => {
    const { a } = lab.nodes;
    const before = await machine(a);
    const daemon = await master(a, 150);
    for (const vip of VIPS) expect(a.watch.has(vip), vip).to.equal(true);
    expect(a.read('/run/keepalived.pid')).to.match(/^\d+\n$/);
    expect(await a.sh('ip -o maddress show dev eth0')).to.include('224.0.0.18');
    expect(await promiscuity(a)).to.equal('promiscuity 0');
    daemon.terminate();
    expect((await daemon.ended(5000)).status).to.equal(0);
    expect(await machine(a)).to.deep.equal(before);
  });

  it('after a stop in the background, without -n: the same', async () => {
    const { a } = lab.nodes;
    const before = await machine(a);
    const path = a.write('keepalived.conf', configuration(150));
    const command = daemonCommand('ours');
    const started = await a.run([...command, '-G', '-f', path]);
    expect(started.status, started.stderr).to.equal(0);
    await a.holds(VIP, 10_000);
    expect(a.read('/run/keepalived.pid')).to.match(/^\d+\n$/);
    await a.sh('kill -TERM $(cat /run/keepalived.pid)');
    await until('it ends', 5000, () => !a.exists('/run/keepalived.pid'));
    await until('nothing is left', 3000, async () => JSON.stringify(await machine(a)) === JSON.stringify(before), () => a.watch.all().join(' '), 100);
  });

  it('a second daemon with the same pid file is refused and disturbs nothing', async () => {
    const { a } = lab.nodes;
    const daemon = await master(a, 150);
    const second = a.start('ours', configuration(150));
    expect((await second.ended(10_000)).status).to.not.equal(0);
    expect(second.said(/already running/)).to.equal(true);
    expect(daemon.running).to.equal(true);
    expect(a.watch.has(VIP)).to.equal(true);
    expect(a.exists('/run/keepalived.pid')).to.equal(true);
  });

  it('killed while master, started again alone: its addresses are its own again, and go at the stop', async () => {
    const { a } = lab.nodes;
    const before = await machine(a);
    (await master(a, 150)).kill();
    await sleep(300);
    expect(a.watch.has(VIP), 'a killed daemon leaves its address').to.equal(true);
    const again = await master(a, 150);
    again.terminate();
    expect((await again.ended(5000)).status).to.equal(0);
    expect(await machine(a)).to.deep.equal(before);
  });

  it('killed while master, started again while the other is: the addresses go at the start', async () => {
    const { a, b } = lab.nodes;
    const one: Director = { node: a, daemon: await master(a, 150) };
    const two: Director = { node: b, daemon: b.start('ours', configuration(200, 'nopreempt')) };
    await two.daemon.says(/Entering BACKUP STATE/, 10_000);
    const since = wallClock();
    one.daemon.kill();
    await settles({ vip: VIP, master: two, directors: [one, two], witness: lab.witness, since });
    expect(a.watch.has(VIP), 'a killed daemon leaves its address').to.equal(true);
    one.daemon = a.start('ours', configuration(150));
    for (const vip of VIPS) await a.holds(vip, 5000, false, () => one.daemon.tail());
    await settles({ vip: VIP, master: two, directors: [one, two], witness: lab.witness, since: wallClock() });
  });

  it('master, fault and back, many times: no descriptor and no process more', async () => {
    const { a } = lab.nodes;
    const daemon = await master(a, 255);
    const count = (): { descriptors: number; processes: number } => ({ descriptors: descriptors(daemon), processes: daemon.pids().length });
    const cycle = async (): Promise<void> => {
      await a.link('down');
      await a.holds(VIP, 8000, false, () => daemon.tail());
      await a.link('up');
      await a.holds(VIP, 8000, true, () => daemon.tail());
    };
    await cycle();
    await sleep(300);
    const first = count();
    for (let i = 0; i < 5; i += 1) await cycle();
    await until(`as many descriptors and processes as after the first time: ${JSON.stringify(first)}`, 5000, () => count().descriptors <= first.descriptors && count().processes <= first.processes, () => JSON.stringify(count()));
  });
});

/** Starts ours and waits until it owns the addresses. */
async function master(node: LabNode, priority: number): Promise<Daemon> {
  const daemon = node.start('ours', configuration(priority));
  await daemon.says(/Entering MASTER STATE/, 10_000);
  for (const vip of VIPS) await node.holds(vip, 5000, true, () => daemon.tail());
  return daemon;
}

/** Open descriptors of all its processes. */
function descriptors(daemon: Daemon): number {
  return daemon.pids().reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0);
}

function promiscuity(node: LabNode): Promise<string> {
  return node.sh('ip -d -o link show eth0 | grep -o "promiscuity [0-9]*" | tr -d "\\n"');
}

/** What a daemon could leave on the machine, apart from time. */
async function machine(node: LabNode): Promise<Record<string, unknown>> {
  return {
    addresses: await node.sh('ip -o -4 address | sed "s/valid_lft.*//"'),
    groups: await node.sh('ip -o -4 maddress'),
    promiscuity: await promiscuity(node),
    processes: (await node.sh('for p in /proc/[0-9]*; do cat $p/comm 2>/dev/null || :; done')).split('\n').filter((name) => !['', 'cat', 'sh'].includes(name)).sort(),
    run: readdirSync(node.outside('/run'), { recursive: true, encoding: 'utf8' }).sort(),
  };
}

function configuration(priority: number, more = ''): string {
  return `vrrp_instance VI_1 {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority ${priority}
  ${more}
  virtual_ipaddress {
    ${VIPS.join('\n    ')}
  }
}
`;
}
