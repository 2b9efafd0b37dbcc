import { expect } from 'chai';
import { Balancer } from '../../lib/daemon/balance/balancer.ts';
import { IpvsJournal } from '../../lib/daemon/balance/ipvs-journal.ts';
import { IpvsKeeper } from '../../lib/daemon/balance/ipvs-keeper.ts';
import { LvsNotifier } from '../../lib/daemon/balance/lvs-notifier.ts';
import { readSyncDaemon, syncDaemon } from '../../lib/daemon/balance/sync-daemon.ts';
import type { Message } from '../../lib/daemon/notify/message.ts';
import type { VirtualServerEvent } from '../../lib/ipvs/virtual-server.ts';
import { EMPTY_TABLE } from '../../lib/ipvs/table.ts';
import { configOf } from '../sim/config-text.ts';
import { FakeIpvs } from '../sim/fake-ipvs.ts';
import { MemoryFiles } from '../sim/memory-files.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { ScriptedRunner } from '../sim/scripted-runner.ts';
import { settle, VirtualClock } from '../sim/virtual-clock.ts';

const KEY = 'tcp 10.0.0.100 80';

function conf(keywords = '', globals = ''): string {
  return `global_defs {
  router_id lvs1
  notification_email {
    a@example.org
  }
  smtp_server 192.0.2.25
  lvs_notify_fifo /run/lvs.fifo
  ${globals}
}
virtual_server 10.0.0.100 80 {
  lvs_sched wlc
  lvs_method NAT
  protocol TCP
  smtp_alert on
  ${keywords}
  real_server 10.0.0.1 80 {
    inhibit_on_failure
    TCP_CHECK {
    }
  }
  real_server 10.0.0.2 80 {
    TCP_CHECK {
    }
    TCP_CHECK {
      connect_port 81
    }
  }
}
`;
}

/** A load-balancing half whose checkers are the test. */
class Half {
  readonly kernel = new FakeIpvs();
  readonly files = new MemoryFiles();
  readonly scripts = new ScriptedRunner();
  readonly log = new RecordingLog();
  readonly mails: Message[] = [];
  readonly hooks: string[] = [];
  readonly keeper: IpvsKeeper;
  readonly notifier: LvsNotifier;
  readonly balancer: Balancer;

  constructor(text: string) {
    const clock = new VirtualClock();
    const { files, scripts, log } = this;
    this.keeper = new IpvsKeeper(this.kernel, clock, log);
    const mailer = { send: (_: unknown, message: Message) => { this.mails.push(message); }, close: () => Promise.resolve() };
    this.notifier = new LvsNotifier(configOf(text), { scripts, files, clock, log, mailer });
    this.balancer = new Balancer({
      clock, log, keeper: this.keeper, notifier: this.notifier,
      emit: (hook, event) => { this.hooks.push(`${hook} ${'realServer' in event ? event.realServer : event.virtualServer} ${event.up ? 'up' : 'down'}`); },
    });
  }

  async start(text: string): Promise<this> {
    await this.notifier.start();
    await this.keeper.start(EMPTY_TABLE);
    this.balancer.start(configOf(text));
    await this.keeper.settled();
    return this;
  }

  async verdict(server: string, up: boolean, checker = 0): Promise<void> {
    const event: VirtualServerEvent = { type: 'verdict', server: `${server} 80`, checker, up, text: `=> TCP CHECK ${up ? 'succeeded' : 'failed'} on service <=` };
    this.balancer.event(KEY, event);
    await this.keeper.settled();
  }

  get lines(): readonly string[] {
    return this.files.fifos.get('/run/lvs.fifo')?.lines ?? [];
  }

  get subjects(): string[] {
    return this.mails.map(({ raw }) => /Subject: (.*)\r/u.exec(raw)?.[1] ?? '');
  }
}

const running = (text = conf()): Promise<Half> => new Half(text).start(text);

