/**
 * Reading configurations: the config test of generated files beside keepalived's, process start included; the parser alone in
 * MB/s; and how both grow from 100 to 20,000 virtual servers.
 *
 *     npm run bench parse -- --reps=5
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Context } from '../../lib/config/context.ts';
import { loadText } from '../../lib/config/load.ts';
import { root } from '../../lib/config/keywords/root.ts';
import { UNKNOWN_MACHINE, type FileReader } from '../../lib/config/machine.ts';
import { parse } from '../../lib/config/parser.ts';
import { Reader } from '../../lib/config/reader.ts';
import { inPath } from '../needs.ts';
import { numberOption, printTable, ratio, spread } from './support/table.ts';

const reps = numberOption('reps', 3);
const PROGRAM = join(process.cwd(), 'bin', 'tskeepalived.js');
const NO_FILES: FileReader = { read: () => ({ ok: false, error: 'ENOENT' }), facts: () => ({ kind: 'missing', mode: 0, uid: 0, gid: 0, target: null }), glob: () => [] };

/** `count` virtual servers with ten real servers each, every one with a TCP_CHECK. */
function virtualServers(count: number): string {
  const parts = ['global_defs {\n  router_id BENCH\n}\n'];
  for (let i = 0; i < count; i++) {
    parts.push(`virtual_server 10.${i >> 8}.${i & 255}.1 80 {\n    delay_loop 10\n    lvs_sched wlc\n    lvs_method DR\n    protocol TCP\n`);
    for (let j = 1; j <= 10; j++) parts.push(`    real_server 172.${16 + (i >> 12)}.${(i >> 4) & 255}.${((i & 15) << 4) + j} 80 {\n        weight 1\n        TCP_CHECK {\n            connect_timeout 3\n        }\n    }\n`);
    parts.push('}\n');
  }
  return parts.join('');
}

/** 255 instances with 20 addresses each, on a link that may come later. */
function instances(): string {
  const parts = ['global_defs {\n  dynamic_interfaces\n}\n'];
  for (let vrid = 1; vrid <= 255; vrid++) {
    const addresses = Array.from({ length: 20 }, (_, i) => `        10.${vrid}.0.${i + 1}/24\n`).join('');
    parts.push(`vrrp_instance VI_${vrid} {\n    state BACKUP\n    interface bench0\n    virtual_router_id ${vrid}\n    priority 100\n    virtual_ipaddress {\n${addresses}    }\n}\n`);
  }
  return parts.join('');
}

interface Cost {
  /** Milliseconds. */
  readonly wall: number;
  readonly cpu: number;
}

/** One config test in a process of its own; bash's `time` counts its CPU. */
function configTest(command: string, file: string): Cost {
  const start = performance.now();
  const { stderr, status } = spawnSync('bash', ['-c', `TIMEFORMAT="cpu %U %S"; time ${command} -t -f "$1" > /dev/null 2>&1`, 'bash', file], { encoding: 'utf8' });
  const wall = performance.now() - start;
  const [, user = '', system = ''] = /cpu (\S+) (\S+)/u.exec(stderr) ?? [];
  if (status === null || user === '') throw new Error(`${command}: ${stderr}`);
  return { wall, cpu: (Number(user) + Number(system)) * 1000 };
}

/** Milliseconds of CPU of this process that `work` takes. */
function cost(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function newReader(text: string): { reader: Reader; context: Context } {
  const rules = { read: false, match: false, wildcard: false, brace: false };
  const context = new Context(UNKNOWN_MACHINE, 'bench', rules);
  const reader = new Reader(NO_FILES, UNKNOWN_MACHINE, 'bench', rules, (report) => { context.report(report); });
  reader.pushFile('bench.conf', text, null);
  return { reader, context };
}

const folder = mkdtempSync(join(tmpdir(), 'tskeepalived-bench-'));
try {
  const theirs = inPath('keepalived');
  console.log(`\nConfig test, process start included, ${reps} times each${theirs ? '' : ' (keepalived is not installed: nothing to compare with)'}`);
  const cases: readonly (readonly [string, string])[] = [
    ['100 × 10', virtualServers(100)], ['1,000 × 10', virtualServers(1000)], ['5,000 × 10', virtualServers(5000)], ['20,000 × 10', virtualServers(20_000)], ['255 instances × 20', instances()],
  ];
  const table = [['virtual × real servers', 'MB', 'ours, ms', 'keepalived, ms', 'ratio', 'ours, CPU ms', 'keepalived, CPU ms', 'ratio']];
  for (const [name, text] of cases) {
    const file = join(folder, 'bench.conf');
    writeFileSync(file, text);
    const ours: Cost[] = [];
    const keepalived: Cost[] = [];
    for (let i = 0; i < reps; i++) {
      ours.push(configTest(`"${process.execPath}" "${PROGRAM}"`, file));
      if (theirs) keepalived.push(configTest('keepalived', file));
    }
    const of = (costs: readonly Cost[], key: keyof Cost): number[] => costs.map((one) => one[key]);
    table.push([name, (text.length / 1e6).toFixed(2), spread(of(ours, 'wall'), 0), spread(of(keepalived, 'wall'), 0), ratio(of(ours, 'wall'), of(keepalived, 'wall')), spread(of(ours, 'cpu'), 0), spread(of(keepalived, 'cpu'), 0), ratio(of(ours, 'cpu'), of(keepalived, 'cpu'))]);
  }
  printTable(table);

  console.log(`\nThe parser alone, in this process, CPU time, ${reps} times each`);
  const alone = [['virtual × real servers', 'MB', 'words, MB/s', 'blocks, MB/s', 'Config and all checks, MB/s']];
  for (const [name, text] of cases) {
    const speeds = (work: () => void): string => {
      work();
      return spread(Array.from({ length: reps }, () => text.length / 1e3 / cost(work)), 0);
    };
    alone.push([
      name, (text.length / 1e6).toFixed(2),
      speeds(() => { const { reader } = newReader(text); while (reader.next() !== 'end'); }),
      speeds(() => { const { reader, context } = newReader(text); parse(reader, root, context); }),
      speeds(() => { loadText('bench.conf', text, NO_FILES, { configId: 'bench', machine: UNKNOWN_MACHINE }); }),
    ]);
  }
  printTable(alone);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
