/**
 * Adverts made at random and good ones broken at random, at every state: no exception, no change of state that the RFC does not
 * grant, and each packet counted where it belongs. A failing seed is printed by fast-check.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { type Advertisement, decodeAdvertisement, encodeAdvertisement } from '../../lib/codec/vrrp.ts';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { compareIp, type Family, ip } from '../../lib/util/ip.ts';
import type { VrrpInstance } from '../../lib/config/model.ts';
import type { VrrpCounters } from '../../lib/vrrp/counters.ts';
import { receive, type Received } from '../../lib/vrrp/receive.ts';
import type { VirtualRouter } from '../../lib/vrrp/state.ts';
import { deadline } from '../../lib/vrrp/virtual-router.ts';
import { configOf, instanceText } from '../sim/config-text.ts';
import { Stepper } from './stepper.ts';

const WIRE = {
  inet: { own: '10.0.0.5', vip: '10.0.0.100/24', group: '224.0.0.18', others: ['10.0.0.1', '10.0.0.9', '192.0.2.1'] },
  inet6: { own: 'fe80::5', vip: 'fe80::100/64', group: 'ff02::12', others: ['fe80::1', 'fe80::9', 'fe80::ffff:1'] },
} as const;
const STATES = ['Initialize', 'Backup', 'Master', 'Fault'] as const;
const BODIES = ['', 'nopreempt', 'preempt_delay 10', 'authentication {\n auth_type PASS\n auth_pass x\n }', 'higher_prio_send_advert', 'lower_prio_no_advert', 'skip_check_adv_addr on', 'priority 255', 'priority 1'] as const;
const ERRORS: readonly (keyof VrrpCounters)[] = [
  'packetLenErr', 'ttlErr', 'invalidTypeRcvd', 'advertIntervalErr', 'addrListErr', 'invalidAuthType', 'authTypeMismatch', 'authFailure', 'checksumErr', 'versionErr', 'castErr', 'peerErr',
];

const RUNS = 4000;

interface Case {
  readonly family: Family;
  readonly version: 2 | 3;
  readonly body: string;
  readonly state: (typeof STATES)[number];
}

const situation = fc.record({
  family: fc.constantFrom('inet' as const, 'inet6' as const), version: fc.constantFrom(2 as const, 3 as const), body: fc.constantFrom(...BODIES), state: fc.constantFrom(...STATES),
}).map((one): Case => (one.family === 'inet6' ? { ...one, version: 3, body: one.body.startsWith('auth') ? '' : one.body } : one.version === 3 && one.body.startsWith('auth') ? { ...one, body: '' } : one));

/** An advert that is nearly right: most checks are met, so that the deeper ones are. */
const nearly = fc.record({
  priority: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 99, 100, 101, 255)),
  vrid: fc.constant(51), type: fc.constantFrom(1, 1, 1, 1, 0, 2, 15), interval: fc.constantFrom(1000, 1000, 100, 10, 40_950, 0),
  from: fc.integer({ min: 0, max: 2 }), ttl: fc.constantFrom(255, 255, 255, 254, 0, null), addresses: fc.constantFrom('same', 'same', 'none', 'other'), auth: fc.constantFrom(0, 1, 2, 7),
});
const bytes = fc.uint8Array({ maxLength: 80 });
const breaks = fc.array(fc.record({ at: fc.nat({ max: 60 }), to: fc.nat({ max: 255 }) }), { maxLength: 3 });

const made = new Map<string, VrrpInstance>();

function instanceFor(body: string, vip: string): VrrpInstance {
  const instance = made.get(body + vip) ?? configOf(instanceText(body, 'VI_1', 51, vip)).instances[0];
  if (instance === undefined) throw new Error('no instance');
  made.set(body + vip, instance);
  return instance;
}

/** A router in that state. */
function routerIn({ family, version, body, state }: Case): Stepper {
  const stepper = new Stepper(instanceFor(`version ${version}\n${body}`, WIRE[family].vip));
  stepper.router = { ...stepper.router, address: ip(WIRE[family].own) };
  if (state === 'Initialize') return stepper;
  if (state === 'Fault') return stepper.event({ type: 'fault', reason: 'interface eth0 is down' }).start();
  if (state === 'Master') return stepper.master();
  stepper.start();
  return stepper;
}

