import { expect } from 'chai';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { requirePrograms, requireRoot } from '../needs.ts';
import { ip, Namespaces, until } from './namespaces.ts';

const PROJECT = dirname(createRequire(import.meta.url).resolve('../../../package.json'));
const PROGRAM = join(PROJECT, 'bin/tskeepalived.js');
const WRITER = `
const { linuxPacketFilter } = await import(process.argv[1] + '/dist/lib/linux/packet-filter.js');
const { toaRules } = await import(process.argv[1] + '/dist/lib/ipvs/fullnat/toa.js');
const table = { family: 'inet', table: 'tsk_test' };
const filter = linuxPacketFilter();
await filter.apply([
  { ...table, op: 'add-table' },
  { ...table, op: 'add-set', set: 'toa', key: 'ipv4_addr . inet_service', map: false, constant: false, id: 1 },
  { ...table, op: 'add-elements', set: 'toa', elements: [{ key: Uint8Array.of(10, 0, 0, 2, 0, 80, 0, 0) }] },
  { ...table, op: 'add-chain', chain: 'out', hook: { at: 'output', priority: -300 } },
  ...toaRules('toa').map((expressions) => ({ ...table, op: 'add-rule', chain: 'out', expressions })),
  { ...table, op: 'add-chain', chain: 'local', hook: { type: 'nat', at: 'postrouting', priority: 100 } },
  { ...table, op: 'add-rule', chain: 'local', expressions: [{ type: 'constant', register: 8, value: Uint8Array.of(10, 0, 0, 1) }, { type: 'snat', family: 'inet', address: 8, port: null }] },
]);
filter.close();`;
const SERVER = `require('node:http').createServer((request, response) => response.end(request.socket.remoteAddress + ' ' + request.socket.remotePort)).listen(80, '10.0.0.2')`;
const ASK = `require('node:http').get({ host: '10.0.0.2', localAddress: process.argv[1], localPort: 40404, agent: false }, (response) => response.pipe(process.stdout)).on('error', (cause) => { console.error(cause.message); process.exitCode = 1 })`;

/** `va`'s side is client and director at once: it comes from 198.51.100.10, says so in the option, and is seen as 10.0.0.1. */
describe("the client's address at a real server, by nf_tables", function () {
  this.timeout(60_000);
  let lab: Namespaces | null = null;
  let server: ChildProcess | null = null;

  before(async function () {
    requireRoot(this);
    requirePrograms(this, 'ip', 'sysctl', 'nft');
    lab = new Namespaces('toa');
    ip('-n', lab.a, 'address', 'add', '198.51.100.10/32', 'dev', 'va');
    ip('-n', lab.b, 'route', 'add', 'default', 'via', '10.0.0.1');
    inside(lab.a, process.execPath, '--input-type=module', '-e', WRITER, PROJECT);
    server = spawn('ip', ['netns', 'exec', lab.b, process.execPath, '-e', SERVER], { stdio: 'ignore' });
    await until('the server', () => ask('10.0.0.1').startsWith('10.0.0.1 '), 20_000);
  });

  after(async () => {
    if (server?.exitCode === null) {
      const ended = new Promise((resolve) => server?.once('close', resolve));
      server.kill('SIGKILL');
      await ended;
    }
    lab?.remove();
  });

  it('not installed: the local address is seen', () => {
    expect(toa('status')).to.deep.include({ status: 1, stderr: '' });
    expect(ask('198.51.100.10')).to.match(/^10\.0\.0\.1 /u);
  });

  it("installed, twice: the client's address and port", () => {
    for (let i = 0; i < 2; i++) expect(toa('install', '--directors', '10.0.0.0/30')).to.deep.include({ status: 0, stderr: '' });
    expect(ask('198.51.100.10')).to.equal('198.51.100.10 40404');
  });

  it('a first packet without timestamps cannot carry it: it passes, as the local address', () => {
    inside(lab?.a ?? '', 'sysctl', '-qw', 'net.ipv4.tcp_timestamps=0');
    try {
      expect(ask('198.51.100.10')).to.match(/^10\.0\.0\.1 /u);
    } finally {
      inside(lab?.a ?? '', 'sysctl', '-qw', 'net.ipv4.tcp_timestamps=1');
    }
  });

  it('status: both were counted', () => {
    const { status, stdout } = toa('status', '--json');
    expect([status, JSON.parse(stdout)]).to.deep.equal([0, { installed: true, directors: [{ director: '10.0.0.0/30', connections: 2, withAddress: 1 }] }]);
    expect(inside(lab?.b ?? '', 'nft', 'list', 'table', 'ip', 'tsk_toa')).to.include('comment "10.0.0.0/30"');
  });

  it('who is not named is not believed', () => {
    toa('install', '--directors', '10.0.0.99');
    expect(ask('198.51.100.10')).to.match(/^10\.0\.0\.1 /u);
  });

  it('removed, twice: nothing is left', () => {
    expect([toa('remove'), toa('remove')].map(({ status, stdout }) => [status, stdout])).to.deep.equal([[0, 'removed\n'], [0, 'nothing was installed\n']]);
    expect(inside(lab?.b ?? '', 'nft', 'list', 'ruleset')).to.equal('');
    expect(ask('198.51.100.10')).to.match(/^10\.0\.0\.1 /u);
  });

  it('without the right to: said, with the remedy', () => {
    const { status, stderr } = spawnSync('setpriv', ['--bounding-set=-net_admin', '--inh-caps=-net_admin', process.execPath, PROGRAM, 'toa', 'remove'], { encoding: 'utf8' });
    expect([status, stderr.trim().split('\n').at(-1)]).to.deep.equal([2, 'tskeepalived: list nf_tables tables: EPERM (root or CAP_NET_ADMIN is needed)']);
  });

  function ask(from: string): string {
    const { stdout } = spawnSync('ip', ['netns', 'exec', lab?.a ?? '', process.execPath, '-e', ASK, from], { encoding: 'utf8', timeout: 10_000 });
    return stdout;
  }

  function toa(...words: string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync('ip', ['netns', 'exec', lab?.b ?? '', process.execPath, PROGRAM, 'toa', ...words], { encoding: 'utf8', timeout: 20_000 });
  }
});

function inside(namespace: string, ...words: string[]): string {
  return execFileSync('ip', ['netns', 'exec', namespace, ...words], { encoding: 'utf8', timeout: 20_000 });
}
