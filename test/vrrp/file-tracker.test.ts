import { expect } from 'chai';
import fc from 'fast-check';
import { fileNumber } from '../../lib/vrrp/file-tracker.ts';

describe('fileNumber', () => {
  for (const [name, text, value] of [
    ['junk', 'junk\n', 0], ['nothing', '', 0], ['blanks', ' \n', 0], ['a sign alone', '-', 0], ['bytes', '\0\xff', 0], ['a number behind a word', 'x 5', 0],
    ['0x without digits', '0xg', 0], ['a digit that is not octal', '09', 0],
    ['a number', '10\n', 10], ['without a newline', '10', 10], ['blanks in front', ' \t 5 ', 5], ['words behind', '12abc', 12], ['only the first line', '7\n9\n', 7],
    ['a plus', '+6', 6], ['a minus', '-253', -253], ['hexadecimal', '0x10', 16], ['octal', '010', 8], ['a negative hexadecimal', '-0XfF', -255], ['zero', '0', 0], ['minus zero', '-0', 0],
    ['the largest', '2147483647', 2147483647], ['the smallest', '-2147483648', -2147483648],
  ] as const) {
    it(`${name}: ${value}`, () => { expect(fileNumber(text)).to.deep.equal({ ok: true, value }); });
  }

  for (const text of ['2147483648', '-2147483649', '99999999999999', '0x100000000', `1${'0'.repeat(250)}`]) {
    it(`${text.slice(0, 20)} is out of range`, () => { expect(fileNumber(` ${text}\n`)).to.deep.equal({ ok: false, text }); });
  }

  it('reads whatever is printed', () => {
    fc.assert(fc.property(fc.integer(), (value) => { expect(fileNumber(String(value))).to.deep.equal({ ok: true, value }); }));
  });

  it('brings a whole number or says no, for any text', () => {
    fc.assert(fc.property(fc.string(), (text) => {
      const number = fileNumber(text);
      if (number.ok) expect(Number.isInteger(number.value)).to.equal(true);
    }));
  });
});
