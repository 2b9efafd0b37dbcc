import { expect } from 'chai';
import type { TrackProcess } from '../../lib/config/model-network.ts';
import { ProcessTracker } from '../../lib/daemon/track-processes.ts';
import { FakeProcesses } from '../sim/fake-processes.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { settle, VirtualClock } from '../sim/virtual-clock.ts';

const web = (over: Partial<TrackProcess> = {}): TrackProcess => ({
  name: 'web', argv: ['nginx'], match: null, fullCommand: false, weight: 0, reverse: false, quorum: 1, quorumMax: null, forkDelay: 0, terminateDelay: 0, ...over,
});
const NO_BUFFER = { buffer: null };

describe('ProcessTracker', () => {
  let clock: VirtualClock;
  let machine: FakeProcesses;
  let log: RecordingLog;
  let changes: string[];
  let tracker: ProcessTracker;

  beforeEach(() => {
    clock = new VirtualClock();
    machine = new FakeProcesses();
    log = new RecordingLog();
    changes = [];
    tracker = new ProcessTracker(machine, clock, log, (name, { verdict, count }) => changes.push(`${name} ${verdict} ${count} at ${clock.now()}`));
  });

  afterEach(async () => {
    tracker.close();
    await clock.advance(0);
    expect(clock.pending(), 'timers left').to.equal(0);
    expect(machine.listening(), 'listeners left').to.equal(0);
  });

  describe('where the kernel does not tell', () => {
    for (const [name, prepare, why] of [
      ['it refuses', (): void => { machine.refuses = 'ECONNREFUSED'; }, 'ask for process events: ECONNREFUSED'],
      ['it stays silent, as in a container', (): void => { machine.silent = true; }, 'the kernel does not tell, as in a container'],
    ] as const) {
      it(`${name}: /proc is looked through every second, which is said once`, async () => {
        prepare();
        await tracker.track([web()], NO_BUFFER);
        await clock.advance(4000);
        machine.start('nginx');
        await clock.advance(2000);
        expect(changes[0]).to.equal('web down 0 at 0');
        expect(changes[1]).to.match(/^web up 1 at [45]\d\d\d$/u);
        expect(log.texts('warn')).to.deep.equal([`Process events are not available (${why}); tracked processes are looked for in /proc every 1 s`]);
        expect(machine.listening()).to.equal(0);
        expect(machine.looks).to.be.within(4, 7);
      });
    }

    it('its socket dies: as well', async () => {
      await tracker.track([web()], NO_BUFFER);
      machine.fail('EBADMSG');
      machine.running.set(7, ['nginx']);
      await clock.advance(1000);
      expect(tracker.state('web')).to.equal('up');
    });

    it('/proc cannot be listed: nothing is known, which is said, and it is tried again', async () => {
      machine.refuses = 'ECONNREFUSED';
      machine.unlisted = 'ENOENT';
      await tracker.track([web()], NO_BUFFER);
      expect(tracker.state('web')).to.equal('unknown');
      expect(log.texts('error')).to.deep.equal(['Processes cannot be listed (list /proc: ENOENT); is /proc mounted?']);
      machine.unlisted = null;
      await clock.advance(1000);
      expect(tracker.state('web')).to.equal('down');
    });

    it('delays count there too, more as forks, fewer as ends', async () => {
      machine.refuses = 'ECONNREFUSED';
      await tracker.track([web({ forkDelay: 3000, terminateDelay: 2000 })], NO_BUFFER);
      machine.running.set(7, ['nginx']);
      await clock.advance(4000);
      machine.running.delete(7);
      await clock.advance(4000);
      expect(changes).to.deep.equal(['web down 0 at 0', 'web up 1 at 4000', 'web down 0 at 7000']);
    });
  });

  it('of what nobody tracks nothing is known, and nobody listens or looks', async () => {
    await tracker.track([], NO_BUFFER);
    expect(tracker.state('web')).to.equal('unknown');
    expect([machine.listening(), machine.looks]).to.deep.equal([0, 0]);
  });

  it('those that run already count, without a word about quorum', async () => {
    machine.running.set(7, ['/usr/sbin/nginx', '-g']);
    await tracker.track([web()], NO_BUFFER);
    expect(changes).to.deep.equal(['web up 1 at 0']);
    expect(log.texts()).to.deep.equal(['proc_events has confirmed it is configured']);
  });

  it('starts, ends, forks and changes of program are counted from the events alone', async () => {
    await tracker.track([web({ quorum: 2 })], NO_BUFFER);
    const first = machine.start('nginx');
    await settle();
    const second = machine.fork(first);
    expect(tracker.state('web')).to.equal('up');
    machine.exec(second, 'logger');
    await settle();
    expect(tracker.state('web')).to.equal('down');
    machine.exec(second, 'nginx');
    await settle();
    machine.end(first);
    expect(changes.map((c) => c.split(' at')[0])).to.deep.equal(['web down 0', 'web up 2', 'web down 1', 'web up 2', 'web down 1']);
    expect(log.texts().slice(1)).to.deep.equal(['gained', 'lost', 'gained', 'lost'].map((what) => `Quorum ${what} for tracked process web`));
    expect(machine.looks).to.equal(1);
  });

  it('another name counts, but not for whom the command line does', async () => {
    await tracker.track([web(), web({ name: 'full', fullCommand: true })], NO_BUFFER);
    const pid = machine.start('sh');
    await settle();
    machine.tell({ type: 'renamed', pid, comm: 'nginx' });
    expect([tracker.state('web'), tracker.state('full')]).to.deep.equal(['up', 'down']);
    machine.tell({ type: 'renamed', pid, comm: 'sh' });
    expect(tracker.state('web')).to.equal('down');
  });

  it('one that ends while it is looked at has not been', async () => {
    await tracker.track([web()], NO_BUFFER);
    const pid = machine.start('nginx');
    machine.tell({ type: 'exit', pid });
    await settle();
    expect(tracker.state('web')).to.equal('down');
  });

  it('one that changes while it is looked at is looked at again', async () => {
    await tracker.track([web()], NO_BUFFER);
    const pid = machine.start('sh');
    machine.exec(pid, 'nginx');
    await settle();
    await settle();
    expect(tracker.state('web')).to.equal('up');
  });

  it('what comes and goes during a look counts', async () => {
    machine.running.set(7, ['nginx']);
    const looked = tracker.track([web({ quorum: 2 })], NO_BUFFER);
    machine.tell({ type: 'exit', pid: 7 });
    machine.running.set(8, ['nginx']);
    machine.tell({ type: 'exec', pid: 8 });
    await looked;
    await settle();
    expect(tracker.all()[0]?.state.count).to.equal(1);
  });

  it('lost events: all are looked at anew', async () => {
    await tracker.track([web()], NO_BUFFER);
    machine.running.set(7, ['nginx']);
    machine.tell({ type: 'lost' });
    machine.tell({ type: 'lost' });
    await settle();
    await settle();
    expect(tracker.state('web')).to.equal('up');
    expect(machine.looks).to.be.within(2, 3);
  });

  it('a storm of programs ends in a look, not in as many readings', async () => {
    await tracker.track([web()], NO_BUFFER);
    for (let i = 0; i < 5000; i++) machine.start('true');
    machine.start('nginx');
    await settle();
    await settle();
    expect(tracker.state('web')).to.equal('up');
    expect(machine.reads).to.be.at.most(300);
    expect(machine.looks).to.be.at.most(3);
  });

  it('terminate_delay: gone for a moment is not gone', async () => {
    const pid = machine.start('nginx');
    await tracker.track([web({ terminateDelay: 1000 })], NO_BUFFER);
    machine.end(pid);
    await clock.advance(900);
    const next = machine.start('nginx');
    await clock.advance(1000);
    expect(tracker.state('web')).to.equal('up');
    machine.end(next);
    await clock.advance(1000);
    expect(tracker.state('web')).to.equal('down');
  });

  describe('at a reload', () => {
    it('one that looks for the same keeps its verdict; another quorum counts at once', async () => {
      machine.running.set(7, ['nginx']);
      await tracker.track([web()], NO_BUFFER);
      await tracker.track([web({ weight: 5 })], NO_BUFFER);
      expect([changes.length, machine.looks]).to.deep.equal([1, 1]);
      await tracker.track([web({ quorum: 2 })], NO_BUFFER);
      expect(tracker.state('web')).to.equal('down');
    });

    it('another program: the old verdict stands until it is looked for', async () => {
      machine.running.set(7, ['nginx']);
      await tracker.track([web()], NO_BUFFER);
      const looked = tracker.track([web({ argv: ['haproxy'] })], NO_BUFFER);
      expect(tracker.state('web')).to.equal('up');
      await looked;
      expect(tracker.state('web')).to.equal('down');
    });

    it('the last one gone: nobody listens any more', async () => {
      await tracker.track([web()], NO_BUFFER);
      tracker.keep([]);
      expect(machine.listening()).to.equal(0);
      expect(tracker.state('web')).to.equal('unknown');
    });
  });
});
