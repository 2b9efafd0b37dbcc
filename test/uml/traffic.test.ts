import { expect } from 'chai';
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../netns/wait.ts';
import { ask, REAL, Site } from './director/site.ts';
import { requireUml } from './needs.ts';

interface Way {
  readonly method: string;
  readonly family: 'inet' | 'inet6';
  readonly address: string;
  /** Port of the real servers: only NAT gives a packet another one. */
  readonly port: number;
}

const METHODS = ['NAT', 'DR', 'TUN', 'TUN type gre', 'TUN type gue port 6080'] as const;
const WAYS: readonly Way[] = (['inet', 'inet6'] as const).flatMap((family) => METHODS.map((method, i) => ({
  method, family, port: method === 'NAT' ? 8080 : 80, address: family === 'inet' ? `192.0.2.${101 + i}` : `2001:db8::${101 + i}`,
})));

function configuration(weight = 1): string {
  return `global_defs {\n  lvs_notify_fifo @DIR@/fifo\n}\n${WAYS.map((way) => virtualServer(way, weight)).join('')}`;
}

function virtualServer({ method, family, address, port }: Way, weight: number): string {
  const server = (name: 'r1' | 'r2'): string => `  real_server ${REAL[name][family]} ${port} {\n    weight ${name === 'r2' && method === 'NAT' ? weight : 1}\n    TCP_CHECK {\n    }\n  }\n`;
  return `virtual_server ${address} 80 {\n  delay_loop 1\n  warmup 0\n  connect_timeout 3\n  lvs_sched rr\n  lvs_method ${method}\n  protocol TCP\n${server('r1')}${server('r2')}}\n`;
}

describe('HTTP through a director', function () {
  this.timeout(120_000);
  let folder: string;
  let site: Site;

  before(async function () {
    requireUml(this);
    folder = mkdtempSync(join(tmpdir(), 'tska-traffic-'));
    site = await Site.open(240, 'ours', folder, WAYS.map(({ address }) => address));
    site.start('r1');
    site.start('r2');
    site.director.start(configuration());
    await servers('r1', 'r2');
  });
  after(async () => {
    await site?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  /** Waits until exactly these are in every virtual server's table. */
  async function servers(...names: ('r1' | 'r2')[]): Promise<void> {
    const wanted = WAYS.flatMap(({ address, family }) => names.map((name) => `${address} ${REAL[name][family]}`)).sort();
    let there: string[] = [];
    await until(`${names.join(' and ')} in the table`, 30_000, async () => {
      there = (await site.director.table()).flatMap((line) => {
        const [, service, server] = /^-a -t \[?([^\]\s]+?)\]?:80 -r \[?([^\]\s]+?)\]?:\d+ /u.exec(line) ?? [];
        return service === undefined || server === undefined ? [] : [`${service} ${server}`];
      }).sort();
      return there.join() === wanted.join();
    }, () => `${there.join('\n')}\n${site.director.daemon?.tail() ?? ''}`, 200);
  }

  async function answers(address: string): Promise<string[]> {
    const all = [];
    for (let i = 0; i < 4; i++) all.push(await ask(address));
    return [...new Set(all)].sort();
  }

  for (const { method, family, address } of WAYS) {
    it(`${method}, ${family}: both real servers answer`, async () => {
      expect(await answers(address), site.director.daemon?.tail()).to.deep.equal(['r1', 'r2']);
    });
  }

  it('a real server that died gets no connection, in any way', async () => {
    await site.stop('r1');
    await servers('r2');
    for (const { address, method } of WAYS) expect(await answers(address), `${method} ${address}`).to.deep.equal(['r2']);
  });

  it('it is back, and takes its turn again', async () => {
    site.start('r1');
    await servers('r1', 'r2');
    for (const { address, method } of WAYS) expect(await answers(address), `${method} ${address}`).to.deep.equal(['r1', 'r2']);
  });

  it('a reload that changes a weight leaves connections and counters alone', async () => {
    const counted = async (): Promise<number[]> => [...(await site.director.run('ipvsadm', '-Ln', '--stats', '--exact')).matchAll(/^TCP +\S+ +(\d+)/gmu)].map(([, text]) => Number(text));
    const before = await counted();
    let heard = 0;
    let broken: string | null = null;
    const request = get({ host: WAYS[0]?.address ?? '', port: 80, path: '/slow', agent: false }, (response) => {
      response.on('data', (piece: Buffer) => (heard += piece.length)).on('close', () => (broken ??= 'closed'));
    }).on('error', (cause) => (broken ??= cause.message));
    try {
      await until('the slow answer begins', 5000, () => heard > 0);
      const rows = async (): Promise<string> => (await site.director.table()).join('\n');
      site.director.reload(configuration(9));
      await until('the new weight', 20_000, async () => (await rows()).includes('-w 9'), () => site.director.daemon?.tail() ?? '', 200);
      const then = heard;
      await until('the slow answer goes on', 5000, () => heard > then || broken !== null);
      expect(broken).to.equal(null);
      const after = await counted();
      expect(after).to.have.lengthOf(before.length);
      for (const [i, count] of after.entries()) expect(count, `connections of service ${i}`).to.be.at.least(before[i] ?? 0);
    } finally {
      broken = 'over';
      request.destroy();
    }
  });

  it('after the stop nothing is left in the table', async () => {
    site.director.daemon?.terminate();
    await site.director.daemon?.ended(20_000);
    expect(await site.director.table()).to.deep.equal([]);
    expect(await ask(WAYS[0]?.address ?? '')).to.not.be.oneOf(['r1', 'r2']);
  });
});
