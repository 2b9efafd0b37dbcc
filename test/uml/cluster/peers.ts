/**
 * Whom the cluster's test sets about it, in processes of their own:
 *
 *     peers.js serve NAME           a real server: `who` is answered with its name and whom it sees, `hello` with a dot
 *     peers.js ask VIP ADDRESS…     a client at each address: talks over one connection for as long as it lasts, and asks over
 *                                   another one each time besides. A line on stdin: what was seen since the last one, as JSON.
 */
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** What clients have seen; times in milliseconds. */
export interface Seen {
  /** Each over a connection of its own. */
  readonly asked: number;
  readonly lost: number;
  /** Of these, begun since the last time. */
  readonly lostNow: number;
  readonly slowest: number;
  /** Conversations that were cut, and the clients' sockets of those that go on: `ADDRESS:PORT`. */
  readonly broken: number;
  readonly talking: readonly string[];
  /** The longest that one got no answer. */
  readonly silence: number;
  /** Answers over connections that were there before. */
  readonly replies: number;
  /** Who answered, and whom they saw. */
  readonly servers: readonly string[];
  readonly sources: readonly string[];
}

const PORT = 80;
const TALK_EVERY = 200;
const ASK_EVERY = 250;
const PATIENCE = 10_000;

const [, , what = '', word = '', ...addresses] = process.argv;

if (what === 'serve') serve(word);
else if (what === 'ask') ask(word, addresses);

function serve(name: string): void {
  createServer((socket) => {
    socket.on('error', () => undefined).on('data', (data) => {
      if (data.toString().startsWith('who')) socket.end(`${name} ${socket.remoteAddress ?? ''}`);
      else socket.write('.');
    });
  }).listen(PORT, '0.0.0.0');
}

function ask(vip: string, sources: readonly string[]): void {
  let asked = 0;
  let lost = 0;
  let lostNow = 0;
  let since = 0;
  let slowest = 0;
  let broken = 0;
  let replies = 0;
  let silence = 0;
  let servers = new Set<string>();
  let seen = new Set<string>();
  const talks = new Set<{ heard: number; name: string }>();

  const talk = (source: string): void => {
    const one = { heard: Date.now(), name: '' };
    const socket: Socket = connect({ port: PORT, host: vip, localAddress: source }, () => {
      one.heard = Date.now();
      one.name = `${source}:${String(socket.localPort)}`;
      talks.add(one);
    });
    const timer = setInterval(() => {
      if (!socket.connecting) socket.write('hello');
    }, TALK_EVERY);
    socket.on('data', () => {
      silence = Math.max(silence, Date.now() - one.heard);
      one.heard = Date.now();
      replies++;
    }).on('error', () => undefined).on('close', () => {
      clearInterval(timer);
      if (talks.delete(one)) broken++;
      setTimeout(() => { talk(source); }, TALK_EVERY);
    });
  };

  const question = (source: string): void => {
    const begun = Date.now();
    let text = '';
    const socket = connect({ port: PORT, host: vip, localAddress: source }, () => socket.write('who'));
    const limit = setTimeout(() => socket.destroy(), PATIENCE);
    socket.on('data', (data) => (text += data.toString())).on('error', () => undefined).on('close', () => {
      clearTimeout(limit);
      asked++;
      slowest = Math.max(slowest, Date.now() - begun);
      const [server, whom] = text.split(' ');
      if (server === undefined || whom === undefined) {
        lost++;
        if (begun >= since) lostNow++;
      } else {
        servers.add(server);
        seen.add(whom);
      }
      setTimeout(() => { question(source); }, ASK_EVERY);
    });
  };

  for (const source of sources) {
    talk(source);
    question(source);
  }
  createInterface({ input: process.stdin }).on('line', () => {
    const now = Date.now();
    for (const { heard } of talks) silence = Math.max(silence, now - heard);
    const report: Seen = { asked, lost, lostNow, slowest, broken, talking: [...talks].map(({ name }) => name), silence, replies, servers: [...servers].sort(), sources: [...seen].sort() };
    process.stdout.write(`${JSON.stringify(report)}\n`);
    since = now;
    asked = lost = lostNow = slowest = broken = replies = silence = 0;
    servers = new Set();
    seen = new Set();
    for (const one of talks) one.heard = Math.max(one.heard, now - TALK_EVERY);
  }).on('close', () => process.exit(0));
}
