import { expect } from 'chai';
import { Stage } from './stage.ts';

const PATH = 'net/ipv4/igmp_link_local_mcast_reports';
const instance = 'vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 10.0.0.9\n }\n}\n';
const quiet = `global_defs {\n disable_local_igmp\n}\n${instance}`;

describe('disable_local_igmp', () => {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage();
    stage.machine.sysctls.values.set(PATH, '1');
  });
  const value = (): string | undefined => stage.machine.sysctls.values.get(PATH);

  it('without it nothing is written', async () => {
    await stage.start(instance, 100);
    await stage.end();
    expect(stage.machine.sysctls.written).to.deep.equal([]);
  });

  it('is in effect while we run, and what was found is put back', async () => {
    await stage.start(quiet, 100);
    expect(value()).to.equal('0');
    await stage.end();
    expect(value()).to.equal('1');
  });

  it('what was off already stays off', async () => {
    stage.machine.sysctls.values.set(PATH, '0');
    await stage.start(quiet, 100);
    await stage.end();
    expect(stage.machine.sysctls.written).to.deep.equal([]);
  });

  it('killed and started again, it is put back at the stop, or at once when it is no longer asked for', async () => {
    await stage.start(quiet, 100);
    stage.router.kill();
    await stage.start(quiet, 100);
    expect(value()).to.equal('0');
    stage.router.kill();
    await stage.start(instance, 100);
    expect(value()).to.equal('1');
    await stage.end();
  });

  it('a reload cannot change it', async () => {
    await stage.start(instance, 100);
    await stage.router.reload(quiet);
    expect(stage.router.log.texts('error')).to.deep.equal(['Cannot change disable_local_igmp at a reload - please restart keepalived']);
    expect(value()).to.equal('1');
    await stage.end();
  });

  it('a kernel without it is told', async () => {
    stage.machine.sysctls.values.delete(PATH);
    await stage.start(quiet, 100);
    expect(stage.router.log.texts('warn').filter((text) => text.includes('Linux 4.3'))).to.have.length(1);
    await stage.end();
  });
});
