import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { linuxProcesses, parseCommandLine, parseStat } from '../../lib/linux/processes.ts';
import type { ProcessEvent } from '../../lib/system/processes.ts';
import { requireRoot } from '../needs.ts';
import { Namespaces, runIn, until } from './namespaces.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('parseStat', () => {
  for (const [name, text, expected] of [
    ['nothing', '', null], ['no name', '12 S 1', null], ['brackets the wrong way', '12 )x( S', null], ['a zombie', '12 (x) Z 1', null], ['dead', '12 (x) X 1', null],
    ['an ordinary one', '12 (sleep) S 1 12', 'sleep'], ['a name with a blank', '12 (Web Content) R 1', 'Web Content'], ['a name with brackets', '12 (a) Z (b) S 1', 'a) Z (b'],
  ] as const) {
    it(`${name}: ${expected ?? 'nobody'}`, () => { expect(parseStat(bytes(text))).to.equal(expected); });
  }
});

describe('parseCommandLine', () => {
  for (const [name, text, expected] of [
    ['nothing, as of a kernel thread', '', []], ['one word', 'a\0', ['a']], ['an empty word', 'a\0\0b\0', ['a', '', 'b']], ['rewritten, without a NUL', 'nginx: master', ['nginx: master']],
  ] as const) {
    it(name, () => { expect(parseCommandLine(bytes(text))).to.deep.equal(expected); });
  }
});

describe('linuxProcesses', () => {
  it('a /proc that is not there is an error with its path', async () => {
    await linuxProcesses('/nowhere').list(false).then(() => expect.fail('it was listed'), (cause: unknown) => expect(cause).to.include({ name: 'SystemError', code: 'ENOENT', object: '/nowhere' }));
  });

  it('of a process that is gone there is nothing; what is no process is passed over', async () => {
    const proc = mkdtempSync(join(tmpdir(), 'tskp-'));
    try {
      for (const [pid, stat] of [['7', '7 (one) S 1'], ['8', '8 (zombie) Z 1'], ['9', ''], ['self', 'x'], ['10', null]] as const) {
        mkdirSync(join(proc, pid));
        if (stat !== null) writeFileSync(join(proc, pid, 'stat'), stat);
        writeFileSync(join(proc, pid, 'cmdline'), `/bin/${pid}\0-x\0`);
      }
      const processes = linuxProcesses(proc);
      expect(await processes.list(true)).to.deep.equal([{ pid: 7, comm: 'one', argv: ['/bin/7', '-x'] }]);
      expect(await processes.list(false)).to.deep.equal([{ pid: 7, comm: 'one', argv: null }]);
      expect(await processes.read(11, true)).to.equal(null);
    } finally {
      rmSync(proc, { recursive: true });
    }
  });

  it('finds this process', async () => {
    const me = (await linuxProcesses().list(true)).find(({ pid }) => pid === process.pid);
    expect(me?.argv?.[0]).to.equal(process.argv0);
    expect(await linuxProcesses().read(process.pid, false)).to.deep.equal({ pid: process.pid, comm: me?.comm, argv: null });
  });
});

interface Said {
  readonly events: readonly ProcessEvent[];
  readonly refused?: string;
  readonly failed?: string;
}

/** Runs the listener for `limit` ms; `during` happens as soon as it listens. */
async function listen(limit: number, words: readonly string[], during: (child: ReturnType<typeof spawn>) => Promise<void>): Promise<Said> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('process-events.child.js', import.meta.url)), String(limit), ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let ready = false;
  child.stdout.on('data', (piece: Buffer) => (said += piece.toString()));
  child.stderr.on('data', () => (ready = true));
  const ended = once(child, 'close');
  await until('the listener listens or is refused', () => ready || said !== '');
  if (ready) await during(child);
  await ended;
  return JSON.parse(said) as Said;
}

describe('process events', function () {
  this.timeout(20_000);

  before(function () { requireRoot(this); });

  it('are refused in a network namespace other than the first', async () => {
    const namespaces = new Namespaces('pevents');
    try {
      const { said } = await runIn<Said>(namespaces.a, './process-events.child.js', ['200']);
      expect(said?.refused).to.equal('ECONNREFUSED');
    } finally {
      namespaces.remove();
    }
  });

  it('tell of a program from its fork to its end, or the kernel refuses or is silent, as in a container', async () => {
    let pid = 0;
    const { events, refused } = await listen(1500, [], async () => {
      const child = spawn('/bin/true', { stdio: 'ignore' });
      pid = child.pid ?? 0;
      await once(child, 'exit');
    });
    if (refused !== undefined) return void expect(refused).to.be.oneOf(['ECONNREFUSED', 'EPERM', 'EPROTONOSUPPORT']);
    if (!events.some(({ type }) => type === 'listening')) return void expect(events).to.deep.equal([]);
    const types = events.filter((event) => 'pid' in event && event.pid === pid).map(({ type }) => type);
    expect(types.filter((type) => type !== 'renamed')).to.deep.equal(['fork', 'exec', 'exit']);
  });

  it('an overrun of the receive buffer is told as lost, and the listener lives on', async () => {
    const { events, refused, failed } = await listen(4000, ['2048'], async (child) => {
      child.kill('SIGUSR2');
      await new Promise((resolve) => setTimeout(resolve, 50));
      const storm = spawn('sh', ['-c', 'i=0; while [ $i -lt 300 ]; do /bin/true; i=$((i+1)); done'], { stdio: 'ignore' });
      await once(storm, 'exit');
    });
    if (refused !== undefined || !events.some(({ type }) => type === 'listening')) return;
    expect(failed).to.equal(undefined);
    const lost = events.findIndex(({ type }) => type === 'lost');
    expect(lost, 'nothing was lost').to.be.greaterThan(0);
    expect(events.slice(lost).some(({ type }) => type === 'exec'), 'nothing is heard after it').to.equal(true);
  });
});
