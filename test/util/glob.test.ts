import { expect } from 'chai';
import fc from 'fast-check';
import { globMatcher } from '../../lib/util/glob.ts';

describe('glob(7)', () => {
  for (const [pattern, yes, no] of [
    ['*.conf', ['a.conf', '.conf'], ['a.config', 'conf']],
    ['?', ['a', '{', 'ä'], ['', 'ab']],
    ['[a-c]x', ['ax', 'cx'], ['dx', '-x']],
    ['[!a-c]x', ['dx', '-x'], ['ax']],
    ['[^a-c]x', ['dx'], ['ax']],
    ['[]a]', [']', 'a'], ['b', '[]a]']],
    ['[!]a]', ['b'], [']', 'a']],
    ['[a-]', ['a', '-'], ['b']],
    ['[-a]', ['a', '-'], ['b']],
    ['[z-a]', [], ['a', 'z', '-', '[z-a]']],
    ['[z-ab]', ['b'], ['a', 'z']],
    ['[[:digit:]_]*', ['1x', '_'], ['x', ':']],
    ['[$-[:digit:]]', ['$', '-', '7'], ['%', ':']],
    ['[^]', ['[^]'], ['a']],
    ['[\\]', ['\\'], ['a']],
    ['[', ['['], ['a']],
    ['x${', ['x${'], ['x']],
    ['a{2}', ['a{2}'], ['aa']],
    ['a.b+(c)|d', ['a.b+(c)|d'], ['axb', 'd']],
  ] as const) {
    it(pattern, () => {
      const matcher = globMatcher(pattern);
      expect({ yes: yes.filter((name) => !matcher.test(name)), no: no.filter((name) => matcher.test(name)) }).to.deep.equal({ yes: [], no: [] });
    });
  }

  it('whatever it holds', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('[', ']', '!', '^', '-', '\\', '{', '}', '[:alpha:]', '[:x:]', '*', '?', 'a', 'z', '/', '.', 'ä', '😀', '(', '$', '[$-[:alpha:]]'), { maxLength: 12 }), (words) => {
      globMatcher(words.join('')).test('a');
    }), { numRuns: 3000 });
  });
});
