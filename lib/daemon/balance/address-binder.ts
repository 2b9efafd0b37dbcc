import { boundKey, type BoundAddress } from '../../ipvs/bound-addresses.ts';
import type { Clock } from '../../system/clock.ts';
import { SystemError } from '../../system/error.ts';
import type { Files } from '../../system/files.ts';
import type { Address, NetlinkRoutes, NetworkOp } from '../../system/netlink-routes.ts';
import { familyOf, maxPrefix, parseIp } from '../../util/ip.ts';
import { PROTOCOL_KEEPALIVED } from '../../util/route.ts';
import type { Cancel, Millis } from '../../util/time.ts';
import { isAsWanted } from '../kernel-queue.ts';
import type { Log } from '../log/log.ts';
import { addressKey, type Network, type NetworkChange } from '../network.ts';

const FIRST_PAUSE: Millis = 1000;
const LONGEST_PAUSE: Millis = 60_000;
const IFA_F_NODAD = 0x02;

export interface AddressBinderParts {
  readonly network: Network;
  readonly routes: Pick<NetlinkRoutes, 'apply'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly files: Pick<Files, 'read' | 'write' | 'remove'>;
  /** Its journal, and what identifies this boot of this network namespace. */
  readonly journal: { readonly path: string; readonly epoch: string };
}

/**
 * Puts addresses on interfaces, as /32 or /128, and takes them off again (vip_bind_dev, local addresses with a device). What was
 * there before is left alone, now and later. What is put there is written down before, so that the run after a killed one knows it.
 */
export class AddressBinder {
  readonly #parts: AddressBinderParts;
  #wanted: ReadonlyMap<string, BoundAddress> = new Map();
  /** What this run, or one before it, has put there. */
  readonly #ours = new Map<string, BoundAddress>();
  #written = '';
  #running: Promise<void> | null = null;
  #again = false;
  #retry: Cancel | null = null;
  #pause: Millis = FIRST_PAUSE;
  #closed = false;
  #adopted = false;
  /** What has been said, so that what stays is told once. */
  readonly #said = new Set<string>();

  constructor(parts: AddressBinderParts) {
    this.#parts = parts;
  }

  /** What a killed run left becomes ours. True when there is any: then the network must be known from now on. */
  async leftover(): Promise<boolean> {
    const { files, log, journal: { path, epoch } } = this.#parts;
    try {
      const text = new TextDecoder().decode(await files.read(path));
      for (const one of boundIn(JSON.parse(text), epoch)) this.#ours.set(boundKey(one), one);
      this.#written = text;
    } catch (cause) {
      if (!(cause instanceof SystemError && cause.code === 'ENOENT')) log.warn(`journal ${path} cannot be read: ${String(cause)}`);
    }
    return this.#ours.size > 0;
  }

  /** From now on these should be there. */
  want(all: readonly BoundAddress[]): void {
    this.#wanted = new Map(all.map((one) => [boundKey(one), one]));
    this.#begin();
  }

  /** Has this run, or one before it, put it there? */
  holds(one: BoundAddress): boolean {
    return this.#ours.has(boundKey(one));
  }

