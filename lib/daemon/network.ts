import type { Address, Link, NetlinkRoutes, NetworkEvent } from '../system/netlink-routes.ts';
import type { Clock } from '../system/clock.ts';
import type { Cancel, Millis } from '../util/time.ts';
import { familyOf, type Family, type IpAddress, isLinkLocal6, printPrefix } from '../util/ip.ts';
import type { Log } from './log/log.ts';

/** What changed, for those who decide by it. */
export type NetworkChange =
  /** It appeared, went, or is not what it was. */
  | { readonly type: 'link-added' | 'link-removed' | 'link'; readonly name: string }
  | { readonly type: 'address-added'; readonly link: string; readonly address: Address }
  | { readonly type: 'address-removed'; readonly link: string; readonly address: Address };

const RETRY: Millis = 1000;
const RETRIES = 5;

/** An address's identity on a link, as the kernel has it: local address and prefix length, and the peer. */
export function addressKey(linkIndex: number, address: Pick<Address, 'prefix' | 'peer'>): string {
  return `${linkIndex} ${printPrefix(address.prefix)} ${address.peer ?? ''}`;
}

/**
 * The kernel's links and addresses as last heard. A dump at the start, then every change; when changes were lost, another
 * dump, whose differences are told as if they had been heard.
 */
export class Network {
  readonly #routes: NetlinkRoutes;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #changed: (change: NetworkChange) => void;
  readonly #links = new Map<number, Link>();
  readonly #addresses = new Map<string, Address>();
  #unwatch: Cancel = () => undefined;
  #retry: Cancel = () => undefined;
  #dumping = false;
  #again = false;
  #closed = false;

  constructor(routes: NetlinkRoutes, clock: Clock, log: Log, changed: (change: NetworkChange) => void) {
    this.#routes = routes;
    this.#clock = clock;
    this.#log = log;
    this.#changed = changed;
  }

  /** Rejects with SystemError when the kernel cannot be asked. */
  async start(): Promise<void> {
    this.#unwatch = this.#routes.watch((event) => { this.#hear(event); });
    this.#take(await this.#routes.dump());
  }