describe('daemon: the load-balancing half', () => {
  it('an answer about what is not configured changes nothing', async () => {
    const half = await running();
    half.balancer.event('tcp 10.9.9.9 80', { type: 'verdict', server: '10.0.0.1 80', checker: 0, up: false, text: '' });
    await half.verdict('10.9.9.9', false);
    expect(half.kernel.lines()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 w1, 10.0.0.2 80 w1']);
  });

  it('a server dies and comes back: the table, the FIFO, the mails, the hooks', async () => {
    const half = await running();
    await half.verdict('10.0.0.2', false);
    expect(half.kernel.lines()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 w1']);
    await half.verdict('10.0.0.1', false);
    expect(half.kernel.lines()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 w0']);
    await half.verdict('10.0.0.1', true);
    expect(half.kernel.lines()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 w1']);
    expect(half.lines).to.deep.equal([
      'VS [10.0.0.100]:tcp:80 UP\n', 'RS [10.0.0.2]:tcp:80 [10.0.0.100]:tcp:80 DOWN\n', 'RS [10.0.0.1]:tcp:80 [10.0.0.100]:tcp:80 DOWN\n', 'VS [10.0.0.100]:tcp:80 DOWN\n',
      'RS [10.0.0.1]:tcp:80 [10.0.0.100]:tcp:80 UP\n', 'VS [10.0.0.100]:tcp:80 UP\n',
    ]);
    expect(half.subjects).to.deep.equal([
      '[lvs1] Virtualserver [10.0.0.100]:tcp:80 - UP', '[lvs1] Realserver [10.0.0.2]:tcp:80 of virtual server [10.0.0.100]:tcp:80 - DOWN',
      '[lvs1] Realserver [10.0.0.1]:tcp:80 of virtual server [10.0.0.100]:tcp:80 - DOWN', '[lvs1] Virtualserver [10.0.0.100]:tcp:80 - DOWN',
      '[lvs1] Realserver [10.0.0.1]:tcp:80 of virtual server [10.0.0.100]:tcp:80 - UP', '[lvs1] Virtualserver [10.0.0.100]:tcp:80 - UP',
    ]);
    expect(half.mails[1]?.raw).to.include('=> TCP CHECK failed on service <=');
    expect(half.hooks).to.include('onRealServer [10.0.0.1]:tcp:80 down').and.include('onQuorum [10.0.0.100]:tcp:80 down');
  });

  it('no_checker_emails: a second checker of a server that is down is not mailed about', async () => {
    const [all, few] = [await running(), await running(conf('', 'no_checker_emails'))];
    for (const half of [all, few]) {
      await half.verdict('10.0.0.2', false);
      await half.verdict('10.0.0.2', false, 1);
    }
    expect([all.mails.length, few.mails.length]).to.deep.equal([3, 2]);
  });

  it('a reload sends its difference alone', async () => {
    const half = await running();
    await half.verdict('10.0.0.2', false);
    const before = half.kernel.asked().length;
    half.balancer.reload(configOf(conf()));
    await half.keeper.settled();
    expect(half.kernel.asked().length).to.equal(before);
    half.balancer.reload(configOf(conf().replace('inhibit_on_failure', 'weight 5')));
    await half.keeper.settled();
    expect(half.kernel.asked().slice(before)).to.deep.equal(['edit destination 10.0.0.1 80 of tcp 10.0.0.100 80']);
  });

  for (const [title, keywords, keep, table, told] of [
    ['a stop takes everything away without a word', '', false, [], []],
    ['with omega it is told', 'omega', false, [], ['RS [10.0.0.1]:tcp:80 [10.0.0.100]:tcp:80 DOWN\n', 'RS [10.0.0.2]:tcp:80 [10.0.0.100]:tcp:80 DOWN\n', 'VS [10.0.0.100]:tcp:80 DOWN\n']],
    ['--dont-release-ipvs leaves it', '', true, ['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 w1, 10.0.0.2 80 w1'], []],
  ] as const) {
    it(title, async () => {
      const half = await running(conf(keywords));
      half.balancer.stop(keep);
      await half.keeper.settled();
      expect(half.kernel.lines()).to.deep.equal(table);
      expect(half.lines.slice(1)).to.deep.equal(told);
    });
  }
});

describe('daemon: the journal of IPVS', () => {
  const journal = (files: MemoryFiles, log = new RecordingLog(), epoch = 'boot'): IpvsJournal => new IpvsJournal(files, log, '/state/ipvs', epoch);

  for (const [title, text] of [['no JSON', 'x'], ['no object', '7'], ['no services', '{"epoch":"boot"}'], ['services of nonsense', '{"epoch":"boot","services":[7,{"id":{"kind":"address","address":"x"},"destinations":[]},{"destinations":3}]}']] as const) {
    it(`${title}: nothing is left over`, async () => {
      const files = new MemoryFiles();
      await files.write('/state/ipvs', text, 0o600);
      expect((await journal(files).leftover()).size).to.equal(0);
    });
  }

  it('the same again is not written again; what could not be written is', async () => {
    const half = await running();
    const files = new MemoryFiles();
    const claims = journal(files);
    const table = new Map([...(await half.kernel.dump()).map((entry) => [KEY, entry] as const)]);
    files.broken.set('/state/ipvs', 'EROFS');
    await claims.claim(table);
    files.broken.clear();
    await claims.claim(table);
    expect(files.files.has('/state/ipvs')).to.equal(true);
    files.files.clear();
    await claims.claim(new Map(table));
    expect(files.files.size).to.equal(0);
    await claims.claim(new Map([...table].map(([key, one]) => [key, { ...one, destinations: one.destinations.slice(1) }])));
    expect(files.files.size).to.equal(1);
  });

  it('what one run claims the next one finds, in the same boot; not after a clean stop', async () => {
    const half = await running();
    const files = new MemoryFiles();
    const table = new Map([...(await half.kernel.dump()).map((entry) => [KEY, entry] as const)]);
    await journal(files).claim(table);
    const [found] = [...(await journal(files).leftover()).values()];
    expect(found?.destinations.map((d) => `${d.address} ${d.port}`)).to.deep.equal(['10.0.0.1 80', '10.0.0.2 80']);
    expect((await journal(files, new RecordingLog(), 'another').leftover()).size).to.equal(0);
    await journal(files).clear();
    await journal(files).clear();
    expect((await journal(files).leftover()).size).to.equal(0);
    await settle();
  });
});

describe('daemon: lvs_sync_daemon', () => {
  for (const [words, faults] of [
    ['eth0 VI_1 id 256', ['lvs_sync_daemon: id must be 0..255']],
    ['eth0 inst VI_1 port 0 ttl x', ['lvs_sync_daemon: port must be 1..65535', 'lvs_sync_daemon: ttl must be 1..255']],
    ['eth0 group nowhere', ['lvs_sync_daemon: group must be a multicast address']],
    ['eth0 VI_1 VI_2', ["lvs_sync_daemon: unknown word 'VI_2'"]],
  ] as const) {
    it(words, () => { expect(readSyncDaemon(words.split(' ')).faults).to.deep.equal(faults); });
  }

  it('follows an instance, with its VRID unless an id is given', () => {
    const { settings, faults } = readSyncDaemon('eth1 VI_1 maxlen 1000 port 8849 ttl 2 group 224.0.0.90'.split(' '));
    expect(faults).to.deep.equal([]);
    expect(settings.instance).to.equal('VI_1');
    expect(syncDaemon(settings, 'master', 51)).to.deep.equal({ state: 'master', link: 'eth1', syncId: 51, maxLength: 1000, group: '224.0.0.90', port: 8849, ttl: 2 });
    expect(syncDaemon(readSyncDaemon(['eth1', 'id', '7']).settings, 'backup', null).syncId).to.equal(7);
  });
});
