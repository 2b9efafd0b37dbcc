import { expect } from 'chai';
import { encodeAdvertisement } from '../../lib/codec/vrrp.ts';
import { SystemError } from '../../lib/system/error.ts';
import { ip } from '../../lib/util/ip.ts';
import { instanceText } from '../sim/config-text.ts';
import { simRouters } from '../sim/router.ts';
import { Stage } from './stage.ts';

const VIP = '10.0.0.100/24';
const pairText = (head = '', a = '', b = ''): string => `${head}${instanceText(a, 'a', 51, '10.0.0.100/24')}${instanceText(b, 'b', 52, '10.0.0.101/24')}`;
const GROUP = 'vrrp_sync_group G {\n group {\n a\n b\n }\n}\n';
const CHK = 'vrrp_script chk {\n script /chk\n interval 1\n}\n';
const TRACK = 'track_script {\n chk\n }';

/** Another router's advertisement, heard on the interface. */
async function hear(stage: Stage, priority: number, vrid = 51): Promise<void> {
  const ends = { from: ip('10.0.0.2'), to: ip('224.0.0.18') };
  const payload = encodeAdvertisement({
    version: 2, type: 1, vrid, priority, advertInterval: 1000, addresses: [ip(vrid === 51 ? '10.0.0.100' : '10.0.0.101')], auth: { type: 0, data: new Uint8Array(8) },
  }, ends);
  stage.lan.send('hand', { ...ends, payload, ttl: 255, id: 1 });
  await stage.clock.advance(1);
}

