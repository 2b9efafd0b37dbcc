import { expect } from 'chai';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Namespaces } from '../linux/namespaces.ts';
import { inPath, requirePrograms } from '../needs.ts';
import { Daemon, daemonCommand, type DaemonKind } from './daemon.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import type { LabNode } from './node.ts';
import { sleep, until, wallClock } from './wait.ts';

/** One step of the timeline: what is done, and what the fifo and the wire then show. Observed in keepalived 2.2.7. */
interface Step {
  readonly name: string;
  readonly line: string;
  readonly fifo: readonly string[];
  /** The priority advertised from then on; null: no advertisement but the farewell. */
  readonly wire: number | null;
  readonly log?: readonly RegExp[];
}

const DIR = '/run/tracked';
const FILES: readonly Step[] = [
  { name: 'a number', line: `echo 10 > ${DIR}/load`, fifo: ['MASTER_PRIORITY 120'], wire: 120 },
  { name: 'hexadecimal', line: `echo 0x10 > ${DIR}/load`, fifo: ['MASTER_PRIORITY 132'], wire: 132 },
  { name: 'junk', line: `echo junk > ${DIR}/load`, fifo: ['MASTER_PRIORITY 100'], wire: 100 },
  { name: 'replaced by rename', line: `echo 7 > ${DIR}/new; mv ${DIR}/new ${DIR}/load`, fifo: ['MASTER_PRIORITY 114'], wire: 114 },
  { name: 'out of range', line: `echo 99999999999 > ${DIR}/load`, fifo: [], wire: 114, log: [/Invalid number 99999999999 read from \/run\/tracked\/load - ignoring/] },
  { name: 'large', line: `echo 500 > ${DIR}/load`, fifo: ['MASTER_PRIORITY 254'], wire: 254 },
  { name: 'removed', line: `rm ${DIR}/load`, fifo: ['MASTER_PRIORITY 100'], wire: 100 },
  { name: 'another file and its weight', line: `echo 5 > ${DIR}/other`, fifo: ['MASTER_PRIORITY 85'], wire: 85 },
  { name: 'both', line: `echo 1 > ${DIR}/load`, fifo: ['MASTER_PRIORITY 87'], wire: 87 },
  { name: 'a fault by the product', line: `echo -127 > ${DIR}/load`, fifo: ['FAULT 87'], wire: null, log: [/\(VI_1\): tracked file load now FAULT state/, /\(VI_1\) Entering FAULT STATE/] },
  { name: 'that is over', line: `echo -1 > ${DIR}/load`, fifo: ['BACKUP 83', 'MASTER 83'], wire: 83, log: [/\(VI_1\): tracked file load leaving FAULT state/, /\(VI_1\) Setting effective priority to 83/, /\(VI_1\) Entering BACKUP STATE/] },
  { name: 'a fault by weight 0', line: `echo 1 > ${DIR}/gate`, fifo: ['FAULT 83'], wire: null, log: [/\(VI_1\): tracked file gate now FAULT state/] },
  { name: 'that is over too', line: `rm ${DIR}/gate`, fifo: ['BACKUP 83', 'MASTER 83'], wire: 83, log: [/\(VI_1\): tracked file gate leaving FAULT state/] },
];

const fileConfiguration = (vrid: number): string => `global_defs {
  vrrp_notify_fifo ${DIR}/fifo
  vrrp_notify_priority_changes true
}
track_file load {
  file ${DIR}/load
  weight 2
}
track_file other {
  file ${DIR}/other
}
track_file gate {
  file ${DIR}/gate
  weight 0
}
track_file made {
  file ${DIR}/made
  init_file 0
}
vrrp_instance VI_1 {
  interface eth0
  virtual_router_id ${vrid}
  advert_int 1
  priority 100
  virtual_ipaddress {
    192.0.2.${vrid}/24
  }
  track_file {
    load
    other weight -3
    gate
    made
  }
}
`;

