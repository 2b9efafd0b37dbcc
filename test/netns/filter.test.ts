import { expect } from 'chai';
import { requirePrograms } from '../needs.ts';
import type { Daemon } from './daemon.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import type { LabNode } from './node.ts';
import { sleep, until, wallClock } from './wait.ts';

const GLOBALS = (lines = ''): string => (lines === '' ? '' : `global_defs {\n  ${lines}\n}\n`);
const instance = (name: string, vrid: number, lines: string, addresses: string, excluded = ''): string => `vrrp_instance ${name} {
  interface eth0
  virtual_router_id ${vrid}
  version 3
  ${lines}
  virtual_ipaddress {
    ${addresses}
  }
  ${excluded === '' ? '' : `virtual_ipaddress_excluded {\n    ${excluded}\n  }`}
}
`;

/** Configurations of which both make the same tables, each in a namespace of its own. */
const CASES = {
  accept: instance('A', 1, 'priority 100', '192.0.2.100'),
  ip4: instance('A', 1, 'priority 100\n  no_accept', '192.0.2.100\n    192.0.2.101/24', '192.0.2.102\n    192.0.2.103 dev lo'),
  ip6: instance('A', 1, 'priority 100\n  no_accept', '2001:db8::100/64'),
  ip6local: instance('A', 1, 'priority 100\n  no_accept', 'fe80::100\n    2001:db8::100/64'),
  byname: instance('A', 1, 'priority 100\n  no_accept\n  dont_track_primary', 'fe80::100\n    2001:db8::100'),
  byindex: GLOBALS('nftables_ifindex') + instance('A', 1, 'priority 100\n  no_accept\n  dont_track_primary', 'fe80::100\n    2001:db8::100'),
  settings: GLOBALS('nftables mine\n  nftables_priority 12\n  nftables_counters') + instance('A', 1, 'priority 100\n  no_accept', '192.0.2.100', '2001:db8::100\n    fe80::100'),
  owner: instance('A', 1, 'priority 255\n  no_accept', '192.0.2.100') + instance('B', 2, 'priority 90\n  no_accept', '192.0.2.101'),
  strict: instance('A', 1, 'priority 100\n  strict_mode true', '192.0.2.100') + instance('B', 2, 'priority 90\n  strict_mode true\n  accept', '192.0.2.101'),
  vmac: instance('A', 1, 'priority 100\n  use_vmac', '192.0.2.100'),
  vmacother: instance('A', 1, 'priority 100\n  use_vmac\n  no_accept', '192.0.2.100', '2001:db8::100'),
  vmac6: instance('A', 1, 'priority 100\n  use_vmac', 'fe80::100\n    2001:db8::100'),
  vmacaddr: instance('A', 1, 'priority 100\n  use_vmac_addr', '192.0.2.100 dev far'),
  vmacboth: instance('A', 1, 'priority 100\n  use_vmac\n  use_vmac_addr', '192.0.2.100\n    192.0.2.101 dev far', '2001:db8::100 dev far'),
  vmactold: GLOBALS('nftables') + instance('A', 1, 'priority 100', '192.0.2.100 use_vmac', '2001:db8::100 use_vmac'),
} as const;
type Case = keyof typeof CASES;
/** Those that drop nothing. */
const OPEN: readonly string[] = ['accept', 'vmacaddr'] satisfies readonly Case[];

