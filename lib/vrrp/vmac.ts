/**
 * Virtual MAC interfaces (RFC 9568 §7.3): which macvlans a configuration asks for, what they are called on this machine, and
 * the configuration with its addresses on them. Pure. The names are keepalived's (seen with 2.2.7).
 */
import type { Config, VirtualAddress, VrrpInstance } from '../config/model.ts';
import { equalBytes } from '../util/bytes.ts';
import { familyOf, parsePrefix, type Family, type Prefix } from '../util/ip.ts';
import { allAddresses } from './desired.ts';

export interface VirtualMac {
  /** Whose it is. */
  readonly instance: string;
  readonly name: string;
  /** True: the name was configured. */
  readonly named: boolean;
  /** The interface below. */
  readonly base: string;
  readonly family: Family;
  /** Empty for an ipvlan, which has that of the base. */
  readonly mac: Uint8Array;
  /** null: a macvlan. */
  readonly ipvlan: IpvlanSettings | null;
  /** Interface group; null: that of the base. */
  readonly group: number | null;
  /** Sends the netlink message of its coming up once more (netlink_notify_msg). */
  readonly notify: boolean;
  /** Why it cannot be, in words; null: it can. */
  readonly conflict: string | null;
}

/** What must be known of an interface that is there. */
export interface PresentLink {
  readonly index: number;
  readonly name: string;
  readonly kind: string;
  readonly mac: Uint8Array;
  readonly parentIndex: number | null;
  readonly macvlanMode?: number;
  readonly ipvlanFlags?: number;
}

export interface VmacPlan {
  /** Addresses stand on the interfaces that they will be on, and each instance knows its own. */
  readonly config: Config;
  readonly vmacs: readonly VirtualMac[];
}

/** What use_vmac was given. */
export interface VmacSettings {
  readonly name: string | null;
  readonly mac: Uint8Array | null;
  readonly group: number | null;
  readonly notify: boolean;
}

/** What use_ipvlan was given besides a name and a group. */
export interface IpvlanSettings {
  /** Its own, from which adverts come; null: none was given. */
  readonly address: Prefix | null;
  /** bridge 0, private 1, vepa 2. */
  readonly flags: 0 | 1 | 2;
}

const PRIVATE = 1;

/** `links`: what is there. `ours`: names of those that this daemon, or a killed run of it, has made. */
export function planVmacs(config: Config, links: readonly PresentLink[], ours: ReadonlySet<string>): VmacPlan {
  const planner = new Planner(config, links, ours);
  const instances = config.instances.map((instance) => planner.place(instance));
  return { config: { ...config, instances }, vmacs: planner.vmacs };
}

/** Is the link that is there the VMAC that is wanted? */
export function fits(link: PresentLink, vmac: Pick<VirtualMac, 'mac' | 'ipvlan'>, baseIndex: number): boolean {
  if (vmac.ipvlan !== null) return link.kind === 'ipvlan' && link.parentIndex === baseIndex && (link.ipvlanFlags ?? 0) === vmac.ipvlan.flags;
  return link.kind === 'macvlan' && link.parentIndex === baseIndex && link.macvlanMode === PRIVATE && equalBytes(link.mac, vmac.mac);
}

/** Of the words behind use_vmac; 5 octets of a MAC get the VRID as their sixth. */
export function vmacSettings(words: readonly string[], vrid: number): VmacSettings {
  let settings: VmacSettings = { name: null, mac: null, group: null, notify: false };
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === 'netlink_notify_msg') settings = { ...settings, notify: true };
    else if (word === 'group') settings = { ...settings, group: groupNumber(words[++i] ?? '') };
    else if (isMac(word)) settings = { ...settings, mac: macOf(word, vrid) };
    else if (word !== 'name') settings = { ...settings, name: word };
  }
  return settings;
}

export function isMac(word: string): boolean {
  return /^([0-9a-f]{1,2}:){4,5}[0-9a-f]{1,2}$/iu.test(word);
}

const IPVLAN_MODES = { bridge: 0, private: 1, vepa: 2 } as const;

