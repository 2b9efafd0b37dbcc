/** `lvs_sync_daemon`: what its words mean (keepalived.conf(5), reference 6.2). */
import type { SyncDaemon } from '../../codec/ipvs-values.ts';
import { parseIp } from '../../util/ip.ts';

export interface SyncSettings {
  readonly link: string;
  /** The instance whose state it follows: master with MASTER, backup otherwise; null: always both. */
  readonly instance: string | null;
  /** null: 0, or the instance's VRID. */
  readonly id: number | null;
  readonly options: Pick<SyncDaemon, 'maxLength' | 'group' | 'port' | 'ttl'>;
}

/** `IF [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group IP]`; a word that makes no sense is in `faults`. */
export function readSyncDaemon(words: readonly string[]): { readonly settings: SyncSettings; readonly faults: readonly string[] } {
  const [link = '', ...rest] = words;
  const faults: string[] = [];
  let instance: string | null = null;
  const numbers = new Map<string, number>();
  let group: SyncDaemon['group'] = null;
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] ?? '';
    const limits = LIMITS.get(word);
    if (limits !== undefined) {
      const value = Number(rest[++i]);
      if (Number.isInteger(value) && value >= limits[0] && value <= limits[1]) numbers.set(word, value);
      else faults.push(`lvs_sync_daemon: ${word} must be ${limits[0]}..${limits[1]}`);
    } else if (word === 'group') {
      group = parseIp(rest[++i] ?? '');
      if (group === null) faults.push(`lvs_sync_daemon: group must be a multicast address`);
    } else if (word === 'inst') instance = rest[++i] ?? null;
    else if (instance === null && i === 0) instance = word;
    else faults.push(`lvs_sync_daemon: unknown word '${word}'`);
  }
  const number = (name: string): number | null => numbers.get(name) ?? null;
  return { settings: { link, instance, id: number('id'), options: { maxLength: number('maxlen'), group, port: number('port'), ttl: number('ttl') } }, faults };
}

/** The daemon of one role. */
export function syncDaemon({ link, id, options }: SyncSettings, state: SyncDaemon['state'], vrid: number | null): SyncDaemon {
  return { state, link, syncId: id ?? vrid ?? 0, ...options };
}

const LIMITS: ReadonlyMap<string, readonly [number, number]> = new Map([['id', [0, 255]], ['maxlen', [1, 65507]], ['port', [1, 65535]], ['ttl', [1, 255]]]);
