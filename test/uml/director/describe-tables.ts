import { expect } from 'chai';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DaemonKind } from '../../netns/daemon.ts';
import { pool } from '../../netns/wait.ts';
import type { DirectorCase } from './cases.ts';
import { selfSigned, type Pem } from './certificate.ts';
import { Ensemble } from './ensemble.ts';
import { Timeline, type Scene, type Scenes } from './timeline.ts';
import { read, written } from './transcript.ts';
import { World } from './world.ts';
import { requireUml } from '../needs.ts';

/**
 * What 2.4.3 is to show, as 2.2.7 showed it. Where the two differ NAME.keepalived.txt is what 2.2.7 shows, and README.md says
 * why NAME.txt is right. Compiled tests run from dist/.
 */
const FOLDER = new URL('../../../../test/uml/tables/', import.meta.url);
/** Configurations at the same time: they wait for each other's processor otherwise. */
const TOGETHER = 2;
/** Cases in one configuration; ALONE=1: each for itself. */
const IN_ONE = process.env['ALONE'] === '1' ? 1 : 4;
const UPDATE = process.env['UPDATE'] === '1';
/** ONLY=PATTERN: cases whose name it matches. */
const ONLY = new RegExp(process.env['ONLY'] ?? '', 'u');
const KINDS: readonly DaemonKind[] = UPDATE ? ['keepalived'] : ['ours', 'keepalived'];

/**
 * The same configuration and the same timeline with keepalived and with ours, side by side: after each step the kernel's table,
 * what scripts were called with, and the FIFO's lines. UPDATE=1 writes down what keepalived showed.
 */
export function describeTables(title: string, cases: readonly DirectorCase[]): void {
  describe(title, function () {
    this.timeout(600_000);
    const chosen = cases.filter(({ name }) => ONLY.test(name));
    let folder: string;
    const ensembles = Array.from({ length: Math.ceil(chosen.length / IN_ONE) }, (_, i) => new Ensemble(chosen.slice(i * IN_ONE, (i + 1) * IN_ONE)));
    let played: Promise<Map<World, Scenes[]>>[] = [];

    before(function () {
      requireUml(this, 'ipvsadm', 'keepalived', 'openssl');
      folder = mkdtempSync(join(tmpdir(), 'tska-director-'));
      const pem = selfSigned(folder);
      played = pool(TOGETHER, ensembles.map((ensemble, i) => () => play(ensemble, i, folder, pem)));
    });
    after(async () => {
      await Promise.allSettled(played);
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    });

    for (const [i, { name }] of chosen.entries()) {
      it(name.replaceAll('-', ' '), async () => {
        const shown = await played[Math.floor(i / IN_ONE)];
        if (shown === undefined) throw new Error('not played');
        for (const [world, steps] of shown) {
          const scenes = steps.flatMap((step) => step[i % IN_ONE] ?? []);
          if (UPDATE) writeFileSync(path(name, world.kind), written(scenes));
          else expect(written(scenes), world.kind).to.equal(readFileSync(path(name, world.kind), 'utf8'));
        }
      });
    }
  });
}

function path(name: string, kind: DaemonKind): URL {
  const other = new URL(`${name}.keepalived.txt`, FOLDER);
  return kind === 'keepalived' && existsSync(other) ? other : new URL(`${name}.txt`, FOLDER);
}

function expected(name: string, kind: DaemonKind): readonly Scene[] | null {
  return UPDATE || !existsSync(path(name, kind)) ? null : read(readFileSync(path(name, kind), 'utf8'));
}

/** Step by step what each case is to show; null when it is recorded now. */
function wanted(ensemble: Ensemble, kind: DaemonKind): readonly Scenes[] | null {
  const cases = ensemble.cases.map(({ name }) => expected(name, kind) ?? []);
  const steps = Math.max(...cases.map((scenes) => scenes.length));
  return steps === 0 ? null : Array.from({ length: steps }, (_, step) => cases.flatMap((scenes) => scenes[step] ?? []));
}

async function play(ensemble: Ensemble, i: number, folder: string, pem: Pem): Promise<Map<World, Scenes[]>> {
  const worlds: World[] = [];
  try {
    for (const kind of KINDS) worlds.push(await World.open(i * 2 + worlds.length + 1, kind, folder));
    return await new Timeline(ensemble, worlds, folder, pem).play(new Map(KINDS.map((kind) => [kind, wanted(ensemble, kind)])));
  } finally {
    for (const world of worlds) await world.close();
  }
}
