import type { Config } from '../config/model.ts';
import type { Address, Link, LinkOp, NetworkOp } from '../system/netlink-routes.ts';
import type { System } from '../system/system.ts';
import { familyOf, isLinkLocal6, type IpAddress, type Prefix } from '../util/ip.ts';
import { PROTOCOL_KEEPALIVED } from '../util/route.ts';
import type { Cancel, Millis } from '../util/time.ts';
import { fits, planVmacs, type VirtualMac } from '../vrrp/vmac.ts';
import type { Log } from './log/log.ts';
import type { Network, NetworkChange } from './network.ts';
import { VmacSysctls } from './vmac-sysctls.ts';

const IFA_F_NODAD = 0x02;
/** Pause before what was made anew is made anew again. */
const PAUSE: Millis = 1000;

/**
 * Makes the macvlans of virtual MACs, takes over those that an earlier run left, makes them anew when somebody deletes them or
 * the interface below comes back, and removes them. None of it is on an advertisement's way: it happens before instances
 * start, and between reloads.
 */
export class VmacKeeper {
  readonly #system: Pick<System, 'routes' | 'clock'>;
  readonly #network: Network;
  readonly #log: Log;
  readonly #sysctls: VmacSysctls;
  #wanted: readonly VirtualMac[] = [];
  /** Names that are ours, of this run or of a killed one. */
  readonly #ours = new Set<string>();
  /** Index of those that are set up. */
  readonly #ready = new Map<string, number>();
  /** The link-local address that each IPv6 one was given. */
  readonly #linkLocal = new Map<string, IpAddress>();
  readonly #told = new Map<string, string>();
  /** Whose each is or was, for the log. */
  readonly #owners = new Map<string, string>();
  #work: Promise<void> = Promise.resolve();
  #timer: Cancel = () => undefined;
  #armed = false;
  #earliest: Millis = 0;
  #stopped = false;

  constructor(system: Pick<System, 'routes' | 'clock' | 'sysctls'>, network: Network, log: Log) {
    this.#system = system;
    this.#network = network;
    this.#log = log;
    this.#sysctls = new VmacSysctls(system.sysctls, log);
  }

  /** The configuration as it is on this machine; `left`: names that a killed run may have made. */
  plan(config: Config, left: ReadonlySet<string>): Config {
    for (const name of left) this.#ours.add(name);
    const plan = planVmacs(config, this.#network.links(), this.#ours);
    this.#wanted = plan.vmacs;
    for (const { name, instance } of plan.vmacs) this.#owners.set(name, instance);
    return plan.config;
  }

  /** Sysctls of other interfaces that were set, by path: what was found there. */
  get found(): ReadonlyMap<string, string> {
    return this.#sysctls.found;
  }

  /** What is to be known to the next run if this one is killed: first all names, then what `prepare` brings. */
  get names(): readonly string[] {
    return [...new Set([...this.#ours, ...this.#wanted.map(({ name }) => name)])];
  }

  /** Sysctls of other interfaces that will be written, as they were found. */
  prepare(left: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, string>> {
    const own = new Set(this.names);
    return this.#sysctls.prepare(this.#possible().filter(({ ipvlan }) => ipvlan === null), this.#network.links().map(({ name }) => name).filter((name) => !own.has(name)), left);
  }

  /** Makes what is missing; resolves when all that can be there is. */
  make(): Promise<void> {
    return this.#next(async () => {
      await this.#sysctls.apply();
      await this.#pass(true);
    });
  }

  /** Removes those of ours that nobody wants any more, and puts back sysctls. */
  release(): Promise<void> {
    return this.#next(async () => {
      const wanted = new Set(this.#wanted.map(({ name }) => name));
      await this.#delete([...this.#ours].filter((name) => !wanted.has(name)));
      await this.#sysctls.release();
    });
  }

  /** From now on nothing is made anew. */
  stop(): void {
    this.#stopped = true;
    this.#timer();
  }

  /** At the stop, when all sockets are closed. */
  async remove(): Promise<void> {
    await this.#work;
    await this.#delete([...this.#ours]);
    await this.#sysctls.restore();
  }

  networkChanged(change: NetworkChange): void {
    const name = change.type === 'address-added' || change.type === 'address-removed' ? change.link : change.name;
    switch (change.type) {
      case 'link-added':
      case 'link-removed':
        if (change.type === 'link-removed') this.#ready.delete(name);
        if (this.#wanted.some((vmac) => vmac.base === name || vmac.name === name)) this.#later();
        return;
      case 'address-added':
        if (isLinkLocal6(change.address.prefix.address) && this.#wanted.some((vmac) => vmac.base === name && vmac.family === 'inet6')) this.#later();
        return;
      case 'link':
      case 'address-removed':
        return;
    }
  }

  /** Once for all that is heard in one turn, and not at once again after something was made. */
  #later(): void {
    if (this.#stopped || this.#armed) return;
    this.#armed = true;
    const { clock } = this.#system;
    this.#timer = clock.at(Math.max(clock.now(), this.#earliest), () => {
      this.#armed = false;
      void this.#next(async () => {
        for (const base of new Set(this.#wanted.map((vmac) => vmac.base))) await this.#sysctls.linkAdded(base);
        await this.#pass(false);
      });
    });
  }

  /** One thing after the other; what fails is said, and the next goes on. */
  #next(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(async () => {
      if (!this.#stopped) await work();
    }).catch((cause: unknown) => {
      this.#log.error(`virtual MAC interfaces: ${cause instanceof Error ? cause.message : String(cause)}`);
    });
    return this.#work;
  }