  /** Reads the kernel's tables now, rather than wait to be told. Rejects with SystemError. */
  async refresh(): Promise<void> {
    const state = await this.#routes.dump();
    if (!this.#closed) this.#take(state);
  }

  close(): void {
    this.#closed = true;
    this.#unwatch();
    this.#retry();
  }

  link(name: string): Link | undefined {
    for (const link of this.#links.values()) if (link.name === name) return link;
    return undefined;
  }

  linkName(index: number): string | undefined {
    return this.#links.get(index)?.name;
  }

  links(): Link[] {
    return [...this.#links.values()];
  }

  has(key: string): boolean {
    return this.#addresses.has(key);
  }

  get(key: string): Address | undefined {
    return this.#addresses.get(key);
  }

  /** Is it an address of this machine, on whatever interface? */
  holds(ip: IpAddress): boolean {
    for (const address of this.#addresses.values()) if (address.prefix.address === ip) return true;
    return false;
  }

  addressesOf(linkIndex: number): Address[] {
    return [...this.#addresses.values()].filter((a) => a.linkIndex === linkIndex);
  }

  /** The address adverts come from: the first IPv4 one that is not `mine`, primary before secondary, or the link-local IPv6 one. */
  primaryAddress(name: string, family: Family, mine: (key: string, address: IpAddress) => boolean): IpAddress | null {
    const link = this.link(name);
    if (link === undefined) return null;
    const usable = this.addressesOf(link.index).filter((address) => {
      const ip = address.prefix.address;
      return familyOf(ip) === family && !isTentative(address) && !mine(addressKey(link.index, address), ip) && (family === 'inet' || isLinkLocal6(ip));
    });
    const first = usable.find((address) => family === 'inet6' || !isSecondary(address)) ?? usable[0];
    return first?.prefix.address ?? null;
  }

  #hear(event: NetworkEvent): void {
    switch (event.type) {
      case 'link':
        return this.#putLink(event.link);
      case 'link-gone':
        return this.#dropLink(event.index);
      case 'address':
        return this.#putAddress(event.address);
      case 'address-gone':
        return this.#dropAddress(event.address);
      case 'lost':
        this.#log.warn('Netlink: messages from the kernel were lost, reading its tables again');
        return this.#resync(RETRIES);
    }
  }

  #putLink(link: Link): void {
    const before = this.#links.get(link.index);
    this.#links.set(link.index, link);
    if (before !== undefined && before.name !== link.name) this.#changed({ type: 'link-removed', name: before.name });
    if (before?.name !== link.name) this.#changed({ type: 'link-added', name: link.name });
    else if (!sameLink(before, link)) this.#changed({ type: 'link', name: link.name });
  }

  #dropLink(index: number): void {
    const link = this.#links.get(index);
    if (link === undefined) return;
    this.#links.delete(index);
    for (const [key, address] of this.#addresses) if (address.linkIndex === index) this.#addresses.delete(key);
    this.#changed({ type: 'link-removed', name: link.name });
  }

  #putAddress(address: Address): void {
    const key = addressKey(address.linkIndex, address);
    const before = this.#addresses.get(key);
    // The kernel puts a secondary that it promotes behind the other primaries.
    if (before !== undefined && isSecondary(before) && !isSecondary(address)) this.#addresses.delete(key);
    this.#addresses.set(key, address);
    const link = this.linkName(address.linkIndex);
    const usable = before === undefined || (isTentative(before) && !isTentative(address));
    if (usable && link !== undefined) this.#changed({ type: 'address-added', link, address });
  }

  #dropAddress(address: Address): void {
    if (!this.#addresses.delete(addressKey(address.linkIndex, address))) return;
    const link = this.linkName(address.linkIndex);
    if (link !== undefined) this.#changed({ type: 'address-removed', link, address });
  }

  /** One dump at a time; a loss during a dump asks for one more. */
  #resync(tries: number): void {
    if (this.#dumping) {
      this.#again = true;
      return;
    }
    this.#dumping = true;
    this.#routes.dump().then(
      (state) => {
        this.#dumping = false;
        if (this.#closed) return;
        this.#take(state);
        if (this.#again) {
          this.#again = false;
          this.#resync(RETRIES);
        }
      },
      (cause: unknown) => {
        this.#dumping = false;
        if (this.#closed) return;
        this.#log.error(`Netlink: the kernel's tables could not be read (${String(cause)})${tries > 0 ? '; trying again in 1 s' : ''}`);
        if (tries > 0) this.#retry = this.#clock.at(this.#clock.now() + RETRY, () => { this.#resync(tries - 1); });
      },
    );
  }

  #take(state: { readonly links: readonly Link[]; readonly addresses: readonly Address[] }): void {
    const links = new Set(state.links.map((l) => l.index));
    for (const index of [...this.#links.keys()]) if (!links.has(index)) this.#dropLink(index);
    for (const link of state.links) this.#putLink(link);
    const keys = new Set(state.addresses.map((a) => addressKey(a.linkIndex, a)));
    for (const [key, address] of [...this.#addresses]) if (!keys.has(key)) this.#dropAddress(address);
    for (const address of state.addresses) this.#putAddress(address);
  }
}

/** IFA_F_SECONDARY: in the subnet of another address of the interface. */
function isSecondary({ flags }: Address): boolean {
  return (flags & 0x01) !== 0;
}

/** IFA_F_TENTATIVE: duplicate address detection (RFC 4862 §5.4) has not ended, and nothing can be sent from it yet. */
function isTentative({ flags }: Address): boolean {
  return (flags & 0x40) !== 0;
}

function sameLink(a: Link, b: Link): boolean {
  return a.name === b.name && a.up === b.up && a.running === b.running && a.mtu === b.mtu && a.mac.join() === b.mac.join() && a.macvlanMode === b.macvlanMode && a.parentIndex === b.parentIndex;
}
