import { expect } from 'chai';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from '../netns/daemon.ts';
import { Namespaces } from '../linux/namespaces.ts';
import { until } from '../linux/namespaces.ts';
import { requireUml } from './needs.ts';

const configuration = (source: string, peer: string, link: string, priority: number): string => `vrrp_instance V {
  vrf red
  virtual_router_id 9
  priority ${priority}
  advert_int 1
  unicast_src_ip ${source}
  track_src_ip
  unicast_peer {
    ${peer}
  }
  virtual_ipaddress {
    10.0.0.100/24 dev ${link}
  }
}
`;

/** An instance without an interface, in a VRF: this machine's kernel may have none, the user-mode one does. */
describe('vrf of an instance', function () {
  this.timeout(120_000);
  let net: Namespaces | null = null;
  let directory = '';
  const running: ChildProcess[] = [];

  before(function () {
    requireUml(this);
    directory = mkdtempSync(join(tmpdir(), 'tska-vrf-'));
    net = new Namespaces('vrf');
    for (const [name, link, address] of [[net.a, 'va', '10.0.0.1/24'], [net.b, 'vb', '10.0.0.2/24']] as const) {
      const ip = (...words: string[]): string => execFileSync('ip', ['-n', name, ...words], { encoding: 'utf8' });
      ip('link', 'add', 'red', 'type', 'vrf', 'table', '10');
      ip('link', 'set', 'red', 'up');
      ip('link', 'set', link, 'master', 'red');
      if (!ip('address', 'show', 'dev', link).includes(address)) ip('address', 'add', address, 'dev', link);
    }
  });
  after(() => {
    for (const child of running) child.kill('SIGKILL');
    net?.remove();
    if (directory !== '') rmSync(directory, { recursive: true });
  });

  const start = (name: string, which: string, text: string): { readonly child: ChildProcess; log(): string } => {
    const file = join(directory, `${which}.conf`);
    writeFileSync(file, text);
    const child = spawn('ip', ['netns', 'exec', name, process.execPath, join(PROJECT, 'bin', 'tskeepalived.js'), '-n', '-l', '-D', '-G', '-f', file, '-p', join(directory, `${which}.pid`), '-r', join(directory, `${which}-vrrp.pid`)],
      { env: { ...process.env, STATE_DIRECTORY: directory }, stdio: ['ignore', 'ignore', 'pipe'] });
    running.push(child);
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => { log += text; });
    return { child, log: () => log };
  };

  it('routers that speak in it elect one, and the other takes over', async () => {
    if (net === null) throw new Error('no namespaces');
    const one = start(net.a, 'a', configuration('10.0.0.1', '10.0.0.2', 'va', 150));
    await until('the first is master', () => one.log().includes('Entering MASTER STATE'), 30_000).catch(() => { throw new Error(one.log()); });
    const two = start(net.b, 'b', configuration('10.0.0.2', '10.0.0.1', 'vb', 100));
    await until('the second has started', () => two.log().includes('Entering BACKUP STATE'), 30_000);
    // It hears the first: without that it would be master by now.
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    expect(two.log()).to.not.contain('Entering MASTER STATE');
    expect(execFileSync('ip', ['-n', net.a, 'address', 'show', 'dev', 'va'], { encoding: 'utf8' })).to.contain('10.0.0.100');
    one.child.kill('SIGTERM');
    await until('the second takes over', () => two.log().includes('Entering MASTER STATE'), 15_000);
    expect(two.log()).to.contain('Backup received priority 0 advertisement');
    two.child.kill('SIGTERM');
    await until('it ends', () => two.child.exitCode !== null, 15_000);
  });
});
