import { expect } from 'chai';
import { encodeTrailer, TRAILER_LENGTH } from '../../lib/codec/auth-trailer.ts';
import { encodeAdvertisement } from '../../lib/codec/vrrp.ts';
import { hmac } from '../../lib/daemon/advertise.ts';
import { concat, toHex } from '../../lib/util/bytes.ts';
import { ip } from '../../lib/util/ip.ts';
import type { VrrpCounters } from '../../lib/vrrp/counters.ts';
import { Wire } from './wire.ts';

const KEY = '0123456789abcdef0123456789abcdef';
const block = (more = ''): string => `version 3\n auth_hmac {\n key 1 ${KEY}\n key 2 hex:${'ab'.repeat(32)}\n active_key 1\n ${more}\n }`;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

interface Made { keyId?: number; key?: Uint8Array; age?: number; counter?: number; from?: string; change?: (packet: Uint8Array) => void }

/** A packet of priority 200 with a trailer. */
function sealed(wire: Wire, { keyId = 1, key = bytes(KEY), age = 0, counter = 0, from = '10.0.0.2', change }: Made = {}): Uint8Array {
  const ends = { from: ip(from), to: ip('224.0.0.18') };
  const message = encodeAdvertisement({ version: 3, type: 1, vrid: 51, priority: 200, advertInterval: 1000, addresses: [ip('10.0.0.100')], auth: null }, ends);
  const now = wire.clock.wall() / 1000 - age;
  const stamp = { seconds: Math.floor(now), fraction: Math.floor((now % 1) * 0x10000), counter };
  const packet = concat(message, encodeTrailer(message, ends.from, keyId, stamp, key, hmac));
  change?.(packet);
  return packet;
}

function counters(wire: Wire): VrrpCounters {
  const found = wire.router.daemon.vrrp.router.members.get('VI_1')?.counters;
  if (found === undefined) throw new Error('no VI_1');
  return found;
}

describe('auth_hmac', () => {
  const refused: readonly [string, keyof VrrpCounters, (wire: Wire) => Uint8Array][] = [
    ['no trailer', 'authExtMissing', (wire) => sealed(wire).slice(0, -TRAILER_LENGTH)],
    ['a trailer of another type', 'authExtMalformed', (wire) => sealed(wire, { change: (p) => { p[12] = 2; } })],
    ['a key that is not ours', 'authExtUnknownKey', (wire) => sealed(wire, { keyId: 9 })],
    ['another secret', 'authExtInvalidHmac', (wire) => sealed(wire, { key: bytes('x'.repeat(32)) })],
    ['a priority changed on the way', 'authExtInvalidHmac', (wire) => sealed(wire, { change: (p) => { p[2] = 250; } })],
    ['a stamp changed on the way', 'authExtInvalidHmac', (wire) => sealed(wire, { change: (p) => { p[19] = (p[19] ?? 0) ^ 1; } })],
    ['one too old', 'authExtStale', (wire) => sealed(wire, { age: 6 })],
    ['one of the future', 'authExtStale', (wire) => sealed(wire, { age: -6 })],
  ];
  for (const [name, counter, make] of refused) {
    it(`drops ${name}, counts it, and says it without the key`, async () => {
      const wire = await new Wire().run(block(), 5000);
      await wire.put(200, { payload: make(wire) });
      expect(wire.router.state()).to.equal('Master');
      expect(counters(wire)[counter]).to.equal(1);
      expect(wire.router.log.texts().join('\n')).to.match(/auth_hmac trailer/u).and.not.include(KEY);
      await wire.stop();
    });
  }

  it('takes a good one, with any of its keys', async () => {
    for (const made of [{}, { keyId: 2, key: new Uint8Array(32).fill(0xab) }]) {
      const wire = await new Wire().run(block(), 5000);
      await wire.put(200, { payload: sealed(wire, made) });
      expect(wire.router.state()).to.equal('Backup');
      await wire.stop();
    }
  });

  it('drops a replay, and one that comes late behind another of the same sender', async () => {
    const wire = await new Wire().run(block(), 5000);
    const first = sealed(wire);
    const second = sealed(wire, { counter: 1 });
    await wire.put(200, { payload: second });
    await wire.put(200, { payload: second });
    await wire.put(200, { payload: first });
    expect(counters(wire)).to.include({ authExtReplay: 2, received: 1 });
    await wire.put(200, { payload: sealed(wire, { from: '10.0.0.3' }), from: '10.0.0.3' });
    expect(counters(wire).received, 'another sender has its own stamps').to.equal(2);
    await wire.stop();
  });

  it('monotonic: no clock is asked, but the order', async () => {
    const wire = await new Wire().run(block('anti_replay monotonic'), 5000);
    await wire.put(200, { payload: sealed(wire, { age: 3600 }) });
    await wire.put(200, { payload: sealed(wire, { age: 3700 }) });
    expect(counters(wire)).to.include({ authExtStale: 0, authExtReplay: 1, received: 1 });
    await wire.stop();
  });

  it('permissive: takes what is wrong, and counts it', async () => {
    const wire = await new Wire().run(block('mode permissive'), 5000);
    await wire.put(200, { payload: sealed(wire).slice(0, -TRAILER_LENGTH) });
    expect(counters(wire)).to.include({ authExtMissing: 1, received: 1 });
    expect(wire.router.state()).to.equal('Backup');
    await wire.stop();
  });

  it('sends 28 bytes with the active key, each stamp above the last; receive-only sends none', async () => {
    const wire = await new Wire().run(block(), 7000);
    expect(wire.datagrams.map((d) => d.payload.length)).to.deep.equal(Array.from({ length: wire.datagrams.length }, () => 12 + 28));
    expect(toHex(wire.datagrams[0]?.payload.subarray(12, 16) ?? new Uint8Array(0))).to.equal('01010000');
    const stamps = wire.datagrams.map((d) => toHex(d.payload.subarray(16, 24)));
    expect(stamps).to.deep.equal([...new Set(stamps)].sort());
    await wire.stop();
    const silent = await new Wire().run(block('mode receive-only'), 5000);
    expect(silent.datagrams[0]?.payload.length).to.equal(12);
    await silent.stop();
  });
});
