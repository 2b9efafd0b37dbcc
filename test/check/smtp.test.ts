import { expect } from 'chai';
import type { Socket } from 'node:net';
import { checkSmtp } from '../../lib/check/smtp.ts';
import { closedPort, descriptorsBackTo, HASTY, openDescriptors, realMeans, SCHEDULE, serve, SUBJECT, target } from './servers.ts';

const means = realMeans();

function check(port: number, hasty: boolean): Promise<unknown> {
  const limits = hasty ? HASTY : { connectTimeout: 5000, schedule: SCHEDULE };
  return checkSmtp({ type: 'SMTP_CHECK', target: target(port, { connectTimeout: limits.connectTimeout }), schedule: limits.schedule, helo: 'smtpchecker.keepalived.org' }, SUBJECT, means).verdict;
}

/** Says the greeting, then `replies` line by line to whatever comes. */
function talking(greeting: string, ...replies: string[]): (socket: Socket) => void {
  return (socket) => {
    socket.write(greeting);
    socket.on('data', () => socket.write(replies.shift() ?? ''));
  };
}

describe('SMTP_CHECK', () => {
  let open: number;
  before(async () => {
    await check(await closedPort(), false);
    open = openDescriptors();
  });
  afterEach(async () => {
    expect(await descriptorsBackTo(open), 'descriptors').to.be.at.most(open);
  });

  const rows: { name: string; server: (socket: Socket) => void; hasty?: boolean; reason: string | null }[] = [
    { name: 'it says nothing', server: () => undefined, hasty: true, reason: 'Read timeout from server' },
    { name: 'it closes at once', server: (socket) => socket.end(), reason: 'Read failure from server' },
    { name: 'a byte at a time, for ever', server: (socket) => { const timer = setInterval(() => socket.write('2'), 40); socket.on('close', () => { clearInterval(timer); }); }, hasty: true, reason: 'Read timeout from server' },
    { name: 'a line without end', server: (socket) => socket.write('2'.repeat(100_000)), reason: 'Buffer overflow reading from server' },
    { name: 'no service', server: talking('554 no\r\n'), reason: 'Bad greeting banner from server' },
    { name: 'a greeting of several lines', server: talking('220-mx\r\n220 mx\r\n'), reason: 'Bad greeting banner from server' },
    { name: 'HELO refused', server: talking('220 mx\r\n', '501 no\r\n'), reason: 'Bad HELO response from server' },
    { name: 'HELO answered by several lines', server: talking('220 mx\r\n', '250-mx\r\n250 ok\r\n'), reason: 'Bad HELO response from server' },
    { name: 'as it should be', server: talking('220 mx\r\n', '250 ok\r\n', '221 bye\r\n'), reason: null },
  ];
  for (const row of rows) {
    it(row.name, async () => {
      const server = await serve(row.server, true);
      try {
        const found = await check(server.port, row.hasty === true);
        expect(found).to.deep.equal(row.reason === null ? { type: 'success', matched: null } : { type: 'failure', reason: `${row.reason} [127.0.0.1]:${server.port}` });
      } finally {
        await server.close();
      }
    });
  }

  it('nobody listens', async () => {
    const port = await closedPort();
    expect(await check(port, false)).to.deep.equal({ type: 'failure', reason: `Could not connect to server [127.0.0.1]:${port}` });
  });

  it('HELO with the name, then QUIT', async () => {
    const server = await serve(talking('220 mx\r\n', '250 ok\r\n', '221 bye\r\n'), true);
    try {
      await check(server.port, false);
      for (let i = 0; i < 200 && server.requests.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(server.requests).to.deep.equal(['HELO smtpchecker.keepalived.org\r\nQUIT\r\n']);
    } finally {
      await server.close();
    }
  });
});
