/**
 * Somebody in a network namespace, told by messages what to do: a client, or a real server. Started by peer.ts; ends with it.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { NetlinkRequests } from '../../../lib/linux/netlink-requests.ts';
import type { Call, Calls, Reply } from './peer.ts';

const PATIENCE = 10_000;
const NETLINK_NETFILTER = 12;
/** linux/netfilter/nfnetlink_conntrack.h: subsystem 1, IPCTNL_MSG_CT_DELETE; without a tuple it means all. */
const CT_DELETE = (1 << 8) | 2;

let web: Server | null = null;
let datagrams: UdpSocket | null = null;
const open = new Set<Socket>();
let download: { heard: number; broken: string | null; stop(): void } | null = null;
let talk: Socket | null = null;

const plain = (address: string | undefined): string => (address ?? '?').replace('::ffff:', '');

const CALLS: { readonly [Name in keyof Calls]: (...words: Parameters<Calls[Name]>) => Promise<ReturnType<Calls[Name]>> } = {
  serve(name) {
    const answer = ({ url, socket }: IncomingMessage): string | null => (url === '/slow' ? null : `${name} ${plain(socket.remoteAddress)}`);
    web = createServer((request, response) => {
      const text = answer(request);
      response.writeHead(200, text === null ? { Connection: 'close' } : { 'Content-Length': text.length });
      if (text !== null) {
        response.end(text);
        return;
      }
      const timer = setInterval(() => response.write(`${name} and more of it\n`), 50);
      response.on('close', () => { clearInterval(timer); });
    }).on('connection', (socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    });
    datagrams = createSocket('udp6').on('message', (_, from) => { datagrams?.send(`${name} ${plain(from.address)}`, from.port, from.address); });
    return Promise.all([
      new Promise((resolve, reject) => { web?.once('error', reject).listen({ host: '::', port: 80 }, () => { resolve(null); }); }),
      new Promise((resolve, reject) => { datagrams?.once('error', reject).bind(53, '::', () => { resolve(null); }); }),
    ]).then(() => null);
  },
  unserve() {
    web?.close();
    datagrams?.close();
    for (const socket of open) socket.destroy();
    [web, datagrams] = [null, null];
    return Promise.resolve(null);
  },
  async ask(host, count, from) {
    const said = [];
    for (let i = 0; i < count; i++) said.push(await fetched(host, from === 0 ? 0 : from + i));
    return said;
  },
  try: (host, patience) => fetched(host, 0, patience),
  async send(host, count) {
    const all = Array.from({ length: count }, () => new Promise<string>((resolve) => {
      const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
      const timer = setTimeout(() => { end('no answer'); }, PATIENCE);
      const end = (text: string): void => {
        clearTimeout(timer);
        socket.close();
        resolve(text);
      };
      socket.on('message', (text) => { end(text.toString()); }).on('error', (cause) => { end(cause.message); }).send('x', 53, host);
    }));
    return Promise.all(all);
  },
  download(host) {
    download?.stop();
    const request = get({ host, port: 80, path: '/slow', agent: false }, (response) => {
      response.on('data', (piece: Buffer) => (state.heard += piece.length)).on('close', () => (state.broken ??= 'closed'));
    }).on('error', (cause) => (state.broken ??= cause.message));
    const state = { heard: 0, broken: null as string | null, stop: () => request.destroy() };
    download = state;
    return Promise.resolve(null);
  },
  heard: () => Promise.resolve(download === null ? { heard: 0, broken: 'none was begun' } : { heard: download.heard, broken: download.broken }),
  talk(host, port) {
    talk?.destroy();
    talk = connect({ host, port: 80, ...(port === 0 ? {} : { localPort: port }) });
    talk.on('error', () => undefined);
    return Promise.resolve(null);
  },
  word() {
    return new Promise((resolve) => {
      const timer = setTimeout(() => { resolve('no answer'); }, PATIENCE);
      talk?.once('data', (data) => {
        clearTimeout(timer);
        resolve(data.toString().split('\r\n\r\n')[1] ?? '');
      }).write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    });
  },
  async forget() {
    const requests = new NetlinkRequests(NETLINK_NETFILTER, 'conntrack socket');
    const [refused = null] = await requests.batch([{ type: CT_DELETE, flags: 0, payload: Uint8Array.of(0, 0, 0, 0), operation: 'flush', object: 'conntrack' }]);
    requests.close();
    if (refused !== null) throw refused;
    return null;
  },
  stray(host, port) {
    return new Promise((resolve) => {
      const socket = connect({ host, port, localPort: 80, timeout: 1500 });
      const end = (text: string): void => {
        socket.destroy();
        resolve(text);
      };
      socket.on('connect', () => { end('connected'); }).on('timeout', () => { end('silence'); }).on('error', (cause: NodeJS.ErrnoException) => { end(cause.code ?? ''); });
    });
  },
};

function fetched(host: string, localPort: number, timeout = PATIENCE): Promise<string> {
  return new Promise((resolve) => {
    const request = get({ host, port: 80, path: '/', agent: false, timeout, ...(localPort === 0 ? {} : { localPort }) }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece)).on('end', () => { resolve(text); }).on('error', (cause) => { resolve(cause.message); });
    });
    request.on('timeout', () => request.destroy(new Error('no answer'))).on('error', (cause) => { resolve(cause.message); });
  });
}

process.on('disconnect', () => { process.exit(); });
process.on('message', ({ id, name, words }: Call) => {
  const call = CALLS[name] as (...all: readonly unknown[]) => Promise<unknown>;
  const reply = (answer: Reply): void => { process.send?.(answer); };
  call(...words).then((value) => { reply({ id, value, failed: null }); }, (cause: unknown) => { reply({ id, value: null, failed: String(cause) }); });
});
