import { expect } from 'chai';
import { checkTcp } from '../../lib/check/tcp.ts';
import type { CheckTarget } from '../../lib/config/model-ipvs.ts';
import { ip } from '../../lib/util/ip.ts';
import { closedPort, descriptorsBackTo, openDescriptors, realMeans, SCHEDULE, serve, SUBJECT, target, type TestServer } from './servers.ts';

const means = realMeans();

function check(to: CheckTarget): Promise<unknown> {
  return checkTcp({ type: 'TCP_CHECK', target: to, schedule: SCHEDULE }, SUBJECT, means).verdict;
}

describe('TCP_CHECK', () => {
  let server: TestServer;
  let open: number;
  before(async () => {
    server = await serve((socket) => socket.end(), true);
    await check(target(server.port));
    open = openDescriptors();
  });
  after(() => server.close());
  afterEach(async () => {
    expect(await descriptorsBackTo(open), 'descriptors').to.be.at.most(open);
  });

  it('nobody listens', async () => {
    expect(await check(target(await closedPort()))).to.deep.equal({ type: 'failure', reason: null });
  });

  it('a network that is not reachable is the failure of the server', async () => {
    expect(await check(target(80, { address: ip('255.255.255.255') }))).to.deep.equal({ type: 'failure', reason: null });
  });

  it('bindto an address that is not here says nothing about the server', async () => {
    expect(await check(target(server.port, { bindAddress: ip('192.0.2.1') }))).to.deep.equal({
      type: 'unable', line: 'TCP socket bind failed. Rescheduling. ([10.0.0.2]:tcp:80: bind to 192.0.2.1 port 0: EADDRNOTAVAIL)',
    });
  });

  it('bind_if an interface that is not here', async () => {
    expect(await check(target(server.port, { bindLink: 'nosuch0' }))).to.have.property('line', 'TCP socket bind failed. Rescheduling. ([10.0.0.2]:tcp:80: bind to interface nosuch0: ENODEV)');
  });

  it('a connection is enough', async () => {
    expect(await check(target(server.port))).to.deep.equal({ type: 'success', matched: null });
  });

  it('bindto, bind_port and bind_if', async () => {
    const port = await closedPort();
    const seen: string[] = [];
    const other = await serve((socket) => seen.push(`${socket.remoteAddress} ${socket.remotePort}`), true);
    try {
      expect(await check(target(other.port, { bindAddress: ip('127.0.0.9'), bindPort: port, bindLink: 'lo' }))).to.have.property('type', 'success');
      for (let i = 0; i < 100 && seen.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(seen).to.deep.equal([`127.0.0.9 ${port}`]);
    } finally {
      await other.close();
    }
  });

  it('many at once, and none left open', async () => {
    const found = await Promise.all(Array.from({ length: 300 }, () => check(target(server.port, { connectTimeout: 5000 }))));
    expect(found.filter((verdict) => (verdict as { type: string }).type === 'success')).to.have.length(300);
  });

  it('one that is cancelled closes and says nothing', async () => {
    const attempt = checkTcp({ type: 'TCP_CHECK', target: target(server.port), schedule: SCHEDULE }, SUBJECT, means);
    attempt.cancel();
    const told = await Promise.race([attempt.verdict, new Promise((resolve) => setTimeout(resolve, 50, 'nothing'))]);
    expect(told).to.equal('nothing');
  });
});
