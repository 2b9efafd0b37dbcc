import { expect } from 'chai';
import type { IpvsConfig } from '../../lib/config/model-ipvs.ts';
import { Fullnat } from '../../lib/daemon/balance/fullnat/fullnat.ts';
import { load } from '../config/helpers.ts';
import { FakeFilter } from '../sim/fake-filter.ts';
import { FakeSysctls } from '../sim/fake-sysctls.ts';
import { MemoryFiles } from '../sim/memory-files.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';

const POOL = 'local_address_group G {\n 10.0.0.21-22\n}\n';
const TABLE = 'inet tsk_fnat';
const JOURNAL = '/run/k.fullnat';

function ipvs(text: string): IpvsConfig {
  const { config } = load(text);
  if (config === null) throw new Error('nothing was read');
  return config.ipvs;
}

function service(address: string, lines = 'laddr_group_name G', method = 'FNAT'): string {
  return `virtual_server ${address} 80 {\n lvs_sched rr\n lvs_method ${method}\n protocol TCP\n ${lines}\n real_server 10.0.1.11 80 {\n }\n sorry_server 10.0.1.12 80\n}\n`;
}

class Stage {
  readonly clock = new VirtualClock();
  readonly filter = new FakeFilter();
  readonly files = new MemoryFiles();
  readonly sysctls = new FakeSysctls();
  readonly log = new RecordingLog();
  ready = 0;

  constructor() {
    for (const path of ['net/ipv4/vs/conntrack', 'net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding']) this.sysctls.values.set(path, '0');
  }

  fullnat(by: 'auto' | 'kernel' | 'netfilter' = 'auto', fullnat: 'services' | 'zones' | null = null): Fullnat {
    return new Fullnat({ system: this, ipvs: { fullnat }, by, log: this.log, journal: { path: JOURNAL, epoch: 'boot' }, ready: () => { this.ready++; } });
  }
}

describe('FULLNAT on a stock kernel', () => {
  it('without a virtual server that asks for it nothing is touched', async () => {
    const stage = new Stage();
    const fullnat = stage.fullnat();
    const config = ipvs(service('203.0.113.1', '', 'NAT'));
    await fullnat.apply(config);
    expect(fullnat.served(config)).to.equal(config);
    await fullnat.stop(false);
    expect(stage.filter.batches).to.deep.equal([]);
  });

  for (const [name, break_, line] of [
    ['a kernel whose IPVS does not know conntrack', (stage: Stage) => { stage.sysctls.values.delete('net/ipv4/vs/conntrack'); }, 'CONFIG_IP_VS_NFCT'],
    ['a kernel without nf_tables', (stage: Stage) => { stage.filter.missing = 'EPROTONOSUPPORT'; }, 'EPROTONOSUPPORT'],
  ] as const) {
    it(`${name}: said, the virtual server is left out, and it is tried again`, async () => {
      const stage = new Stage();
      break_(stage);
      const fullnat = stage.fullnat();
      const config = ipvs(`${POOL}${service('203.0.113.1')}${service('203.0.113.2', '', 'NAT')}`);
      await fullnat.apply(config);
      expect(stage.log.texts().join('\n')).to.include('FULLNAT cannot be set up').and.include(line);
      expect(fullnat.served(config).virtualServers.map(({ key }) => (key.kind === 'address' ? key.address : ''))).to.deep.equal(['203.0.113.2']);
      stage.filter.missing = null;
      stage.sysctls.values.set('net/ipv4/vs/conntrack', '0');
      await stage.clock.advance(1000);
      expect(stage.ready).to.equal(1);
      expect(fullnat.served(config).virtualServers).to.have.length(2);
      await fullnat.stop(false);
    });
  }

  it('IPVS gets masquerading, the kernel a table and its parameters; all of it goes at the stop', async () => {
    const stage = new Stage();
    const fullnat = stage.fullnat();
    const config = ipvs(`${POOL}${service('203.0.113.1')}`);
    await fullnat.apply(config);
    const [served] = fullnat.served(config).virtualServers;
    expect([served?.forward.method, served?.realServers[0]?.forward.method, served?.sorryServer?.forward.method]).to.deep.equal(['NAT', 'NAT', 'NAT']);
    expect(stage.filter.elements(TABLE, 'lips')).to.deep.equal(['0a000015', '0a000016']);
    expect(Object.fromEntries(stage.sysctls.values)).to.deep.include({ 'net/ipv4/vs/conntrack': '1', 'net/ipv4/ip_forward': '1', 'net/ipv6/conf/all/forwarding': '0' });
    await fullnat.stop(false);
    expect(stage.filter.held.size).to.equal(0);
    expect(Object.fromEntries(stage.sysctls.values)).to.deep.include({ 'net/ipv4/vs/conntrack': '0', 'net/ipv4/ip_forward': '0' });
    expect(stage.files.files.has(JOURNAL)).to.equal(false);
  });

  it('stays with --dont-release-ipvs', async () => {
    const stage = new Stage();
    const fullnat = stage.fullnat();
    await fullnat.apply(ipvs(`${POOL}${service('203.0.113.1')}`));
    await fullnat.stop(true);
    expect([stage.filter.held.size, stage.sysctls.values.get('net/ipv4/vs/conntrack')]).to.deep.equal([1, '1']);
  });

  it('the run after a killed one takes its table over in one batch, and puts back what that one had found', async () => {
    const stage = new Stage();
    const config = ipvs(`${POOL}${service('203.0.113.1')}`);
    await stage.fullnat().apply(config);
    const next = stage.fullnat();
    const batches = stage.filter.batches.length;
    await next.apply(config);
    expect(stage.filter.batches).to.have.length(batches + 1);
    await next.stop(false);
    expect([stage.filter.held.size, stage.sysctls.values.get('net/ipv4/vs/conntrack')]).to.deep.equal([0, '0']);
  });

  it('the run after a killed one that needs no FULLNAT any more clears up', async () => {
    const stage = new Stage();
    await stage.fullnat().apply(ipvs(`${POOL}${service('203.0.113.1')}`));
    await stage.fullnat().apply(ipvs(service('203.0.113.1', '', 'NAT')));
    expect([stage.filter.held.size, stage.sysctls.values.get('net/ipv4/vs/conntrack'), stage.files.files.has(JOURNAL)]).to.deep.equal([0, '0', false]);
  });

  it('a reload sends the difference; one that is refused leaves what was there', async () => {
    const stage = new Stage();
    const fullnat = stage.fullnat();
    await fullnat.apply(ipvs(`${POOL}${service('203.0.113.1')}`));
    const more = ipvs(`${POOL}${service('203.0.113.1')}${service('203.0.113.2')}`);
    stage.filter.missing = 'ENOMEM';
    await fullnat.apply(more);
    expect(fullnat.served(more).virtualServers, 'the new one is not let in').to.have.length(1);
    expect(stage.log.texts().at(-1)).to.include('what was there goes on');
    stage.filter.missing = null;
    await fullnat.apply(more);
    expect(fullnat.served(more).virtualServers).to.have.length(2);
    expect(stage.filter.batches.at(-1)?.map(({ op }) => op)).to.deep.equal(['add-elements']);
    await fullnat.stop(false);
  });

  it('puts back what somebody else takes away', async () => {
    const stage = new Stage();
    const fullnat = stage.fullnat();
    await fullnat.apply(ipvs(`${POOL}${service('203.0.113.1')}`));
    stage.filter.flush();
    expect(stage.filter.held.size).to.equal(0);
    await stage.clock.advance(1000);
    expect(stage.filter.elements(TABLE, 'lips')).to.have.length(2);
    await fullnat.stop(false);
  });

  it('says once what this kernel cannot do', async () => {
    const stage = new Stage();
    const fullnat = stage.fullnat();
    const config = ipvs(`${POOL}${service('203.0.113.1', 'laddr_group_name G\n syn_proxy')}`);
    await fullnat.apply(config);
    await fullnat.apply(config);
    expect(stage.log.texts().filter((line) => line.includes('syn_proxy'))).to.have.length(1);
    await fullnat.stop(false);
  });
});

