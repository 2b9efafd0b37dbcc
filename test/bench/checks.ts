/**
 * Health checks against loopback: CPU of one check of each kind, one after the other and many at once; and thousands of servers
 * checked every few seconds: how many checks were held, how late they began.
 *
 *     npm run bench checks -- --servers=5000 --loop=5 --seconds=20
 */
import { fork } from 'node:child_process';
import { createServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { type CheckMeans, startCheck } from '../../lib/check/checks.ts';
import { runChecker } from '../../lib/check/run-checker.ts';
import type { Checker } from '../../lib/config/model-ipvs.ts';
import { linuxCheckSockets } from '../../lib/linux/check-sockets.ts';
import { linuxClock } from '../../lib/linux/clock.ts';
import { linuxScriptRunner } from '../../lib/linux/script-runner.ts';
import { ip } from '../../lib/util/ip.ts';
import { numberOption, printTable } from './support/table.ts';

const ANSWER = 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello\n';
const SECOND = 1000;

if (process.argv.includes('server')) serve();
else await bench();

/** In a process of its own, so that its CPU is not counted. */
function serve(): void {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(ANSWER));
  });
  server.listen({ port: 0, host: '0.0.0.0', backlog: 4096 }, () => process.send?.((server.address() as { port: number }).port));
}

async function bench(): Promise<void> {
  const servers = numberOption('servers', 5000);
  const loop = numberOption('loop', 5) * SECOND;
  const seconds = numberOption('seconds', 20);
  const child = fork(fileURLToPath(import.meta.url), ['server']);
  const port = await new Promise<number>((resolve) => child.once('message', resolve));
  try {
    const means: CheckMeans = { clock: linuxClock(), sockets: linuxCheckSockets(), scripts: linuxScriptRunner(), tls: null };
    const kinds = ['TCP_CHECK', 'HTTP_GET'] as const;
    console.log('\nOne check: CPU of this process, and how many a second');
    printTable([['kind', 'at once', 'µs CPU', 'checks/s', 'failed'], ...await series(kinds.flatMap((kind) => [1, 200].map((together) => () => oneKind(kind, port, together, means))))]);
    console.log(`\n${servers} servers, each checked every ${loop / SECOND} s, for ${seconds} s after the first round`);
    printTable([['kind', 'checks', 'due', 'CPU ms per 1,000', 'late, ms: median', '99 %', 'most', 'failed'], ...await series(kinds.map((kind) => () => herd(kind, port, servers, loop, seconds, means)))]);
  } finally {
    child.kill();
  }
}

async function oneKind(kind: 'TCP_CHECK' | 'HTTP_GET', port: number, together: number, means: CheckMeans): Promise<string[]> {
  const checker = checkerOf(kind, '127.0.0.1', port, SECOND);
  let left = 0;
  let failed = 0;
  const work = async (): Promise<void> => {
    while (left-- > 0) if ((await startCheck(checker, 0, { server: 'r', service: 'v' }, means)?.verdict)?.type !== 'success') failed++;
  };
  const round = (count: number): Promise<unknown> => {
    left = count;
    return Promise.all(Array.from({ length: together }, work));
  };
  await round(500);
  failed = 0;
  const count = together === 1 ? 2000 : 10_000;
  const cpu = process.cpuUsage();
  const begun = performance.now();
  await round(count);
  const { user, system } = process.cpuUsage(cpu);
  return [kind, String(together), ((user + system) / count).toFixed(0), (count / (performance.now() - begun) * SECOND).toFixed(0), String(failed)];
}

async function herd(kind: 'TCP_CHECK' | 'HTTP_GET', port: number, servers: number, loop: number, seconds: number, means: CheckMeans): Promise<string[]> {
  const late: number[] = [];
  let checks = 0;
  let failed = 0;
  let counting = false;
  // The clock tells how late a timer ran: what is due then is the beginning of a check, or a limit that nobody reaches.
  const clock: CheckMeans['clock'] = { ...means.clock, at: (when, run, precise) => means.clock.at(when, () => {
    if (counting) late.push(means.clock.now() - when);
    run();
  }, precise) };
  const sockets: CheckMeans['sockets'] = { ...means.sockets, connect: (route, done) => {
    if (counting) checks++;
    return means.sockets.connect(route, done);
  } };
  const running = Array.from({ length: servers }, (_, i) => runChecker(
    { checker: checkerOf(kind, `127.1.${(i >> 8) + 1}.${(i & 0xff)}`, port, loop), subject: { server: `r${i}`, service: 'v' }, weight: 1, alpha: false },
    { ...means, clock, sockets }, (news) => { if (news.type === 'verdict' && !news.up) failed++; },
  ));
  await new Promise((resolve) => setTimeout(resolve, loop + 2 * SECOND));
  counting = true;
  const cpu = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, seconds * SECOND));
  const { user, system } = process.cpuUsage(cpu);
  for (const one of running) one.stop();
  late.sort((a, b) => a - b);
  const at = (part: number): string => (late[Math.min(late.length - 1, Math.floor(late.length * part))] ?? 0).toFixed(1);
  return [kind, String(checks), (servers * seconds * SECOND / loop).toFixed(0), ((user + system) / checks).toFixed(0), at(0.5), at(0.99), at(1), String(failed)];
}

async function series(rows: readonly (() => Promise<string[]>)[]): Promise<string[][]> {
  const done: string[][] = [];
  for (const row of rows) done.push(await row());
  return done;
}

function checkerOf(kind: 'TCP_CHECK' | 'HTTP_GET', address: string, port: number, delayLoop: number): Checker {
  const target = { address: ip(address), port, bindAddress: null, bindPort: 0, bindLink: null, fwmark: 0, connectTimeout: 5 * SECOND };
  const schedule = { delayLoop, warmup: delayLoop, retry: 1, delayBeforeRetry: SECOND, alpha: false, logAllFailures: false };
  if (kind === 'TCP_CHECK') return { type: kind, target, schedule };
  return { type: kind, target, schedule, urls: [{ path: '/', digests: [], statusCodes: [], virtualHost: null, regex: null, tlsCompliant: false }], virtualHost: null, protocol: '1.0', sni: false, sniName: null, sniHost: null, fastRecovery: false, tlsCompliant: false };
}
