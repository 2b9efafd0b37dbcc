import { expect } from 'chai';
import { codesOf, Vocabulary } from '../../lib/config/vocabulary.ts';

describe('config: characters and known words', () => {
  for (const [name, text] of [
    ['nothing', ''],
    ['ASCII', 'vrrp_instance VI_1 {'],
    ['an umlaut, as one code unit', 'router_id zürich'],
    ['beyond the basic plane, as two', 'router_id 😀x'],
    ['half a pair', 'a\ud83dz'],
  ] as const) {
    it(`${name}: the codes are the text's code units`, () => {
      expect([...codesOf(text)]).to.deep.equal(Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)));
    });
  }

  it('a byte a character where that is enough', () => {
    expect(codesOf('abc')).to.be.instanceOf(Uint8Array);
    expect(codesOf('abü')).to.be.instanceOf(Uint16Array);
  });

  it('gives the text between two offsets, whatever had that place before', () => {
    // Same length, first and last character: they take each other's place.
    const words = ['retry', 'ratty', 'retry', 'r', 'ry', 'retry', 'weight', 'wzzzzt', ''];
    const text = words.join(' ');
    const codes = codesOf(text);
    const vocabulary = new Vocabulary();
    let at = 0;
    for (const word of words) {
      expect(vocabulary.word(text, codes, at, at + word.length)).to.equal(word);
      at += word.length + 1;
    }
  });
});
