/**
 * RFC 9568 (VRRP version 3), sentence by sentence where it says what a router does, for both families. Where keepalived does
 * otherwise on purpose, the test has keepalived's behaviour and its title says so. Its Active Router is our Master.
 */
import { expect } from 'chai';
import { type Advertisement, checksumHolds, encodeAdvertisement } from '../../lib/codec/vrrp.ts';
import { toHex } from '../../lib/util/bytes.ts';
import { type Family, ip } from '../../lib/util/ip.ts';
import { masterDownInterval, skewTime } from '../../lib/vrrp/timers.ts';
import { virtualMac } from '../../lib/vrrp/vmac.ts';
import { configOf, instanceText } from '../sim/config-text.ts';
import { Stepper } from './stepper.ts';
import { NOTHING_LEFT, Wire } from './wire.ts';

const SKEW = (priority: number, interval = 1000): number => ((256 - priority) / 256) * interval;
const DOWN = (priority: number, interval = 1000): number => 3 * interval + SKEW(priority, interval);

const FAMILIES = {
  inet: { name: 'IPv4', vip: '10.0.0.100/24', own: '10.0.0.1', lower: '10.0.0.0', higher: '10.0.0.2', group: '224.0.0.18' },
  inet6: { name: 'IPv6', vip: 'fe80::100/64', own: 'fe80::1', lower: 'fe80::', higher: 'fe80::2', group: 'ff02::12' },
} as const;

/** A virtual router of version 3, stepped by hand. */
function router(family: Family, body = ''): Stepper {
  const [instance] = configOf(instanceText(`version 3\n${body}`, 'VI_1', 51, FAMILIES[family].vip)).instances;
  if (instance === undefined) throw new Error('no instance');
  const stepper = new Stepper(instance);
  stepper.router = { ...stepper.router, address: ip(FAMILIES[family].own) };
  return stepper;
}

const wire = (family: Family, body = '', ms = 4000): Promise<Wire> => new Wire(family, 3).run(body, ms);

