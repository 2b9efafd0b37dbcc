import { expect } from 'chai';
import type { VrrpScript } from '../../lib/config/model.ts';
import { type RunEnd, scriptStep, type ScriptState, UNKNOWN_SCRIPT } from '../../lib/vrrp/script-tracker.ts';

const SCRIPT: VrrpScript = {
  name: 'chk', command: { argv: ['/bin/true'], account: null }, interval: 1000, timeout: 1000, weight: 0, reverse: false, rise: 1, fall: 1, initFail: false,
};
const exit = (status: number): RunEnd => ({ type: 'exited', status });
const TIMED_OUT: RunEnd = { type: 'timed-out' };

/** Verdicts after each end, and all lines. */
function run(script: Partial<VrrpScript>, ends: readonly RunEnd[]): { verdicts: string[]; changes: number; lines: string[]; last: ScriptState } {
  let last = UNKNOWN_SCRIPT;
  const [verdicts, lines]: [string[], string[]] = [[], []];
  let changes = 0;
  for (const end of ends) {
    const step = scriptStep({ ...SCRIPT, ...script }, last, end);
    last = step.state;
    verdicts.push(last.verdict);
    lines.push(...step.lines);
    if (step.changed) changes++;
  }
  return { verdicts, changes, lines, last };
}

describe('scriptStep', () => {
  for (const [name, end, words] of [
    ['a status', exit(3), 'failed (exited with status 3)'],
    ['a signal', { type: 'signalled', signal: 'SIGSEGV' }, 'failed (due to signal SIGSEGV)'],
    ['its timeout', TIMED_OUT, 'timed_out'],
    ['not even starting', { type: 'failed', reason: 'ENOENT' }, 'failed (ENOENT)'],
  ] as const) {
    it(`a first run that ends with ${name} is down at once, whatever fall says`, () => {
      const { verdicts, changes, lines } = run({ fall: 5 }, [end]);
      expect(verdicts).to.deep.equal(['down']);
      expect(changes).to.equal(1);
      expect(lines).to.deep.equal([`VRRP_Script(chk) ${words}`]);
    });
  }

  it('a first success is up at once, whatever rise and init_fail say (keepalived 2.4.3)', () => {
    const { verdicts, lines } = run({ rise: 5, initFail: true }, [exit(0)]);
    expect(verdicts).to.deep.equal(['up']);
    expect(lines).to.deep.equal(['VRRP_Script(chk) succeeded']);
  });

  it('fall counts failures in a row', () => {
    const { verdicts, changes } = run({ fall: 3 }, [exit(0), exit(1), exit(1), exit(0), exit(1), exit(1), exit(1)]);
    expect(verdicts).to.deep.equal(['up', 'up', 'up', 'up', 'up', 'up', 'down']);
    expect(changes).to.equal(2);
  });

  it('rise counts successes in a row', () => {
    const { verdicts } = run({ rise: 2 }, [exit(1), exit(0), exit(1), exit(0), exit(0)]);
    expect(verdicts).to.deep.equal(['down', 'down', 'down', 'down', 'up']);
  });

  it('failures of different kinds count together', () => {
    expect(run({ fall: 3 }, [exit(0), exit(1), TIMED_OUT, { type: 'signalled', signal: 'SIGKILL' }]).verdicts.at(-1)).to.equal('down');
  });

  it('a status that changes is told, also while the verdict stays', () => {
    const { lines } = run({ fall: 2 }, [exit(0), exit(1), exit(2), exit(2), exit(0)]);
    expect(lines).to.deep.equal([
      'VRRP_Script(chk) succeeded', 'Script `chk` now returning 1', 'Script `chk` now returning 2', 'VRRP_Script(chk) failed (exited with status 2)',
      'Script `chk` now returning 0', 'VRRP_Script(chk) succeeded',
    ]);
  });

  it('a verdict that stays says nothing', () => {
    expect(run({}, [exit(0), exit(0), exit(0)]).lines).to.deep.equal(['VRRP_Script(chk) succeeded']);
    expect(run({}, [TIMED_OUT, TIMED_OUT]).lines).to.deep.equal(['VRRP_Script(chk) timed_out']);
  });

  it('keeps how the last run ended', () => {
    expect(run({ fall: 9 }, [exit(0), exit(4)]).last).to.deep.equal({ verdict: 'up', against: 1, last: 'failed (exited with status 4)', status: 4 });
    expect(run({}, [TIMED_OUT]).last).to.deep.equal({ verdict: 'down', against: 0, last: 'timed_out', status: null });
  });
});
