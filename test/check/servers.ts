import { readdirSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { CheckSchedule, CheckTarget, HttpUrl } from '../../lib/config/model-ipvs.ts';
import type { CheckMeans } from '../../lib/check/checks.ts';
import type { HttpCheck } from '../../lib/check/http.ts';
import type { Subject } from '../../lib/check/verdict.ts';
import { linuxCheckSockets } from '../../lib/linux/check-sockets.ts';
import { linuxClock } from '../../lib/linux/clock.ts';
import { linuxScriptRunner } from '../../lib/linux/script-runner.ts';
import { ip } from '../../lib/util/ip.ts';

export const SUBJECT: Subject = { server: '[10.0.0.2]:tcp:80', service: '[10.0.0.1]:tcp:80' };
export const SCHEDULE: CheckSchedule = { delayLoop: 5000, warmup: 0, retry: 1, delayBeforeRetry: 100, alpha: false, logAllFailures: false };

/** The machine itself: checks talk to servers on loopback. */
export function realMeans(): CheckMeans {
  return { clock: linuxClock(), scripts: linuxScriptRunner(), sockets: linuxCheckSockets(), tls: null };
}

export function target(port: number, more: Partial<CheckTarget> = {}): CheckTarget {
  return { address: ip('127.0.0.1'), port, bindAddress: null, bindPort: 0, bindLink: null, fwmark: 0, connectTimeout: 5000, ...more };
}

export function url(more: Partial<HttpUrl> = {}): HttpUrl {
  return { path: '/', digests: [], statusCodes: [], virtualHost: null, regex: null, tlsCompliant: false, ...more };
}

export function httpCheck(to: CheckTarget, more: Partial<HttpCheck> = {}): HttpCheck {
  return { type: 'HTTP_GET', target: to, schedule: SCHEDULE, urls: [url()], virtualHost: null, protocol: '1.0', sni: false, sniName: null, sniHost: null, fastRecovery: false, tlsCompliant: false, ...more };
}

export interface TestServer {
  readonly port: number;
  readonly requests: string[];
  close(): Promise<void>;
}

/** Collects what is sent; `answer` is called with the socket once the first bytes are there (`atOnce`: when it connects). */
export async function serve(answer: (socket: Socket) => void, atOnce = false): Promise<TestServer> {
  const requests: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    let text = '';
    socket.on('data', (chunk) => {
      if (text === '' && !atOnce) answer(socket);
      text += chunk.toString('latin1');
    });
    socket.on('close', () => requests.push(text));
    if (atOnce) answer(socket);
  });
  return listening(server, requests);
}

/** Any server of node:net's kind, on a free port of 127.0.0.1. */
export async function listening(server: Server, requests: string[] = []): Promise<TestServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    close: () => new Promise((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => { resolve(); });
    }),
  };
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = await serve(() => undefined);
  await server.close();
  return server.port;
}

/** Limits for a peer that is to be waited for in vain. */
export const HASTY = { connectTimeout: 300, schedule: { ...SCHEDULE, delayLoop: 400 } };

/** How many descriptors this process has. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Waits until no more descriptors are open than before; the loop closes some a turn later. */
export async function descriptorsBackTo(before: number): Promise<number> {
  for (let i = 0; i < 200 && openDescriptors() > before; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  return openDescriptors();
}
