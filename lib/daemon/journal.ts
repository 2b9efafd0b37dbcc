import type { Config } from '../config/model.ts';
import { SystemError } from '../system/error.ts';
import type { Files } from '../system/files.ts';
import type { Address } from '../system/netlink-routes.ts';
import { parsePrefix, printPrefix, parseIp } from '../util/ip.ts';
import { PROTOCOL_KEEPALIVED } from '../util/route.ts';
import { allAddresses } from '../vrrp/desired.ts';
import type { Log } from './log/log.ts';
import { filterSettings } from '../vrrp/filter.ts';
import { needsFilter } from './filter/filter-service.ts';
import { addressKey, type Network } from './network.ts';

/** One address that a run of this daemon may put on an interface. */
interface Claim {
  readonly link: string;
  readonly prefix: string;
  readonly peer: string | null;
}

/**
 * What this run may put into the kernel, written before it does and removed at a clean stop. The next start reads what a
 * killed one left there, so that an address that has since gone from the configuration does not stay for ever.
 */
export class Journal {
  readonly #files: Files;
  readonly #log: Log;
  readonly #path: string;
  /** Identifies this boot of this network namespace: what an earlier one left went with it. */
  readonly #epoch: string;

  constructor(files: Files, log: Log, path: string, epoch: string) {
    this.#files = files;
    this.#log = log;
    this.#path = path;
    this.#epoch = epoch;
  }

  /** Addresses that a killed run left and `config` does not name; those it names are the instances' own to clear. */
  async leftovers(network: Network, config: Config): Promise<Address[]> {
    const claims = await this.#read();
    const wanted = new Set(config.instances.flatMap((i) => allAddresses(i).map((v) => `${v.link} ${printPrefix(v.prefix)} ${v.peer ?? ''}`)));
    return claims.flatMap((claim) => {
      const link = network.link(claim.link);
      const prefix = parsePrefix(claim.prefix);
      if (link === undefined || prefix === null || wanted.has(`${claim.link} ${claim.prefix} ${claim.peer ?? ''}`)) return [];
      const present = network.get(addressKey(link.index, { prefix, peer: claim.peer === null ? null : parseIp(claim.peer) }));
      // A kernel that marks who made an address (Linux 5.18) must say that it was us.
      return present !== undefined && (present.protocol === null || present.protocol === PROTOCOL_KEEPALIVED) ? [present] : [];
    });
  }

  /** Names of nftables tables that a killed run left. */
  async tables(): Promise<string[]> {
    const tables = (await this.#parsed())?.tables;
    return Array.isArray(tables) ? tables.filter((name) => typeof name === 'string') : [];
  }

  /** Writes down what `config` may bring, in place of what stood there: an address it no longer names has been removed, or goes with this reload. */
  async claim(config: Config): Promise<void> {
    const claims: Claim[] = config.instances.flatMap((i) => allAddresses(i).map((v) => ({ link: v.link, prefix: printPrefix(v.prefix), peer: v.peer })));
    try {
      await this.#files.write(this.#path, `${JSON.stringify({ epoch: this.#epoch, claims, tables: needsFilter(config) ? [filterSettings(config.settings).table] : [] })}\n`, 0o600);
    } catch (cause) {
      this.#log.warn(`journal ${this.#path} cannot be written (${reason(cause)}): if this daemon is killed, addresses that are then taken out of its configuration stay until removed by hand`);
    }
  }

  async clear(): Promise<void> {
    try {
      await this.#files.remove(this.#path);
    } catch (cause) {
      if (!(cause instanceof SystemError && cause.code === 'ENOENT')) this.#log.warn(`journal ${this.#path} cannot be removed: ${reason(cause)}`);
    }
  }

  async #read(): Promise<Claim[]> {
    return ((await this.#parsed())?.claims ?? []).filter(isClaim);
  }

  /** What stands in it, from this boot; null: nothing. */
  async #parsed(): Promise<Contents | null> {
    try {
      const value: unknown = JSON.parse(new TextDecoder().decode(await this.#files.read(this.#path)));
      return isJournal(value) && value.epoch === this.#epoch ? value : null;
    } catch (cause) {
      if (!(cause instanceof SystemError && cause.code === 'ENOENT')) this.#log.warn(`journal ${this.#path} cannot be read: ${reason(cause)}`);
      return null;
    }
  }
}

interface Contents {
  readonly epoch: string;
  readonly claims: unknown[];
  /** Of nftables; not in those of earlier versions. */
  readonly tables?: unknown;
}

function isJournal(value: unknown): value is Contents {
  return typeof value === 'object' && value !== null && 'epoch' in value && typeof value.epoch === 'string' && 'claims' in value && Array.isArray(value.claims);
}

function isClaim(value: unknown): value is Claim {
  if (typeof value !== 'object' || value === null) return false;
  const claim = value as Partial<Record<keyof Claim, unknown>>;
  return typeof claim.link === 'string' && typeof claim.prefix === 'string' && (claim.peer === null || typeof claim.peer === 'string');
}

function reason(cause: unknown): string {
  return cause instanceof SystemError ? cause.code : String(cause);
}