/** Of the words behind use_ipvlan: a name, an address, a mode, a group. */
export function ipvlanSettings(words: readonly string[]): IpvlanSettings & Pick<VmacSettings, 'name' | 'group'> {
  let settings: ReturnType<typeof ipvlanSettings> = { name: null, group: null, address: null, flags: 0 };
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const address = parsePrefix(word);
    if (word === 'group') settings = { ...settings, group: groupNumber(words[++i] ?? '') };
    else if (word === 'bridge' || word === 'private' || word === 'vepa') settings = { ...settings, flags: IPVLAN_MODES[word] };
    else if (address !== null) settings = { ...settings, address };
    else if (word !== 'name') settings = { ...settings, name: word };
  }
  return settings;
}

/** RFC 9568 §7.3: 00-00-5E-00-01-{VRID}, for IPv6 00-00-5E-00-02-{VRID}. */
export function virtualMac(family: Family, vrid: number): Uint8Array {
  return Uint8Array.of(0, 0, 0x5e, 0, family === 'inet' ? 1 : 2, vrid);
}

/** The interface that the instance's adverts leave and arrive by. */
export function speakingLink(instance: VrrpInstance): string {
  const { extras } = instance;
  return extras?.transmitOnBase === true ? instance.link : (extras?.vmacLink ?? instance.link);
}

/** All macvlans of an instance. */
export function vmacLinks(instance: VrrpInstance): readonly string[] {
  return instance.extras?.vmacLinks ?? [];
}

/** Does anything in the configuration ask for a macvlan? */
export function usesVmacs(instance: VrrpInstance): boolean {
  return (instance.extras?.vmac ?? null) !== null || allAddresses(instance).some((address) => isApart(instance, address));
}

class Planner {
  readonly vmacs: VirtualMac[] = [];
  readonly #links: readonly PresentLink[];
  readonly #ours: ReadonlySet<string>;
  readonly #prefix: string;
  readonly #addressPrefix: string;
  /** Names that an instance configures: not for others. */
  readonly #configured: ReadonlySet<string>;

  constructor(config: Config, links: readonly PresentLink[], ours: ReadonlySet<string>) {
    this.#links = links;
    this.#ours = ours;
    this.#prefix = config.settings.vmac_prefix ?? 'vrrp';
    this.#addressPrefix = config.settings.vmac_addr_prefix ?? this.#prefix;
    this.#configured = new Set(config.instances.flatMap(({ extras, vrid }) => vmacSettings(extras?.vmac ?? [], vrid).name ?? []));
  }