describe('netns: packet filter of a router that does not accept', function () {
  this.timeout(120_000);

  describe('nft list ruleset, beside keepalived\'s', () => {
    let lab: Lab;
    const seen = new Map<string, Record<string, Rulesets>>();
    before(async function () {
      requireLab(this);
      requirePrograms(this, 'nft', 'keepalived');
      const cases = Object.keys(CASES) as Case[];
      lab = await Lab.open({ witness: null, nodes: Object.fromEntries(cases.flatMap((name) => [[`o${name}`, '192.0.2.1/24'], [`k${name}`, '192.0.2.2/24']])) });
      await Promise.all(cases.flatMap((name) => [isolate(nodeOf(lab, `o${name}`)), isolate(nodeOf(lab, `k${name}`))]));
      await Promise.all(cases.map(async (name) => {
        seen.set(name, await timeline({ ours: nodeOf(lab, `o${name}`), keepalived: nodeOf(lab, `k${name}`) }, CASES[name]));
      }));
    });
    after(() => lab?.close());

    for (const name of Object.keys(CASES)) {
      for (const moment of ['backup', 'master', 'fault', 'stopped']) {
        it(`${name}: ${moment}`, () => {
          const { ours, keepalived: theirs } = seen.get(name)?.[moment] ?? {};
          expect(ours).to.equal(theirs).and.not.to.equal(undefined);
          if (moment === 'master') expect(theirs?.includes('drop'), 'something is dropped').to.equal(!OPEN.includes(name));
          if (moment === 'stopped') expect(theirs).to.equal('');
        });
      }
    }
  });

  describe('packets', () => {
    let lab: Lab<'router' | 'client'>;
    let router: LabNode;
    let client: LabNode;
    beforeEach(async function () {
      requireLab(this);
      requirePrograms(this, 'nft', 'ping', 'python3');
      lab = await Lab.open({ witness: null, nodes: { router: '192.0.2.1/24', client: '192.0.2.9/24' } });
      ({ router, client } = lab.nodes);
      for (const [node, host] of [[router, '1'], [client, '9']] as const) await node.sh(`sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0; ip address add 2001:db8::${host}/64 dev eth0 nodad`);
      router.spawn(['python3', '-c', SERVER]);
      await until('the server listens', 5000, async () => (await client.run(tcp('192.0.2.1'))).status === 0);
    });
    afterEach(() => lab?.close());

    it('to the addresses are lost, to others not; neighbours are found; stopped, nothing is left', async () => {
      const daemon = await master(BOTH);
      await reaches({ '192.0.2.1': true, '2001:db8::1': true, '192.0.2.100': false, '2001:db8::100': false });
      expect(await client.sh('ip -6 neigh show 2001:db8::100'), 'neighbour discovery').to.match(/lladdr/);
      daemon.terminate();
      await daemon.ended(10_000);
      expect(await ruleset(router)).to.equal('');
    });

    it('a reload that accepts lets them pass, and back; the table\'s name stays', async () => {
      const daemon = await master(BOTH);
      const reload = async (text: string, line: RegExp): Promise<void> => {
        router.write('keepalived.conf', text);
        await daemon.says(line, 10_000, daemon.signal('SIGHUP'));
      };
      await reload(BOTH.replaceAll('no_accept', 'accept'), /Reload complete/);
      await reaches({ '192.0.2.100': true, '2001:db8::100': true });
      await reload(BOTH, /Reload complete/);
      await reaches({ '192.0.2.100': false, '2001:db8::100': false });
      await reload(`${GLOBALS('nftables other')}${BOTH}`, /Cannot change nftables table name at a reload - please restart keepalived/);
      expect(await ruleset(router)).to.include('table ip keepalived').and.not.to.include('other');
      await reaches({ '192.0.2.100': false });
    });

    it('killed, its table goes at the next start, also of a configuration that needs none', async () => {
      const daemon = await master(BOTH);
      daemon.kill();
      expect(await ruleset(router)).to.include('table ip keepalived');
      const next = router.start('ours', instance('A', 1, 'priority 100', '192.0.2.200'));
      await next.says(/removing nftables tables that an earlier run left behind: ip keepalived, ip6 keepalived/, 10_000);
      await until('the tables are gone', 5000, async () => (await ruleset(router)) === '', () => next.tail());
    });

    it('others\' tables stay as they are; ours is made anew when somebody flushes the ruleset', async () => {
      await router.sh('nft "add table inet other; add chain inet other c; add rule inet other c counter"; nft add table ip keepalived; nft add chain ip keepalived leftover');
      const other = (await ruleset(router)).slice(0);
      expect(other).to.include('leftover');
      const daemon = await master(BOTH);
      expect(daemon.said(/Deleting old ip keepalived table/)).to.equal(true);
      expect(await ruleset(router)).to.include('table inet other').and.not.to.include('leftover');
      const before = await router.sh('nft list table ip keepalived; nft list table ip6 keepalived');
      await router.sh('nft flush ruleset');
      await until('the table is back', 10_000, async () => (await router.run(['nft', 'list', 'table', 'ip', 'keepalived'])).status === 0, () => daemon.tail());
      expect(await router.sh('nft list table ip keepalived; nft list table ip6 keepalived')).to.equal(before);
      await reaches({ '192.0.2.100': false, '2001:db8::100': false, '192.0.2.1': true });
      const since = wallClock();
      await router.sh('nft delete element ip keepalived vips "{ 192.0.2.100 }"');
      await daemon.says(/was changed by somebody else/, 5000, since);
      await until('the element is back', 10_000, async () => (await ruleset(router)).includes('192.0.2.100'), () => daemon.tail());
      daemon.terminate();
      await daemon.ended(10_000);
      expect(await ruleset(router)).to.equal('');
    });

    async function master(text: string): Promise<Daemon> {
      const daemon = router.start('ours', text);
      await daemon.says(/\(A\) Entering MASTER STATE/, 15_000);
      await daemon.says(/\(B\) Entering MASTER STATE/, 15_000);
      await router.holds('192.0.2.100/32', 5000, true, () => daemon.tail());
      return daemon;
    }

    async function reaches(expected: Readonly<Record<string, boolean>>): Promise<void> {
      const found = await Promise.all(Object.keys(expected).map(async (address) => {
        const [ping, connection] = await Promise.all([client.run(['ping', '-c', '2', '-i', '0.2', '-W', '1', address]), client.run(tcp(address))]);
        expect(ping.status === 0, `${address}: ping and TCP agree`).to.equal(connection.status === 0);
        return [address, ping.status === 0] as const;
      }));
      expect(Object.fromEntries(found)).to.deep.equal(expected);
    }
  });
});