describe('netns: tracked files, ours and keepalived on the same timeline', function () {
  this.timeout(90_000);
  const vrids = { ours: 101, keepalived: 102 } as const;
  let kinds: readonly DaemonKind[] = [];
  let lab: Lab<DaemonKind> | null = null;
  const daemons = new Map<DaemonKind, Daemon>();

  before(async function () {
    requireLab(this);
    requirePrograms(this, 'keepalived');
    kinds = ['ours', 'keepalived'];
    lab = await Lab.open({ nodes: { ours: '192.0.2.1/24', keepalived: '192.0.2.2/24' } });
    await Promise.all(kinds.map(async (kind) => {
      const node = nodeOf(kind);
      // The reader keeps the fifo open, so that no daemon's reopening ends it.
      await node.sh(`mkdir ${DIR}; mkfifo ${DIR}/fifo`);
      node.spawn(['sh', '-c', `exec 3<>${DIR}/fifo; exec cat <&3 > ${DIR}/lines`]);
      daemons.set(kind, node.start(kind, fileConfiguration(vrids[kind])));
      await until(`${kind} is master`, 15_000, () => fifoLines(node, 'VI_1').includes('MASTER 100'), () => daemons.get(kind)?.tail() ?? '');
    }));
  });

  after(() => { lab?.close(); });

  function nodeOf(kind: DaemonKind): LabNode {
    if (lab === null) throw new Error('no lab');
    return lab.nodes[kind];
  }

  it('init_file made its file', () => {
    for (const kind of kinds) expect(nodeOf(kind).read(`${DIR}/made`), kind).to.equal('0\n');
  });

  for (const step of FILES) {
    it(`${step.name}: ${step.line}`, async () => {
      await Promise.all(kinds.map((kind) => play(kind, step)));
    });
  }

  async function play(kind: DaemonKind, { line, fifo, wire, log = [] }: Step): Promise<void> {
    const node = nodeOf(kind);
    const daemon = daemons.get(kind);
    if (lab === null || daemon === undefined) throw new Error('no daemon');
    const { witness } = lab;
    const had = fifoLines(node, 'VI_1').length;
    const from = daemon.log.length;
    const since = wallClock();
    await node.sh(line);
    const now = (): string[] => fifoLines(node, 'VI_1').slice(had);
    await until(`${kind} tells its fifo ${fifo.join(', ')}`, 10_000, () => now().length >= fifo.length, () => `${now().join('\n')}\n${daemon.tail()}`);
    const heard = (): number[] => witness.advertsSince(since).filter((advert) => advert.mac === node.mac).map((advert) => advert.priority);
    if (wire !== null) await until(`${kind} advertises ${wire}`, 5000, () => heard().at(-1) === wire, () => heard().join(' '));
    else {
      await until(`${kind} says farewell`, 5000, () => heard().includes(0), () => heard().join(' '));
      await sleep(1200);
      expect(heard().at(-1), `${kind} is silent after its farewell`).to.equal(0);
    }
    for (const pattern of log) await until(`${kind} logs ${pattern.source}`, 5000, () => daemon.log.slice(from).some(({ text }) => pattern.test(text)), () => daemon.tail());
    expect(now(), kind).to.deep.equal(fifo);
  }
});

/** A process that starts and dies, and the same of its copies. `$P` is the program, a copy of sleep(1) under its own name. */
const PROCESSES: readonly { readonly name: string; readonly run: (stage: ProcessStage) => void; readonly fifo: readonly string[]; readonly log: readonly string[] }[] = [
  { name: 'it starts', run: (stage) => { stage.begin('first', '60'); }, fifo: ['MASTER_PRIORITY 120'], log: ['Quorum gained for tracked process one'] },
  { name: 'a second one', run: (stage) => { stage.begin('second', '61'); }, fifo: ['MASTER_PRIORITY 123'], log: ['Quorum gained for tracked process two'] },
  { name: 'one with other parameters, of which another tracker asks for the beginning', run: (stage) => { stage.begin('third', '7', '8'); }, fifo: ['MASTER_PRIORITY 130'], log: ['Quorum gained for tracked process params'] },
  { name: 'that one dies', run: (stage) => { stage.end('third'); }, fifo: ['MASTER_PRIORITY 123'], log: ['Quorum lost for tracked process params'] },
  { name: 'the second dies', run: (stage) => { stage.end('second'); }, fifo: ['MASTER_PRIORITY 120'], log: ['Quorum lost for tracked process two'] },
  { name: 'the first dies', run: (stage) => { stage.end('first'); }, fifo: ['MASTER_PRIORITY 100'], log: ['Quorum lost for tracked process one'] },
];

/** The machine's own processes, which both daemons see from network namespaces of their own. */
class ProcessStage {
  readonly dir = mkdtempSync(join(tmpdir(), `tskt-${process.pid}-`));
  readonly namespaces = new Namespaces('track');
  readonly program = join(this.dir, `tskp${process.pid}`);
  readonly daemons = new Map<DaemonKind, Daemon>();
  private readonly children = new Map<string, ReturnType<typeof spawn>>();

  constructor() {
    cpSync('/bin/sleep', this.program);
  }

