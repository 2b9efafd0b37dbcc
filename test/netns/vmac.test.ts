import { expect } from 'chai';
import { requirePrograms } from '../needs.ts';
import type { Daemon, DaemonKind } from './daemon.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import type { LabNode } from './node.ts';
import { pool, until, wallClock } from './wait.ts';

interface Mode {
  readonly vip: string;
  readonly version: 2 | 3;
  readonly mac: string;
  readonly body: string;
}

const MODES: Readonly<Record<string, Mode>> = {
  'v2 IPv4': { vip: '192.0.2.100/24', version: 2, mac: '00:00:5e:00:01:33', body: '' },
  'v3 IPv4': { vip: '192.0.2.100/24', version: 3, mac: '00:00:5e:00:01:33', body: '' },
  'v3 IPv6': { vip: 'fe80::100/64', version: 3, mac: '00:00:5e:00:02:33', body: '' },
};
const PAIRS: readonly (readonly [DaemonKind, DaemonKind])[] = [['ours', 'ours'], ['ours', 'keepalived'], ['keepalived', 'ours']];

describe('netns: virtual MACs', function () {
  this.timeout(180_000);
  const results = new Map<string, Promise<void>>();

  before(function () {
    requireLab(this);
    requirePrograms(this, 'keepalived');
    const wanted = Object.keys(MODES).flatMap((mode) => PAIRS.map(([first, second]) => ({ key: `${mode} ${first} ${second}`, mode, first, second })));
    const running = pool(5, wanted.map(({ mode, first, second }) => () => play(MODES[mode] as Mode, first, second)));
    wanted.forEach(({ key }, i) => results.set(key, running[i] as Promise<void>));
  });

  for (const mode of Object.keys(MODES)) {
    for (const [first, second] of PAIRS) {
      it(`${mode}: ${first} with ${second}: election, stop, SIGKILL and restart, link loss and return; nothing left`, () => results.get(`${mode} ${first} ${second}`));
    }
  }
});

async function play(mode: Mode, first: DaemonKind, second: DaemonKind): Promise<void> {
  const lab = await Lab.open({ nodes: { a: '192.0.2.1/24', b: '192.0.2.2/24' } });
  try {
    const { a, b } = lab.nodes;
    for (const node of [a, b]) await prepare(node);
    const before = await state(a);
    const one = a.start(first, configuration(mode, 150));
    const two = b.start(second, configuration(mode, 100));
    await owns(mode, a, b, one);
    await sends(lab, mode, a);
    expect(await shape(a), `the interface of ${first}`).to.equal(expectedShape(mode));

    // A graceful stop hands over within the skew, and leaves nothing.
    one.terminate();
    await owns(mode, b, a, two);
    await one.ended(5000);
    await until(`${first} leaves nothing`, 5000, async () => sameOrTold(first, await state(a), before), () => '', 200).catch(async (cause: unknown) => {
      throw new Error(`${String(cause)}\nbefore: ${before}\nafter: ${await state(a)}`);
    });

    const again = a.start(first, configuration(mode, 150));
    await owns(mode, a, b, again);
    again.kill();
    await until('the other takes over', 15_000, () => b.watch.has(mode.vip), () => two.tail());
    expect(await a.sh('ip -o link show dev vrrp.51'), 'a killed daemon leaves its interface').to.include(mode.mac);
    await a.sh('rm -f /run/keepalived.pid /run/keepalived_vrrp.pid');
    const third = a.start(first, configuration(mode, 150));
    await third.says(/Found matching interface vrrp\.51/, 15_000);
    await owns(mode, a, b, third);
    expect(await shape(a), `the interface that ${first} took over`).to.equal(expectedShape(mode));

    await a.link('down');
    await owns(mode, b, a, two);
    await a.link('up');
    await owns(mode, a, b, third);
    await sends(lab, mode, a);
    third.terminate();
    two.terminate();
    await Promise.all([third.ended(8000), two.ended(8000)]);
    if (first === 'ours') expect(await state(a), 'all as before').to.equal(before);
  } finally {
    lab.close();
  }
}

/** IPv6 without duplicate address detection, so that its addresses are there at once. */
async function prepare(node: LabNode): Promise<void> {
  await node.sh('sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0 net.ipv6.conf.eth0.accept_dad=0; ip link set eth0 down; ip link set eth0 up');
  await until('a link-local address', 5000, async () => (await node.sh('ip -6 -o address show dev eth0 scope link')).includes('fe80::'));
}

function configuration(mode: Mode, priority: number): string {
  return `vrrp_instance V {\n  interface eth0\n  use_vmac\n  version ${mode.version}\n  virtual_router_id 51\n  priority ${priority}\n${mode.body}  virtual_ipaddress {\n    ${mode.vip}\n  }\n}\n`;
}

async function owns(mode: Mode, owner: LabNode, other: LabNode, daemon: Daemon): Promise<void> {
  await until(`${owner.name} alone has ${mode.vip}`, 25_000, () => owner.watch.has(mode.vip) && !other.watch.has(mode.vip), () => daemon.tail());
}

/** Adverts come from the virtual MAC, and from its own address. */
async function sends(lab: Lab<'a' | 'b'>, mode: Mode, node: LabNode): Promise<void> {
  const since = wallClock();
  await until(`${node.name} sends from ${mode.mac}`, 8000, () => lab.witness.advertsSince(since).some((advert) => advert.mac === mode.mac && advert.priority === 150));
  const others = lab.witness.advertsSince(since).filter((advert) => advert.mac !== mode.mac);
  expect(others, 'adverts from another MAC').to.deep.equal([]);
}

/** What both daemons make the interface: kind, mode, MAC, sysctls of IPv4. */
async function shape(node: LabNode): Promise<string> {
  const link = await node.sh('ip -d -o link show dev vrrp.51');
  const sysctls = await node.sh('cd /proc/sys/net/ipv4/conf; cat vrrp.51/accept_local vrrp.51/rp_filter vrrp.51/promote_secondaries eth0/arp_ignore eth0/arp_filter');
  const addresses = await node.sh('ip -o address show dev vrrp.51 | grep -c deprecated || :');
  return [/macvlan mode \w+/u.exec(link)?.[0], /addrgenmode \w+/u.exec(link)?.[0], /link\/ether (\S+)/u.exec(link)?.[1], sysctls.replaceAll('\n', ' ').trim(), addresses.trim()].join(' | ');
}

function expectedShape({ mac }: Mode): string {
  const six = mac.startsWith('00:00:5e:00:02');
  return ['macvlan mode private', 'addrgenmode none', mac, six ? '0 0 0 0 0' : '1 0 1 1 1', six ? '1' : '0'].join(' | ');
}

/** 2.2.7 leaves arp_ignore and arp_filter of the interface below as it set them. */
function sameOrTold(kind: DaemonKind, now: string, before: string): boolean {
  return kind === 'ours' ? now === before : now.replace(/arp.*/su, '') === before.replace(/arp.*/su, '');
}

async function state(node: LabNode): Promise<string> {
  return node.sh('ip -o link | cut -d: -f2; ip -o -4 address | cut -d" " -f1-7; nft list tables; cd /proc/sys/net/ipv4/conf; echo arp $(cat eth0/arp_ignore eth0/arp_filter all/rp_filter)');
}
