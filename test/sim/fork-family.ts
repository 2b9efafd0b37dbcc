import type { GenericFamily } from '../../lib/codec/genetlink.ts';
import { attributeU32, AttributeWriter, decodeAttributes, findAttribute, type NetlinkAttribute, type NetlinkMessage } from '../../lib/codec/netlink.ts';
import type { NetlinkRequest } from '../../lib/linux/netlink-requests.ts';
import { SystemError } from '../../lib/system/error.ts';
import { toHex } from '../../lib/util/bytes.ts';

/** Whose kernel answers. */
export type Fork = 'stock' | 'alibaba v2' | 'alibaba v3' | 'xiaomi';

const STOCK = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17];
const COMMANDS: Readonly<Record<Fork, readonly number[]>> = {
  'stock': STOCK, 'alibaba v2': [...STOCK, 18, 19, 20], 'alibaba v3': [...STOCK, 18, 19, 20], 'xiaomi': [...STOCK, 18, 19, 20, 21, 22, 23],
};
const FAMILY = 0x1c;
/** Words about a service that names it: family, protocol, address, port, mark. */
const KEY = [1, 2, 3, 4, 5];

interface Held {
  readonly attributes: Map<number, Uint8Array>;
  readonly destinations: Map<string, Map<number, Uint8Array>>;
  readonly local: Set<string>;
}

/**
 * The generic netlink family IPVS of a kernel, as fullnat.md 1.4 and 1.5 tell of it: it takes bytes, keeps a table, and answers
 * bytes. Nothing of lib/codec/ipvs is in it.
 */
export class ForkFamily {
  readonly family: GenericFamily;
  /** What was asked for that changes something: payloads in hexadecimal, in order. */
  readonly asked: string[] = [];
  readonly #fork: Fork;
  readonly #table = new Map<string, Held>();

  constructor(fork: Fork) {
    this.#fork = fork;
    this.family = { name: 'IPVS', id: FAMILY, version: 1, commands: COMMANDS[fork] };
  }

