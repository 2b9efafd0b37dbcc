import { expect } from 'chai';
import { AutoPriority } from '../../lib/daemon/auto-priority.ts';
import { checkerProcessName, mainProcessName } from '../../lib/daemon/process-name.ts';
import { checkerScheduling, Scheduler, type SchedulingSettings, vrrpScheduling } from '../../lib/daemon/scheduling.ts';
import type { Scheduling } from '../../lib/system/scheduling.ts';
import { configOf } from '../sim/config-text.ts';
import { FakeScheduling } from '../sim/fake-scheduling.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';

const NONE: SchedulingSettings = { nice: null, realTime: null, realTimeLimit: null, processors: null, noSwap: false, name: null };
const BFD = 'bfd_instance b {\n neighbor_ip 10.0.0.2\n source_ip 10.0.0.1\n}\n';
const globals = (body: string, more = ''): ReturnType<typeof configOf> => configOf(`global_defs {\n ${body}\n}\n${more}`);

describe('settings of scheduling', () => {
  const rows: readonly [string, SchedulingSettings, SchedulingSettings][] = [
    ['nothing said', vrrpScheduling(globals('router_id x'), true), NONE],
    ['BFD keywords without a session', vrrpScheduling(globals('bfd_priority -5\n bfd_rt_priority 9\n bfd_no_swap'), true), NONE],
    ['BFD keywords with BFD turned off (-B)', vrrpScheduling(globals('bfd_priority -5', BFD), false), NONE],
    ['the checkers have their own', vrrpScheduling(globals('checker_priority 4'), true), NONE],
    ['VRRP keywords', vrrpScheduling(globals('vrrp_priority -20\n vrrp_rt_priority 99\n vrrp_rlimit_rttime 50000\n vrrp_cpu_affinity 1 0\n vrrp_no_swap'), true),
      { nice: -20, realTime: 99, realTimeLimit: 50000, processors: [1, 0], noSwap: true, name: null }],
    ['BFD alone', vrrpScheduling(globals('bfd_priority -5\n bfd_rt_priority 9\n bfd_rlimit_rttime 7\n bfd_cpu_affinity 2\n bfd_no_swap', BFD), true),
      { nice: -5, realTime: 9, realTimeLimit: 7, processors: [2], noSwap: true, name: null }],
    ['both: the lower nice value, the higher of the others, the processors of VRRP',
      vrrpScheduling(globals('vrrp_priority 3\n bfd_priority -5\n vrrp_rt_priority 20\n bfd_rt_priority 9\n vrrp_rlimit_rttime 6\n bfd_rlimit_rttime 7\n vrrp_cpu_affinity 1\n bfd_cpu_affinity 2', BFD), true),
      { nice: -5, realTime: 20, realTimeLimit: 7, processors: [1], noSwap: false, name: null }],
    ['the checkers', checkerScheduling(globals('checker_priority 4\n checker_rt_priority 2\n checker_no_swap\n vrrp_priority 1')), { nice: 4, realTime: 2, realTimeLimit: null, processors: null, noSwap: true, name: null }],
  ];
  for (const [name, found, wanted] of rows) it(name, () => { expect(found).to.deep.equal(wanted); });
});

describe('names of processes', () => {
  const rows: readonly [string, Parameters<typeof mainProcessName>[0], string | null, string | null, string | null][] = [
    ['none', {}, null, null, null],
    ['process_names', { process_names: true }, 'keepalived', 'keepalived_vrrp', 'keepalived_lvs'],
    ['process_name is for all', { process_name: 'p' }, 'p', 'p', 'p'],
    ['each its own', { process_name: 'p', vrrp_process_name: 'v', checker_process_name: 'c' }, 'p', 'v', 'c'],
    ['both ways', { process_names: true, vrrp_process_name: 'v' }, 'keepalived', 'v', 'keepalived_lvs'],
  ];
  for (const [name, settings, parent, vrrp, checker] of rows) {
    it(name, () => {
      expect([mainProcessName(settings, false), mainProcessName(settings, true), checkerProcessName(settings)]).to.deep.equal([parent, vrrp, checker]);
    });
  }
});

