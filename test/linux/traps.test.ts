import { expect } from 'chai';
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Address } from '../../lib/system/netlink-routes.ts';
import { requirePrograms, requireRoot, skip } from '../needs.ts';
import { ip, Namespaces, runIn } from './namespaces.ts';

/** One test for each trap of the native packages, and for what the way round it promises. */
describe('traps of raw sockets and netlink', function () {
  this.timeout(30_000);
  let spaces: Namespaces;

  before(function () {
    requireRoot(this);
    requirePrograms(this, 'ip', 'setpriv', 'unshare');
  });
  beforeEach(() => {
    spaces = new Namespaces('trap');
  });
  afterEach(() => {
    spaces?.remove();
  });

  async function walkInto<T>(trap: string): Promise<T> {
    const { said, status, signal, stderr } = await runIn<T>(spaces.a, 'traps.child.js', [trap]);
    expect({ status, signal }, stderr).to.deep.equal({ status: 0, signal: null });
    if (said === null) throw new Error(`${trap} said nothing: ${stderr}`);
    return said;
  }

  it('no descriptor of a socket reaches a script', async () => {
    const { result, seen, leaked } = await walkInto<{ result: unknown; seen: string[]; leaked: string[] }>('descriptors');
    expect(result).to.deep.equal({ type: 'exited', status: 0 });
    // Standard output was redirected into the report by the script itself.
    expect(seen.filter((target) => target !== '/dev/null')).to.have.lengthOf(1);
    expect(seen).to.have.lengthOf(3);
    expect(leaked.filter((target) => target.startsWith('socket:'))).to.have.lengthOf(1);
  });

  it('a socket whose interface is deleted fails, and does not open again without it', async () => {
    const { failures, reopened } = await walkInto<{ failures: string[]; reopened: string }>('deleted-interface');
    expect(failures).to.have.members(['receive on inet VRRP socket on va: ENODEV', 'receive on inet6 VRRP socket on va: ENODEV']);
    expect(reopened).to.equal('ENODEV');
  });

  it('a socket whose link is down refuses to send, works again when it is up, and not once it is closed', async () => {
    const { before, during, after, closed } = await walkInto<Record<string, string[]>>('down');
    expect(before).to.deep.equal(['no error', 'no error']);
    expect(during).to.not.include('no error');
    expect(after).to.deep.equal(['no error', 'no error']);
    expect(closed).to.deep.equal(['EBADF', 'EBADF']);
  });

  it('an overrun of the netlink monitor is told, does not end the process, and a dump has everything', async () => {
    const { lost, heard, addresses } = await walkInto<{ lost: number; heard: number; addresses: number }>('overrun');
    expect(lost).to.equal(1);
    expect(heard).to.be.lessThan(5_000);
    expect(addresses).to.equal(5_000 + 2);
  });

  it('gratuitous ARP goes out without promiscuous mode, every frame of a burst, and to a missing interface fails', async () => {
    const heard = (): number => (JSON.parse(ip('-n', spaces.b, '-s', '-j', 'link', 'show', 'dev', 'vb')) as [{ stats64: { rx: { packets: number } } }])[0].stats64.rx.packets;
    const quiet = heard();
    const { before, during, after, missing, long, closed } = await walkInto<Record<string, string>>('promiscuous');
    expect(during).to.equal(before);
    expect(after).to.equal(before);
    expect(Number(before) & 0x100, 'IFF_PROMISC').to.equal(0);
    expect({ missing, long, closed }).to.deep.equal({ missing: 'ENXIO', long: 'EMSGSIZE', closed: 'EBADF' });
    expect(heard() - quiet).to.be.at.least(500);
  });

  for (const [family, expected] of [
    ['4', { from: '10.0.0.2', to: '224.0.0.18', ttl: 254, header: 20 }],
    ['6', { from: 'fe80::ff:fe00:b', to: 'ff02::12', ttl: 254, header: null }],
  ] as const) {
    it(`IPv${family}: source, destination and hop limit arrive with each datagram`, async () => {
      const sender = spawn('ip', ['netns', 'exec', spaces.b, process.execPath, fileURLToPath(new URL('traps.child.js', import.meta.url)), `send${family}`], { stdio: 'ignore' });
      try {
        expect(await walkInto(`receive${family}`)).to.deep.equal({ ...expected, payload: [0x21, 1, 100, 0, 0, 1, 0, 0] });
      } finally {
        sender.kill('SIGKILL');
      }
    });
  }

  it('a datagram is on the wire when send returns', async () => {
    const [v4 = 0, v6 = 0] = await walkInto<number[]>('send-now');
    expect(v4).to.be.at.least(10);
    expect(v6).to.be.at.least(10);
  });

  it('works with the privileges of a user namespace, as in a rootless container', function () {
    const path = fileURLToPath(new URL('traps.child.js', import.meta.url));
    if (spawnSync('unshare', ['-Urn', 'true']).status !== 0) skip(this, 'needs user namespaces');
    const { status, stdout, stderr } = spawnSync('unshare', ['-Urn', process.execPath, path, 'unprivileged'], { encoding: 'utf8' });
    expect(status, stderr).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.equal(['lo']);
  });

  it('without privileges it says what was refused, and ends', () => {
    const path = fileURLToPath(new URL('traps.child.js', import.meta.url));
    const { status, signal, stderr } = spawnSync('setpriv', ['--reuid', '65534', '--clear-groups', process.execPath, path, 'unprivileged'], { encoding: 'utf8', timeout: 10_000 });
    expect({ status, signal }).to.deep.equal({ status: 1, signal: null });
    expect(stderr).to.contain('SystemError: open packet socket: EPERM');
  });

  it('a bug in a callback is an uncaught exception, and the next event is called for all the same', async () => {
    const { watch, netlink, datagram } = await walkInto<Record<string, number>>('bugs');
    expect({ netlink, datagram }).to.deep.equal({ netlink: 2, datagram: 2 });
    expect(watch).to.be.at.least(2);
  });

  it('a flood of datagrams leaves room for timers', async () => {
    const { atTimer, received } = await walkInto<{ atTimer: number; received: number }>('storm');
    expect(received).to.equal(500);
    expect(atTimer).to.be.within(0, 200);
  });

  it('a promise settled by a datagram does not wait for another event', async () => {
    const { heard, within } = await walkInto<{ heard: boolean; within: number }>('settle');
    expect(heard).to.equal(true);
    expect(within, 'continuation before the one other event').to.be.within(0, 500);
  });

  it('a batch is in the kernel when apply returns, and each failure is told apart', async () => {
    const said = await walkInto<{ shown: boolean; results: unknown[]; ours: Address[]; removed: unknown[]; left: number; sent: Address[] }>('batch');
    expect(said.shown).to.equal(true);
    expect(said.results.map((error) => (error as { code: string } | null)?.code ?? null)).to.deep.equal([null, 'EEXIST', 'ENODEV', null, null, 'EADDRNOTAVAIL']);
    // The kernel adds IFA_F_PERMANENT, and the label of the interface where none was given.
    const [good4, good6, peer] = said.sent;
    expect(said.ours).to.have.deep.members([
      { ...good4, flags: 0x80 },
      { ...peer, flags: 0x80, label: 'va' },
      { ...good6, flags: 0x80 | 0x20 | 2 },
    ]);
    expect(said.removed).to.deep.equal([null, null, null]);
    expect(said.left).to.equal(0);
  });

  it('a lost answer is an error at once, and the next request is answered', async () => {
    const said = await walkInto('lost-answer');
    expect(said).to.deep.equal({ failure: 'ENOBUFS', next: ['EOPNOTSUPP'], links: 2, closed: 'EBADF' });
  });

  it('two thousand addresses in one call: all added, and then all refused', async () => {
    expect(await walkInto('many')).to.deep.equal({ added: 2_000, again: 2_000, dumped: 2_002 });
  });

  it('a dump has the links and the addresses that ip(8) set', async () => {
    ip('-n', spaces.a, 'link', 'add', 'mv', 'link', 'va', 'type', 'macvlan', 'mode', 'private');
    const { links, addresses, only6 } = await walkInto<{ links: Record<string, unknown>[]; addresses: Address[]; only6: Address[] }>('dump');
    const va = links.find(({ name }) => name === 'va');
    expect(va).to.deep.include({ mac: [2, 0, 0, 0, 0, 10], mtu: 1500, up: true, running: true, loopback: false, kind: 'veth', multicast: true, noArp: false });
    expect(links.find(({ name }) => name === 'lo')).to.deep.include({ loopback: true, kind: '', parentIndex: null });
    expect(links.find(({ name }) => name === 'mv')).to.deep.include({ up: false, running: false, kind: 'macvlan', parentIndex: va?.['index'] });
    expect(addresses.map(({ prefix }) => prefix.address)).to.include.members(['10.0.0.1', 'fe80::ff:fe00:a', '127.0.0.1', '::1']);
    expect(only6.map(({ prefix }) => prefix.address)).to.have.members(['fe80::ff:fe00:a', '::1']);
  });

  describe('are still there (where one is not, the way round it can go)', () => {
    it('raw-socket hands its descriptor to scripts', async () => {
      expect(await walkInto('witness-descriptors')).to.equal(1);
    });

    it('netlink ends the process at an overrun', async () => {
      const { said, signal, stderr } = await runIn(spaces.a, 'traps.child.js', ['witness-overrun']);
      expect({ said, signal }, stderr).to.deep.equal({ said: null, signal: 'SIGABRT' });
    });
  });
});
