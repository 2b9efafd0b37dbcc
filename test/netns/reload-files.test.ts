import { expect } from 'chai';
import { readdirSync } from 'node:fs';
import type { Daemon, DaemonKind } from './daemon.ts';
import { inPath } from '../needs.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import type { LabNode } from './node.ts';
import { sleep, until, wallClock } from './wait.ts';

const configuration = (priority: number, extra = ''): string => `global_defs {
  reload_check_config /run/check.log
  reload_time_file /run/reload.time
  config_save_dir /run/saved
}
vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  priority ${priority}
  virtual_ipaddress {
    192.0.2.100/24
  }
}
${extra}`;

/** What reload_check_config and reload_time_file do, ours and keepalived's, each in a node of its own. */
describe('netns: reloads that are checked, and reloads by a time file', function () {
  this.timeout(60_000);
  const kinds: DaemonKind[] = ['ours'];
  let lab: Lab<DaemonKind> | null = null;
  const daemons = new Map<DaemonKind, Daemon>();

  before(async function () {
    requireLab(this, { witness: false });
    if (inPath('keepalived')) kinds.push('keepalived');
    lab = await Lab.open({ nodes: { ours: '192.0.2.1/24', keepalived: '192.0.2.2/24' }, witness: null });
    await Promise.all(kinds.map(async (kind) => {
      const daemon = nodeOf(kind).start(kind, configuration(100));
      daemons.set(kind, daemon);
      await daemon.says(/Startup complete/, 15_000);
    }));
  });

  after(() => { lab?.close(); });

  function nodeOf(kind: DaemonKind): LabNode {
    if (lab === null) throw new Error('no lab');
    return lab.nodes[kind];
  }

  function daemonOf(kind: DaemonKind): Daemon {
    const daemon = daemons.get(kind);
    if (daemon === undefined) throw new Error(`no ${kind}`);
    return daemon;
  }

  const each = (name: string, play: (node: LabNode, daemon: Daemon, kind: DaemonKind) => Promise<void>): void => {
    it(name, async () => { await Promise.all(kinds.map((kind) => play(nodeOf(kind), daemonOf(kind), kind))); });
  };

  each('a configuration with a mistake is not taken, and its log says why', async (node, daemon) => {
    const since = wallClock();
    node.write('keepalived.conf', configuration(101, 'bogus word\n'));
    daemon.signal('SIGHUP');
    await daemon.says(/validate conf before Reload/, 10_000, since);
    await daemon.says(/New config failed validation, see \/run\/check.log for details/, 10_000, since);
    await sleep(500);
    expect(daemon.said(/Reloading|Reload complete/, since)).to.equal(false);
  });

  it('ours: the mistake stands in the log with its place', () => {
    expect(nodeOf('ours').read('/run/check.log')).to.match(/Unknown keyword 'bogus'[^]*keepalived\.conf:\d+:1/u);
  });

  each('one without is', async (node, daemon) => {
    const since = wallClock();
    node.write('keepalived.conf', configuration(102));
    daemon.signal('SIGHUP');
    await daemon.says(/Reload complete/, 10_000, since);
    const order = daemon.log.filter(({ at }) => at >= since).map(({ text }) => /(validate conf before Reload|Reloading \.\.\.|Reloading$|Reload complete)/u.exec(text)?.[0]).filter((text) => text !== undefined);
    expect(order).to.deep.equal(['validate conf before Reload', 'Reloading ...', 'Reloading', 'Reload complete']);
  });

  each('config_save_dir has what was read and what it meant', async (node, _, kind) => {
    const names = (): string[] => readdirSync(node.outside('/run/saved')).map((name) => name.replace(/\.\d+\./u, '.PID.'));
    await until(`${kind} saved`, 5000, () => names().includes('keepalived_vrrp.PID.1.post'), () => names().join(' '));
    expect(names()).to.include.members(['keepalived.conf.PID.0', 'keepalived_vrrp.PID.1.pre']);
  });

  each('a time file is followed, and used up', async (node, daemon, kind) => {
    const since = wallClock();
    await node.sh('echo junk > /run/reload.time');
    await daemon.says(/Reload time junk format is incorrect - ignoring/, 5000, since);
    await daemon.says(/Invalid reload time 'junk' specified - ignoring/, 5000, since);
    await node.sh('date -d "+2 seconds" +%H:%M:%S > /run/reload.time');
    await daemon.says(/Scheduling reload for \d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, 5000, since);
    await daemon.says(/Reload complete/, 15_000, since);
    await until(`${kind} removed the file`, 5000, () => !node.exists('/run/reload.time'));
  });
});
