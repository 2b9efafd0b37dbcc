import { createSocket } from 'node:dgram';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer as createTcp, isIPv6, type Server, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import type { Pem } from './certificate.ts';
import { batch } from './world.ts';

/** Something that a checker asks, in the test's own process: it can die and come back. */
export interface Backend {
  up(): Promise<void>;
  /** Nobody listens any more, and connections are cut. */
  down(): Promise<void>;
}

/** How a stream server answers a new connection. */
export type Answer = (socket: Socket) => void;

/** Any conversation over TCP, or over TLS when there is a certificate. */
export function stream(host: string, port: number, answer: Answer, pem?: Pem): Backend {
  let server: Server | null = null;
  const open = new Set<Socket>();
  return {
    up: () => new Promise((resolve, reject) => {
      const begun = (socket: Socket): void => {
        open.add(socket);
        socket.on('error', () => undefined).on('close', () => open.delete(socket));
        answer(socket);
      };
      server = pem === undefined ? createTcp(begun) : createTls(pem, begun);
      server.on('tlsClientError', () => undefined).once('error', reject).listen({ host, port }, resolve);
    }),
    down: () => new Promise((resolve) => {
      for (const socket of open) socket.destroy();
      if (server === null) resolve();
      else server.close(() => { resolve(); });
      server = null;
    }),
  };
}

/** Accepts, and closes when the other has. */
export function tcp(host: string, port: number): Backend {
  return stream(host, port, (socket) => socket.resume());
}

/** Answers by path; what it does not know is 404. While it is dead it answers 500. */
export function http(host: string, port: number, pages: Readonly<Record<string, readonly [status: number, body: string]>>): Backend {
  let alive = false;
  const server = createHttp({ keepAlive: false }, (request, response) => {
    const [status, body] = pages[request.url ?? ''] ?? [404, 'nothing here\n'];
    response.writeHead(alive ? status : 500, { 'Content-Length': body.length, Connection: 'close' }).end(body);
  });
  return {
    up: async () => {
      alive = true;
      if (!server.listening) await new Promise<void>((resolve) => server.listen({ host, port }, resolve));
      server.unref();
    },
    down: () => {
      alive = false;
      return Promise.resolve();
    },
  };
}

/** One page over TLS, in one packet. */
export function https(host: string, port: number, body: string, pem: Pem): Backend {
  return stream(host, port, (socket) => socket.once('data', () => socket.end(`HTTP/1.0 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)), pem);
}

/** Greets with `greeting` and answers commands. */
export function smtp(host: string, port: number): Backend {
  return stream(host, port, (socket) => {
    socket.write('220 mx.example ready\r\n');
    socket.on('data', (data: Buffer) => {
      const quit = data.toString('latin1').startsWith('QUIT');
      socket.write(quit ? '221 bye\r\n' : '250 mx.example\r\n');
      if (quit) socket.end();
    });
  });
}

/** A name server that knows every name; dead, its answer is SERVFAIL. */
export function dns(host: string, port: number): Backend {
  let alive = true;
  const udp = datagrams(host, port, (query) => {
    const reply = Buffer.from(query);
    reply.writeUInt16BE(alive ? 0x8180 : 0x8182, 2);
    return reply;
  });
  let listening = false;
  return {
    up: async () => {
      alive = true;
      if (!listening) await udp.up();
      listening = true;
    },
    down: () => {
      alive = false;
      return Promise.resolve();
    },
  };
}

/** Answers every datagram with what `reply` makes of it. Dead, its port is closed. */
export function datagrams(host: string, port: number, reply: (datagram: Buffer) => Buffer): Backend {
  let socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  return {
    up: () => new Promise((resolve, reject) => {
      socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
      socket.on('message', (datagram, from) => {
        socket.send(reply(datagram), from.port, from.address);
      });
      socket.unref().once('error', reject).bind(port, host, resolve);
    }),
    down: () => new Promise((resolve) => socket.close(() => { resolve(); })),
  };
}

/** Answers echo requests, as every address of the machine does. */
export function echo(host: string): Backend {
  const change = (verb: string): Promise<void> => batch([], `address ${verb} ${host}/${isIPv6(host) ? 128 : 32} dev lo`);
  return { up: () => change('replace'), down: () => change('delete') };
}

/** A file with this text, and with another while it is dead; null: no file. */
export function file(path: string, alive: string, dead: string | null): Backend {
  return {
    up: () => Promise.resolve(writeFileSync(path, alive)),
    down: () => Promise.resolve(dead === null ? rmSync(path, { force: true }) : writeFileSync(path, dead)),
  };
}

/** Several at once: a server with more than one thing to ask. */
export function all(...backends: readonly Backend[]): Backend {
  return {
    up: async () => { for (const one of backends) await one.up(); },
    down: async () => { for (const one of backends) await one.down(); },
  };
}
