import { expect } from 'chai';
import type { MailSettings } from '../../../lib/config/model.ts';
import { bareAddress, buildMessage, mailDate } from '../../../lib/daemon/notify/message.ts';

const settings: MailSettings = {
  from: 'KA man <ka@example.com>', to: ['admin@example.com', 'Other Man <other@example.com>'],
  server: { host: '192.0.2.9', port: 25 }, helo: 'director', timeout: 5000,
};
const date = new Date(2026, 10, 3, 4, 5, 6);

describe('daemon/notify/message', () => {
  const addresses: [string, string][] = [['a@b', 'a@b'], [' a@b ', 'a@b'], ['<a@b>', 'a@b'], ['A B <a@b>', 'a@b'], ['"x <y>" <a@b> ', 'a@b'], ['', '']];
  for (const [given, bare] of addresses) it(`bare address of '${given}'`, () => expect(bareAddress(given)).to.equal(bare));

  it('writes keepalived\'s headers in its order, an empty line, the text and an empty line', () => {
    const message = buildMessage(settings, 'ROUTER_X', { subject: 'VRRP Instance VI_1 - Stopping', text: '=> VRRP Instance stopping <=' }, date);
    expect(message).to.deep.equal({
      from: 'ka@example.com',
      to: ['admin@example.com', 'other@example.com'],
      raw: [
        `Date: ${mailDate(date)}`,
        'From: KA man <ka@example.com>',
        'Subject: [ROUTER_X] VRRP Instance VI_1 - Stopping',
        'X-Mailer: Keepalived',
        'To: admin@example.com,',
        ' Other Man <other@example.com>',
        '',
        '=> VRRP Instance stopping <=',
        '',
        '',
      ].join('\r\n'),
    });
  });

  it('a line end in a name does not make a header', () => {
    const { raw } = buildMessage(settings, 'R\r\nBcc: x@y', { subject: 's', text: 't' }, date);
    expect(raw).to.include('Subject: [R Bcc: x@y] s\r\n').and.not.include('\r\nBcc');
  });

  it('the date is local, RFC 5322, and names the same moment', () => {
    expect(mailDate(date)).to.match(/^Tue, 03 Nov 2026 04:05:06 [+-]\d{4}$/);
    expect(Date.parse(mailDate(date))).to.equal(date.getTime());
  });
});
