import type { VirtualAddress } from '../config/model.ts';
import type { Address, NetworkOp } from '../system/netlink-routes.ts';
import { familyOf } from '../util/ip.ts';
import { PROTOCOL_KEEPALIVED } from '../util/route.ts';
import { isAsWanted, type KernelQueue } from './kernel-queue.ts';
import { addressKey, type Network } from './network.ts';

const IFA_F_NODAD = 0x02;
const IFA_F_HOMEADDRESS = 0x10;
const IFA_F_MANAGETEMPADDR = 0x100;
const IFA_F_NOPREFIXROUTE = 0x200;
const IFA_F_MCAUTOJOIN = 0x400;

/**
 * The reconciler of addresses: makes the kernel hold what each owner (an instance) wants, by adding what is missing and
 * removing what this run added or took over. Whoever else's addresses are there, stay.
 */
export class AddressKeeper {
  readonly #queue: KernelQueue;
  readonly #network: Network;
  /** Keys of addresses that this run added or took over, with who wants them. */
  readonly #ours = new Map<string, string>();
  /** Keys of those that the kernel has been told to remove and has not said to be gone; one may be ours again by then. */
  readonly #leaving = new Set<string>();

  constructor(queue: KernelQueue, network: Network) {
    this.#queue = queue;
    this.#network = network;
  }

  /** Also one that is being removed, as long as the kernel has not said that it is gone. */
  isOurs(key: string): boolean {
    return this.#ours.has(key) || (this.#leaving.has(key) && this.#network.has(key));
  }

  /** Whose address this is; null when it is none of ours. */
  ownerOf(key: string): string | null {
    return this.#ours.get(key) ?? null;
  }

  /** The kernel says that it is gone: was it told so, and not somebody else's doing? */
  wasTold(key: string): boolean {
    return this.#leaving.delete(key);
  }

  /** Which instance lost this address; null when it is none of ours. Forgets it. */
  lost(key: string): string | null {
    const owner = this.#ours.get(key) ?? null;
    this.#ours.delete(key);
    return owner;
  }

  /**
   * Adds what `owner` wants and the kernel lacks. When this returns the kernel has the addresses; what failed is logged
   * when its answer comes, and `answered` hears of each address.
   */
  add(owner: string, wanted: readonly VirtualAddress[], answered?: (virtual: VirtualAddress, refused: boolean) => void): void {
    const operations = new Map<NetworkOp, VirtualAddress>();
    for (const { virtual, address, key } of this.#resolve(wanted)) {
      if (this.#ours.has(key) && this.#network.has(key)) continue;
      this.#ours.set(key, owner);
      operations.set({ op: 'add-address', address }, virtual);
    }
    this.#queue.push(owner, [...operations.keys()], (operation, error) => {
      const virtual = operations.get(operation);
      if (virtual !== undefined) answered?.(virtual, error !== null && !isAsWanted(operation, error.code));
    });
  }

  /** Removes those of `addresses` that are ours, and with `leftovers` also those that an earlier run left behind. */
  remove(owner: string, addresses: readonly VirtualAddress[], leftovers: boolean): number {
    const operations: NetworkOp[] = [];
    for (const { address, key } of this.#resolve(addresses)) {
      if (!this.#ours.has(key) && !(leftovers && this.#network.has(key))) continue;
      this.#ours.delete(key);
      if (this.#network.has(key)) this.#leaving.add(key);
      operations.push({ op: 'delete-address', address });
    }
    this.#queue.push(owner, operations);
    return operations.length;
  }

  /** Keeps what stands under another name: after a reload. */
  rename(names: ReadonlyMap<string, string>): void {
    const renamed = new Map([...names].map(([to, from]) => [from, to]));
    for (const [key, owner] of this.#ours) this.#ours.set(key, renamed.get(owner) ?? owner);
  }

  /** Removes addresses that an earlier run journalled and that nobody wants any more. */
  sweep(leftovers: readonly Address[]): void {
    this.#queue.push('leftovers', leftovers.map((address) => ({ op: 'delete-address', address })));
  }

  #resolve(addresses: readonly VirtualAddress[]): { virtual: VirtualAddress; address: Address; key: string }[] {
    return addresses.flatMap((virtual) => {
      const link = this.#network.link(virtual.link);
      if (link === undefined) return [];
      const address = kernelAddress(virtual, link.index);
      return [{ virtual, address, key: addressKey(link.index, address) }];
    });
  }
}

/** The kernel's form of a virtual address (rtnetlink(7)). */
export function kernelAddress(virtual: VirtualAddress, linkIndex: number): Address {
  const six = familyOf(virtual.prefix.address) === 'inet6';
  const flags = [
    six && virtual.noDad ? IFA_F_NODAD : 0, virtual.homeAddress ? IFA_F_HOMEADDRESS : 0, virtual.noPrefixRoute ? IFA_F_NOPREFIXROUTE : 0,
    six && virtual.manageTemporary ? IFA_F_MANAGETEMPADDR : 0, virtual.autoJoin ? IFA_F_MCAUTOJOIN : 0,
  ];
  return {
    linkIndex, prefix: virtual.prefix, peer: virtual.peer, broadcast: virtual.broadcast, label: virtual.label, scope: virtual.scope,
    flags: flags.reduce((all, flag) => all | flag), preferred: virtual.preferred, protocol: PROTOCOL_KEEPALIVED,
  };
}
