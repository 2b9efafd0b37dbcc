/**
 * A machine's programs in one process: web server, talker and UDP server of a real server (with a name), or what a client does.
 * Told what to do over the channel to its parent: `[number, command, arguments]`, answered by `[number, result]`.
 */
import { createSocket } from 'node:dgram';
import { Agent, createServer as createWebServer, get } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';

const [name = ''] = process.argv.slice(2);
/** Generous: every instruction is emulated. */
const PATIENCE = 20_000;

type Arguments = Readonly<Record<string, unknown>>;
const commands: Readonly<Record<string, (args: never) => unknown>> = { fetch, datagrams, talk, say, push, close, download, downloaded, traffic, rest, time };

process.on('message', ([number, command, args]: [number, string, Arguments]) => {
  Promise.resolve()
    .then(() => (commands[command] as ((args: Arguments) => unknown) | undefined)?.(args))
    .catch((cause: unknown) => ({ failed: cause instanceof Error ? cause.message : String(cause) }))
    .then((result) => process.send?.([number, result ?? null]), () => undefined);
});
process.on('disconnect', () => process.exit(0));

// --- a real server ---------------------------------------------------------------------------------------------

const visitors = new Set<Socket>();

function serve(): void {
  createWebServer((request, response) => {
    const who = seen(request.socket.remoteAddress, request.socket.remotePort);
    if (request.url !== '/slow') {
      response.end(who);
      return;
    }
    response.write(who);
    const timer = setInterval(() => response.write('.'.repeat(1000)), 100);
    response.on('close', () => { clearInterval(timer); });
  }).listen(80, '::');
  createServer((socket) => {
    visitors.add(socket);
    socket.on('data', () => socket.write(seen(socket.remoteAddress, socket.remotePort))).on('error', () => socket.destroy()).on('close', () => visitors.delete(socket));
  }).listen(7, '::');
  const udp = createSocket({ type: 'udp6' });
  udp.on('message', (_, { address, port }) => { udp.send(seen(address, port), port, address); }).bind(53, '::');
}

function seen(address = '', port = 0): string {
  return `${name} ${address.replace('::ffff:', '')} ${port}`;
}

/** Says something to everybody who is connected, unasked. */
function push(): number {
  for (const visitor of visitors) visitor.write('unasked');
  return visitors.size;
}

// --- a client --------------------------------------------------------------------------------------------------

/** `times` requests, each on a connection of its own, some at a time; what was answered, or the error. */
async function fetch({ host, port = 80, times = 1, from, patience = PATIENCE }: { host: string; port?: number; times?: number; from?: string; patience?: number }): Promise<string[]> {
  const answers: string[] = [];
  let left = times;
  const one = async (): Promise<void> => {
    while (left-- > 0) answers.push(await request(host, port, from, patience));
  };
  await Promise.all(Array.from({ length: Math.min(times, 4) }, one));
  return answers;
}

function request(host: string, port: number, localAddress: string | undefined, timeout: number, agent: Agent | false = false): Promise<string> {
  return new Promise((resolve) => {
    let localPort = 0;
    const asked = get({ host, port, ...(localAddress === undefined ? {} : { localAddress }), agent, timeout }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece)).on('end', () => { resolve(`${text} < ${localPort}`); }).on('error', (cause) => { resolve(`error: ${cause.message}`); });
    });
    asked.on('socket', (socket) => {
      localPort = socket.localPort ?? 0;
      if (socket.connecting) socket.once('connect', () => { localPort = socket.localPort ?? 0; });
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer'))).on('error', (cause) => { resolve(`error: ${cause.message}`); });
  });
}

/** A datagram from each of these ports; the answers, 'none' for one that did not come. */
function datagrams({ host, ports }: { host: string; ports: readonly number[] }): Promise<string[]> {
  return Promise.all(ports.map((port) => new Promise<string>((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const timer = setTimeout(() => { done('none'); }, PATIENCE);
    const done = (answer: string): void => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    socket.on('message', (answer) => { done(answer.toString()); });
    socket.on('error', (cause) => { done(cause.message); });
    socket.bind(port, () => { socket.send('x', 53, host); });
  })));
}

const talks = new Map<number, { readonly socket: Socket; heard: string; end: string | null }>();

