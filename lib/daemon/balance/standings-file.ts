import type { VirtualServer } from '../../config/model-ipvs.ts';
import type { Standing } from '../../ipvs/desired.ts';
import { byIdentity, type Standings } from '../../ipvs/migrate.ts';
import { initialize, serverKey, type RealServerState, type VirtualServerState } from '../../ipvs/virtual-server.ts';
import type { Clock } from '../../system/clock.ts';
import { SystemError } from '../../system/error.ts';
import type { Files } from '../../system/files.ts';
import type { Cancel, Millis } from '../../util/time.ts';
import type { Log } from '../log/log.ts';

/** Changes of so long are one writing. */
const GATHER: Millis = 100;

/** One virtual server in the file: only what is not as at a start. */
interface Kept {
  /** Its real servers and their checkers: the states mean nothing for others. */
  readonly shape: string;
  readonly quorum: VirtualServerState['quorum'];
  readonly servers: readonly (readonly [key: string, failed: readonly number[], added: readonly (readonly [number, number])[]])[];
}

/**
 * What checkers have found out, written down beside the journal: a checking half that is started again after it has died goes
 * on from there, rather than send clients to servers that are known to be down.
 */
export class StandingsFile {
  readonly #files: Pick<Files, 'read' | 'write' | 'remove'>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #path: string;
  readonly #epoch: string;
  #standings: Standings = new Map();
  /** Made once: most do not change when one does. */
  readonly #kept = new WeakMap<Standing, Kept>();
  #timer: Cancel | null = null;
  #writing: Promise<void> = Promise.resolve();
  #complained = false;

  constructor(files: Pick<Files, 'read' | 'write' | 'remove'>, clock: Clock, log: Log, path: string, epoch: string) {
    this.#files = files;
    this.#clock = clock;
    this.#log = log;
    this.#path = path;
    this.#epoch = epoch;
  }

  /** Where these virtual servers stood when the last one died; none that is not what it was then. */
  async load(services: readonly VirtualServer[]): Promise<Standings> {
    const found = new Map<string, Standing>();
    try {
      const value: unknown = JSON.parse(new TextDecoder().decode(await this.#files.read(this.#path)));
      if (!isRecord(value) || value['epoch'] !== this.#epoch || !isRecord(value['standings'])) return found;
      for (const [key, service] of byIdentity(services)) {
        const kept = value['standings'][key];
        if (isKept(kept) && kept.shape === shapeOf(service)) found.set(key, { service, state: stateOf(service, kept) });
      }
    } catch (cause) {
      if (!(cause instanceof SystemError && cause.code === 'ENOENT')) this.#log.warn(`${this.#path} cannot be read, every real server counts as up until it was checked: ${String(cause)}`);
    }
    return found;
  }

  /** They stand so now; written soon, and never waited for. */
  save(standings: Standings): void {
    this.#standings = standings;
    this.#timer ??= this.#clock.at(this.#clock.now() + GATHER, () => {
      this.#timer = null;
      this.#writing = this.#writing.then(() => this.#write());
    });
  }

  /** No more writing; the file goes. */
  async clear(): Promise<void> {
    this.#timer?.();
    await this.#writing;
    try {
      await this.#files.remove(this.#path);
    } catch (cause) {
      if (!(cause instanceof SystemError && cause.code === 'ENOENT')) this.#log.warn(`${this.#path} cannot be removed: ${String(cause)}`);
    }
  }

  async #write(): Promise<void> {
    const standings = Object.fromEntries([...this.#standings].map(([key, standing]) => [key, this.#keptOf(standing)]));
    try {
      await this.#files.write(this.#path, `${JSON.stringify({ epoch: this.#epoch, standings })}\n`, 0o600);
    } catch (cause) {
      if (!this.#complained) this.#log.warn(`${this.#path} cannot be written (${String(cause)}): if the checking process dies, every real server counts as up until it was checked again`);
      this.#complained = true;
    }
  }

  #keptOf(standing: Standing): Kept {
    let kept = this.#kept.get(standing);
    if (kept === undefined) {
      const { service, state } = standing;
      const servers = [...state.servers].filter(([, { failed, added }]) => failed.size > 0 || added.size > 0);
      kept = { shape: shapeOf(service), quorum: state.quorum, servers: servers.map(([key, { failed, added }]) => [key, [...failed], [...added]]) };
      this.#kept.set(standing, kept);
    }
    return kept;
  }
}

function stateOf(service: VirtualServer, { quorum, servers }: Kept): VirtualServerState {
  const kept = new Map(servers.map(([key, failed, added]): [string, RealServerState] => [key, { failed: new Set(failed), added: new Map(added), judged: true }]));
  const { servers: initial } = initialize(service);
  return { quorum, servers: new Map([...initial.keys()].map((key) => [key, kept.get(key) ?? { failed: new Set(), added: new Map(), judged: true }])) };
}

const shapes = new WeakMap<VirtualServer, string>();

function shapeOf(service: VirtualServer): string {
  const shape = shapes.get(service) ?? fnv1a(JSON.stringify(service.realServers.map((server) => [serverKey(server), server.checkers])));
  shapes.set(service, shape);
  return shape;
}

/** FNV-1a, 32 bits: tells configurations apart that somebody edits, not those that somebody forges. */
function fnv1a(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isKept(value: unknown): value is Kept {
  return isRecord(value) && typeof value['shape'] === 'string' && (value['quorum'] === 'up' || value['quorum'] === 'down' || value['quorum'] === 'unsure') && Array.isArray(value['servers']) && value['servers'].every(isKeptServer);
}

function isKeptServer(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [key, failed, added] = value as unknown[];
  const numbers = (list: unknown): boolean => Array.isArray(list) && list.every((one) => typeof one === 'number');
  return typeof key === 'string' && numbers(failed) && Array.isArray(added) && added.every((pair) => numbers(pair) && (pair as unknown[]).length === 2);
}
