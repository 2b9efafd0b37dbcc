import type { Config } from '../config/model.ts';
import { SystemError } from '../system/error.ts';
import type { Files } from '../system/files.ts';
import type { Address } from '../system/netlink-routes.ts';
import { parsePrefix, printPrefix, parseIp } from '../util/ip.ts';
import { PROTOCOL_KEEPALIVED } from '../util/route.ts';
import { allAddresses } from '../vrrp/desired.ts';
import { allRouting, objectsOf, type RoutingObject } from '../vrrp/routing.ts';
import { routingFromId } from './claimed-routing.ts';
import type { Log } from './log/log.ts';
import { filterSettings } from '../vrrp/filter.ts';
import { needsFilter } from './filter/filter-service.ts';
import { addressKey, type Network } from './network.ts';

/** One address that a run of this daemon may put on an interface, or one route or rule: its id. */
type Claim = AddressClaim | { readonly routing: string };

interface AddressClaim {
  readonly link: string;
  readonly prefix: string;
  readonly peer: string | null;
}

/** What a killed run left. */
export interface Leftovers {
  /** Those that nobody names any more. */
  readonly addresses: readonly Address[];
  readonly routing: readonly RoutingObject[];
  /** Ids of routes and rules that the configuration still names. */
  readonly named: ReadonlySet<string>;
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

  /** What a killed run left: what `config` still names is its owners' own to clear. */
  async leftovers(network: Network, config: Config): Promise<Leftovers> {
    const claims = await this.#read();
    const wanted = new Set(claimsOf(config).map(claimText));
    const unwanted = claims.filter((claim) => !wanted.has(claimText(claim)));
    return {
      addresses: unwanted.flatMap((claim) => ('routing' in claim ? [] : present(claim, network))),
      routing: unwanted.flatMap((claim) => ('routing' in claim ? (routingFromId(claim.routing) ?? []) : [])),
      named: new Set(claims.flatMap((claim) => ('routing' in claim && wanted.has(claimText(claim)) ? [claim.routing] : []))),
    };
  }

  /** Names of nftables tables that a killed run left. */
  async tables(): Promise<string[]> {
    const tables = (await this.#parsed())?.tables;
    return Array.isArray(tables) ? tables.filter((name) => typeof name === 'string') : [];
  }

  /** Names of interfaces that a killed run may have made. */
  async links(): Promise<ReadonlySet<string>> {
    const links = (await this.#parsed())?.links;
    return new Set(Array.isArray(links) ? links.filter((name) => typeof name === 'string') : []);
  }

  /** Sysctls that a killed run had set, with what it had found there. */
  async sysctls(): Promise<ReadonlyMap<string, string>> {
    const found = (await this.#parsed())?.sysctls;
    const entries = typeof found === 'object' && found !== null ? Object.entries(found) : [];
    return new Map(entries.filter((entry): entry is [string, string] => /^net\/ipv4\/(conf\/[^/]+\/(promote_secondaries|arp_ignore|arp_filter|rp_filter)|igmp_link_local_mcast_reports)$/u.test(entry[0]) && typeof entry[1] === 'string' && /^\d$/u.test(entry[1])));
  }

  /** Writes down what `config` may bring, in place of what stood there: what it no longer names has been removed, or goes with this reload. `sysctls`: what is to be put back. `links`: interfaces that we make. */
  async claim(config: Config, sysctls: ReadonlyMap<string, string> = new Map(), links: readonly string[] = []): Promise<void> {
    const claims = claimsOf(config);
    try {
      await this.#files.write(this.#path, `${JSON.stringify({ epoch: this.#epoch, claims, tables: needsFilter(config) ? [filterSettings(config.settings).table] : [], sysctls: Object.fromEntries(sysctls), links })}\n`, 0o600);
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
  readonly sysctls?: unknown;
  readonly links?: unknown;
}

function isJournal(value: unknown): value is Contents {
  return typeof value === 'object' && value !== null && 'epoch' in value && typeof value.epoch === 'string' && 'claims' in value && Array.isArray(value.claims);
}

function claimsOf(config: Config): Claim[] {
  const addresses = [...config.instances.flatMap(allAddresses), ...config.statics.addresses];
  const routing = [...config.instances.map(allRouting), config.statics].flatMap(objectsOf);
  return [...addresses.map((v) => ({ link: v.link, prefix: printPrefix(v.prefix), peer: v.peer })), ...routing.map(({ id }) => ({ routing: id }))];
}

function claimText(claim: Claim): string {
  return 'routing' in claim ? claim.routing : `${claim.link} ${claim.prefix} ${claim.peer ?? ''}`;
}

/** A kernel that marks who made an address (Linux 5.18) must say that it was us. */
function present(claim: AddressClaim, network: Network): Address[] {
  const link = network.link(claim.link);
  const prefix = parsePrefix(claim.prefix);
  if (link === undefined || prefix === null) return [];
  const address = network.get(addressKey(link.index, { prefix, peer: claim.peer === null ? null : parseIp(claim.peer) }));
  return address !== undefined && (address.protocol === null || address.protocol === PROTOCOL_KEEPALIVED) ? [address] : [];
}

function isClaim(value: unknown): value is Claim {
  if (typeof value !== 'object' || value === null) return false;
  if ('routing' in value) return typeof value.routing === 'string';
  const claim = value as Partial<Record<keyof AddressClaim, unknown>>;
  return typeof claim.link === 'string' && typeof claim.prefix === 'string' && (claim.peer === null || typeof claim.peer === 'string');
}

function reason(cause: unknown): string {
  return cause instanceof SystemError ? cause.code : String(cause);
}
