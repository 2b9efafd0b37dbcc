import { expect } from 'chai';
import type { VrrpScript } from '../../lib/config/model.ts';
import { TrackService } from '../../lib/daemon/track-service.ts';
import { configOf, instanceText } from '../sim/config-text.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { ScriptedRunner } from '../sim/scripted-runner.ts';
import { settle, VirtualClock } from '../sim/virtual-clock.ts';

/** Scripts NAME that run /NAME, with lines of their own; all tracked by one instance. */
function scripts(bodies: Readonly<Record<string, string>>): readonly VrrpScript[] {
  const names = Object.keys(bodies);
  const blocks = names.map((name) => `vrrp_script ${name} {\n script /${name}\n ${bodies[name] ?? ''}\n}\n`).join('');
  return configOf(`${blocks}${instanceText(`track_script {\n ${names.join('\n ')}\n }`)}`).scripts;
}

class Stage {
  readonly runner = new ScriptedRunner();
  readonly clock = new VirtualClock();
  readonly log = new RecordingLog();
  readonly changes: string[] = [];
  readonly tracker = new TrackService(this.runner, this.clock, this.log, (name, { verdict }) => this.changes.push(`${name} ${verdict} at ${this.clock.now()}`));

  /** Runs of /NAME started so far. */
  runs(name: string): number {
    return this.runner.commands().filter((c) => c === `/${name}`).length;
  }
}

