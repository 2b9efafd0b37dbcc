import { expect } from 'chai';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import { sleep, until } from './wait.ts';

const VIP = '192.0.2.100/24';

/** Longer than a Master_Down_Interval of priority 100: 3.6 s. */
const STALL = 4500;

describe('netns: a router that is held up', function () {
  this.timeout(60_000);
  let lab: Lab<'a' | 'b'>;

  beforeEach(async function () {
    requireLab(this);
    lab = await Lab.open({ nodes: { a: '192.0.2.1/24', b: '192.0.2.2/24' } });
  });
  afterEach(() => lab?.close());

  it('a backup hears the adverts that waited for it before it takes the master for dead', async () => {
    const { a, b } = lab.nodes;
    a.start('ours', configuration(150));
    await a.holds(VIP, 10_000);
    const backup = b.start('ours', configuration(100));
    await until('b is backup', 5000, () => backup.said(/Entering BACKUP STATE/), () => backup.tail());
    await sleep(1500);
    await b.sh('kill -STOP $(cat /run/keepalived.pid)');
    expect(await b.sh('cut -d" " -f3 /proc/$(cat /run/keepalived.pid)/stat'), 'stopped').to.match(/^T/);
    await sleep(STALL);
    await b.sh('kill -CONT $(cat /run/keepalived.pid)');
    await sleep(2000);
    expect(backup.said(/Entering MASTER STATE/), backup.tail()).to.equal(false);
    expect(a.watch.has(VIP)).to.equal(true);
    expect(b.watch.has(VIP)).to.equal(false);
  });
});

function configuration(priority: number): string {
  return `vrrp_instance VI_1 {\n  interface eth0\n  virtual_router_id 51\n  priority ${priority}\n  virtual_ipaddress {\n    ${VIP}\n  }\n}\n`;
}
