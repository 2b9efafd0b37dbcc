import { expect } from 'chai';
import { encodeAh } from '../../lib/codec/ah.ts';
import { encodeTrailer } from '../../lib/codec/auth-trailer.ts';
import { type Advertisement, authData, encodeAdvertisement } from '../../lib/codec/vrrp.ts';
import { hmac } from '../../lib/daemon/advertise.ts';
import { renderData } from '../../lib/daemon/report/data.ts';
import { renderJson } from '../../lib/daemon/report/json.ts';
import { renderStats } from '../../lib/daemon/report/stats.ts';
import { concat } from '../../lib/util/bytes.ts';
import { ip } from '../../lib/util/ip.ts';
import { type CounterName, RECEIVE_ERRORS, ZERO_COUNTERS } from '../../lib/vrrp/counters.ts';
import { Wire } from './wire.ts';

/** Where a counter is read: in keepalived.stats as `Section: Name`, null where keepalived has none; in the JSON's stats. */
const READ: Readonly<Record<keyof typeof RECEIVE_ERRORS, readonly [stats: string | null, json: string]>> = {
  vridErr: [null, 'vrid_err'],
  packetLenErr: ['Packet Errors: Length', 'packet_len_err'],
  ttlErr: ['Packet Errors: TTL', 'ip_ttl_err'],
  versionErr: [null, 'version_err'],
  authExtMissing: ['Authentication Extension Errors: Missing', 'auth_ext_missing'],
  authExtMalformed: ['Authentication Extension Errors: Malformed', 'auth_ext_malformed'],
  authExtUnknownKey: ['Authentication Extension Errors: Unknown Key', 'auth_ext_unknown_key'],
  authExtInvalidHmac: ['Authentication Extension Errors: Invalid HMAC', 'auth_ext_invalid_hmac'],
  authExtStale: ['Authentication Extension Errors: Stale', 'auth_ext_stale'],
  authExtReplay: ['Authentication Extension Errors: Replay', 'auth_ext_replay'],
  invalidAuthType: ['Authentication Errors: Invalid Type', 'invalid_authtype'],
  authTypeMismatch: ['Authentication Errors: Type Mismatch', 'authtype_mismatch'],
  authFailure: ['Authentication Errors: Failure', 'auth_failure'],
  advertIntervalErr: ['Packet Errors: Advertisement Interval', 'advert_interval_err'],
  invalidTypeRcvd: ['Packet Errors: Invalid Type', 'invalid_type_rcvd'],
  checksumErr: [null, 'checksum_err'],
  castErr: [null, 'cast_err'],
  peerErr: [null, 'peer_err'],
  addrListErr: ['Packet Errors: Address List', 'addr_list_err'],
};

const PASS = 'authentication {\n auth_type PASS\n auth_pass secret\n }';
const AH = 'authentication {\n auth_type AH\n auth_pass secret\n }';
const KEY = '0123456789abcdef0123456789abcdef';
const HMAC = `version 3\n auth_hmac {\n key 1 ${KEY}\n active_key 1\n }`;
const UNICAST = 'unicast_src_ip 10.0.0.1\n unicast_peer {\n 10.0.0.2\n }';
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** What is put on the wire: from 10.0.0.2 unless said otherwise, priority 200, of which a master of 100 would hear. */
interface Put { readonly from?: string; readonly to?: string; readonly ttl?: number; readonly protocol?: number; readonly payload: (wire: Wire) => Uint8Array }

function advert(fields: Partial<Advertisement> = {}): Uint8Array {
  const version = fields.version ?? 2;
  const auth = version === 2 ? { type: 0, data: new Uint8Array(8) } : null;
  return encodeAdvertisement({ version, type: 1, vrid: 51, priority: 200, advertInterval: 1000, addresses: [ip('10.0.0.100')], auth, ...fields }, { from: ip('10.0.0.2'), to: ip('224.0.0.18') });
}

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

function sealed(wire: Wire, { keyId = 1, key = KEY, age = 0 }: { keyId?: number; key?: string; age?: number } = {}): Uint8Array {
  const message = advert({ version: 3 });
  const seconds = Math.floor(wire.clock.wall() / 1000) - age;
  return concat(message, encodeTrailer(message, ip('10.0.0.2'), keyId, { seconds, fraction: 0, counter: 1 }, text(key), hmac));
}

