import { expect } from 'chai';
import type { SyncGroup } from '../../lib/config/model.ts';
import { followers, groupState, mayBecomeMaster, type Members } from '../../lib/vrrp/sync-group.ts';
import { configOf, instanceText } from '../sim/config-text.ts';
import { Stepper } from './stepper.ts';

const GROUP: SyncGroup = (() => {
  const text = `vrrp_sync_group G {\n group {\n a\n b\n c\n }\n}\n${['a', 'b', 'c'].map((name, i) => instanceText('', name, 51 + i, `10.0.0.10${i}/24`)).join('')}`;
  const [group] = configOf(text).syncGroups;
  if (group === undefined) throw new Error('no group');
  return group;
})();

/** Members by a letter each: I, B, M, F; '-' for one that is missing. */
function members(states: string): Members {
  const of = (letter: string): Stepper => {
    switch (letter) {
      case 'B':
        return new Stepper('').backup();
      case 'M':
        return new Stepper('').master();
      case 'F':
        return new Stepper('').backup().event({ type: 'fault', reason: 'x' });
      default:
        return new Stepper('');
    }
  };
  return new Map([...states].flatMap((letter, i) => (letter === '-' ? [] : [['abc'.charAt(i), of(letter).router]])));
}

describe('sync groups', () => {
  for (const [states, willing, expected] of [
    ['BBB', '', false], ['BBB', 'b', false], ['BBB', 'bc', true], ['BMM', '', true], ['BMB', '', false], ['BMB', 'c', true], ['BMF', '', false], ['B-M', '', false],
  ] as const) {
    it(`${states}, willing: '${willing}': a ${expected ? 'may' : 'may not'} become Master`, () => {
      expect(mayBecomeMaster(GROUP, members(states), 'a', new Set(willing))).to.equal(expected);
    });
  }

  for (const [states, to, expected] of [
    ['MBB', 'Master', ['b', 'c']], ['MMB', 'Master', ['c']], ['BMM', 'Backup', ['b', 'c']], ['BBB', 'Backup', []], ['IMM', 'Initialize', []],
  ] as const) {
    it(`${states}: with a to ${to} go ${expected.join(', ')}`, () => {
      expect(followers(GROUP, members(states), 'a', to)).to.deep.equal(expected);
    });
  }

  for (const [states, expected] of [['MMM', 'Master'], ['BBB', 'Backup'], ['FFF', 'Fault'], ['III', 'Initialize'], ['MMB', null], ['BBF', null], ['---', null], ['M-M', null]] as const) {
    it(`${states} is ${expected ?? 'of two minds'}`, () => { expect(groupState(GROUP, members(states))).to.equal(expected); });
  }
});
