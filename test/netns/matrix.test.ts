import { existsSync } from 'node:fs';
import { inPath, skip } from '../needs.ts';
import { FRR_PROGRAMS } from './frr.ts';
import { MODES } from './matrix-modes.ts';
import { playMode } from './matrix-play.ts';
import type { Played, Router } from './matrix-play.ts';
import { requireLab } from './needs.ts';
import { pool } from './wait.ts';

const COLUMNS: readonly (readonly [Router, Router])[] = [
  ['ours', 'keepalived'],
  ['keepalived', 'ours'],
  ['ours', 'FRR'],
  ['FRR', 'ours'],
];

/** Whether somebody else's router is installed. */
const HERE: Readonly<Record<Router, () => boolean>> = {
  ours: () => true,
  keepalived: () => inPath('keepalived'),
  FRR: () => FRR_PROGRAMS.every((path) => existsSync(path)),
};

describe('netns: the interoperability matrix', function () {
  this.timeout(600_000);
  const played = new Map<string, Promise<Played>>();
  const cells = new Map<string, string>();
  const wanted = Object.entries(MODES).flatMap(([mode, { frr }]) =>
    COLUMNS.filter((pair) => frr !== undefined || !pair.includes('FRR')).map(([first, second]) => ({ mode, first, second, key: keyOf(mode, first, second) })));

  before(function () {
    requireLab(this);
    // Each has machines of its own and mostly waits.
    const possible = wanted.filter(({ first, second }) => HERE[first]() && HERE[second]());
    const running = pool(10, possible.map(({ mode, first, second }) => () => playMode(mode, first, second)));
    for (const [i, { key }] of possible.entries()) {
      const result = running[i];
      if (result !== undefined) played.set(key, result);
    }
  });

  for (const { mode, first, second, key } of wanted) {
    it(`${mode}: ${first} (priority 150) with ${second} (100)`, async function () {
      const result = played.get(key);
      if (result === undefined) return skip(this, `needs ${HERE[first]() ? second : first}`);
      cells.set(key, 'failed');
      const { stop, kill, loss } = await result;
      cells.set(key, [stop, kill, loss].map((ms) => (ms / 1000).toFixed(2)).join('  '));
    });
  }

  after(() => {
    if (cells.size === 0) return;
    const row = (first: string, rest: readonly string[]): string => `    ${first.padEnd(24)}${rest.map((cell) => cell.padEnd(21)).join('')}`;
    console.log(`\n${row('', COLUMNS.map((pair) => pair.join(' × ')))}`);
    for (const [mode, { frr }] of Object.entries(MODES)) {
      console.log(row(mode, COLUMNS.map(([first, second]) => cells.get(keyOf(mode, first, second)) ?? (frr === undefined && [first, second].includes('FRR') ? '–' : 'skipped'))));
    }
    console.log('    (seconds until the addresses were on the other router after a graceful stop, a SIGKILL and a loss of the link;');
    console.log('    each time the first one came back and took over; exactly one owner and one sender whenever things had settled)\n');
  });
});

function keyOf(mode: string, first: Router, second: Router): string {
  return `${mode} ${first} ${second}`;
}