function ah(message: Uint8Array, key: string, sequence = 1000): Uint8Array {
  return encodeAh({ from: ip('10.0.0.2'), to: ip('224.0.0.18'), ttl: 255, id: 1 }, sequence, message, authData(text(key)), hmac);
}

type Row = readonly [name: string, counter: keyof typeof RECEIVE_ERRORS, body: string, puts: readonly Put[]];

const of = (payload: Uint8Array, more: Omit<Put, 'payload'> = {}): Put => ({ payload: () => payload, ...more });
const ROWS: readonly Row[] = [
  ['another virtual router', 'vridErr', '', [of(advert({ vrid: 52 }))]],
  ['no bytes but the VRID', 'packetLenErr', '', [of(Uint8Array.of(0x21, 51))]],
  ['bytes behind the end', 'packetLenErr', '', [of(concat(advert(), new Uint8Array(1)))]],
  ['more addresses said than there are', 'packetLenErr', '', [of(changed(advert(), 3, 9))]],
  ['TTL 254', 'ttlErr', '', [of(advert(), { ttl: 254 })]],
  ['a unicast TTL outside the range', 'ttlErr', UNICAST.replace('10.0.0.2', '10.0.0.2 min_ttl 64'), [of(advert(), { to: '10.0.0.1', ttl: 63 })]],
  ['version 3 for 2', 'versionErr', '', [of(advert({ version: 3 }))]],
  ['version 2 for 3', 'versionErr', 'version 3', [of(advert())]],
  ['version 4', 'versionErr', '', [of(changed(advert(), 0, 0x41))]],
  ['auth_hmac: no trailer', 'authExtMissing', HMAC, [of(advert({ version: 3 }))]],
  ['auth_hmac: another type of trailer', 'authExtMalformed', HMAC, [{ payload: (wire) => changed(sealed(wire), 12, 2) }]],
  ['auth_hmac: a key that is not ours', 'authExtUnknownKey', HMAC, [{ payload: (wire) => sealed(wire, { keyId: 9 }) }]],
  ['auth_hmac: another secret', 'authExtInvalidHmac', HMAC, [{ payload: (wire) => sealed(wire, { key: 'x'.repeat(32) }) }]],
  ['auth_hmac: too old', 'authExtStale', HMAC, [{ payload: (wire) => sealed(wire, { age: 60 }) }]],
  ['auth_hmac: again', 'authExtReplay', `${HMAC}\n nopreempt\n priority 250`, [{ payload: (wire) => sealed(wire) }, { payload: (wire) => sealed(wire) }]],
  ['an authentication type that is none', 'invalidAuthType', '', [of(advert({ auth: { type: 7, data: new Uint8Array(8) } }))]],
  ['a password where none is expected', 'authTypeMismatch', '', [of(advert({ auth: { type: 1, data: authData(text('secret')) } }))]],
  ['no password where one is expected', 'authTypeMismatch', PASS, [of(advert())]],
  ['another password', 'authFailure', PASS, [of(advert({ auth: { type: 1, data: authData(text('Secret')) } }))]],
  ['AH: another secret', 'authFailure', AH, [of(ah(advert({ auth: { type: 2, data: new Uint8Array(8) } }), 'other'), { protocol: 51 })]],
  ['AH: too short for its header', 'authFailure', AH, [of(ah(advert(), 'secret').subarray(0, 27), { protocol: 51 })]],
  ['AH: again', 'authFailure', `${AH}\n priority 250`, [1, 2].map(() => of(ah(advert({ auth: { type: 2, data: new Uint8Array(8) } }), 'secret'), { protocol: 51 }))],
  ['another interval, version 2', 'advertIntervalErr', '', [of(advert({ advertInterval: 2000 }))]],
  ['another type', 'invalidTypeRcvd', '', [of(advert({ type: 2 }))]],
  ['a wrong checksum', 'checksumErr', '', [of(changed(advert(), 7, 0))]],
  ['a wrong checksum, version 3', 'checksumErr', 'version 3', [of(changed(advert({ version: 3 }), 7, 0))]],
  ['unicast where multicast is expected', 'castErr', '', [of(advert(), { to: '10.0.0.1' })]],
  ['multicast where unicast is expected', 'castErr', UNICAST, [of(advert())]],
  ['a sender that is no peer', 'peerErr', `${UNICAST}\n check_unicast_src`, [of(advert(), { from: '10.0.0.3', to: '10.0.0.1' })]],
];

