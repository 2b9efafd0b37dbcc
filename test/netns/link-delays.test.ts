import { expect } from 'chai';
import { requirePrograms } from '../needs.ts';
import type { Daemon, DaemonKind } from './daemon.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import type { LabNode } from './node.ts';
import { sleep, until, wallClock } from './wait.ts';

const VRIDS = { ours: 101, keepalived: 102, polled: 103 } as const;
type Name = keyof typeof VRIDS;

function configuration(name: Name, dir: string): string {
  return `global_defs {
  vrrp_notify_fifo ${dir}/fifo
}
${name === 'polled' ? 'linkbeat_interfaces {\n  eth0 ETHTOOL\n}' : 'interface_up_down_delays {\n  eth0 1 1\n}'}
vrrp_instance VI_1 {
  interface eth0
  virtual_router_id ${VRIDS[name]}
  priority 100
  virtual_ipaddress {
    192.0.2.${VRIDS[name]}/24
  }
}
`;
}

describe('netns: links that bounce, links that are polled', function () {
  this.timeout(60_000);
  const names: readonly Name[] = ['ours', 'keepalived', 'polled'];
  let lab: Lab<Name> | null = null;
  const daemons = new Map<Name, Daemon>();

  before(async function () {
    requireLab(this, { witness: false });
    requirePrograms(this, 'keepalived');
    lab = await Lab.open({ nodes: { ours: '192.0.2.1/24', keepalived: '192.0.2.2/24', polled: '192.0.2.3/24' }, witness: null });
    await Promise.all(names.map(async (name) => {
      const node = nodeOf(name);
      await node.sh('mkdir /run/fifo; mkfifo /run/fifo/fifo');
      node.spawn(['sh', '-c', 'exec 3<>/run/fifo/fifo; exec cat <&3 > /run/fifo/lines']);
      const kind: DaemonKind = name === 'keepalived' ? 'keepalived' : 'ours';
      daemons.set(name, node.start(kind, configuration(name, '/run/fifo')));
      await until(`${name} is master`, 15_000, () => lines(name).at(-1) === 'MASTER', () => daemonOf(name).tail());
    }));
  });

  after(() => { lab?.close(); });

  function nodeOf(name: Name): LabNode {
    if (lab === null) throw new Error('no lab');
    return lab.nodes[name];
  }

  function daemonOf(name: Name): Daemon {
    const daemon = daemons.get(name);
    if (daemon === undefined) throw new Error(`no daemon in ${name}`);
    return daemon;
  }

  /** States that the instance took, as the fifo tells them. */
  function lines(name: Name): string[] {
    const node = nodeOf(name);
    return node.exists('/run/fifo/lines') ? node.read('/run/fifo/lines').split('\n').flatMap((line) => /^INSTANCE "VI_1" (\w+)/u.exec(line)?.[1] ?? []) : [];
  }

  for (const name of ['ours', 'keepalived'] as const) {
    it(`${name}: a link that is back within its delay has never been down`, async () => {
      const had = lines(name).length;
      await nodeOf(name).carrier('down');
      await sleep(200);
      await nodeOf(name).carrier('up');
      await sleep(2000);
      expect(lines(name).slice(had)).to.deep.equal([]);
    });

    it(`${name}: one that stays down counts after its delay, and one that stays up`, async () => {
      const had = lines(name).length;
      const down = wallClock();
      await nodeOf(name).carrier('down');
      await until(`${name} is at fault`, 10_000, () => lines(name).slice(had).includes('FAULT'), () => daemonOf(name).tail());
      expect(wallClock() - down, 'it was at fault before its delay was over').to.be.greaterThan(900);
      const up = wallClock();
      await nodeOf(name).carrier('up');
      await until(`${name} is backup`, 10_000, () => lines(name).slice(had).includes('BACKUP'), () => daemonOf(name).tail());
      expect(wallClock() - up, 'it was well before its delay was over').to.be.greaterThan(900);
      await until(`${name} is master again`, 10_000, () => lines(name).slice(had).join() === 'FAULT,BACKUP,MASTER', () => daemonOf(name).tail());
    });
  }

  it('ours: a polled link is followed by asking its driver', async () => {
    const had = lines('polled').length;
    await nodeOf('polled').carrier('down');
    await daemonOf('polled').says(/Linkbeat reports eth0 down/, 10_000);
    await until('it is at fault', 10_000, () => lines('polled').slice(had).join() === 'FAULT', () => daemonOf('polled').tail());
    await nodeOf('polled').carrier('up');
    await daemonOf('polled').says(/Linkbeat reports eth0 up/, 10_000);
    await until('it is master again', 10_000, () => lines('polled').slice(had).join() === 'FAULT,BACKUP,MASTER', () => daemonOf('polled').tail());
  });
});
