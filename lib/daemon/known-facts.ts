import type { SyncGroup, VrrpInstance } from '../config/model.ts';
import type { IpAddress } from '../util/ip.ts';
import type { Event } from '../vrrp/state.ts';
import { speakingLink } from '../vrrp/vmac.ts';
import { assess, type Facts, spoken, startLines, type Surroundings } from './facts.ts';
import type { KernelObjects } from './kernel-objects.ts';
import type { LinkStates } from './link-states.ts';
import type { Log } from './log/log.ts';
import type { Network } from './network.ts';
import type { Speakers } from './speakers.ts';
import type { Tracked } from './trackers.ts';

/** Where the facts come from. */
export interface Sources {
  readonly network: Network;
  readonly links: LinkStates;
  readonly objects: KernelObjects;
  readonly speakers: Speakers;
  readonly tracked: Tracked;
  groupOf(instance: string): SyncGroup | undefined;
  /** An address that any instance has configured. */
  isVirtual(address: IpAddress): boolean;
}

/** What was last found of each instance; looked at again, what is new or over becomes events. */
export class KnownFacts {
  readonly #from: Sources;
  readonly #log: Log;
  readonly #around: Surroundings;
  #facts = new Map<string, Facts>();
  /** By instance: the unicast source that it has spoken from. */
  #bound = new Map<string, IpAddress>();

  constructor(from: Sources, log: Log) {
    this.#from = from;
    this.#log = log;
    const { network, links, objects, speakers, tracked } = from;
    this.#around = {
      link: (name) => network.link(name),
      isUp: (name) => links.isUp(name),
      primaryAddress: (i) => {
        const link = i.extras?.ipvlan != null ? speakingLink(i) : i.link;
        const ours = (key: string): boolean => objects.addresses.isOurs(key);
        // A virtual address that a killed run left goes before the first advertisement; one that is the machine's own will do.
        return network.primaryAddress(link, i.family, (key, address) => ours(key) || from.isVirtual(address)) ?? network.primaryAddress(link, i.family, ours);
      },
      hasAddress: (i, address) => {
        const link = network.link(i.link);
        if (link === undefined) return false;
        // A VRF's addresses are those of its interfaces as well.
        const all = link.kind === 'vrf' ? network.links().filter((one) => one.index === link.index || one.masterIndex === link.index) : [link];
        return all.some(({ index }) => network.addressesOf(index).some((a) => a.prefix.address === address));
      },
      canSpeakFrom: (i) => this.#canSpeakFrom(i),
      hasSocket: (i) => speakers.isOpen(i),
      script: (name) => tracked.script(name),
      file: (name) => tracked.file(name),
      process: (name) => tracked.process(name),
      bfd: (name) => tracked.bfd(name),
      objectLinks: (i) => objects.linksFor(i),
      objectFaults: (i) => objects.faultsFor(i),
    };
  }

  /** What an instance begins with, told as keepalived does at a start. */
  first(instance: VrrpInstance): Facts {
    const { name } = instance;
    const facts = this.#look(instance);
    for (const line of startLines(name, facts)) this.#log.info(line, { instance: name });
    if (facts.priority !== instance.priority) this.#log.info(`(${name}) Changing effective priority from ${instance.priority} to ${facts.priority}`, { instance: name });
    return facts;
  }

  /** Something changed: what is new comes before what is over, so that one fault taking another's place is no recovery. */
  again(instance: VrrpInstance, anew: boolean, tell: (event: Event) => void): void {
    const { name } = instance;
    const before = this.#facts.get(name);
    const facts = this.#look(instance);
    const leaving = [...(before?.faults ?? [])].filter((reason) => facts.files.has(reason) && !facts.faults.has(reason));
    const priority: Event = { type: 'priority', value: facts.priority, leavingFault: leaving.length > 0 };
    // keepalived's: whoever a reload puts into FAULT has the new weights then.
    if (anew) tell(priority);
    // A farewell still comes from the last address.
    const moved = before?.source !== facts.source;
    if (moved && facts.source !== null) tell({ type: 'source', address: facts.source });
    for (const reason of facts.faults) {
      if (before?.faults.has(reason) === true) continue;
      if (facts.files.has(reason)) this.#log.info(`(${name}): ${spoken(reason)} now FAULT state`, { instance: name });
      tell({ type: 'fault', reason });
    }
    if (moved && facts.source === null) tell({ type: 'source', address: null });
    for (const reason of facts.holds) if (before?.holds.has(reason) !== true) tell({ type: 'hold', reason });
    for (const reason of leaving) this.#log.info(`(${name}): ${spoken(reason)} leaving FAULT state`, { instance: name });
    if (!anew) tell(priority);
    for (const reason of before?.faults ?? []) if (!facts.faults.has(reason)) tell({ type: 'recovery', reason, anew });
    for (const reason of before?.holds ?? []) if (!facts.holds.has(reason) && !facts.faults.has(reason)) tell({ type: 'release', reason });
  }

  /** After a reload: what was known under old names. `kept`: new name to old. */
  rename(kept: ReadonlyMap<string, string>): void {
    this.#facts = renamed(this.#facts, kept);
    this.#bound = renamed(this.#bound, kept);
  }

  #look(instance: VrrpInstance): Facts {
    const facts = assess(instance, this.#from.groupOf(instance.name), this.#around, this.#facts.get(instance.name));
    this.#facts.set(instance.name, facts);
    return facts;
  }

  /** A unicast source must have been on this machine once; keepalived binds to it and does not mind its going. */
  #canSpeakFrom({ name, sourceAddress, unicastPeers }: VrrpInstance): boolean {
    if (sourceAddress === null || unicastPeers.length === 0 || this.#bound.get(name) === sourceAddress) return true;
    if (!this.#from.network.holds(sourceAddress)) return false;
    this.#bound.set(name, sourceAddress);
    return true;
  }
}

function renamed<T>(values: ReadonlyMap<string, T>, kept: ReadonlyMap<string, string>): Map<string, T> {
  return new Map([...kept].flatMap(([to, old]) => { const value = values.get(old); return value === undefined ? [] : [[to, value] as const]; }));
}
