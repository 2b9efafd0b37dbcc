import { expect } from 'chai';
import { CheckDaemon, type CheckDaemonOptions } from '../../lib/daemon/balance/check-daemon.ts';
import { addressKey } from '../../lib/daemon/network.ts';
import { SystemError } from '../../lib/system/error.ts';
import type { NetworkOp } from '../../lib/system/netlink-routes.ts';
import { printPrefix } from '../../lib/util/ip.ts';
import { configOf } from '../sim/config-text.ts';
import { FakeCheckSockets } from '../sim/fake-check-sockets.ts';
import { FakeFilter } from '../sim/fake-filter.ts';
import { FakeIptables } from '../sim/fake-iptables.ts';
import { FakeIpvs } from '../sim/fake-ipvs.ts';
import { FakeSysctls } from '../sim/fake-sysctls.ts';
import { MemoryFiles } from '../sim/memory-files.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { ScriptedRunner } from '../sim/scripted-runner.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';
import { address, FakeRoutes, link } from './fakes.ts';

const JOURNAL = '/state/ipvs.json.addresses';

/** A kernel that keeps the addresses it is given. */
class Addresses extends FakeRoutes {
  /** Told of each operation before it is carried out. */
  before: (operation: NetworkOp) => void = () => undefined;
  refuse: string | null = null;

  override apply(operations: readonly NetworkOp[]): Promise<(SystemError | null)[]> {
    this.applied.push([...operations]);
    return Promise.resolve(operations.map((operation) => {
      this.before(operation);
      const code = this.refuse ?? this.#carryOut(operation);
      return code === null ? null : new SystemError(operation.op, 'an address', code);
    }));
  }

  /** `eth0 10.0.0.7/24`. */
  lines(): string[] {
    return this.addresses.map((one) => `${this.links.find(({ index }) => index === one.linkIndex)?.name ?? ''} ${printPrefix(one.prefix)}`);
  }

  #carryOut(operation: NetworkOp): string | null {
    if (operation.op !== 'add-address' && operation.op !== 'delete-address') return 'EOPNOTSUPP';
    const { address: one } = operation;
    const there = this.addresses.findIndex((other) => addressKey(other.linkIndex, other) === addressKey(one.linkIndex, one));
    if (operation.op === 'add-address') {
      if (there >= 0) return 'EEXIST';
      this.addresses.push(one);
      this.tell({ type: 'address', address: one });
      return null;
    }
    if (there < 0) return 'EADDRNOTAVAIL';
    this.addresses.splice(there, 1);
    this.tell({ type: 'address-gone', address: one });
    return null;
  }
}

class Bench {
  readonly clock = new VirtualClock();
  readonly kernel = new FakeIpvs();
  readonly files = new MemoryFiles();
  readonly routes = new Addresses();
  readonly filter = new FakeFilter();
  readonly iptables = new FakeIptables();
  readonly sysctls = new FakeSysctls();
  readonly sockets = new FakeCheckSockets(this.clock);
  readonly scripts = new ScriptedRunner();
  log = new RecordingLog();
  daemon: CheckDaemon | null = null;

  constructor() {
    this.routes.links = [link(1, 'lo'), link(2, 'eth0')];
    this.routes.addresses = [address(2, '10.0.0.7/24')];
    for (const path of ['net/ipv4/vs/conntrack', 'net/ipv4/ip_forward']) this.sysctls.values.set(path, '1');
  }

  async start(text: string, options: Partial<CheckDaemonOptions> = {}): Promise<this> {
    const { clock, files, routes, scripts, filter, iptables, sysctls, kernel: ipvs, sockets, log } = this;
    this.daemon = new CheckDaemon(configOf(text), { journal: { path: '/state/ipvs.json', epoch: 'boot' }, keepIpvs: false, fullnat: 'auto', again: false, ...options }, {
      system: { clock, files, routes, scripts, filter, iptables, sysctls }, ipvs, sockets, log, mailer: { send: () => undefined, close: () => Promise.resolve() }, emit: () => undefined, random: () => 0,
    });
    await this.daemon.start();
    await clock.advance(0);
    return this;
  }

  async reload(text: string): Promise<void> {
    await this.daemon?.reload(configOf(text));
    await this.clock.advance(0);
  }

  /** The process is gone at one stroke; addresses and files stay. */
  async crash(): Promise<void> {
    const [addresses, files] = [[...this.routes.addresses], new Map(this.files.files)];
    await this.daemon?.stop();
    this.routes.addresses = addresses;
    this.files.files.clear();
    for (const [path, file] of files) this.files.files.set(path, file);
    this.routes.applied.length = 0;
    this.log = new RecordingLog();
  }