for (const family of ['inet', 'inet6'] as const) {
  const { name, vip, lower, higher, group, own } = FAMILIES[family];
  const address = vip.replace(/\/.*/u, '');

  describe(`RFC 9568, ${name}`, () => {
    describe('5.1 IP header fields', () => {
      it('the source is the primary address of the interface, link-local for IPv6', async () => {
        const w = await wire(family);
        expect(w.datagrams.map((d) => d.from)).to.deep.equal([own]);
        expect(await w.stop()).to.deep.equal(NOTHING_LEFT);
      });

      it(`the destination is ${group}`, async () => {
        const w = await wire(family);
        expect(w.datagrams.map((d) => d.to)).to.deep.equal([group]);
        await w.stop();
      });

      it('the TTL or Hop Limit is 255', async () => {
        const w = await wire(family);
        expect(w.datagrams.map((d) => d.ttl)).to.deep.equal([255]);
        await w.stop();
      });

      for (const ttl of [0, 1, 64, 254]) {
        it(`a packet whose TTL or Hop Limit is ${ttl} MUST be discarded`, async () => {
          const w = await wire(family);
          await w.put(200, { ttl });
          expect(w.router.state()).to.equal('Master');
          expect(w.router.daemon.vrrp.router.members.get('VI_1')?.counters.ttlErr).to.equal(1);
          await w.stop();
        });
      }

      it('the protocol or Next Header is 112', async () => {
        const w = await wire(family);
        expect([...w.router.machine.sockets].map((s) => s.spec.protocol)).to.deep.equal([112]);
        await w.stop();
      });
    });

    describe('5.2 VRRP field descriptions', () => {
      it('the whole packet, byte for byte but for its checksum', async () => {
        const w = await wire(family, 'priority 100\n advert_int 1');
        const hex = w.datagrams.map((d) => toHex(d.payload));
        expect(hex.map((h) => h.slice(0, 12) + h.slice(16))).to.deep.equal([`313364010064${family === 'inet' ? '0a000064' : 'fe800000000000000000000000000100'}`]);
        await w.stop();
      });

      it('5.2.1: the version is 3', async () => {
        const w = await wire(family);
        expect(w.sent.map((a) => a.version)).to.deep.equal([3]);
        await w.stop();
      });

      it('5.2.2: the type is 1; a packet of unknown type MUST be discarded', async () => {
        const w = await wire(family);
        expect(w.sent.map((a) => a.type)).to.deep.equal([1]);
        for (const type of [0, 2, 15]) await w.put(200, { type });
        expect(w.router.state()).to.equal('Master');
        expect(w.router.daemon.vrrp.router.members.get('VI_1')?.counters.invalidTypeRcvd).to.equal(3);
        await w.stop();
      });

      it('5.2.3: the VRID is the one configured', async () => {
        const w = await wire(family);
        expect(w.sent.map((a) => a.vrid)).to.deep.equal([51]);
        await w.stop();
      });

      it('5.2.4: the owner MUST send 255', async () => {
        const w = await wire(family, 'priority 255\n accept', 500);
        expect(w.sent.map((a) => a.priority)).to.deep.equal([255]);
        await w.stop();
      });

      for (const priority of [1, 254]) {
        it(`5.2.4: a Backup that took over MUST send a priority of 1 to 254: ${priority}`, async () => {
          const w = await wire(family, `priority ${priority}`, 4100);
          expect(w.sent[0]?.priority).to.equal(priority);
          await w.stop();
        });
      }

      it('5.2.4: the default for Backups is 100', async () => {
        const w = await wire(family);
        expect(w.sent.map((a) => a.priority)).to.deep.equal([100]);
        await w.stop();
      });

      it('5.2.4: priority 0 says that the Master stops', async () => {
        const w = await wire(family);
        await w.stop();
        expect(w.sent.map((a) => a.priority)).to.deep.equal([100, 0]);
      });

      it('5.2.5: the count is that of the addresses', async () => {
        const w = await wire(family);
        expect(w.datagrams[0]?.payload[3]).to.equal(1);
        await w.stop();
      });

      it('5.2.6: Rsvd MUST be zero when sent and ignored when received', async () => {
        const w = await wire(family);
        expect((w.datagrams[0]?.payload[4] ?? 0xff) >> 4).to.equal(0);
        const advert: Advertisement = { version: 3, type: 1, vrid: 51, priority: 200, advertInterval: 1000, addresses: [ip(address)], auth: null };
        const payload = encodeAdvertisement(advert, { from: ip(higher), to: ip(group) });
        // All reserved bits set: the checksum is that much less.
        const sum = ((payload[6] ?? 0) << 8) + (payload[7] ?? 0);
        const changed = (sum + 0xffff - 0xf000) % 0xffff;
        payload.set([0xf0, 100, changed >> 8, changed & 0xff], 4);
        await w.put(200, { payload });
        expect(w.router.state()).to.equal('Backup');
        await w.stop();
      });

      for (const [body, centiseconds] of [['', 100], ['advert_int 0.01', 1], ['advert_int 0.1', 10], ['advert_int 40.95', 4095]] as const) {
        it(`5.2.7: Max Advertise Interval in centiseconds: '${body}' is ${centiseconds}`, () => {
          expect(router(family, body).instance.advertInterval).to.equal(centiseconds * 10);
        });
      }

      it('5.2.8: the checksum is over the message and the pseudo-header', async () => {
        const w = await wire(family);
        for (const { payload, from, to } of w.datagrams) {
          expect(checksumHolds(payload, { from, to })).to.equal(true);
          expect(checksumHolds(payload, null)).to.equal(false);
        }
        await w.stop();
      });

      it('5.2.9: the addresses are those configured, in their order', async () => {
        const w = new Wire(family, 3);
        const second = family === 'inet' ? '10.0.0.99/24' : 'fe80::99/64';
        await w.router.start(instanceText('version 3', 'VI_1', 51, `${vip}\n    ${second}`));
        await w.clock.advance(4000);
        expect(w.sent.map((a) => a.addresses)).to.deep.equal([[address, second.replace(/\/.*/u, '')]]);
        expect(await w.stop()).to.deep.equal(NOTHING_LEFT);
      });

      if (family === 'inet6') {
        it('5.2.9: the first address of IPv6 MUST be link-local; keepalived refuses others in strict mode only', () => {
          const conf = (body: string): string => instanceText(`version 3\n${body}`, 'VI_1', 51, '2001:db8::1/64\n fe80::1/64');
          expect(() => configOf(conf('strict_mode on\n accept'))).to.throw('the first IPv6 VIP address must be link local');
          expect(configOf(conf('')).instances).to.have.length(1);
        });
      }
    });

    describe('6.1 parameters per virtual router', () => {
      it('Priority is 100, Advertisement_Interval 100 centiseconds, Preempt_Mode true', () => {
        const { instance } = router(family);
        expect([instance.priority, instance.advertInterval, instance.nopreempt]).to.deep.equal([100, 1000, false]);
      });

      it('Preempt_Mode: the owner always preempts, whatever it says', () => {
        expect(router(family, 'priority 255\n accept\n nopreempt').instance.nopreempt).to.equal(false);
        expect(router(family, 'priority 254\n nopreempt').instance.nopreempt).to.equal(true);
      });

      it("Accept_Mode: false in the RFC; keepalived's addresses are the machine's own unless no_accept or strict mode says otherwise", () => {
        expect(router(family).instance.accept).to.equal(true);
        expect(router(family, 'no_accept').instance.accept).to.equal(false);
      });

      for (const [priority, interval] of [[255, 1000], [254, 100], [100, 1000], [100, 40950], [1, 10]] as const) {
        it(`Skew_Time is (256 - ${priority}) * ${interval} ms / 256, Active_Down_Interval 3 intervals more`, () => {
          const { instance } = router(family);
          expect(skewTime(instance, priority, interval)).to.equal(SKEW(priority, interval));
          expect(masterDownInterval(instance, priority, interval)).to.equal(DOWN(priority, interval));
        });
      }
    });

    describe('6.3 timers', () => {
      it('Active_Down_Timer fires when no advertisement was heard for Active_Down_Interval', () => {
        const r = router(family).backup();
        expect(r.wait).to.equal(DOWN(100));
        expect(r.pass(DOWN(100) - 0.5).event({ type: 'time' }).state.name).to.equal('Backup');
        expect(r.pass(0.5).event({ type: 'time' }).state.name).to.equal('Master');
      });

      it('Adver_Timer fires every Advertisement_Interval', () => {
        const r = router(family, 'advert_int 0.1\n garp_master_delay 0').master();
        for (let i = 0; i < 5; i++) expect(r.pass(100).event({ type: 'time' }).did).to.deep.equal(['advertise 100']);
      });
    });

    describe('6.4.1 Initialize', () => {
      it('waits for a startup: nothing is due, nothing that is heard matters', () => {
        const r = router(family);
        expect(r.wait).to.equal(Infinity);
        expect(r.hear(200, higher).actions).to.deep.equal([]);
        expect(r.state.name).to.equal('Initialize');
      });

      it('startup of the owner: advertises, tells the neighbours of each address, sets Adver_Timer, is Master', () => {
        const r = router(family, 'priority 255\n accept').start();
        expect(r.did).to.deep.equal(['advertise 255', 'reconcile', 'announce 5', 'Initialize > Master']);
        expect(r.wait).to.equal(1000);
      });

      it('startup of others: Active_Adver_Interval is Advertisement_Interval, Active_Down_Timer is Active_Down_Interval, is Backup', () => {
        const r = router(family, 'priority 254\n advert_int 0.5').start();
        expect(r.state).to.include({ name: 'Backup', masterAdverInterval: 500 });
        expect(r.wait).to.equal(DOWN(254, 500));
      });
    });

    describe('6.4.2 Backup', () => {
      it('MUST NOT respond for the addresses, accept packets to them or advertise: it does not have them, and is silent', async () => {
        const w = await wire(family, '', 3000);
        expect(w.router.machine.addresses()).to.deep.equal([]);
        expect(w.router.machine.frames).to.deep.equal([]);
        expect(w.datagrams).to.deep.equal([]);
        await w.stop();
        expect(w.datagrams, 'nor at its end').to.deep.equal([]);
      });

      it('shutdown: cancels Active_Down_Timer, is Initialize', () => {
        const r = router(family).backup().event({ type: 'shutdown' });
        expect(r.state.name).to.equal('Initialize');
        expect(r.wait).to.equal(Infinity);
      });

      it('Active_Down_Timer fires: advertises, tells the neighbours, sets Adver_Timer, is Master', () => {
        const r = router(family, 'advert_int 0.2').backup().fire();
        expect(r.did).to.deep.equal(['advertise 100', 'reconcile', 'announce 5', 'Backup > Master']);
        expect(r.wait).to.equal(200);
      });

      it('priority 0 heard: Active_Down_Timer is Skew_Time, of the interval that the Master had', () => {
        const r = router(family).backup().hear(200, higher, { advertInterval: 100 }).pass(50).hear(0, higher, { advertInterval: 100 });
        expect(r.wait).to.equal(SKEW(100, 100));
        expect(r.state.name).to.equal('Backup');
      });

      for (const priority of [100, 101, 255]) {
        it(`priority ${priority} heard, not lower than ours: its interval is Active_Adver_Interval, Active_Down_Timer starts anew from that`, () => {
          const r = router(family).backup().pass(1234).hear(priority, higher, { advertInterval: 100 });
          expect(r.state).to.include({ masterAdverInterval: 100 });
          expect(r.wait).to.equal(DOWN(100, 100));
        });
      }

      it('a lower priority heard with Preempt_Mode: discarded, Active_Down_Timer runs on', () => {
        const r = router(family).backup().pass(1234).hear(99, higher, { advertInterval: 100 });
        expect(r.state).to.include({ masterAdverInterval: 1000 });
        expect(r.wait).to.equal(DOWN(100) - 1234);
      });

      it('a lower priority heard without Preempt_Mode: Active_Down_Timer starts anew', () => {
        const r = router(family, 'nopreempt').backup().pass(1234).hear(99, higher, { advertInterval: 500 });
        expect(r.wait).to.equal(DOWN(100, 500));
      });

      it('a Master that slows down or hastens is followed', () => {
        const r = router(family, 'advert_int 0.1').backup().hear(200, higher, { advertInterval: 2000 });
        expect(r.wait).to.equal(DOWN(100, 2000));
        expect(r.pass(1000).hear(200, higher, { advertInterval: 10 }).wait).to.equal(DOWN(100, 10));
      });
    });

    describe('6.4.3 Master (Active)', () => {
      it('has the addresses: answers for them, accepts packets to them', async () => {
        const w = await wire(family);
        expect(w.router.machine.addresses()).to.deep.equal([vip]);
        expect(await w.stop()).to.deep.equal(NOTHING_LEFT);
      });

      it('shutdown: cancels Adver_Timer, advertises priority 0, is Initialize', () => {
        const r = router(family).master().event({ type: 'shutdown' });
        expect(r.did).to.deep.equal(['advertise 0', 'reconcile', 'Master > Stop']);
        expect(r.wait).to.equal(Infinity);
      });

      it('Adver_Timer fires: advertises, sets it to Advertisement_Interval again', () => {
        const r = router(family, 'advert_int 0.3').master().fire();
        expect(r.did).to.deep.equal(['advertise 100']);
        expect(r.wait).to.equal(300);
      });

      it('priority 0 heard: advertises at once, sets Adver_Timer to Advertisement_Interval', () => {
        const r = router(family).master().pass(400).hear(0, higher);
        expect(r.did).to.deep.equal(['advertise 100']);
        expect(r.wait).to.equal(1000);
      });

      it('a higher priority heard: takes its interval, Active_Down_Timer is Active_Down_Interval, is Backup', () => {
        const r = router(family).master().pass(400).hear(101, lower, { advertInterval: 100 });
        expect(r.did).to.deep.equal(['reconcile', 'Master > Backup']);
        expect(r.state).to.include({ name: 'Backup', masterAdverInterval: 100 });
        expect(r.wait).to.equal(DOWN(100, 100));
      });

      it('an equal priority heard from a higher primary address, compared as unsigned numbers: Backup', () => {
        expect(router(family).master().hear(100, higher).state.name).to.equal('Backup');
        expect(router(family).master().hear(100, family === 'inet' ? '200.0.0.1' : 'fe80::ffff:0:0:1').state.name).to.equal('Backup');
      });

      for (const [title, priority, from] of [['a lower priority', 99, higher], ['an equal priority from a lower address', 100, lower]] as const) {
        it(`${title} heard: MUST advertise at once to assert itself, stays Master`, () => {
          const r = router(family).master().pass(400).hear(priority, from);
          expect(r.did).to.include('advertise 100');
          expect(r.state.name).to.equal('Master');
        });
      }

      it('the addresses go with the state: none is left when it yields', async () => {
        const w = await wire(family);
        await w.put(200);
        expect(w.router.state()).to.equal('Backup');
        expect(w.router.machine.addresses()).to.deep.equal([]);
        expect(await w.stop()).to.deep.equal(NOTHING_LEFT);
      });
    });

    describe('7.1 receiving: what MUST be verified, else the packet is discarded', () => {
      for (const [title, changes, counter] of [
        ['the TTL or Hop Limit is 255', { ttl: 254 }, 'ttlErr'],
        ['the version is 3', { version: 2, auth: { type: 0, data: new Uint8Array(8) } }, 'versionErr'],
        ['the packet has a complete VRRP header', { payload: Uint8Array.of(0x31, 51, 200, 1, 0, 100) }, 'packetLenErr'],
        ['the packet has all its addresses', { payload: Uint8Array.of(0x31, 51, 200, 9, 0, 100, 0, 0) }, 'packetLenErr'],
        ['the checksum', { payload: Uint8Array.of(0x31, 51, 200, 0, 0, 100, 1, 2) }, 'checksumErr'],
      ] as const) {
        it(title, async () => {
          const w = await wire(family);
          await w.put(200, changes);
          expect(w.router.state()).to.equal('Master');
          expect(w.router.daemon.vrrp.router.members.get('VI_1')?.counters[counter]).to.equal(1);
          await w.put(200);
          expect(w.router.state(), 'a good one is heard').to.equal('Backup');
          expect(await w.stop()).to.deep.equal(NOTHING_LEFT);
        });
      }

      it('the VRID is configured on the interface', async () => {
        const w = await wire(family);
        await w.put(200, { vrid: 52 });
        expect(w.router.state()).to.equal('Master');
        await w.stop();
      });

      it('the owner of the addresses (priority 255) does not yield to lower priorities', async () => {
        const w = await wire(family, 'priority 255\n accept', 500);
        await w.put(254);
        expect(w.router.state()).to.equal('Master');
        await w.stop();
      });

      it('the local router is not the owner: keepalived ignores adverts as owner with owner_ignore_adverts only, and decides between two owners else', async () => {
        for (const [body, heard, state] of [['owner_ignore_adverts', 0, 'Master'], ['', 1, 'Backup']] as const) {
          const w = await wire(family, `priority 255\n accept\n ${body}`, 500);
          await w.put(255);
          expect(w.router.daemon.vrrp.router.members.get('VI_1')?.counters.received).to.equal(heard);
          expect(w.router.state()).to.equal(state);
          await w.stop();
        }
      });

      it('another interval than ours MAY be logged, and is no reason to discard', async () => {
        const w = await wire(family, '', 1000);
        await w.put(200, { advertInterval: 100 });
        expect(w.router.log.texts().some((line) => line.includes('advertisement interval updated from 1000ms to 100ms'))).to.equal(true);
        await w.clock.advance(200);
        expect(w.router.state()).to.equal('Backup');
        await w.clock.advance(200);
        expect(w.router.state(), 'after three of the intervals it was told').to.equal('Master');
        await w.stop();
      });

      it('the addresses MAY be compared; keepalived logs and counts a difference, and does not discard', async () => {
        const w = await wire(family);
        await w.put(200, { addresses: [] });
        expect(w.router.state()).to.equal('Backup');
        expect(w.router.daemon.vrrp.router.members.get('VI_1')?.counters.addrListErr).to.equal(1);
        await w.stop();
      });
    });

    describe('7.2 transmitting', () => {
      it('from the primary address to the group, for as long as it is Master', async () => {
        const w = await wire(family, 'advert_int 0.5', 5000);
        const first = DOWN(100, 500);
        expect(w.lan.passed.map((p) => p.time)).to.deep.equal(Array.from({ length: 7 }, (_, i) => first + i * 500));
        await w.stop();
      });

      it("keepalived: from the interface's own MAC address unless use_vmac is configured", async () => {
        const w = await wire(family);
        expect(toHex(w.router.machine.frames[0]?.frame.subarray(6, 12) ?? new Uint8Array(0))).to.equal('020000000002');
        await w.stop();
      });
    });

    describe('7.3 the virtual router MAC address', () => {
      for (const vrid of [1, 51, 255]) {
        it(`of VRID ${vrid} is that of the family`, () => {
          expect(toHex(virtualMac(family, vrid))).to.equal(`00005e000${family === 'inet' ? 1 : 2}${vrid.toString(16).padStart(2, '0')}`);
        });
      }
    });

    describe('8.1, 8.2 the neighbours', () => {
      it(family === 'inet' ? '8.1.2: gratuitous ARP for each address on becoming Master' : '8.2.2: an unsolicited Neighbor Advertisement with Override for each address on becoming Master', async () => {
        const w = await wire(family);
        const frames = w.router.machine.frames.map(({ frame }) => toHex(frame));
        const wanted = family === 'inet'
          ? /^ffffffffffff0200000000020806.{12}0001020000000002/u
          : /^333300000001020000000002 ?86dd/u;
        expect(frames).to.have.length(5);
        for (const frame of frames) expect(frame).to.match(wanted);
        if (family === 'inet') expect(frames[0]?.slice(56, 64)).to.equal('0a000064');
        // Type 136, Override set, Solicited clear; the target is the address.
        else expect([frames[0]?.slice(108, 110), frames[0]?.slice(116, 118), frames[0]?.slice(124, 156)]).to.deep.equal(['88', '20', 'fe800000000000000000000000000100']);
        await w.stop();
      });

      it('none is sent by a Backup', async () => {
        const w = await wire(family, '', 2000);
        await w.put(200);
        expect(w.router.machine.frames).to.deep.equal([]);
        await w.stop();
      });
    });
  });
}

