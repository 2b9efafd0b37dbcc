/**
 * Programming IPVS: 1,000 virtual servers × 10 real servers in the user-mode kernel, by our batches, one request at a time and
 * by `ipvsadm -R`; a table read and compared, and one server's weight changed. Then the daemons, ours and keepalived: from the
 * start of the process until the kernel has it all, and from SIGHUP until one changed weight is there, with the messages that took.
 *
 *     npm run bench ipvs -- --reps=3 --services=1000 --servers=10
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import type { IpvsOperation } from '../../lib/codec/ipvs-operation.ts';
import type { ServiceEntry } from '../../lib/codec/ipvs-values.ts';
import { diffTables } from '../../lib/ipvs/diff.ts';
import { saveTable } from '../../lib/ipvs/report/save.ts';
import { EMPTY_TABLE, tableOf, type IpvsTable } from '../../lib/ipvs/table.ts';
import { linuxIpvs } from '../../lib/linux/ipvs.ts';
import type { IpvsControl } from '../../lib/system/ipvs.ts';
import { entry, destination } from '../ipvs/values.ts';
import { inPath } from '../needs.ts';
import { daemonCommand, type DaemonKind } from '../netns/daemon.ts';
import { NetlinkCapture } from './support/netlink-capture.ts';
import { numberOption, printTable, ratio, spread } from './support/table.ts';

const PROJECT = dirname(createRequire(import.meta.url).resolve('../../../package.json'));
const BOUND = 300_000;

if (process.env['UML_RUN'] === '1') await measure();
else process.exitCode = inGuest();

/** The same program, in the user-mode kernel. */
function inGuest(): number {
  console.log('\nProgramming IPVS, in the user-mode kernel');
  if (!inPath('linux.uml') || !inPath('ipvsadm')) {
    console.log('skipped, needs user-mode-linux and ipvsadm (Debian packages)');
    return 0;
  }
  const argv = ['-r', '-t', '1800', '-m', '1536M', '--', process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  return spawnSync(join(PROJECT, 'test/uml/uml-run'), argv, { stdio: 'inherit' }).status ?? 1;
}

async function measure(): Promise<void> {
  const [reps, services, servers] = [numberOption('reps', 3), numberOption('services', 1000), numberOption('servers', 10)];
  const desired = table(services, servers);
  const lines = services * (servers + 1);
  const control = await linuxIpvs();
  const rows: Record<'batched' | 'single' | 'ipvsadm' | 'compared' | 'one' | 'removed', number[]> = { batched: [], single: [], ipvsadm: [], compared: [], one: [], removed: [] };
  const kinds: readonly DaemonKind[] = inPath('keepalived') ? ['ours', 'keepalived'] : ['ours'];
  const daemons: Record<DaemonKind, Lived[]> = { ours: [], keepalived: [] };
  const commands = saveTable([...desired.values()]).map((line) => `${line}\n`).join('');

  for (let rep = 0; rep < reps; rep++) {
    rows.batched.push(await timed(() => carryOut(control, diffTables(desired, EMPTY_TABLE))));
    rows.compared.push(await timed(async () => { expectNone(diffTables(desired, tableOf(await control.dump()))); }));
    rows.one.push(await timed(() => carryOut(control, diffTables(withOneChanged(desired), desired))));
    rows.removed.push(await timed(() => carryOut(control, diffTables(EMPTY_TABLE, desired))));

    rows.single.push(await timed(async () => { for (const one of diffTables(desired, EMPTY_TABLE)) await carryOut(control, [one]); }));
    await carryOut(control, [{ op: 'flush' }]);

    rows.ipvsadm.push(await timed(() => { run('ipvsadm', ['-R'], commands); }));
    await carryOut(control, [{ op: 'flush' }]);

    for (const kind of rep % 2 === 0 ? kinds : [...kinds].reverse()) {
      daemons[kind].push(await live(kind, [...desired.values()], lines));
      await carryOut(control, [{ op: 'flush' }]);
    }
  }
  control.close();

  console.log(`${services} virtual servers × ${servers} real servers, ${reps} times each`);
  printTable([
    ['median [least..most], ms', 'operations', 'ms', 'batched/this'],
    ['ours, batched', String(lines), spread(rows.batched, 0), ''],
    ['ours, one request at a time', String(lines), spread(rows.single, 0), ratio(rows.batched, rows.single)],
    ['ipvsadm -R', String(lines), spread(rows.ipvsadm, 0), ratio(rows.batched, rows.ipvsadm)],
    ['ours, table read and compared', '0', spread(rows.compared, 0), ''],
    ['ours, one weight changed', '1', spread(rows.one, 1), ''],
    ['ours, all removed', String(lines), spread(rows.removed, 0), ''],
  ]);
  console.log('\nThe daemons');
  printTable([
    ['median [least..most], ms', 'start to all configured', 'of it programming', 'reload of one weight', 'its messages', 'stop', 'left by it'],
    ...kinds.map((kind) => {
      const of = (value: (one: Lived) => number): number[] => daemons[kind].map(value);
      const messages = daemons[kind].map((one) => (one.messages === null ? '–' : String(one.messages)));
      return [kind, spread(of(({ start }) => start), 0), spread(of(({ programming }) => programming), 0), spread(of(({ reload }) => reload), 0), [...new Set(messages)].join(', '), spread(of(({ stop }) => stop), 0), [...new Set(of(({ left }) => left))].join(', ')];
    }),
    ...(kinds.length === 2 ? [['ours/keepalived', ...(['start', 'programming', 'reload'] as const).map((what) => ratio(daemons.ours.map((one) => one[what]), daemons.keepalived.map((one) => one[what]))), '', ratio(daemons.ours.map(({ stop }) => stop), daemons.keepalived.map(({ stop }) => stop)), '']] : []),
  ]);
}

function table(services: number, servers: number): IpvsTable {
  return tableOf(Array.from({ length: services }, (_, i): ServiceEntry =>
    entry(`tcp 192.0.${2 + (i >> 8)}.${i & 255} 80`, ...Array.from({ length: servers }, (_, j) => `10.${i >> 8}.${i & 255}.${j + 1} 80`))));
}

function withOneChanged(desired: IpvsTable): IpvsTable {
  const [[key, first] = ['', entry('tcp 192.0.2.0 80')]] = desired;
  const [server, ...others] = first.destinations;
  if (server === undefined) throw new Error('there is no server');
  return new Map([...desired, [key, { ...first, destinations: [destination(`${server.address} ${server.port}`, { weight: 7 }), ...others] }]]);
}

async function carryOut(control: IpvsControl, operations: readonly IpvsOperation[]): Promise<void> {
  const refused = (await control.apply(operations)).filter((error) => error !== null);
  if (refused[0] !== undefined) throw refused[0];
}

function expectNone(operations: readonly IpvsOperation[]): void {
  if (operations.length > 0) throw new Error(`${operations.length} differences`);
}

async function timed(work: () => Promise<void> | void): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function run(program: string, options: readonly string[], input: string): void {
  const { status, stderr } = spawnSync(program, options, { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program}: status ${status ?? 'none'}: ${stderr}`);
}

/** Milliseconds of one life; messages: null where they cannot be seen. */
interface Lived {
  readonly start: number;
  /** Of it, from the first line of the table to the last. */
  readonly programming: number;
  readonly reload: number;
  readonly messages: number | null;
  readonly stop: number;
  /** Lines that keepalived left: it kills its checking process after 5 s. */
  readonly left: number;
}

/** A daemon's start, a reload in which the last server has another weight, and its stop; the table is looked at twenty times a second. */
async function live(kind: DaemonKind, entries: readonly ServiceEntry[], lines: number): Promise<Lived> {
  const folder = mkdtempSync(join(tmpdir(), 'tskeepalived-bench-'));
  const path = join(folder, 'keepalived.conf');
  const text = entries.map(virtualServer).join('');
  writeFileSync(path, text);
  const files = ['-f', path, '-p', join(folder, 'pid'), '-c', join(folder, 'checkers'), '-r', join(folder, 'vrrp')];
  const [program = '', ...argv] = [...daemonCommand(kind), '-n', '-l', ...files];
  const log = openSync(join(folder, 'log'), 'a');
  const begun = performance.now();
  const child = spawn(program, argv, { stdio: ['ignore', log, log], env: { ...process.env, TMPDIR: folder, STATE_DIRECTORY: folder } });
  closeSync(log);
  const ended = new Promise((resolve) => child.once('close', resolve));
  const failure = (text: string): Error => new Error(`${kind}: ${text}\n${readFileSync(join(folder, 'log'), 'utf8').split('\n').slice(-30).join('\n')}`);
  const reached = async (what: string, condition: () => boolean): Promise<number> => {
    const from = performance.now();
    while (!condition()) {
      if (performance.now() - from > BOUND || child.exitCode !== null) throw failure(`${what}: ${programmed()} of ${lines}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return performance.now();
  };
  try {
    const first = await reached('start', () => programmed() > 0);
    const last = await reached('start', () => programmed() >= lines);
    const [start, programming] = [last - begun, last - first];
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const capture = NetlinkCapture.start(join(folder, 'netlink.pcap'));
    await capture?.ready();
    writeFileSync(path, `${text.slice(0, text.lastIndexOf('weight 1'))}weight 7${text.slice(text.lastIndexOf('weight 1') + 8)}`);
    const asked = performance.now();
    child.kill('SIGHUP');
    const reload = (await reached('reload', () => / 7 +\d+ +\d+ *$/mu.test(readFileSync('/proc/net/ip_vs', 'utf8')))) - asked;
    const messages = capture === null ? null : await capture.changes();
    const told = performance.now();
    child.kill('SIGTERM');
    await ended;
    const [stop, left] = [performance.now() - told, programmed()];
    if (left > 0 && kind === 'ours') throw failure(`left ${left} lines`);
    return { start, programming, reload, messages, stop, left };
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

function virtualServer({ service, destinations }: ServiceEntry): string {
  const { id } = service;
  if (id.kind !== 'address') return '';
  return `virtual_server ${id.address} ${id.port} {\n  lb_algo rr\n  lb_kind DR\n  protocol TCP\n${destinations.map(({ address, port }) => `  real_server ${address} ${port} {\n    weight 1\n  }\n`).join('')}}\n`;
}

/** Lines of the kernel's table, without its head. */
function programmed(): number {
  return readFileSync('/proc/net/ip_vs', 'utf8').split('\n').length - 4;
}
