import { expect } from 'chai';
import fc from 'fast-check';
import { masterDownInterval, skewTime } from '../../lib/vrrp/timers.ts';
import { instanceOf } from '../sim/config-text.ts';

const V2 = instanceOf('');
const V3 = instanceOf('version 3');

describe('timers', () => {
  for (const [name, instance, priority, interval, skew, down] of [
    ['version 2: the skew is a share of a second (RFC 3768 §6.1)', V2, 100, 1000, 609.375, 3609.375],
    ['version 2: also with a longer interval', V2, 100, 5000, 609.375, 15_609.375],
    ["version 3: the skew is a share of the master's interval (RFC 9568 §6.1)", V3, 100, 1000, 609.375, 3609.375],
    ['version 3: a shorter one with a shorter interval', V3, 100, 100, 60.9375, 360.9375],
    ['version 3: a longer one with a longer interval', V3, 100, 40_950, 24_953.90625, 147_803.90625],
    ['the owner', V2, 255, 1000, 3.90625, 3003.90625],
    ['priority 1', V2, 1, 1000, 996.09375, 3996.09375],
    ['down_timer_adverts 2', { ...V2, downTimerAdverts: 2 }, 128, 1000, 500, 2500],
  ] as const) {
    it(name, () => {
      expect(skewTime(instance, priority, interval)).to.equal(skew);
      expect(masterDownInterval(instance, priority, interval)).to.equal(down);
    });
  }

  it('who has the higher priority is always ready first', () => {
    const priority = fc.integer({ min: 1, max: 255 });
    fc.assert(fc.property(fc.constantFrom(V2, V3), priority, priority, fc.integer({ min: 1, max: 4095 }), (instance, a, b, centis) => {
      const difference = masterDownInterval(instance, a, centis * 10) - masterDownInterval(instance, b, centis * 10);
      expect(Math.sign(difference)).to.equal(Math.sign(b - a));
    }), { numRuns: 300 });
  });
});