  /** Those without a rival on this machine. */
  #possible(): VirtualMac[] {
    return this.#wanted.filter((vmac) => {
      if (vmac.conflict !== null) this.#say(vmac, `(${vmac.instance}) VMAC ${vmac.name} cannot be used: ${vmac.conflict}`);
      return vmac.conflict === null;
    });
  }

  async #pass(awaited: boolean): Promise<void> {
    const missing = this.#possible().filter((vmac) => this.#isMissing(vmac));
    if (missing.length > 0) await this.#network.refresh();
    const made = missing.filter((vmac) => this.#isMissing(vmac)).map((vmac) => ({ vmac, ops: this.#toMake(vmac) })).filter(({ ops }) => ops !== null);
    const there: VirtualMac[] = [];
    for (const { vmac, ops } of made) {
      if (await this.#apply(vmac, [...(ops ?? []), ...(vmac.ipvlan === null ? [{ op: 'no-address-generation', name: vmac.name } as const] : [])])) there.push(vmac);
    }
    if (there.length > 0) {
      this.#earliest = this.#system.clock.now() + PAUSE;
      await this.#network.refresh();
      await Promise.all(there.filter(({ ipvlan }) => ipvlan === null).map((vmac) => this.#sysctls.setUp(vmac)));
    }
    const ready: VirtualMac[] = [];
    for (const vmac of there) if (await this.#comeUp(vmac)) ready.push(vmac);
    await this.#giveLinkLocals();
    await this.#giveOwn();
    for (const vmac of ready.filter(({ notify }) => notify)) await this.#apply(vmac, [{ op: 'set-link-up', name: vmac.name }]);
    // Who waits for it has to know; else the kernel tells, in its order.
    if (awaited && there.length > 0) await this.#network.refresh();
  }

  #isMissing({ name, base }: VirtualMac): boolean {
    const link = this.#network.link(name);
    return this.#network.link(base) !== undefined && (link === undefined || this.#ready.get(name) !== link.index || !this.#fits(name));
  }

  #fits(name: string): boolean {
    const vmac = this.#wanted.find((one) => one.name === name);
    const link = this.#network.link(name);
    const base = vmac === undefined ? undefined : this.#network.link(vmac.base);
    return vmac !== undefined && link !== undefined && base !== undefined && fits(link, vmac, base.index);
  }

  /** null: it cannot be made. */
  #toMake(vmac: VirtualMac): LinkOp[] | null {
    const base = this.#network.link(vmac.base);
    const link = this.#network.link(vmac.name);
    if (base === undefined) return null;
    const common = { name: vmac.name, parentIndex: base.index, group: vmac.group ?? base.group ?? 0, masterIndex: this.#vrfOf(base) };
    const add: LinkOp = vmac.ipvlan === null ? { op: 'add-macvlan', macvlan: { ...common, mac: vmac.mac } } : { op: 'add-ipvlan', ipvlan: { ...common, flags: vmac.ipvlan.flags } };
    if (link === undefined) return [add];
    if (fits(link, vmac, base.index)) {
      this.#log.info(`(${vmac.instance}) Found matching interface ${vmac.name}`);
      return [];
    }
    if (link.kind !== kindOf(vmac)) {
      this.#say(vmac, `(${vmac.instance}) interface ${vmac.name} already exists and is ${vmac.ipvlan === null ? 'not a private macvlan; remove it, or give use_vmac another name' : 'no ipvlan; remove it, or give use_ipvlan another name'}`);
      return null;
    }
    this.#log.info(`(${vmac.instance}) VMAC ${vmac.name} already exists but is incompatible. It will be deleted/updated`);
    if (vmac.ipvlan === null && link.parentIndex === base.index) return [{ op: 'set-macvlan', name: vmac.name, mac: vmac.mac }];
    this.#log.info(`(${vmac.instance}) Removing old VMAC interface ${vmac.name} due to conflicting interface`);
    return [{ op: 'delete-link', index: link.index, name: link.name }, add];
  }

  /** A base's bridge or bond is no concern of its macvlans, its VRF is. */
  #vrfOf({ masterIndex }: Link): number | null {
    const master = masterIndex === undefined ? undefined : this.#network.links().find(({ index }) => index === masterIndex);
    return master?.kind === 'vrf' ? master.index : null;
  }

  async #comeUp(vmac: VirtualMac): Promise<boolean> {
    const link = this.#network.link(vmac.name);
    if (link === undefined || !(await this.#apply(vmac, [{ op: 'set-link-up', name: vmac.name }]))) return false;
    if (!this.#ready.has(vmac.name) && !(link.up && this.#ours.has(vmac.name))) this.#log.info(`(${vmac.instance}): Success creating ${vmac.ipvlan === null ? 'VMAC' : 'ipvlan'} interface ${vmac.name}`);
    this.#ours.add(vmac.name);
    this.#ready.set(vmac.name, link.index);
    this.#told.delete(vmac.name);
    return true;
  }

  /** Adverts come from the base's link-local address, so that the macvlan must have it as well; deprecated, so that nothing else uses it. */
  async #giveLinkLocals(): Promise<void> {
    for (const vmac of this.#possible()) {
      const link = this.#network.link(vmac.name);
      const address = this.#network.primaryAddress(vmac.base, 'inet6', () => false);
      if (vmac.ipvlan !== null || vmac.family !== 'inet6' || link === undefined || address === null || this.#ready.get(vmac.name) !== link.index) continue;
      const there = this.#network.addressesOf(link.index);
      const before = this.#linkLocal.get(vmac.name);
      const ops: NetworkOp[] = [];
      if (!there.some(({ prefix }) => prefix.address === address)) ops.push({ op: 'add-address', address: linkLocal(link.index, address) });
      if (before !== undefined && before !== address && there.some(({ prefix }) => prefix.address === before)) ops.push({ op: 'delete-address', address: linkLocal(link.index, before) });
      if (await this.#apply(vmac, ops)) this.#linkLocal.set(vmac.name, address);
    }
  }

  /** Of each ipvlan, the address that it was configured with. */
  async #giveOwn(): Promise<void> {
    for (const vmac of this.#possible()) {
      const link = this.#network.link(vmac.name);
      const own = vmac.ipvlan?.address ?? null;
      if (own === null || link === undefined || this.#ready.get(vmac.name) !== link.index) continue;
      if (this.#network.addressesOf(link.index).some(({ prefix }) => prefix.address === own.address)) continue;
      await this.#apply(vmac, [{ op: 'add-address', address: ownAddress(link.index, own) }]);
    }
  }

  async #apply(vmac: VirtualMac, ops: readonly NetworkOp[]): Promise<boolean> {
    if (ops.length === 0) return true;
    const refused = (await this.#system.routes.apply(ops)).find((error) => error !== null && error.code !== 'EEXIST' && error.code !== 'EAFNOSUPPORT') ?? null;
    if (refused !== null && refused.operation === 'add interface' && vmac.ipvlan !== null) this.#say(vmac, `(${vmac.instance}): Unable to create ipvlan interface ${vmac.name} (${refused.code}${refused.code === 'EOPNOTSUPP' ? ': this kernel has none' : ''})`);
    else if (refused !== null) this.#say(vmac, `(${vmac.instance}): ${vmac.ipvlan === null ? 'VMAC' : 'ipvlan'} interface ${vmac.name}: ${refused.message}${refused.code === 'EADDRINUSE' ? ': another macvlan of the interface has the same MAC' : ''}`);
    return refused === null;
  }

  async #delete(names: readonly string[]): Promise<void> {
    const present = names.flatMap((name) => {
      const link = this.#network.link(name);
      this.#ours.delete(name);
      this.#ready.delete(name);
      this.#linkLocal.delete(name);
      return link?.kind === 'macvlan' || link?.kind === 'ipvlan' ? [link] : [];
    });
    if (present.length === 0) return;
    const results = await this.#system.routes.apply(present.map(({ index, name }) => ({ op: 'delete-link', index, name })));
    present.forEach(({ name }, i) => {
      const error = results[i] ?? null;
      if (error === null) this.#log.info(`${this.#owners.has(name) ? `(${this.#owners.get(name) ?? ''}) ` : ''}Success removing VMAC interface ${name}`);
      else if (error.code !== 'ENODEV') this.#log.warn(`VMAC interface ${name}: ${error.message}; remove it by hand: ip link delete ${name}`);
    });
  }

  /** What goes on is said once. */
  #say({ name }: VirtualMac, text: string): void {
    if (this.#told.get(name) !== text) this.#log.error(text);
    this.#told.set(name, text);
  }
}

function kindOf({ ipvlan }: VirtualMac): string {
  return ipvlan === null ? 'macvlan' : 'ipvlan';
}

function ownAddress(linkIndex: number, prefix: Prefix): Address {
  const flags = familyOf(prefix.address) === 'inet6' ? IFA_F_NODAD : 0;
  return { linkIndex, prefix, peer: null, broadcast: null, label: null, scope: isLinkLocal6(prefix.address) ? 'link' : 'global', flags, preferred: null, protocol: PROTOCOL_KEEPALIVED };
}

function linkLocal(linkIndex: number, address: IpAddress): Address {
  const length = familyOf(address) === 'inet6' ? 64 : 32;
  return { linkIndex, prefix: { address, length }, peer: null, broadcast: null, label: null, scope: 'link', flags: IFA_F_NODAD, preferred: 0, protocol: PROTOCOL_KEEPALIVED };
}
