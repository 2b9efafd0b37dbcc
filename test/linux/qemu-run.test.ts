import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { skip } from '../needs.ts';
import { PROJECT } from '../netns/daemon.ts';

const QEMU_RUN = join(PROJECT, 'test/qemu/qemu-run');

/** What test/qemu relies on. */
describe('qemu-run', function () {
  this.timeout(240_000);
  let folder = '';

  before(function () {
    const { status, stderr } = run('-n');
    if (status !== 0) skip(this, `needs Debian's kernel in QEMU (${stderr.trim()})`);
  });
  beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'tskeepalived-qemu-')); });
  afterEach(() => { rmSync(folder, { recursive: true, force: true }); });

  function run(...words: string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(QEMU_RUN, words, { encoding: 'utf8', env: { ...process.env, FOO: 'b a\nr' } });
  }

  it("gives exit status, output, arguments and environment as they are, writes to the named directory alone, and has Debian's kernel", () => {
    writeFileSync(join(folder, 'host'), 'from the host');
    const script = 'cat host; printf "<%s>" "$@" "$FOO"; echo back >guest; echo lost >/tmp/qemu-run-was-here; modprobe ip_vs && ls /proc/net/ip_vs; uname -r; exit 3';
    const { status, stdout } = run('-C', folder, '--', 'sh', '-c', script, 'sh', 'a b', '', '$x');
    expect(stdout).to.match(/^from the host<a b><><\$x><b a\nr>\/proc\/net\/ip_vs\n.*-cloud-amd64\n$/u);
    expect(status).to.equal(3);
    expect(readFileSync(join(folder, 'guest'), 'utf8')).to.equal('back\n');
    expect(existsSync('/tmp/qemu-run-was-here')).to.equal(false);
    expect(readdirSync(folder)).to.have.members(['host', 'guest']);
  });

  it('ends by its bound, with everything that ran', () => {
    const { status, stderr } = run('-C', folder, '-t', '20', '--', 'sleep', '1000');
    expect(status).to.equal(124);
    expect(stderr).to.match(/qemu-run: timed out after 20s\n$/u);
    const left = readdirSync('/proc').filter((name) => /^\d+$/u.test(name)).filter((pid) => commandLine(pid).includes(`source=${folder}`));
    expect(left).to.deep.equal([]);
  });

  it('a directory that is not there is said', () => {
    expect(run('-C', join(folder, 'none'), '--', 'true')).to.deep.include({ status: 125, stdout: '' }).and.to.have.property('stderr').that.contains('no such directory');
  });
});

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}