describe('Scheduler', () => {
  let machine: FakeScheduling;
  let log: RecordingLog;
  let scheduler: Scheduler;

  beforeEach(() => {
    machine = new FakeScheduling();
    log = new RecordingLog();
    scheduler = new Scheduler(machine, log);
  });
  const asked = (): string[] => machine.asked.splice(0);

  const refused: readonly [keyof Scheduling, string, Partial<SchedulingSettings>, string][] = [
    ['setNice', 'EACCES', { nice: -3 }, 'the nice value cannot be set: setNice this process: EACCES; it takes CAP_SYS_NICE'],
    ['setRealTime', 'EPERM', { realTime: 3 }, 'the real-time priority cannot be set: setRealTime this process: EPERM; it takes CAP_SYS_NICE, and of a systemd unit RestrictRealtime=no'],
    ['setProcessors', 'EINVAL', { processors: [77] }, 'the processors cannot be set: setProcessors this process: EINVAL; none of these processors is there for us'],
    ['limitRealTime', 'EIO', { realTime: 1, realTimeLimit: 5 }, 'RLIMIT_RTTIME cannot be set: limitRealTime this process: EIO'],
    ['lockProgram', 'ENOMEM', { noSwap: true }, 'memory locks cannot be set: lockProgram this process: ENOMEM; it takes CAP_IPC_LOCK, or LimitMEMLOCK=infinity in the unit'],
  ];
  for (const [method, code, settings, text] of refused) {
    it(`${method} refused with ${code}: said once, and the rest is done`, () => {
      machine.broken.set(method, code);
      scheduler.apply({ ...NONE, nice: 1, ...settings });
      scheduler.apply({ ...NONE, nice: 1, ...settings });
      expect(log.texts()).to.deep.equal([text]);
      expect(asked().length > 0, 'the rest').to.equal(method !== 'setNice');
    });
  }

  it('asks for nothing that was not said', () => {
    scheduler.apply(NONE);
    expect(asked()).to.deep.equal([]);
  });

  it('asks for all that was said, and after a reload for what changed', () => {
    const all = { nice: 5, realTime: 7, realTimeLimit: 50000, processors: [1], noSwap: true, name: 'vr' };
    scheduler.apply(all);
    expect(asked()).to.deep.equal(['setName vr', 'setNice 5', 'setRealTime 7', 'setProcessors 1', 'limitRealTime 50000', 'lockProgram']);
    scheduler.apply({ ...all, processors: [1] });
    expect(asked(), 'the same').to.deep.equal([]);
    scheduler.apply({ ...all, nice: 6, realTimeLimit: 10 });
    expect(asked()).to.deep.equal(['setNice 6', 'no limit', 'limitRealTime 10']);
    scheduler.apply(NONE);
    expect(asked()).to.deep.equal(['setName as found', 'setNice as found', 'setRealTime as found', 'setProcessors as found', 'no limit', 'unlockProgram']);
    expect(log.texts()).to.deep.equal([]);
  });

  it('limits only what has a real-time priority', () => {
    scheduler.apply({ ...NONE, realTimeLimit: 10 });
    expect(asked()).to.deep.equal([]);
    scheduler.raise(1);
    expect(asked()).to.deep.equal(['setRealTime 1', 'limitRealTime 10']);
  });

  it('says what ran longer than the limit', () => {
    scheduler.apply({ ...NONE, realTime: 4, realTimeLimit: 10 });
    machine.exceed?.();
    expect(log.texts('warn')).to.have.length(1);
    expect(log.texts('warn')[0]).to.match(/^more than 10 us of processor time without a pause at real-time priority 4;/);
  });

  it('says what no_swap cannot do, where it matters', () => {
    machine.heap = 'may be swapped';
    scheduler.apply({ ...NONE, noSwap: true });
    expect(log.texts('warn')[0]).to.contain('MemorySwapMax=0');
  });

  it('a priority that lateness brought stays over a reload, and the higher one counts', () => {
    scheduler.raise(3);
    scheduler.apply({ ...NONE, realTime: 2 });
    expect(asked()).to.deep.equal(['setRealTime 3']);
    scheduler.apply({ ...NONE, realTime: 5 });
    expect(asked()).to.deep.equal(['setRealTime 5']);
    scheduler.apply(NONE);
    expect(asked()).to.deep.equal(['setRealTime 3']);
  });
});

