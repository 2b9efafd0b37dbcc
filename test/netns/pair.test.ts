import { inPath, requirePrograms } from '../needs.ts';
import type { DaemonKind } from './daemon.ts';
import { requireLab } from './needs.ts';
import { playPair, SCENARIOS } from './pair-scenarios.ts';
import type { PairResult } from './pair-scenarios.ts';
import { pool } from './wait.ts';

const PAIRS: readonly (readonly [DaemonKind, DaemonKind])[] = [
  ['ours', 'ours'],
  ['ours', 'keepalived'],
  ['keepalived', 'ours'],
];

describe('netns: a pair on a real kernel', function () {
  this.timeout(300_000);
  const results = new Map<string, Promise<PairResult>>();
  const cells = new Map<string, string>();

  before(function () {
    requireLab(this);
    // Each has namespaces of its own and mostly waits, so that several may run at a time.
    const pairs = PAIRS.filter((pair) => !pair.includes('keepalived') || inPath('keepalived'));
    const wanted = pairs.flatMap(([first, second]) => Object.keys(SCENARIOS).map((scenario) => ({ scenario, first, second })));
    const running = pool(6, wanted.map(({ scenario, first, second }) => () => playPair(scenario, first, second)));
    for (const [i, { scenario, first, second }] of wanted.entries()) {
      const result = running[i];
      if (result !== undefined) results.set(`${scenario} ${first} ${second}`, result);
    }
  });

  for (const [first, second] of PAIRS) {
    describe(`${first} (priority 150) with ${second} (100)`, () => {
      for (const scenario of Object.keys(SCENARIOS)) {
        const key = `${scenario} ${first} ${second}`;
        it(scenario, async function () {
          if (first !== second) requirePrograms(this, 'keepalived');
          cells.set(key, 'failed');
          const { takeovers = [] } = (await results.get(key)) ?? {};
          cells.set(key, takeovers.length === 0 ? 'one master' : takeovers.map((ms) => `${(ms / 1000).toFixed(2)} s`).join(', '));
        });
      }
    });
  }

  after(() => {
    if (cells.size === 0) return;
    const heads = PAIRS.map((pair) => pair.join(' × '));
    const row = (first: string, rest: readonly string[]): string => `    ${first.padEnd(27)}${rest.map((cell) => cell.padEnd(20)).join('')}`;
    console.log(`\n${row('', heads)}`);
    for (const scenario of Object.keys(SCENARIOS)) {
      console.log(row(scenario, PAIRS.map(([first, second]) => cells.get(`${scenario} ${first} ${second}`) ?? 'skipped')));
    }
    console.log('    (event → address on the new owner; exactly one owner and one sender each time things had settled)\n');
  });
});
