import { expect } from 'chai';
import { hashBelow } from '../../lib/ipvs/fullnat/address-hash.ts';
import { ip, ipToBytes, type Family } from '../../lib/util/ip.ts';
import { runBpf } from './classic-bpf.ts';

/** The beginning of a packet from there; `options`: words of an IPv4 header beyond the fifth. */
function packet(source: string, port: number, { options = 0, protocol = 6 } = {}): Uint8Array {
  const address = ipToBytes(ip(source));
  const four = address.length === 4;
  const at = four ? 20 + 4 * options : 40;
  const bytes = new Uint8Array(at + 4);
  bytes[0] = four ? 0x45 + options : 0x60;
  bytes[four ? 9 : 6] = protocol;
  bytes.set(address, four ? 12 : 8);
  new DataView(bytes.buffer).setUint16(at, port);
  return bytes;
}

const programs = new Map<string, string>();

/** The place of the address that is chosen. */
function chosen(bytes: Uint8Array, count: number, seed = 0x74736b61): number {
  const family: Family = (bytes[0] ?? 0) >> 4 === 4 ? 'inet' : 'inet6';
  let [low, high] = [0, count - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    const key = `${family} ${String(seed)} ${String(middle)} ${String(count)}`;
    const program = programs.get(key) ?? hashBelow(family, seed, middle + 1, count);
    programs.set(key, program);
    if (runBpf(program, bytes) !== 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

describe('the hash of client and port, as a program', () => {
  it('is exactly this: two directors of different versions must agree', () => {
    expect(hashBelow('inet', 1, 1, 2)).to.equal('27,0 0 0 1,7 0 0 0,32 0 0 12,172 0 0 0,36 0 0 2146121005,7 0 0 0,116 0 0 15,172 0 0 0,7 0 0 0,2 0 0 0,177 0 0 0,72 0 0 0,97 0 0 0,172 0 0 0,36 0 0 2146121005,7 0 0 0,116 0 0 15,172 0 0 0,7 0 0 0,36 0 0 2221713035,7 0 0 0,116 0 0 16,172 0 0 0,148 0 0 2,53 0 1 1,6 0 0 0,6 0 0 65535');
  });

  for (const [name, clients] of [
    ['one IPv4 client, many ports', (i: number) => packet('198.51.100.10', 32768 + i)],
    ['many IPv4 clients, one port', (i: number) => packet(`198.51.${String(i >> 8)}.${String(i & 255)}`, 40000)],
    ['one IPv6 client, many ports', (i: number) => packet('2001:db8:100::10', 32768 + i)],
    ['many IPv6 clients, one port', (i: number) => packet(`2001:db8::${i.toString(16)}:1`, 40000)],
  ] as const) {
    for (const count of [2, 3, 7, 16]) {
      it(`${name}, ${String(count)} addresses: each gets its share`, () => {
        const total = 200 * count;
        const shares = new Array<number>(count).fill(0);
        for (let i = 0; i < total; i++) {
          const at = chosen(clients(i), count);
          shares[at] = (shares[at] ?? 0) + 1;
        }
        // Five standard deviations of a fair draw.
        for (const share of shares) expect(share).to.be.within(130, 270);
      });
    }
  }

  it('another seed is another choice', () => {
    const of = (seed: number): string => Array.from({ length: 64 }, (_, i) => chosen(packet('198.51.100.10', 40000 + i), 4, seed)).join('');
    expect(of(1)).to.not.equal(of(2));
    expect(of(1)).to.equal(of(1));
  });

  it('header options do not matter; behind IPv6 extension headers only the address does', () => {
    expect(chosen(packet('198.51.100.10', 40000, { options: 3 }), 64)).to.equal(chosen(packet('198.51.100.10', 40000), 64));
    const hidden = (port: number): number => chosen(packet('2001:db8::1', port, { protocol: 44 }), 64);
    expect(new Set([1, 2, 3, 4, 5, 6, 7, 8].map(hidden)).size).to.equal(1);
  });
});
