import { expect } from 'chai';
import { createHooks, type HooksService, type HooksVerdict } from '../../../lib/daemon/hooks/supervisor.ts';
import type { HookName } from '../../../lib/daemon/hooks/types.ts';
import { type FakeHookWorker, fakeHookWorkers } from '../../sim/fake-hook-worker.ts';
import { RecordingLog } from '../../sim/recording-log.ts';
import { settle, VirtualClock } from '../../sim/virtual-clock.ts';

const FILE = '/etc/hooks.ts';

describe('daemon/hooks/supervisor', () => {
  let clock: VirtualClock;
  let log: RecordingLog;
  let workers: ReturnType<typeof fakeHookWorkers>;
  let hooks: HooksService;
  beforeEach(() => {
    [clock, log, workers] = [new VirtualClock(), new RecordingLog(), fakeHookWorkers()];
    hooks = createHooks({ clock, log, startWorker: workers.start });
  });
  const worker = (i: number): FakeHookWorker => {
    const found = workers.started[i];
    if (found === undefined) throw new Error(`no thread ${String(i)} was started`);
    return found;
  };
  const stopEvent = (n: number): void => hooks.emit('onStop', { time: n });
  const times = (i: number): unknown[] => worker(i).calls.map((call) => (call.event as { time: number }).time);
  async function loadOk(...names: HookName[]): Promise<void> {
    const verdict = hooks.load(FILE);
    worker(workers.started.length - 1).loaded(...names);
    expect(await verdict).to.deep.equal({ ok: true, hooks: names });
    log.lines.length = 0;
  }
  async function loadWith(act: (started: FakeHookWorker) => void | Promise<void>): Promise<HooksVerdict> {
    const verdict = hooks.load(FILE);
    await act(worker(workers.started.length - 1));
    return verdict;
  }

  describe('a file that cannot be used', () => {
    it('is logged with its place, and events go nowhere', async () => {
      const problem = `${FILE}:3:30: Unexpected token`;
      expect(await loadWith((started) => started.answer({ type: 'unusable', problem }))).to.deep.equal({ ok: false, problem });
      stopEvent(1);
      await settle();
      expect(log.texts('error')).to.deep.equal([`hooks: ${problem}; going on without hooks`]);
      expect([worker(0).alive, worker(0).calls.length, clock.pending()]).to.deep.equal([false, 0, 0]);
    });

    it('takes the events with it that waited for it', async () => {
      await loadWith((started) => {
        stopEvent(1);
        started.answer({ type: 'unusable', problem: 'x' });
      });
      await loadOk('onStop');
      expect(times(1)).to.deep.equal([]);
    });

    it('ends its thread while loading', async () => {
      const verdict = await loadWith((started) => started.end('exit code 3'));
      expect(verdict).to.deep.equal({ ok: false, problem: `${FILE}: its thread ended while loading: exit code 3` });
    });

    it('never finishes loading', async () => {
      const verdict = await loadWith(() => clock.advance(10_000));
      expect(verdict).to.deep.equal({ ok: false, problem: `${FILE}: loading took longer than 10 s` });
      expect(worker(0).alive).to.equal(false);
    });

    it('at a reload: the hooks loaded before stay', async () => {
      await loadOk('onStop');
      await loadWith((started) => started.answer({ type: 'unusable', problem: 'x' }));
      stopEvent(1);
      expect(times(0)).to.deep.equal([1]);
      expect(log.texts('error')).to.deep.equal(['hooks: x; the hooks loaded before stay']);
    });

    it('says which on… members are no hooks', async () => {
      await loadWith((started) => started.answer({ type: 'loaded', hooks: [], unknown: ['onTransitoin'] }));
      expect(log.texts('warn')).to.deep.equal([`hooks: ${FILE}: 'onTransitoin' is no hook; there are onStart, onTransition, onTrackerResult, onRealServer, onQuorum, onReload, onStop`]);
    });
  });

  describe('a hook that misbehaves', () => {
    it('throws: logged, and the next event goes to the same thread', async () => {
      await loadOk('onStop');
      stopEvent(1);
      stopEvent(2);
      worker(0).done(`${FILE}:11:11: boom`);
      expect(log.texts('error')).to.deep.equal([`hooks: onStop threw at ${FILE}:11:11: boom`]);
      expect(times(0)).to.deep.equal([1, 2]);
    });

    it('hangs: its thread is ended, another started after a pause, and what waited is handled then', async () => {
      await loadOk('onStop');
      for (const n of [1, 2, 3]) stopEvent(n);
      await clock.advance(9_999);
      expect(worker(0).alive).to.equal(true);
      await clock.advance(1);
      expect(worker(0).alive).to.equal(false);
      expect(log.texts('error')).to.deep.equal(['hooks: onStop took longer than 10 s; started again in 1 s, 2 events wait']);
      await clock.advance(999);
      expect(workers.started).to.have.length(1);
      await clock.advance(1);
      worker(1).loaded('onStop');
      await settle();
      worker(1).done();
      expect(times(1), 'the event that hung is not tried again').to.deep.equal([2, 3]);
    });

    it('hangs in a system call, so that its thread does not end: said, and nothing is started beside it', async () => {
      await loadOk('onStop');
      stopEvent(1);
      worker(0).stuck = true;
      await clock.advance(100_000);
      expect(log.texts('error')).to.deep.equal(['hooks: onStop took longer than 10 s and its thread does not end (a system call holds it); no hooks until it does']);
      worker(0).end('exit code 1');
      await clock.advance(1000);
      expect([workers.started.length, log.texts('error').length]).to.deep.equal([2, 2]);
    });

    it('calls process.exit: as if it had crashed', async () => {
      await loadOk('onStop');
      stopEvent(1);
      worker(0).end('exit code 7');
      expect(log.texts('error')).to.deep.equal(['hooks: the thread ended in onStop: exit code 7; started again in 1 s, 0 events wait']);
    });

    it('dies again and again: pauses double up to a minute; a minute of life makes them short again', async () => {
      await loadOk('onStop');
      const pauses: (string | undefined)[] = [];
      for (let i = 0; i < 9; i++) {
        worker(i).end('x');
        pauses.push(/in (\d+) s/.exec(log.texts('error').at(-1) ?? '')?.[1]);
        await clock.advance(Number(pauses.at(-1)) * 1000);
        worker(i + 1).loaded('onStop');
        if (i === 7) await clock.advance(60_000);
        await settle();
      }
      expect(pauses).to.deep.equal(['1', '2', '4', '8', '16', '32', '60', '60', '1']);
    });

    it('cannot be started again: tried again after a longer pause', async () => {
      await loadOk('onStop');
      worker(0).end('x');
      await clock.advance(1000);
      worker(1).answer({ type: 'unusable', problem: 'gone' });
      await clock.advance(2000);
      worker(2).loaded('onStop');
      await settle();
      stopEvent(5);
      expect(times(2)).to.deep.equal([5]);
      expect(log.texts('error').at(-1)).to.equal('hooks: cannot be started again: gone; next attempt in 2 s');
    });

    it('is slower than the events: 1000 wait, the oldest go, which is said once and counted', async () => {
      await loadOk('onStop');
      for (let n = 0; n <= 1003; n++) stopEvent(n);
      for (let i = 0; i < 1001; i++) worker(0).done();
      expect(log.texts('warn')).to.deep.equal(['hooks: 1000 events wait already, the oldest are dropped', 'hooks: 3 events were dropped']);
      expect(times(0).slice(0, 3)).to.deep.equal([0, 4, 5]);
    });
  });

  it('events are handled one at a time, in order; those without a hook are left out', async () => {
    await loadOk('onStop');
    stopEvent(1);
    hooks.emit('onReload', { instances: [], time: 2 });
    stopEvent(3);
    expect(times(0)).to.deep.equal([1]);
    worker(0).done();
    expect(times(0)).to.deep.equal([1, 3]);
  });

  it('events during the first load wait for it', async () => {
    const verdict = hooks.load(FILE);
    stopEvent(1);
    worker(0).loaded('onStop');
    await verdict;
    expect(times(0)).to.deep.equal([1]);
  });

  it('what is printed becomes log lines, cut at 50 in a second', async () => {
    await loadOk('onStop');
    worker(0).print('half a ');
    worker(0).print('line\n\nsecond\r\n');
    worker(0).print('x\n'.repeat(60));
    await clock.advance(1000);
    worker(0).print('later\n');
    expect(log.texts('info').slice(0, 3)).to.deep.equal(['hooks: half a line', 'hooks: second', 'hooks: x']);
    expect(log.texts('info').slice(50)).to.deep.equal(['hooks: 12 printed lines left out', 'hooks: later']);
  });

  it('a reload takes the new file; the old thread ends after the event it is at', async () => {
    await loadOk('onStop');
    stopEvent(1);
    stopEvent(2);
    await loadOk('onStop');
    expect([times(0), worker(0).alive, times(1)]).to.deep.equal([[1], true, [2]]);
    worker(0).done();
    await settle();
    expect([worker(0).alive, worker(1).alive, log.texts()]).to.deep.equal([false, true, []]);
  });

  it('load(null) ends the hooks', async () => {
    await loadOk('onStop');
    await hooks.load(null);
    await settle();
    stopEvent(1);
    expect([worker(0).alive, worker(0).calls.length]).to.deep.equal([false, 0]);
  });

  it('a reload during a pause takes the place of the restart', async () => {
    await loadOk('onStop');
    worker(0).end('x');
    await loadOk('onStop');
    await clock.advance(120_000);
    expect(workers.started).to.have.length(2);
  });

  describe('stop', () => {
    it('lets waiting events be handled', async () => {
      await loadOk('onStop');
      stopEvent(1);
      stopEvent(2);
      const stopped = hooks.stop(500);
      worker(0).done();
      worker(0).done();
      await stopped;
      await settle();
      expect([times(0), worker(0).alive, clock.now(), clock.pending()]).to.deep.equal([[1, 2], false, 0, 0]);
    });

    it('but not for longer than its grace', async () => {
      await loadOk('onStop');
      stopEvent(1);
      stopEvent(2);
      const stopped = hooks.stop(500);
      await clock.advance(500);
      await stopped;
      await clock.advance(100_000);
      expect(log.texts()).to.deep.equal(['hooks: onStop still runs at the stop and is ended, 1 events are given up']);
      expect([workers.started.length, worker(0).alive, clock.pending()]).to.deep.equal([1, false, 0]);
    });

    it('during a pause ends at once and nothing is started again', async () => {
      await loadOk('onStop');
      worker(0).end('x');
      await hooks.stop(500);
      await clock.advance(100_000);
      expect([workers.started.length, clock.pending()]).to.deep.equal([1, 0]);
    });

    it('during the first load ends it, without a word', async () => {
      const verdict = hooks.load(FILE);
      await hooks.stop(500);
      expect((await verdict).ok).to.equal(false);
      expect([worker(0).alive, log.texts(), clock.pending()]).to.deep.equal([false, [], 0]);
    });

    it('while starting again ends the new thread', async () => {
      await loadOk('onStop');
      worker(0).end('x');
      await clock.advance(1000);
      await hooks.stop(500);
      worker(1).loaded('onStop');
      await settle();
      expect([worker(1).alive, clock.pending()]).to.deep.equal([false, 0]);
    });
  });
});