  /** Services with servers and local addresses, by number: `tcp-like key: 2 servers, 1 local`. */
  get table(): readonly { readonly destinations: number; readonly local: readonly string[] }[] {
    return [...this.#table.values()].map(({ destinations, local }) => ({ destinations: destinations.size, local: [...local] }));
  }

  batch(requests: readonly NetlinkRequest[]): Promise<readonly (SystemError | null)[]> {
    return Promise.resolve(requests.map(({ payload, operation, object }) => {
      this.asked.push(toHex(payload));
      const code = this.#carryOut(payload);
      return code === null ? null : new SystemError(operation, object, code);
    }));
  }

  ask({ payload }: NetlinkRequest): Promise<readonly NetlinkMessage[]> {
    const info = new AttributeWriter().u8(14).u8(1).zeros(2).attributeU32(1, 0x10201).attributeU32(2, this.#fork === 'stock' ? 4096 : 4194304).finish();
    const timeouts = new AttributeWriter().u8(12).u8(1).zeros(2).attributeU32(4, 900).attributeU32(5, 120).attributeU32(6, 300).finish();
    return Promise.resolve([message(payload[0] === 15 ? info : timeouts)]);
  }

  dump({ payload, operation, object }: NetlinkRequest): Promise<readonly NetlinkMessage[]> {
    const command = payload[0] ?? 0;
    if (command === 4) return Promise.resolve([...this.#table.values()].map((held) => message(this.#service(held))));
    if (command === 11) return Promise.resolve([]);
    if (!COMMANDS[this.#fork].includes(command)) return Promise.reject(new SystemError(operation, object, 'EOPNOTSUPP'));
    const held = this.#table.get(keyOf(nested(payload, 1)));
    if (held === undefined) return Promise.reject(new SystemError(operation, object, 'ESRCH'));
    if (command === 20) return Promise.resolve([...held.local].map((address) => message(local(address))));
    return Promise.resolve([...held.destinations.values()].map((one) => message(this.#destination(one))));
  }

  close(): void {
    // Nothing is open.
  }

  /** null when it is done, else the errno. */
  #carryOut(payload: Uint8Array): string | null {
    const command = payload[0] ?? 0;
    if (!COMMANDS[this.#fork].includes(command)) return 'EOPNOTSUPP';
    if (command === 17) {
      this.#table.clear();
      return null;
    }
    if (command === 16) return this.#fork === 'alibaba v3' ? 'EACCES' : null;
    const service = nested(payload, 1);
    const key = keyOf(service);
    const held = this.#table.get(key);
    switch (command) {
      case 1:
        if (held !== undefined) return 'EEXIST';
        this.#table.set(key, { attributes: new Map(service.map(({ type, value }) => [type, value])), destinations: new Map(), local: new Set() });
        return null;
      case 2:
        if (held === undefined) return 'ESRCH';
        for (const { type, value } of service) held.attributes.set(type, value);
        return null;
      case 3: return this.#table.delete(key) ? null : 'ESRCH';
      case 5:
      case 6:
      case 7: return held === undefined ? 'ESRCH' : onDestination(command, held, nested(payload, 2));
      case 18:
      case 19: return this.#onLocal(command, held, nested(payload, 7), nested(payload, 8));
      default: return null;
    }
  }

  #onLocal(command: 18 | 19, held: Held | undefined, laddr: readonly NetlinkAttribute[], zone: readonly NetlinkAttribute[]): string | null {
    if (this.#fork === 'xiaomi') return zone.length === 0 ? 'EINVAL' : null;
    const address = toHex(findAttribute(laddr, 1) ?? new Uint8Array());
    if (held === undefined) return 'ESRCH';
    if (address.length !== 32) return 'EINVAL';
    if (command === 19) return held.local.delete(address) ? null : 'ENOENT';
    if (held.local.has(address)) return 'EEXIST';
    held.local.add(address);
    return null;
  }

  #service({ attributes }: Held): Uint8Array {
    const writer = new AttributeWriter().u8(1).u8(1).zeros(2);
    return writer.nested(1, (inner) => {
      for (const [type, value] of attributes) if (type !== 11) inner.attribute(type, value);
      inner.nested(10, (stats) => { this.#counters(stats); });
      if (this.#fork === 'alibaba v3') inner.attribute(11, attributes.get(11) ?? new Uint8Array(4));
    }).finish();
  }

  #destination(attributes: ReadonlyMap<number, Uint8Array>): Uint8Array {
    return new AttributeWriter().u8(5).u8(1).zeros(2).nested(2, (inner) => {
      for (const [type, value] of attributes) inner.attribute(type, value);
      inner.attributeU32(7, 0).attributeU32(8, 0).attributeU32(9, 0).nested(10, (stats) => { this.#counters(stats); });
    }).finish();
  }

  /** The first three are longer with the forks; the rates have always 32 bits. */
  #counters(stats: AttributeWriter): void {
    const wide = (type: number): void => { stats.attribute(type, Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 0)); };
    for (const type of [1, 2, 3]) {
      if (this.#fork === 'stock') stats.attributeU32(type, type);
      else wide(type);
    }
    wide(4);
    wide(5);
    for (const type of [6, 7, 8, 9, 10]) stats.attributeU32(type, 0);
  }
}

function onDestination(command: 5 | 6 | 7, held: Held, attributes: readonly NetlinkAttribute[]): string | null {
  const key = [1, 2].map((type) => toHex(findAttribute(attributes, type) ?? new Uint8Array())).join(' ');
  const there = held.destinations.has(key);
  if (command === 5 && there) return 'EEXIST';
  if (command !== 5 && !there) return 'ENOENT';
  if (command === 7) held.destinations.delete(key);
  else held.destinations.set(key, new Map(attributes.map(({ type, value }) => [type, value])));
  return null;
}

function local(address: string): Uint8Array {
  return new AttributeWriter().u8(18).u8(1).zeros(2).nested(7, (inner) => {
    inner.attribute(1, Uint8Array.from(address.match(/../gu) ?? [], (pair) => parseInt(pair, 16))).attribute(2, Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0)).attributeU32(3, 9);
  }).finish();
}

function message(payload: Uint8Array): NetlinkMessage {
  return { type: FAMILY, flags: 0, sequence: 0, port: 0, payload };
}

function nested(payload: Uint8Array, type: number): readonly NetlinkAttribute[] {
  const outer = decodeAttributes(payload.subarray(4));
  const value = Array.isArray(outer) ? findAttribute(outer as NetlinkAttribute[], type) : null;
  const inner = value === null ? [] : decodeAttributes(value);
  if (!Array.isArray(inner)) throw new Error(`attribute ${String(type)} cannot be read`);
  return inner as NetlinkAttribute[];
}

function keyOf(service: readonly NetlinkAttribute[]): string {
  const mark = attributeU32(findAttribute(service, 5));
  if (mark !== null && mark !== 0) return `mark ${String(mark)} ${toHex(findAttribute(service, 1) ?? new Uint8Array())}`;
  return KEY.map((type) => toHex(findAttribute(service, type) ?? new Uint8Array())).join(' ');
}
