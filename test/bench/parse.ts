/**
 * Reading large configurations: the config test, process start included, beside the installed keepalived in the same run;
 * the front end alone; and how the time grows with the file.
 *
 *     npm run bench parse -- --reps=5
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Context } from '../../lib/config/context.ts';
import { loadText, type FileReader } from '../../lib/config/load.ts';
import { root } from '../../lib/config/keywords/root.ts';
import { UNKNOWN_MACHINE } from '../../lib/config/machine.ts';
import { parse } from '../../lib/config/parser.ts';
import { Reader } from '../../lib/config/reader.ts';
import { inPath } from '../needs.ts';
import { median, numberOption, printTable, ratio, spread } from './support/table.ts';

const PROJECT = dirname(createRequire(import.meta.url).resolve('../../../package.json'));
const BOUND = 120_000;
const MEGABYTE = 1e6;
const NO_FILES: FileReader = { read: () => ({ ok: false, error: 'ENOENT' }), facts: () => ({ kind: 'missing', mode: 0, uid: 0, gid: 0, target: null }), glob: () => [] };

const reps = numberOption('reps', 5);
const folder = mkdtempSync(join(tmpdir(), 'tskeepalived-bench-'));
process.on('exit', () => { rmSync(folder, { recursive: true, force: true }); });

const files = [
  ['5,000 virtual servers × 10 real servers', services(5000, 10)],
  ['255 instances × 20 addresses', instances(255, 20)],
  ['one instance', instances(1, 1)],
] as const;

console.log(`\nConfig test, process start included, ${String(reps)} times each`);
const theirs = inPath('keepalived');
if (!theirs) console.log('keepalived is not installed: nothing to compare with');
/** What the installed keepalived needs for each file, as a yardstick of this machine at this hour. */
const theirTimes: number[][] = [];
printTable([
  ['median [least..most], ms', 'size, MB', 'ours', 'keepalived', 'ours/keepalived'],
  ...files.map(([name, text], i) => {
    const path = join(folder, `${String(i)}.conf`);
    writeFileSync(path, text);
    const times: { ours: number[]; keepalived: number[] } = { ours: [], keepalived: [] };
    for (let rep = 0; rep < reps; rep++) {
      times.ours.push(timed(process.execPath, [join(PROJECT, 'bin/tskeepalived.js'), '-t', '-f', path]));
      if (theirs) times.keepalived.push(timed('keepalived', ['-t', '-f', path]));
    }
    theirTimes.push(times.keepalived);
    return [name, (text.length / MEGABYTE).toFixed(2), spread(times.ours, 0), spread(times.keepalived, 0), ratio(times.ours, times.keepalived)];
  }),
]);

console.log('\nThe front end alone, in this process: text to Config');
printTable([
  ['median [least..most]', 'size, MB', 'ms', 'MB/s'],
  ...files.slice(0, 2).map(([name, text]) => {
    const times = repeated(text, reps + 3).slice(3);
    return [name, (text.length / MEGABYTE).toFixed(2), spread(times), spread(times.map((ms) => text.length / MEGABYTE / (ms / 1000)))];
  }),
]);

console.log('\nThe parser alone, in this process, CPU time: text to words, and to blocks of typed values; beside it the config test of keepalived above');
printTable([
  ['median [least..most], MB/s', 'words', 'blocks', 'keepalived'],
  ...files.slice(0, 2).map(([name, text], i) => [
    name,
    ...[readWords, readBlocks].map((read) => spread(Array.from({ length: reps }, () => speed(read, text)), 0)),
    theirs ? spread((theirTimes[i] ?? []).map((ms) => text.length / MEGABYTE / (ms / 1000)), 0) : '',
  ]),
]);

console.log('\nGrowth: virtual servers of 10 real servers each');
printTable([
  ['virtual servers', 'size, MB', 'ms', 'µs a virtual server'],
  ...[100, 500, 2000, 5000, 20_000].map((count) => {
    const text = services(count, 10);
    const time = median(repeated(text, count > 5000 ? 3 : reps));
    return [String(count), (text.length / MEGABYTE).toFixed(2), time.toFixed(1), ((time * 1000) / count).toFixed(1)];
  }),
]);

/** Wall time of a program that checks a file and finds nothing wrong, in milliseconds. */
function timed(program: string, argv: readonly string[]): number {
  const start = performance.now();
  const { status, error, stderr } = spawnSync(program, argv, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8', timeout: BOUND });
  const time = performance.now() - start;
  if (error !== undefined || status !== 0) throw new Error(`${program} ${argv.join(' ')}: ${error?.message ?? `status ${String(status)}\n${stderr.slice(0, 2000)}`}`);
  return time;
}

function readWords(text: string): void {
  const { reader } = newReader(text);
  while (reader.next() !== 'end');
}

function readBlocks(text: string): void {
  const { reader, context } = newReader(text);
  parse(reader, root, context);
}

function newReader(text: string): { reader: Reader; context: Context } {
  const rules = { read: false, match: false, wildcard: false, brace: false };
  const context = new Context(UNKNOWN_MACHINE, 'bench', rules);
  const reader = new Reader(NO_FILES, UNKNOWN_MACHINE, 'bench', rules, (report) => { context.report(report); });
  reader.pushFile('bench.conf', text, null);
  return { reader, context };
}

/** Megabytes a second of CPU time, over as many readings as make some megabytes; the compiler has seen as many before. */
function speed(read: (text: string) => void, text: string): number {
  const times = Math.ceil((8 * MEGABYTE) / text.length);
  const all = (): void => { for (let i = 0; i < times; i++) read(text); };
  all();
  return (times * text.length) / MEGABYTE / cpuSeconds(all);
}

function cpuSeconds(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

function repeated(text: string, times: number): number[] {
  return Array.from({ length: times }, () => {
    const start = performance.now();
    const { config } = loadText('bench.conf', text, NO_FILES, { configId: 'bench', machine: UNKNOWN_MACHINE });
    const time = performance.now() - start;
    if (config === null) throw new Error('nothing was read');
    return time;
  });
}

function services(count: number, servers: number): string {
  const real = (i: number, j: number): string => `    real_server 10.${String(100 + (i % 100))}.${String((i / 100) | 0)}.${String(j + 1)} 80 {\n        weight ${String(1 + (j % 3))}\n        TCP_CHECK {\n            connect_timeout 3\n            retry 2\n            delay_before_retry 2\n        }\n    }\n`;
  return Array.from({ length: count }, (_, i) => `virtual_server 10.${String(i >> 16)}.${String((i >> 8) & 255)}.${String(i & 255)} 80 {\n    delay_loop 6\n    lvs_sched wlc\n    lvs_method NAT\n    protocol TCP\n${Array.from({ length: servers }, (_unused, j) => real(i, j)).join('')}}\n`).join('\n');
}

/** The interface need not exist. */
function instances(count: number, addresses: number): string {
  const one = (i: number): string => `vrrp_instance VI_${String(i)} {\n    state BACKUP\n    interface eth0\n    virtual_router_id ${String(i)}\n    priority 100\n    advert_int 1\n    virtual_ipaddress {\n${Array.from({ length: addresses }, (_, j) => `        10.${String(i)}.0.${String(j + 1)}/24\n`).join('')}    }\n}\n`;
  return `global_defs {\n    dynamic_interfaces\n}\n${Array.from({ length: count }, (_, i) => one(i + 1)).join('\n')}`;
}
