import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IpvsOperation } from '../../lib/codec/ipvs-operation.ts';
import type { Destination, Service, ServiceEntry, SyncDaemon, Tunnel } from '../../lib/codec/ipvs-values.ts';
import { diffTables } from '../../lib/ipvs/diff.ts';
import { daemonLine, timeoutsLine } from '../../lib/ipvs/report/list.ts';
import { EMPTY_TABLE, tableOf, type IpvsTable } from '../../lib/ipvs/table.ts';
import { linuxIpvs } from '../../lib/linux/ipvs.ts';
import { SystemError } from '../../lib/system/error.ts';
import type { IpvsControl } from '../../lib/system/ipvs.ts';
import { ip } from '../../lib/util/ip.ts';
import { destination, service, serviceId } from '../ipvs/values.ts';
import { ipvsadm, restore, saved } from './ipvsadm.ts';
import { requireUml } from './needs.ts';

const WEB = 'tcp 192.0.2.1 80';

function entry(text: string, more: Partial<Service> = {}, ...destinations: readonly Destination[]): ServiceEntry {
  return { service: service(text, more), destinations };
}

function to(text: string, method: Destination['forward']['method'], more: Partial<Destination> = {}, tunnel: Tunnel = { type: 'ipip', port: 0, checksum: 'nocsum' }): Destination {
  return destination(text, { ...more, forward: { method, tunnel } });
}

/** The dump without what the kernel counted. */
async function held(control: IpvsControl): Promise<ServiceEntry[]> {
  return (await control.dump()).map(({ service: { id, scheduler, flags, persistence, engine }, destinations }) => ({
    service: { id, scheduler, flags, persistence, engine },
    destinations: destinations.map(({ address, port, forward, weight, upperThreshold, lowerThreshold }) => ({ address, port, forward, weight, upperThreshold, lowerThreshold })),
  }));
}

async function turnInto(control: IpvsControl, desired: IpvsTable): Promise<void> {
  const refused = (await control.apply(diffTables(desired, tableOf(await control.dump())))).filter((error) => error !== null);
  expect(refused).to.deep.equal([]);
}

const persistent = (timeout: number, granularity: number): Partial<Service> => ({ persistence: { timeout, granularity } });

