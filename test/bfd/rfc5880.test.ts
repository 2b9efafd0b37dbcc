/** RFC 5880: one test for each sentence that says what a system in asynchronous mode does. */
import { expect } from 'chai';
import { transmitInterval } from '../../lib/bfd/session.ts';
import { End, fixedDice } from './pair.ts';

/** An end that is Up. */
function up(config: ConstructorParameters<typeof End>[0] = {}): End {
  const end = new End(config).do({ type: 'start' }).hears({ state: 'Init', desiredMinTx: 200 });
  end.took();
  end.said.length = 0;
  return end;
}

/** Up, and its first Poll Sequence is over. */
function settled(config: ConstructorParameters<typeof End>[0] = {}): End {
  const end = up(config).hears({ state: 'Up', final: true, desiredMinTx: 200 });
  end.took();
  end.said.length = 0;
  return end;
}

describe('RFC 5880', () => {
  describe('§6.1 Overview', () => {
    it('a system in the Active role sends whether or not it has received any', () => {
      expect(new End().do({ type: 'start' }).took()).to.have.length(1);
    });

    it('a system in the Passive role does not begin to send until it has received a packet', () => {
      const end = new End({ passive: true }).do({ type: 'start' }).until(10_000);
      expect(end.took()).to.have.length(0);
      expect(end.hears({ yourDiscriminator: 0 }).took()).to.have.length(1);
    });

    it('a passive system falls silent again when its neighbour is forgotten', () => {
      const end = new End({ passive: true }).do({ type: 'start' }).hears({ yourDiscriminator: 0 }).until(20_000);
      end.took();
      expect(end.until(40_000).took()).to.have.length(0);
    });
  });

  describe('§6.2 and §6.8.6 state machine', () => {
    for (const [state, remote, next] of [
      ['Down', 'AdminDown', 'Down'], ['Down', 'Down', 'Init'], ['Down', 'Init', 'Up'], ['Down', 'Up', 'Down'],
      ['Init', 'AdminDown', 'Down'], ['Init', 'Down', 'Init'], ['Init', 'Init', 'Up'], ['Init', 'Up', 'Up'],
      ['Up', 'AdminDown', 'Down'], ['Up', 'Down', 'Down'], ['Up', 'Init', 'Up'], ['Up', 'Up', 'Up'],
    ] as const) {
      it(`${state} hears ${remote}: ${next}`, () => {
        const end = state === 'Up' ? settled() : new End().do({ type: 'start' });
        if (state === 'Init') end.hears({ state: 'Down' });
        expect(end.session.state).to.equal(state);
        expect(end.hears({ state: remote }).session.state).to.equal(next);
      });
    }

    it('down by the neighbour: diagnostic 3', () => {
      expect(settled().hears({ state: 'Down' }).session.diagnostic).to.equal(3);
    });

    it('another state is said at once (§6.8.7)', () => {
      const end = new End().do({ type: 'start' });
      end.took();
      expect(end.hears({ state: 'Down' }).took().map(({ state }) => state)).to.deep.equal(['Init']);
    });

    it('the neighbour\'s AdminDown is a state like Down, of which those who track it are not told (keepalived)', () => {
      expect(settled().hears({ state: 'AdminDown' }).states()).to.deep.equal(['Up > Down (not told)']);
      expect(settled().hears({ state: 'Down' }).states()).to.deep.equal(['Up > Down']);
    });
  });

  describe('§6.3 and §6.8.1 discriminators and state variables', () => {
    it('the first packet has a discriminator of ours that is not 0, and 0 for the neighbour\'s', () => {
      const [packet] = new End().do({ type: 'start' }).took();
      expect(packet?.myDiscriminator).to.not.equal(0);
      expect(packet?.yourDiscriminator).to.equal(0);
    });

    it('the neighbour\'s discriminator is sent back to it', () => {
      expect(new End().do({ type: 'start' }).hears({ myDiscriminator: 4711 }).took().at(-1)?.yourDiscriminator).to.equal(4711);
    });

    it('it is forgotten when nothing was heard for a detection time, also in Down', () => {
      const end = settled().until(60_000);
      expect(end.session.remoteDiscriminator).to.equal(0);
      const down = new End().do({ type: 'start' }).hears({ state: 'Up' });
      expect(down.session).to.include({ state: 'Down', remoteDiscriminator: 77 });
      expect(down.until(60_000).session.remoteDiscriminator).to.equal(0);
    });

    it('a session that was up gets another discriminator (keepalived)', () => {
      const end = settled();
      const before = end.session.localDiscriminator;
      expect(end.until(60_000).session.localDiscriminator).to.not.equal(before);
    });

    it('the diagnostic tells why it is down, and is 0 when it is up again', () => {
      const end = settled().until(60_000);
      expect(end.session.diagnostic).to.equal(1);
      expect(end.took().at(-1)?.diagnostic).to.equal(1);
      expect(end.hears({ state: 'Init' }).session.diagnostic).to.equal(0);
    });
  });

  describe('§6.5 and §6.8.3 Poll Sequence', () => {
    it('a packet with P is answered with F, at once and without P', () => {
      const end = settled();
      const [answer, ...more] = end.hears({ state: 'Up', poll: true }).took();
      expect(answer).to.include({ final: true, poll: false });
      expect(more).to.have.length(0);
    });

    it('P stands in every packet until F comes', () => {
      const end = up();
      const polls = end.until(end.now + 500).took();
      expect(polls.length).to.be.greaterThan(2);
      expect(polls.every(({ poll }) => poll)).to.equal(true);
      end.hears({ state: 'Up', final: true });
      end.took();
      expect(end.until(end.now + 200).took().some(({ poll }) => poll)).to.equal(false);
    });

    it('no packet has both P and F', () => {
      const end = up();
      const sent = end.hears({ state: 'Up', poll: true }).until(end.now + 300).took();
      expect(sent.some(({ final }) => final)).to.equal(true);
      expect(sent.some(({ final, poll }) => final && poll)).to.equal(false);
    });

    it('F without a Poll changes nothing', () => {
      const end = settled();
      const before = { ...end.session, lastSeen: null, expireAt: 0 };
      end.hears({ state: 'Up', final: true, desiredMinTx: 200 });
      expect({ ...end.session, lastSeen: null, expireAt: 0 }).to.deep.equal(before);
    });

    it('not Up, no more than a packet a second is wanted', () => {
      const end = new End({ minTx: 10 }).do({ type: 'start' });
      expect(end.took()[0]?.desiredMinTx).to.equal(1000);
      expect(end.hears({ state: 'Down' }).took()[0]).to.include({ state: 'Init', desiredMinTx: 1000 });
    });

    it('going Up begins a Poll Sequence with the interval that is wanted', () => {
      const end = new End().do({ type: 'start' });
      end.took();
      expect(end.hears({ state: 'Init' }).took()).to.have.length(1);
      expect(end.session).to.include({ state: 'Up', polling: true, desiredMinTx: 100 });
    });

    it('a longer transmit interval while Up is used only when the Poll was answered', () => {
      const end = settled();
      end.config = { ...end.config, minTx: 500 };
      end.do({ type: 'configure' });
      expect(end.took()[0]).to.include({ desiredMinTx: 500, poll: true });
      expect(transmitInterval(end.session)).to.equal(100);
      expect(transmitInterval(end.hears({ state: 'Up', final: true }).session)).to.equal(500);
    });

    it('a shorter one at once', () => {
      const end = settled();
      end.config = { ...end.config, minTx: 60 };
      expect(transmitInterval(end.do({ type: 'configure' }).session)).to.equal(60);
    });

    it('a shorter receive interval while Up shortens the detection time only when the Poll was answered', () => {
      const end = settled({ minRx: 400 });
      expect(end.session.detectionTime).to.equal(2000);
      end.config = { ...end.config, minRx: 100 };
      expect(end.do({ type: 'configure' }).session.detectionTime).to.equal(2000);
      expect(end.hears({ state: 'Up', final: true, desiredMinTx: 200 }).session.detectionTime).to.equal(1000);
    });

    it('a longer one lengthens it at once', () => {
      const end = settled();
      end.config = { ...end.config, minRx: 1000 };
      expect(end.do({ type: 'configure' }).session.detectionTime).to.equal(5000);
    });
  });

  describe('§6.8.4 detection time', () => {
    it('is the neighbour\'s multiplier times the longer of our receive and its transmit interval', () => {
      expect(settled().session.detectionTime).to.equal(5 * 200);
      expect(settled({ minRx: 300 }).session.detectionTime).to.equal(5 * 300);
    });

    it('nothing heard for so long: Down, diagnostic 1, told', () => {
      const end = settled();
      end.until(end.now + 999);
      expect(end.session.state).to.equal('Up');
      end.until(end.now + 1);
      expect(end.session).to.include({ state: 'Down', diagnostic: 1 });
      expect(end.said.filter(({ type }) => type === 'expired')).to.deep.equal([{ type: 'expired', after: 1000, overdue: 0 }]);
    });

    it('Init falls back to Down as well, and nobody is told of an up', () => {
      const end = new End().do({ type: 'start' }).hears({ state: 'Down' }).until(60_000);
      expect(end.session.state).to.equal('Down');
    });

    it('each packet begins it anew', () => {
      const end = settled();
      for (let i = 0; i < 10; i++) end.until(end.now + 900).hears({ state: 'Up', desiredMinTx: 200 });
      expect(end.session.state).to.equal('Up');
    });
  });

  describe('§6.8.7 transmission', () => {
    it('packets are no closer than what the neighbour can bear', () => {
      expect(transmitInterval(settled().hears({ state: 'Up', requiredMinRx: 700 }).session)).to.equal(700);
    });

    it('none is sent while it wants none, but for the answer to a Poll', () => {
      const end = settled().hears({ state: 'Up', requiredMinRx: 0 });
      expect(end.until(end.now + 900).took()).to.have.length(0);
      expect(end.hears({ state: 'Up', requiredMinRx: 0, poll: true }).took().map(({ final }) => final)).to.deep.equal([true]);
    });

    it('none is sent while it is in demand mode and both are Up', () => {
      const end = settled().hears({ state: 'Up', demand: true });
      expect(end.until(end.now + 900).took()).to.have.length(0);
      end.hears({ state: 'Up' });
      expect(end.until(end.now + 900).took()).to.have.length.greaterThan(5);
    });

    for (const [jitter, share] of [[0, 0.9], [0.999999, 0.75]] as const) {
      it(`the interval is shortened by chance, by 10 to 25 % (${share})`, () => {
        const end = new End({}, fixedDice(jitter)).do({ type: 'start' });
        expect(end.session.transmitAt / 1000).to.be.closeTo(share, 0.001);
      });
    }

    it('an interval that became shorter counts at once', () => {
      const end = settled().hears({ state: 'Up', requiredMinRx: 3000 });
      end.until(end.now + 100).hears({ state: 'Up', requiredMinRx: 50 });
      expect(end.session.transmitAt - end.now).to.be.at.most(100);
    });

    it('echo is neither offered nor asked for', () => {
      expect(up().until(1000).took().every(({ requiredMinEchoRx, demand, controlPlaneIndependent }) => requiredMinEchoRx === 0 && !demand && !controlPlaneIndependent)).to.equal(true);
    });
  });
});
