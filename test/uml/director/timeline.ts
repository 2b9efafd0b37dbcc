import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DaemonKind } from '../../netns/daemon.ts';
import { until } from '../../netns/wait.ts';
import type { Pem } from './certificate.ts';
import { addressesOf } from './cases.ts';
import type { Ensemble } from './ensemble.ts';
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
const CALM = 700;
const UNCHANGED = 3500;
/** The same where nobody knows yet what is right: every check has had its say. */
const RECORDED = 7000;
/** When ipvsadm is asked again for what a glance does not show. */
const AGAIN = 8000;

/** One scene for each case. */
export type Scenes = readonly Scene[];

/** Cases in one configuration with their servers, played in several worlds at the same time. */
export class Timeline {
  private readonly ensemble: Ensemble;
  private readonly worlds: readonly World[];
  private readonly shared: readonly string[];
  private readonly backends;

  constructor(ensemble: Ensemble, worlds: readonly World[], folder: string, pem: Pem) {
    this.ensemble = ensemble;
    this.worlds = worlds;
    this.shared = ensemble.cases.map(({ name }) => join(folder, name));
    for (const folder of this.shared) mkdirSync(folder);
    this.backends = ensemble.cases.map((one, i) => one.backends({ pem, shared: this.shared[i] ?? '' }));
  }

  /**
   * Plays it: each step is awaited until every world's table is the expected scene's; without expected scenes, until nothing
   * has moved for a while. `expected`: step by step, or null. Brings what each world showed, step by step.
   */
  async play(expected: ReadonlyMap<DaemonKind, readonly Scenes[] | null>): Promise<Map<World, Scenes[]>> {
    const shown = new Map<World, Scenes[]>(this.worlds.map((world) => [world, []]));
    const addresses = this.ensemble.cases.flatMap(({ config }) => addressesOf(config));
    try {
      await batch([], ...addresses.map((address) => `address replace ${address}/${address.includes(':') ? '128 dev lo nodad' : '32 dev lo'}`));
      for (const backend of this.backends.flat()) await backend.up();
      for (const [i, [step, act]] of this.steps().entries()) {
        await act();
        await Promise.all(this.worlds.map(async (world) => {
          const scenes = expected.get(world.kind) ?? null;
          const wanted = scenes === null ? null : (scenes[i] ?? this.ensemble.cases.map(() => ({ step, table: [], notes: [], fifo: [] })));
          shown.get(world)?.push(await this.settled(world, step, wanted, wanted !== null && i > 0 && tables(wanted) === tables(scenes?.[i - 1] ?? [])));
        }));
      }
      return shown;
    } finally {
      for (const backend of this.backends.flat()) await backend.down().catch(() => undefined);
      for (const folder of this.shared) rmSync(folder, { recursive: true, force: true });
    }
  }

  private steps(): readonly (readonly [string, () => Promise<unknown>])[] {
    const text = (number: 0 | 1 | 2): string => this.ensemble.config(number, this.shared);
    const each = (act: (those: (typeof this.backends)[number]) => Promise<void>): Promise<unknown> => Promise.all(this.backends.map(act));
    return [
      ['start', () => Promise.resolve(this.worlds.map((world) => world.start(text(0))))],
      ['the first dies', () => each(([first]) => first.down())],
      ['the second dies', () => each(([, second]) => second.down())],
      ['both return', () => each(async ([first, second]) => { await first.up(); await second.up(); })],
      ['reload: another real server', () => Promise.resolve(this.worlds.map((world) => { world.reload(text(1)); }))],
      ['reload: a virtual server less', () => Promise.resolve(this.worlds.map((world) => { world.reload(text(2)); }))],
      ['stop', () => Promise.all(this.worlds.map(async (world) => {
        world.daemon?.terminate();
        await world.daemon?.ended(BOUND);
      }))],
    ];
  }

  private scenes(step: string, table: readonly string[], world: World): Scenes {
    return this.ensemble.apart({ table, ...world.notes }).map(({ table, notes, fifo }) => ({ step, table, notes, fifo: byService(step, fifo) }));
  }

  /** Waits for the scenes to be there and to stay, and brings them. What is told later belongs to the next step. */
  private async settled(world: World, step: string, wanted: Scenes | null, unchanged: boolean): Promise<Scenes> {
    const still = wanted === null ? RECORDED : unchanged ? UNCHANGED : STILL;
    const text = wanted === null ? null : written(wanted);
    let glance = '';
    let table: string[] = [];
    let since = performance.now();
    let read = -1;
    const shown = (): string => written(this.scenes(step, table, world));
    const right = async (): Promise<Scenes | null> => {
      const now = world.glance();
      if (now !== glance) since = performance.now();
      glance = now;
      const quiet = performance.now() - since;
      if (quiet <= CALM) return null;
      // ipvsadm is a process, and costly: when things have calmed down, and then now and again for what a glance does not show.
      if (read < since || (text !== null && performance.now() - read > AGAIN && shown() !== text)) {
        read = performance.now();
        table = await world.table();
      }
      const there = text === null ? step !== 'start' || table.length > 0 : shown() === text;
      if (!there || read < since || quiet <= still) return null;
      const final = this.scenes(step, table, world);
      world.forget();
      return final;
    };
    return until(`${world.kind}: ${step}`, BOUND, right, () => `--- there\n${shown()}\n--- wanted\n${text ?? 'anything that stays'}\n${world.daemon?.tail(60) ?? ''}`, 400);
  }
}

function tables(scenes: Scenes): string {
  return scenes.map(({ table }) => table.join()).join('\n');
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