function datagramOf(one: Case, given: typeof nearly extends fc.Arbitrary<infer T> ? T : never): Received {
  const { group, others, vip } = WIRE[one.family];
  const address = ip(vip.replace(/\/.*/u, ''));
  const addresses = given.addresses === 'same' ? [address] : given.addresses === 'none' ? [] : [ip(others[0]), address];
  const advert: Advertisement = {
    version: one.version, type: given.type, vrid: given.vrid, priority: given.priority, advertInterval: given.interval, addresses,
    auth: one.version === 2 ? { type: one.body.startsWith('auth') ? 1 : given.auth, data: Uint8Array.of(120, 0, 0, 0, 0, 0, 0, 0) } : null,
  };
  const from = ip(others[given.from] ?? others[0]);
  return { from, to: ip(group), ttl: given.ttl, payload: encodeAdvertisement(advert, { from, to: ip(group) }) };
}

function changes(before: VirtualRouter, after: VirtualRouter): string[] {
  return ERRORS.flatMap((name) => Array.from({ length: after.counters[name] - before.counters[name] }, () => name));
}

/** What the RFC grants: RFC 9568 §6.4, RFC 3768 §6.4. */
function check(stepper: Stepper, one: Case, datagram: Received): void {
  const before = stepper.router;
  const { state } = before;
  const due = deadline(before);
  const events = receive(stepper.instance, before, datagram);
  const believed = events.some((event) => event.type === 'advertisement');
  const dropped = events.filter((event) => event.type === 'drop');
  for (const event of events) stepper.event(event);
  const after = stepper.router;
  // Counted once for each remark or refusal that has a counter, and as received when it was believed.
  expect(changes(before, after)).to.have.length(dropped.filter((event) => event.counter !== null).length);
  expect(after.counters.received - before.counters.received).to.equal(believed ? 1 : 0);
  if (!believed) {
    expect(after.state.name, 'what is not believed moves nothing').to.equal(state.name);
    expect(deadline(after), 'nor does it touch a timer').to.equal(due);
    expect(events.length, 'one reason').to.equal(1);
    return;
  }
  const advert = decodeAdvertisement(datagram.payload, one.family);
  if (advert instanceof DecodeError) throw new Error('believed, and yet it cannot be read');
  expect(datagram.ttl === null || datagram.ttl === 255).to.equal(true);
  expect(advert).to.include({ version: one.version, type: 1 });
  switch (state.name) {
    case 'Initialize':
    case 'Fault':
      expect(after.state).to.equal(state);
      return;
    case 'Backup':
      expect(after.state.name, 'only a timer makes a Master').to.equal('Backup');
      return;
    case 'Master': {
      const better = advert.priority > before.priority || (advert.priority === before.priority && before.address !== null && compareIp(datagram.from, before.address) > 0);
      // keepalived's: of two owners the one that should stay gives in to a third advert of the other.
      const rogue = before.rivals >= 2 && before.priority === 255 && advert.priority === 255;
      expect(after.state.name).to.equal(better || rogue ? 'Backup' : 'Master');
    }
  }
}

describe('adverts at random', function () {
  this.timeout(60_000);

  it('bytes: never an exception, never believed unless every check holds', () => {
    fc.assert(fc.property(situation, bytes, fc.constantFrom(255, 254, null), (one, payload, ttl) => {
      const { others, group } = WIRE[one.family];
      check(routerIn(one), one, { from: ip(others[0]), to: ip(group), ttl, payload });
    }), { numRuns: RUNS });
  });

  it('nearly right ones, with good checksums', () => {
    let believed = 0;
    fc.assert(fc.property(situation, fc.array(nearly, { minLength: 1, maxLength: 4 }), (one, all) => {
      const stepper = routerIn(one);
      for (const given of all) {
        check(stepper, one, datagramOf(one, given));
        believed += stepper.router.counters.received;
        stepper.pass(37);
      }
    }), { numRuns: RUNS });
    expect(believed, 'the deeper rules were met').to.be.greaterThan(RUNS / 20);
  });

  it('good ones with bytes changed, added or cut', () => {
    fc.assert(fc.property(situation, nearly, breaks, fc.integer({ min: -12, max: 12 }), (one, given, broken, longer) => {
      const datagram = datagramOf(one, { ...given, type: 1, ttl: 255 });
      const payload = new Uint8Array(Math.max(0, datagram.payload.length + longer));
      payload.set(datagram.payload.subarray(0, payload.length));
      for (const { at, to } of broken) if (at < payload.length) payload[at] = to;
      check(routerIn(one), one, { ...datagram, payload });
    }), { numRuns: RUNS });
  });
});
