/**
 * Checks by the daemons, ours and keepalived, in the user-mode kernel: thousands of real servers on loopback, each checked every
 * `loop` seconds. How many checks came of those due, how far apart two of the same server were, CPU of the checking process per
 * 1,000 checks, and the time from a server's death to its removal from the kernel's table.
 *
 *     npm run bench director -- --loop=20 --seconds=40 --few=1000 --servers=5000
 */
import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { inPath } from '../needs.ts';
import { daemonCommand, type DaemonKind } from '../netns/daemon.ts';
import { median, numberOption, printTable } from './support/table.ts';
import { cpu, residentKilobytes } from './support/usage.ts';

const PROJECT = dirname(createRequire(import.meta.url).resolve('../../../package.json'));
const PORT = 8080;
/** Dies. */
const VICTIM = '127.9.9.9';
const BOUND = 240_000;

type Check = 'TCP_CHECK' | 'HTTP_GET';

/** What the servers' process tells: checks since it was last asked, and the gaps between two of one server, in ms. */
interface Counted {
  readonly checks: number;
  readonly gaps: readonly number[];
}

if (process.argv.includes('servers')) serve();
else if (process.env['UML_RUN'] === '1') await measure();
else process.exitCode = inGuest();

function inGuest(): number {
  console.log('\nChecks by the daemons, in the user-mode kernel');
  if (!inPath('linux.uml')) {
    console.log('skipped, needs user-mode-linux (Debian package)');
    return 0;
  }
  const argv = ['-r', '-t', '3000', '-m', '1536M', '--', process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  return spawnSync(join(PROJECT, 'test/uml/uml-run'), argv, { stdio: 'inherit' }).status ?? 1;
}

/** In a process of its own, so that its CPU is not counted. */
function serve(): void {
  const last = new Map<string, number>();
  let [checks, gaps]: [number, number[]] = [0, []];
  createServer((socket) => {
    const at = performance.now();
    const server = socket.localAddress ?? '';
    const before = last.get(server);
    if (before !== undefined) gaps.push(at - before);
    last.set(server, at);
    checks++;
    socket.on('error', () => undefined).once('data', () => socket.end('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello\n'));
    socket.on('end', () => socket.destroy());
  }).listen({ port: PORT, host: '0.0.0.0', backlog: 4096 });
  const victim = createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\nhello\n'))).listen(PORT + 1, VICTIM);
  process.on('message', (word) => {
    if (word === 'die') victim.close();
    process.send?.({ checks, gaps } satisfies Counted);
    [checks, gaps] = [0, []];
  });
}

async function measure(): Promise<void> {
  const [loop, seconds, few, most] = [numberOption('loop', 20), numberOption('seconds', 40), numberOption('few', 1000), numberOption('servers', 5000)];
  const kinds: readonly DaemonKind[] = inPath('keepalived') ? ['ours', 'keepalived'] : ['ours'];
  spawnSync('ip', ['link', 'set', 'lo', 'up']);
  const rows: string[][] = [];
  for (const servers of [...new Set([Math.min(few, most), most])]) {
    for (const check of ['TCP_CHECK', 'HTTP_GET'] as const) {
      for (const kind of kinds) {
        rows.push(await one(kind, check, servers, loop, seconds));
        console.log(`${kind} ${check} with ${servers}: done`);
      }
    }
  }
  console.log(`each server checked every ${loop} s; counted for ${seconds} s after the first round`);
  printTable([['', 'servers', 'checks', 'due', 'a second', 'gap, s: median', '99 %', 'most', 'CPU ms per 1,000', 'MiB', 'death to removal, s'], ...rows]);
}

async function one(kind: DaemonKind, check: Check, servers: number, loop: number, seconds: number): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tskeepalived-bench-'));
  writeFileSync(join(folder, 'keepalived.conf'), configuration(check, servers, loop));
  const peer = fork(fileURLToPath(import.meta.url), ['servers']);
  const [program = '', ...argv] = [...daemonCommand(kind), '-n', '-f', join(folder, 'keepalived.conf'), '-p', join(folder, 'pid'), '-c', join(folder, 'checkers'), '-r', join(folder, 'vrrp')];
  const child = spawn(program, argv, { stdio: 'ignore', env: { ...process.env, TMPDIR: folder, STATE_DIRECTORY: folder } });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    await until(`${kind}: programmed`, () => readFileSync('/proc/net/ip_vs', 'utf8').split('\n').length > servers);
    await pause((loop + 5) * 1000);
    const pid = Number(readFileSync(join(folder, 'checkers'), 'utf8'));
    await counted(peer, 'count');
    const before = cpu([pid]);
    await pause(seconds * 1000);
    const used = cpu([pid]) - before;
    const { checks, gaps } = await counted(peer, 'count');
    const memory = residentKilobytes(pid) / 1024;
    const died = performance.now();
    await counted(peer, 'die');
    await until(`${kind}: the dead one removed`, () => !readFileSync('/proc/net/ip_vs', 'utf8').includes('7F090909'));
    const removed = (performance.now() - died) / 1000;
    const sorted = [...gaps].sort((a, b) => a - b);
    const at = (part: number): string => ((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN) / 1000).toFixed(2);
    return [`${kind} ${check}`, String(servers), String(checks), String(servers * seconds / loop), (checks / seconds).toFixed(0), (median(sorted) / 1000).toFixed(2), at(0.99), at(1), (used / checks * 1000).toFixed(0), memory.toFixed(0), removed.toFixed(1)];
  } finally {
    child.kill('SIGTERM');
    await ended;
    peer.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Services of ten servers each, and one more with the victim, which is checked every second. */
function configuration(check: Check, servers: number, loop: number): string {
  const body = check === 'TCP_CHECK' ? 'TCP_CHECK {\n    }' : 'HTTP_GET {\n      url {\n        path /\n      }\n    }';
  const server = (address: string, port: number): string => `  real_server ${address} ${port} {\n    ${body}\n  }\n`;
  const service = (i: number, delay: number, text: string): string => `virtual_server 192.0.${2 + (i >> 8)}.${i & 255} 80 {\n  delay_loop ${delay}\n  connect_timeout 10\n  retry 1\n  delay_before_retry 1\n  lvs_sched rr\n  lvs_method NAT\n  protocol TCP\n${text}}\n`;
  const many = Array.from({ length: Math.ceil(servers / 10) }, (_, i) => service(i, loop, Array.from({ length: 10 }, (_each, j) => i * 10 + j).filter((n) => n < servers).map((n) => server(`127.1.${(n >> 8) + 1}.${n & 255}`, PORT)).join('')));
  return `${many.join('')}${service(50_000, 1, server(VICTIM, PORT + 1))}`;
}

function counted(peer: ChildProcess, word: string): Promise<Counted> {
  return new Promise((resolve) => {
    peer.once('message', (message) => { resolve(message as Counted); });
    peer.send(word);
  });
}

async function until(what: string, condition: () => boolean): Promise<void> {
  for (const end = performance.now() + BOUND; !condition(); await pause(50)) if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
