import type { Config } from '../config/model.ts';
import { SystemError } from '../system/error.ts';
import type { Sysctls } from '../system/sysctls.ts';
import { familyOf } from '../util/ip.ts';
import { allAddresses } from '../vrrp/desired.ts';
import type { Log } from './log/log.ts';

/**
 * keepalived's promote_secondaries: without this sysctl the kernel removes, with the first IPv4 address of a subnet on an
 * interface, all others of it. It is set before addresses come, and put back as it was found after they have gone.
 */
export class PromoteSecondaries {
  readonly #sysctls: Sysctls;
  readonly #log: Log;
  /** What was found, by path, of those that are set by us. */
  readonly #found = new Map<string, string>();
  #wanted = new Set<string>();

  constructor(sysctls: Sysctls, log: Log) {
    this.#sysctls = sysctls;
    this.#log = log;
  }

  /** What stood where we write, by path. */
  get found(): ReadonlyMap<string, string> {
    return this.#found;
  }

  /** What stood where we shall write or have written; `left`: what a killed run had found there. */
  async prepare(config: Config, left: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, string>> {
    this.#wanted = new Set(config.instances.filter((instance) => instance.promoteSecondaries)
      .flatMap((instance) => [instance.link, ...allAddresses(instance).filter((v) => familyOf(v.prefix.address) === 'inet').map((v) => v.link)]));
    for (const [path, value] of left) this.#found.set(path, value);
    for (const link of this.#wanted) await this.#look(pathOf(link));
    return this.#found;
  }

  /** Sets those that are wanted. */
  async apply(): Promise<void> {
    for (const path of [...this.#wanted].map(pathOf)) if (this.#found.has(path)) await this.#write(path, '1');
  }

  /** Puts back those that no longer are. */
  async release(): Promise<void> {
    const wanted = new Set([...this.#wanted].map(pathOf));
    for (const [path, value] of [...this.#found]) {
      if (wanted.has(path)) continue;
      this.#found.delete(path);
      await this.#write(path, value);
    }
  }

  /** An interface that appears has the kernel's default. */
  async linkAdded(link: string): Promise<void> {
    if (!this.#wanted.has(link)) return;
    await this.#look(pathOf(link));
    if (this.#found.has(pathOf(link))) await this.#write(pathOf(link), '1');
  }

  /** At the stop. */
  async restore(): Promise<void> {
    this.#wanted = new Set();
    await this.release();
  }

  async #look(path: string): Promise<void> {
    if (this.#found.has(path)) return;
    try {
      const value = await this.#sysctls.read(path);
      if (value !== '1') this.#found.set(path, value);
    } catch (cause) {
      // An interface that is still to come is looked at when it comes.
      if (!isMissing(cause)) this.#log.warn(`promote_secondaries: ${String(cause)}; addresses may be removed along with others of their subnet`);
    }
  }

  async #write(path: string, value: string): Promise<void> {
    try {
      await this.#sysctls.write(path, value);
    } catch (cause) {
      if (!isMissing(cause)) this.#log.warn(`promote_secondaries: ${String(cause)}${value === '1' ? '; addresses may be removed along with others of their subnet' : ''}`);
    }
  }
}

function pathOf(link: string): string {
  return `net/ipv4/conf/${link}/promote_secondaries`;
}

function isMissing(cause: unknown): boolean {
  return cause instanceof SystemError && cause.code === 'ENOENT';
}
