import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { SMTPServer } from 'smtp-server';
import { createMailer } from '../../../lib/daemon/notify/mail.ts';
import { buildMessage } from '../../../lib/daemon/notify/message.ts';
import type { MailSettings } from '../../../lib/config/model.ts';
import { RecordingLog } from '../../sim/recording-log.ts';

/** A server on loopback that notes what is said, and answers `refuse` (a command, or CONN, or BODY) with 550. */
class Sink {
  readonly said: string[] = [];
  connections = 0;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(refuse: string | null = null, mute = false) {
    this.server = createServer((socket) => {
      this.connections++;
      this.sockets.add(socket.on('error', () => socket.destroy()).on('close', () => this.sockets.delete(socket)));
      if (mute) return;
      const reply = (step: string, good: string): boolean => socket.write(step === refuse ? '550-no\r\n550 no\r\n' : `${good}\r\n`);
      let rest = '';
      let body = false;
      reply('CONN', '220 sink');
      socket.on('data', (chunk) => {
        const lines = (rest + chunk.toString('latin1')).split('\r\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          this.said.push(line);
          const command = line.split(/[ :]/)[0] ?? '';
          if (body) {
            if (line === '.') body = !reply('BODY', '250 queued');
          } else if (command === 'QUIT') socket.end('221 bye\r\n');
          else {
            reply(command, command === 'DATA' ? '354 go' : '250 fine');
            body = command === 'DATA' && refuse !== 'DATA';
          }
        }
      });
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const settingsFor = (port: number, timeout = 5000): MailSettings => ({
  from: 'KA man <ka@example.com>', to: ['admin@example.com', 'Other Man <other@example.com>'], server: { host: '127.0.0.1', port }, helo: 'director', timeout,
});
const messageFor = (settings: MailSettings) => buildMessage(settings, 'R', { subject: 'VRRP Instance VI_1 - Entering MASTER state', text: '=> text <=' }, new Date(0));

async function deliver(sink: Sink, timeout = 5000): Promise<{ log: RecordingLog; port: number }> {
  const port = await sink.listen();
  const log = new RecordingLog();
  const mailer = createMailer(log);
  const settings = settingsFor(port, timeout);
  mailer.send(settings, messageFor(settings));
  await mailer.close(10_000);
  await sink.close();
  return { log, port };
}

describe('daemon/notify/mail: what goes wrong', () => {
  it('nobody listens', async () => {
    const sink = new Sink();
    const port = await sink.listen();
    await sink.close();
    const log = new RecordingLog();
    const mailer = createMailer(log);
    mailer.send(settingsFor(port), messageFor(settingsFor(port)));
    await mailer.close(10_000);
    expect(log.texts()).to.have.length(1);
    expect(log.texts('error')[0]).to.match(/^SMTP alert cannot be sent to \[127\.0\.0\.1\]:\d+: .*ECONNREFUSED/);
  });

  it('the server says nothing', async () => {
    const { log, port } = await deliver(new Sink(null, true), 100);
    expect(log.texts()).to.deep.equal([`Remote SMTP server [127.0.0.1]:${String(port)} connected.`, `Timeout reading data to remote SMTP server [127.0.0.1]:${String(port)}.`]);
  });

  const refusals: [string, string, string[]][] = [
    ['CONN', '(E)SMTP', []],
    ['HELO', 'HELO', ['HELO director']],
    ['MAIL', 'MAIL', ['HELO director', 'MAIL FROM:<ka@example.com>']],
    ['RCPT', 'RCPT', ['HELO director', 'MAIL FROM:<ka@example.com>', 'RCPT TO:<admin@example.com>']],
    ['DATA', 'DATA', ['HELO director', 'MAIL FROM:<ka@example.com>', 'RCPT TO:<admin@example.com>', 'RCPT TO:<other@example.com>', 'DATA']],
    ['BODY', 'BODY', []],
  ];
  for (const [step, command, before] of refusals) {
    it(`550 to ${step}: logged with the command's name, ended with QUIT`, async () => {
      const sink = new Sink(step);
      const { log, port } = await deliver(sink);
      expect(log.texts('error')).to.deep.equal([`Error processing ${command} cmd on SMTP server [127.0.0.1]:${String(port)}. SMTP status code = 550`]);
      expect(sink.said.slice(0, before.length)).to.deep.equal(before);
      expect(sink.said.at(-1)).to.equal('QUIT');
    });
  }

  it('too many at once: some are lost, and that is said once', async () => {
    const sink = new Sink(null, true);
    const port = await sink.listen();
    const log = new RecordingLog();
    const mailer = createMailer(log);
    for (let i = 0; i < 200; i++) mailer.send(settingsFor(port), messageFor(settingsFor(port)));
    await mailer.close(50);
    await sink.close();
    expect(log.texts('warn')).to.deep.equal([`SMTP alerts are lost: 64 are waiting for [127.0.0.1]:${String(port)} already`, '72 SMTP alerts given up at the stop']);
    expect(sink.connections).to.be.at.most(8);
  });
});

describe('daemon/notify/mail: the dialogue', () => {
  it('is keepalived\'s, byte for byte', async () => {
    const sink = new Sink();
    const { log, port } = await deliver(sink);
    expect(sink.said).to.deep.equal([
      'HELO director', 'MAIL FROM:<ka@example.com>', 'RCPT TO:<admin@example.com>', 'RCPT TO:<other@example.com>', 'DATA',
      ...messageFor(settingsFor(port)).raw.split('\r\n').slice(0, -1), '.', 'QUIT',
    ]);
    expect(log.texts()).to.deep.equal([`Remote SMTP server [127.0.0.1]:${String(port)} connected.`, 'SMTP alert successfully sent.']);
    expect(sink.connections).to.equal(1);
  });

  it('is one that another implementation of SMTP takes', async () => {
    const mails: { readonly from: string; readonly to: readonly string[]; readonly client: string; readonly text: string }[] = [];
    const server = new SMTPServer({
      disabledCommands: ['AUTH', 'STARTTLS'],
      onData(stream, session, done) {
        let text = '';
        stream.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
        stream.on('end', () => {
          const { mailFrom, rcptTo } = session.envelope;
          mails.push({ from: mailFrom === false ? '' : mailFrom.address, to: rcptTo.map(({ address }) => address), client: String(session.hostNameAppearsAs), text });
          done();
        });
      },
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const settings = settingsFor((server.server.address() as AddressInfo).port);
    const log = new RecordingLog();
    const mailer = createMailer(log);
    mailer.send(settings, messageFor(settings));
    await mailer.close(10_000);
    await new Promise<void>((resolve) => server.close(resolve));
    expect(log.texts('error')).to.deep.equal([]);
    expect(mails).to.deep.equal([{ from: 'ka@example.com', to: ['admin@example.com', 'other@example.com'], client: 'director', text: messageFor(settings).raw }]);
  });
});
