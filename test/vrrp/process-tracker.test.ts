import { expect } from 'chai';
import type { TrackProcess } from '../../lib/config/model-network.ts';
import { type CountCause, counted, hasQuorum, type ProcessState, UNKNOWN_PROCESS, waited } from '../../lib/vrrp/process-tracker.ts';

const base: TrackProcess = {
  name: 'p', argv: ['x'], match: null, fullCommand: false, weight: 0, reverse: false, quorum: 1, quorumMax: null, forkDelay: 0, terminateDelay: 0,
};

describe('hasQuorum', () => {
  for (const [quorum, quorumMax, count, expected] of [
    [1, null, 0, false], [1, null, 1, true], [1, null, 9, true], [2, null, 1, false], [2, null, 2, true],
    [1, 1, 2, false], [1, 1, 1, true], [2, 3, 1, false], [2, 3, 3, true], [2, 3, 4, false], [0, 0, 0, true], [0, 0, 1, false],
  ] as const) {
    it(`quorum ${quorum}, at most ${quorumMax ?? 'any'}: ${count} ${expected ? 'have it' : 'have it not'}`, () => {
      expect(hasQuorum({ ...base, quorum, quorumMax }, count)).to.equal(expected);
    });
  }
});

describe('counted', () => {
  /** What is said of each count, `time count cause`, and after the last delay: `up at 5`. */
  function play(tracked: Partial<TrackProcess>, ...events: readonly (readonly [number, number, CountCause])[]): string[] {
    const one = { ...base, ...tracked };
    let state: ProcessState = UNKNOWN_PROCESS;
    const said: string[] = [];
    const wait = (until: number): void => {
      const at = state.pending?.at ?? Infinity;
      const step = waited(state, Math.min(at, until));
      if (step.changed) said.push(`${step.state.verdict} at ${at}`);
      state = step.state;
    };
    for (const [time, count, cause] of events) {
      wait(time);
      const step = counted(one, state, count, cause, time);
      if (step.changed) said.push(`${step.state.verdict} at ${time}`);
      state = step.state;
    }
    wait(1_000_000);
    return said;
  }

  it('the first count decides at once, whatever the delays', () => {
    expect(play({ forkDelay: 5, terminateDelay: 5 }, [0, 1, 'fork'])).to.deep.equal(['up at 0']);
    expect(play({ forkDelay: 5, terminateDelay: 5 }, [0, 0, 'exit'])).to.deep.equal(['down at 0']);
  });

  it('without delays every change of quorum is one, and nothing else is', () => {
    expect(play({}, [0, 0, 'other'], [1, 1, 'other'], [2, 2, 'fork'], [3, 1, 'exit'], [4, 0, 'exit'])).to.deep.equal(['down at 0', 'up at 1', 'down at 4']);
  });

  it('fork_delay holds back what a fork brings, and nothing else', () => {
    expect(play({ quorum: 2, forkDelay: 10 }, [0, 1, 'other'], [1, 2, 'fork'])).to.deep.equal(['down at 0', 'up at 11']);
    expect(play({ forkDelay: 10 }, [0, 0, 'other'], [1, 1, 'other'])).to.deep.equal(['down at 0', 'up at 1']);
    expect(play({ quorumMax: 1, forkDelay: 10 }, [0, 1, 'other'], [1, 2, 'fork'])).to.deep.equal(['up at 0', 'down at 11']);
  });

  it('terminate_delay holds back what an end brings, and nothing else', () => {
    expect(play({ terminateDelay: 10 }, [0, 1, 'other'], [1, 0, 'exit'])).to.deep.equal(['up at 0', 'down at 11']);
    expect(play({ terminateDelay: 10 }, [0, 1, 'other'], [1, 0, 'other'])).to.deep.equal(['up at 0', 'down at 1']);
  });

  it('a change that is undone within its delay has never been', () => {
    expect(play({ terminateDelay: 10 }, [0, 1, 'other'], [1, 0, 'exit'], [5, 1, 'other'])).to.deep.equal(['up at 0']);
    expect(play({ quorum: 2, forkDelay: 10 }, [0, 1, 'other'], [1, 2, 'fork'], [5, 1, 'exit'], [6, 2, 'fork'])).to.deep.equal(['down at 0', 'up at 16']);
  });

  it('the delay counts from the first of several', () => {
    expect(play({ quorum: 3, terminateDelay: 10 }, [0, 3, 'other'], [1, 2, 'exit'], [5, 1, 'exit'])).to.deep.equal(['up at 0', 'down at 11']);
  });

  it('a delay that has not run out changes nothing', () => {
    const { state } = counted({ ...base, terminateDelay: 10 }, { count: 1, verdict: 'up', pending: null }, 0, 'exit', 0);
    expect(waited(state, 9)).to.deep.equal({ state, changed: false });
    expect(state.pending).to.deep.equal({ verdict: 'down', at: 10, delay: 'terminate' });
  });
});
