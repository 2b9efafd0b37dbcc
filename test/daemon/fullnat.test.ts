import { expect } from 'chai';
import type { FilterOp } from '../../lib/codec/nftables.ts';
import type { IpvsConfig } from '../../lib/config/model-ipvs.ts';
import { Fullnat } from '../../lib/daemon/balance/fullnat/fullnat.ts';
import { load } from '../config/helpers.ts';
import { FakeFilter } from '../sim/fake-filter.ts';
import { FakeIptables } from '../sim/fake-iptables.ts';
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
  readonly iptables = new FakeIptables();
  readonly files = new MemoryFiles();
  readonly sysctls = new FakeSysctls();
  readonly log = new RecordingLog();
  ready = 0;

  constructor() {
    for (const path of ['net/ipv4/vs/conntrack', 'net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding']) this.sysctls.values.set(path, '0');
    for (const [name, value] of [['count', '10'], ['max', '262144'], ['tcp_loose', '1']] as const) this.sysctls.values.set(`net/netfilter/nf_conntrack_${name}`, value);
    this.files.files.set('/proc/net/stat/nf_conntrack', { text: 'insert_failed drop early_drop\n0 0 0\n', mode: 0o444 });
  }

  /** Without those that only ask what the kernel can do. */
  batches(): readonly (readonly FilterOp[])[] {
    return this.filter.batches.filter((batch) => batch.every(({ table }) => !table.endsWith('_probe')));
  }

  /** A kernel without nf_tables, with iptables. */
  legacy(): this {
    this.filter.missing = 'EOPNOTSUPP';
    this.iptables.missing = null;
    return this;
  }

  fullnat(by: 'auto' | 'kernel' | 'netfilter' = 'auto', fullnat: 'services' | 'zones' | null = null): Fullnat {
    return new Fullnat({ system: this, ipvs: { fullnat, establishedTimeouts: false, dump: () => Promise.resolve([]) }, by, log: this.log, journal: { path: JOURNAL, epoch: 'boot' }, ready: () => { this.ready++; } });
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
    const batches = stage.batches().length;
    await next.apply(config);
    expect(stage.batches()).to.have.length(batches + 1);
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

  it('a table that went unnoticed is made anew by the reload that misses it', async () => {
    const stage = new Stage();
    const fullnat = stage.fullnat();
    await fullnat.apply(ipvs(`${POOL}${service('203.0.113.1')}`));
    stage.filter.held.clear();
    const more = ipvs(`${POOL}${service('203.0.113.1')}${service('203.0.113.2')}`);
    await fullnat.apply(more);
    expect(fullnat.served(more).virtualServers).to.have.length(1);
    await stage.clock.advance(1000);
    expect([stage.filter.elements(TABLE, 'svc_tcp')?.length, fullnat.served(more).virtualServers.length, stage.ready]).to.deep.equal([2, 2, 1]);
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

describe('FULLNAT on a kernel without nf_tables', () => {
  const CONFIG = `${POOL}${service('203.0.113.1')}`;

  it('is by iptables: chains of our own, hooked first; all of it goes at the stop', async () => {
    const stage = new Stage().legacy();
    await stage.iptables.restore('inet', '*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n');
    const fullnat = stage.fullnat();
    const config = ipvs(CONFIG);
    await fullnat.apply(config);
    expect(fullnat.served(config).virtualServers.map(({ forward }) => forward.method)).to.deep.equal(['NAT']);
    expect(stage.log.texts()[0]).to.equal('FULLNAT: by IPVS masquerading and iptables v1.8.9 (legacy) (chains TSK-FNAT), since the kernel\'s nf_tables does not do (add-table inet tsk_fnat_probe: EOPNOTSUPP); this kernel has no FULLNAT of its own');
    expect(stage.iptables.rules('inet', 'nat', 'POSTROUTING')).to.deep.equal(['-m ipvs --ipvs --vdir ORIGINAL --vmethod MASQ -j TSK-FNAT', '-j MASQUERADE']);
    expect(stage.iptables.rules('inet', 'filter', 'TSK-FNAT')).to.deep.equal(['-d 10.0.0.21 -g TSK-FNAT-RS', '-d 10.0.0.22 -g TSK-FNAT-RS']);
    expect(stage.iptables.left().filter((line) => line.includes('PROBE'))).to.deep.equal([]);
    expect(stage.sysctls.values.get('net/ipv4/vs/conntrack')).to.equal('1');
    await fullnat.stop(false);
    expect(stage.iptables.left()).to.deep.equal(['inet nat POSTROUTING -j MASQUERADE']);
    expect(stage.sysctls.values.get('net/ipv4/vs/conntrack')).to.equal('0');
    await stage.clock.advance(60_000);
    expect(stage.clock.pending(), 'nothing is looked at any more').to.equal(0);
  });

  it('stays with --dont-release-ipvs', async () => {
    const stage = new Stage().legacy();
    const fullnat = stage.fullnat();
    await fullnat.apply(ipvs(CONFIG));
    await fullnat.stop(true);
    expect(stage.iptables.rules('inet', 'nat', 'POSTROUTING')).to.have.length(1);
  });

  it('a reload sends the tables that differ, and nothing when none does', async () => {
    const stage = new Stage().legacy();
    const fullnat = stage.fullnat();
    await fullnat.apply(ipvs(CONFIG));
    const before = stage.iptables.restored.length;
    await fullnat.apply(ipvs(CONFIG));
    expect(stage.iptables.restored).to.have.length(before);
    await fullnat.apply(ipvs(`${CONFIG}${service('203.0.113.2')}`));
    expect(stage.iptables.restored.slice(before).map(({ text }) => text.match(/^\*\w+/gmu))).to.deep.equal([['*nat']]);
    expect(stage.iptables.rules('inet', 'nat', 'POSTROUTING')).to.have.length(1);
    await fullnat.stop(false);
    expect(stage.iptables.left()).to.deep.equal([]);
  });

  it('the run after a killed one takes its chains over: one hook each, no chain of before', async () => {
    const stage = new Stage().legacy();
    await stage.fullnat().apply(ipvs(`${CONFIG}${service('203.0.113.2')}`));
    const next = stage.fullnat();
    await next.apply(ipvs(CONFIG));
    expect(stage.iptables.left().filter((line) => line.startsWith('inet nat'))).to.deep.equal([
      'inet nat POSTROUTING -m ipvs --ipvs --vdir ORIGINAL --vmethod MASQ -j TSK-FNAT',
      'inet nat TSK-FNAT', 'inet nat TSK-FNAT -m conntrack --ctorigdst 203.0.113.1 -g TSK-FNAT-0', 'inet nat TSK-FNAT-0', 'inet nat TSK-FNAT-0 -p tcp -m conntrack --ctorigdstport 80 -g TSK-FNAT-P0',
      'inet nat TSK-FNAT-P0', ...stage.iptables.rules('inet', 'nat', 'TSK-FNAT-P0').map((rule) => `inet nat TSK-FNAT-P0 ${rule}`),
    ]);
    await next.stop(false);
    expect([stage.iptables.left(), stage.sysctls.values.get('net/ipv4/vs/conntrack')]).to.deep.equal([[], '0']);
  });

  it('the run after a killed one that needs no FULLNAT any more clears up', async () => {
    const stage = new Stage().legacy();
    await stage.fullnat().apply(ipvs(CONFIG));
    await stage.fullnat().apply(ipvs(service('203.0.113.1', '', 'NAT')));
    expect([stage.iptables.left(), stage.sysctls.values.get('net/ipv4/vs/conntrack')]).to.deep.equal([[], '0']);
  });

  it('puts back what somebody else takes away, more and more slowly when he goes on', async () => {
    const stage = new Stage().legacy();
    const fullnat = stage.fullnat();
    await fullnat.apply(ipvs(CONFIG));
    const rules = stage.iptables.left();
    stage.iptables.flush();
    await stage.clock.advance(10_000);
    expect(stage.iptables.left()).to.deep.equal(rules);
    expect(stage.log.texts('warn').at(-1)).to.include('changed by somebody else');
    stage.iptables.flush();
    await stage.clock.advance(10_000);
    expect(stage.iptables.left(), 'not yet').to.deep.equal([]);
    await stage.clock.advance(10_000);
    expect(stage.iptables.left()).to.deep.equal(rules);
    const before = stage.log.texts().length;
    await stage.clock.advance(300_000);
    expect(stage.log.texts(), 'all is well').to.have.length(before);
    await fullnat.stop(false);
  });

  it('rules that cannot be read any more: said with a growing pause, and put right when they can', async () => {
    const stage = new Stage().legacy();
    const fullnat = stage.fullnat();
    await fullnat.apply(ipvs(CONFIG));
    const rules = stage.iptables.left();
    stage.iptables.flush();
    stage.iptables.missing = 'EAGAIN';
    await stage.clock.advance(200_000);
    expect(stage.log.texts('error')).to.deep.equal([20, 40, 80, 160].map((seconds) => `FULLNAT: rules of iptables cannot be looked after: save iptables: EAGAIN - trying again in ${String(seconds)} s`));
    stage.iptables.missing = null;
    await stage.clock.advance(160_000);
    expect(stage.iptables.left()).to.deep.equal(rules);
    await fullnat.stop(false);
  });

  it('without the bpf match: by chance, and said', async () => {
    const stage = new Stage().legacy();
    stage.iptables.lacks.add('-m bpf');
    const fullnat = stage.fullnat();
    await fullnat.apply(ipvs(CONFIG));
    expect(stage.log.texts('warn').join()).to.include('xt_bpf');
    expect(stage.iptables.rules('inet', 'nat', 'TSK-FNAT-P0')[0]).to.equal('-m statistic --mode random --probability 0.50000000 -j SNAT --to-source 10.0.0.21');
    await fullnat.stop(false);
    expect(stage.iptables.left()).to.deep.equal([]);
  });

  it('modules that are missing are named, nothing is left behind, and it is tried again', async () => {
    const stage = new Stage().legacy();
    stage.iptables.lacks.add('--vmethod').add('SNAT');
    const fullnat = stage.fullnat();
    const config = ipvs(CONFIG);
    await fullnat.apply(config);
    expect(stage.log.texts('error').join()).to.equal('FULLNAT cannot be set up by iptables: use iptables: this kernel lacks xt_nat, xt_ipvs (modprobe them, or use a kernel that has them or nf_tables): ENOTSUP - trying again in 1 s');
    expect([fullnat.served(config).virtualServers, stage.iptables.left()]).to.deep.equal([[], []]);
    stage.iptables.lacks.clear();
    await stage.clock.advance(1000);
    expect([stage.ready, fullnat.served(config).virtualServers.length]).to.deep.equal([1, 1]);
    await fullnat.stop(false);
  });

  it('toa cannot be, and is said once', async () => {
    const stage = new Stage().legacy();
    const fullnat = stage.fullnat();
    const config = ipvs(`${POOL}${service('203.0.113.1', 'laddr_group_name G\n toa on')}`);
    await fullnat.apply(config);
    await fullnat.apply(config);
    expect(stage.log.texts('warn')).to.deep.equal(['Virtual server [203.0.113.1]:tcp:80: toa needs nf_tables, which this kernel does not have - ignored: real servers see local addresses']);
    await fullnat.stop(false);
  });

  it('IPv6 has its own', async () => {
    const stage = new Stage().legacy();
    const fullnat = stage.fullnat();
    await fullnat.apply(ipvs(`local_address_group G {\n 2001:db8:f::21\n}\nvirtual_server 2001:db8::1 80 {\n lvs_sched rr\n lvs_method FNAT\n protocol TCP\n laddr_group_name G\n real_server 2001:db8:1::11 80 {\n }\n}\n`));
    expect(stage.iptables.rules('inet6', 'nat', 'TSK-FNAT-P0')).to.deep.equal(['-j SNAT --to-source 2001:db8:f::21']);
    expect(stage.iptables.rules('inet', 'nat', 'POSTROUTING')).to.deep.equal([]);
    await fullnat.stop(false);
    expect(stage.iptables.left()).to.deep.equal([]);
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
