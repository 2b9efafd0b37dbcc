import { expect } from 'chai';
import fc from 'fast-check';
import { type Advertisement, encodeAdvertisement } from '../../lib/codec/vrrp.ts';
import type { CounterName } from '../../lib/vrrp/counters.ts';
import { fromHex } from '../../lib/util/bytes.ts';
import { ip } from '../../lib/util/ip.ts';
import { receive, type Received } from '../../lib/vrrp/receive.ts';
import { instanceOf } from '../sim/config-text.ts';
import { Stepper } from './stepper.ts';

const GROUP = ip('224.0.0.18');
const PASS = 'authentication {\n auth_type PASS\n auth_pass secret\n }';
const UNICAST = 'unicast_peer {\n 10.0.0.2\n }';
const pass = (text: string): Advertisement['auth'] => {
  const data = new Uint8Array(8);
  data.set(new TextEncoder().encode(text));
  return { type: 1, data };
};

/** A datagram from 10.0.0.2 that the default instance takes, with changes. */
function datagram(advert: Partial<Advertisement> = {}, around: Partial<Received> = {}): Received {
  const version = advert.version ?? 2;
  const whole: Advertisement = {
    version, type: 1, vrid: 51, priority: 150, advertInterval: 1000, addresses: [ip('10.0.0.100')],
    auth: version === 2 ? { type: 0, data: new Uint8Array(8) } : null, ...advert,
  };
  const from = around.from ?? ip('10.0.0.2');
  return { from, to: GROUP, ttl: 255, payload: encodeAdvertisement(whole, { from, to: around.to ?? GROUP }), ...around };
}

/** What an event of a datagram is, in words: 'advertisement PRIORITY' or 'counter: text'. */
function heard(stepper: Stepper, received: Received): string[] {
  return receive(stepper.instance, stepper.router, received).map((event) => {
    if (event.type === 'advertisement') return `advertisement ${event.advert.priority}`;
    return event.type === 'drop' ? `${event.counter ?? '-'}: ${event.text}` : event.type;
  });
}

type Row = readonly [name: string, body: string, received: Received, counter: CounterName | '-', text: string];

