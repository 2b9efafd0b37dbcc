import { expect } from 'chai';
import fc from 'fast-check';
import { effectivePriority, isFault, type TrackState, type Weighed } from '../../lib/vrrp/priority.ts';
import { instanceOf } from '../sim/config-text.ts';

const weighed = (weight: number, state: TrackState, reverse = false): Weighed => ({ ref: { name: 'x', weight, reverse }, state });

describe('effectivePriority', () => {
  for (const [name, priority, things, expected] of [
    ['nothing tracked', 100, [], 100],
    ['a positive weight, up', 100, [weighed(20, 'up')], 120],
    ['a positive weight, down', 100, [weighed(20, 'down')], 100],
    ['a positive weight, unknown', 100, [weighed(20, 'unknown')], 100],
    ['a negative weight, up', 100, [weighed(-20, 'up')], 100],
    ['a negative weight, down', 100, [weighed(-20, 'down')], 80],
    ['a negative weight, unknown', 100, [weighed(-20, 'unknown')], 100],
    ['weight 0, down: a fault, not a weight', 100, [weighed(0, 'down')], 100],
    ['several', 100, [weighed(20, 'up'), weighed(-30, 'down'), weighed(5, 'down')], 90],
    ['a positive weight reversed, up', 100, [weighed(20, 'up', true)], 80],
    ['a negative weight reversed, down', 100, [weighed(-20, 'down', true)], 120],
    ['no more than 254', 200, [weighed(100, 'up')], 254],
    ['no less than 1', 50, [weighed(-100, 'down')], 1],
    ['the sum is cut, not its parts', 200, [weighed(100, 'up'), weighed(-100, 'down')], 200],
    ['the owner whatever is tracked', 255, [weighed(-100, 'down')], 255],
  ] as const) {
    it(name, () => { expect(effectivePriority(instanceOf(`priority ${priority}`), things)).to.equal(expected); });
  }

  it('stays within 1..254, whatever is tracked', () => {
    const one = fc.tuple(fc.integer({ min: -253, max: 253 }), fc.constantFrom<TrackState>('up', 'down', 'unknown'), fc.boolean());
    const base = instanceOf('priority 100');
    fc.assert(fc.property(fc.integer({ min: 1, max: 254 }), fc.array(one.map(([w, s, r]) => weighed(w, s, r))), (priority, things) => {
      expect(effectivePriority({ ...base, priority }, things)).to.be.within(1, 254);
    }), { numRuns: 300 });
  });
});

describe('isFault', () => {
  for (const [weight, state, reverse, expected] of [
    [0, 'down', false, true], [0, 'up', false, false], [0, 'unknown', false, false],
    [0, 'up', true, true], [0, 'down', true, false], [0, 'unknown', true, false],
    [-10, 'down', false, false], [10, 'down', false, false],
  ] as const) {
    it(`weight ${weight}, ${state}${reverse ? ', reversed' : ''}: ${expected ? 'a fault' : 'none'}`, () => {
      expect(isFault(weighed(weight, state, reverse))).to.equal(expected);
    });
  }
});