describe('VrrpService', () => {
  let stage: Stage;

  beforeEach(() => { stage = new Stage(); });

  describe('where advertisements come from', () => {
    it('not from a virtual address that a killed run left, though it is the first of the interface', async () => {
      stage.machine.giveAddress('fe80::100/128', 18);
      stage.machine.giveAddress('fe80::1/64', null);
      await stage.start(instanceText('version 3', 'VI_1', 51, 'fe80::100'), 4000);
      expect(stage.lan.passed.map(({ datagram }) => datagram.from)).to.deep.equal(['fe80::1']);
      await stage.end('fe80::1/64');
    });

    it("from the machine's own address where it has no other, though it is a virtual one", async () => {
      await stage.start(instanceText('priority 255\n state MASTER', 'VI_1', 51, '10.0.0.1/24'), 500);
      expect(stage.lan.passed.map(({ datagram }) => datagram.from)).to.deep.equal(['10.0.0.1']);
      await stage.stop();
    });
  });

  describe('what the machine refuses', () => {
    it('an address: logged with the errno, and the instance is Master all the same, as with keepalived', async () => {
      stage.machine.refuse = 'EINVAL';
      await stage.start(instanceText(''), 4000);
      expect(stage.router.log.texts('error')).to.deep.equal(['(VI_1) Netlink: add-address 10.0.0.100/24 eth0: EINVAL']);
      expect(stage.router.state()).to.equal('Master');
      stage.machine.refuse = null;
      await stage.end();
    });

    it('a socket: told once, and the instance waits in FAULT; tried again every five seconds', async () => {
      const { open } = stage.machine.vrrp;
      stage.machine.vrrp.open = () => { throw new SystemError('socket', 'eth0', 'EPERM'); };
      await stage.start(instanceText(''), 9000);
      expect(stage.router.state()).to.equal('Fault');
      expect(stage.router.log.texts('warn')).to.deep.equal(['VRRP socket on eth0 (IPv4): socket eth0: EPERM; trying again every 5 s']);
      expect([...(stage.router.daemon.vrrp.router.members.get('VI_1')?.faults ?? [])]).to.deep.equal(['no VRRP socket on eth0']);
      stage.machine.vrrp.open = open;
      await stage.clock.advance(1000);
      expect(stage.router.state()).to.equal('Backup');
      await stage.clock.advance(4000);
      expect(stage.router.state()).to.equal('Master');
      await stage.end();
    });

    it('a socket: no timer is left of the next try when the daemon stops', async () => {
      stage.machine.vrrp.open = () => { throw new SystemError('socket', 'eth0', 'EPERM'); };
      await stage.start(instanceText(''), 1000);
      await stage.end();
    });

    it('a change of the interface is the time to try again', async () => {
      const { open } = stage.machine.vrrp;
      stage.machine.vrrp.open = () => { throw new SystemError('bind', 'eth0', 'ENODEV'); };
      await stage.start(instanceText(''), 1000);
      stage.machine.vrrp.open = open;
      stage.machine.setLink(false);
      stage.machine.setLink(true);
      await stage.clock.advance(0);
      expect(stage.router.state()).to.equal('Backup');
      await stage.end();
    });

    it('a socket that dies is a fault, until the interface changes', async () => {
      await stage.start(instanceText(''), 4000);
      const [socket] = stage.machine.sockets;
      if (socket === undefined) throw new Error('no socket');
      stage.machine.breakSocket(socket, 'ENETDOWN');
      expect(stage.router.state()).to.equal('Fault');
      expect(stage.router.log.texts('warn')).to.deep.equal(['VRRP socket on eth0 (IPv4): recv eth0: ENETDOWN; trying again every 5 s']);
      stage.machine.setLink(false);
      stage.machine.setLink(true);
      await stage.clock.advance(4000);
      expect(stage.router.state()).to.equal('Master');
      await stage.end();
    });

    it('a send: told when it begins, and again after it worked in between', async () => {
      await stage.start(instanceText('garp_master_delay 0'), 4000);
      const [opened] = stage.machine.sockets;
      expect(opened?.spec.link).to.equal('eth0');
      stage.lan.send = () => { throw new SystemError('sendto', '224.0.0.18', 'ENOBUFS'); };
      await stage.clock.advance(3000);
      expect(stage.router.log.texts('warn')).to.deep.equal(['(VI_1) advertisement to 224.0.0.18 not sent: sendto 224.0.0.18: ENOBUFS']);
      stage.lan.send = () => undefined;
      await stage.clock.advance(1000);
      stage.lan.send = () => { throw new SystemError('sendto', '224.0.0.18', 'ENOBUFS'); };
      await stage.clock.advance(1000);
      expect(stage.router.log.texts('warn')).to.have.length(2);
      expect(stage.router.state()).to.equal('Master');
      await stage.end();
    });
  });

  describe('the interface', () => {
    it('is not there at the start: waited for; when it comes the instance begins', async () => {
      stage.machine.removeLink();
      await stage.start(instanceText(''), 10_000);
      expect(stage.took()).to.deep.equal(['VI_1 INIT > FAULT']);
      expect(stage.router.log.texts('info')).to.include('(VI_1) waiting for eth0');
      expect(stage.machine.sockets.size).to.equal(0);
      stage.machine.addLink(7, '10.0.0.1/24');
      await stage.clock.advance(4000);
      expect(stage.took()).to.deep.equal(['VI_1 FAULT > BACKUP', 'VI_1 BACKUP > MASTER']);
      expect(stage.sent()).to.deep.equal([100]);
      expect(stage.machine.addresses()).to.deep.equal([VIP]);
      await stage.end();
    });

    it('goes and comes again under another index: another socket, and Master again', async () => {
      await stage.start(instanceText(''), 5000);
      const [before] = stage.machine.sockets;
      stage.machine.removeLink();
      await stage.clock.advance(5000);
      expect(stage.router.state()).to.equal('Fault');
      expect(stage.router.log.texts('info')).to.include('Interface eth0 deleted');
      stage.machine.addLink(9, '10.0.0.1/24');
      await stage.clock.advance(4000);
      expect(stage.router.state()).to.equal('Master');
      const after = [...stage.machine.sockets];
      expect(after.length).to.equal(1);
      expect(after[0]).not.to.equal(before);
      expect(stage.machine.addresses()).to.deep.equal([VIP]);
      expect(stage.sent().at(-1)).to.equal(100);
      await stage.end();
    });

    it('goes down: FAULT at once, the addresses go; up again: a Backup for a whole Master_Down_Interval', async () => {
      await stage.start(instanceText(''), 5000);
      stage.took();
      stage.machine.setLink(false);
      await stage.clock.advance(1000);
      expect(stage.took()).to.deep.equal(['VI_1 MASTER > FAULT']);
      expect(stage.machine.addresses()).to.deep.equal([]);
      stage.machine.setLink(true);
      await stage.clock.advance(3600);
      expect(stage.took()).to.deep.equal(['VI_1 FAULT > BACKUP']);
      await stage.clock.advance(10);
      expect(stage.took()).to.deep.equal(['VI_1 BACKUP > MASTER']);
      await stage.end();
    });

    it('loses its own address: FAULT; gets another: advertisements come from that', async () => {
      await stage.start(instanceText(''), 1000);
      stage.machine.takeAddress('10.0.0.1/24');
      await stage.clock.advance(0);
      expect(stage.router.state()).to.equal('Fault');
      expect([...(stage.router.daemon.vrrp.router.members.get('VI_1')?.faults ?? [])]).to.deep.equal(['interface eth0 has no IPv4 address']);
      stage.machine.giveAddress('10.0.0.7/24', null);
      await stage.clock.advance(4000);
      expect(stage.lan.passed.map((p) => p.datagram.from)).to.deep.equal(['10.0.0.7']);
      await stage.stop();
    });

    it('events that were lost without anything being lost change nothing', async () => {
      await stage.start(instanceText(''), 5000);
      stage.took();
      stage.machine.loseEvents();
      await stage.clock.advance(5000);
      expect(stage.took()).to.deep.equal([]);
      expect(stage.router.state()).to.equal('Master');
      await stage.end();
    });
  });

  describe("other people's addresses", () => {
    it('stay, whatever happens', async () => {
      stage.machine.giveAddress('10.0.0.77/24', null);
      stage.machine.giveAddress('10.0.0.78/24', 18);
      await stage.start(instanceText(''), 5000);
      await hear(stage, 200);
      await stage.clock.advance(10_000);
      await stage.router.reload(instanceText('priority 150'));
      await stage.clock.advance(10_000);
      await stage.end('10.0.0.77/24', '10.0.0.78/24');
    });

    it('our own that is there at the start is removed before anything else', async () => {
      stage.machine.giveAddress(VIP, null);
      await stage.start(instanceText(''));
      expect(stage.operations).to.deep.equal(['delete 10.0.0.100/24']);
      await stage.end();
    });

    for (const [name, head, body] of [['in FAULT from the start', '', 'track_interface {\n eth7\n }'], ['held by a script', CHK, TRACK]] as const) {
      it(`also ${name}`, async () => {
        stage.machine.giveAddress(VIP, null);
        await stage.start(head + instanceText(body), 500);
        expect(stage.router.state()).to.be.oneOf(['Fault', 'Initialize']);
        expect(stage.machine.addresses()).to.deep.equal([]);
        await stage.end();
      });
    }

    it('one of ours put there by somebody while we are Backup stays until we were Master', async () => {
      await stage.start(instanceText(''), 1000);
      stage.machine.giveAddress(VIP, null);
      await hear(stage, 200);
      expect(stage.machine.addresses()).to.deep.equal([VIP]);
      await stage.clock.advance(5000);
      expect(stage.router.state()).to.equal('Master');
      await stage.end();
    });

    it('-V: at a stop the addresses stay, and nobody is told to take them over', async () => {
      await stage.start(instanceText(''), 5000, { keepAddresses: true });
      await stage.end(VIP);
      expect(stage.sent()).to.deep.equal([100, 100]);
    });

    it('one of ours taken away while Master: Backup, and back after the skew; with no_track nothing', async () => {
      await stage.start(instanceText(''), 5000);
      stage.took();
      stage.machine.takeAddress(VIP);
      await stage.clock.advance(700);
      expect(stage.took()).to.deep.equal(['VI_1 MASTER > BACKUP', 'VI_1 BACKUP > MASTER']);
      expect(stage.machine.addresses()).to.deep.equal([VIP]);
      await stage.router.reload(instanceText('', 'VI_1', 51, '10.0.0.100/24 no_track'));
      stage.machine.takeAddress(VIP);
      await stage.clock.advance(2000);
      expect(stage.took()).to.deep.equal([]);
      await stage.end();
    });
  });

  describe('speaking', () => {
    it('to every unicast peer, with unicast_ttl', async () => {
      await stage.start(instanceText('unicast_ttl 7\n unicast_peer {\n 10.0.0.2\n 10.0.0.3\n }'), 4000);
      expect(stage.lan.passed.map((p) => [p.datagram.to, p.datagram.ttl, p.datagram.id])).to.deep.equal([['10.0.0.2', 7, 1], ['10.0.0.3', 7, 1]]);
      await stage.end();
    });

    it('two instances on an interface share a socket and hear their own VRID each', async () => {
      await stage.start(pairText(), 5000);
      expect(stage.machine.sockets.size).to.equal(1);
      await hear(stage, 200, 52);
      expect([stage.router.state('a'), stage.router.state('b')]).to.deep.equal(['Master', 'Backup']);
      await stage.end();
    });

    it('our own advertisement that comes back does not unseat us', async () => {
      await stage.start(instanceText(''), 5000);
      const [own] = stage.lan.passed;
      if (own === undefined) throw new Error('nothing sent');
      stage.lan.send('hand', own.datagram);
      await stage.clock.advance(10);
      expect(stage.router.state()).to.equal('Master');
      await stage.end();
    });

    it('vrrp_startup_delay: Backup at once, but nothing is heard until it is over, and the timers begin then', async () => {
      await stage.start(`global_defs {\n vrrp_startup_delay 5\n}\n${instanceText('')}`, 4900);
      expect(stage.router.log.texts('info')).to.include('Delaying startup for 5 seconds');
      expect(stage.took()).to.deep.equal(['VI_1 INIT > BACKUP']);
      await hear(stage, 200);
      expect(stage.router.daemon.vrrp.router.members.get('VI_1')?.counters.received).to.equal(0);
      await stage.clock.advance(99 + 3609);
      expect(stage.router.state()).to.equal('Backup');
      await stage.clock.advance(1);
      expect(stage.router.state()).to.equal('Master');
      await stage.end();
    });

    it('vrrp_startup_delay: the owner waits for it as well', async () => {
      await stage.start(`global_defs {\n vrrp_startup_delay 5\n}\n${instanceText('priority 255')}`, 4999);
      expect(stage.sent()).to.deep.equal([]);
      await stage.clock.advance(4000);
      expect(stage.router.state()).to.equal('Master');
      await stage.end();
    });

    it('stopped within its startup delay: nothing was sent', async () => {
      await stage.start(`global_defs {\n vrrp_startup_delay 5\n}\n${instanceText('')}`, 1000);
      await stage.end();
      await stage.clock.advance(10_000);
      expect(stage.took()).to.deep.equal(['VI_1 INIT > BACKUP', 'VI_1 BACKUP > STOP']);
      expect(stage.sent()).to.deep.equal([]);
    });

    it('IPv6 (version 3): from the link-local address to ff02::12; the better one is Master', async () => {
      const { routers, lan } = simRouters(stage.clock, { a: 'fe80::1/64', b: 'fe80::2/64' });
      const text = (priority: number): string => instanceText(`version 3\n priority ${priority}\n virtual_ipaddress {\n fe80::100/64\n 2001:db8::1/64\n }`, 'VI_6', 51, '');
      for (const [name, router] of routers) await router.start(text(name === 'a' ? 150 : 100));
      await stage.clock.advance(5000);
      expect([...routers.values()].map((r) => r.state('VI_6'))).to.deep.equal(['Master', 'Backup']);
      expect(new Set(lan.passed.map((p) => `${p.datagram.from} > ${p.datagram.to}`))).to.deep.equal(new Set(['fe80::1 > ff02::12']));
      expect(routers.get('a')?.machine.addresses()).to.deep.equal(['fe80::100/64', '2001:db8::1/64']);
      const stopping = [...routers.values()].map((r) => r.daemon.stop());
      await stage.clock.advance(1000);
      await Promise.all(stopping);
      expect(stage.clock.pending(), 'timers left').to.equal(0);
    });

    it('counters are cleared when asked, and count on', async () => {
      await stage.start(instanceText(''), 5000);
      const counters = (): number | undefined => stage.router.daemon.vrrp.router.members.get('VI_1')?.counters.sent;
      expect(counters()).to.equal(2);
      stage.router.daemon.vrrp.clearCounters();
      expect(counters()).to.equal(0);
      await stage.clock.advance(1000);
      expect(counters()).to.equal(1);
      await stage.end();
    });
  });

  describe('tracked scripts', () => {
    it('hold the start, put to FAULT and let go again', async () => {
      await stage.start(CHK + instanceText(TRACK), 500);
      expect(stage.router.state()).to.equal('Initialize');
      let answer = 0;
      stage.machine.scripts.runs[0]?.end(0);
      stage.machine.scripts.answer('/chk', () => answer);
      await stage.clock.advance(5000);
      expect(stage.took()).to.deep.equal(['VI_1 INIT > BACKUP', 'VI_1 BACKUP > MASTER']);
      answer = 1;
      await stage.clock.advance(1000);
      expect(stage.took()).to.deep.equal(['VI_1 MASTER > FAULT']);
      expect(stage.sent().slice(-2)).to.deep.equal([0, 0]);
      answer = 0;
      await stage.clock.advance(1000);
      expect(stage.took()).to.deep.equal(['VI_1 FAULT > BACKUP']);
      await stage.end();
    });

    it('with a weight: a Master advertises the new priority', async () => {
      stage.machine.scripts.answer('/chk', 0);
      await stage.start(CHK + instanceText('track_script {\n chk weight -30\n }'), 5000);
      stage.machine.scripts.answer('/chk', 1);
      await stage.clock.advance(2000);
      expect(stage.router.log.texts()).to.include('(VI_1) Changing effective priority from 100 to 70');
      expect(stage.sent()).to.deep.equal([100, 100, 100, 70]);
      await stage.end();
    });
  });

  describe('sync groups', () => {
    it('start: the group first; later the members first; at the stop the group last', async () => {
      await stage.start(pairText(GROUP), 5000);
      expect(stage.took()).to.deep.equal(['G INIT > BACKUP', 'a INIT > BACKUP', 'b INIT > BACKUP', 'b BACKUP > MASTER', 'a BACKUP > MASTER', 'G BACKUP > MASTER']);
      await stage.end();
      expect(stage.took()).to.deep.equal(['a MASTER > STOP', 'b MASTER > STOP', 'G MASTER > STOP']);
    });

    it('one that gives way takes the other along', async () => {
      await stage.start(pairText(GROUP), 5000);
      stage.took();
      await hear(stage, 200, 51);
      expect(stage.took()).to.deep.equal(['a MASTER > BACKUP', 'b MASTER > BACKUP', 'G MASTER > BACKUP']);
      expect(stage.machine.addresses()).to.deep.equal([]);
      await stage.end();
    });
  });

  describe('reload', () => {
    it('the same text: Master goes on, nothing is touched, no beat is lost', async () => {
      await stage.start(instanceText(''), 5000);
      stage.took();
      const before = stage.operations.length;
      await stage.router.reload(instanceText(''));
      await stage.clock.advance(5000);
      expect(stage.took()).to.deep.equal([]);
      expect(stage.operations.length).to.equal(before);
      const times = stage.lan.passed.map((p) => p.time);
      expect(Math.max(...times.slice(1).map((t, i) => t - (times[i] ?? 0)))).to.be.at.most(1000);
      await stage.end();
    });

    it('other addresses: the new ones come before the old ones go, and all are announced; what stays is not touched', async () => {
      await stage.start(instanceText('virtual_ipaddress {\n 10.0.0.99/24\n }'), 5000);
      stage.operations.splice(0);
      const frames = stage.machine.frames.length;
      await stage.router.reload(instanceText('virtual_ipaddress {\n 10.0.0.101/24\n }'));
      await stage.clock.advance(0);
      expect(stage.operations).to.deep.equal(['add 10.0.0.101/24', 'delete 10.0.0.99/24']);
      expect(stage.machine.frames.length - frames, 'both addresses five times').to.equal(10);
      expect(stage.router.state()).to.equal('Master');
      await stage.end();
    });

    it('another label or scope of an address: taken away and put back, and the Master stays', async () => {
      await stage.start(instanceText('virtual_ipaddress {\n 10.0.0.99/24\n }'), 5000);
      stage.operations.splice(0);
      await stage.router.reload(instanceText('virtual_ipaddress {\n 10.0.0.99/24 label eth0:x\n }'));
      await stage.clock.advance(1000);
      expect(stage.operations).to.deep.equal(['delete 10.0.0.99/24', 'add 10.0.0.99/24']);
      expect(stage.router.state()).to.equal('Master');
      await stage.end();
    });

    it('a name: everything stays, under the new one', async () => {
      await stage.start(instanceText(''), 5000);
      stage.took();
      stage.operations.splice(0);
      await stage.router.reload(instanceText('', 'NEW'));
      await stage.clock.advance(2000);
      expect(stage.took()).to.deep.equal([]);
      expect(stage.operations).to.deep.equal([]);
      expect(stage.router.state('NEW')).to.equal('Master');
      stage.machine.takeAddress(VIP);
      await stage.clock.advance(0);
      expect(stage.took(), 'the address belongs to the new name').to.deep.equal(['NEW MASTER > BACKUP']);
      await stage.end();
    });

    it('a lower priority: Master until somebody better speaks', async () => {
      await stage.start(instanceText('priority 150'), 5000);
      stage.took();
      stage.sent();
      await stage.router.reload(instanceText('priority 50'));
      await stage.clock.advance(1000);
      expect(stage.sent().at(-1)).to.equal(50);
      expect(stage.router.log.texts().filter((t) => t.includes('effective priority')), 'without a word').to.deep.equal([]);
      await hear(stage, 100);
      expect(stage.took()).to.deep.equal(['VI_1 MASTER > BACKUP']);
      await stage.end();
    });

    for (const [option, state] of [['', 'FAULT'], ['notify_deleted /deleted', 'DELETED']] as const) {
      it(`an instance that is gone says farewell and is told of as ${state}; a new one begins`, async () => {
        stage.machine.scripts.answer('/deleted', 0);
        await stage.start(instanceText(`priority 150\n ${option}`), 5000);
        stage.took();
        stage.sent();
        await stage.router.reload(instanceText('', 'VI_2', 60, '10.0.0.200/24'));
        expect(stage.took()).to.deep.equal([`VI_1 MASTER > ${state}`, 'VI_2 INIT > BACKUP']);
        expect(stage.sent().at(-1)).to.equal(0);
        expect(stage.machine.addresses()).to.deep.equal([]);
        await stage.clock.advance(4000);
        expect(stage.machine.addresses()).to.deep.equal(['10.0.0.200/24']);
        await stage.end();
      });
    }

    it('all are gone: nothing is left open', async () => {
      await stage.start(instanceText(''), 5000);
      await stage.router.reload('');
      await stage.clock.advance(0);
      expect(stage.machine.sockets.size).to.equal(0);
      expect(stage.machine.addresses()).to.deep.equal([]);
      await stage.end();
    });

    it('another multicast group: another identity, another socket', async () => {
      await stage.start(instanceText(''), 5000);
      await stage.router.reload(`global_defs {\n vrrp_mcast_group4 224.0.0.99\n}\n${instanceText('')}`);
      expect([...stage.machine.sockets].map((s) => s.spec.group)).to.deep.equal(['224.0.0.99']);
      await stage.end();
    });

    it('a script that is no longer tracked holds nobody in FAULT', async () => {
      stage.machine.scripts.answer('/chk', 1);
      await stage.start(CHK + instanceText(TRACK), 2000);
      expect(stage.router.state()).to.equal('Fault');
      await stage.router.reload(instanceText(''));
      expect(stage.router.state()).to.equal('Backup');
      await stage.end();
    });

    it('a script that is now tracked and fails is a fault', async () => {
      await stage.start(instanceText(''), 5000);
      stage.machine.scripts.answer('/chk', 1);
      await stage.router.reload(CHK + instanceText(TRACK));
      await stage.clock.advance(0);
      expect(stage.router.state()).to.equal('Fault');
      await stage.end();
    });

    for (const [name, after] of [['a group that is gone', pairText(CHK, TRACK)], ['a group of another name', pairText(CHK + GROUP.replace('G', 'H'))]] as const) {
      it(`${name} holds nobody in FAULT any more`, async () => {
        stage.machine.scripts.answer('/chk', 1);
        await stage.start(pairText(CHK + GROUP, TRACK), 2000);
        expect([stage.router.state('a'), stage.router.state('b')]).to.deep.equal(['Fault', 'Fault']);
        await stage.router.reload(after);
        await stage.clock.advance(5000);
        expect(stage.router.state('b')).to.equal('Master');
        await stage.end();
      });
    }

    it('a group that is gone holds nobody back from its start any more', async () => {
      await stage.start(pairText(CHK + GROUP, TRACK), 500);
      expect([stage.router.state('a'), stage.router.state('b')]).to.deep.equal(['Initialize', 'Initialize']);
      await stage.router.reload(pairText(CHK, TRACK));
      await stage.clock.advance(5000);
      expect([stage.router.state('a'), stage.router.state('b')]).to.deep.equal(['Initialize', 'Master']);
      await stage.end();
    });

    it('an instance taken out of its group while that is in FAULT goes on alone', async () => {
      stage.machine.scripts.answer('/chk', 1);
      const third = instanceText('', 'c', 53, '10.0.0.102/24');
      await stage.start(pairText(CHK + GROUP.replace('b\n', 'b\n c\n'), TRACK) + third, 2000);
      expect(stage.router.state('c')).to.equal('Fault');
      await stage.router.reload(pairText(CHK + GROUP, TRACK) + third);
      await stage.clock.advance(5000);
      expect(['a', 'b', 'c'].map((n) => stage.router.state(n))).to.deep.equal(['Fault', 'Fault', 'Master']);
      await stage.end();
    });

    it('within the startup delay the new configuration is the one that is run', async () => {
      await stage.start(`global_defs {\n vrrp_startup_delay 5\n}\n${instanceText('')}`, 2000);
      stage.took();
      await stage.router.reload(`global_defs {\n vrrp_startup_delay 5\n}\n${instanceText('', 'NEW', 60)}`);
      expect(stage.took()).to.deep.equal(['VI_1 BACKUP > FAULT', 'NEW INIT > BACKUP']);
      await stage.clock.advance(10_000);
      expect(stage.took()).to.deep.equal(['NEW BACKUP > MASTER']);
      await stage.end();
    });
  });
});
