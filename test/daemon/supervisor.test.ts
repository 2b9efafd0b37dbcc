import { expect } from 'chai';
import type { CheckerListener, ProcessEnd, ToChecker } from '../../lib/daemon/balance/checker-messages.ts';
import { permanentError, respawnPause } from '../../lib/daemon/balance/respawn.ts';
import { CheckerSupervisor, type SupervisorOptions } from '../../lib/daemon/balance/supervisor.ts';
import { configOf } from '../sim/config-text.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';

const SERVICE = 'virtual_server 10.0.0.100 80 {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n real_server 10.0.0.1 80 {\n }\n}\n';

/** A process that the test plays. */
interface Played {
  readonly again: boolean;
  readonly at: number;
  readonly listener: CheckerListener;
  readonly heard: ToChecker[];
  killed: boolean;
}

class Watch {
  readonly clock = new VirtualClock();
  readonly log = new RecordingLog();
  readonly processes: Played[] = [];
  readonly over: number[] = [];
  readonly hooks: string[] = [];
  readonly supervisor: CheckerSupervisor;
  canStart = true;

  constructor(options: Partial<SupervisorOptions> = {}) {
    const { clock, log } = this;
    this.supervisor = new CheckerSupervisor({ always: false, respawn: true, ...options }, {
      clock, log,
      hooks: { emit: (hook, event) => { this.hooks.push(`${hook} ${'virtualServer' in event ? event.virtualServer : ''}`); } },
      over: (code) => { this.over.push(code); },
      start: (again, listener) => {
        const played: Played = { again, at: clock.now(), listener, heard: [], killed: false };
        this.processes.push(played);
        return { pid: this.canStart ? 100 + this.processes.length : null, send: (message) => { played.heard.push(message); }, kill: () => { played.killed = true; } };
      },
    });
  }

  get last(): Played {
    const last = this.processes.at(-1);
    if (last === undefined) throw new Error('no process was started');
    return last;
  }

  ready(): void {
    this.last.listener.heard({ type: 'ready' });
  }

  async die(how: ProcessEnd = { type: 'signalled', signal: 'SIGKILL', number: 9 }, after = 0): Promise<void> {
    await this.clock.advance(after);
    this.last.listener.ended(how);
    await this.clock.advance(0);
  }
}

function started(options: Partial<SupervisorOptions> = {}, text = SERVICE): Watch {
  const watch = new Watch(options);
  watch.supervisor.start(configOf(text));
  return watch;
}