/** Connects and stays, from this port if one is named; brings what the server says to the first word. */
async function talk({ id, host, port = 7, localPort }: { id: number; host: string; port?: number; localPort?: number }): Promise<string> {
  const socket = connect({ host, port, ...(localPort === undefined ? {} : { localPort }) });
  const state = { socket, heard: '', end: null as string | null };
  socket.setEncoding('utf8').on('data', (text) => (state.heard += String(text))).on('error', (cause) => (state.end = cause.message)).on('close', () => (state.end ??= 'closed'));
  talks.set(id, state);
  return say({ id });
}

/** Says a word on a connection; what is answered, or how the connection ended. */
async function say({ id }: { id: number }): Promise<string> {
  const state = talks.get(id);
  if (state === undefined) return 'no such connection';
  state.heard = '';
  state.socket.write('x');
  // What the server says unasked is no answer.
  const answer = (): string | undefined => /(?:one|two) \S+ \d+/u.exec(state.heard)?.[0];
  for (const end = Date.now() + PATIENCE; state.end === null && answer() === undefined && Date.now() < end; ) await pause(20);
  return state.end === null ? (answer() ?? 'no answer') : `error: ${state.end}`;
}

/** Ends a connection: with FIN, or (`abruptly`) with RST, so that its port is free at once. */
function close({ id, abruptly = false }: { id: number; abruptly?: boolean }): void {
  const socket = talks.get(id)?.socket;
  if (abruptly) socket?.resetAndDestroy();
  else socket?.end();
  talks.delete(id);
}

const downloads = new Map<number, { bytes: number; end: string | null; stop: () => void }>();

/** Begins a download that never ends; brings the server's name. */
function download({ id, host }: { id: number; host: string }): Promise<string> {
  return new Promise((resolve) => {
    const state = { bytes: 0, end: null as string | null, stop: (): void => undefined };
    downloads.set(id, state);
    const asked = get({ host, port: 80, path: '/slow', agent: false }, (response) => {
      response.on('data', (piece: Buffer) => {
        if (state.bytes === 0) resolve(piece.toString().split(' ')[0] ?? '');
        state.bytes += piece.length;
      }).on('error', (cause) => (state.end ??= cause.message)).on('end', () => (state.end ??= 'ended'));
    });
    asked.on('error', (cause) => {
      state.end ??= cause.message;
      resolve(cause.message);
    });
    state.stop = (): void => { asked.destroy(); };
  });
}

/** More of it comes: 'goes on'; or how it ended. `over`: it is ended after that. */
async function downloaded({ id, over = false }: { id: number; over?: boolean }): Promise<string> {
  const state = downloads.get(id);
  if (state === undefined) return 'no such download';
  const { bytes } = state;
  for (const end = Date.now() + PATIENCE; state.end === null && state.bytes < bytes + 3000 && Date.now() < end; ) await pause(50);
  const outcome = state.end ?? (state.bytes >= bytes + 3000 ? 'goes on' : 'stands still');
  if (over) {
    state.stop();
    downloads.delete(id);
  }
  return outcome;
}

let flow: { answered: number; readonly errors: string[]; going: boolean; readonly over: Promise<unknown> } | null = null;

/** Requests one after the other, two at a time, until `rest`. */
function traffic({ host }: { host: string }): void {
  const state = { answered: 0, errors: [] as string[], going: true };
  const one = async (): Promise<void> => {
    while (state.going) {
      const answer = await request(host, 80, undefined, PATIENCE);
      if (answer.startsWith('error')) state.errors.push(answer);
      else state.answered++;
      await pause(250);
    }
  };
  flow = Object.assign(state, { over: Promise.all([one(), one()]) });
}

/** Ends the traffic; what came of it. */
async function rest(): Promise<{ answered: number; errors: string[] }> {
  if (flow === null) return { answered: 0, errors: [] };
  flow.going = false;
  await flow.over;
  return { answered: flow.answered, errors: flow.errors };
}

/** Milliseconds that so many requests take, one after the other: all on one connection, or each on its own. */
async function time({ host, times, keep }: { host: string; times: number; keep: boolean }): Promise<number> {
  const agent = keep ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
  const began = performance.now();
  for (let i = 0; i < times; i++) {
    const answer = await request(host, 80, undefined, PATIENCE, agent);
    if (answer.startsWith('error')) throw new Error(answer);
  }
  const took = performance.now() - began;
  if (agent !== false) agent.destroy();
  return took;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (name !== 'client') serve();
process.send?.('ready');
