import { SystemError } from '../system/error.ts';
import type { Sysctls } from '../system/sysctls.ts';
import type { VirtualMac } from '../vrrp/vmac.ts';
import type { Log } from './log/log.ts';

const CONF = 'net/ipv4/conf';
const ALL = `${CONF}/all/rp_filter`;

/**
 * What the kernel must do otherwise where virtual MACs are: each address answers ARP on its own interface alone, and packets
 * that come in by a macvlan are not taken for forged. A macvlan's own settings go with it; those of other interfaces are put
 * back as they were found.
 */
export class VmacSysctls {
  readonly #sysctls: Sysctls;
  readonly #log: Log;
  /** What was found where we write, by path. */
  readonly #found = new Map<string, string>();
  /** What is to stand there. */
  #wanted = new Map<string, string>();

  constructor(sysctls: Sysctls, log: Log) {
    this.#sysctls = sysctls;
    this.#log = log;
  }

  get found(): ReadonlyMap<string, string> {
    return this.#found;
  }

  /** Looks at what will be written for interfaces below `vmacs`; `left`: what a killed run had found. Brings all that is to be put back. */
  async prepare(vmacs: readonly VirtualMac[], links: readonly string[], left: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, string>> {
    for (const [path, value] of left) if (/\/(arp_ignore|arp_filter|rp_filter)$/u.test(path)) this.#found.set(path, value);
    const four = vmacs.filter(({ family }) => family === 'inet');
    this.#wanted = new Map(four.flatMap(({ base }) => [[`${CONF}/${base}/arp_ignore`, '1'], [`${CONF}/${base}/arp_filter`, '1']] as const));
    for (const path of [...this.#wanted.keys()]) await this.#look(path);
    if (four.length > 0) await this.#spreadReversePath(links);
    return this.#found;
  }

  async apply(): Promise<void> {
    for (const [path, value] of this.#wanted) if (this.#found.has(path)) await this.#write(path, value);
  }

  /** An interface below a VMAC that appeared has the kernel's defaults. */
  async linkAdded(base: string): Promise<void> {
    for (const [path, value] of this.#wanted) {
      if (!path.startsWith(`${CONF}/${base}/`)) continue;
      await this.#look(path);
      if (this.#found.has(path)) await this.#write(path, value);
    }
  }

  /** Puts back what is no longer wanted. */
  async release(): Promise<void> {
    for (const [path, value] of [...this.#found].reverse()) {
      if (this.#wanted.has(path)) continue;
      this.#found.delete(path);
      await this.#write(path, value);
    }
  }

  async restore(): Promise<void> {
    this.#wanted = new Map();
    await this.release();
  }

  /** A macvlan's own (reference 3.7). */
  async setUp({ name, family }: VirtualMac): Promise<void> {
    const values = family === 'inet' ? { arp_ignore: '1', accept_local: '1', rp_filter: '0', promote_secondaries: '1' } : { arp_ignore: '1' };
    for (const [key, value] of Object.entries(values)) await this.#write(`${CONF}/${name}/${key}`, value);
  }

  /** The larger of an interface's own value and that of `all` counts: for macvlans to have 0, `all` must have it, and the others what `all` had. */
  async #spreadReversePath(links: readonly string[]): Promise<void> {
    const all = this.#found.get(ALL) ?? await this.#read(ALL);
    if (all === null || all === '0') return;
    for (const path of ['default', ...links].map((link) => `${CONF}/${link}/rp_filter`)) {
      const own = this.#found.get(path) ?? await this.#read(path);
      if (own === null || Number(own) >= Number(all)) continue;
      this.#found.set(path, own);
      this.#wanted.set(path, all);
    }
    this.#found.set(ALL, all);
    this.#wanted.set(ALL, '0');
  }

  async #look(path: string): Promise<void> {
    if (this.#found.has(path)) return;
    const value = await this.#read(path);
    if (value !== null && value !== this.#wanted.get(path)) this.#found.set(path, value);
  }

  async #read(path: string): Promise<string | null> {
    try {
      return await this.#sysctls.read(path);
    } catch (cause) {
      this.#complain(cause);
      return null;
    }
  }

  async #write(path: string, value: string): Promise<void> {
    try {
      await this.#sysctls.write(path, value);
    } catch (cause) {
      this.#complain(cause);
    }
  }

  /** An interface that is not there, or no more, has none. */
  #complain(cause: unknown): void {
    if (cause instanceof SystemError && cause.code === 'ENOENT') return;
    this.#log.warn(`virtual MACs: ${cause instanceof Error ? cause.message : String(cause)}; see sysctl -a, and set it by hand`);
  }
}