describe('daemon: the checking process is watched', () => {
  it('without a virtual server there is none, but with --all', () => {
    expect(started({}, '').processes).to.have.length(0);
    expect(started({ always: true }, '').processes).to.have.length(1);
  });

  for (const [status, word] of [[1, 'FATAL'], [2, 'CONFIG'], [4, 'MISSING PERMISSION']] as const) {
    it(`a first one that ends with ${status} ends the daemon with it`, async () => {
      const watch = started();
      await watch.die({ type: 'exited', status });
      expect(watch.over).to.deep.equal([status]);
      expect(watch.log.texts('error')).to.deep.equal([`pid 101 exited with permanent error ${word}. Terminating`]);
      expect(watch.clock.pending()).to.equal(0);
    });
  }

  it('when one has run before, a bad end is a pause: VRRP goes on', async () => {
    const watch = started();
    watch.ready();
    await watch.die({ type: 'exited', status: 2 });
    expect(watch.over).to.deep.equal([]);
    expect(watch.processes.length).to.equal(2);
  });

  it('one that cannot be started is tried again', async () => {
    const watch = new Watch();
    watch.canStart = false;
    watch.supervisor.start(configOf(SERVICE));
    await watch.die({ type: 'failed', reason: 'spawn EAGAIN' });
    expect(watch.log.texts()).to.include('Healthcheck child process: fork error(spawn EAGAIN)');
    await watch.die({ type: 'failed', reason: 'spawn EAGAIN' });
    watch.canStart = true;
    await watch.clock.advance(1000);
    expect(watch.processes.map(({ at }) => at)).to.deep.equal([0, 0, 1000]);
  });

  it('dead ones are started again after growing pauses, in keepalived\'s words; after a good life at once', async () => {
    const watch = started();
    watch.ready();
    for (const pause of [0, 1000, 2000]) {
      await watch.die();
      await watch.clock.advance(pause);
    }
    expect(watch.processes.map(({ at }) => at)).to.deep.equal([0, 0, 1000, 3000]);
    await watch.die(undefined, 60_000);
    expect(watch.last.at).to.equal(63_000);
    expect(watch.processes.map(({ again }) => again)).to.deep.equal([false, true, true, true, true]);
    expect(watch.log.texts().slice(0, 5)).to.deep.equal([
      'Starting Healthcheck child process, pid=101', 'pid 101 exited due to signal 9 (SIGKILL)', 'Healthcheck child process(101) died: Respawning',
      'Restart of Healthcheck process delayed 0 seconds to limit respawn rate', 'Starting Healthcheck child process, pid=102',
    ]);
    expect(watch.log.texts().filter((text) => text.startsWith('Restart'))).to.have.length(3);
  });

  it('the pauses themselves', () => {
    const pauses: number[] = [];
    let next = 0;
    for (let i = 0; i < 9; i++) {
      const one = respawnPause(next, 59_999);
      pauses.push(one.pause / 1000);
      next = one.next;
    }
    expect(pauses).to.deep.equal([0, 1, 2, 4, 8, 16, 32, 60, 60]);
    expect(respawnPause(60_000, 60_000)).to.deep.equal({ pause: 0, next: 0, limited: false });
    expect([0, 1, 2, 3, 4, 70].map(permanentError)).to.deep.equal([null, 'FATAL', 'CONFIG', null, 'MISSING PERMISSION', null]);
  });

  it('-R: its death is the daemon\'s', async () => {
    const watch = started({ respawn: false });
    watch.ready();
    await watch.die();
    expect(watch.over).to.deep.equal([1]);
    expect(watch.log.texts('error')).to.deep.equal(['pid 101 exited due to signal 9 (SIGKILL)', 'Healthcheck child process(101) died: Exiting']);
  });

  it('hands on reloads, dumps and sessions; a new process hears of sessions again', async () => {
    const watch = started();
    watch.supervisor.session('up', true);
    watch.supervisor.reload(configOf(SERVICE));
    watch.supervisor.dump('data');
    expect(watch.last.heard).to.deep.equal([{ type: 'session', name: 'up', up: true }, { type: 'reload' }, { type: 'data' }]);
    await watch.die();
    expect(watch.last.heard).to.deep.equal([{ type: 'session', name: 'up', up: true }]);
  });

  it('hands events on to the hooks', () => {
    const watch = started();
    watch.last.listener.heard({ type: 'event', hook: 'onRealServer', event: { virtualServer: 'a', realServer: 'b', up: true, time: 0 } });
    watch.last.listener.heard({ type: 'event', hook: 'onQuorum', event: { virtualServer: 'a', up: true, time: 0 } });
    expect(watch.hooks).to.deep.equal(['onRealServer a', 'onQuorum a']);
  });

  it('a reload that takes the last virtual server ends it, one that brings the first starts it', async () => {
    const watch = started();
    watch.supervisor.reload(configOf(''));
    expect(watch.last.heard).to.deep.equal([{ type: 'stop' }]);
    watch.supervisor.reload(configOf(SERVICE));
    await watch.die({ type: 'exited', status: 0 });
    expect(watch.processes.map(({ again }) => again)).to.deep.equal([false, false]);
    expect(watch.log.texts('error')).to.deep.equal([]);
    watch.supervisor.reload(configOf(''));
    await watch.die({ type: 'exited', status: 0 });
    expect(watch.processes.length).to.equal(2);
    expect(watch.clock.pending()).to.equal(0);
  });

  it('a reload while it waits for its turn starts no second one, and one that needs none cancels it', async () => {
    const watch = started();
    await watch.die();
    await watch.die();
    watch.supervisor.reload(configOf(SERVICE));
    await watch.clock.advance(999);
    expect(watch.processes.length).to.equal(2);
    watch.supervisor.reload(configOf(''));
    await watch.clock.advance(60_000);
    expect(watch.processes.length).to.equal(2);
  });

  for (const [wait, limit] of [['', 5000], ['child_wait_time 2\n', 2000]] as const) {
    it(`the stop waits for it ${limit / 1000} s, then it is killed`, async () => {
      const watch = started({}, wait + SERVICE);
      let over = false;
      void watch.supervisor.stop().then(() => { over = true; });
      expect(watch.last.heard).to.deep.equal([{ type: 'stop' }]);
      await watch.clock.advance(limit - 1);
      expect([watch.last.killed, over]).to.deep.equal([false, false]);
      await watch.clock.advance(1);
      expect([watch.last.killed, over]).to.deep.equal([true, false]);
      await watch.die();
      expect([over, watch.processes.length, watch.clock.pending()]).to.deep.equal([true, 1, 0]);
    });
  }

  it('one that says that it works at its stop gets twelve times as long, and no longer', async () => {
    const watch = started({}, `child_wait_time 2\n${SERVICE}`);
    void watch.supervisor.stop();
    for (let seconds = 1; seconds < 24; seconds++) {
      await watch.clock.advance(1000);
      watch.last.listener.heard({ type: 'leaving' });
    }
    await watch.clock.advance(999);
    expect(watch.last.killed).to.equal(false);
    await watch.clock.advance(1);
    expect(watch.last.killed).to.equal(true);
    await watch.die();
    expect(watch.clock.pending()).to.equal(0);
  });

  it('one that worked at its stop and then says nothing any more is killed', async () => {
    const watch = started();
    void watch.supervisor.stop();
    await watch.clock.advance(4000);
    watch.last.listener.heard({ type: 'leaving' });
    await watch.clock.advance(4999);
    expect(watch.last.killed).to.equal(false);
    await watch.clock.advance(1);
    expect(watch.last.killed).to.equal(true);
    await watch.die();
  });

  it('the stop gives it its drain_time, the longest that it was told of, besides; and passes on that it should hurry', async () => {
    const watch = started({}, `global_defs {\n drain_time 60\n}\n${SERVICE}`);
    watch.supervisor.reload(configOf(`global_defs {\n drain_time 10\n}\n${SERVICE}`));
    void watch.supervisor.stop();
    await watch.clock.advance(64_999);
    expect(watch.last.killed).to.equal(false);
    watch.supervisor.hurry();
    expect(watch.last.heard).to.deep.equal([{ type: 'reload' }, { type: 'stop' }, { type: 'hurry' }]);
    await watch.clock.advance(1);
    expect(watch.last.killed).to.equal(true);
    await watch.die();
    watch.supervisor.hurry();
  });

  it('a stop while it waits for its turn, or without one, is over at once', async () => {
    const watch = started();
    await watch.die();
    await watch.die();
    await watch.supervisor.stop();
    await new Watch().supervisor.stop();
    expect(watch.clock.pending()).to.equal(0);
  });
});
