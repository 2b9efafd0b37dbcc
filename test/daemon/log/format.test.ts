import { expect } from 'chai';
import { consoleLine, parseFacility, syslogLine } from '../../../lib/daemon/log/format.ts';
import type { LogLevel } from '../../../lib/daemon/log/log.ts';

const early = new Date(2026, 10, 3, 4, 5, 6).getTime();
const late = new Date(2026, 10, 23, 21, 38, 12).getTime();

describe('daemon/log/format', () => {
  it('console: a day of one digit is padded with a blank', () => expect(consoleLine(early, '(VI_1) Entering MASTER STATE')).to.equal('Tue Nov  3 04:05:06 2026: (VI_1) Entering MASTER STATE'));
  it('console: a day of two digits', () => expect(consoleLine(late, 'x')).to.equal('Mon Nov 23 21:38:12 2026: x'));

  const priorities: [LogLevel, number, string][] = [['error', 3, '<27>'], ['warn', 3, '<28>'], ['info', 3, '<30>'], ['detail', 3, '<30>'], ['debug', 3, '<31>'], ['info', 23, '<190>'], ['error', 0, '<3>']];
  for (const [level, facility, prefix] of priorities) {
    it(`syslog: ${level} of facility ${String(facility)}`, () =>
      expect(syslogLine(early, level, facility, 'Keepalived_vrrp', 42, 'text')).to.equal(`${prefix}Nov  3 04:05:06 Keepalived_vrrp[42]: text`));
  }

  it('syslog: one datagram is one line', () => expect(syslogLine(late, 'info', 3, 'K', 1, 'a\nb\r\n\u001b[31mc')).to.equal('<30>Nov 23 21:38:12 K[1]: a b [31mc'));

  const facilities: [string, number | null][] = [['', null], ['8', null], ['local8', null], ['mail', null], ['Local0', null], ['0', 16], ['7', 23], ['local3', 19], ['user', 1], ['daemon', 3]];
  for (const [text, number] of facilities) it(`facility '${text}'`, () => expect(parseFacility(text)).to.equal(number));
});
