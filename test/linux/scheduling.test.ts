import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mappedRanges } from '../../lib/linux/program-memory.ts';
import { requireRoot } from '../needs.ts';

describe('scheduling', function () {
  this.timeout(30_000);
  let directory: string;

  before(function () {
    requireRoot(this);
    directory = mkdtempSync(join(tmpdir(), 'tska-scheduling-'));
  });
  after(() => { if (directory !== undefined) rmSync(directory, { recursive: true }); });

  /** In a process of its own; throws unless that ends with 0. */
  const play = (what: string): unknown => JSON.parse(execFileSync(process.execPath,
    ['--expose-gc', fileURLToPath(new URL('scheduling.child.js', import.meta.url)), what, join(directory, 'script')], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));

  /** The processors that this test may run on: an inherited mask is not ours to judge. */
  const all = /^Cpus_allowed_list:\s*(\S+)/mu.exec(execFileSync('cat', ['/proc/self/status'], { encoding: 'utf8' }))?.[1] ?? '';
  const ordinary = `policy 0 priority 0 nice 0 cpus ${all}`;

  it('processors that are not there are refused', () => {
    expect(play('no such processor')).to.equal('EINVAL');
  });

  it('nice: every thread, and no script', () => {
    expect(play('nice')).to.deep.equal({
      before: 0,
      low: [[`policy 0 priority 0 nice 5 cpus ${all}`], ordinary],
      high: [[`policy 0 priority 0 nice -5 cpus ${all}`], ordinary],
      after: [ordinary],
    });
  });

  it('real-time: every thread, and no script', () => {
    expect(play('real-time')).to.deep.equal({ now: [[`policy 2 priority 7 nice 0 cpus ${all}`], ordinary], after: [ordinary] });
  });

  it('processors: every thread, and scripts too, as with keepalived', () => {
    const narrow = 'policy 0 priority 0 nice 0 cpus 0';
    expect(play('processors')).to.deep.equal({ now: [[narrow], narrow], after: [ordinary] });
  });

  it('memory of the program is locked and let go, and V8 lives with it', () => {
    const { during, after } = play('memory') as { during: number; after: number };
    expect(during, 'kB locked').to.be.above(20_000);
    expect(after).to.equal(0);
  });

  it('and ends well with it', () => {
    expect(play('memory to the end')).to.be.above(20_000);
  });

  it('a thread that takes too long is heard of, not killed', () => {
    expect(play('limit')).to.deep.equal({ before: 'unlimited unlimited', during: '20000 unlimited', exceeded: 1, after: 'unlimited unlimited', listeners: 0 });
  });

  it('the name, of which 15 bytes count', () => {
    expect(play('name')).to.deep.equal({ before: 'node', now: 'a name longer t', after: 'node' });
  });
});

describe('ranges of memory', () => {
  const rows: readonly [string, string, number][] = [
    ['nothing', '', 0],
    ['what is no mapping', 'hello\nworld /x\n', 0],
    ['memory without a file', '7f00000000-7f00001000 rw-p 00000000 00:00 0 \n', 0],
    ['memory that is named by its user', '7f00000000-7f00001000 rw-p 00000000 00:00 0                          [anon:v8]\n', 0],
    ['the kernel’s own', 'ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n7ffc0-7ffc1 r-xp 00000000 00:00 0 [vdso]\n', 0],
    ['a file', '00400000-00d9a000 r--p 00000000 fe:00 1234                               /usr/bin/node\n', 1],
    ['a file with a blank in its name', '00400000-00d9a000 r-xp 00000000 fe:00 1234 /opt/a b/node\n', 1],
    ['heap and stack', '02000000-02001000 rw-p 00000000 00:00 0 [heap]\n7ffc0-7ffc1 rw-p 00000000 00:00 0 [stack]\n', 2],
  ];
  for (const [name, maps, count] of rows) it(name, () => { expect(mappedRanges(maps)).to.have.length(count); });

  it('start and length', () => {
    expect(mappedRanges('00400000-00d9a000 r--p 00000000 fe:00 1234 /usr/bin/node')).to.deep.equal([{ start: 0x400000n, length: 0x99a000n }]);
  });
});
