import { expect } from 'chai';
import type { IpvsOperation } from '../../lib/codec/ipvs-operation.ts';
import type { ServiceEntryStatus } from '../../lib/codec/ipvs-values.ts';
import { linuxIpvs } from '../../lib/linux/ipvs.ts';
import { optionIpvs, optionKind, socketOptions } from '../../lib/linux/ipvs-options.ts';
import type { IpvsControl } from '../../lib/system/ipvs.ts';
import { destination, service, serviceId } from '../ipvs/values.ts';
import { ipvsadm, saved } from './ipvsadm.ts';
import { requireUml } from './needs.ts';

const NAT = { forward: { method: 'NAT', tunnel: { type: 'ipip', port: 0, checksum: 'nocsum' } } } as const;

/** The interface of the forks that have no other, on a stock kernel: the same structures but for the counters. */
describe('IPVS by socket options, on a real kernel', function () {
  this.timeout(120_000);
  let control: IpvsControl;
  let other: IpvsControl;

  before(async function () {
    requireUml(this, 'ipvsadm');
    other = await linuxIpvs();
    control = optionIpvs(socketOptions(), { fullnat: null });
  });
  beforeEach(() => { ipvsadm('-C'); });
  after(() => {
    control?.close();
    other?.close();
    if (control !== undefined) ipvsadm('-C');
  });

  it('a stock kernel has IPVS there, and no FULLNAT; the question leaves no trace', async () => {
    const options = socketOptions();
    expect(optionKind(options)).to.deep.equal({ fullnat: null });
    options.close();
    expect([await other.dump(), other.fullnat]).to.deep.equal([[], null]);
  });

  it('services, servers and timeouts as ipvsadm and netlink see them; what is refused', async () => {
    const web = serviceId('tcp 192.0.2.1 80');
    const operations: IpvsOperation[] = [
      { op: 'add-service', service: service('tcp 192.0.2.1 80', { scheduler: 'wlc', persistence: { timeout: 300, granularity: 24 } }) },
      { op: 'add-service', service: service('udp 192.0.2.1 53', { flags: ['ops'] }) },
      { op: 'add-service', service: service('fwmark 7 inet') },
      { op: 'add-service', service: service('fwmark 7 inet') },
      { op: 'add-destination', service: web, destination: destination('10.0.0.1 8080', { ...NAT, weight: 5, upperThreshold: 9, lowerThreshold: 7 }) },
      { op: 'add-destination', service: web, destination: destination('10.0.0.2 8080', NAT) },
      { op: 'edit-destination', service: web, destination: destination('10.0.0.2 8080', { ...NAT, weight: 0 }) },
      { op: 'edit-destination', service: web, destination: destination('10.0.0.3 8080', NAT) },
      { op: 'delete-service', id: serviceId('tcp 192.0.2.9 80') },
      { op: 'set-timeouts', timeouts: { udp: 77 } },
    ];
    expect((await control.apply(operations)).map((problem) => problem?.code ?? null)).to.deep.equal([null, null, null, 'EEXIST', null, null, null, 'ENOENT', 'ESRCH', null]);
    expect(saved()).to.have.members([
      '-A -t 192.0.2.1:80 -s wlc -p 300 -M 255.255.255.0', '-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 5', '-a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 0', '-A -u 192.0.2.1:53 -s rr -o', '-A -f 7 -s rr',
    ]);
    const bare = (entries: readonly ServiceEntryStatus[]): readonly ServiceEntryStatus[] => [...entries].sort((a, b) => (JSON.stringify(a.service.id) < JSON.stringify(b.service.id) ? -1 : 1));
    expect(bare(await control.dump())).to.deep.equal(bare(await other.dump()));
    expect([await control.info(), await control.timeouts()]).to.deep.equal([await other.info(), await other.timeouts()]);
    expect((await control.timeouts()).udp).to.equal(77);
    expect((await control.apply([{ op: 'zero', service: web }, { op: 'zero', service: null }, { op: 'delete-destination', service: web, destination: { address: destination('10.0.0.1 1').address, port: 8080 } }, { op: 'flush' }])).every((one) => one === null)).to.equal(true);
    expect([await control.dump(), saved()]).to.deep.equal([[], []]);
  });

  it('sync daemons', async () => {
    const [problem] = await control.apply([{ op: 'start-daemon', daemon: { state: 'master', link: 'lo', syncId: 5, maxLength: null, group: null, port: null, ttl: null } }]);
    expect(problem).to.equal(null);
    expect(await control.daemons()).to.deep.equal([{ state: 'master', link: 'lo', syncId: 5, maxLength: null, group: null, port: null, ttl: null }]);
    expect(await control.apply([{ op: 'stop-daemon', state: 'master' }])).to.deep.equal([null]);
  });
});