describe('TrackService', () => {
  let stage: Stage;

  beforeEach(() => { stage = new Stage(); });

  afterEach(async () => {
    stage.tracker.close();
    await stage.clock.advance(0);
    expect(stage.clock.pending(), 'timers left').to.equal(0);
    expect(stage.runner.alive(), 'scripts left').to.deep.equal([]);
  });

  for (const [name, end, line] of [
    ['that cannot be started', { type: 'failed', reason: 'ENOENT' }, 'VRRP_Script(chk) failed (ENOENT)'],
    ['that takes too long', { type: 'timed-out' }, 'VRRP_Script(chk) timed_out'],
    ['ended by a signal', { type: 'signalled', signal: 'SIGSEGV' }, 'VRRP_Script(chk) failed (due to signal SIGSEGV)'],
    ['that fails', 7, 'VRRP_Script(chk) failed (exited with status 7)'],
  ] as const) {
    it(`a script ${name} is down`, async () => {
      stage.runner.answer('/chk', end);
      stage.tracker.track(scripts({ chk: '' }));
      await settle();
      expect(stage.tracker.state('chk')).to.equal('down');
      expect(stage.changes).to.deep.equal(['chk down at 0']);
      expect(stage.log.texts()).to.deep.equal([line]);
    });
  }

  it('a run that breaks its promise is a failure like others', async () => {
    const run = stage.runner.run.bind(stage.runner);
    stage.runner.run = (argv, options) => Object.assign(run(argv, options), { ended: true, result: Promise.reject(new Error('spawn broke')) });
    stage.tracker.track(scripts({ chk: '' }));
    await settle();
    expect(stage.log.texts()).to.deep.equal(['VRRP_Script(chk) failed (Error: spawn broke)']);
  });

  it('of a script that nobody tracks nothing is known', () => {
    expect(stage.tracker.state('chk')).to.equal('unknown');
    expect(stage.tracker.all()).to.deep.equal([]);
  });

  it('runs at once, and then every interval from the start of the last run', async () => {
    stage.tracker.track(scripts({ chk: 'interval 3' }));
    for (let round = 0; round < 4; round++) {
      expect(stage.runs('chk')).to.equal(round + 1);
      await stage.clock.advance(2000);
      stage.runner.runs.at(-1)?.end(0);
      await stage.clock.advance(1000);
    }
  });

  it('never two of one at a time: a run that is still going is skipped, and that is said once', async () => {
    stage.tracker.track(scripts({ chk: 'interval 1\n timeout 10' }));
    await stage.clock.advance(3500);
    expect(stage.runs('chk')).to.equal(1);
    expect(stage.log.texts()).to.deep.equal(['Track script chk is already running, expect idle - skipping run']);
    stage.runner.runs[0]?.end(0);
    await stage.clock.advance(1000);
    expect(stage.runs('chk')).to.equal(2);
    await stage.clock.advance(1000);
    expect(stage.log.texts().filter((t) => t.includes('skipping')), 'and again for the next one').to.have.length(2);
  });

  it('different scripts run side by side', () => {
    stage.tracker.track(scripts({ a: '', b: '' }));
    expect(stage.runner.alive().map((r) => r.argv[0])).to.deep.equal(['/a', '/b']);
    expect(stage.tracker.all().map(({ script, running }) => `${script.name} ${running}`)).to.deep.equal(['a true', 'b true']);
  });

  it('hands over the timeout, which is the interval unless given, and the account', () => {
    stage.tracker.track(scripts({ a: 'interval 4', b: 'interval 4\n timeout 2\n user nobody nogroup' }));
    expect(stage.runner.runs.map((r) => r.options)).to.deep.equal([
      { timeout: 4000, user: null, group: null }, { timeout: 2000, user: 'nobody', group: 'nogroup' },
    ]);
  });

  it('</path only looks whether the file can be opened', () => {
    const [chk] = scripts({ chk: '' });
    if (chk === undefined) throw new Error('no script');
    stage.tracker.track([{ ...chk, command: { argv: ['</run/up'], account: null } }]);
    expect(stage.runner.runs[0]?.argv).to.deep.equal(['/bin/sh', '-c', 'exec < "$1"', 'sh', '/run/up']);
  });

  it('rise and fall: told when the verdict changes, not before', async () => {
    const answers = [0, 1, 1, 0, 1, 1, 1, 0, 0];
    stage.runner.answer('/chk', () => answers.shift() ?? 0);
    stage.tracker.track(scripts({ chk: 'interval 1\n rise 2\n fall 3' }));
    await stage.clock.advance(8500);
    expect(stage.changes).to.deep.equal(['chk up at 0', 'chk down at 6000', 'chk up at 8000']);
  });

  describe('at a reload', () => {
    it('a script that stays keeps its verdict and its beat, and that is said', async () => {
      stage.runner.answer('/a', 0);
      stage.runner.answer('/b', 1);
      stage.tracker.track(scripts({ a: 'interval 2', b: 'interval 2' }));
      await stage.clock.advance(500);
      const before = stage.log.lines.length;
      stage.tracker.track(scripts({ a: 'interval 2', b: 'interval 2' }));
      await stage.clock.advance(500);
      expect([stage.tracker.state('a'), stage.tracker.state('b')]).to.deep.equal(['up', 'down']);
      expect([stage.runs('a'), stage.runs('b')], 'not run anew').to.deep.equal([1, 1]);
      expect(stage.log.texts().slice(before)).to.deep.equal(['VRRP_Script(a) considered successful on reload', 'VRRP_Script(b) considered unsuccessful on reload']);
      await stage.clock.advance(1000);
      expect(stage.runs('a')).to.equal(2);
    });

    it('weight, rise and fall change without a new start', async () => {
      stage.runner.answer('/chk', 0);
      stage.tracker.track(scripts({ chk: 'interval 1' }));
      await stage.clock.advance(100);
      stage.runner.answer('/chk', 1);
      stage.tracker.track(scripts({ chk: 'interval 1\n fall 2\n weight 5' }));
      await stage.clock.advance(1000);
      expect(stage.tracker.state('chk')).to.equal('up');
      await stage.clock.advance(1000);
      expect(stage.tracker.state('chk')).to.equal('down');
    });

    it('another interval is another script: its verdict is unknown again, the old run is stopped and its end ignored', async () => {
      stage.tracker.track(scripts({ chk: 'interval 5' }));
      const [old] = stage.runner.runs;
      old?.end(0);
      await stage.clock.advance(5000);
      stage.tracker.track(scripts({ chk: 'interval 1' }));
      expect(stage.tracker.state('chk')).to.equal('unknown');
      expect(stage.runner.runs[1]?.stopped).to.equal(true);
      await settle();
      expect(stage.changes).to.deep.equal(['chk up at 0']);
      expect(stage.runs('chk')).to.equal(3);
    });

    it('a script that is gone is stopped and forgotten', async () => {
      stage.tracker.track(scripts({ a: '', b: '' }));
      stage.tracker.track(scripts({ b: '' }));
      await settle();
      expect(stage.runner.runs.map((r) => r.stopped)).to.deep.equal([true, false]);
      expect(stage.tracker.state('a')).to.equal('unknown');
      expect(stage.changes).to.deep.equal([]);
      await stage.clock.advance(60_000);
      expect(stage.runs('a')).to.equal(1);
    });
  });

  it('closed: nothing runs any more, and no end is heard', async () => {
    stage.tracker.track(scripts({ chk: 'interval 1' }));
    stage.tracker.close();
    await stage.clock.advance(60_000);
    expect(stage.runs('chk')).to.equal(1);
    expect(stage.changes).to.deep.equal([]);
  });
});