describe('every error of a packet that arrives', () => {
  it('has a row here', () => {
    const silent = Object.keys(RECEIVE_ERRORS).filter((name) => name !== 'addrListErr' && !ROWS.some(([, counter]) => counter === name));
    expect(silent).to.deep.equal([]);
  });

  it('is one of keepalived\'s counters or of ours, and no other counter tells of packets', () => {
    const others: CounterName[] = ['received', 'sent', 'becameMaster', 'releasedMaster', 'priZeroRcvd', 'priZeroSent'];
    expect(Object.keys(ZERO_COUNTERS).filter((name) => !(name in RECEIVE_ERRORS)).sort()).to.deep.equal([...others].sort());
  });

  for (const [name, counter, body, puts] of ROWS) {
    it(`${name}: ${counter} 1, in the dump, the statistics and the JSON; nobody is deposed`, async () => {
      const wire = await new Wire().run(body, 5000);
      expect(wire.router.state()).to.equal('Master');
      for (const put of puts) await send(wire, put);
      expect(wire.router.state()).to.equal('Master');
      expect(reports(wire)).to.deep.equal(expected(counter, 1));
      wire.router.daemon.vrrp.clearCounters();
      expect(reports(wire), 'after STATS_CLEAR').to.deep.equal(expected(counter, 0));
      await wire.stop();
    });
  }

  for (const [name, body, fields] of [
    ['another list of addresses', '', { addresses: [ip('10.0.0.101')] }],
    ['another number of addresses', '', { addresses: [] }],
    ['another list of addresses, version 3', 'version 3', { version: 3, addresses: [ip('10.0.0.101')] }],
  ] as const) {
    it(`${name}: addrListErr 1 everywhere, and the advert is believed (RFC 3768 §7.1 MAY)`, async () => {
      const wire = await new Wire().run(body, 5000);
      await send(wire, of(advert(fields)));
      expect(wire.router.state()).to.equal('Backup');
      expect(reports(wire)).to.deep.equal(expected('addrListErr', 1));
      await wire.stop();
    });
  }

  it('another interval in version 3: advertIntervalErr 1 everywhere, and it is taken over', async () => {
    const wire = await new Wire().run('version 3', 5000);
    for (const advertInterval of [1000, 500]) await send(wire, of(advert({ version: 3, advertInterval })));
    expect(wire.router.state()).to.equal('Backup');
    expect(reports(wire)).to.deep.equal(expected('advertIntervalErr', 1));
    await wire.stop();
  });
});

async function send(wire: Wire, { from = '10.0.0.2', to = '224.0.0.18', ttl = 255, protocol = 112, payload }: Put): Promise<void> {
  wire.lan.send('hand', { from: ip(from), to: ip(to), ttl, id: 1, payload: payload(wire) }, protocol);
  await wire.clock.advance(1);
}

/** What the three reports say of received packets, zeros left out. */
interface Reports { readonly dump: string; readonly stats: Readonly<Record<string, number>>; readonly json: Readonly<Record<string, number>> }

function expected(counter: keyof typeof RECEIVE_ERRORS, times: number): Reports {
  const [stats, json] = READ[counter];
  if (times === 0) return { dump: '', stats: {}, json: {} };
  return { dump: `Packet errors = ${RECEIVE_ERRORS[counter]} ${times}`, stats: stats === null ? {} : { [stats]: times }, json: { [json]: times } };
}

function reports(wire: Wire): Reports {
  const status = wire.router.daemon.status();
  const [first] = JSON.parse(renderJson(status, 1)) as readonly { readonly stats: Readonly<Record<string, number>> }[];
  const names = new Set(Object.values(READ).map(([, json]) => json));
  return {
    dump: / {3}(Packet errors = .*)/.exec(renderData(status))?.[1] ?? '',
    stats: statistics(renderStats(status)),
    json: Object.fromEntries(Object.entries(first?.stats ?? {}).filter(([name, value]) => names.has(name) && value > 0)),
  };
}

function statistics(whole: string): Readonly<Record<string, number>> {
  let section = '';
  const found: Record<string, number> = {};
  for (const line of whole.split('\n')) {
    if (/^ {2}\S.*:$/.test(line)) section = line.trim().slice(0, -1);
    const [, name, value] = /^ {4}(.*): (\d+)$/.exec(line) ?? [];
    if (name !== undefined && section.endsWith('Errors') && Number(value) > 0) found[`${section}: ${name}`] = Number(value);
  }
  return found;
}
