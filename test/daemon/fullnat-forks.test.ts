import { expect } from 'chai';
import { fullnatKind } from '../../lib/codec/ipvs-fullnat.ts';
import { CheckDaemon } from '../../lib/daemon/balance/check-daemon.ts';
import { netlinkIpvs } from '../../lib/linux/ipvs-netlink.ts';
import { optionIpvs } from '../../lib/linux/ipvs-options.ts';
import type { IpvsControl } from '../../lib/system/ipvs.ts';
import { toHex } from '../../lib/util/bytes.ts';
import { serviceId } from '../ipvs/values.ts';
import { configOf } from '../sim/config-text.ts';
import { FakeCheckSockets } from '../sim/fake-check-sockets.ts';
import { FakeFilter } from '../sim/fake-filter.ts';
import { FakeIptables } from '../sim/fake-iptables.ts';
import { FakeSysctls } from '../sim/fake-sysctls.ts';
import { ForkFamily, type Fork } from '../sim/fork-family.ts';
import { MemoryFiles } from '../sim/memory-files.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { ScriptedRunner } from '../sim/scripted-runner.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';
import { address, FakeRoutes, link } from './fakes.ts';

/** Family, protocol, address and port of 203.0.113.1:80; the brace is closed where the rest of the service has been said. */
const VS = 'SERVICE{ 0600010002000000 0600020006000000 14000300cb007101000000000000000000000000 0600040000500000';
const lip = (last: string): string => `18000780 140001000a0000${last}000000000000000000000000`;
const rs = (last: string): string => `14000100 0a0001${last}000000000000000000000000 0600020000500000`;
/** Method 5, weight 1, no thresholds. */
const FNAT = '0800030005000000 0800040001000000 0800050000000000 0800060000000000';
const MASQ = '0800030000000000 0800040001000000 0800050000000000 0800060000000000';
const SERVICE = '0700060072720000';

/** `SERVICE{ … }` and `DEST{ … }` get their length and type. */
function hex(text: string): string {
  return text.replaceAll(/(SERVICE|DEST)\{([^}]*)\}/gu, (_, name: string, inner: string) => {
    const bytes = inner.replaceAll(' ', '');
    return `${(bytes.length / 2 + 4).toString(16).padStart(2, '0')}000${name === 'SERVICE' ? '1' : '2'}80${bytes}`;
  }).replaceAll(' ', '');
}

const addService = (more = ''): string => hex(`01010000 ${VS} ${SERVICE} 0c000700${more === 'syn' ? '00800000 3d800000' : '00000000 3d000000'} 0800080000000000 08000900ffffffff ${more === '90' ? '08000b005a000000' : ''} }`);
const addLocal = (last: string): string => hex(`12010000 ${VS} } ${lip(last)}`);
const deleteLocal = (last: string): string => hex(`13010000 ${VS} } ${lip(last)}`);
const addServer = (last: string, how = FNAT): string => hex(`05010000 ${VS} } DEST{ ${rs(last)} ${how} }`);
const deleteServer = (last: string): string => hex(`07010000 ${VS} } DEST{ ${rs(last)} }`);
const deleteService = (): string => hex(`03010000 ${VS} }`);

function conf(pool: string, lines = '', servers = ['10.0.1.11', '10.0.1.12']): string {
  const real = servers.map((server) => ` real_server ${server} 80 {\n }\n`).join('');
  return `local_address_group G {\n ${pool}\n}\nvirtual_server 203.0.113.1 80 {\n lb_algo rr\n lb_kind FNAT\n protocol TCP\n laddr_group_name G\n ${lines}\n${real}}\n`;
}

class Stage {
  readonly clock = new VirtualClock();
  readonly kernel: ForkFamily;
  readonly files = new MemoryFiles();
  readonly routes = new FakeRoutes();
  readonly filter = new FakeFilter();
  readonly iptables = new FakeIptables();
  readonly sysctls = new FakeSysctls();
  readonly scripts = new ScriptedRunner();
  readonly log = new RecordingLog();
  control: IpvsControl;
  daemon: CheckDaemon | null = null;

  constructor(fork: Fork) {
    this.kernel = new ForkFamily(fork);
    this.control = netlinkIpvs(this.kernel, this.kernel.family, { fullnat: fullnatKind(this.kernel.family.commands), establishedTimeouts: fork === 'alibaba v3' });
    this.routes.links = [link(1, 'lo'), link(2, 'eth0')];
    this.routes.addresses = [address(2, '10.0.0.7/24')];
    for (const path of ['net/ipv4/vs/conntrack', 'net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding']) this.sysctls.values.set(path, '0');
  }