  /** Resolves when all that was wanted so far has been tried. */
  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  /** An interface came, or somebody else took an address of ours. */
  changed(change: NetworkChange): void {
    if (change.type === 'link-removed') for (const [key, { link }] of this.#ours) if (link === change.name) this.#ours.delete(key);
    if (change.type === 'link-added' && [...this.#wanted.values()].some(({ link }) => link === change.name)) this.#begin();
    if (change.type !== 'address-removed') return;
    const key = boundKey({ link: change.link, address: change.address.prefix.address });
    if (!this.#ours.delete(key) || !this.#wanted.has(key)) return;
    this.#parts.log.warn(`${change.address.prefix.address} has gone from ${change.link}, which was not our doing: adding it again`);
    this.#later();
  }

  /** `keep`: all stays, for the next run to take over. */
  async close(keep: boolean): Promise<void> {
    if (!keep) this.want([]);
    await this.settled();
    this.#closed = true;
    this.#retry?.();
  }

  #begin(): void {
    if (this.#closed) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => { this.#running = null; });
  }

  async #run(): Promise<void> {
    // What is wanted in one turn is one change.
    await Promise.resolve();
    while (this.#again && !this.#closed) {
      this.#again = false;
      if (await this.#once()) this.#pause = FIRST_PAUSE;
      else this.#later();
    }
  }

  /** False when something must be tried again. */
  async #once(): Promise<boolean> {
    this.#adopt();
    const wanted = this.#wanted;
    const departures = [...this.#ours.values()].filter((one) => !wanted.has(boundKey(one)));
    const arrivals = [...wanted.values()].filter((one) => this.#isMissing(one));
    for (const one of departures) this.#ours.delete(boundKey(one));
    const gone = await this.#apply('delete-address', departures);
    // Written before they are there: who is killed in between leaves nothing that nobody knows of.
    if (arrivals.length > 0) await this.#note(arrivals);
    const come = await this.#apply('add-address', arrivals);
    await this.#note([]);
    return gone && come;
  }

  /** A message for each, and one entry of the log; false when one was refused. */
  async #apply(op: 'add-address' | 'delete-address', all: readonly BoundAddress[]): Promise<boolean> {
    const { network, routes, log } = this.#parts;
    const given = all.flatMap((one) => {
      const link = network.link(one.link);
      return link === undefined ? [] : [{ one, operation: { op, address: kernelAddress(one, link.index) } satisfies NetworkOp }];
    });
    if (given.length === 0) return true;
    try {
      const results = await routes.apply(given.map(({ operation }) => operation));
      let well = true;
      for (const [i, { one, operation }] of given.entries()) {
        const problem = results[i] ?? null;
        const doing = op === 'add-address' ? `Adding ${one.address} to ${one.link}` : `Removing ${one.address} from ${one.link}`;
        if (problem === null) {
          log.info(doing);
          this.#said.delete(doing);
          // One that is there already (EEXIST) is somebody else's, who was faster.
          if (op === 'add-address') this.#ours.set(boundKey(one), one);
        } else if (!isAsWanted(operation, problem.code)) {
          well = false;
          if (op === 'delete-address') this.#ours.set(boundKey(one), one);
          this.#tell('error', `${doing}: ${problem.message}`, doing);
        }
      }
      return well;
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      // What became of them is not known: what is there is found at the next attempt.
      for (const one of op === 'delete-address' ? all : []) this.#ours.set(boundKey(one), one);
      this.#tell('error', `addresses could not be set: ${cause.message}`);
      return false;
    }
  }

  #isMissing(one: BoundAddress): boolean {
    if (this.#ours.has(boundKey(one))) return false;
    const { network } = this.#parts;
    const link = network.link(one.link);
    if (link === undefined) {
      this.#tell('warn', `there is no interface ${one.link} yet: ${one.address} is added to it when there is`);
      return false;
    }
    if (!network.addressesOf(link.index).some(({ prefix }) => prefix.address === one.address)) return true;
    this.#tell('info', `${one.address} is on ${one.link} already: it stays as it is, whatever becomes of the quorum`);
    return false;
  }

  /** Of what the journal names, what is there and is not marked as somebody else's. */
  #adopt(): void {
    if (this.#adopted) return;
    this.#adopted = true;
    const { network } = this.#parts;
    for (const [key, one] of this.#ours) {
      const link = network.link(one.link);
      const address = link === undefined ? undefined : network.get(addressKey(link.index, kernelAddress(one, link.index)));
      if (address === undefined || (address.protocol !== null && address.protocol !== PROTOCOL_KEEPALIVED)) this.#ours.delete(key);
    }
  }

  async #note(coming: readonly BoundAddress[]): Promise<void> {
    const { files, log, journal: { path, epoch } } = this.#parts;
    const all = [...this.#ours.values(), ...coming];
    const text = all.length === 0 ? '' : `${JSON.stringify({ epoch, addresses: all })}\n`;
    if (text === this.#written) return;
    this.#written = text;
    try {
      if (text === '') await files.remove(path);
      else await files.write(path, text, 0o600);
    } catch (cause) {
      if (!(cause instanceof SystemError && cause.code === 'ENOENT')) log.warn(`journal ${path} cannot be written (${String(cause)}): if this daemon is killed, addresses that it has added stay until removed by hand`);
    }
  }

  #later(): void {
    if (this.#closed) return;
    this.#retry?.();
    const pause = this.#pause;
    this.#pause = Math.min(pause * 2, LONGEST_PAUSE);
    this.#retry = this.#parts.clock.at(this.#parts.clock.now() + pause, () => {
      this.#retry = null;
      this.#begin();
    });
  }

  /** Once, for as long as it is so. */
  #tell(level: 'info' | 'warn' | 'error', line: string, key = line): void {
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.#parts.log[level](line);
  }
}

/** IPv6: without duplicate address detection, since other directors may hold it too, and never a source of its own accord. */
function kernelAddress({ address }: BoundAddress, linkIndex: number): Address {
  const family = familyOf(address);
  return {
    linkIndex, prefix: { address, length: maxPrefix(family) }, peer: null, broadcast: null, label: null, scope: 0, flags: family === 'inet6' ? IFA_F_NODAD : 0, preferred: family === 'inet6' ? 0 : null,
    protocol: PROTOCOL_KEEPALIVED,
  };
}

function boundIn(value: unknown, epoch: string): BoundAddress[] {
  if (typeof value !== 'object' || value === null || !('epoch' in value) || value.epoch !== epoch || !('addresses' in value) || !Array.isArray(value.addresses)) return [];
  return value.addresses.flatMap((one: unknown) => {
    if (typeof one !== 'object' || one === null || !('link' in one) || !('address' in one) || typeof one.link !== 'string' || typeof one.address !== 'string') return [];
    const address = parseIp(one.address);
    return address === null ? [] : [{ link: one.link, address }];
  });
}
