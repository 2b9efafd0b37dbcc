import { expect } from 'chai';
import { CheckDaemon, type CheckDaemonOptions } from '../../lib/daemon/balance/check-daemon.ts';
import { SystemError } from '../../lib/system/error.ts';
import { service } from '../ipvs/values.ts';
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

const SERVICE = 'tcp 10.0.0.100 80';
const JOURNAL = '/state/ipvs.json';
const STANDINGS = `${JOURNAL}.standings`;

interface Pieces {
  readonly globals?: string;
  readonly top?: string;
  readonly service?: string;
  /** Of 10.0.0.1. */
  readonly one?: string;
  readonly two?: string;
  readonly more?: string;
}

function conf({ globals = '', top = '', service: own = '', one = 'TCP_CHECK {\n}', two = 'TCP_CHECK {\n}', more = '' }: Pieces = {}): string {
  return `global_defs {\n${globals}\n}\n${top}
virtual_server 10.0.0.100 80 {
  delay_loop 10
  warmup 0
  lvs_sched wlc
  lvs_method NAT
  protocol TCP
  ${own}
  real_server 10.0.0.1 80 {
    ${one}
  }
  real_server 10.0.0.2 80 {
    ${two}
  }
}
${more}`;
}

const OTHER = 'virtual_server 10.0.0.101 80 {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n real_server 10.0.0.9 80 {\n }\n}\n';

/** The checking half on a simulated machine, which outlives it. */
class Bench {
  readonly clock = new VirtualClock();
  readonly kernel = new FakeIpvs();
  readonly files = new MemoryFiles();
  readonly routes = new FakeRoutes();
  readonly filter = new FakeFilter();
  readonly iptables = new FakeIptables();
  readonly sysctls = new FakeSysctls();
  readonly sockets = new FakeCheckSockets(this.clock);
  scripts = new ScriptedRunner();
  log = new RecordingLog();
  daemon: CheckDaemon | null = null;

  constructor() {
    this.routes.links = [link(1, 'lo'), link(2, 'eth0')];
    this.routes.addresses = [address(2, '10.0.0.7/24')];
  }

  async start(text: string, options: Partial<CheckDaemonOptions> = {}): Promise<this> {
    const daemon = this.make(text, options);
    await daemon.start();
    await this.clock.advance(0);
    return this;
  }

  make(text: string, options: Partial<CheckDaemonOptions> = {}): CheckDaemon {
    const { clock, files, routes, scripts, filter, iptables, sysctls, kernel: ipvs, sockets, log } = this;
    this.daemon = new CheckDaemon(configOf(text), { journal: { path: JOURNAL, epoch: 'boot' }, keepIpvs: false, fullnat: 'auto', again: false, ...options }, {
      system: { clock, files, routes, scripts, filter, iptables, sysctls }, ipvs, sockets, log, mailer: { send: () => undefined, close: () => Promise.resolve() }, emit: () => undefined, random: () => 0,
    });
    return this.daemon;
  }

  async reload(text: string): Promise<void> {
    await this.daemon?.reload(configOf(text));
    await this.clock.advance(0);
  }

  /** The process is gone at one stroke; files, kernel and time stay. */
  async crash(): Promise<void> {
    await this.clock.advance(200);
    const { log, scripts } = this;
    this.log = new RecordingLog();
    this.scripts = new ScriptedRunner();
    const kept = new Map(this.files.files);
    const table = this.kernel.lines();
    this.kernel.deaf = true;
    await this.daemon?.stop();
    this.kernel.deaf = false;
    this.files.files.clear();
    for (const [path, file] of kept) this.files.files.set(path, file);
    expect(this.kernel.lines()).to.deep.equal(table);
    expect([log.texts('error'), scripts.alive()]).to.deep.equal([[], []]);
  }

  /** Stops it, and nothing may be left but this table. */
  async end(...table: string[]): Promise<void> {
    await this.daemon?.stop();
    await this.clock.advance(0);
    expect(this.kernel.lines(), 'the table left').to.deep.equal(table);
    expect(this.clock.pending(), 'timers left').to.equal(0);
    expect([this.sockets.pending, this.sockets.open], 'connections left').to.deep.equal([0, 0]);
    expect(this.files.watching() + this.routes.watching(), 'watches left').to.equal(0);
    expect(this.scripts.alive().map((run) => run.argv), 'scripts left').to.deep.equal([]);
    expect([...this.files.files.keys()].filter((path) => path === STANDINGS)).to.deep.equal([]);
  }
}