  async start(text: string): Promise<void> {
    const { clock, files, routes, scripts, filter, iptables, sysctls, control: ipvs, log } = this;
    this.daemon = new CheckDaemon(configOf(text), { journal: { path: '/state/ipvs.json', epoch: 'boot' }, keepIpvs: false, fullnat: 'auto', again: false }, {
      system: { clock, files, routes, scripts, filter, iptables, sysctls }, ipvs, sockets: new FakeCheckSockets(clock), log, mailer: { send: () => undefined, close: () => Promise.resolve() }, emit: () => undefined, random: () => 0,
    });
    await this.daemon.start();
    await clock.advance(0);
  }

  async reload(text: string): Promise<void> {
    await this.daemon?.reload(configOf(text));
    await this.clock.advance(0);
  }

  async stop(): Promise<void> {
    await this.daemon?.stop();
    await this.clock.advance(0);
    expect([this.clock.pending(), this.log.texts('error')]).to.deep.equal([0, []]);
  }

  /** What was asked since the last time. */
  asked(): string[] {
    return this.kernel.asked.splice(0);
  }
}

describe('FULLNAT on kernels that answer as the forks do: requests, little-endian', () => {
  for (const fork of ['alibaba v2', 'alibaba v3'] as const) {
    it(`${fork}: start, a changed pool, other servers, stop`, async () => {
      const stage = new Stage(fork);
      await stage.start(conf('10.0.0.21-22'));
      expect(stage.asked(), 'the pool after the service and before its servers').to.deep.equal([addService(), addLocal('15'), addLocal('16'), addServer('0b'), addServer('0c')]);
      await stage.reload(conf('10.0.0.22-23'));
      expect(stage.asked(), 'the difference, and what is new first').to.deep.equal([addLocal('17'), deleteLocal('15')]);
      await stage.reload(conf('10.0.0.22-23', '', ['10.0.1.12', '10.0.1.13']));
      expect(stage.asked()).to.deep.equal([addServer('0d'), deleteServer('0b')]);
      expect(stage.kernel.table).to.deep.equal([{ destinations: 2, local: ['0a000016', '0a000017'].map((one) => one.padEnd(32, '0')) }]);
      await stage.stop();
      expect(stage.asked(), 'local addresses go with their service').to.deep.equal([deleteServer('0c'), deleteServer('0d'), deleteService()]);
      expect([stage.filter.batches, stage.sysctls.written]).to.deep.equal([[], []]);
    });
  }

  it('what was counted, with 64 bits; conflicts and connections of local addresses', async () => {
    const stage = new Stage('alibaba v2');
    await stage.start(conf('10.0.0.21'));
    const [entry] = await stage.control.dump();
    expect(entry?.service.stats).to.deep.include({ connections: 1n, inPackets: 2n, outPackets: 3n, inBytes: 4n, outBytes: 5n });
    expect(entry?.destinations.map(({ forward, address: server, stats }) => [forward.method, server, stats.outPackets])).to.deep.equal([['FNAT', '10.0.1.11', 3n], ['FNAT', '10.0.1.12', 3n]]);
    expect(entry?.localAddresses).to.deep.equal(['10.0.0.21']);
    expect(await stage.control.localAddresses(serviceId('tcp 203.0.113.1 80'))).to.deep.equal([{ address: '10.0.0.21', portConflicts: 3n, connections: 9 }]);
    await stage.stop();
  });

  it('syn_proxy is flag 0x8000', async () => {
    const stage = new Stage('alibaba v2');
    await stage.start(conf('10.0.0.21', 'syn_proxy', ['10.0.1.11']));
    expect(stage.asked()).to.deep.equal([addService('syn'), addLocal('15'), addServer('0b')]);
    await stage.stop();
  });

  it('est_timeout is attribute 11 of the third version, and is never sent to the second', async () => {
    const third = new Stage('alibaba v3');
    await third.start(conf('10.0.0.21', 'est_timeout 90', ['10.0.1.11']));
    expect(third.asked()).to.deep.equal([addService('90'), addLocal('15'), addServer('0b')]);
    await third.stop();
    const second = new Stage('alibaba v2');
    await second.start(conf('10.0.0.21', 'est_timeout 90', ['10.0.1.11']));
    expect(second.asked()).to.deep.equal([addService(), addLocal('15'), addServer('0b')]);
    expect(second.log.texts('warn')).to.deep.equal(['Virtual server [203.0.113.1]:tcp:80: this kernel has no timeouts of single services - establish_timeout is ignored; lvs_timeouts is for all of them']);
    await second.stop();
  });

  it('a persistence engine is not sent: the third version would take its name for a timeout', async () => {
    const stage = new Stage('alibaba v3');
    await stage.start(conf('10.0.0.21', 'persistence_timeout 60\n persistence_engine sip', ['10.0.1.11']));
    expect(stage.asked()[0]).to.equal(hex(`01010000 ${VS} ${SERVICE} 0c00070001000000 3d000000 080008003c000000 08000900ffffffff }`));
    expect(stage.log.texts('warn').join()).to.include('persistence_engine is ignored');
    await stage.stop();
  });

  it('a local address that somebody had put there already is as wanted', async () => {
    const stage = new Stage('alibaba v2');
    const batch = stage.kernel.batch.bind(stage.kernel);
    stage.kernel.batch = async (requests) => {
      const first = requests.findIndex(({ payload }) => payload[0] === 18);
      if (first < 0) return batch(requests);
      const twice = requests[first];
      return [...await batch(requests.slice(0, first)), ...(twice === undefined ? [] : [(await batch([twice, twice]))[1] ?? null]), ...await batch(requests.slice(first + 1))];
    };
    await stage.start(conf('10.0.0.21', '', ['10.0.1.11']));
    await stage.clock.advance(120_000);
    expect(stage.asked(), 'it is not tried again').to.have.length(4);
    await stage.daemon?.stop();
    expect(stage.kernel.table).to.deep.equal([]);
  });

  it('counters that the third version will not zero: said by the refusal', async () => {
    const stage = new Stage('alibaba v3');
    expect((await stage.control.apply([{ op: 'zero', service: null }]))[0]?.code).to.equal('EACCES');
  });

  for (const fork of ['stock', 'xiaomi'] as const) {
    it(`${fork}: masquerading and our own translation; nothing of the patched kernels is ever sent`, async () => {
      const stage = new Stage(fork);
      await stage.start(conf('10.0.0.21-22', 'syn_proxy\n est_timeout 90', ['10.0.1.11']));
      // A kernel with zones has destinations of their service's family, as all of its age.
      const family = fork === 'stock' ? '06000b0002000000' : '';
      const server = hex(`05010000 ${VS} } DEST{ ${rs('0b')} ${family} ${MASQ} }`);
      expect(stage.asked()).to.deep.equal([addService(), server]);
      expect([...stage.filter.held.keys()]).to.have.length(1);
      await stage.reload(conf('10.0.0.23', '', ['10.0.1.11']));
      expect(stage.asked()).to.deep.equal([]);
      await stage.stop();
      expect(stage.asked()).to.deep.equal([hex(`07010000 ${VS} } DEST{ ${rs('0b')} ${family} }`), deleteService()]);
      expect([stage.filter.held.size, stage.kernel.table]).to.deep.equal([0, []]);
    });
  }
});

describe('FULLNAT on a kernel that has it by socket options alone', () => {
  it('start, a changed pool, stop: options in their order', async () => {
    const set: string[] = [];
    const stage = new Stage('stock');
    stage.control = optionIpvs({
      get: (_, value) => value,
      set: (option, value) => {
        set.push(`${String(option)} ${toHex(value.subarray(44))}`.trim());
        return null;
      },
      close: () => undefined,
    }, { fullnat: 'services' });
    await stage.start(conf('10.0.0.21-22'));
    await stage.reload(conf('10.0.0.22-23', '', ['10.0.1.12']));
    await stage.stop();
    const server = (last: string): string => `0a0001${last}00500000`;
    const settings = '05000000010000000000000000000000';
    expect(set).to.deep.equal([
      '1154', '1168 0a000015', '1168 0a000016', `1159 ${server('0b')}${settings}`, `1159 ${server('0c')}${settings}`,
      '1168 0a000017', '1169 0a000015', `1160 ${server('0b')}${'00'.repeat(16)}`,
      `1160 ${server('0c')}${'00'.repeat(16)}`, '1156',
    ]);
    expect([stage.kernel.asked, stage.filter.batches]).to.deep.equal([[], []]);
  });
});
