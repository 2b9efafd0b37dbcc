import { expect } from 'chai';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep, until } from '../netns/wait.ts';
import type { Seen } from './cluster/peers.ts';
import { AT, Cluster, DIRECTORS, DRAIN, type DirectorName } from './cluster/site.ts';
import { requireUml } from './needs.ts';

const PATIENCE = 200_000;
const DRAINING = new RegExp(`Draining: IPVS serves on for ${DRAIN} s`, 'u');

describe('a cluster: two directors with the same address behind a router with OSPF and ECMP', function () {
  this.timeout(600_000);
  // Each goes on where the one before it stopped.
  this.bail(true);
  let folder = '';
  let cluster: Cluster | null = null;

  before(async function () {
    requireUml(this, 'ipvsadm', 'bird', 'birdc', 'iptables-legacy');
    folder = mkdtempSync(join(tmpdir(), 'cluster-'));
    cluster = await Cluster.open(folder);
  });
  after(async () => {
    await cluster?.close();
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  afterEach(async function () {
    if (this.currentTest?.state === 'failed' && cluster !== null) console.log(`${logs()}\n${await cluster.describe()}`);
  });

  it('the quorum announces the address, from both at once; each director has its own local addresses', async () => {
    for (const name of DIRECTORS) {
      expect(await site().routes(), 'nothing is announced before').to.not.include(name);
      await site().start(name);
    }
    await routed('first', 'second');
    for (const name of DIRECTORS) expect(await site().routes(AT[name].local)).to.deep.equal([name]);
    site().ask();
    await conversing();
    const all = new Set<string>();
    const servers = new Set<string>();
    await until('local addresses of both at both real servers', PATIENCE, async () => {
      const seen = await phase('both at work', 1000);
      expect(seen.lost).to.equal(0);
      for (const source of seen.sources) all.add(source);
      for (const server of seen.servers) servers.add(server);
      return DIRECTORS.every((name) => [...all].some((source) => isOf(name, source))) && servers.size === 2;
    }, () => [...all, ...servers].join());
    expect([...all].filter((source) => !DIRECTORS.some((name) => isOf(name, source))), 'seen by a real server').to.deep.equal([]);
  });

  it('a director falls silent, its cable pulled: OSPF misses it, and nobody had to say so', async () => {
    await conversing();
    await site().seen();
    await site().cut('first');
    await routed('second');
    await phase('first cut off', 4000);
    await alone('second');
    await site().mend('first');
    await routed('first', 'second');
    await phase('first is back', 3000);
  });

  it('SIGTERM: the routes go first, IPVS serves on until they have, and conversations go on at the other director', async () => {
    await conversing();
    await site().seen();
    const first = site().daemon('first');
    first.terminate();
    await routed('second');
    expect([first.running, site().serves('first'), first.said(DRAINING)], 'while the router still sent clients').to.deep.equal([true, true, true]);
    first.terminate();
    const { status } = await first.ended(PATIENCE);
    expect([status, first.said(/Draining: ended before its time/u), site().serves('first')]).to.deep.equal([0, true, false]);
    survived(await phase('first stopped (SIGTERM)', 1000));
    expect(await site().routes(AT.first.local), 'its local addresses have moved, too').to.deep.equal(['second']);
    await alone('second');
  });

  it('it comes back', async () => {
    await site().start('first');
    await routed('first', 'second');
    await phase('first is back', 3000);
  });

  it('SIGKILL of all of the daemon: who watches it lets go of the routes, and IPVS serves on meanwhile', async () => {
    await conversing();
    await site().seen();
    site().daemon('second').kill();
    await routed('first');
    survived(await phase('second killed (SIGKILL)', 3000));
    expect(site().serves('second'), 'the kernel goes on').to.equal(true);
    await alone('first');
  });

  it('the main process alone is killed: its checking process lets go of the routes, drains, and leaves nothing', async () => {
    const checkers = site().checkers('first');
    site().daemon('first').signal('SIGKILL');
    await routed();
    expect(site().serves('first')).to.equal(true);
    process.kill(checkers, 'SIGTERM');
    await until('the end of all', PATIENCE, async () => !site().serves('first') && !(await site().run('first', 'iptables-legacy-save')).includes('TSK-FNAT'), logs, 300);
  });

  function site(): Cluster {
    if (cluster === null) throw new Error('no cluster');
    return cluster;
  }

  function logs(): string {
    return DIRECTORS.map((name) => { try { return site().daemon(name).tail(25); } catch { return `${name} does not run`; } }).join('\n');
  }

  /** Waits until the router sends clients to exactly these, and says how long that took. */
  async function routed(...names: DirectorName[]): Promise<void> {
    const begun = Date.now();
    await until(`routes to ${names.join(' and ')}`, PATIENCE, async () => (await site().routes()).join() === names.join(), logs, 100);
    console.log(`      the router sends clients to ${names.join(' and ') || 'nobody'} after ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  }

  /** Waits until all ten clients talk, and each director knows of all of that by what the other tells it. */
  async function conversing(): Promise<void> {
    let missing = '';
    await until('conversations that both directors know', PATIENCE, async () => {
      const { talking } = await site().seen();
      const known = DIRECTORS.map((name) => site().connections(name));
      missing = `${talking.length} talk; unknown to first: ${talking.filter((one) => known[0]?.includes(one) !== true).join()}, to second: ${talking.filter((one) => known[1]?.includes(one) !== true).join()}`;
      return talking.length === 10 && known.every((sockets) => talking.every((one) => sockets.includes(one)));
    }, () => `${missing}\n${logs()}`, 500);
  }

  /** What clients have seen since they were asked last, `rest` ms from now. */
  async function phase(name: string, rest: number): Promise<Seen> {
    await sleep(rest);
    const seen = await site().seen();
    const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
    console.log(`      ${name}: ${seen.asked} new connections, ${seen.lost} lost, the slowest took ${seconds(seen.slowest)}; ${seen.talking.length} conversations go on, ${seen.broken} were cut, the longest silence was ${seconds(seen.silence)}`);
    return seen;
  }

  /** Conversations go on; a new connection that was just being made, of each client one at the most, may have met both directors. */
  function survived({ broken, lost }: Seen): void {
    expect([broken, lost <= 10]).to.deep.equal([0, true]);
  }

  /** One serves everybody. */
  async function alone(name: DirectorName): Promise<void> {
    const seen = await phase(`${name} alone`, 1500);
    expect(seen.asked).to.be.greaterThan(0);
    expect([seen.lostNow, seen.broken, seen.talking.length]).to.deep.equal([0, 0, 10]);
  }
});

function isOf(name: DirectorName, address: string): boolean {
  const [, , , last = 0] = address.split('.').map(Number);
  const [, , , begin = 0] = AT[name].local.replace('/28', '').split('.').map(Number);
  return address.startsWith('10.0.9.') && last > begin && last < begin + 15;
}
