import { expect } from 'chai';
import type { DaemonKind } from './daemon.ts';
import { Lab } from './lab.ts';
import { requirePrograms } from '../needs.ts';
import { requireLab } from './needs.ts';
import type { LabNode } from './node.ts';
import { until } from './wait.ts';

const COUNT = 4000;
/** Not a measure: a busy machine may take a while for eight thousand changes. */
const BOUND = 60_000;
/** Longer than a busy machine withholds a process its turn, so that who becomes Master is decided by adverts alone. */
const INTERVAL = 2;

function configuration(state: 'MASTER' | 'BACKUP', priority: number): string {
  const excluded = Array.from({ length: COUNT }, (_, i) => `    10.77.${i >> 8}.${i & 255}/32 dev eth0`).join('\n');
  return `vrrp_instance VI_1 {
  state ${state}
  interface eth0
  virtual_router_id 51
  priority ${priority}
  advert_int ${INTERVAL}
  garp_master_delay 0
  virtual_ipaddress {
    192.0.2.100/32 dev eth0
  }
  virtual_ipaddress_excluded {
${excluded}
  }
}
`;
}

describe('netns: 4,000 addresses in a transition', function () {
  this.timeout(300_000);
  let lab: Lab<'a' | 'b'>;

  beforeEach(async function () {
    requireLab(this, { witness: false });
    requirePrograms(this, 'keepalived');
    lab = await Lab.open({ nodes: { a: '192.0.2.1/24', b: '192.0.2.2/24' }, witness: null });
  });
  afterEach(() => lab?.close());

  for (const peer of ['ours', 'keepalived'] as const satisfies readonly DaemonKind[]) {
    it(`ours comes, goes and comes back beside ${peer}: they are all there or none, and nobody becomes Master meanwhile`, async () => {
      const { a, b } = lab.nodes;
      const first = a.start('ours', configuration('MASTER', 200));
      const other = b.start(peer, configuration('BACKUP', 100));
      const said = (): string => `${first.tail()}\n${other.tail()}`;
      await until('all of them', BOUND, async () => await held(a) === COUNT + 1, said, 200);
      await other.says(/Entering BACKUP STATE/, BOUND);
      expect(other.said(/Entering MASTER STATE/), other.tail()).to.equal(false);

      first.terminate();
      expect((await first.ended(BOUND)).status, first.tail()).to.equal(0);
      expect(await held(a)).to.equal(0);
      await until('the other has them', BOUND, async () => await held(b) === COUNT + 1, said, 200);

      const second = a.start('ours', configuration('MASTER', 200));
      await until('all of them again', BOUND, async () => await held(a) === COUNT + 1, () => second.tail(), 200);
      await until('the other has none', BOUND, async () => await held(b) === 0, () => other.tail(), 200);
      expect(other.log.filter(({ text }) => text.includes('Entering MASTER STATE')).length, other.tail()).to.equal(1);
    });
  }
});

/** Addresses of a machine beside its own. */
async function held(node: LabNode): Promise<number> {
  const { stdout } = await node.run(['ip', '-o', '-4', 'address', 'show', 'dev', 'eth0'], BOUND);
  return stdout.split('\n').filter((line) => / inet (10\.77\.|192\.0\.2\.100\/)/.test(line)).length;
}