  start(kind: DaemonKind): void {
    const { a, b } = this.namespaces;
    const [name, link] = kind === 'ours' ? [b, 'vb'] : [a, 'va'];
    const file = join(this.dir, `${kind}.conf`);
    writeFileSync(file, processConfiguration(kind, name, link, this));
    const files = ['-p', join(this.dir, `${kind}.pid`), '-r', join(this.dir, `${kind}-vrrp.pid`)];
    // keepalived hears of processes where it begins, and goes into the namespace by itself; what it mounts stays its own.
    const enter = kind === 'ours' ? ['ip', 'netns', 'exec', name] : ['unshare', '--mount'];
    const [command = '', ...words] = [...enter, ...daemonCommand(kind), '-n', '-l', '-D', '-G', '-f', file, ...files];
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, STATE_DIRECTORY: this.dir, TMPDIR: this.dir } });
    this.daemons.set(kind, new Daemon(kind, name, child));
    this.children.set(kind, child);
  }

  begin(name: string, ...words: string[]): void {
    this.children.set(name, spawn(this.program, words, { stdio: 'ignore' }));
  }

  end(name: string): void {
    this.children.get(name)?.kill('SIGTERM');
  }

  async close(): Promise<void> {
    for (const child of this.children.values()) child.kill('SIGTERM');
    await Promise.all([...this.daemons.values()].map((daemon) => daemon.ended(10_000)));
    this.namespaces.remove();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function processConfiguration(kind: DaemonKind, namespace: string, link: string, { dir, program }: ProcessStage): string {
  const name = program.replace(/^.*\//u, '');
  return `${kind === 'keepalived' ? `net_namespace ${namespace}\n` : ''}global_defs {
  vrrp_notify_fifo ${dir}/${kind}.fifo
  vrrp_notify_priority_changes true
}
vrrp_track_process one {
  process ${name}
}
vrrp_track_process two {
  process ${name}
  quorum 2
}
vrrp_track_process params {
  process ${program} 7
  param_match partial
}
vrrp_track_process held {
  process ${name}
  terminate_delay 100
}
vrrp_instance VI_1 {
  interface ${link}
  virtual_router_id ${kind === 'ours' ? 101 : 102}
  priority 100
  virtual_ipaddress {
    10.0.0.${kind === 'ours' ? 101 : 102}/24
  }
  track_process {
    one weight 20
    two weight 3
    params weight 7
  }
}
`;
}

describe('netns: tracked processes, ours and keepalived on the same timeline', function () {
  this.timeout(90_000);
  let stage: ProcessStage | null = null;
  const kinds: DaemonKind[] = ['ours'];
  const lines = new Map<DaemonKind, string[]>();

  before(async function () {
    requireLab(this, { witness: false });
    stage = new ProcessStage();
    // Without the kernel's events keepalived tracks nothing; ours does, and shall do then what keepalived does with them.
    if (inPath('keepalived') && kernelTells()) kinds.push('keepalived');
    for (const kind of kinds) {
      const fifo = `${stage.dir}/${kind}.fifo`;
      spawnSync('mkfifo', [fifo]);
      const heard: string[] = [];
      lines.set(kind, heard);
      const reader = spawn('setpriv', ['--pdeathsig', 'SIGKILL', 'sh', '-c', `exec 3<>${fifo}; exec cat <&3`], { stdio: ['ignore', 'pipe', 'ignore'] });
      reader.stdout.on('data', (piece: Buffer) => heard.push(...instanceLines(piece.toString(), 'VI_1')));
      stage.start(kind);
      stage.daemons.get(kind)?.end.finally(() => reader.kill('SIGKILL')).catch(() => undefined);
    }
    await Promise.all(kinds.map((kind) => until(`${kind} is master`, 20_000, () => lines.get(kind)?.includes('MASTER 100') === true, () => stage?.daemons.get(kind)?.tail() ?? '')));
  });

  after(async () => { await stage?.close(); });

  it('where the kernel does not tell of processes, that is said once', () => {
    const said = stage?.daemons.get('ours')?.log.filter(({ text }) => text.includes('Process events are not available')) ?? [];
    expect(said).to.have.length(1);
  });

  for (const step of PROCESSES) {
    it(step.name, async () => {
      const before = new Map(kinds.map((kind) => [kind, { fifo: lines.get(kind)?.length ?? 0, log: stage?.daemons.get(kind)?.log.length ?? 0 }]));
      if (stage !== null) step.run(stage);
      await Promise.all(kinds.map(async (kind) => {
        const daemon = stage?.daemons.get(kind);
        const now = (): string[] => (lines.get(kind) ?? []).slice(before.get(kind)?.fifo);
        // Without the kernel's events /proc is looked through, at most a tenth of the time: on a busy machine that takes its turns.
        await until(`${kind} tells its fifo ${step.fifo.join(', ')}`, 60_000, () => now().length >= step.fifo.length, () => `${now().join('\n')}\n${daemon?.tail() ?? ''}`);
        await until(`${kind} logs ${step.log.join(', ')}`, 15_000, () => step.log.every((text) => daemon?.log.slice(before.get(kind)?.log).some((l) => l.text.includes(text)) === true), () => daemon?.tail() ?? '');
        expect(now(), kind).to.deep.equal(step.fifo);
      }));
    });
  }
});

/** Whether process events can be had here at all: not in most containers. */
function kernelTells(): boolean {
  const probe = spawnSync(process.execPath, [join(import.meta.dirname, '..', 'linux', 'process-events.child.js'), '1500'], { encoding: 'utf8' });
  return probe.stdout.includes('"listening"');
}

function fifoLines(node: LabNode, name: string): string[] {
  return node.exists(`${DIR}/lines`) ? instanceLines(node.read(`${DIR}/lines`), name) : [];
}

function instanceLines(text: string, name: string): string[] {
  return text.split('\n').filter((line) => line.startsWith(`INSTANCE "${name}" `)).map((line) => line.slice(`INSTANCE "${name}" `.length));
}
