import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { requirePrograms, requireRoot, skip } from '../needs.ts';
import { ip, Namespaces, until } from './namespaces.ts';

describe('scan', function () {
  this.timeout(30_000);
  let spaces: Namespaces;
  let started: ChildProcess[];

  before(function () {
    requireRoot(this);
    requirePrograms(this, 'ip');
    if (!hasCap()) skip(this, 'needs the optional package cap');
  });
  beforeEach(() => {
    spaces = new Namespaces('scan');
    started = [];
  });
  afterEach(() => {
    for (const child of started ?? []) child.kill('SIGKILL');
    spaces?.remove();
  });

  function start(namespace: string, program: string, ...words: string[]): { child: ChildProcess; out: () => string; err: () => string; done: () => boolean } {
    const path = fileURLToPath(new URL(program, import.meta.url));
    const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, path, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    started.push(child);
    let out = '';
    let err = '';
    let closed = false;
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.once('close', () => (closed = true));
    return { child, out: () => out, err: () => err, done: () => closed };
  }

  /** IFF_PROMISC, as ip(8) counts the users of promiscuous mode. */
  function promiscuity(): number {
    const [link] = JSON.parse(ip('-n', spaces.a, '-d', '-j', 'link', 'show', 'dev', 'va')) as { promiscuity: number }[];
    return link?.promiscuity ?? -1;
  }

  it('an interface that does not exist is said to be missing', async () => {
    const { err, done, child } = start(spaces.a, 'scan.child.js', 'eth99', 'text', '1');
    await until('its end', done);
    expect(err()).to.equal('tskeepalived scan: there is no interface \'eth99\'\n');
    expect(child.exitCode).to.equal(1);
  });

  it('shows as many advertisements as asked for, and leaves promiscuous mode', async () => {
    const { out, err, done, child } = start(spaces.a, 'scan.child.js', 'va', 'json', '3');
    await until('the capture', () => err().includes('listening on va'), 10_000);
    expect(promiscuity()).to.equal(1);
    start(spaces.b, 'traps.child.js', 'send4');
    await until('its end', done, 10_000);
    const lines = out().trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).to.have.lengthOf(3);
    expect(lines[0]).to.deep.include({ from: '10.0.0.2', to: '224.0.0.18', ttl: 254 });
    expect(child.exitCode).to.equal(0);
    await until('the end of promiscuous mode', () => promiscuity() === 0);
  });

  it('says so when the link goes down, which ends the capturing process', async () => {
    const { err, done, child } = start(spaces.a, 'scan.child.js', 'va', 'text');
    await until('the capture', () => err().includes('listening on va'), 10_000);
    ip('-n', spaces.a, 'link', 'delete', 'va');
    await until('its end', done, 10_000);
    expect(err()).to.contain('capturing ended because va went down or was deleted');
    expect(child.exitCode).to.equal(1);
  });
});

function hasCap(): boolean {
  try {
    return existsSync(createRequire(import.meta.url).resolve('cap'));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return false;
    throw cause;
  }
}
