/**
 * RFC 3768, sentence by sentence where it says what a router does. Where keepalived does otherwise on purpose, the test has
 * keepalived's behaviour and its title says so.
 */
import { expect } from 'chai';
import { checksumHolds } from '../../lib/codec/vrrp.ts';
import { masterDownInterval, skewTime } from '../../lib/vrrp/timers.ts';
import { virtualMac } from '../../lib/vrrp/vmac.ts';
import { toHex } from '../../lib/util/bytes.ts';
import { instanceOf, instanceText } from '../sim/config-text.ts';
import { Stepper } from './stepper.ts';
import { NOTHING_LEFT, Wire } from './wire.ts';

const SKEW = (priority: number): number => ((256 - priority) / 256) * 1000;
const DOWN = (priority: number): number => 3000 + SKEW(priority);

describe('RFC 3768', () => {
  describe('5.2 IP fields', () => {
    it('5.2.1: the source is the primary address of the interface', async () => {
      const wire = await new Wire().run('priority 100', 4000);
      expect(wire.datagrams.map((d) => d.from)).to.deep.equal(['10.0.0.1']);
      expect(await wire.stop()).to.deep.equal(NOTHING_LEFT);
    });

    it('5.2.1, keepalived: mcast_src_ip takes its place', async () => {
      const wire = await new Wire().run('mcast_src_ip 10.0.0.7', 4000);
      expect(wire.datagrams.map((d) => d.from)).to.deep.equal(['10.0.0.7']);
      expect(await wire.stop()).to.deep.equal(NOTHING_LEFT);
    });

    it('5.2.2: the destination is 224.0.0.18', async () => {
      const wire = await new Wire().run('priority 100', 4000);
      expect(wire.datagrams.map((d) => d.to)).to.deep.equal(['224.0.0.18']);
      expect(await wire.stop()).to.deep.equal(NOTHING_LEFT);
    });

    it('5.2.3: the TTL is 255', async () => {
      const wire = await new Wire().run('priority 100', 4000);
      expect(wire.datagrams.map((d) => d.ttl)).to.deep.equal([255]);
      expect(await wire.stop()).to.deep.equal(NOTHING_LEFT);
    });

    it('5.2.3: a packet with another TTL is discarded', async () => {
      const wire = await new Wire().run('priority 100', 5000);
      await wire.put(200, { ttl: 254 });
      expect(wire.router.state()).to.equal('Master');
      expect(wire.router.log.texts()).to.include('(VI_1) invalid TTL/HL. Received 254 and expect 255');
      expect(await wire.stop()).to.deep.equal(NOTHING_LEFT);
    });

    it('5.2.4: the protocol number is 112', async () => {
      const wire = await new Wire().run('priority 100', 4000);
      expect([...wire.router.machine.sockets].map((s) => s.spec.protocol)).to.deep.equal([112]);
      expect(await wire.stop()).to.deep.equal(NOTHING_LEFT);
    });
  });

  describe('5.3 VRRP fields', () => {
    it('all of them, byte for byte', async () => {
      const wire = await new Wire().run('priority 100', 4000);
      expect(wire.datagrams.map((d) => toHex(d.payload))).to.deep.equal(['2133640100017066' + '0a000064' + '0000000000000000']);
      expect(await wire.stop()).to.deep.equal(NOTHING_LEFT);
    });

    it('5.3.1: the version is 2', async () => {
      const wire = await new Wire().run('priority 100', 4000);
      expect(wire.sent.map((a) => a.version)).to.deep.equal([2]);
      await wire.stop();
    });

    it('5.3.2: the type is 1, and a packet of another type is discarded', async () => {
      const wire = await new Wire().run('priority 100', 5000);
      expect(wire.sent.every((a) => a.type === 1)).to.equal(true);
      await wire.put(200, { type: 2 });
      expect(wire.router.state()).to.equal('Master');
      expect(wire.router.log.texts()).to.include('(VI_1) Invalid packet type. 2 and expect 1');
      await wire.stop();
    });

    it('5.3.3: the VRID is the one configured', async () => {
      const wire = await new Wire().run('priority 100', 4000);
      expect(wire.sent.map((a) => a.vrid)).to.deep.equal([51]);
      await wire.stop();
    });

    it('5.3.4: the owner of the addresses sends 255', async () => {
      const wire = await new Wire().run('priority 255', 500);
      expect(wire.sent.map((a) => a.priority)).to.deep.equal([255]);
      await wire.stop();
    });

    it('5.3.4: a backup that took over sends its own priority, 1 to 254', async () => {
      for (const priority of [1, 254]) {
        const wire = await new Wire().run(`priority ${priority}`, 4100);
        expect(wire.sent.map((a) => a.priority)[0]).to.equal(priority);
        await wire.stop();
      }
    });

    it('5.3.4: priority 0 says that the master leaves', async () => {
      const wire = await new Wire().run('priority 100', 4000);
      await wire.stop();
      expect(wire.sent.map((a) => a.priority)).to.deep.equal([100, 0]);
    });

    it('5.3.5, 5.3.9: the addresses of virtual_ipaddress in their order, and how many; keepalived: never the excluded ones', async () => {
      const wire = new Wire();
      await wire.router.start(instanceText('virtual_ipaddress {\n 10.0.0.103\n 10.0.0.101\n }\n virtual_ipaddress_excluded {\n 10.0.0.99\n }', 'VI_1', 51, ''));
      await wire.clock.advance(4000);
      expect(wire.sent.map((a) => a.addresses)).to.deep.equal([['10.0.0.103', '10.0.0.101']]);
      expect(wire.datagrams[0]?.payload[3]).to.equal(2);
      expect(wire.router.machine.addresses()).to.deep.equal(['10.0.0.103/32', '10.0.0.101/32', '10.0.0.99/32']);
      expect(await wire.stop()).to.deep.equal(NOTHING_LEFT);
    });

    it('5.3.6: authentication type 0 is sent', async () => {
      const wire = await new Wire().run('priority 100', 4000);
      expect(wire.sent.map((a) => a.auth?.type)).to.deep.equal([0]);
      await wire.stop();
    });

    it("5.3.6, keepalived: RFC 2338's type 1 and its password are still there when configured", async () => {
      const wire = await new Wire().run('authentication {\n auth_type PASS\n auth_pass secret\n }', 4000);
      expect(wire.sent.map((a) => [a.auth?.type, new TextDecoder().decode(a.auth?.data)])).to.deep.equal([[1, 'secret\0\0']]);
      await wire.stop();
    });

    it('5.3.7: the interval is in seconds, 1 by default', async () => {
      for (const [body, seconds] of [['priority 254', 1], ['priority 254\n advert_int 7', 7]] as const) {
        const wire = await new Wire().run(body, 22_000);
        expect(wire.datagrams[0]?.payload[5]).to.equal(seconds);
        await wire.stop();
      }
    });

    it('5.3.8: the checksum covers the whole VRRP message from the version on', async () => {
      const wire = await new Wire().run('priority 100', 4000);
      expect(wire.datagrams.every((d) => checksumHolds(d.payload, null))).to.equal(true);
      await wire.stop();
    });

    it('5.3.10: the authentication data is zero when sent, and ignored when received', async () => {
      const wire = await new Wire().run('priority 100', 4500);
      expect(wire.sent.map((a) => [...(a.auth?.data ?? [])])[0]).to.deep.equal([0, 0, 0, 0, 0, 0, 0, 0]);
      await wire.put(200, { auth: { type: 0, data: Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]) } });
      expect(wire.router.state()).to.equal('Backup');
      await wire.stop();
    });
  });

  describe('6.1 parameters', () => {
    it('Priority: 100 by default', () => { expect(instanceOf('').priority).to.equal(100); });

    it('Advertisement_Interval: 1 second by default', () => { expect(instanceOf('').advertInterval).to.equal(1000); });

    it('Preempt_Mode: the owner always preempts, whatever it says', () => {
      expect(instanceOf('priority 255\n nopreempt').nopreempt).to.equal(false);
      expect(instanceOf('priority 254\n nopreempt').nopreempt).to.equal(true);
    });

    it('Preempt_Mode: true by default', () => { expect(instanceOf('').nopreempt).to.equal(false); });

    for (const [priority, skew] of [[255, 3.90625], [254, 7.8125], [128, 500], [100, 609.375], [1, 996.09375]] as const) {
      it(`Skew_Time: (256 - ${priority}) / 256 seconds is ${skew} ms, whatever the interval`, () => {
        for (const body of ['', 'advert_int 7']) expect(skewTime(instanceOf(body), priority, instanceOf(body).advertInterval)).to.equal(skew);
      });

      it(`Master_Down_Interval: 3 intervals and the skew of ${priority}`, () => {
        for (const [body, interval] of [['', 1000], ['advert_int 7', 7000]] as const) {
          expect(masterDownInterval(instanceOf(body), priority, interval)).to.equal(3 * interval + skew);
        }
      });
    }
  });

  describe('6.2 timers', () => {
    it('Master_Down_Timer fires when no advertisement was heard for Master_Down_Interval', () => {
      const r = new Stepper('priority 100').backup();
      expect(r.wait).to.equal(DOWN(100));
      r.pass(DOWN(100) - 1).event({ type: 'time' });
      expect(r.state.name).to.equal('Backup');
      r.pass(1).event({ type: 'time' });
      expect(r.state.name).to.equal('Master');
    });

    it('Adver_Timer fires to send an advertisement, every Advertisement_Interval', () => {
      const r = new Stepper('priority 100\n advert_int 3').master();
      for (let i = 0; i < 3; i++) {
        // keepalived's second block of gratuitous ARPs comes in between.
        while (!r.pass(r.wait).event({ type: 'time' }).did.includes('advertise 100')) expect(r.did).to.deep.equal(['announce 5']);
        expect((r.now - r.router.since) % 3000).to.equal(0);
      }
    });
  });

  describe('6.4.1 Initialize', () => {
    it('waits for a startup: until then nothing is due and nothing that is heard matters', () => {
      const r = new Stepper('priority 100');
      expect(r.state).to.deep.equal({ name: 'Initialize' });
      expect(r.wait).to.equal(Infinity);
      expect(r.hear(50).actions).to.deep.equal([]);
      expect(r.event({ type: 'time' }).state.name).to.equal('Initialize');
    });

    it('startup with priority 255: advertises, tells the neighbours, sets Adver_Timer and is Master', () => {
      const r = new Stepper('priority 255').start();
      expect(r.did).to.deep.equal(['advertise 255', 'reconcile', 'announce 5', 'Initialize > Master']);
      expect(r.wait).to.equal(1000);
    });

    it('startup with any other priority: sets Master_Down_Timer to Master_Down_Interval and is Backup', () => {
      const r = new Stepper('priority 254').start();
      expect(r.did).to.deep.equal(['reconcile', 'Initialize > Backup']);
      expect(r.wait).to.equal(DOWN(254));
      expect(r.said).to.deep.equal(['(VI_1) Entering BACKUP STATE (init)']);
    });

    it("keepalived: 'state MASTER' waits for one interval and the owner's skew only", () => {
      const r = new Stepper('priority 100\n state MASTER').start();
      expect(r.state.name).to.equal('Backup');
      expect(r.wait).to.equal(1000 + SKEW(255));
    });
  });

  describe('6.4.2 Backup', () => {
    it('does not answer ARP for the addresses and accepts nothing for them: it does not have them', async () => {
      const wire = await new Wire().run('priority 100', 3000);
      expect(wire.router.state()).to.equal('Backup');
      expect(wire.router.machine.addresses()).to.deep.equal([]);
      expect(wire.router.machine.frames).to.deep.equal([]);
      await wire.stop();
    });

    it('sends nothing', async () => {
      const wire = await new Wire().run('priority 100', 3000);
      expect(wire.datagrams).to.deep.equal([]);
      await wire.stop();
      expect(wire.datagrams, 'nor at its end').to.deep.equal([]);
    });

    it('shutdown: cancels the timer and is Initialize', () => {
      const r = new Stepper('priority 100').backup().event({ type: 'shutdown' });
      expect(r.state.name).to.equal('Initialize');
      expect(r.wait).to.equal(Infinity);
      expect(r.did).to.deep.equal(['reconcile', 'Backup > Stop']);
    });

    it('Master_Down_Timer fires: advertises, tells the neighbours, sets Adver_Timer and is Master', () => {
      const r = new Stepper('priority 100').backup().fire();
      expect(r.did).to.deep.equal(['advertise 100', 'reconcile', 'announce 5', 'Backup > Master']);
      expect(r.wait).to.equal(1000);
      expect(r.said).to.deep.equal(['(VI_1) Receive advertisement timeout', '(VI_1) Entering MASTER STATE']);
    });

    it('priority 0 heard: Master_Down_Timer is Skew_Time', () => {
      const r = new Stepper('priority 100').backup().hear(200).pass(700).hear(0);
      expect(r.wait).to.equal(SKEW(100));
      expect(r.state.name).to.equal('Backup');
    });

    for (const priority of [100, 101, 255]) {
      it(`priority ${priority} heard, not lower than ours: Master_Down_Timer is Master_Down_Interval again`, () => {
        const r = new Stepper('priority 100').backup().pass(1234).hear(priority);
        expect(r.wait).to.equal(DOWN(100));
        expect(r.actions).to.deep.equal([]);
      });
    }

    it('a lower priority heard: discarded, Master_Down_Timer runs on', () => {
      const r = new Stepper('priority 100').backup().pass(1234).hear(99);
      expect(r.wait).to.equal(DOWN(100) - 1234);
      expect(r.did).to.deep.equal([]);
    });

    it('a lower priority heard with Preempt_Mode false: Master_Down_Timer is Master_Down_Interval again', () => {
      const r = new Stepper('priority 100\n nopreempt').backup().pass(1234).hear(99);
      expect(r.wait).to.equal(DOWN(100));
    });
  });

  describe('6.4.3 Master', () => {
    it('has the addresses, so that the kernel answers ARP for them and takes what is addressed to them', async () => {
      const wire = await new Wire().run('priority 100', 4000);
      expect(wire.router.machine.addresses()).to.deep.equal(['10.0.0.100/24']);
      expect(await wire.stop()).to.deep.equal(NOTHING_LEFT);
    });

    it('shutdown: cancels Adver_Timer, advertises priority 0 and is Initialize', () => {
      const r = new Stepper('priority 100').master().event({ type: 'shutdown' });
      expect(r.did).to.deep.equal(['advertise 0', 'reconcile', 'Master > Stop']);
      expect(r.state.name).to.equal('Initialize');
      expect(r.wait).to.equal(Infinity);
    });

    it('Adver_Timer fires: advertises and sets it to Advertisement_Interval again', () => {
      const r = new Stepper('priority 100').master().fire();
      expect(r.did).to.deep.equal(['advertise 100']);
      expect(r.wait).to.equal(1000);
    });

    it('a late Adver_Timer does not shift those after it', () => {
      const r = new Stepper('priority 100').master().pass(1400).event({ type: 'time' });
      expect(r.did).to.deep.equal(['advertise 100']);
      expect(r.wait).to.equal(600);
    });

    it('after whole intervals missed one advertisement goes out, not all of them', () => {
      const r = new Stepper('priority 100\n garp_master_delay 0').master().pass(10_500).event({ type: 'time' });
      expect(r.did).to.deep.equal(['advertise 100']);
      expect(r.wait).to.equal(1000);
    });

    it('priority 0 heard: advertises and sets Adver_Timer to Advertisement_Interval', () => {
      const r = new Stepper('priority 100').master().pass(400).hear(0);
      expect(r.did).to.deep.equal(['advertise 100']);
      expect(r.wait).to.equal(1000);
      expect(r.state.name).to.equal('Master');
    });

    it('a higher priority heard: Master_Down_Timer is Master_Down_Interval, and is Backup', () => {
      const r = new Stepper('priority 100').master().pass(400).hear(101);
      expect(r.did).to.deep.equal(['reconcile', 'Master > Backup']);
      expect(r.wait).to.equal(DOWN(100));
      expect(r.said).to.deep.equal(['(VI_1) Master received advert from 10.0.0.2 with higher priority 101, ours 100', '(VI_1) Entering BACKUP STATE']);
    });

    it('an equal priority heard from a higher address: Backup', () => {
      const r = new Stepper('priority 100').master().hear(100, '10.0.0.2');
      expect(r.did).to.deep.equal(['reconcile', 'Master > Backup']);
    });

    it('addresses are compared as numbers: 10.0.0.10 is higher than 10.0.0.9', () => {
      const r = new Stepper('priority 100');
      r.router = { ...r.router, address: r.instance.virtualAddresses[0]?.prefix.address ?? null };
      expect(r.master().hear(100, '10.0.0.101').state.name).to.equal('Backup');
      expect(new Stepper('priority 100').master().hear(100, '9.255.255.255').state.name).to.equal('Master');
    });

    it('an equal priority from a lower address, or a lower priority: stays Master; keepalived answers instead of discarding it', () => {
      for (const [priority, from] of [[100, '10.0.0.0'], [99, '10.0.0.2']] as const) {
        const r = new Stepper('priority 100').master().hear(priority, from);
        expect(r.did).to.deep.equal(['advertise 100', 'announce 5', 'lower-priority-heard']);
        expect(r.state.name).to.equal('Master');
      }
    });
  });

  describe('7.1 receiving', () => {
    for (const [title, body, changes, line] of [
      ['MUST verify that the TTL is 255', '', { ttl: 64 }, 'invalid TTL/HL. Received 64 and expect 255'],
      ['MUST verify the version', '', { version: 3, auth: null }, 'wrong version. Received 3 and expect 2'],
      ['MUST verify that the packet is complete', '', { payload: Uint8Array.from([0x21, 51, 200, 1, 0, 1, 0, 0, 10, 0, 0, 100]) }, 'vrrp packet too short, length 32 and expect 40'],
      ['MUST verify the checksum', '', { payload: Uint8Array.from([0x21, 51, 200, 1, 0, 1, 0, 0, 10, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0]) }, 'Invalid VRRPv2 checksum'],
      ['MUST verify that the authentication type is the one configured', '', { auth: { type: 1, data: new Uint8Array(8) } }, 'received a 1 auth, expecting 0!'],
      ['MUST verify that Adver Interval is the one configured', '', { advertInterval: 2000 }, "advertisement interval mismatch mine=1 sec rcv'd=2 sec"],
    ] as const) {
      it(`${title}; else MUST discard, and MAY log`, async () => {
        const wire = new Wire();
        await wire.router.start(instanceText(body));
        await wire.clock.advance(4000);
        await wire.put(200, changes);
        expect(wire.router.log.texts()).to.include(`(VI_1) ${line}`);
        expect(wire.router.state()).to.equal('Master');
        await wire.put(200);
        expect(wire.router.state(), 'a good one is heard').to.equal('Backup');
        expect(await wire.stop()).to.deep.equal(NOTHING_LEFT);
      });
    }

    it('MUST verify that the VRID is configured on the interface; else silently nothing, as keepalived has it', async () => {
      const wire = await new Wire().run('', 4000);
      const before = wire.router.log.lines.length;
      await wire.put(200, { vrid: 52 });
      expect(wire.router.state()).to.equal('Master');
      expect(wire.router.log.lines.length).to.equal(before);
      await wire.stop();
    });

    it('MUST verify that the local router is not the owner: keepalived does with owner_ignore_adverts, and decides between two owners else', async () => {
      for (const [body, heard, state] of [['owner_ignore_adverts', 0, 'Master'], ['', 1, 'Backup']] as const) {
        const wire = await new Wire().run(`priority 255\n state MASTER\n ${body}`, 500);
        await wire.put(255);
        expect(wire.router.daemon.vrrp.router.members.get('VI_1')?.counters.received).to.equal(heard);
        expect(wire.router.state()).to.equal(state);
        await wire.stop();
      }
    });

    it('keepalived: log_unknown_vrids tells of them', async () => {
      const wire = new Wire();
      await wire.router.start(`global_defs {\n log_unknown_vrids\n}\n${instanceText('')}`);
      await wire.clock.advance(100);
      await wire.put(200, { vrid: 52 });
      expect(wire.router.log.texts()).to.include('Unknown VRID(52) received on interface(eth0). ignoring...');
      await wire.stop();
    });

    it('MAY verify the addresses; keepalived logs and counts a list that differs, and does NOT discard it', async () => {
      const wire = await new Wire().run('', 4000);
      await wire.put(200, { addresses: [] });
      expect(wire.router.log.texts()).to.include('(VI_1) received an unexpected ip number count 0, expected 1!');
      expect(wire.router.state()).to.equal('Backup');
      expect(wire.router.daemon.vrrp.router.members.get('VI_1')?.counters.addrListErr).to.equal(1);
      await wire.stop();
    });
  });

  describe('7.2 transmitting', () => {
    it('sends to the multicast group on the interface, from its primary address, for as long as it is Master', async () => {
      const wire = await new Wire().run('priority 100', 10_000);
      expect(wire.lan.passed.map((p) => p.time)).to.deep.equal([0, 1, 2, 3, 4, 5, 6].map((i) => DOWN(100) + i * 1000));
      expect(new Set(wire.datagrams.map((d) => `${d.from} ${d.to}`))).to.deep.equal(new Set(['10.0.0.1 224.0.0.18']));
      await wire.stop();
    });

    it('keepalived: the IPv4 identification counts from 1', async () => {
      const wire = await new Wire().run('priority 100', 6000);
      expect(wire.datagrams.map((d) => d.id)).to.deep.equal([1, 2, 3]);
      await wire.stop();
    });

    it('7.3: the virtual router MAC address is 00-00-5E-00-01-VRID', () => {
      for (const vrid of [1, 51, 255]) expect(toHex(virtualMac('inet', vrid))).to.equal(`00005e0001${vrid.toString(16).padStart(2, '0')}`);
    });

    it("keepalived: without use_vmac the neighbours are told the interface's own MAC address, not 00-00-5E-00-01-VRID", async () => {
      const wire = await new Wire().run('priority 100', 4000);
      const [first] = wire.router.machine.frames;
      expect(toHex(first?.frame.subarray(6, 12) ?? new Uint8Array(0))).to.equal('020000000002');
      await wire.stop();
    });
  });
});