describe('FULLNAT: who does it', () => {
  const text = `${POOL}${service('203.0.113.1')}${service('203.0.113.2', '')}`;
  const rows = [
    ['auto', null, 'NAT', 'this kernel has no FULLNAT of its own'],
    ['auto', 'services', 'FNAT', "by this kernel's own"],
    ['auto', 'zones', 'NAT', 'zones'],
    ['netfilter', 'services', 'NAT', 'as --fullnat asks for'],
    ['kernel', 'services', 'FNAT', "by this kernel's own"],
    ['kernel', null, 'NAT', '--fullnat kernel, but this kernel has no FULLNAT of its own - using netfilter'],
  ] as const;
  for (const [by, kind, method, line] of rows) {
    it(`--fullnat ${by}, a kernel with ${kind === null ? 'none' : `local addresses of ${kind}`}: ${method}`, async () => {
      const stage = new Stage();
      const fullnat = stage.fullnat(by, kind);
      const config = ipvs(text);
      await fullnat.apply(config);
      expect(fullnat.served(config).virtualServers.map(({ forward }) => forward.method), 'without local addresses it is left out').to.deep.equal([method]);
      expect(stage.log.texts().join('\n')).to.include(line);
      expect(stage.filter.held.size).to.equal(method === 'NAT' ? 1 : 0);
      await fullnat.stop(false);
    });
  }

  it('a patched kernel has none for marks', async () => {
    const stage = new Stage();
    const fullnat = stage.fullnat('auto', 'services');
    const config = ipvs(`${POOL}virtual_server fwmark 7 {\n lvs_sched rr\n lvs_method FNAT\n laddr_group_name G\n real_server 10.0.1.11 80 {\n }\n}\n`);
    await fullnat.apply(config);
    expect(fullnat.served(config).virtualServers).to.deep.equal([]);
    expect(stage.log.texts()).to.deep.equal(["FULLNAT: by this kernel's own", 'Virtual server FWM 7: the patched kernels have no FULLNAT for marks - left out; --fullnat netfilter can do it']);
  });
});