const BOTH = instance('A', 1, 'priority 100\n  no_accept', '192.0.2.100') + instance('B', 2, 'priority 100\n  no_accept', 'fe80::100\n    2001:db8::100');

const SERVER = `
import socket, threading
def serve(family):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind(('', 8080)); s.listen(16)
    while True: s.accept()[0].close()
threading.Thread(target=serve, args=(socket.AF_INET6,)).start()
serve(socket.AF_INET)
`;

function tcp(address: string): string[] {
  return ['python3', '-c', `import socket; socket.create_connection(('${address}', 8080), 1).close()`];
}

function nodeOf(lab: Lab, name: string): LabNode {
  const node = lab.nodes[name];
  if (node === undefined) throw new Error(`no node ${name}`);
  return node;
}

/** A link of its own, so that the many routers do not hear each other. */
async function isolate(node: LabNode): Promise<void> {
  await node.sh(`ip link del eth0; sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
    ip link add eth0 index 20 type veth peer name far index 21; ip link set far up; ip link set eth0 up
    ip address add ${node.address} dev eth0; ip address add 2001:db8::1/64 dev eth0 nodad`);
  await until(`${node.name} has a link-local address`, 10_000, async () => (await node.sh('ip -6 address show dev eth0 scope link -tentative')).includes('fe80'));
}

type Kind = 'ours' | 'keepalived';
const KINDS: readonly Kind[] = ['ours', 'keepalived'];
type Rulesets = Readonly<Record<Kind, string>>;

/** Both, moment by moment. */
async function timeline(nodes: Readonly<Record<Kind, LabNode>>, text: string): Promise<Record<string, Rulesets>> {
  const names = [...text.matchAll(/vrrp_instance (\w)/g)].map(([, name]) => name ?? '');
  // Long enough a backup to be looked at, also when two dozen start at once.
  const daemons = KINDS.map((kind) => nodes[kind].start(kind, text.replaceAll('  version 3\n', '  version 3\n  advert_int 4\n')));
  const say = async (pattern: (name: string) => RegExp, bound: number): Promise<void> => { await Promise.all(daemons.flatMap((daemon) => names.map((name) => daemon.says(pattern(name), bound)))); };
  const seen: Record<string, Rulesets> = { backup: { ours: 'an owner is never a backup', keepalived: 'an owner is never a backup' } };
  if (!text.includes('priority 255')) {
    await say((name) => new RegExp(`\\(${name}\\) Entering BACKUP STATE`), 20_000);
    // While the state lasts.
    seen['backup'] = await alike(nodes, 6000);
  }
  await say((name) => new RegExp(`\\(${name}\\) Entering MASTER STATE`), 40_000);
  // A master's addresses come after the rules.
  for (const [i, kind] of KINDS.entries()) await until(`${nodes[kind].name} holds its addresses`, 20_000, async () => /192\.0\.2\.10|2001:db8::100/.test(await nodes[kind].sh('ip address show')), () => daemons[i]?.tail() ?? '');
  seen['master'] = await alike(nodes);
  for (const kind of KINDS) await nodes[kind].sh('ip link set far down');
  if (!text.includes('dont_track_primary')) await say((name) => new RegExp(`\\(${name}\\) Entering FAULT STATE`), 20_000);
  seen['fault'] = await alike(nodes);
  for (const daemon of daemons) daemon.terminate();
  for (const daemon of daemons) await daemon.ended(20_000);
  seen['stopped'] = await alike(nodes);
  return seen;
}

/** Their rulesets when they are the same at two looks, half a second apart; after `bound` ms whatever they are. */
async function alike(nodes: Readonly<Record<Kind, LabNode>>, bound = 20_000): Promise<Rulesets> {
  const end = performance.now() + bound;
  const look = async (): Promise<Rulesets> => {
    const [ours, keepalived] = await Promise.all([ruleset(nodes.ours), ruleset(nodes.keepalived)]);
    return { ours, keepalived };
  };
  for (let before = await look(); ;) {
    await sleep(500);
    const now = await look();
    if (performance.now() > end || (now.ours === now.keepalived && now.ours === before.ours && now.keepalived === before.keepalived)) return now;
    before = now;
  }
}

/** Without what counters have counted. */
async function ruleset(node: LabNode): Promise<string> {
  return (await node.sh('nft list ruleset')).replace(/packets \d+ bytes \d+/g, 'packets N bytes N').trim();
}
