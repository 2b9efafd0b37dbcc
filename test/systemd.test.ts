import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { requirePrograms } from './needs.ts';

const PROJECT = dirname(createRequire(import.meta.url).resolve('../../package.json'));
const UNIT = readFileSync(join(PROJECT, 'systemd', 'tskeepalived.service'), 'utf8');
/** Of 10; 3.7 when this was written. keepalived's own unit has 9.6. */
const EXPOSURE = 4.0;

describe('systemd/tskeepalived.service', function () {
  this.timeout(60_000);

  it('is what the daemon expects: notify, watchdog, reload by HUP', () => {
    expect(values('Type')).to.deep.equal(['notify']);
    expect(values('NotifyAccess')).to.deep.equal(['main']);
    expect(Number(values('WatchdogSec')[0])).to.be.within(2, 60);
    expect(values('ExecReload')).to.deep.equal(['/bin/kill -HUP $MAINPID']);
    expect(values('ExecStart')[0]).to.match(/^\/\S+\/tskeepalived --dont-fork/);
  });

  it('leaves the daemon what it needs, and V8 its writable code', () => {
    expect(values('CapabilityBoundingSet').join(' ').split(' ')).to.include.members(['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_SETUID', 'CAP_SETGID', 'CAP_KILL']);
    expect(values('RestrictAddressFamilies').join(' ').split(' ')).to.include.members(['AF_UNIX', 'AF_INET', 'AF_INET6', 'AF_NETLINK', 'AF_PACKET']);
    expect(values('MemoryDenyWriteExecute')).to.deep.equal([]);
  });

  it('systemd-analyze verify finds nothing to say', function () {
    requirePrograms(this, 'systemd-analyze');
    withUnit((path) => {
      const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
      expect(stdout + stderr).to.equal('');
      expect(status).to.equal(0);
    });
  });

  it(`systemd-analyze security: exposure at most ${EXPOSURE}`, function () {
    requirePrograms(this, 'systemd-analyze');
    withUnit((path) => {
      const { status, stdout, stderr } = spawnSync('systemd-analyze', ['security', '--offline=yes', '--no-pager', `--threshold=${EXPOSURE * 10}`, path], { encoding: 'utf8' });
      expect(stdout, stderr).to.include('Overall exposure level');
      expect(status, stdout.split('\n').filter((line) => !line.startsWith('✓')).join('\n')).to.equal(0);
    });
  });
});

describe('systemd/tskeepalived-toa.service', function () {
  this.timeout(60_000);

  it('systemd-analyze verify finds nothing to say', function () {
    requirePrograms(this, 'systemd-analyze');
    withUnit((path) => {
      const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
      expect([stdout + stderr, status]).to.deep.equal(['', 0]);
    }, 'tskeepalived-toa.service');
  });
});

/** What a key is given, in order. */
function values(key: string): string[] {
  return UNIT.split('\n').filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
}

/** The unit with a program that exists on this machine in the place of the one that is not installed. */
function withUnit(check: (path: string) => void, name = 'tskeepalived.service'): void {
  const folder = mkdtempSync(join(tmpdir(), 'tska-unit-'));
  try {
    const path = join(folder, name);
    writeFileSync(path, readFileSync(join(PROJECT, 'systemd', name), 'utf8').replaceAll(/^(Exec(?:Start|Stop|Reload))=\S+tskeepalived/gm, `$1=${process.execPath}`));
    check(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