  /** Stops it; these addresses may be left. */
  async end(...left: string[]): Promise<void> {
    await this.daemon?.stop();
    await this.clock.advance(0);
    expect(this.routes.lines(), 'addresses left').to.deep.equal(['eth0 10.0.0.7/24', ...left]);
    expect([this.clock.pending(), this.routes.watching()], 'timers and watches left').to.deep.equal([0, 0]);
    expect([...this.files.files.keys()].filter((path) => path === JOURNAL), 'its journal').to.deep.equal([]);
  }
}

function service(vip = '192.0.2.1', lines = 'vip_bind_dev lo', server = vip.includes(':') ? 'fd00::1' : '10.0.0.1', port = 80): string {
  const key = vip.startsWith('group') || vip.startsWith('fwmark') ? vip : `${vip} ${String(port)}`;
  return `virtual_server ${key} {\n delay_loop 10\n warmup 0\n retry 1\n delay_before_retry 1\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n ${lines}\n real_server ${server} 80 {\n TCP_CHECK {\n }\n }\n}\n`;
}

const ALL = ['eth0 10.0.0.7/24', 'lo 192.0.2.1/32'];

describe('addresses of virtual servers (vip_bind_dev)', () => {
  it('come at the start after their service, go with the quorum, come back with it, and go at the stop before their service', async () => {
    const bench = new Bench();
    const services: string[][] = [];
    bench.routes.before = () => { services.push(bench.kernel.lines()); };
    await bench.start(service());
    expect(bench.routes.lines()).to.deep.equal(ALL);
    bench.sockets.refusing.add('10.0.0.1');
    await bench.clock.advance(15_000);
    expect(bench.routes.lines()).to.deep.equal(ALL.slice(0, 1));
    bench.sockets.refusing.clear();
    await bench.clock.advance(15_000);
    expect(bench.routes.lines()).to.deep.equal(ALL);
    await bench.end();
    const whole = ['tcp 192.0.2.1 80 rr: 10.0.0.1 80 w1'];
    expect([services[0], services[2], services[3]], 'as IPVS was at the first, the third and the last').to.deep.equal([whole, whole, whole]);
    expect(bench.log.texts().filter((line) => line.includes('192.0.2.1 ') && / (to|from) lo/u.test(line))).to.deep.equal(['Adding 192.0.2.1 to lo', 'Removing 192.0.2.1 from lo', 'Adding 192.0.2.1 to lo', 'Removing 192.0.2.1 from lo']);
  });

  it('alpha: nothing before the first success', async () => {
    const bench = new Bench();
    bench.sockets.refusing.add('10.0.0.1');
    await bench.start(service('192.0.2.1', 'vip_bind_dev lo\n alpha'));
    await bench.clock.advance(15_000);
    expect(bench.routes.lines()).to.deep.equal(ALL.slice(0, 1));
    bench.sockets.refusing.clear();
    await bench.clock.advance(15_000);
    expect(bench.routes.lines()).to.deep.equal(ALL);
    await bench.end();
  });

  it('one that two services share stays while one of them has its quorum', async () => {
    const bench = await new Bench().start(service() + service('192.0.2.1', 'vip_bind_dev lo', '10.0.0.2', 443));
    bench.sockets.refusing.add('10.0.0.1');
    await bench.clock.advance(15_000);
    expect(bench.routes.lines()).to.deep.equal(ALL);
    bench.sockets.refusing.add('10.0.0.2');
    await bench.clock.advance(15_000);
    expect(bench.routes.lines()).to.deep.equal(ALL.slice(0, 1));
    await bench.end();
  });

  it('of groups and of IPv6; a mark has none', async () => {
    const group = 'virtual_server_group G {\n 192.0.2.8-9 80\n fwmark 3\n}\n';
    const bench = await new Bench().start(`${group}${service('group G')}${service('2001:db8::1')}${service('fwmark 7').replace(' protocol TCP\n', '')}`);
    expect(bench.routes.lines()).to.deep.equal(['eth0 10.0.0.7/24', 'lo 192.0.2.8/32', 'lo 192.0.2.9/32', 'lo 2001:db8::1/128']);
    const six = bench.routes.addresses.at(-1);
    expect([six?.flags, six?.preferred, six?.protocol], 'no duplicate address detection, never a source, ours').to.deep.equal([2, 0, 18]);
    await bench.end();
  });

  it('what was there before stays, also when the quorum is lost', async () => {
    const bench = new Bench();
    bench.routes.addresses.push(address(1, '192.0.2.1/24'));
    await bench.start(service());
    bench.sockets.refusing.add('10.0.0.1');
    await bench.clock.advance(15_000);
    expect(bench.routes.applied).to.deep.equal([]);
    expect(bench.log.texts('info').join()).to.include('192.0.2.1 is on lo already');
    await bench.end('lo 192.0.2.1/24');
  });

  it('a reload adds and removes', async () => {
    const bench = await new Bench().start(service());
    await bench.reload(service('192.0.2.2'));
    expect(bench.routes.lines()).to.deep.equal(['eth0 10.0.0.7/24', 'lo 192.0.2.2/32']);
    await bench.reload(service('192.0.2.2', ''));
    expect(bench.routes.lines()).to.deep.equal(['eth0 10.0.0.7/24']);
    await bench.end();
  });

  it('the run after a killed one takes over what is wanted without a gap, and removes what is not', async () => {
    const bench = await new Bench().start(service() + service('192.0.2.2'));
    await bench.crash();
    await bench.start(service());
    expect([bench.routes.lines(), bench.routes.operations()]).to.deep.equal([ALL, ['delete 192.0.2.2/32']]);
    await bench.crash();
    await bench.start('virtual_server 10.0.0.100 80 {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n real_server 10.0.0.9 80 {\n }\n}\n');
    await bench.end();
  });

  it('what bears the same address after a killed run, and another mark, is not ours', async () => {
    const bench = await new Bench().start(service());
    await bench.crash();
    bench.routes.addresses = bench.routes.addresses.map((one) => (one.linkIndex === 1 ? { ...one, protocol: 2 } : one));
    await bench.start(service());
    await bench.end('lo 192.0.2.1/32');
  });

  it('with -I they stay, for the next run to take over', async () => {
    const bench = await new Bench().start(service(), { keepIpvs: true });
    await bench.daemon?.stop();
    expect(bench.routes.lines()).to.deep.equal(ALL);
    await bench.start(service());
    await bench.end();
  });

  it('an interface that comes later', async () => {
    const bench = await new Bench().start(service('192.0.2.1', 'vip_bind_dev dummy0'));
    expect(bench.log.texts('warn')).to.deep.equal(['there is no interface dummy0 yet: 192.0.2.1 is added to it when there is']);
    bench.routes.links.push(link(9, 'dummy0'));
    bench.routes.tell({ type: 'link', link: link(9, 'dummy0') });
    await bench.clock.advance(0);
    expect(bench.routes.lines()).to.deep.equal(['eth0 10.0.0.7/24', 'dummy0 192.0.2.1/32']);
    await bench.end();
  });

  it('what somebody else takes away comes back after a second', async () => {
    const bench = await new Bench().start(service());
    const [gone] = bench.routes.addresses.splice(1, 1);
    if (gone !== undefined) bench.routes.tell({ type: 'address-gone', address: gone });
    await bench.clock.advance(999);
    expect(bench.routes.lines()).to.deep.equal(ALL.slice(0, 1));
    await bench.clock.advance(1);
    expect(bench.routes.lines()).to.deep.equal(ALL);
    await bench.end();
  });

  it('what the kernel refuses is said once, and tried again with pauses', async () => {
    const bench = new Bench();
    bench.routes.refuse = 'EPERM';
    await bench.start(service());
    await bench.clock.advance(20_000);
    expect(bench.log.texts('error')).to.deep.equal(['Adding 192.0.2.1 to lo: add-address an address: EPERM']);
    expect(bench.routes.applied.length, 'at 0, 1, 3, 7, 15 s').to.equal(5);
    bench.routes.refuse = null;
    await bench.clock.advance(20_000);
    expect(bench.routes.lines()).to.deep.equal(ALL);
    await bench.end();
  });
});

