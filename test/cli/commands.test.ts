import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SUBCOMMANDS } from '../../lib/cli/subcommands.ts';
import { inPath } from '../needs.ts';

const PROJECT = dirname(createRequire(import.meta.url).resolve('../../../package.json'));
const PROGRAM = `process.exitCode = await (await import(${JSON.stringify(pathToFileURL(join(PROJECT, 'dist/lib/cli/main.js')).href)})).main(process.argv.slice(1))`;

const FILE = 'vrrp_instance VI_1 {\n  interface   eth0\n  virtual_router_id 51\n  priority 150 # high\n  virtual_ipaddress { 10.0.0.1/24 }\n}\n';
const NEAT = 'vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    priority 150 # high\n    virtual_ipaddress {\n        10.0.0.1/24\n    }\n}\n';
const YAML = 'vrrp_instance:\n  VI_1:\n    interface: eth0\n    virtual_router_id: 51\n    priority: 150 # high\n    virtual_ipaddress:\n      - 10.0.0.1/24\n';

describe('subcommands for configuration files', function () {
  this.timeout(30_000);
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tskeepalived-cli-'));
    writeFileSync(join(folder, 'a.conf'), FILE);
  });

  afterEach(() => { rmSync(folder, { recursive: true, force: true }); });

  function run(...argv: string[]): { status: number | null; stdout: string; stderr: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', PROGRAM, '--', ...argv], { encoding: 'utf8', timeout: 20_000, cwd: folder });
    return { status, stdout, stderr };
  }

  it('every command of the usage exists and explains itself', () => {
    // genhash has keepalived's usage.
    const heading = (name: string, meaning: string): string => (name === 'genhash' ? 'Usage: tskeepalived genhash' : meaning);
    for (const { name, meaning } of SUBCOMMANDS) expect(run(name, '--help')).to.satisfy((one: ReturnType<typeof run>) => one.status === 0 && (one.stdout + one.stderr).includes(heading(name, meaning)), name);
  });

  for (const [name, argv, status, said] of [
    ['a file that is not there', ['convert', '--to', 'yaml', 'b.conf'], 2, /cannot read the configuration file 'b\.conf': there is no such file/u],
    ['a form that there is not', ['convert', '--to', 'json', 'a.conf'], 1, /Allowed choices are yaml, conf/u],
    ['no form', ['convert', 'a.conf'], 1, /required option '--to <form>'/u],
    ['a place that cannot be written', ['convert', '--to', 'yaml', 'a.conf', '-o', 'no/where'], 2, /cannot write no\/where/u],
    ['fmt of YAML', ['fmt', 'a.yaml'], 2, /fmt is for conf files/u],
    ['fmt: write and check at once', ['fmt', '--write', '--check', 'a.conf'], 1, /cannot be used with/u],
    ['an unknown shell', ['completion', 'fish'], 1, /Allowed choices are bash/u],
    ['doctor for a file that is not there', ['doctor', '-f', 'b.conf'], 2, /b\.conf/u],
    ['toa for nobody', ['toa', 'install'], 1, /required option '--directors <addresses\.\.\.>'/u],
    ['toa for what is no address', ['toa', 'install', '--directors', '10.0.0.1,here'], 1, /'here' is no address and no network/u],
    ['toa for IPv6', ['toa', 'install', '--directors', '2001:db8::1'], 1, /IPv4 addresses alone/u],
    ['toa for everybody', ['toa', 'install', '--directors', '0.0.0.0/0'], 1, /would believe everybody/u],
    ['toa of another kind', ['toa', 'reinstall'], 1, /unknown command 'reinstall'/u],
    ['nothing like it to explain', ['explain', 'xyzzy'], 1, /neither a keyword nor a code/u],
  ] as const) {
    it(`${name}: said on stderr`, () => {
      const { status: code, stdout, stderr } = run(...argv);
      expect([code, stdout], stderr).to.deep.equal([status, '']);
      expect(stderr).to.match(said);
    });
  }

  it('fmt prints, checks, writes, and keeps the mode', () => {
    chmodSync(join(folder, 'a.conf'), 0o640);
    expect(run('fmt', 'a.conf').stdout).to.equal(NEAT);
    expect(run('fmt', '--check', 'a.conf')).to.deep.equal({ status: 1, stdout: 'a.conf\n', stderr: '' });
    expect(run('fmt', '--write', 'a.conf')).to.deep.equal({ status: 0, stdout: 'a.conf\n', stderr: '' });
    expect(readFileSync(join(folder, 'a.conf'), 'utf8')).to.equal(NEAT);
    expect(statSync(join(folder, 'a.conf')).mode & 0o777).to.equal(0o640);
    expect(run('fmt', '--check', 'a.conf')).to.deep.equal({ status: 0, stdout: '', stderr: '' });
  });

  it('convert: to YAML and back', () => {
    expect(run('convert', '--to', 'yaml', 'a.conf', '-o', 'a.yaml')).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    expect(readFileSync(join(folder, 'a.yaml'), 'utf8')).to.equal(YAML);
    expect(run('convert', '--to', 'conf', 'a.yaml')).to.deep.equal({ status: 0, stdout: NEAT, stderr: '' });
  });

  it('convert: what is left out is said', () => {
    writeFileSync(join(folder, 'b.conf'), `${FILE}nosuch 1\n`);
    const { status, stdout, stderr } = run('convert', '--to', 'yaml', 'b.conf');
    expect([status, stdout]).to.deep.equal([1, YAML]);
    expect(stderr).to.match(/Unknown keyword 'nosuch'[^]*left out: 1 statement that the configuration language does not have\n$/u);
  });

  it('check: text, JSON and GitHub, with exit codes', () => {
    writeFileSync(join(folder, 'b.conf'), FILE.replace('priority', 'priorty'));
    const text = run('check', '--elsewhere', 'b.conf');
    expect(text.status).to.equal(1);
    expect(text.stdout).to.match(/^b\.conf:4:3: warning: Unknown keyword 'priorty'[^]*did you mean 'priority'\?\nb\.conf: 1 warning\n$/u);
    const [found] = JSON.parse(run('check', '--elsewhere', '--format', 'json', 'b.conf').stdout) as Record<string, unknown>[];
    expect(found).to.deep.include({ code: 'unknown-keyword', severity: 'warning', file: 'b.conf', line: 4, column: 3, endColumn: 10 });
    expect(run('check', '--elsewhere', '--format', 'github', 'b.conf').stdout).to.equal("::warning file=b.conf,line=4,col=3,endColumn=10,title=unknown-keyword::Unknown keyword 'priorty' in vrrp_instance%0Adid you mean 'priority'?\n");
    writeFileSync(join(folder, 'c.conf'), FILE.replace('51', '300'));
    expect(run('check', '--elsewhere', 'c.conf').status).to.equal(2);
    expect(run('check', 'none.conf').status).to.equal(2);
    expect(run('check', '--elsewhere', 'a.conf')).to.deep.equal({ status: 0, stdout: 'a.conf: no faults found\n', stderr: '' });
  });

  it('check: two files are a pair', () => {
    writeFileSync(join(folder, 'b.conf'), FILE);
    const { status, stdout } = run('check', 'a.conf', 'b.conf');
    expect(status).to.equal(1);
    expect(stdout).to.match(/both have priority 150.* \[pair-same-priority\][^]*a\.conf, b\.conf: 1 warning\n$/u);
  });

  it('diff: nothing, something, and a new file with errors', () => {
    writeFileSync(join(folder, 'b.conf'), FILE.replace('150', '90'));
    writeFileSync(join(folder, 'c.conf'), FILE.replace('150', 'x'));
    expect(run('diff', 'a.conf', 'a.conf')).to.deep.equal({ status: 0, stdout: 'A reload would change nothing.\n', stderr: '' });
    expect(run('diff', 'a.conf', 'b.conf')).to.deep.include({ status: 1, stdout: 'instance VI_1 (VRID 51 on eth0, IPv4) goes on in its state, with changes:\n  priority 150 → 90: a router with more may take over\n' });
    expect(run('diff', 'a.conf', 'c.conf').status).to.equal(2);
  });

  it('--config-test reads YAML too, with the same exit codes', () => {
    writeFileSync(join(folder, 'a.yaml'), 'vrrp_script:\n  a:\n    intervall: 1\n');
    const { status, stderr } = run('-t', '-f', 'a.yaml');
    expect(status).to.equal(5);
    expect(stderr).to.match(/\(a\.yaml: Line 3\) Unknown keyword 'intervall'[^]*a\.yaml:3:5: warning: Unknown keyword 'intervall'/u);
  });

  it('what the tables print is well formed', () => {
    expect(JSON.parse(run('schema').stdout)).to.have.property('$defs');
    expect(JSON.parse(run('features', '--json').stdout)).to.be.an('array');
    expect(run('man').stdout).to.match(/^\.TH KEEPALIVED\.CONF 5/u);
    const { stdout } = run('completion', 'bash');
    if (inPath('bash')) {
      const asked = spawnSync('bash', ['-c', `${stdout}\nCOMP_WORDS=(tskeepalived explain advert_i); COMP_CWORD=2; _tskeepalived; echo "\${COMPREPLY[@]}"`], { encoding: 'utf8' });
      expect(asked.stdout).to.equal('advert_int\n');
    } else expect(stdout).to.include('complete -o filenames -F _tskeepalived tskeepalived');
  });
});
