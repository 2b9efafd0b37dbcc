import { expect } from 'chai';
import { SystemError } from '../../lib/system/error.ts';
import { ip } from '../../lib/util/ip.ts';
import { instanceText } from '../sim/config-text.ts';
import { Stage } from './stage.ts';

const TEXT = instanceText('use_vmac\n  priority 150');

describe('a daemon with virtual MACs', () => {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage();
    for (const name of ['arp_ignore', 'arp_filter', 'rp_filter']) stage.machine.sysctls.values.set(`net/ipv4/conf/eth0/${name}`, '0');
    stage.machine.sysctls.values.set('net/ipv4/conf/default/rp_filter', '0');
    stage.machine.sysctls.values.set('net/ipv4/conf/all/rp_filter', '1');
  });

  const sysctl = (path: string): string | undefined => stage.machine.sysctls.values.get(`net/ipv4/conf/${path}`);

  it('an interface of its name that is no macvlan: FAULT, and it is left alone', async () => {
    await stage.router.start(TEXT.replace('use_vmac', 'use_vmac eth0'));
    expect(stage.router.state()).to.equal('Fault');
    expect(stage.machine.linkNames()).to.deep.equal(['eth0']);
    await stage.end();
  });

  it('made before the instance starts, with its sysctls; gone at the stop, with all as it was', async () => {
    const before = new Map([...stage.machine.sysctls.values]);
    await stage.start(TEXT, 4000);
    expect(stage.machine.linkNames()).to.deep.equal(['eth0', 'vrrp.51']);
    expect(stage.router.state()).to.equal('Master');
    expect([sysctl('eth0/arp_ignore'), sysctl('eth0/arp_filter'), sysctl('eth0/rp_filter'), sysctl('all/rp_filter')]).to.deep.equal(['1', '1', '1', '0']);
    expect([sysctl('vrrp.51/arp_ignore'), sysctl('vrrp.51/accept_local'), sysctl('vrrp.51/promote_secondaries')]).to.deep.equal(['1', '1', '1']);
    await stage.end();
    expect(stage.machine.linkNames()).to.deep.equal(['eth0']);
    for (const [path, value] of before) expect(stage.machine.sysctls.values.get(path), path).to.equal(value);
  });

  it('-V: it stays', async () => {
    await stage.start(TEXT, 4000, { keepAddresses: true });
    await stage.stop();
    expect(stage.machine.linkNames()).to.deep.equal(['eth0', 'vrrp.51']);
  });

  it('deleted by somebody: FAULT, made anew at once, then a pause', async () => {
    await stage.start(TEXT, 4000);
    stage.took();
    stage.machine.dropLink('vrrp.51');
    await stage.clock.advance(1500);
    expect(stage.machine.linkNames()).to.deep.equal(['eth0', 'vrrp.51']);
    expect(stage.took()).to.deep.equal(['VI_1 MASTER > FAULT', 'VI_1 FAULT > BACKUP']);
    await stage.end();
  });

  it('killed and started again: taken over, and the sysctls are still put back at the stop', async () => {
    await stage.start(TEXT, 4000);
    stage.router.kill();
    await stage.start(TEXT, 4000);
    expect(stage.router.log.lines.some((line) => line.text.includes('Found matching interface vrrp.51'))).to.equal(true);
    expect(stage.machine.filter.elements('inet keepalived', 'vmac_map'), 'its reports still leave by eth0').to.have.length(1);
    await stage.end();
    expect(stage.machine.linkNames()).to.deep.equal(['eth0']);
    expect([sysctl('eth0/arp_ignore'), sysctl('all/rp_filter')]).to.deep.equal(['0', '1']);
  });

  it('killed, and the new configuration has none: removed at the start', async () => {
    await stage.start(TEXT, 4000);
    stage.router.kill();
    await stage.start(instanceText(''), 4000);
    expect(stage.machine.linkNames()).to.deep.equal(['eth0']);
    expect(sysctl('eth0/arp_ignore')).to.equal('0');
    await stage.end();
  });

  it('a reload that changes nothing of it leaves it alone, one that takes it away removes it', async () => {
    await stage.start(TEXT, 4000);
    stage.took();
    stage.operations.splice(0);
    await stage.router.reload(TEXT.replace('150', '160'));
    await stage.clock.advance(10);
    expect(stage.operations).to.deep.equal([]);
    expect(stage.took()).to.deep.equal([]);
    await stage.router.reload(instanceText(''));
    await stage.clock.advance(5000);
    expect(stage.machine.linkNames()).to.deep.equal(['eth0']);
    await stage.end();
  });
});

describe('a daemon with an ipvlan', () => {
  const TEXT4 = instanceText('use_ipvlan ipv9 10.0.0.9/24\n  priority 150');

  it('a kernel that has none: said once, FAULT', async () => {
    const stage = new Stage();
    const { apply } = stage.machine.routes;
    stage.machine.routes.apply = async (operations) => {
      if (!operations.some(({ op }) => op === 'add-ipvlan')) return apply(operations);
      return operations.map(() => new SystemError('add interface', 'ipv9', 'EOPNOTSUPP'));
    };
    await stage.start(TEXT4, 4000);
    expect(stage.router.state()).to.equal('Fault');
    expect(stage.router.log.texts('error')).to.deep.equal(['(VI_1): Unable to create ipvlan interface ipv9 (EOPNOTSUPP: this kernel has none)']);
    await stage.end();
  });

  it('made before the instance starts, with its address, from which adverts come; gone at the stop', async () => {
    const stage = await new Stage().start(TEXT4, 4000);
    expect(stage.machine.linkNames()).to.deep.equal(['eth0', 'ipv9']);
    expect(stage.router.state()).to.equal('Master');
    expect(stage.lan.passed.filter(({ from }) => from === 'a').map(({ datagram }) => datagram.from)).to.include(ip('10.0.0.9'));
    expect(stage.machine.sysctls.written).to.deep.equal([]);
    expect(stage.router.log.texts()).to.include('(VI_1): Success creating ipvlan interface ipv9');
    await stage.end();
    expect(stage.machine.linkNames()).to.deep.equal(['eth0']);
  });
});
