import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { requirePrograms } from '../needs.ts';
import { PROJECT } from './daemon.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import { until } from './wait.ts';

const SAMPLES = join(PROJECT, 'conf/cluster');
const PATIENCE = 60_000;
/** The virtual address, the local addresses of the first director (which has FRR here), and of the second (BIRD). */
const PREFIXES = ['203.0.113.1', '10.0.9.16/28', '10.0.9.32/28'] as const;
const FRR = '10.0.0.11';
const BIRD = '10.0.0.12';

/** FRR's daemons, which give up root, on the sample. */
const RUN_FRR = `set -e; export PATH=$PATH:/usr/lib/frr; mkdir -p /run/frr; cp ${SAMPLES}/frr.conf /run/frr/frr.conf; chown -R frr:frr /run/frr
for name in zebra staticd ospfd; do $name -d -f /run/frr/frr.conf -z /run/frr/zserv.api --vty_socket /run/frr -P 0 -i /run/frr/$name.pid >/dev/null 2>&1; done`;

describe('netns: conf/cluster: routes of two directors, one with FRR and one with BIRD, at a router', function () {
  this.timeout(150_000);
  // Each goes on where the one before it stopped.
  this.bail(true);
  let lab: Lab<'router' | 'frr' | 'bird'>;

  before(async function () {
    requireLab(this, { witness: false });
    requirePrograms(this, 'bird', 'birdc', 'vtysh', '/usr/lib/frr/ospfd');
    lab = await Lab.open({ nodes: { router: '10.0.0.1/24', frr: `${FRR}/24`, bird: `${BIRD}/24` }, witness: null });
    const bird = async (node: 'router' | 'bird', text: string): Promise<void> => { await lab.nodes[node].sh(`mkdir -p /run/bird; bird -c ${lab.nodes[node].write('bird.conf', text.replace('log syslog all;', ''))}`); };
    await bird('router', readFileSync(join(SAMPLES, 'router-bird.conf'), 'utf8').replace('"br0"', '"eth0"'));
    await bird('bird', secondDirector(readFileSync(join(SAMPLES, 'bird.conf'), 'utf8')));
    await lab.nodes.frr.sh(RUN_FRR);
  });
  after(() => lab?.close());

  it('nothing is announced before the quorum', async () => {
    await until('both neighbours', PATIENCE, async () => (await lab.nodes.router.sh('birdc show ospf neighbors')).match(/Full/gu)?.length === 2, () => '', 200);
    expect(await routes()).to.deep.equal(['', '', '']);
  });

  it('with a quorum at both: the address over both at once, local addresses over their own director', async () => {
    await lab.nodes.frr.sh(`${SAMPLES}/frr-announce up`);
    await lab.nodes.bird.sh('birdc enable fullnat');
    await routed(`${FRR} ${BIRD}`, FRR, BIRD);
  });

  it('FRR lets go: all is over BIRD’s director', async () => {
    await lab.nodes.frr.sh(`${SAMPLES}/frr-announce down`);
    await routed(BIRD, BIRD, BIRD);
  });

  it('BIRD lets go, when the daemon that is watched ends: all is over FRR’s', async () => {
    await lab.nodes.frr.sh(`${SAMPLES}/frr-announce up`);
    await routed(`${FRR} ${BIRD}`, FRR, BIRD);
    lab.nodes.bird.spawn(['sh', '-c', 'echo $$ >/run/keepalived.pid; exec sleep infinity']);
    const watch = lab.nodes.bird.spawn([join(SAMPLES, 'watch'), '/run/keepalived.pid', 'birdc', 'disable', 'fullnat']);
    await until('its pid', PATIENCE, () => lab.nodes.bird.exists('/run/keepalived.pid'));
    await lab.nodes.bird.sh('kill -KILL $(cat /run/keepalived.pid)');
    await routed(FRR, FRR, FRR);
    watch.kill('SIGKILL');
  });

  /** Next hops of each prefix at the router. */
  async function routes(): Promise<string[]> {
    return Promise.all(PREFIXES.map(async (prefix) => [...(await lab.nodes.router.sh(`ip route show ${prefix}`)).matchAll(/via (\S+)/gu)].map(([, hop = '']) => hop).sort().join(' ')));
  }

  async function routed(...wanted: readonly string[]): Promise<void> {
    let seen: readonly string[] = [];
    await until(`routes over ${wanted.join(', ')}`, PATIENCE, async () => (seen = await routes()).join() === wanted.join(), () => seen.join(', '), 200);
  }
});

/** As the sample's comments say. */
function secondDirector(text: string): string {
  return text.replace(FRR, BIRD).replaceAll(/metric1 = \d+; \}; +# second: (\d+)/gu, 'metric1 = $1; };');
}
