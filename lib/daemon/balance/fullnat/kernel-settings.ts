import type { Family } from '../../../util/ip.ts';
import type { Files } from '../../../system/files.ts';
import { SystemError } from '../../../system/error.ts';
import type { Sysctls } from '../../../system/sysctls.ts';
import type { Log } from '../../log/log.ts';

/** IPVS tells conntrack of its connections: without it no translation is ever asked for (ip_vs(8), CONFIG_IP_VS_NFCT). */
export const VS_CONNTRACK = 'net/ipv4/vs/conntrack';
const FORWARDING: Readonly<Record<Family, string>> = { inet: 'net/ipv4/ip_forward', inet6: 'net/ipv6/conf/all/forwarding' };

/**
 * Kernel parameters that FULLNAT on a stock kernel needs: set, and put back as they were found. What was found is written down
 * first, so that the run after a killed one still knows.
 */
export class KernelSettings {
  readonly #sysctls: Sysctls;
  readonly #files: Pick<Files, 'read' | 'write' | 'remove'>;
  readonly #log: Log;
  readonly #path: string;
  readonly #epoch: string;
  readonly #found = new Map<string, string>();
  #read = false;
  /** FULLNAT is, or was by a run that was killed, in the kernel. */
  #used = false;

  /** `path`: its journal; `epoch`: identifies this boot of this network namespace. */
  constructor(sysctls: Sysctls, files: Pick<Files, 'read' | 'write' | 'remove'>, log: Log, path: string, epoch: string) {
    this.#sysctls = sysctls;
    this.#files = files;
    this.#log = log;
    this.#path = path;
    this.#epoch = epoch;
  }

  /** Did a run that was killed use it? */
  async leftover(): Promise<boolean> {
    await this.#remember();
    return this.#used;
  }

  /** Sets what these families need, and puts back what none needs any more. Rejects with SystemError. */
  async need(families: readonly Family[]): Promise<void> {
    await this.#remember();
    const wanted = families.length === 0 ? [] : [VS_CONNTRACK, ...families.map((family) => FORWARDING[family])];
    const missing: string[] = [];
    for (const path of wanted) {
      if (this.#found.has(path)) continue;
      const value = await this.#sysctls.read(path);
      if (value === '1') continue;
      this.#found.set(path, value);
      missing.push(path);
    }
    if (missing.length > 0 || this.#used !== wanted.length > 0) {
      this.#used ||= wanted.length > 0;
      await this.#note();
    }
    for (const path of missing) {
      this.#log.info(`FULLNAT: setting ${path.replaceAll('/', '.')}=1 (was ${this.#found.get(path) ?? ''})`);
      if (path === FORWARDING.inet6) this.#log.warn('FULLNAT: with IPv6 forwarding the kernel ignores router advertisements; set net.ipv6.conf.IF.accept_ra=2 where the default route comes from one');
      await this.#sysctls.write(path, '1');
    }
    await this.#putBack(wanted);
  }

  async #putBack(wanted: readonly string[]): Promise<void> {
    const gone = [...this.#found].filter(([path]) => !wanted.includes(path));
    for (const [path, value] of gone) {
      try {
        await this.#sysctls.write(path, value);
      } catch (cause) {
        this.#log.warn(`FULLNAT: ${path.replaceAll('/', '.')} could not be put back to ${value}: ${String(cause)}`);
      }
      this.#found.delete(path);
    }
    if (gone.length === 0 && this.#used === wanted.length > 0) return;
    this.#used = wanted.length > 0;
    await this.#note();
  }

  async #remember(): Promise<void> {
    if (this.#read) return;
    this.#read = true;
    try {
      const value: unknown = JSON.parse(new TextDecoder().decode(await this.#files.read(this.#path)));
      const found = foundIn(value, this.#epoch);
      this.#used = found !== null;
      for (const [path, text] of found ?? []) this.#found.set(path, text);
    } catch (cause) {
      if (!(cause instanceof SystemError && cause.code === 'ENOENT')) this.#log.warn(`journal ${this.#path} cannot be read: ${String(cause)}`);
    }
  }

  async #note(): Promise<void> {
    try {
      if (!this.#used) await this.#files.remove(this.#path);
      else await this.#files.write(this.#path, `${JSON.stringify({ epoch: this.#epoch, found: Object.fromEntries(this.#found) })}\n`, 0o600);
    } catch (cause) {
      this.#log.warn(`journal ${this.#path} cannot be written (${String(cause)}): if this daemon is killed, kernel parameters stay as FULLNAT needs them`);
    }
  }
}

/** Only parameters that are set here, with values that they can have; null: of another boot, or no journal. */
function foundIn(value: unknown, epoch: string): [string, string][] | null {
  if (typeof value !== 'object' || value === null || !('epoch' in value) || value.epoch !== epoch || !('found' in value)) return null;
  const { found } = value;
  if (typeof found !== 'object' || found === null) return null;
  const known = new Set([VS_CONNTRACK, ...Object.values(FORWARDING)]);
  return Object.entries(found).flatMap(([path, text]: [string, unknown]) => (known.has(path) && typeof text === 'string' && /^\d$/u.test(text) ? [[path, text]] : []));
}