describe('AutoPriority', () => {
  /** A clock whose timers run late by `late`. */
  class LateClock extends VirtualClock {
    late = 0;

    override at(when: number, run: () => void): () => void {
      return super.at(when + this.late, run);
    }
  }

  let clock: LateClock;
  let machine: FakeScheduling;
  let log: RecordingLog;
  let auto: AutoPriority;

  beforeEach(() => {
    clock = new LateClock();
    machine = new FakeScheduling();
    log = new RecordingLog();
    auto = new AutoPriority(new Scheduler(machine, log), clock, log);
  });

  /** A timer that runs late by so much, and what it led to. */
  const late = async (ms: number): Promise<string[]> => {
    clock.late = ms;
    let ran = 0;
    const watched = auto.watched();
    watched.at(watched.now() + 10, () => { ran++; });
    watched.at(watched.now() + 10, () => { ran++; });
    clock.late = 0;
    await clock.advance(10_000);
    expect(ran).to.equal(2);
    return machine.asked.splice(0);
  };

  it('off unless it is asked for', async () => {
    auto.configure({});
    expect(await late(5000)).to.deep.equal([]);
    expect(log.texts()).to.deep.equal([]);
  });

  it('not for less than the tolerated delay', async () => {
    auto.configure({ max_auto_priority: 5, min_auto_priority_delay: 300_000 });
    expect(await late(299)).to.deep.equal([]);
  });

  it('a timer that is armed for the past is not late', async () => {
    auto.configure({ max_auto_priority: 5 });
    await clock.advance(60_000);
    auto.watched().at(0, () => undefined);
    await clock.advance(1);
    expect(machine.asked).to.deep.equal([]);
  });

  it('one more each time, up to the highest; two timers of a turn are one', async () => {
    auto.configure({ max_auto_priority: 2, min_auto_priority_delay: 300_000 });
    expect(await late(300)).to.deep.equal(['setRealTime 1']);
    expect(await late(1300)).to.deep.equal(['setRealTime 2']);
    expect(await late(1300)).to.deep.equal([]);
    expect(log.texts()).to.deep.equal([
      'A thread timer expired 0.300000 seconds ago', 'Set realtime priority 1',
      'A thread timer expired 1.300000 seconds ago', 'Set realtime priority 2',
      'A thread timer expired 1.300000 seconds ago',
    ]);
  });

  it('without a value up to 99, and a second is tolerated', async () => {
    auto.configure({ max_auto_priority: null });
    expect(await late(999)).to.deep.equal([]);
    expect(await late(1000)).to.deep.equal(['setRealTime 1']);
  });

  it('a machine that refuses is asked again, and nothing is claimed', async () => {
    auto.configure({ max_auto_priority: 5 });
    machine.broken.set('setRealTime', 'EPERM');
    await late(2000);
    expect(log.texts()).to.not.contain('Set realtime priority 1');
    expect(log.texts('warn')).to.have.length(1);
  });

  it('nothing happens after the stop', async () => {
    auto.configure({ max_auto_priority: 5 });
    auto.close();
    expect(await late(2000)).to.deep.equal([]);
  });

  for (const [name, given, said] of [['unset', undefined, true], ['0', 0, true], ['-1', -1, false], ['5', 5, false], ['bare', null, false]] as const) {
    it(`${name}: ${said ? 'advised' : 'no advice'}`, () => {
      auto.configure(given === undefined ? {} : { max_auto_priority: given });
      auto.advise();
      expect(log.texts()).to.deep.equal(said ? ['NOTICE: setting config option max_auto_priority should result in better keepalived performance'] : []);
    });
  }
});
