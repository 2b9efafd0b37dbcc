/** Two ends on virtual time, with loss. */
import { expect } from 'chai';
import { Wire } from './pair.ts';

describe('BFD between two ends', () => {
  for (const [name, a, b] of [
    ['both active', {}, {}],
    ['one passive', {}, { passive: true }],
    ['intervals that disagree', { minTx: 30, minRx: 400, multiplier: 2 }, { minTx: 250, minRx: 20, multiplier: 10 }],
    ['a multiplier of 1', { multiplier: 1 }, { multiplier: 1 }],
    ['as idle as busy', { minTx: 1000 }, { minTx: 1000 }],
    ['keepalived\'s defaults', { minRx: 10, minTx: 10, multiplier: 5 }, { minRx: 10, minTx: 10, multiplier: 5 }],
  ] as const) {
    it(`${name}: both come up, and stay up`, () => {
      const wire = new Wire(1, a, b).start().advance(3000);
      expect([wire.a.session.state, wire.b.session.state]).to.deep.equal(['Up', 'Up']);
      wire.advance(60_000);
      for (const end of [wire.a, wire.b]) {
        expect(end.states().at(-1)).to.match(/> Up$/);
        expect(end.states().filter((state) => state.endsWith('Down'))).to.deep.equal([]);
        expect(end.session.polling).to.equal(false);
      }
    });
  }

  it('both passive: nobody ever speaks', () => {
    const wire = new Wire(1, { passive: true }, { passive: true }).start().advance(60_000);
    expect(wire.a.sent.length + wire.b.sent.length).to.equal(0);
  });

  for (let seed = 1; seed <= 20; seed++) {
    it(`cut, both are down within the detection time, and up again after it heals (seed ${seed})`, () => {
      const wire = new Wire(seed, { minTx: 50 }, { minRx: 80 }).start().advance(5000 + seed * 7);
      const slowest = Math.max(wire.a.session.detectionTime, wire.b.session.detectionTime);
      wire.cut = true;
      wire.advance(slowest + wire.delay + 1);
      expect([wire.a.session.state, wire.b.session.state]).to.deep.equal(['Down', 'Down']);
      wire.advance(5000);
      wire.cut = false;
      wire.advance(4000);
      expect([wire.a.session.state, wire.b.session.state]).to.deep.equal(['Up', 'Up']);
      expect(wire.a.states().at(-1)).to.match(/> Up$/);
    });
  }

  for (let seed = 1; seed <= 20; seed++) {
    it(`with every tenth packet lost a session of ten comes up and holds for half a minute (seed ${seed})`, () => {
      const wire = new Wire(seed, { multiplier: 10 }, { multiplier: 10 });
      wire.loss = 0.1;
      wire.start().advance(30_000);
      for (const end of [wire.a, wire.b]) expect(end.states().filter((state) => state === 'Up > Down')).to.deep.equal([]);
      expect([wire.a.session.state, wire.b.session.state]).to.deep.equal(['Up', 'Up']);
    });
  }

  it('with three of four lost it falls, and always finds its way back', () => {
    const wire = new Wire(7);
    wire.loss = 0.75;
    wire.start().advance(100_000);
    expect(wire.a.states()).to.include('Up > Down');
    wire.loss = 0;
    wire.advance(5000);
    expect([wire.a.session.state, wire.b.session.state]).to.deep.equal(['Up', 'Up']);
  });

  it('a neighbour that was started anew is found again', () => {
    const wire = new Wire(3).start().advance(5000);
    const other = new Wire(4);
    wire.b.session = other.b.session;
    wire.b.do({ type: 'start' });
    wire.advance(5000);
    expect([wire.a.session.state, wire.b.session.state]).to.deep.equal(['Up', 'Up']);
    expect(wire.a.states()).to.include('Up > Down');
  });

  it('other intervals while up, on both ends, without a fall', () => {
    const wire = new Wire(5).start().advance(5000);
    for (const minTx of [500, 20, 100]) {
      wire.a.config = { ...wire.a.config, minTx, minRx: 600 - minTx };
      wire.a.now = wire.now;
      wire.a.do({ type: 'configure' });
      wire.advance(3000);
      expect(wire.a.session).to.include({ state: 'Up', polling: false, effectiveMinTx: minTx, effectiveMinRx: 600 - minTx });
      expect(wire.b.session).to.include({ state: 'Up', remoteMinTx: minTx });
    }
    expect(wire.b.states().filter((state) => state.endsWith('Down'))).to.deep.equal([]);
  });
});