  place(instance: VrrpInstance): VrrpInstance {
    const { extras } = instance;
    if (extras === undefined || !usesVmacs(instance)) return this.#placeIpvlan(instance);
    const own = extras.vmac === null ? null : this.#own(instance, vmacSettings(extras.vmac, instance.vrid));
    const mine = new Map<string, string>();
    if (own !== null) mine.set(`${instance.link} ${instance.family}`, own);
    const onVmac = (address: VirtualAddress): VirtualAddress => {
      const family = familyOf(address.prefix.address);
      const key = `${address.link} ${family}`;
      if (isApart(instance, address) && !mine.has(key)) mine.set(key, this.#forAddresses(instance, address.link, family));
      const link = mine.get(key);
      return link === undefined ? address : { ...address, link };
    };
    const virtualAddresses = instance.virtualAddresses.map(onVmac);
    const excludedAddresses = instance.excludedAddresses.map(onVmac);
    return { ...instance, virtualAddresses, excludedAddresses, extras: { ...extras, ...(own === null ? {} : { vmacLink: own, ...this.#faultOf(own, instance.name) }), vmacLinks: [...mine.values()] } };
  }

  /** Adverts alone go by the ipvlan; addresses stay where they would be without (seen with 2.2.7). */
  #placeIpvlan(instance: VrrpInstance): VrrpInstance {
    const { extras } = instance;
    if (extras === undefined || extras.ipvlan === null) return instance;
    const { name, group, address, flags } = ipvlanSettings(extras.ipvlan);
    const own = this.#add(instance, instance.link, instance.family, new Uint8Array(0), { name, group, notify: false, prefix: this.#prefix, ipvlan: { address, flags } });
    const wrong = address === null ? instance.family === 'inet' : familyOf(address.address) !== instance.family;
    return {
      ...instance, sourceAddress: wrong ? instance.sourceAddress : (address?.address ?? instance.sourceAddress),
      extras: { ...extras, vmacLink: own, ...(wrong ? { vmacFault: `ipvlan ${own} has no ${instance.family === 'inet' ? 'IPv4' : 'IPv6'} address` } : this.#faultOf(own, instance.name)), vmacLinks: [own] },
    };
  }

  #own(instance: VrrpInstance, { name, mac, group, notify }: VmacSettings): string {
    return this.#add(instance, instance.link, instance.family, mac ?? virtualMac(instance.family, instance.vrid), { name, group, notify, prefix: this.#prefix });
  }

  #faultOf(name: string, instance: string): { readonly vmacFault?: string } {
    const conflict = this.vmacs.find((vmac) => vmac.name === name && vmac.instance === instance)?.conflict ?? null;
    return conflict === null ? {} : { vmacFault: conflict };
  }

  #forAddresses(instance: VrrpInstance, base: string, family: Family): string {
    return this.#add(instance, base, family, virtualMac(family, instance.vrid), { name: null, group: null, notify: false, prefix: this.#addressPrefix });
  }

  #add(instance: VrrpInstance, base: string, family: Family, mac: Uint8Array, how: { name: string | null; group: number | null; notify: boolean; prefix: string; ipvlan?: IpvlanSettings }): string {
    const { ipvlan = null } = how;
    const rival = ipvlan !== null ? undefined : this.vmacs.find((other) => other.base === base && other.ipvlan === null && equalBytes(other.mac, mac));
    const twice = how.name !== null && this.vmacs.some((other) => other.name === how.name);
    const name = how.name ?? this.#nameFor(how.prefix, instance.vrid, family, base, { mac, ipvlan });
    const conflict = rival !== undefined ? `${rival.name} of ${rival.instance} has the same MAC on ${base}` : twice ? `interface ${name} is another instance's` : null;
    this.vmacs.push({ instance: instance.name, name, named: how.name !== null, base, family, mac, ipvlan, group: how.group, notify: how.notify, conflict });
    return name;
  }

  /** `vrrp.51`, for IPv6 then `vrrp6.51`, then `vrrp1.51` and so on: one that is there and fits, else the first that is free. */
  #nameFor(prefix: string, vrid: number, family: Family, base: string, kind: Pick<VirtualMac, 'mac' | 'ipvlan'>): string {
    const names = [`${prefix}.${String(vrid)}`, ...(family === 'inet6' ? [`${prefix}6.${String(vrid)}`] : []), ...Array.from({ length: 255 }, (_, i) => `${prefix}${String(i + 1)}.${String(vrid)}`)]
      .filter((name) => !this.#configured.has(name) && !this.vmacs.some((vmac) => vmac.name === name));
    const parent = this.#links.find((link) => link.name === base)?.index;
    const present = (name: string): PresentLink | undefined => this.#links.find((link) => link.name === name);
    const fitting = names.find((name) => { const link = present(name); return link !== undefined && parent !== undefined && fits(link, kind, parent); });
    return fitting ?? names.find((name) => present(name) === undefined || this.#ours.has(name)) ?? names[0] ?? `${prefix}.${String(vrid)}`;
  }
}

/** An address that asks for a macvlan other than its instance's own. */
function isApart(instance: VrrpInstance, address: VirtualAddress): boolean {
  if (address.useVmac === true) return true;
  return instance.extras?.vmacForAddresses === true && (address.link !== instance.link || familyOf(address.prefix.address) !== instance.family);
}

function macOf(text: string, vrid: number): Uint8Array {
  const octets = text.split(':').map((octet) => Number.parseInt(octet, 16));
  return Uint8Array.from(octets.length === 5 ? [...octets, vrid] : octets);
}

/** A number, decimal or hexadecimal; anything else is the default group. */
function groupNumber(text: string): number {
  return /^(\d+|0x[0-9a-f]+)$/iu.test(text) ? Number(text) : 0;
}