describe('IPVS of the kernel', function () {
  this.timeout(120_000);
  let control: IpvsControl;

  before(async function () {
    requireUml(this, 'ipvsadm', 'rmmod');
    control = await linuxIpvs();
  });
  beforeEach(() => { ipvsadm('-C'); });
  after(() => {
    control?.close();
    if (control !== undefined) ipvsadm('-C');
  });

  for (const [name, wanted, commands] of [
    ['TCP', entry(WEB), ['-A -t 192.0.2.1:80 -s rr']],
    ['UDP, IPv6, one packet', entry('udp 2001:db8::1 53', { flags: ['ops'] }), ['-A -u [2001:db8::1]:53 -s rr -o']],
    ['SCTP with the flags of sh', entry('sctp 192.0.2.1 99', { scheduler: 'sh', flags: ['flag-1', 'flag-2'] }), ['-A --sctp-service 192.0.2.1:99 -s sh -b sh-fallback,sh-port']],
    ['the flags of mh', entry(WEB, { scheduler: 'mh', flags: ['flag-1', 'flag-2'] }), ['-A -t 192.0.2.1:80 -s mh -b mh-fallback,mh-port']],
    ['flags without a name', entry(WEB, { scheduler: 'wrr', flags: ['flag-1', 'flag-2', 'flag-3'] }), ['-A -t 192.0.2.1:80 -s wrr -b flag-1,flag-2,flag-3']],
    ['no scheduler', entry(WEB, { scheduler: 'none' }), ['-A -t 192.0.2.1:80 -s none']],
    ['persistence', entry(WEB, persistent(360, 32)), ['-A -t 192.0.2.1:80 -s rr -p 360']],
    ['persistence of networks, every port', entry('tcp 192.0.2.1 0', persistent(60, 20)), ['-A -t 192.0.2.1:0 -s rr -p 60 -M 255.255.240.0']],
    ['persistence of IPv6 networks', entry('tcp 2001:db8::1 80', persistent(60, 64)), ['-A -t [2001:db8::1]:80 -s rr -p 60 -M 64']],
    ['a netmask with holes', entry(WEB, { persistence: { timeout: 5, granularity: ip('255.0.255.0') } }), ['-A -t 192.0.2.1:80 -s rr -p 5 -M 255.0.255.0']],
    ['a persistence engine', entry('udp 192.0.2.1 5060', { ...persistent(60, 32), engine: 'sip' }), ['-A -u 192.0.2.1:5060 -s rr -p 60 --pe sip']],
    ['marks', entry('fwmark 7 inet', {}, to('10.0.0.1 0', 'NAT'), to('10.0.0.2 0', 'DR')), ['-A -f 7 -s rr', '-a -f 7 -r 10.0.0.1:0 -m -w 1', '-a -f 7 -r 10.0.0.2:0 -g -w 1']],
    ['IPv6 marks', entry('fwmark 8 inet6', {}, to('2001:db8::7 0', 'DR')), ['-A -f 8 -6 -s rr', '-a -f 8 -6 -r [2001:db8::7]:0 -g -w 1']],
    ['NAT to another port', entry(WEB, {}, to('10.0.0.1 8080', 'NAT', { weight: 5 })), ['-A -t 192.0.2.1:80 -s rr', '-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 5']],
    ['weights', entry(WEB, {}, to('10.0.0.1 80', 'DR', { weight: 0 }), to('10.0.0.2 80', 'DR', { weight: 2147483647 })),
      ['-A -t 192.0.2.1:80 -s rr', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 0', '-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 2147483647']],
    ['tunnels of every kind', entry(WEB, {}, to('10.0.0.1 80', 'TUN'), to('10.0.0.2 80', 'TUN', {}, { type: 'gue', port: 6080, checksum: 'nocsum' }), to('10.0.0.3 80', 'TUN', {}, { type: 'gue', port: 6081, checksum: 'csum' }),
      to('10.0.0.4 80', 'TUN', {}, { type: 'gue', port: 6082, checksum: 'remcsum' }), to('10.0.0.5 80', 'TUN', {}, { type: 'gre', port: 0, checksum: 'nocsum' }), to('10.0.0.6 80', 'TUN', {}, { type: 'gre', port: 0, checksum: 'csum' })),
    ['-A -t 192.0.2.1:80 -s rr', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -i -w 1 --tun-type ipip', '-a -t 192.0.2.1:80 -r 10.0.0.2:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum',
      '-a -t 192.0.2.1:80 -r 10.0.0.3:80 -i -w 1 --tun-type gue --tun-port 6081 --tun-csum', '-a -t 192.0.2.1:80 -r 10.0.0.4:80 -i -w 1 --tun-type gue --tun-port 6082 --tun-remcsum',
      '-a -t 192.0.2.1:80 -r 10.0.0.5:80 -i -w 1 --tun-type gre --tun-nocsum', '-a -t 192.0.2.1:80 -r 10.0.0.6:80 -i -w 1 --tun-type gre --tun-csum']],
    ['mixed families', entry(WEB, {}, to('2001:db8::9 80', 'TUN'), to('10.0.0.1 80', 'DR')),
      ['-A -t 192.0.2.1:80 -s rr', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1', '-a -t 192.0.2.1:80 -r [2001:db8::9]:80 -i -w 1 --tun-type ipip']],
    ['IPv4 servers of an IPv6 service', entry('tcp 2001:db8::1 80', {}, to('10.0.0.1 80', 'TUN')), ['-A -t [2001:db8::1]:80 -s rr', '-a -t [2001:db8::1]:80 -r 10.0.0.1:80 -i -w 1 --tun-type ipip']],
  ] as [string, ServiceEntry, string[]][]) {
    it(`${name}: ipvsadm reads what we set, we read what ipvsadm sets, and there is no difference to what was wanted`, async () => {
      const desired = tableOf([wanted]);
      await turnInto(control, desired);
      expect(saved()).to.deep.equal(commands);
      expect(diffTables(desired, tableOf(await control.dump()))).to.deep.equal([]);

      ipvsadm('-C');
      restore(commands);
      const [found, ...more] = await held(control);
      expect(more).to.deep.equal([]);
      expect(found?.service).to.deep.equal(wanted.service);
      expect(found?.destinations).to.have.deep.members([...wanted.destinations]);
    });
  }

  it('thresholds, which -S leaves out', async () => {
    await turnInto(control, tableOf([entry(WEB, {}, to('10.0.0.1 80', 'DR', { upperThreshold: 100, lowerThreshold: 50 }))]));
    expect(ipvsadm('-Ln', '--thresholds')).to.match(/-> 10\.0\.0\.1:80 +100 +50 /u);
    ipvsadm('-e', '-t', '192.0.2.1:80', '-r', '10.0.0.1:80', '-g', '-x', '7', '-y', '3');
    expect((await control.dump())[0]?.destinations[0]).to.deep.include({ upperThreshold: 7, lowerThreshold: 3 });
  });

  const all = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'fo', 'ovf', 'mh'];
  it(`every scheduler is loaded when it is asked for: ${all.join(', ')}`, async () => {
    await turnInto(control, tableOf(all.map((scheduler, i) => entry(`tcp 192.0.2.1 ${i + 1}`, { scheduler }))));
    expect(saved()).to.have.members(all.map((scheduler, i) => `-A -t 192.0.2.1:${i + 1} -s ${scheduler}`));
  });

  for (const [name, before, after, commands] of [
    ['scheduler, flags and persistence', entry(WEB), entry(WEB, { scheduler: 'mh', flags: ['flag-1'], ...persistent(10, 24) }), ['-A -t 192.0.2.1:80 -s mh -p 10 -M 255.255.255.0 -b mh-fallback']],
    ['no more flags and persistence', entry(WEB, { scheduler: 'mh', flags: ['flag-1', 'flag-3'], ...persistent(10, 24) }), entry(WEB, { scheduler: 'mh' }), ['-A -t 192.0.2.1:80 -s mh']],
    ['no more engine and one-packet scheduling', entry('udp 192.0.2.1 5060', { ...persistent(60, 32), engine: 'sip', flags: ['ops'] }), entry('udp 192.0.2.1 5060', persistent(60, 32)), ['-A -u 192.0.2.1:5060 -s rr -p 60']],
    ['weight', entry(WEB, {}, to('10.0.0.1 80', 'DR')), entry(WEB, {}, to('10.0.0.1 80', 'DR', { weight: 0 })), ['-A -t 192.0.2.1:80 -s rr', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 0']],
    ['gue to plain ipip', entry(WEB, {}, to('10.0.0.1 80', 'TUN', {}, { type: 'gue', port: 6080, checksum: 'csum' })), entry(WEB, {}, to('10.0.0.1 80', 'TUN')),
      ['-A -t 192.0.2.1:80 -s rr', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -i -w 1 --tun-type ipip']],
    ['a destination goes, another comes', entry(WEB, {}, to('10.0.0.1 80', 'NAT')), entry(WEB, {}, to('10.0.0.2 80', 'NAT')), ['-A -t 192.0.2.1:80 -s rr', '-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 1']],
    ['the service goes', entry(WEB, {}, to('10.0.0.1 80', 'NAT')), null, []],
  ] as [string, ServiceEntry, ServiceEntry | null, string[]][]) {
    it(`from one table to another: ${name}`, async () => {
      await turnInto(control, tableOf([before]));
      const desired = after === null ? EMPTY_TABLE : tableOf([after]);
      await turnInto(control, desired);
      expect(saved()).to.deep.equal(commands);
      expect(diffTables(desired, tableOf(await control.dump()))).to.deep.equal([]);
    });
  }

  it('each refusal is told of its own operation, and the others are done', async () => {
    const there = to('10.0.0.1 80', 'DR');
    const rows: [IpvsOperation, string | null][] = [
      [{ op: 'add-service', service: service(WEB) }, null],
      [{ op: 'add-service', service: service(WEB) }, 'EEXIST'],
      [{ op: 'add-service', service: service('tcp 192.0.2.1 81', { scheduler: 'nosuch' }) }, 'ENOENT'],
      [{ op: 'add-service', service: service('tcp 192.0.2.1 81', { engine: 'nosuch' }) }, 'ENOENT'],
      [{ op: 'add-service', service: service('tcp 2001:db8::1 81', persistent(9, 129)) }, 'EINVAL'],
      [{ op: 'edit-service', service: service('tcp 192.0.2.1 81') }, 'ESRCH'],
      [{ op: 'delete-service', id: serviceId('tcp 192.0.2.1 81') }, 'ESRCH'],
      [{ op: 'zero', service: serviceId('tcp 192.0.2.1 81') }, 'ESRCH'],
      [{ op: 'add-destination', service: serviceId(WEB), destination: there }, null],
      [{ op: 'add-destination', service: serviceId(WEB), destination: there }, 'EEXIST'],
      [{ op: 'add-destination', service: serviceId('tcp 192.0.2.1 81'), destination: there }, 'ESRCH'],
      [{ op: 'edit-destination', service: serviceId(WEB), destination: to('10.0.0.2 80', 'DR') }, 'ENOENT'],
      [{ op: 'delete-destination', service: serviceId(WEB), destination: { address: ip('10.0.0.1'), port: 81 } }, 'ENOENT'],
      [{ op: 'add-destination', service: serviceId(WEB), destination: to('10.0.0.3 80', 'DR', { upperThreshold: 1, lowerThreshold: 2 }) }, 'ERANGE'],
      [{ op: 'add-destination', service: serviceId(WEB), destination: to('10.0.0.3 80', 'DR', { weight: -1 }) }, 'ERANGE'],
      [{ op: 'add-destination', service: serviceId(WEB), destination: to('2001:db8::9 80', 'DR') }, 'EINVAL'],
      [{ op: 'add-destination', service: serviceId(WEB), destination: to('10.0.0.3 80', 'TUN', {}, { type: 'gue', port: 0, checksum: 'nocsum' }) }, 'EINVAL'],
      [{ op: 'start-daemon', daemon: { state: 'master', link: 'no-such-link', syncId: 1, maxLength: null, group: null, port: null, ttl: null } }, 'ENODEV'],
      [{ op: 'stop-daemon', state: 'master' }, 'ESRCH'],
      [{ op: 'edit-destination', service: serviceId(WEB), destination: { ...there, weight: 3 } }, null],
    ];
    const results = await control.apply(rows.map(([operation]) => operation));
    expect(results.map((error) => error?.code ?? null)).to.deep.equal(rows.map(([, code]) => code));
    expect(results[1]).to.be.instanceOf(SystemError).and.to.have.property('message', `add service ${WEB}: EEXIST`);
    expect(saved()).to.deep.equal(['-A -t 192.0.2.1:80 -s rr', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 3']);
  });

  it('flush takes everything', async () => {
    restore(['-A -t 192.0.2.1:80 -s rr', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g', '-A -f 1 -s rr']);
    expect(await control.apply([{ op: 'flush' }])).to.deep.equal([null]);
    expect(saved()).to.deep.equal([]);
  });

  it('timeouts: set, left alone, and read as ipvsadm does', async () => {
    const before = await control.timeouts();
    expect(await control.apply([{ op: 'set-timeouts', timeouts: { tcp: 901, tcpFin: 121, udp: 301 } }, { op: 'set-timeouts', timeouts: { udp: 302 } }])).to.deep.equal([null, null]);
    expect(await control.timeouts()).to.deep.equal({ tcp: 901, tcpFin: 121, udp: 302 });
    expect(ipvsadm('-Ln', '--timeout')).to.equal(`${timeoutsLine(await control.timeouts())}\n`);
    await control.apply([{ op: 'set-timeouts', timeouts: before }]);
    expect(ipvsadm('-Ln', '--timeout')).to.equal(`${timeoutsLine(before)}\n`);
  });

  describe('sync daemons', () => {
    const plain: SyncDaemon = { state: 'master', link: 'ipvs0', syncId: 5, maxLength: null, group: null, port: null, ttl: null };

    before(() => { execFileSync('sh', ['-c', 'ip link add ipvs0 type dummy && ip link set ipvs0 up && ip address add 10.77.0.1/24 dev ipvs0']); });
    afterEach(async () => { await control.apply([{ op: 'stop-daemon', state: 'master' }, { op: 'stop-daemon', state: 'backup' }]); });
    after(() => { execFileSync('ip', ['link', 'delete', 'ipvs0']); });

    for (const [name, wanted, settled] of [
      ['a master by the kernel\'s defaults', [plain], [{ ...plain, maxLength: 1472, group: ip('224.0.0.81'), port: 8848, ttl: 1 }]],
      ['master and backup, every setting', [{ ...plain, syncId: 0, maxLength: 1400, group: ip('224.0.0.99'), port: 8850, ttl: 3 }, { ...plain, state: 'backup', syncId: 255, maxLength: 1401, group: ip('ff02::99'), port: 8851, ttl: 255 }], null],
    ] as [string, SyncDaemon[], SyncDaemon[] | null][]) {
      it(`${name}: read as ipvsadm does`, async () => {
        expect(await control.apply(wanted.map((daemon) => ({ op: 'start-daemon', daemon })))).to.deep.equal(wanted.map(() => null));
        const running = await control.daemons();
        expect(running).to.deep.equal(settled ?? wanted);
        expect(ipvsadm('-Ln', '--daemon')).to.equal(running.map((one) => `${daemonLine(one)}\n`).join(''));
      });
    }

    it('what ipvsadm starts, we read and stop; a second of the same state is refused', async () => {
      ipvsadm('--start-daemon', 'backup', '--mcast-interface', 'ipvs0', '--syncid', '7', '--mcast-ttl', '9');
      expect(await control.daemons()).to.deep.equal([{ state: 'backup', link: 'ipvs0', syncId: 7, maxLength: 1472, group: ip('224.0.0.81'), port: 8848, ttl: 9 }]);
      const results = await control.apply([{ op: 'start-daemon', daemon: { ...plain, state: 'backup' } }, { op: 'stop-daemon', state: 'backup' }, { op: 'stop-daemon', state: 'backup' }]);
      expect(results.map((error) => error?.code ?? null)).to.deep.equal(['EEXIST', null, 'ESRCH']);
      expect(ipvsadm('-Ln', '--daemon')).to.equal('');
    });
  });

  describe('by the thousand', () => {
    const many = tableOf(Array.from({ length: 1000 }, (_, i) => entry(`tcp 192.0.${2 + (i >> 8)}.${i & 255} 80`, {}, ...Array.from({ length: 10 }, (_, j) => to(`10.${i >> 8}.${i & 255}.${j + 1} 80`, 'NAT')))));
    const everything = diffTables(many, EMPTY_TABLE);

    it('11,000 operations in one batch, refused each for itself when they come again, read, and taken away', async () => {
      expect(everything).to.have.lengthOf(11_000);
      expect((await control.apply(everything)).filter((error) => error !== null)).to.deep.equal([]);
      expect(saved()).to.have.lengthOf(11_000);
      const again = await control.apply(everything);
      expect(again.map((error) => error?.code)).to.deep.equal(everything.map(() => 'EEXIST'));
      expect(again.at(-1)?.object).to.equal('10.3.231.10 80 of tcp 192.0.5.231 80');
      const actual = tableOf(await control.dump());
      expect(diffTables(many, actual)).to.deep.equal([]);
      expect((await control.apply(diffTables(EMPTY_TABLE, actual))).filter((error) => error !== null)).to.deep.equal([]);
      expect(saved()).to.deep.equal([]);
    });

    it('a small receive buffer holds the refusals of what is sent at a time', async () => {
      const small = await linuxIpvs({ receiveBuffer: 32 * 1024 });
      try {
        const missing = everything.map((): IpvsOperation => ({ op: 'delete-service', id: serviceId('tcp 192.0.2.1 9') }));
        expect((await small.apply(missing)).map((error) => error?.code)).to.deep.equal(missing.map(() => 'ESRCH'));
      } finally {
        small.close();
      }
    });

    it('an overrun is told, not guessed at: a fresh dump and its difference lead to what was wanted', async () => {
      const small = await linuxIpvs({ receiveBuffer: 64 * 1024, window: 20_000 });
      try {
        const wanted = tableOf([...many.values()].slice(0, 50));
        const doubled = diffTables(wanted, EMPTY_TABLE).flatMap((operation) => [operation, operation]);
        const outcome = await small.apply(doubled).catch((cause: unknown) => cause);
        expect(outcome).to.be.instanceOf(SystemError).and.to.have.property('code', 'ENOBUFS');
        const rest = diffTables(wanted, tableOf(await small.dump()));
        expect((await small.apply(rest)).filter((error) => error !== null)).to.deep.equal([]);
        expect(diffTables(wanted, tableOf(await small.dump()))).to.deep.equal([]);
        expect(saved()).to.have.lengthOf(550);
      } finally {
        small.close();
      }
    });
  });

  // At the end: it takes the table away.
  describe('its module', () => {
    it('is loaded when it is not there; without it the error says what can be done', async () => {
      const loaded = (): string[] => readFileSync('/proc/modules', 'utf8').split('\n').map((line) => line.split(' ')[0] ?? '').filter((name) => /^(xt_ipvs|ip_vs.*)$/u.test(name));
      control.close();
      // ip_vs itself last: the others use it.
      for (const name of loaded().sort((a, b) => b.length - a.length)) execFileSync('rmmod', [name]);
      expect(loaded()).to.deep.equal([]);

      const modprobe = readFileSync('/proc/sys/kernel/modprobe', 'utf8');
      writeFileSync('/proc/sys/kernel/modprobe', '/bin/false');
      const outcome = await linuxIpvs().catch((cause: unknown) => cause).finally(() => { writeFileSync('/proc/sys/kernel/modprobe', modprobe); });
      expect(outcome).to.be.instanceOf(SystemError).and.to.have.property('code', 'ENOENT');
      expect(String(((outcome as SystemError).cause as Error).message)).to.match(/module ip_vs is not loaded \(.*\/bin\/false.*\): install the kernel's modules/u);

      control = await linuxIpvs();
      expect(await control.info()).to.deep.include({ version: '1.2.1' });
      expect(loaded()).to.include('ip_vs');
    });
  });
});