describe('local addresses with a device', () => {
  const fullnat = (pool: string): string => `local_address_group G {\n ${pool}\n}\n${service('192.0.2.1', 'laddr_group_name G').replace('NAT', 'FNAT')}`;

  it('are there before IPVS is changed; a reload that takes one out leaves it until the stop', async () => {
    const bench = new Bench();
    const services: string[][] = [];
    bench.routes.before = () => { services.push(bench.kernel.lines()); };
    await bench.start(fullnat('10.0.0.21-22 eth0\n 10.0.0.23'));
    expect(services).to.deep.equal([[], []]);
    expect(bench.routes.lines()).to.deep.equal(['eth0 10.0.0.7/24', 'eth0 10.0.0.21/32', 'eth0 10.0.0.22/32']);
    await bench.reload(fullnat('10.0.0.22 eth0'));
    expect(bench.routes.lines()).to.deep.equal(['eth0 10.0.0.7/24', 'eth0 10.0.0.21/32', 'eth0 10.0.0.22/32']);
    await bench.end();
  });

  it('of a group that no FULLNAT uses are not added', async () => {
    const bench = await new Bench().start(`local_address_group H {\n 10.0.0.21 eth0\n}\n${service('192.0.2.1', '')}`);
    expect(bench.routes.applied).to.deep.equal([]);
    await bench.end();
  });
});
