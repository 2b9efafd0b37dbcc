/** What keepalived does beyond RFC 3768, or otherwise. Observed from keepalived; see each title. */
import { expect } from 'chai';
import { ip } from '../../lib/util/ip.ts';
import { Stepper } from './stepper.ts';

const SKEW = (priority: number): number => ((256 - priority) / 256) * 1000;
const DOWN = (priority: number): number => 3000 + SKEW(priority);

describe('keepalived beyond the RFC', () => {
  describe('faults', () => {
    it('a Master that faults sends two advertisements of priority 0', () => {
      const r = new Stepper('priority 100').master().event({ type: 'fault', reason: 'script chk' });
      expect(r.did).to.deep.equal(['advertise 0', 'advertise 0', 'reconcile', 'Master > Fault']);
      expect(r.said).to.deep.equal(['(VI_1) Entering FAULT STATE', '(VI_1) sent 0 priority']);
      expect(r.router.counters).to.include({ priZeroSent: 2, releasedMaster: 1 });
      expect(r.wait).to.equal(Infinity);
    });

    it('a Backup that faults says nothing to others', () => {
      const r = new Stepper('priority 100').backup().event({ type: 'fault', reason: 'script chk' });
      expect(r.did).to.deep.equal(['reconcile', 'Backup > Fault']);
      expect(r.router.counters).to.include({ priZeroSent: 0, releasedMaster: 0 });
    });

    it('with a fault from before the startup it begins in FAULT', () => {
      const r = new Stepper('priority 255');
      r.router = { ...r.router, faults: new Set(['interface eth0 is down']) };
      r.start();
      expect(r.state.name).to.equal('Fault');
      expect(r.said).to.deep.equal(['(VI_1) Entering FAULT STATE (init)']);
      expect(r.did, 'what a killed run left goes').to.deep.equal(['reconcile', 'Initialize > Fault']);
    });

    it('all faults must clear before it leaves FAULT; then it is a Backup for a whole Master_Down_Interval', () => {
      const r = new Stepper('priority 100\n state MASTER').backup().event({ type: 'fault', reason: 'one' }).event({ type: 'fault', reason: 'two' });
      expect(r.actions).to.deep.equal([]);
      expect(r.pass(10).event({ type: 'recovery', reason: 'one' }).state.name).to.equal('Fault');
      expect(r.event({ type: 'recovery', reason: 'three' }).state.name).to.equal('Fault');
      expect(r.event({ type: 'recovery', reason: 'two' }).did).to.deep.equal(['reconcile', 'Fault > Backup']);
      expect(r.wait).to.equal(DOWN(100));
      expect(r.said).to.deep.equal(['(VI_1) Entering BACKUP STATE']);
    });

    it('the same fault twice clears at once', () => {
      const r = new Stepper('priority 100').backup().event({ type: 'fault', reason: 'one' }).event({ type: 'fault', reason: 'one' });
      expect(r.event({ type: 'recovery', reason: 'one' }).state.name).to.equal('Backup');
    });

    it('an owner that recovers waits like everybody else', () => {
      const r = new Stepper('priority 255').master().event({ type: 'fault', reason: 'one' }).event({ type: 'recovery', reason: 'one' });
      expect(r.did).to.deep.equal(['reconcile', 'Fault > Backup']);
      expect(r.wait).to.equal(DOWN(255));
    });

    it('an owner whose state says BACKUP waits as well', () => {
      const r = new Stepper({ ...new Stepper('priority 255').instance, wantMaster: false }).start();
      expect(r.did).to.deep.equal(['reconcile', 'Initialize > Backup']);
      expect(r.wait).to.equal(DOWN(255));
    });

    it('in FAULT neither time nor an advertisement moves it', () => {
      const r = new Stepper('priority 100').backup().event({ type: 'fault', reason: 'one' });
      for (const heard of [0, 1, 200]) expect(r.pass(10_000).hear(heard).actions).to.deep.equal([]);
      expect(r.event({ type: 'time' }).actions).to.deep.equal([]);
      expect(r.state.name).to.equal('Fault');
    });

    it('a recovery that nobody waits for does nothing', () => {
      for (const r of [new Stepper('priority 100').backup(), new Stepper('priority 100').master()]) {
        const before = r.state;
        expect(r.event({ type: 'recovery', reason: 'one' }).state).to.equal(before);
        expect(r.actions).to.deep.equal([]);
      }
    });
  });

  describe('scripts that have not answered yet', () => {
    it('one of weight 0 holds the start; the first good answer leads to a whole Master_Down_Interval', () => {
      const r = new Stepper('priority 100\n state MASTER').event({ type: 'hold', reason: 'script chk' }).start();
      expect(r.state.name).to.equal('Initialize');
      expect(r.did, 'what a killed run left goes at once').to.deep.equal(['reconcile']);
      r.pass(700).event({ type: 'release', reason: 'script chk' });
      expect(r.said).to.deep.equal(['(VI_1) Entering BACKUP STATE']);
      expect(r.wait).to.equal(DOWN(100));
    });

    it('of two the last one counts', () => {
      const r = new Stepper('priority 100').event({ type: 'hold', reason: 'a' }).event({ type: 'hold', reason: 'b' }).start();
      expect(r.event({ type: 'release', reason: 'a' }).state.name).to.equal('Initialize');
      expect(r.event({ type: 'release', reason: 'b' }).state.name).to.equal('Backup');
    });

    it('a bad first answer is a fault', () => {
      const r = new Stepper('priority 100').event({ type: 'hold', reason: 'chk' }).start().event({ type: 'fault', reason: 'chk' });
      expect(r.did).to.deep.equal(['reconcile', 'Initialize > Fault']);
      expect(r.event({ type: 'recovery', reason: 'chk' }).state.name).to.equal('Backup');
    });
  });

  describe('effective priority', () => {
    it('a Backup waits longer or shorter by the difference of the two skews', () => {
      const r = new Stepper('priority 100').backup().pass(1000).event({ type: 'priority', value: 150 });
      expect(r.wait).to.equal(DOWN(150) - 1000);
      r.pass(500).event({ type: 'priority', value: 50 });
      expect(r.wait).to.equal(DOWN(50) - 1500);
      expect(r.said).to.deep.equal(['(VI_1) Changing effective priority from 150 to 50']);
      expect(r.did).to.deep.equal(['priority-changed 50']);
    });

    it('it never waits for what is past', () => {
      const r = new Stepper('priority 1').backup().hear(0).pass(990).event({ type: 'priority', value: 254 });
      expect(r.wait).to.equal(0);
    });

    it('a Master goes on, and advertises the new one at its next time', () => {
      const r = new Stepper('priority 100').master().pass(300).event({ type: 'priority', value: 90 });
      expect(r.did).to.deep.equal(['priority-changed 90']);
      expect(r.wait).to.equal(700);
      expect(r.fire().did).to.deep.equal(['advertise 90']);
    });

    it('the same priority is no change', () => {
      const r = new Stepper('priority 100').backup().event({ type: 'priority', value: 100 });
      expect(r.actions).to.deep.equal([]);
    });

    it('in FAULT it is logged, and told to nobody', () => {
      const r = new Stepper('priority 100').backup().event({ type: 'fault', reason: 'one' }).event({ type: 'priority', value: 90 });
      expect(r.did).to.deep.equal([]);
      expect(r.said).to.deep.equal(['(VI_1) Changing effective priority from 100 to 90']);
    });
  });

  describe('an address taken away', () => {
    it('a Master sends one advertisement of priority 0 and stands again after its skew', () => {
      const r = new Stepper('priority 100').master().event({ type: 'address-lost', address: ip('10.0.0.100'), link: 'eth0' });
      expect(r.did).to.deep.equal(['advertise 0', 'reconcile', 'Master > Backup']);
      expect(r.wait).to.equal(SKEW(100));
      expect(r.said).to.deep.equal([
        '(VI_1) Netlink reflector reports IP 10.0.0.100 removed from eth0', '(VI_1) sent 0 priority', '(VI_1) Entering BACKUP STATE',
      ]);
      expect(r.router.counters).to.include({ priZeroSent: 1, releasedMaster: 1 });
    });

    it('at a stop that leaves the addresses (-V) there is no farewell', () => {
      const r = new Stepper('priority 100').master().event({ type: 'shutdown', silent: true });
      expect(r.did).to.deep.equal(['reconcile', 'Master > Stop']);
      expect(r.router.counters.priZeroSent).to.equal(0);
    });

    it('a Backup does not mind', () => {
      const r = new Stepper('priority 100').backup().event({ type: 'address-lost', address: ip('10.0.0.100'), link: 'eth0' });
      expect(r.actions).to.deep.equal([]);
    });
  });

  describe('preemption', () => {
    it('preempt_delay counts from the first lower priority heard; until then that master is put up with', () => {
      const r = new Stepper('priority 150\n preempt_delay 10').backup().pass(600).hear(100);
      expect(r.wait).to.equal(DOWN(150));
      for (let second = 1; second <= 9; second++) {
        r.pass(1000).hear(100);
        expect(r.wait, `${second} s`).to.equal(DOWN(150));
      }
      r.pass(1000).hear(100);
      expect(r.wait, '10 s: no more').to.equal(DOWN(150) - 1000);
      expect(r.said).to.deep.equal(['(VI_1) received lower priority (100) advert from 10.0.0.2 - discarding']);
      expect(r.fire().state.name).to.equal('Master');
    });

    it('preempt_delay begins anew when somebody better was heard in between', () => {
      const r = new Stepper('priority 150\n preempt_delay 10').backup().hear(100).pass(9000).hear(200).pass(500).hear(100).pass(9500).hear(100);
      expect(r.wait).to.equal(DOWN(150));
      expect(r.pass(500).hear(100).wait).to.equal(DOWN(150) - 500);
    });

    it('without a master preempt_delay delays nothing', () => {
      const r = new Stepper('priority 150\n preempt_delay 10').backup();
      expect(r.fire().state.name).to.equal('Master');
    });

    it('nopreempt: takes over from a master that leaves, and from one that is silent', () => {
      const left = new Stepper('priority 150\n nopreempt').backup().hear(100).hear(0);
      expect(left.wait).to.equal(SKEW(150));
      expect(left.fire().state.name).to.equal('Master');
      expect(new Stepper('priority 150\n nopreempt').backup().hear(100).fire().state.name).to.equal('Master');
    });

    it('an advertisement of priority 0 does not hide behind nopreempt or a delay', () => {
      for (const body of ['nopreempt', 'preempt_delay 100']) {
        expect(new Stepper(`priority 150\n ${body}`).backup().hear(100).pass(100).hear(0).wait, body).to.equal(SKEW(150));
      }
    });
  });

  describe('a rival', () => {
    it('of higher priority, with higher_prio_send_advert: one more advertisement before giving way', () => {
      const r = new Stepper('priority 100\n higher_prio_send_advert true').master().hear(150);
      expect(r.did).to.deep.equal(['advertise 100', 'reconcile', 'Master > Backup']);
      expect(r.router.counters).to.include({ sent: 2, releasedMaster: 1, priZeroSent: 0 });
    });

    it('of lower priority is answered, and the switches told again', () => {
      const r = new Stepper('priority 100').master().pass(400).hear(50);
      expect(r.said).to.deep.equal(['(VI_1) Received advert from 10.0.0.2 with lower priority 50, ours 100, forcing new election']);
      expect(r.did).to.deep.equal(['advertise 100', 'announce 5', 'lower-priority-heard']);
      expect(r.wait, 'the answer counts as the next advertisement').to.equal(1000);
    });

    it('of lower priority, with lower_prio_no_advert: not answered', () => {
      const r = new Stepper('priority 100\n lower_prio_no_advert true').master().pass(400).hear(50);
      expect(r.said).to.deep.equal(['(VI_1) Received advert from 10.0.0.2 with lower priority 50, ours 100']);
      expect(r.did).to.deep.equal(['announce 5', 'lower-priority-heard']);
      expect(r.wait).to.equal(600);
      expect(r.router.counters.sent).to.equal(1);
    });

    it('of equal priority, by its address', () => {
      expect(new Stepper('priority 100').master().hear(100, '10.0.0.2').said[0])
        .to.equal('(VI_1) Master received advert from 10.0.0.2 with same priority 100 but higher IP address than ours');
      expect(new Stepper('priority 100').master().hear(100, '10.0.0.0').said[0])
        .to.equal('(VI_1) Received advert from 10.0.0.0 with same priority 100 but lower IP address than ours, forcing new election');
    });

    it('of equal priority while we have no address: we stay', () => {
      const r = new Stepper('priority 100').master().event({ type: 'source', address: null }).hear(100, '10.0.0.2');
      expect(r.state.name).to.equal('Master');
    });

    it('of lower priority: garp_lower_prio_repeat frames, and a second block after garp_lower_prio_delay', () => {
      const r = new Stepper('priority 100\n garp_lower_prio_repeat 2\n garp_lower_prio_delay 3\n garp_master_delay 0').master().hear(50);
      expect(r.did).to.deep.equal(['advertise 100', 'announce 2', 'lower-priority-heard']);
      const announced: number[] = [];
      while (announced.length === 0) if (r.fire().did.some((d) => d.startsWith('announce'))) announced.push(r.now - r.router.since);
      expect(announced).to.deep.equal([3000]);
    });

    it('of lower priority, with garp_lower_prio_repeat 0: none', () => {
      const r = new Stepper('priority 100\n garp_lower_prio_repeat 0').master().hear(50);
      expect(r.did).to.deep.equal(['advertise 100', 'lower-priority-heard']);
    });
  });

  describe('gratuitous ARP', () => {
    /** When, in ms from becoming Master, and what, within twelve seconds. */
    const announced = (body: string): string[] => {
      const r = new Stepper(`priority 100\n ${body}`).master();
      const found = r.did.filter((d) => d.startsWith('announce')).map((d) => `0 ${d}`);
      while (r.now + r.wait - r.router.since <= 12_000) found.push(...r.fire().did.filter((d) => d.startsWith('announce')).map((d) => `${r.now - r.router.since} ${d}`));
      return found;
    };

    for (const [name, body, expected] of [
      ['by default: 5 at once and 5 after 5 s', '', ['0 announce 5', '5000 announce 5']],
      ['garp_master_delay 0: no second block', 'garp_master_delay 0', ['0 announce 5']],
      ['garp_master_delay 2, garp_master_repeat 3', 'garp_master_delay 2\n garp_master_repeat 3', ['0 announce 3', '2000 announce 3']],
      ['garp_master_refresh 4', 'garp_master_refresh 4\n garp_master_delay 0', ['0 announce 5', '4000 announce 1', '8000 announce 1', '12000 announce 1']],
      ['garp_master_refresh_repeat 2', 'garp_master_refresh 10\n garp_master_refresh_repeat 2\n garp_master_delay 0', ['0 announce 5', '10000 announce 2']],
    ] as const) {
      it(name, () => { expect(announced(body)).to.deep.equal(expected); });
    }
  });

  describe('lines said once', () => {
    it("each kind of complaint once, for as long as the state and the master stay", () => {
      const r = new Stepper('priority 100').backup();
      const complaint = { type: 'drop', counter: 'ttlErr', kind: 'ttl', text: 'invalid TTL/HL' } as const;
      expect(r.event(complaint).said).to.deep.equal(['(VI_1) invalid TTL/HL']);
      expect(r.event(complaint).said).to.deep.equal([]);
      expect(r.event({ ...complaint, kind: 'other', text: 'something else' }).said).to.deep.equal(['(VI_1) something else']);
      expect(r.router.counters.ttlErr, 'but counted each time').to.equal(3);
      r.hear(200);
      expect(r.event(complaint).said, 'another master').to.deep.equal(['(VI_1) invalid TTL/HL']);
      r.hear(200);
      expect(r.event(complaint).said, 'the same master').to.deep.equal([]);
      r.fire();
      expect(r.event(complaint).said, 'another state').to.deep.equal(['(VI_1) invalid TTL/HL']);
    });

    it('a lower priority is told of each time: it is no mistake of anybody', () => {
      const r = new Stepper('priority 100').backup();
      for (let i = 0; i < 2; i++) expect(r.hear(50).said).to.deep.equal(['(VI_1) received lower priority (50) advert from 10.0.0.2 - discarding']);
    });
  });

  describe('version 3 (RFC 9568)', () => {
    it("a Backup takes over the master's interval, its skew too", () => {
      const r = new Stepper('version 3\n priority 100').backup().hear(150, '10.0.0.2', { advertInterval: 200 });
      expect(r.wait).to.equal(3 * 200 + (156 / 256) * 200);
      expect(r.hear(0).wait).to.equal((156 / 256) * 200);
    });

    it('a Master that gives way waits by the interval it heard', () => {
      const r = new Stepper('version 3\n priority 100').master().hear(150, '10.0.0.2', { advertInterval: 400 });
      expect(r.wait).to.equal(3 * 400 + (156 / 256) * 400);
    });

    it('a new Master goes by its own interval', () => {
      const r = new Stepper('version 3\n priority 100\n advert_int 0.5').backup().hear(150, '10.0.0.2', { advertInterval: 200 }).fire();
      expect(r.state.name).to.equal('Master');
      expect(r.wait).to.equal(500);
    });

    it('down_timer_adverts counts the advertisements missed', () => {
      expect(new Stepper('version 3\n priority 100\n down_timer_adverts 5').backup().wait).to.equal(5000 + SKEW(100));
    });
  });

  describe('counters', () => {
    it('tell what came and went', () => {
      const r = new Stepper('priority 100').backup().hear(150).hear(0).fire().fire().hear(0).hear(150);
      expect(r.router.counters).to.deep.include({ received: 4, sent: 3, becameMaster: 1, releasedMaster: 1, priZeroRcvd: 2, priZeroSent: 0 });
    });

    it('a stop of a Master is a release, of a Backup it is not', () => {
      expect(new Stepper('priority 100').master().event({ type: 'shutdown' }).router.counters).to.include({ releasedMaster: 1, priZeroSent: 1 });
      expect(new Stepper('priority 100').backup().event({ type: 'shutdown' }).router.counters).to.include({ releasedMaster: 0, priZeroSent: 0 });
    });
  });
});