describe('RFC 9568, both families', () => {
  it('1.2: the virtual routers of the two families are independent, though their VRID is the same', async () => {
    const w = new Wire('inet', 3);
    w.router.machine.giveAddress('fe80::1/64', null);
    await w.router.start(instanceText('version 3', 'VI_4', 51, '10.0.0.100/24') + instanceText('version 3', 'VI_6', 51, 'fe80::100/64'));
    await w.clock.advance(4000);
    expect([w.router.state('VI_4'), w.router.state('VI_6')]).to.deep.equal(['Master', 'Master']);
    expect(new Set(w.lan.passed.map((p) => p.datagram.to))).to.deep.equal(new Set(['224.0.0.18', 'ff02::12']));
    await w.stop();
  });

  it('8.4: a router of version 3 does not believe version 2, nor the other way round (Version_2 interoperation is optional)', async () => {
    const three = await new Wire('inet', 3).run('', 4000);
    await three.put(200, { version: 2, auth: { type: 0, data: new Uint8Array(8) } });
    expect(three.router.state()).to.equal('Master');
    await three.stop();
    const two = await new Wire('inet', 2).run('', 4000);
    await two.put(200, { version: 3, auth: null });
    expect(two.router.state()).to.equal('Master');
    await two.stop();
  });
});
