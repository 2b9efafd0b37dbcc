import { expect } from 'chai';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type Daemon, daemonCommand, type DaemonKind } from './daemon.ts';
import { inPath } from '../needs.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import type { LabNode } from './node.ts';
import { until } from './wait.ts';

const configuration = (head: string, link = 'eth0'): string => `${head}
vrrp_instance VI_1 {
  interface ${link}
  virtual_router_id 51
  virtual_ipaddress {
    192.0.2.100/24
  }
}
`;

/** A network namespace in the node: blue, with eth1 (198.51.100.1/24). */
const MAKE_BLUE = [
  'mkdir -p /run/netns', 'ip netns add blue', 'ip link add eth1 netns blue type veth peer name to-blue', 'ip link set to-blue up',
  'ip -n blue link set lo up', 'ip -n blue link set eth1 up', 'ip -n blue address add 198.51.100.1/24 dev eth1',
].join(' && ');

/** What instance, use_pid_dir, net_namespace, -s, -m and -M do, seen from outside, ours and keepalived's. */
describe('netns: pid files, instances and namespaces', function () {
  this.timeout(60_000);
  const kinds: DaemonKind[] = ['ours'];
  let lab: Lab<DaemonKind> | null = null;

  before(async function () {
    requireLab(this, { witness: false });
    if (inPath('keepalived')) kinds.push('keepalived');
    lab = await Lab.open({ nodes: { ours: '192.0.2.1/24', keepalived: '192.0.2.2/24' }, witness: null });
    await Promise.all(kinds.map((kind) => nodeOf(kind).sh(MAKE_BLUE)));
  });
  after(() => { lab?.close(); });

  function nodeOf(kind: DaemonKind): LabNode {
    if (lab === null) throw new Error('no lab');
    return lab.nodes[kind];
  }

  const each = (name: string, play: (node: LabNode, kind: DaemonKind) => Promise<void>): void => {
    it(name, async () => { await Promise.all(kinds.map((kind) => play(nodeOf(kind), kind))); });
  };

  /** All pid files of the node. */
  const pidFiles = async (node: LabNode): Promise<string[]> => (await node.sh('find /run -name "*.pid" | sort')).trim().split('\n').filter((path) => path !== '');

  const run = async (node: LabNode, kind: DaemonKind, text: string, flags: readonly string[], look: (daemon: Daemon) => Promise<void>): Promise<void> => {
    const daemon = node.start(kind, text, { defaultPidFiles: true, flags });
    await daemon.says(/Startup complete/, 15_000);
    await look(daemon);
    daemon.terminate();
    await daemon.ended(10_000);
    expect(await pidFiles(node), `${kind}: left`).to.deep.equal([]);
    expect(node.exists('/run/keepalived'), `${kind}: /run/keepalived is left`).to.equal(false);
  };

  each('a namespace that is not there: said, and the end', async (node, kind) => {
    const daemon = node.start(kind, configuration('net_namespace nowhere'), { defaultPidFiles: true });
    await daemon.says(/Unable to set network namespace nowhere - exiting/, 15_000);
    const { status } = await daemon.ended(10_000);
    expect(daemon.said(/Failed to open \/run\/netns\/nowhere/)).to.equal(true);
    expect(status).to.equal(kind === 'ours' ? 1 : 0);
  });

  each('use_pid_dir', async (node, kind) => {
    await run(node, kind, configuration('use_pid_dir'), [], async () => {
      expect(await pidFiles(node), kind).to.deep.equal(['/run/keepalived/keepalived.pid', '/run/keepalived/vrrp.pid']);
    });
  });

  each('instance, and an option that names one of the files', async (node, kind) => {
    await run(node, kind, configuration('instance foo'), ['-r', '/run/other.pid'], async (daemon) => {
      expect(await pidFiles(node), kind).to.deep.equal(['/run/keepalived/keepalived_foo.pid', '/run/other.pid']);
      expect(daemon.said(kind === 'ours' ? /Changing syslog ident to Keepalived_vrrp_foo$/ : /Changing syslog ident to Keepalived_foo$/), kind).to.equal(true);
    });
  });

  const inBlue = async (node: LabNode, kind: DaemonKind, daemon: Daemon): Promise<void> => {
    const blue = (await node.sh('ip netns exec blue readlink /proc/self/ns/net')).trim();
    await until('the address is there', 15_000, async () => (await node.sh('ip -n blue address show dev eth1')).includes('192.0.2.100'), () => daemon.tail());
    expect(await node.sh('ip address show'), `${kind}: outside`).to.not.contain('192.0.2.100');
    for (const pid of daemon.pids()) {
      for (const thread of readdirSync(`/proc/${pid}/task`)) expect(readlinkSync(`/proc/${pid}/task/${thread}/ns/net`), `${kind}: thread ${thread} of ${pid}`).to.equal(blue);
      expect(readFileSync(`/proc/${pid}/mountinfo`, 'utf8'), kind).to.match(/ \/run\/keepalived /);
    }
    // The first one's, which the node sees elsewhere than the daemon does.
    expect(await pidFiles(node), kind).to.include.members(['/run/keepalived/blue/keepalived.pid', '/run/keepalived/blue/vrrp.pid']);
  };

  each('net_namespace: every thread is in it, and the pid files are below its name', async (node, kind) => {
    await run(node, kind, configuration('net_namespace blue', 'eth1'), [], async (daemon) => {
      await inBlue(node, kind, daemon);
      expect(daemon.log.filter(({ text }) => /Starting .*[Kk]eepalived v/.test(text)), 'the start is said once').to.have.length(1);
    });
    expect(await node.sh('ip -n blue address show dev eth1'), kind).to.not.contain('192.0.2.100');
  });

  each('-s comes before it', async (node, kind) => {
    await run(node, kind, configuration('net_namespace nowhere', 'eth1'), ['-s', 'blue'], async (daemon) => {
      await inBlue(node, kind, daemon);
      expect(daemon.said(/Overriding config net_namespace 'nowhere' with command line namespace 'blue'/), kind).to.equal(true);
    });
  });

  it('ours: in the background as well, and a reload that names another one is refused', async () => {
    const node = nodeOf('ours');
    const file = node.write('keepalived.conf', configuration('net_namespace blue', 'eth1'));
    const { status, stderr } = await node.run(['sh', '-c', `cd ${node.dir} && exec "$@"`, 'sh', ...daemonCommand('ours'), '-G', '-f', 'keepalived.conf', '-g/run/ka.log']);
    expect(status, stderr).to.equal(0);
    const log = (): string => node.read('/run/ka.log');
    await until('the address is there', 15_000, async () => (await node.sh('ip -n blue address show dev eth1')).includes('192.0.2.100'), log);
    const pid = node.read('/run/keepalived/blue/keepalived.pid').trim();
    node.write('keepalived.conf', configuration('net_namespace green', 'eth1'));
    await node.sh(`kill -HUP ${pid}`);
    await until('the reload is refused', 10_000, () => log().includes('Cannot change network namespace at a reload - please restart keepalived'), log);
    expect(await node.sh(`tr '\\0' '\\n' < /proc/${pid}/cmdline`), file).to.contain('keepalived.conf');
    await node.sh(`kill ${pid}`);
    await until('it has ended', 10_000, () => !node.exists('/run/keepalived'), log);
    expect(await node.sh('ip -n blue address show dev eth1')).to.not.contain('192.0.2.100');
  });

  it('ours: a configuration is tested with the interfaces of its namespace', async () => {
    const node = nodeOf('ours');
    const test = async (text: string, ...flags: string[]): Promise<number | null> => (await node.run([...daemonCommand('ours'), '-t', '-f', node.write('test.conf', text), ...flags])).status;
    expect(await test(configuration('', 'eth1')), 'outside').to.equal(5);
    expect(await test(configuration('net_namespace blue', 'eth1'))).to.equal(0);
    expect(await test(configuration('', 'eth1'), '-s', 'blue')).to.equal(0);
  });

  each('-m: the limit of core dumps', async (node, kind) => {
    await run(node, kind, configuration(''), ['-m'], (daemon) => {
      for (const pid of daemon.pids()) expect(/^Max core file size\s+(\S+)/mu.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1], kind).to.equal('unlimited');
      return Promise.resolve();
    });
  });
});
