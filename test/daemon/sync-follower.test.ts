import { expect } from 'chai';
import { SyncFollower } from '../../lib/daemon/balance/sync-follower.ts';
import { SystemError } from '../../lib/system/error.ts';
import { configOf, instanceText } from '../sim/config-text.ts';
import { FakeIpvs } from '../sim/fake-ipvs.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { settle } from '../sim/virtual-clock.ts';

function conf(words: string, ...names: readonly string[]): ReturnType<typeof configOf> {
  return configOf(`global_defs {\n ${words === '' ? '' : `lvs_sync_daemon ${words}`}\n}\n${names.map((name, i) => instanceText('priority 100', name, 51 + i, `10.0.0.10${i}/24`)).join('')}`);
}

class Bench {
  readonly kernel = new FakeIpvs();
  readonly log = new RecordingLog();
  opened = 0;
  broken = false;
  readonly follower = new SyncFollower(() => {
    this.opened++;
    return this.broken ? Promise.reject(new SystemError('find', 'IPVS in this kernel', 'ENOENT')) : Promise.resolve(this.kernel);
  }, this.log);

  async runs(): Promise<string> {
    await settle();
    return (await this.kernel.daemons()).map(({ state, link, syncId }) => `${state} ${link} ${syncId}`).join(', ');
  }

  async begin(words: string, ...names: readonly string[]): Promise<this> {
    this.follower.begin(conf(words, ...names));
    await settle();
    return this;
  }
}

describe('daemon: the sync daemon that follows a virtual router', () => {
  for (const [name, words] of [['none is configured', ''], ['it follows nobody: the checking half has it', 'eth0']] as const) {
    it(`${name}: IPVS is not even opened`, async () => {
      const bench = await new Bench().begin(words, 'VI_1');
      bench.follower.transition('VI_1', true);
      await bench.follower.stop();
      expect([bench.opened, await bench.runs()]).to.deep.equal([0, '']);
    });
  }

  it('lvs_sync_daemon_interface of an instance: the same, in its role; lvs_sync_daemon counts where both are given', async () => {
    const text = (globals: string): string => `global_defs {\n ${globals}\n}\n${instanceText('priority 100\n lvs_sync_daemon_interface eth0')}`;
    const lone = new Bench();
    lone.follower.begin(configOf(text('')));
    expect(await lone.runs()).to.equal('backup eth0 51');
    lone.follower.transition('VI_1', true);
    expect(await lone.runs()).to.equal('master eth0 51');
    expect(() => configOf(text('lvs_sync_daemon eth0 VI_1 id 9'))).to.throw('(VI_1) lvs_sync_daemon_interface has already been specified as eth0 - ignoring');
    await lone.follower.stop();
  });

  it('an instance that there is not: said, and nothing runs', async () => {
    const bench = await new Bench().begin('eth0 VI_9', 'VI_1');
    bench.follower.transition('VI_1', true);
    expect([bench.log.texts('warn'), await bench.runs()]).to.deep.equal([['lvs_sync_daemon: there is no vrrp_instance VI_9; the daemon does not run'], '']);
  });

  it('a kernel without IPVS: said, tried again at the next change', async () => {
    const bench = new Bench();
    bench.broken = true;
    await bench.begin('eth0 VI_1', 'VI_1');
    expect(bench.log.texts('error')).to.deep.equal(['IPVS: find IPVS in this kernel: ENOENT: the connection sync daemon is not as configured']);
    bench.broken = false;
    bench.follower.transition('VI_1', true);
    expect(await bench.runs()).to.equal('master eth0 51');
    await bench.follower.stop();
  });

  it('backup at the start, master with MASTER, backup otherwise, gone at the stop', async () => {
    const bench = await new Bench().begin('eth0 inst VI_2', 'VI_1', 'VI_2');
    expect(await bench.runs()).to.equal('backup eth0 52');
    bench.follower.transition('VI_1', true);
    expect(await bench.runs()).to.equal('backup eth0 52');
    bench.follower.transition('VI_2', true);
    expect(await bench.runs()).to.equal('master eth0 52');
    bench.follower.transition('VI_2', false);
    bench.follower.transition('VI_2', true);
    expect(await bench.runs()).to.equal('master eth0 52');
    bench.follower.transition('VI_2', false);
    expect(await bench.runs()).to.equal('backup eth0 52');
    await bench.follower.stop();
    expect([await bench.runs(), bench.kernel.closed, bench.opened, bench.log.texts('error')]).to.deep.equal(['', true, 1, []]);
  });

  it('one that somebody else has started is replaced at the start', async () => {
    const bench = new Bench();
    await bench.kernel.apply([{ op: 'start-daemon', daemon: { state: 'master', link: 'eth0', syncId: 9, maxLength: null, group: null, port: null, ttl: null } }]);
    await bench.begin('eth0 VI_1 id 3', 'VI_1');
    expect(await bench.runs()).to.equal('backup eth0 3');
  });

  it('a reload: the same is left alone, another id, another instance, none', async () => {
    const bench = await new Bench().begin('eth0 VI_1', 'VI_1', 'VI_2');
    bench.follower.transition('VI_1', true);
    await settle();
    const before = bench.kernel.asked().length;
    bench.follower.reload(conf('eth0 VI_1', 'VI_1', 'VI_2'));
    await settle();
    expect(bench.kernel.asked().length).to.equal(before);
    bench.follower.reload(conf('eth0 VI_1 id 7', 'VI_1', 'VI_2'));
    expect(await bench.runs()).to.equal('master eth0 7');
    bench.follower.reload(conf('eth0 VI_2', 'VI_1', 'VI_2'));
    expect(await bench.runs()).to.equal('backup eth0 52');
    bench.follower.reload(conf('', 'VI_1', 'VI_2'));
    expect(await bench.runs()).to.equal('');
    await bench.follower.stop();
    expect(bench.log.texts('error')).to.deep.equal([]);
  });
});
