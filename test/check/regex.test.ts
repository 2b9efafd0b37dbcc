import { expect } from 'chai';
import { translateRegex } from '../../lib/check/regex.ts';

const refused: [string, string][] = [
  ['(?R)', '(?R at offset 0 is not supported'],
  ['a(?1)', '(?1 at offset 1 is not supported'],
  ['(*UTF)a', '(*U at offset 0 is not supported'],
  ['(?>a+)b', '(?> at offset 0 is not supported'],
  ['(?(1)a|b)', '(?( at offset 0 is not supported'],
  ['a++', 'possessive quantifier at offset 2 is not supported'],
  ['a\\Kb', '\\K at offset 1 is not supported'],
  ['\\Ga', '\\G at offset 0 is not supported'],
  ['a\\', '\\ at end of pattern'],
  ['[a', 'missing terminating ] for character class at offset 0'],
  ['[[:nosuch:]]', 'POSIX class [:nosuch:] is not supported'],
  ['(a', ''],
  ['*a', ''],
];

/** pattern, options, text, where it matches (null: nowhere). What PCRE2 says, by pcre2pattern(3). */
const found: [string, string, string, number | null][] = [
  ['hel+o', '', 'xhello', 1],
  ['HELLO', '', 'hello', null],
  ['HELLO', 'caseless', 'hello', 0],
  ['(?i)HELLO', '', 'hello', 0],
  ['a.b', '', 'a\nb', null],
  ['a.b', 'dotall', 'a\nb', 0],
  ['^b', '', 'a\nb', null],
  ['^b', 'multiline', 'a\nb', 2],
  ['end$', '', 'the end\n', 4],
  ['end$', 'dollar_endonly', 'the end\n', null],
  ['end\\Z', '', 'the end\n', 4],
  ['end\\z', '', 'the end\n', null],
  ['\\Aend', '', 'x end', null],
  ['a b # no', 'extended', 'ab', 0],
  ['[]a]+', '', ']a]', 0],
  ['[^]a]', '', ']ab', 2],
  ['[]a]', 'allow_empty_class', ']a]', null],
  ['[[:digit:]]{3}', '', 'ab123', 2],
  ['[[:alpha:]_]+', '', '1 _x', 2],
  ['\\Qa.b*\\E+', '', 'a.b**', 0],
  ['\\x41\\x{42}', '', 'xAB', 1],
  ['(?<n>a)\\k<n>', '', 'baa', 1],
  ['(?P<n>a)(?P=n)', '', 'baa', 1],
  ['(a)\\g1', '', 'baa', 1],
  ['(?#not this)a', '', 'a', 0],
  ['a{,2}', '', 'a{,2}', 0],
  ['a{2}', '', 'baa', 1],
  ['a\\hb', '', 'a\tb', 0],
  ['a\\Rb', '', 'a\r\nb', 0],
  ['a/b', '', 'a/b', 0],
  ['"status"\\s*:\\s*"(ok|UP)"', '', '{"status" : "UP"}', 1],
  ['\\p{Lu}', 'utf', 'aÄ', 1],
  ['(a)(b)', 'no_auto_capture', 'ab', 0],
];

describe('regex: PCRE2 patterns in JavaScript', () => {
  for (const [pattern, problem] of refused) {
    it(`${pattern} is refused`, () => {
      expect(translateRegex(pattern, [])).to.have.property('problem').that.includes(problem);
    });
  }
  for (const [pattern, options, text, at] of found) {
    it(`${pattern} ${options} in ${JSON.stringify(text)}`, () => {
      const translated = translateRegex(pattern, options === '' ? [] : options.split(' '));
      if ('problem' in translated) expect.fail(translated.problem);
      expect(translated.regex.exec(text)?.index ?? null).to.equal(at);
    });
  }

  it('ungreedy turns both ways round', () => {
    const matched = (pattern: string): string | undefined => {
      const translated = translateRegex(pattern, ['ungreedy']);
      return 'problem' in translated ? translated.problem : translated.regex.exec('aaa')?.[0];
    };
    expect([matched('a+'), matched('a+?')]).to.deep.equal(['a', 'aaa']);
  });

  it('firstline, utf and the rest are told', () => {
    expect(translateRegex('a', ['firstline', 'utf', 'auto_callout', 'no_start_optimize'])).to.include({ firstLine: true, unicode: true });
  });
});
