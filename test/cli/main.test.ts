import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { signalNumber } from '../../lib/cli/signals.ts';
import { skip } from '../needs.ts';

/** The project's directory; this runs from dist/test. */
const PROJECT = dirname(createRequire(import.meta.url).resolve('../../../package.json'));

function tskeepalived(...argv: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(PROJECT, 'bin/tskeepalived.js'), ...argv], { encoding: 'utf8', timeout: 30_000 });
  return { status, stdout, stderr };
}

describe('signalNumber', () => {
  for (const [name, number] of [
    ['', null], ['KILL', null], ['SIGTERM', null], ['stop', null], ['toString', null],
    ['STOP', 15], ['RELOAD', 1], ['DATA', 10], ['STATS', 12], ['STATS_CLEAR', 63], ['JSON', 36], ['TDUMP', 64],
  ] as const) {
    it(`${name === '' ? 'nothing' : name} is ${String(number)}`, () => { expect(signalNumber(name)).to.equal(number); });
  }
});

describe('tskeepalived on the command line', function () {
  this.timeout(30_000);

  before(function () {
    if (!existsSync(join(PROJECT, 'dist/program/main.js'))) skip(this, 'needs npm run build');
  });

  for (const [name, argv, status, stdout, stderr] of [
    ['an unknown option: why, then the usage', ['--colour'], 1, /^$/u, /^tskeepalived: unknown option '--colour'\n\nUsage: tskeepalived \[OPTION...\]/u],
    ['a missing value', ['-f'], 1, /^$/u, /^tskeepalived: option '-f' needs FILE\n/u],
    ['a stray argument', ['-n', 'extra'], 1, /^$/u, /^tskeepalived: unexpected argument 'extra'\n/u],
    ['an option that is not built yet', ['--snmp'], 1, /^$/u, /--snmp.*not built yet/u],
    ['a signal that is none', ['--signum', 'KILL'], 1, /^$/u, /^tskeepalived: unknown signal name 'KILL'\n$/u],
    ['the version, on stderr as keepalived has it', ['-v'], 0, /^$/u, /^tskeepalived v\d+\.\d+\.\d+, compatible with Keepalived v2\.4\.3\nNode v\d+/u],
    ['the help, with every option', ['--help'], 0, /^Usage: tskeepalived \[OPTION\.\.\.\][^]*--use-file=FILE[^]*--config-test\[=LOG\][^]*Commands:\n {2}scan/u, /^$/u],
    ['the number of a signal', ['--signum=DATA'], 0, /^10\n$/u, /^$/u],
    ['the number of a real-time signal', ['--signum', 'JSON'], 0, /^36\n$/u, /^$/u],
  ] as const) {
    it(`${name} (exit ${status})`, () => {
      const ran = tskeepalived(...argv);
      expect(ran.stderr).to.match(stderr);
      expect(ran.stdout).to.match(stdout);
      expect(ran.status).to.equal(status);
    });
  }
});
