import type { VirtualAddress } from '../config/model.ts';
import type { Clock } from '../system/clock.ts';
import type { Address, NetlinkRoutes, NetworkOp } from '../system/netlink-routes.ts';
import { familyOf } from '../util/ip.ts';
import type { Log } from './log/log.ts';
import { addressKey, type Network } from './network.ts';

const IFA_F_NODAD = 0x02;
const IFA_F_HOMEADDRESS = 0x10;
const IFA_F_NOPREFIXROUTE = 0x200;
/** Operations handed to the kernel in one turn. */
const CHUNK = 200;
/** RTPROT_KEEPALIVED, the kernel's mark of who made an address (IFA_PROTO, Linux 5.18). */
export const PROTOCOL_KEEPALIVED = 18;

/**
 * The reconciler of addresses: makes the kernel hold what each owner (an instance) wants, by adding what is missing and
 * removing what this run added or took over. Whoever else's addresses are there, stay.
 */
export class AddressKeeper {
  readonly #routes: NetlinkRoutes;
  readonly #network: Network;
  readonly #log: Log;
  /** Keys of addresses that this run added or took over, with who wants them. */
  readonly #ours = new Map<string, string>();
  /** Keys of those that the kernel has been told to remove and has not said to be gone; one may be ours again by then. */
  readonly #leaving = new Set<string>();

  readonly #clock: Clock;
  /** Work that is too much for one turn of the event loop, in order. */
  #queue: Work[] = [];
  #draining = false;

  constructor(routes: NetlinkRoutes, clock: Clock, network: Network, log: Log) {
    this.#routes = routes;
    this.#clock = clock;
    this.#network = network;
    this.#log = log;
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
   * when its answer comes.
   */
  add(owner: string, wanted: readonly VirtualAddress[]): void {
    const operations: NetworkOp[] = [];
    for (const { address, key } of this.#resolve(wanted)) {
      if (this.#ours.has(key) && this.#network.has(key)) continue;
      this.#ours.set(key, owner);
      operations.push({ op: 'add-address', address });
    }
    this.#apply(owner, operations);
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
    this.#apply(owner, operations);
    return operations.length;
  }

  /** Keeps what stands under another name: after a reload. */
  rename(names: ReadonlyMap<string, string>): void {
    const renamed = new Map([...names].map(([to, from]) => [from, to]));
    for (const [key, owner] of this.#ours) this.#ours.set(key, renamed.get(owner) ?? owner);
  }

  /** Removes addresses that an earlier run journalled and that nobody wants any more. */
  sweep(leftovers: readonly Address[]): void {
    this.#apply('leftovers', leftovers.map((address) => ({ op: 'delete-address', address })));
  }

  #resolve(addresses: readonly VirtualAddress[]): { address: Address; key: string }[] {
    return addresses.flatMap((virtual) => {
      const link = this.#network.link(virtual.link);
      if (link === undefined) return [];
      const address = kernelAddress(virtual, link.index);
      return [{ address, key: addressKey(link.index, address) }];
    });
  }

  /** Runs `run` once the kernel has been given everything that was asked so far: now, unless that is a great deal. */
  whenDone(run: () => void): void {
    if (this.#queue.length === 0) run();
    else this.#queue.push({ run });
  }

  /** Hands all that is queued to the kernel at once: at the end there is no later. */
  flush(): void {
    while (this.#queue.length > 0) this.#turn();
  }

  #apply(owner: string, operations: readonly NetworkOp[]): void {
    for (let i = 0; i < operations.length; i += CHUNK) this.#queue.push({ owner, operations: operations.slice(i, i + CHUNK) });
    if (!this.#draining) this.#drain();
  }

  /** The kernel takes some 60 µs for an address: a chunk a turn, so that advertisements go on between them. */
  #drain(): void {
    this.#turn();
    this.#draining = this.#queue.length > 0;
    if (this.#draining) this.#clock.at(this.#clock.now(), () => { this.#drain(); });
  }

  #turn(): void {
    const work = this.#queue.shift();
    if (work === undefined) return;
    if ('run' in work) work.run();
    else this.#send(work.owner, work.operations);
    // What waits for this chunk alone need not wait for another turn.
    while (this.#queue[0] !== undefined && 'run' in this.#queue[0]) this.#turn();
  }

  #send(owner: string, operations: readonly NetworkOp[]): void {
    this.#routes.apply(operations).then(
      (results) => {
        results.forEach((error, i) => {
          const operation = operations[i];
          if (error === null || operation === undefined || expected(operation, error.code)) return;
          this.#log.error(`(${owner}) Netlink: ${error.message}`, { code: error.code, operation: operation.op });
        });
      },
      (cause: unknown) => { this.#log.error(`(${owner}) Netlink: addresses could not be set: ${String(cause)}`); },
    );
  }
}

type Work = { readonly owner: string; readonly operations: readonly NetworkOp[] } | { readonly run: () => void };

/** The kernel's form of a virtual address (rtnetlink(7)). */
export function kernelAddress(virtual: VirtualAddress, linkIndex: number): Address {
  const six = familyOf(virtual.prefix.address) === 'inet6';
  const noDad = six && virtual.noDad;
  return {
    linkIndex, prefix: virtual.prefix, peer: virtual.peer, broadcast: virtual.broadcast, label: virtual.label, scope: virtual.scope,
    flags: (noDad ? IFA_F_NODAD : 0) | (virtual.homeAddress ? IFA_F_HOMEADDRESS : 0) | (virtual.noPrefixRoute ? IFA_F_NOPREFIXROUTE : 0),
    preferred: virtual.preferred, protocol: PROTOCOL_KEEPALIVED,
  };
}

/** Already there, already gone (a primary takes its secondaries along), or its interface went: as wanted. */
function expected(operation: NetworkOp, code: string): boolean {
  return operation.op === 'add-address' ? code === 'EEXIST' : code === 'EADDRNOTAVAIL' || code === 'ENODEV';
}
