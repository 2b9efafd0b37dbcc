import { expect } from 'chai';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { linuxScriptRunner, type LinuxScriptRunner } from '../../lib/linux/script-runner.ts';
import type { ScriptOptions } from '../../lib/system/script-runner.ts';
import { requireRoot, skip } from '../needs.ts';
import { until } from './namespaces.ts';

const ALONE: ScriptOptions = { timeout: 10_000, user: null, group: null };

describe('scripts', function () {
  this.timeout(20_000);
  let runner: LinuxScriptRunner;
  let directory: string;

  before(() => {
    runner = linuxScriptRunner();
    directory = mkdtempSync(join(tmpdir(), 'tska-scripts-'));
    chmodSync(directory, 0o777);
  });
  after(() => {
    runner.close();
    rmSync(directory, { recursive: true });
  });

  const shell = (text: string, options: Partial<ScriptOptions> = {}): ReturnType<LinuxScriptRunner['run']> =>
    runner.run(['/bin/sh', '-c', text], { ...ALONE, ...options });
  const report = (name: string): string => join(directory, name);
  const contents = (name: string): string => readFileSync(report(name), 'utf8').trim();

  for (const [name, argv, options] of [
    ['a missing program', ['/nonexistent/program'], {}],
    ['a file that is no program', ['/etc/passwd'], {}],
    ['a directory', ['/etc/'], {}],
    ['an unknown user', ['/bin/true'], { user: 'no-such-user-anywhere' }],
    ['an unknown group', ['/bin/true'], { user: 'root', group: 'no-such-group-anywhere' }],
    ['an empty name', [''], {}],
    ['no words at all', [], {}],
    ['a NUL in an argument', ['/bin/true', 'a\0b'], {}],
  ] as [string, string[], Partial<ScriptOptions>][]) {
    it(`${name} is a failure with a reason, and nothing is thrown`, async () => {
      const result = await runner.run(argv, { ...ALONE, ...options }).result;
      expect(result.type).to.equal('failed');
      expect(result).to.have.property('reason').that.is.not.empty;
    });
  }

  it('supplementary: the user\'s further groups and its own identity', async function () {
    requireRoot(this);
    // bin, or whoever else is in a group of somebody else's: root is in none on most machines.
    const member = readFileSync('/etc/group', 'utf8').split('\n').map((line) => line.split(':')).find(([, , , members]) => members !== undefined && members !== '');
    const user = member?.[3]?.split(',')[0] ?? 'nobody';
    const expected = execFileSync('id', ['-G', user], { encoding: 'utf8' }).trim().split(' ').sort();
    await shell(`id -G > ${report('groups')}; id -u > ${report('uid')}`, { user, supplementary: true }).result;
    expect(contents('groups').split(' ').sort()).to.deep.equal(expected);
    expect(contents('uid')).to.equal(execFileSync('id', ['-u', user], { encoding: 'utf8' }).trim());
    await shell(`id -G > ${report('alone')}`, { user: 'nobody' }).result;
    expect(contents('alone')).to.equal(execFileSync('id', ['-g', 'nobody'], { encoding: 'utf8' }).trim());
  });

  it('tells the exit status, 126 and 127 of a script that could be started too', async () => {
    for (const status of [0, 1, 42, 126, 127]) {
      expect(await shell(`exit ${status}`).result).to.deep.equal({ type: 'exited', status });
    }
  });

  it('tells the signal that ended it', async () => {
    expect(await shell('kill -USR1 $$').result).to.deep.equal({ type: 'signalled', signal: 'SIGUSR1' });
  });

  it('leads a session and a group, in /, without IFS and LD_*, with its arguments as given', async () => {
    process.env['LD_LIBRARY_PATH'] = '/nowhere';
    process.env['TSKA_SCRIPT_TEST'] = 'kept';
    const script = report('args.sh');
    writeFileSync(script, `#!/bin/sh\n{ pwd; env | grep -c '^LD_'; echo $TSKA_SCRIPT_TEST; cut -d' ' -f5,6 /proc/$$/stat; echo "$0|$1|$2|$#"; } > ${report('args')}\n`, { mode: 0o755 });
    const running = runner.run([script, 'a b', ''], ALONE);
    delete process.env['LD_LIBRARY_PATH'];
    delete process.env['TSKA_SCRIPT_TEST'];
    expect(await running.result).to.deep.equal({ type: 'exited', status: 0 });
    expect(contents('args').split('\n')).to.deep.equal(['/', '0', 'kept', `${running.pid} ${running.pid}`, `${script}|a b||2`]);
  });

  it('runs as a user, with its primary group and no other, or with the group given', async function () {
    requireRoot(this);
    expect(await shell(`id -u > ${report('u')}; id -G >> ${report('u')}`, { user: 'nobody' }).result).to.deep.equal({ type: 'exited', status: 0 });
    const [uid = '', gid = ''] = contents('u').split('\n');
    expect(Number(uid)).to.be.greaterThan(0);
    expect(gid).to.match(/^\d+$/).and.not.equal('0');
    await shell(`id -u > ${report('v')}; id -G >> ${report('v')}`, { user: uid, group: '12345' }).result;
    expect(contents('v')).to.equal(`${uid}\n12345`);
  });

  it('a timeout ends the whole group with SIGTERM', async () => {
    const started = shell(`sleep 100 & echo $! > ${report('sleeper')}; wait`, { timeout: 200 });
    expect(await started.result).to.deep.equal({ type: 'timed-out' });
    const sleeper = contents('sleeper');
    await until('the child of the script to end', () => !existsSync(`/proc/${sleeper}/cmdline`) || readFileSync(`/proc/${sleeper}/cmdline`).length === 0);
  });

  it('what ignores SIGTERM gets SIGKILL two seconds later', async () => {
    const begun = performance.now();
    const result = await shell(`trap '' TERM; while :; do sleep 0.1; done`, { timeout: 100 }).result;
    expect(result).to.deep.equal({ type: 'timed-out' });
    expect(performance.now() - begun).to.be.at.least(2_000);
  });

  it('stop ends it, and is harmless afterwards', async () => {
    const running = shell('sleep 100');
    running.stop();
    expect(await running.result).to.deep.equal({ type: 'signalled', signal: 'SIGTERM' });
    running.stop();
  });

  it('what a script started and is deaf to SIGTERM gets SIGKILL as well, and stopped() waits for that', async () => {
    const running = shell(`sh -c "trap '' TERM; echo \\$\\$ > ${report('deaf')}; while :; do sleep 0.1; done" & sleep 100`);
    await until('its child', () => existsSync(report('deaf')) && contents('deaf') !== '');
    const begun = performance.now();
    running.stop();
    expect(await running.result).to.deep.equal({ type: 'signalled', signal: 'SIGTERM' });
    const deaf = contents('deaf');
    expect(existsSync(`/proc/${deaf}`)).to.equal(true);
    await runner.stopped();
    expect(performance.now() - begun).to.be.at.least(1_900);
    await until('its child to end', () => !existsSync(`/proc/${deaf}`) || readFileSync(`/proc/${deaf}/stat`, 'utf8').includes(') Z '));
    await runner.stopped();
  });

  it('ended() waits for what runs, and no longer than it may', async () => {
    await runner.ended(10_000);
    const begun = performance.now();
    const quick = shell(`sleep 0.3; echo done > ${report('quick')}`);
    await runner.ended(10_000);
    expect(contents('quick')).to.equal('done');
    expect(performance.now() - begun).to.be.below(9_000);
    expect(await quick.result).to.deep.equal({ type: 'exited', status: 0 });
    const slow = shell('sleep 100');
    await runner.ended(100);
    slow.stop();
    expect(await slow.result).to.deep.equal({ type: 'signalled', signal: 'SIGTERM' });
  });

  it('a script ends with the daemon, though that was killed', async function () {
    if (!existsSync('/usr/bin/setpriv')) skip(this, 'needs setpriv of util-linux');
    const pidFile = report('orphan');
    const daemon = spawn(process.execPath, [fileURLToPath(new URL('script-runner.child.js', import.meta.url)), pidFile], { stdio: 'ignore' });
    await until('the script to start', () => existsSync(pidFile) && contents('orphan') !== '');
    const script = contents('orphan');
    expect(existsSync(`/proc/${script}`)).to.equal(true);
    daemon.kill('SIGKILL');
    await until('the script to end', () => !existsSync(`/proc/${script}`) || readFileSync(`/proc/${script}/stat`, 'utf8').includes(') Z '));
  });
});