describe('receive', () => {
  const dropped: readonly Row[] = [
    ['no bytes', '', datagram({}, { payload: new Uint8Array(0) }), 'packetLenErr', 'vrrp packet too short, length 20 and expect 40'],
    ['7 bytes', '', datagram({}, { payload: fromHex('21336401000100') }), 'packetLenErr', 'vrrp packet too short, length 27 and expect 40'],
    ['version 2 without the authentication data', '', datagram({}, { payload: fromHex('2133640100017066 0a000064') }), 'packetLenErr', 'vrrp packet too short, length 32 and expect 40'],
    ['bytes behind the end', '', datagram({}, { payload: fromHex('2133640100017066 0a000064 0000000000000000 0000') }), 'packetLenErr', 'vrrp packet too long, length 42 and expect 40'],
    ['a count without its addresses', '', datagram({}, { payload: fromHex('213364ff00010000 0a000064 0000000000000000') }), 'packetLenErr', 'vrrp packet too short, length 40 and expect 1056'],
    ['TTL 254', '', datagram({}, { ttl: 254 }), 'ttlErr', 'invalid TTL/HL. Received 254 and expect 255'],
    ['TTL 0', '', datagram({}, { ttl: 0 }), 'ttlErr', 'invalid TTL/HL. Received 0 and expect 255'],
    ['a unicast TTL below min_ttl', 'unicast_peer {\n 10.0.0.2 min_ttl 250\n }', datagram({}, { ttl: 249, to: ip('10.0.0.1') }), 'ttlErr', 'invalid TTL/HL. Received 249 and expect between 250 and 255'],
    ['a unicast TTL above max_ttl', 'unicast_peer {\n 10.0.0.2 max_ttl 64\n }', datagram({}, { ttl: 65, to: ip('10.0.0.1') }), 'ttlErr', 'invalid TTL/HL. Received 65 and expect between 0 and 64'],
    ['version 3 for 2', '', datagram({ version: 3 }), 'versionErr', 'wrong version. Received 3 and expect 2'],
    ['version 2 for 3', 'version 3', datagram(), 'versionErr', 'wrong version. Received 2 and expect 3'],
    ['version 4', '', datagram({}, { payload: fromHex('4133640000010000') }), 'versionErr', 'wrong version. Received 4 and expect 2'],
    ['an authentication type that is none', '', datagram({ auth: { type: 3, data: new Uint8Array(8) } }), 'invalidAuthType', 'Invalid auth type: 3'],
    ['a password where none is expected', '', datagram({ auth: pass('secret') }), 'authTypeMismatch', 'received a 1 auth, expecting 0!'],
    ['no password where one is expected', PASS, datagram(), 'authTypeMismatch', 'received a 0 auth, expecting 1!'],
    ['AH where a password is expected', PASS, datagram({ auth: { type: 2, data: new Uint8Array(8) } }), 'authTypeMismatch', 'received a 2 auth, expecting 1!'],
    ['another password', PASS, datagram({ auth: pass('Secret') }), 'authFailure', 'received an invalid passwd!'],
    ['the beginning of the password', PASS, datagram({ auth: pass('secre') }), 'authFailure', 'received an invalid passwd!'],
    ['more than the password', PASS, datagram({ auth: pass('secrets') }), 'authFailure', 'received an invalid passwd!'],
    ['another interval in version 2', '', datagram({ advertInterval: 3000 }), 'advertIntervalErr', "advertisement interval mismatch mine=1 sec rcv'd=3 sec"],
    ['interval 0 in version 2', '', datagram({ advertInterval: 0 }), 'advertIntervalErr', "advertisement interval mismatch mine=1 sec rcv'd=0 sec"],
    ['another type', '', datagram({ type: 3 }), 'invalidTypeRcvd', 'Invalid packet type. 3 and expect 1'],
    ['another checksum', '', datagram({}, { payload: fromHex('2133640100017067 0a000064 0000000000000000') }), 'checksumErr', 'Invalid VRRPv2 checksum'],
    ['another checksum in version 3', 'version 3', datagram({}, { payload: fromHex('3133640100640000 0a000064') }), 'checksumErr', 'Invalid VRRPv3 checksum'],
    ['version 3 whose pseudo header is of another sender', 'version 3', { ...datagram({ version: 3 }), from: ip('10.0.0.3') }, 'checksumErr', 'Invalid VRRPv3 checksum'],
    ['unicast where multicast is expected', '', datagram({}, { to: ip('10.0.0.1') }), 'castErr', 'received unicast advert from 10.0.0.2, multicast expected'],
    ['multicast where unicast is expected', UNICAST, datagram(), 'castErr', 'received multicast advert from 10.0.0.2, unicast expected'],
    ['with check_unicast_src, somebody who is no peer', `${UNICAST}\n check_unicast_src`, datagram({}, { from: ip('10.0.0.3'), to: ip('10.0.0.1') }), 'peerErr', 'unicast source address 10.0.0.3 not a unicast peer'],
    ['with a TTL bound, too', 'unicast_peer {\n 10.0.0.2 min_ttl 255\n }', datagram({}, { from: ip('10.0.0.3'), to: ip('10.0.0.1') }), 'peerErr', 'unicast source address 10.0.0.3 not a unicast peer'],
  ];
  for (const [name, body, received, counter, text] of dropped) {
    it(`drops ${name}`, () => {
      expect(heard(new Stepper(body).backup(), received)).to.deep.equal([`${counter}: ${text}`]);
    });
  }

  for (const [name, body, received] of [
    ['a good advertisement', '', datagram()],
    ['one whose TTL and destination the socket could not tell', '', datagram({}, { ttl: null, to: null })],
    ['one with the password', PASS, datagram({ auth: pass('secret') })],
    ['version 3', 'version 3', datagram({ version: 3 })],
    ['version 3 with an unknown destination: the group is taken for it', 'version 3', datagram({ version: 3 }, { to: null })],
    ['unicast from the peer, whatever the TTL', UNICAST, datagram({}, { to: ip('10.0.0.1'), ttl: 3 })],
    ['unicast from somebody else, unless that is checked', UNICAST, datagram({}, { from: ip('10.0.0.3'), to: ip('10.0.0.1') })],
    ['addresses in another order', 'virtual_ipaddress {\n 10.0.0.101\n }', datagram({ addresses: [ip('10.0.0.100'), ip('10.0.0.101')] })],
  ] as const) {
    it(`takes ${name}`, () => {
      expect(heard(new Stepper(body).backup(), received)).to.deep.equal(['advertisement 150']);
    });
  }

  it('checks in this order: length, TTL, version, authentication, interval, type, checksum, cast', () => {
    // Everything wrong but the length; each row puts one more thing right.
    const broken = { ...datagram({ auth: { type: 7, data: new Uint8Array(8) }, advertInterval: 9000, type: 2 }), to: ip('10.0.0.1'), ttl: 1 };
    const payload = broken.payload;
    payload[0] = 0x32;
    payload[6] = (payload[6] ?? 0) ^ 0xff;
    const rows: [(p: Uint8Array) => void, string][] = [
      [(p) => { p[3] = 9; }, 'packetLenErr'],
      [(p) => { p[3] = 1; }, 'packetLenErr'],
      [(p) => { p[0] = 0x22; }, 'ttlErr'],
    ];
    const seen = rows.map(([change]) => {
      change(payload);
      return heard(new Stepper('').backup(), broken)[0]?.split(':')[0];
    });
    expect(seen).to.deep.equal(rows.map(([, counter]) => counter));
    const right = { ...broken, ttl: 255 };
    const next = (change: (p: Uint8Array) => void): string | undefined => {
      change(payload);
      return heard(new Stepper('').backup(), right)[0]?.split(':')[0];
    };
    expect(next((p) => { p[0] = 0x22; })).to.equal('invalidAuthType');
    expect(next((p) => { p[4] = 0; })).to.equal('advertIntervalErr');
    expect(next((p) => { p[5] = 1; })).to.equal('invalidTypeRcvd');
    expect(next((p) => { p[0] = 0x21; })).to.equal('checksumErr');
    const good = datagram();
    expect(heard(new Stepper('').backup(), { ...good, to: ip('10.0.0.1') })[0]).to.match(/^castErr: received unicast/u);
  });

  describe('remarks that let the advertisement through', () => {
    const count = 'addrListErr: received an unexpected ip number count 2, expected 1!';
    const two = [ip('10.0.0.100'), ip('10.0.0.101')];

    for (const [name, body, received, remark] of [
      ['more addresses than ours', '', datagram({ addresses: two }), count],
      ['no addresses', '', datagram({ addresses: [] }), 'addrListErr: received an unexpected ip number count 0, expected 1!'],
      ['another address', '', datagram({ addresses: [ip('10.0.0.101')] }), 'addrListErr: ip address associated with VRID 51 not present in MASTER advert: 10.0.0.100'],
      ['one address twice', 'virtual_ipaddress {\n 10.0.0.101\n }', datagram({ addresses: [ip('10.0.0.100'), ip('10.0.0.100')] }), 'addrListErr: ip address associated with VRID 51 not present in MASTER advert: 10.0.0.101'],
    ] as const) {
      it(name, () => {
        expect(heard(new Stepper(body).backup(), received)).to.have.members([remark, 'advertisement 150']);
      });
    }

    it('skip_check_adv_addr: not for the master that is known, but for any other', () => {
      const stepper = new Stepper('skip_check_adv_addr').backup();
      expect(heard(stepper, datagram({ addresses: two }))).to.deep.equal([count, 'advertisement 150']);
      stepper.hear(150, '10.0.0.2');
      expect(heard(stepper, datagram({ addresses: two }))).to.deep.equal(['advertisement 150']);
      expect(heard(stepper, datagram({ addresses: two }, { from: ip('10.0.0.3') }))).to.deep.equal([count, 'advertisement 150']);
    });

    it('version 3: the interval of the master, counted when it is not our own', () => {
      const stepper = new Stepper('version 3').backup();
      const fast = datagram({ version: 3, advertInterval: 500 });
      expect(heard(stepper, fast)).to.deep.equal(['advertIntervalErr: advertisement interval updated from 1000ms to 500ms by master', 'advertisement 150']);
      stepper.hear(150, '10.0.0.2', { advertInterval: 500 });
      expect(heard(stepper, fast)).to.deep.equal(['advertisement 150']);
      expect(heard(stepper, datagram({ version: 3 }))).to.deep.equal(['-: advertisement interval updated from 500ms to 1000ms by master', 'advertisement 150']);
      expect(heard(stepper, datagram({ version: 3, priority: 0 })), 'a farewell has no interval worth a word').to.deep.equal(['advertisement 0']);
    });
  });

  it('never throws, and never both drops and takes, whatever the bytes', () => {
    const instances = ['', 'version 3', PASS, UNICAST].map((body) => new Stepper(body).backup());
    const random = fc.uint8Array({ maxLength: 48 });
    const mutated = fc.tuple(fc.nat(19), fc.nat(255)).map(([at, value]) => {
      const { payload } = datagram();
      payload[at] = value;
      return payload;
    });
    fc.assert(fc.property(fc.oneof(random, mutated), fc.option(fc.nat(255)), fc.boolean(), (payload, ttl, multicast) => {
      for (const { instance, router } of instances) {
        const events = receive(instance, router, { from: ip('10.0.0.2'), to: multicast ? GROUP : ip('10.0.0.1'), ttl, payload });
        expect(events.length).to.be.greaterThan(0);
        expect(events.slice(0, -1).every((e) => e.type === 'drop')).to.equal(true);
      }
    }), { numRuns: 1000 });
  });

  it('a password is compared as Latin-1 bytes, eight of them', () => {
    const instance = instanceOf('authentication {\n auth_type PASS\n auth_pass 12345678\n }');
    const stepper = new Stepper(instance).backup();
    expect(heard(stepper, datagram({ auth: pass('12345678') }))).to.deep.equal(['advertisement 150']);
  });
});