const BOTH = `${SERVICE} wlc: 10.0.0.1 80 w1, 10.0.0.2 80 w1`;

describe('daemon: the checking half', () => {
  it('a kernel that cannot be asked ends the start, and the stop leaves nothing', async () => {
    const bench = new Bench();
    const broken = bench.make(conf());
    bench.kernel.dump = () => Promise.reject(new SystemError('list', 'IPVS services', 'EPERM'));
    let problem: unknown = null;
    await broken.start().catch((cause: unknown) => { problem = cause; });
    expect(problem).to.be.instanceOf(SystemError);
    await bench.end();
  });

  it('starts with every server in, then checks; a server dies and comes back', async () => {
    const bench = await new Bench().start(conf({ top: '' }));
    expect(bench.kernel.lines()).to.deep.equal([BOTH]);
    expect(bench.log.texts()).to.deep.equal([
      'Initializing ipvs', 'IPVS: version 1.2.1', 'Gained quorum 1+0=1 <= 2 for VS [10.0.0.100]:tcp:80',
      'Activating healthchecker for service [10.0.0.1]:tcp:80 for VS [10.0.0.100]:tcp:80', 'Activating healthchecker for service [10.0.0.2]:tcp:80 for VS [10.0.0.100]:tcp:80', 'IPVS: 3 changes',
    ]);
    await bench.clock.advance(2000);
    bench.sockets.refusing.add('10.0.0.2');
    await bench.clock.advance(12_000);
    expect(bench.kernel.lines()).to.deep.equal([`${SERVICE} wlc: 10.0.0.1 80 w1`]);
    expect(bench.log.texts().slice(-3)).to.deep.equal(['TCP_CHECK on service [10.0.0.2]:tcp:80 failed after 1 retries.', 'Removing service [10.0.0.2]:tcp:80 from VS [10.0.0.100]:tcp:80', 'IPVS: 1 change']);
    bench.sockets.refusing.clear();
    await bench.clock.advance(12_000);
    expect(bench.kernel.lines()).to.deep.equal([BOTH]);
    await bench.end();
  });

  it('an orderly stop leaves nothing; stopped in the middle of its start too', async () => {
    await (await new Bench().start(conf({ more: OTHER }))).end();
    const bench = new Bench();
    const starting = bench.make(conf()).start();
    await bench.end();
    await starting;
    expect([...bench.files.files.keys()]).to.deep.equal([]);
  });

  for (const [name, globals, options, asked, left] of [
    ['with -I everything stays', '', { keepIpvs: true }, [], [BOTH, 'tcp 10.9.9.9 80 rr: ']],
    ['lvs_flush_on_stop empties the table', 'lvs_flush_on_stop', {}, ['flush IPVS'], []],
    ['lvs_flush_on_stop VS deletes services alone', 'lvs_flush_on_stop VS', {}, ['delete service tcp 10.0.0.100 80'], ['tcp 10.9.9.9 80 rr: ']],
    ['otherwise what is ours goes', '', {}, ['delete destination 10.0.0.1 80 of tcp 10.0.0.100 80', 'delete destination 10.0.0.2 80 of tcp 10.0.0.100 80', 'delete service tcp 10.0.0.100 80'], ['tcp 10.9.9.9 80 rr: ']],
  ] as [string, string, Partial<CheckDaemonOptions>, string[], string[]][]) {
    it(`the stop: ${name}`, async () => {
      const bench = new Bench();
      await bench.start(conf({ globals }), options);
      await bench.kernel.apply([{ op: 'add-service', service: service('tcp 10.9.9.9 80') }]);
      const before = bench.kernel.asked().length;
      await bench.end(...left.map((line) => line.replace(/: $/u, '')));
      expect(bench.kernel.asked().slice(before).map((text) => text.trim())).to.deep.equal(asked);
    });
  }

  describe('drain_time', () => {
    const text = conf({ globals: 'drain_time 30\nlvs_sync_daemon eth0 id 7', service: 'omega\nquorum_down "/bin/down"' });

    const playing = (): Bench => {
      const bench = new Bench();
      bench.scripts.answer('/bin/down', 0);
      return bench;
    };

    /** A stop of which 29.999 s are over; `over` says when it is. */
    async function drained(options: Partial<CheckDaemonOptions> = {}, hasHeir = false): Promise<{ bench: Bench; over: () => boolean }> {
      const bench = await playing().start(text, options);
      let over = false;
      void bench.daemon?.stop(() => hasHeir).then(() => { over = true; });
      await bench.clock.advance(29_999);
      return { bench, over: () => over };
    }

    it('clients are sent elsewhere at once, nothing is checked any more, and IPVS serves on until the time is over', async () => {
      const { bench, over } = await drained();
      expect([bench.kernel.lines(), bench.scripts.runs.map(({ argv }) => argv[0]), bench.sockets.pending, over()]).to.deep.equal([[BOTH], ['/bin/down'], 0, false]);
      expect(bench.log.texts().slice(-3)).to.deep.equal(['Shutting down service [10.0.0.1]:tcp:80 from VS [10.0.0.100]:tcp:80', 'Shutting down service [10.0.0.2]:tcp:80 from VS [10.0.0.100]:tcp:80', 'Draining: IPVS serves on for 30 s']);
      const unsynced = (): number => bench.kernel.asked().filter((line) => line.startsWith('stop')).length;
      const before = unsynced();
      await bench.clock.advance(1);
      expect([over(), bench.scripts.runs.length, bench.log.texts().filter((line) => line.startsWith('Shutting')).length]).to.deep.equal([true, 1, 2]);
      expect(unsynced() - before, 'connections are told to other directors to the end').to.equal(2);
      await bench.end();
      expect([...bench.files.files.keys()]).to.deep.equal([]);
    });

    it('hurried, it is over at once, and before it has begun', async () => {
      const { bench, over } = await drained();
      bench.daemon?.hurry();
      await bench.clock.advance(0);
      expect([over(), bench.kernel.lines(), bench.log.texts().includes('Draining: ended before its time')]).to.deep.equal([true, [], true]);
      await bench.end();
      const other = await playing().start(text);
      other.daemon?.hurry();
      await other.end();
      expect(other.scripts.runs.map(({ argv }) => argv[0])).to.deep.equal(['/bin/down']);
    });

    it('another process has taken over meanwhile: table, journal and what is known of the servers are its own', async () => {
      const { bench, over } = await drained({}, true);
      await bench.clock.advance(1);
      expect([over(), bench.kernel.lines(), [...bench.files.files.keys()].sort()]).to.deep.equal([true, [BOTH], [JOURNAL, STANDINGS]]);
      expect(bench.clock.pending() + bench.files.watching()).to.equal(0);
    });

    it('with -I, and without a virtual server, there is nothing to wait for', async () => {
      const bench = await playing().start(text, { keepIpvs: true });
      await bench.end(BOTH);
      const none = await new Bench().start('global_defs {\ndrain_time 30\n}\n');
      await none.end();
      expect(bench.log.texts().concat(none.log.texts()).filter((line) => line.startsWith('Draining'))).to.deep.equal([]);
    });
  });

  it('what an earlier run has left and nobody names any more goes, and nothing of anybody else', async () => {
    const bench = new Bench();
    await bench.start(conf({ more: OTHER }));
    await bench.crash();
    await bench.kernel.apply([{ op: 'add-service', service: service('tcp 10.9.9.9 80') }]);
    await bench.start(conf());
    expect(bench.kernel.lines()).to.deep.equal([BOTH, 'tcp 10.9.9.9 80 rr']);
    await bench.end('tcp 10.9.9.9 80 rr');
  });

  it('lvs_flush empties the table at the start, but not when it is started again', async () => {
    const bench = new Bench();
    await bench.kernel.apply([{ op: 'add-service', service: service('tcp 10.9.9.9 80') }]);
    await bench.start(conf({ globals: 'lvs_flush' }));
    expect(bench.kernel.lines()).to.deep.equal([BOTH]);
    await bench.crash();
    const before = bench.kernel.asked().length;
    await bench.start(conf({ globals: 'lvs_flush' }), { again: true });
    expect(bench.kernel.asked().slice(before)).to.deep.equal([]);
    await bench.end();
  });

  describe('started again after its death', () => {
    const text = conf({ service: 'quorum 2', one: 'weight 2\nMISC_CHECK {\nmisc_path "/bin/one"\nmisc_dynamic\n}', more: OTHER });

    /** 10.0.0.2 is down, 10.0.0.1 has weight 7. */
    async function died(): Promise<Bench> {
      const bench = new Bench();
      bench.scripts.answer('/bin/one', 9);
      bench.sockets.refusing.add('10.0.0.2');
      await bench.start(text);
      await bench.clock.advance(3000);
      expect(bench.kernel.lines()).to.deep.equal([`${SERVICE} wlc: 10.0.0.1 80 w7`, 'tcp 10.0.0.101 80 rr: 10.0.0.9 80 w1']);
      await bench.crash();
      return bench;
    }

    it('it finds IPVS and the servers as they were: nothing is programmed, nothing is news', async () => {
      const bench = await died();
      const before = bench.kernel.asked().length;
      await bench.start(text, { again: true });
      expect(bench.kernel.asked().slice(before)).to.deep.equal([]);
      expect(bench.log.texts().filter((line) => /quorum|Adding|Changing/u.test(line))).to.deep.equal([]);
      bench.sockets.refusing.clear();
      bench.scripts.answer('/bin/one', 9);
      await bench.clock.advance(2000);
      expect(bench.kernel.lines()).to.deep.equal([`${SERVICE} wlc: 10.0.0.1 80 w7, 10.0.0.2 80 w1`, 'tcp 10.0.0.101 80 rr: 10.0.0.9 80 w1']);
      await bench.end();
    });

    for (const [name, change, again] of [
      ['nothing was written', (files: MemoryFiles) => { files.files.delete(STANDINGS); }, text],
      ['what was written is nonsense', (files: MemoryFiles) => { files.files.set(STANDINGS, { text: '{"epoch":"boot","standings":{"tcp 10.0.0.100 80":{"shape":7}}}', mode: 0o600 }); }, text],
      ['it is no JSON', (files: MemoryFiles) => { files.files.set(STANDINGS, { text: 'x', mode: 0o600 }); }, text],
      ['it is of another boot', (files: MemoryFiles) => { files.files.set(STANDINGS, { text: (files.files.get(STANDINGS)?.text ?? '').replace('"boot"', '"earlier"'), mode: 0o600 }); }, text],
      ['the service has other checkers by now', () => undefined, text.replace('TCP_CHECK {', 'TCP_CHECK {\nconnect_port 81')],
    ] as [string, (files: MemoryFiles) => void, string][]) {
      it(`${name}: every server counts as up until it was checked`, async () => {
        const bench = await died();
        change(bench.files);
        await bench.start(again, { again: true });
        expect(bench.kernel.lines()).to.include(`${SERVICE} wlc: 10.0.0.1 80 w2, 10.0.0.2 80 w1`);
        await bench.end();
      });
    }
  });

  describe('a reload', () => {
    it('that changes nothing asks the kernel for nothing, and checks go on in their beat', async () => {
      const bench = await new Bench().start(conf());
      await bench.clock.advance(5000);
      const before = bench.kernel.asked().length;
      await bench.reload(conf());
      await bench.clock.advance(20_000);
      expect(bench.kernel.asked().length).to.equal(before);
      expect([...new Set(bench.sockets.begun)]).to.deep.equal([1000, 11_010, 21_020]);
      expect(bench.log.texts().slice(-6)).to.deep.equal([
        'TCP connection to [10.0.0.2]:tcp:80 success.', 'Reloading', 'Reinitializing ipvs',
        'Activating healthchecker for service [10.0.0.1]:tcp:80 for VS [10.0.0.100]:tcp:80', 'Activating healthchecker for service [10.0.0.2]:tcp:80 for VS [10.0.0.100]:tcp:80', 'Reload complete',
      ]);
      await bench.end();
    });

    it('keeps what is known of a server; a checker that changed begins anew', async () => {
      const bench = new Bench();
      bench.sockets.refusing.add('10.0.0.2');
      await bench.start(conf());
      await bench.clock.advance(3000);
      expect(bench.kernel.lines()).to.deep.equal([`${SERVICE} wlc: 10.0.0.1 80 w1`]);
      await bench.reload(conf({ one: 'weight 5\nTCP_CHECK {\n}', more: OTHER }));
      expect(bench.kernel.lines()).to.deep.equal([`${SERVICE} wlc: 10.0.0.1 80 w5`, 'tcp 10.0.0.101 80 rr: 10.0.0.9 80 w1']);
      await bench.reload(conf({ two: 'TCP_CHECK {\nconnect_port 81\n}' }));
      expect(bench.kernel.lines()).to.deep.equal([BOTH]);
      await bench.clock.advance(3000);
      expect(bench.kernel.lines()).to.deep.equal([`${SERVICE} wlc: 10.0.0.1 80 w1`]);
      await bench.end();
    });

    it('that removes the checkers leaves no attempt and no timer of them', async () => {
      const bench = new Bench();
      bench.sockets.answer = null;
      await bench.start(conf());
      await bench.clock.advance(1500);
      expect(bench.sockets.pending).to.equal(2);
      await bench.reload(conf({ one: '', two: '' }));
      expect(bench.sockets.pending).to.equal(0);
      await bench.end();
    });

    it('that only a start can make is refused', async () => {
      const bench = await new Bench().start(conf());
      await bench.reload(conf({ top: 'instance other', one: 'weight 5' }));
      expect(bench.kernel.lines()).to.deep.equal([BOTH]);
      expect(bench.log.texts('error')).to.deep.equal(['Cannot change instance at a reload - please restart keepalived']);
      await bench.end();
    });
  });

  it('ha_suspend: no checks while the address is elsewhere', async () => {
    const bench = await new Bench().start(conf({ service: 'ha_suspend' }));
    expect(bench.log.texts()).to.include('Deactivating healthchecker for service [10.0.0.1]:tcp:80 for VS [10.0.0.100]:tcp:80').and.not.include('Activating healthchecker for service [10.0.0.1]:tcp:80 for VS [10.0.0.100]:tcp:80');
    await bench.clock.advance(30_000);
    expect(bench.sockets.begun).to.deep.equal([]);
    bench.routes.tell({ type: 'address', address: address(2, '10.0.0.100/32') });
    await bench.clock.advance(1500);
    expect(bench.sockets.begun).to.deep.equal([31_000, 31_000]);
    await bench.reload(conf({ service: 'ha_suspend' }));
    bench.routes.tell({ type: 'address-gone', address: address(2, '10.0.0.100/32') });
    expect(bench.log.texts().at(-1)).to.equal('Suspending healthchecker for service [10.0.0.2]:tcp:80 for VS [10.0.0.100]:tcp:80');
    await bench.clock.advance(30_000);
    expect(bench.sockets.begun.length).to.equal(2);
    await bench.reload(conf());
    await bench.clock.advance(1500);
    expect(bench.sockets.begun.length).to.equal(4);
    await bench.end();
  });

  it('FILE_CHECK: what the file says counts from the start, and at each change', async () => {
    const bench = new Bench();
    const text = conf({ top: 'track_file one {\n file /one\n weight 0\n}\ntrack_file two {\n file /two\n}', one: 'FILE_CHECK {\n track_file one\n}', two: 'weight 10\nFILE_CHECK {\n track_file two\n weight 3\n}' });
    await bench.files.write('/one', '1\n', 0o600);
    await bench.files.write('/two', '2\n', 0o600);
    await bench.start(text);
    expect(bench.kernel.asked().filter((one) => one.includes('destination'))).to.deep.equal(['add destination 10.0.0.2 80 of tcp 10.0.0.100 80']);
    expect(bench.kernel.lines()).to.deep.equal([`${SERVICE} wlc: 10.0.0.2 80 w16`]);
    await bench.files.write('/one', '0\n', 0o600);
    await bench.files.write('/two', '-1\n', 0o600);
    await bench.clock.advance(0);
    expect(bench.kernel.lines()).to.deep.equal([`${SERVICE} wlc: 10.0.0.2 80 w7, 10.0.0.1 80 w1`]);
    await bench.reload(conf());
    expect(bench.files.watching()).to.equal(0);
    await bench.end();
  });

  it('BFD_CHECK follows the sessions that it is told of, before the start or later', async () => {
    const bench = new Bench();
    const text = conf({ top: 'bfd_instance a {\n neighbor_ip 10.0.0.8\n}\nbfd_instance b {\n neighbor_ip 10.0.0.9\n}', one: 'BFD_CHECK {\n name a\n}', two: 'BFD_CHECK {\n name b\n}' });
    const daemon = bench.make(text);
    daemon.session('a', false);
    await daemon.start();
    expect(bench.kernel.lines()).to.deep.equal([`${SERVICE} wlc: 10.0.0.2 80 w1`]);
    daemon.session('a', true);
    daemon.session('b', false);
    await bench.clock.advance(0);
    expect(bench.kernel.lines()).to.deep.equal([`${SERVICE} wlc: 10.0.0.1 80 w1`]);
    expect(bench.log.texts()).to.include('BFD check of [b] RS([10.0.0.2]:tcp:80) is DOWN');
    await bench.end();
  });

  it('lvs_timeouts at the start and when they change; the sync daemons that follow nobody', async () => {
    const bench = new Bench();
    await bench.start(conf({ globals: 'lvs_timeouts tcp 801 udp 301\nlvs_sync_daemon eth0 id 7' }));
    expect(await bench.kernel.timeouts()).to.deep.equal({ tcp: 801, tcpFin: 120, udp: 301 });
    expect((await bench.kernel.daemons()).map(({ state, syncId }) => `${state} ${syncId}`)).to.deep.equal(['master 7', 'backup 7']);
    await bench.reload(conf({ globals: 'lvs_timeouts tcpfin 60\nlvs_sync_daemon eth0 id 7' }));
    expect(await bench.kernel.timeouts()).to.deep.equal({ tcp: 801, tcpFin: 60, udp: 301 });
    const before = bench.kernel.asked().length;
    await bench.reload(conf({ globals: 'lvs_timeouts tcpfin 60\nlvs_sync_daemon eth0 id 8' }));
    expect(bench.kernel.asked().slice(before).length).to.equal(4);
    expect((await bench.kernel.daemons()).map(({ state, syncId }) => `${state} ${syncId}`)).to.deep.equal(['master 8', 'backup 8']);
    expect(bench.log.texts('error')).to.deep.equal([]);
    await bench.end();
    expect(await bench.kernel.daemons()).to.deep.equal([]);
  });

  it('a sync daemon that the kernel refuses is said, and the rest goes on', async () => {
    const bench = await new Bench().start(conf({ globals: 'lvs_sync_daemon wan' }));
    expect(bench.log.texts('error')).to.have.length(2).and.to.satisfy((lines: string[]) => lines.every((line) => line.includes('ENODEV')));
    expect(bench.kernel.lines()).to.deep.equal([BOTH]);
    await bench.end();
  });

  it('a reload that takes one FULLNAT service out and gives another an address more removes nothing of the other', async () => {
    const group = (last: number): string => `virtual_server_group web {\n 192.0.2.20-${last} 80\n}\nvirtual_server group web {\n lvs_sched rr\n lvs_method FNAT\n protocol TCP\n laddr_group_name G\n real_server 10.0.0.9 80 {\n }\n}\n`;
    const single = 'virtual_server 192.0.2.1 80 {\n lvs_sched rr\n lvs_method FNAT\n protocol TCP\n laddr_group_name G\n real_server 10.0.0.9 80 {\n }\n}\n';
    const pool = 'local_address_group G {\n 10.0.0.21\n}\n';
    const bench = new Bench();
    for (const path of ['net/ipv4/vs/conntrack', 'net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding']) bench.sysctls.values.set(path, '0');
    await bench.start(`${pool}${single}${group(21)}`);
    const before = bench.kernel.asked().length;
    await bench.reload(`${pool}${group(22)}`);
    expect(bench.kernel.asked().slice(before).filter((line) => line.startsWith('delete') && !line.includes('192.0.2.1 '))).to.deep.equal([]);
    expect(bench.kernel.lines()).to.have.lengthOf(3);
    await bench.end();
  });

  describe('nftables_ipvs', () => {
    const server = (group: string): string => `virtual_server group ${group} {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n real_server 10.0.0.9 80 {\n }\n}\n`;
    const groups = (...names: readonly string[]): string => names.map((name, i) => `virtual_server_group ${name} {\n 192.0.2.1${i} 80\n 192.0.2.20-29 8080\n}\n${server(name)}`).join('');
    const text = (...names: readonly string[]): string => `global_defs {\n nftables_ipvs\n}\n${groups(...names)}`;
    const MARKS = `${JOURNAL}.marks`;

    it('a group is one service of a mark, which stays the same over reloads and deaths; at the stop the table goes', async () => {
      const bench = await new Bench().start(text('a', 'b'));
      expect(bench.kernel.lines()).to.deep.equal(['fwmark 1000 inet rr: 10.0.0.9 80 w1', 'fwmark 1001 inet rr: 10.0.0.9 80 w1']);
      expect(bench.filter.elements('inet keepalived_ipvs', 'tcp_map')).to.have.lengthOf(12);
      const batches = bench.filter.batches.length;
      await bench.reload(text('a', 'b'));
      expect(bench.filter.batches.length, 'nothing changed').to.equal(batches);
      await bench.reload(text('b'));
      expect(bench.kernel.lines()).to.deep.equal(['fwmark 1001 inet rr: 10.0.0.9 80 w1']);
      await bench.crash();
      await bench.start(text('b', 'a'), { again: true });
      expect(bench.kernel.lines()).to.deep.equal(['fwmark 1001 inet rr: 10.0.0.9 80 w1', 'fwmark 1000 inet rr: 10.0.0.9 80 w1']);
      await bench.end();
      expect([...bench.filter.held.keys(), bench.filter.watching(), bench.files.files.has(MARKS)]).to.deep.equal([0, false]);
    });

    it('somebody flushes the ruleset: the table is made anew', async () => {
      const bench = await new Bench().start(text('a'));
      bench.filter.flush();
      expect(bench.filter.held.size).to.equal(0);
      await bench.clock.advance(1500);
      expect(bench.filter.elements('inet keepalived_ipvs', 'tcp_map')).to.have.lengthOf(11);
      expect(bench.log.texts('warn')).to.deep.equal(['nftables_ipvs: table keepalived_ipvs was changed by somebody else; making it anew']);
      await bench.end();
    });

    it('where there is no nf_tables the addresses are served one by one, and it is said', async () => {
      const bench = new Bench();
      bench.filter.missing = 'EPROTONOSUPPORT';
      await bench.start(text('a'));
      expect(bench.kernel.lines()).to.have.lengthOf(11);
      expect(bench.log.texts('error')).to.have.lengthOf(1).and.to.satisfy(([line]: string[]) => line?.startsWith('nftables_ipvs: ') === true && line.endsWith('; the addresses of virtual server groups are served one by one'));
      bench.filter.missing = null;
      await bench.reload(text('a'));
      expect(bench.kernel.lines()).to.deep.equal(['fwmark 1000 inet rr: 10.0.0.9 80 w1']);
      await bench.end();
    });

    it('a reload that takes it away serves addresses again, and leaves no table', async () => {
      const bench = await new Bench().start(text('a'));
      await bench.reload(groups('a'));
      expect(bench.kernel.lines()).to.have.lengthOf(11);
      expect(bench.filter.held.size).to.equal(0);
      await bench.end();
    });

    it('with -I table and marks stay, for the next start to go on with', async () => {
      const bench = await new Bench().start(text('a', 'b'), { keepIpvs: true });
      await bench.daemon?.stop();
      expect([...bench.filter.held.keys(), bench.files.files.has(MARKS)]).to.deep.equal(['inet keepalived_ipvs', true]);
      await bench.start(text('b'));
      expect(bench.kernel.lines()).to.deep.equal(['fwmark 1001 inet rr: 10.0.0.9 80 w1']);
      await bench.end();
    });
  });
});
