/** Keeps packets from addresses that this router holds and does not accept for: while master, with what keepalived uses for it. */
import type { Config, VirtualAddress, VrrpInstance } from '../../config/model.ts';
import { NATIVE_ENDIAN } from '../../codec/netlink.ts';
import type { Link } from '../../system/netlink-routes.ts';
import type { System } from '../../system/system.ts';
import { ByteWriter, concat } from '../../util/bytes.ts';
import { familyOf, ipToBytes, isLinkLocal6 } from '../../util/ip.ts';
import { filteredAddresses, filterSettings, isFiltered } from '../../vrrp/filter.ts';
import { usesVmacs, vmacLinks } from '../../vrrp/vmac.ts';
import type { VirtualRouter } from '../../vrrp/state.ts';
import type { Log } from '../log/log.ts';
import type { Network } from '../network.ts';
import { firewallOf } from './choose.ts';
import { IptablesKeeper } from './iptables-keeper.ts';
import { NftablesKeeper, replaced } from './nftables-keeper.ts';
import type { FilterElement } from './ruleset.ts';

/** Holds the elements that stand for virtual MAC interfaces; no instance has a blank in its name's beginning. */
const VMACS = ' vmacs';
const IFNAMSIZ = 16;

export class FilterService {
  readonly #system: Pick<System, 'filter' | 'scripts' | 'clock'>;
  readonly #network: Network;
  readonly #log: Log;
  #config: Config | null = null;
  #nftables: NftablesKeeper | null = null;
  #iptables: IptablesKeeper | null = null;

  constructor(system: Pick<System, 'filter' | 'scripts' | 'clock'>, network: Network, log: Log) {
    this.#system = system;
    this.#network = network;
    this.#log = log;
  }

  /** Before a configuration is used: finds out what this machine filters with, if it is to filter at all. Never rejects. */
  async prepare(config: Config): Promise<void> {
    this.#config = config;
    if (this.#nftables !== null || this.#iptables !== null || !needsFilter(config)) return;
    const settings = filterSettings(config.settings);
    if (settings.firewall === null) this.#log.info('use_vmac or no_accept/strict specified, but no firewall configured - using nftables');
    const found = await firewallOf(settings, this.#system, this.#log);
    if (found === null) return;
    if (found.kind === 'nftables') this.#nftables = new NftablesKeeper(this.#system.filter, this.#system.clock, this.#log, settings, found.old);
    else this.#iptables = new IptablesKeeper(this.#system.scripts, this.#log, settings.chains);
  }

  /** Tables that a killed run left: packets to addresses that nobody holds any more must not stay lost. Never rejects. */
  async sweep(tables: readonly string[]): Promise<void> {
    if (tables.length === 0) return;
    try {
      const found = (await this.#system.filter.tables()).filter((table) => tables.includes(table.name));
      if (found.length === 0) return;
      this.#log.info(`removing nftables tables that an earlier run left behind: ${found.map(({ family, name }) => `${family === 'inet' ? 'ip' : 'ip6'} ${name}`).join(', ')}`);
      await this.#system.filter.apply(found.flatMap(({ family, name }) => replaced(family, name)));
    } catch (cause) {
      this.#log.warn(`nftables tables of an earlier run could not be removed: ${cause instanceof Error ? cause.message : String(cause)}; see nft list ruleset`);
    }
  }

  /** What this instance holds in its state, or held before a reload, is filtered; called before addresses come, and after they went. */
  update(instance: VrrpInstance, member: VirtualRouter): void {
    const addresses = filteredAddresses(instance, member);
    if (!this.#hold(instance, addresses)) return;
    this.#log.detail(`(${instance.name}) ${addresses.length > 0 ? 'setting' : 'removing'} firewall drop rule`);
  }

  rename(kept: ReadonlyMap<string, string>): void {
    this.#nftables?.rename(kept);
    this.#iptables?.rename(kept);
  }

  /** Interfaces came or went, or may have: those of virtual MACs report their groups by the interface below them. */
  linksChanged(): void {
    if (this.#config === null || this.#nftables === null) return;
    const elements = this.#config.instances.flatMap((instance) => {
      const links = vmacLinks(instance).map((name) => this.#network.link(name));
      return links.flatMap((link) => (link?.kind === 'macvlan' ? vmacElements(instance, link) : []));
    });
    this.#nftables.hold(VMACS, reportsMatter(this.#config) ? elements : []);
  }

  /** With `keep` everything stays, as the addresses do. */
  close(keep: boolean): void {
    this.#nftables?.close(keep);
    this.#iptables?.close(keep);
    this.#nftables = null;
    this.#iptables = null;
  }

  #hold(instance: VrrpInstance, addresses: readonly VirtualAddress[]): boolean {
    if (this.#iptables !== null) return this.#iptables.hold(instance.name, addresses);
    if (this.#nftables === null) return false;
    const byName = instance.dontTrackPrimary && this.#config?.settings.nftables_ifindex !== true;
    return this.#nftables.hold(instance.name, addresses.flatMap((virtual) => this.#element(virtual, byName)));
  }

  /** A link-local address is one of its interface only. */
  #element({ prefix: { address }, link: name }: VirtualAddress, byName: boolean): FilterElement[] {
    const family = familyOf(address);
    const key = ipToBytes(address);
    if (!isLinkLocal6(address)) return [{ family, part: 'vips', element: { key } }];
    if (byName) return [{ family, part: 'vips_link_local_name', element: { key: concat(key, nameBytes(name)) } }];
    const link = this.#network.link(name);
    return link === undefined ? [] : [{ family, part: 'vips_link_local', element: { key: concat(key, indexBytes(link.index)) } }];
  }
}

/** Does anything here ask for a packet filter? */
export function needsFilter(config: Config): boolean {
  return reportsMatter(config) || config.instances.some(isFiltered);
}

/** Is there a virtual MAC whose reports leave by the interface below? keepalived asks no more for those of addresses alone, unless told to use nftables. */
function reportsMatter(config: Config): boolean {
  const own = config.instances.some(({ extras }) => (extras?.vmac ?? null) !== null);
  return own || (config.settings.nftables !== undefined && config.instances.some(usesVmacs));
}

/** Families that the interface has addresses of: its instance's, or its own where it is for addresses alone. */
function vmacElements(instance: VrrpInstance, link: Link): FilterElement[] {
  const element = { key: indexBytes(link.index), data: indexBytes(link.parentIndex ?? 0) };
  const families = link.name === instance.extras?.vmacLink
    ? new Set([instance.family, ...instance.excludedAddresses.map(({ prefix }) => familyOf(prefix.address))])
    : [link.mac[4] === 2 ? 'inet6' as const : 'inet' as const];
  return [...families].map((family) => ({ family, part: 'vmac_map', element }));
}

function indexBytes(index: number): Uint8Array {
  return new ByteWriter(NATIVE_ENDIAN, 4).u32(index).finish();
}

function nameBytes(name: string): Uint8Array {
  return new ByteWriter('big', IFNAMSIZ).bytes(new TextEncoder().encode(name)).align(IFNAMSIZ).finish();
}
