import type { Config } from '../config/model.ts';
import { SystemError } from '../system/error.ts';
import type { Sysctls } from '../system/sysctls.ts';
import type { Log } from './log/log.ts';

/** Reports of groups of 224.0.0.0/24 (Linux 4.3). */
const PATH = 'net/ipv4/igmp_link_local_mcast_reports';

/**
 * keepalived's disable_local_igmp: the kernel does not report membership of link-local groups, VRRP's among them, which every
 * switch is to pass on anyhow (RFC 4541). Set at the start, put back as it was found at the stop; a reload cannot change it.
 */
export class LocalIgmp {
  readonly #sysctls: Sysctls;
  readonly #log: Log;
  #found: string | null = null;

  constructor(sysctls: Sysctls, log: Log) {
    this.#sysctls = sysctls;
    this.#log = log;
  }

  /** What stands there and will be put back, by path; `left`: what a killed run had found, which is put back now when it is not asked for any more. */
  async prepare(config: Config, left: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, string>> {
    const before = left.get(PATH);
    if (config.settings.disable_local_igmp !== true) {
      if (before !== undefined) await this.#write(before);
      return new Map();
    }
    try {
      const value = before ?? await this.#sysctls.read(PATH);
      if (value !== '0') this.#found = value;
    } catch (cause) {
      this.#log.warn(`disable_local_igmp: ${reason(cause)}; the kernel must be Linux 4.3 or later`);
    }
    return this.found;
  }

  /** What will be put back, by path. */
  get found(): ReadonlyMap<string, string> {
    return this.#found === null ? new Map() : new Map([[PATH, this.#found]]);
  }

  async apply(): Promise<void> {
    if (this.#found !== null) await this.#write('0');
  }

  /** At the stop. */
  async restore(): Promise<void> {
    const found = this.#found;
    this.#found = null;
    if (found !== null) await this.#write(found);
  }

  async #write(value: string): Promise<void> {
    try {
      await this.#sysctls.write(PATH, value);
    } catch (cause) {
      this.#log.warn(`disable_local_igmp: ${reason(cause)}; ${PATH} should be ${value}`);
    }
  }
}

function reason(cause: unknown): string {
  return cause instanceof SystemError ? cause.message : String(cause);
}
