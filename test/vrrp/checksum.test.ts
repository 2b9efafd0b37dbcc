import { expect } from 'chai';
import { checksumHolds, encodeAdvertisement, type Ends } from '../../lib/codec/vrrp.ts';
import { ip } from '../../lib/util/ip.ts';
import { judgeChecksum, pseudoHeaderOf } from '../../lib/vrrp/checksum.ts';
import { instanceOf } from '../sim/config-text.ts';

const UNICAST = 'version 3\n unicast_peer {\n 10.0.0.2\n }';
const ENDS: Ends = { from: ip('10.0.0.2'), to: ip('10.0.0.1') };
const OLD: Ends = { from: ENDS.from, to: ip('224.0.0.18') };

/** The message of a router that sums with this pseudo header. */
function message(pseudo: Ends | null, version = 3): Uint8Array {
  return encodeAdvertisement({ version, type: 1, vrid: 51, priority: 150, advertInterval: 1000, addresses: [ip('10.0.0.100')], auth: null }, pseudo);
}

describe('checksum', () => {
  for (const [name, body, received, verdict] of [
    ['neither form', UNICAST, message(null), 'wrong'],
    ['the old form of unicast with never', `${UNICAST}\n old_unicast_checksum never`, message(OLD), 'wrong'],
    ['the old form of multicast: there is none', 'version 3', message({ from: OLD.from, to: ip('224.0.0.99') }), 'wrong'],
    ['the RFC\'s', UNICAST, message(ENDS), 'right'],
    ['the RFC\'s while ours is the old one', `${UNICAST}\n old_unicast_checksum`, message(ENDS), 'right'],
    ['the old form of unicast', UNICAST, message(OLD), 'old'],
    ['anything with v3_checksum_as_v2', `${UNICAST}\n v3_checksum_as_v2 on`, message(OLD), 'right'],
    ['version 2: no pseudo header, also for unicast', 'unicast_peer {\n 10.0.0.2\n }', message(null, 2), 'right'],
  ] as const) {
    it(`received, ${name}: ${verdict}`, () => { expect(judgeChecksum(instanceOf(body), ENDS, received)).to.equal(verdict); });
  }

  for (const [name, body, oldPeer, pseudo] of [
    ['version 2', '', false, null],
    ['version 3', 'version 3', false, ENDS],
    ['unicast', UNICAST, false, ENDS],
    ['unicast with a peer of the old form', UNICAST, true, OLD],
    ['old_unicast_checksum', `${UNICAST}\n old_unicast_checksum`, false, OLD],
    ['v3_checksum_as_v2', 'version 3\n v3_checksum_as_v2 on', false, null],
  ] as const) {
    it(`sent, ${name}`, () => {
      const chosen = pseudoHeaderOf(instanceOf(body), ENDS, oldPeer);
      expect(chosen).to.deep.equal(pseudo);
      expect(checksumHolds(message(chosen), pseudo)).to.equal(true);
    });
  }
});
