import { expect } from 'chai';
import { instanceText } from '../sim/config-text.ts';
import { simRouters } from '../sim/router.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';

const AH = (secret: string, more = ''): string => `${more}\n authentication {\n auth_type AH\n auth_pass ${secret}\n }`;

describe('AH (RFC 2338, kept by keepalived)', () => {
  const clock = (): VirtualClock => new VirtualClock();

  it('two routers of one password agree; a replayed advertisement is dropped', async () => {
    const time = clock();
    const { lan, routers } = simRouters(time, { a: '10.0.0.1/24', b: '10.0.0.2/24' });
    const [a, b] = [...routers.values()];
    if (a === undefined || b === undefined) throw new Error('no routers');
    await a.start(instanceText(AH('secret', 'priority 150')));
    await b.start(instanceText(AH('secret', 'priority 100')));
    await time.advance(6000);
    expect([a.state(), b.state()]).to.deep.equal(['Master', 'Backup']);
    const [replayed] = lan.passed;
    if (replayed === undefined) throw new Error('nothing sent');
    lan.send('hand', replayed.datagram, 51);
    await time.advance(10);
    expect(b.log.texts()).to.include('(VI_1) IPSEC-AH : sequence number 1 already processed. Packet dropped. Local(3)');
    expect(b.daemon.vrrp.router.members.get('VI_1')?.counters.authFailure).to.equal(1);
    a.kill();
    await time.advance(5000);
    expect(b.state(), 'the sequence goes on').to.equal('Master');
    await a.start(instanceText(AH('secret', 'priority 150')));
    await time.advance(5000);
    expect([a.state(), b.state()], 'also for one that was started again').to.deep.equal(['Master', 'Backup']);
    await stop([...routers.values()], time);
  });

  for (const [name, other, line] of [
    ['another password', AH('other', 'priority 100'), 'IPSEC-AH : invalid IPSEC HMAC-MD5 value. Due to fields mutation or bad password !'],
    ['no AH at all', 'priority 100', null],
  ] as const) {
    it(`${name}: nobody believes the other`, async () => {
      const time = clock();
      const { routers } = simRouters(time, { a: '10.0.0.1/24', b: '10.0.0.2/24' });
      const [a, b] = [...routers.values()];
      if (a === undefined || b === undefined) throw new Error('no routers');
      await a.start(instanceText(AH('secret', 'priority 150')));
      await b.start(instanceText(other));
      await time.advance(6000);
      expect([a.state(), b.state()]).to.deep.equal(['Master', 'Master']);
      if (line !== null) expect(b.log.texts()).to.include(`(VI_1) ${line}`);
      await stop([a, b], time);
    });
  }

  async function stop(routers: readonly { daemon: { stop(): Promise<void> } }[], time: VirtualClock): Promise<void> {
    const stopping = routers.map((r) => r.daemon.stop());
    await time.advance(1000);
    await Promise.all(stopping);
    expect(time.pending(), 'timers left').to.equal(0);
  }
});
