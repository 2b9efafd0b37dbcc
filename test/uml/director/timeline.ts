import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DaemonKind } from '../../netns/daemon.ts';
import { until } from '../../netns/wait.ts';
import type { Pem } from './certificate.ts';
import { addressesOf, version, type DirectorCase } from './cases.ts';
import { written } from './transcript.ts';
import { batch, type World } from './world.ts';

/** What is there after a step: the table as ipvsadm saves it, what scripts wrote (in any order), what the FIFO said. */
export interface Scene {
  readonly step: string;
  readonly table: readonly string[];
  readonly notes: readonly string[];
  readonly fifo: readonly string[];
}

/** How long a table may take to become what it should be: three checks a second apart, and a busy machine. */
const BOUND = 240_000;
/** How long it must then stay so; longer where nothing should change, so that what changes too much is seen. */
const STILL = 1000;
const CALM = 400;
const UNCHANGED = 3500;
/** The same where nobody knows yet what is right: every check has had its say. */
const RECORDED = 7000;

/** One case with its servers, played in several worlds at the same time. */
export class Timeline {
  private readonly shape: DirectorCase;
  private readonly worlds: readonly World[];
  private readonly shared: string;
  private readonly backends;

  constructor(shape: DirectorCase, worlds: readonly World[], folder: string, pem: Pem) {
    this.shape = shape;
    this.worlds = worlds;
    this.shared = join(folder, shape.name);
    mkdirSync(this.shared);
    this.backends = shape.backends({ pem, shared: this.shared });
  }

  /**
   * Plays it: each step is awaited until every world's table is the expected scene's; without expected scenes, until nothing
   * has moved for a while. Brings what each world showed.
   */
  async play(expected: ReadonlyMap<DaemonKind, readonly Scene[] | null>): Promise<Map<World, Scene[]>> {
    const shown = new Map<World, Scene[]>(this.worlds.map((world) => [world, []]));
    try {
      await batch([], ...addressesOf(this.shape.config).map((address) => `address replace ${address}/${address.includes(':') ? '128 dev lo nodad' : '32 dev lo'}`));
      for (const backend of this.backends) await backend.up();
      for (const [i, [step, act]] of this.steps().entries()) {
        await act();
        await Promise.all(this.worlds.map(async (world) => {
          const scenes = expected.get(world.kind) ?? null;
          const wanted = scenes === null ? null : (scenes[i] ?? { step, table: [], notes: [], fifo: [] });
          shown.get(world)?.push(await settled(world, step, wanted, i > 0 && wanted?.table.join() === scenes?.[i - 1]?.table.join()));
        }));
      }
      return shown;
    } finally {
      for (const backend of this.backends.slice(0, 2)) await backend.down().catch(() => undefined);
      rmSync(this.shared, { recursive: true, force: true });
    }
  }

  private steps(): readonly (readonly [string, () => Promise<unknown>])[] {
    const [first, second] = this.backends;
    const text = (number: 0 | 1 | 2): string => version(this.shape.config, number, this.shared);
    return [
      ['start', () => Promise.resolve(this.worlds.map((world) => world.start(text(0))))],
      ['the first dies', () => first.down()],
      ['the second dies', () => second.down()],
      ['both return', async () => { await first.up(); await second.up(); }],
      ['reload: another real server', () => Promise.resolve(this.worlds.map((world) => { world.reload(text(1)); }))],
      ['reload: a virtual server less', () => Promise.resolve(this.worlds.map((world) => { world.reload(text(2)); }))],
      ['stop', () => Promise.all(this.worlds.map(async (world) => {
        world.daemon?.terminate();
        await world.daemon?.ended(BOUND);
      }))],
    ];
  }
}

function scene(step: string, table: readonly string[], world: World): Scene {
  const { notes, fifo } = world.notes;
  return { step, table, notes, fifo: byService(step, fifo) };
}

/** Which virtual server comes first is chance; and where servers come up together, which of them. */
function byService(step: string, lines: readonly string[]): string[] {
  const service = (line: string): string => line.replace(/^RS \S+ /u, '').replace(/^VS /u, '').replace(/ (UP|DOWN)$/u, '');
  const together = step === 'start' || step === 'both return';
  return [...lines].sort((a, b) => compare(service(a), service(b)) || (together ? compare(a, b) : 0));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Waits for the scene to be there and to stay, and brings it. What is told later belongs to the next step. */
async function settled(world: World, step: string, wanted: Scene | null, unchanged: boolean): Promise<Scene> {
  const still = wanted === null ? RECORDED : unchanged ? UNCHANGED : STILL;
  const text = wanted === null ? null : written([wanted]);
  let glance = '';
  let table: string[] = [];
  let since = performance.now();
  let read = -1;
  const shown = (): string => written([scene(step, table, world)]);
  const right = async (): Promise<Scene | null> => {
    const now = world.glance();
    if (now !== glance) since = performance.now();
    glance = now;
    const quiet = performance.now() - since;
    // ipvsadm is a process, and costly: when things have calmed down, and then now and again for what a glance does not show.
    if (quiet > CALM && (read < since || (text !== null && shown() !== text && performance.now() - read > 4000))) {
      read = performance.now();
      table = await world.table();
    }
    const there = text === null ? step !== 'start' || table.length > 0 : shown() === text;
    if (!there || read < since || quiet <= still) return null;
    const final = scene(step, table, world);
    world.forget();
    return final;
  };
  return until(`${world.kind}: ${step}`, BOUND, right, () => `--- there\n${shown()}\n--- wanted\n${text ?? 'anything that stays'}\n${world.daemon?.tail(60) ?? ''}`, 200);
}
