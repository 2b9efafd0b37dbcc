/**
 * IP addresses as values: one canonical text per address (RFC 5952 for IPv6), so that `===`, Map keys, JSON and log
 * lines all work without conversion. Bytes are made where a codec needs them.
 */

declare const ipBrand: unique symbol;

/** An address in canonical text form; made only by the functions of this file. */
export type IpAddress = string & { readonly [ipBrand]: true };

/** AF_INET or AF_INET6, by the names ip(8) uses. */
export type Family = 'inet' | 'inet6';

/** An address with a prefix length, as an interface holds it (host bits kept). */
export interface Prefix {
  readonly address: IpAddress;
  /** 0..32 or 0..128. */
  readonly length: number;
}

/** Parses dotted-quad IPv4 or any RFC 4291 form of IPv6 (no zone, no prefix); null when it is neither. */
export function parseIp(text: string): IpAddress | null {
  if (isQuad(text)) return text as IpAddress;
  const bytes = text.includes(':') ? parse6(text) : null;
  return bytes === null ? null : ipFromBytes(bytes);
}

/** Four numbers 0..255 without leading zeros: the one text of an IPv4 address. */
function isQuad(text: string): boolean {
  if (text.length < 7 || text.length > 15) return false;
  let numbers = 0;
  let value = -1;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 48 && c <= 57) {
      if (value === 0) return false;
      value = value < 0 ? c - 48 : value * 10 + c - 48;
      if (value > 255) return false;
    } else {
      if (c !== 46 || value < 0) return false;
      numbers++;
      value = -1;
    }
  }
  return numbers === 3 && value >= 0;
}

/** Like parseIp, for literals that are known to be right; throws a RangeError otherwise. */
export function ip(text: string): IpAddress {
  const parsed = parseIp(text);
  if (parsed === null) throw new RangeError(`not an IP address: '${text}'`);
  return parsed;
}

/** `ADDRESS/LENGTH`, or an address alone (length 32 or 128); null when malformed or the length is out of range. */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.indexOf('/');
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  if (slash < 0) return { address, length: maxPrefix(familyOf(address)) };
  const digits = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(digits)) return null;
  const length = Number(digits);
  return length <= maxPrefix(familyOf(address)) ? { address, length } : null;
}

/** The same with the host's bits cleared, as a routing table has it. */
export function networkOf({ address, length }: Prefix): Prefix {
  const bytes = ipToBytes(address);
  for (let i = 0; i < bytes.length; i++) {
    const kept = Math.min(Math.max(length - 8 * i, 0), 8);
    bytes[i] = (bytes[i] ?? 0) & (0xff00 >> kept);
  }
  return { address: ipFromBytes(bytes), length };
}

/** `ADDRESS/LENGTH`. */
export function printPrefix(prefix: Prefix): string {
  return `${prefix.address}/${String(prefix.length)}`;
}

export function familyOf(address: IpAddress): Family {
  return address.includes(':') ? 'inet6' : 'inet';
}

/** Longest prefix of a family: 32 or 128. */
export function maxPrefix(family: Family): number {
  return family === 'inet' ? 32 : 128;
}

/** The 4 or 16 bytes of an address, in network order. */
export function ipToBytes(address: IpAddress): Uint8Array {
  const bytes = address.includes(':') ? parse6(address) : parse4(address);
  if (bytes === null) throw new RangeError(`not an IP address: '${address}'`);
  return bytes;
}

/** The address of 4 or 16 bytes in network order. */
export function ipFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) return bytes.join('.') as IpAddress;
  if (bytes.length === 16) return print6(bytes) as IpAddress;
  throw new RangeError(`an address has 4 or 16 bytes, not ${String(bytes.length)}`);
}

/** Every address from the first to the last, 65,536 at most: a range is within an octet or so. */
export function eachAddress(first: IpAddress, last: IpAddress): IpAddress[] {
  const all = [first];
  const bytes = ipToBytes(first);
  while (all.length < 1 << 16 && all.at(-1) !== last) {
    for (let i = bytes.length - 1; i >= 0; i--) {
      bytes[i] = ((bytes[i] ?? 0) + 1) & 0xff;
      if (bytes[i] !== 0) break;
    }
    all.push(ipFromBytes(bytes));
  }
  return all;
}

/** Numeric order, as an election between equal priorities needs it; IPv4 before IPv6. */
export function compareIp(a: IpAddress, b: IpAddress): number {
  const x = ipToBytes(a);
  const y = ipToBytes(b);
  if (x.length !== y.length) return x.length - y.length;
  for (let i = 0; i < x.length; i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** 224.0.0.0/4 or ff00::/8. */
export function isMulticast(address: IpAddress): boolean {
  const first = ipToBytes(address)[0] ?? 0;
  return familyOf(address) === 'inet' ? first >= 224 && first <= 239 : first === 0xff;
}

/** fe80::/10. */
export function isLinkLocal6(address: IpAddress): boolean {
  const bytes = ipToBytes(address);
  return bytes.length === 16 && bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80;
}

function parse4(text: string): Uint8Array | null {
  if (!isQuad(text)) return null;
  const bytes = new Uint8Array(4);
  let [at, value] = [0, 0];
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 46) {
      bytes[at++] = value;
      value = 0;
    } else value = value * 10 + c - 48;
  }
  bytes[at] = value;
  return bytes;
}

function parse6(text: string): Uint8Array | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = groups6(halves[0] ?? '', halves.length === 1);
  const tail = groups6(halves[1] ?? '', true);
  if (head === null || tail === null) return null;
  const known = head.length + tail.length;
  if (halves.length === 1 ? known !== 16 : known > 14) return null;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The bytes of `a:b:c`; a dotted quad may stand last when nothing follows it. */
function groups6(text: string, last: boolean): number[] | null {
  if (text === '') return [];
  const bytes: number[] = [];
  const words = text.split(':');
  for (const [i, word] of words.entries()) {
    if (last && i === words.length - 1 && word.includes('.')) {
      const quad = parse4(word);
      if (quad === null) return null;
      bytes.push(...quad);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(word)) {
      const value = parseInt(word, 16);
      bytes.push(value >> 8, value & 0xff);
    } else return null;
  }
  return bytes;
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as `::`. */
function print6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  if (groups.slice(0, 5).every((g) => g === 0) && groups[5] === 0xffff) return `::ffff:${bytes.slice(12).join('.')}`;
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > length) [start, length] = [i, run];
  }
  const hex = groups.map((g) => g.toString(16));
  return start < 0 ? hex.join(':') : `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}
