import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { requirePrograms } from '../needs.ts';

const UML_RUN = join(dirname(createRequire(import.meta.url).resolve('../../../package.json')), 'test/uml/uml-run');

/** What test/uml relies on. */
describe('uml-run', function () {
  this.timeout(120_000);
  let folder = '';

  before(function () { requirePrograms(this, 'linux.uml', 'depmod'); });
  beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'tskeepalived-uml-')); });
  afterEach(() => { rmSync(folder, { recursive: true, force: true }); });

  function run(options: readonly string[], ...command: string[]): { status: number | null; stdout: string; stderr: string } {
    // Its control directories are below TMPDIR: nothing of them may be left there.
    return spawnSync(UML_RUN, ['-C', folder, ...options, '--', ...command], { encoding: 'utf8', env: { ...process.env, TMPDIR: folder, FOO: 'b a\nr' } });
  }

  it('gives exit status and both outputs, arguments and environment as they are, and writes to the project alone', () => {
    writeFileSync(join(folder, 'host'), 'from the host');
    const script = 'cat host; printf "<%s>" "$@" "$FOO"; id -u >&2; echo back >guest; echo lost >/tmp/uml-run-was-here; ls /proc/net/ip_vs; exit 3';
    const { status, stdout, stderr } = run([], 'sh', '-c', script, 'sh', 'a b', '', '$x');
    expect({ status, stdout, stderr }).to.deep.equal({ status: 3, stdout: 'from the host<a b><><$x><b a\nr>/proc/net/ip_vs\n', stderr: '0\n' });
    expect(readFileSync(join(folder, 'guest'), 'utf8')).to.equal('back\n');
    expect(existsSync('/tmp/uml-run-was-here')).to.equal(false);
    expect(readdirSync(folder)).to.have.members(['host', 'guest']);
  });

  it('ends by its bound, with everything that ran', () => {
    const { status, stderr } = run(['-t', '8'], 'sleep', '1000');
    expect(status).to.equal(124);
    expect(stderr).to.contain('timed out after 8s: sleep 1000');
    expect(readdirSync(folder)).to.deep.equal([]);
    const left = readdirSync('/proc').filter((name) => /^\d+$/u.test(name)).filter((pid) => commandLine(pid).includes(`uml_dir=${folder}/`));
    expect(left).to.deep.equal([]);
  });

  it('a kernel or a module that is not there is said', () => {
    expect(run(['-M', 'nosuchmodule'], 'true')).to.deep.include({ status: 125, stdout: '' }).and.to.have.property('stderr').that.contains('nosuchmodule');
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
