import { expect } from 'chai';
import { requirePrograms } from '../needs.ts';
import type { Daemon } from './daemon.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import type { LabNode } from './node.ts';
import { sleep, until, wallClock } from './wait.ts';

/** BFD sessions of one router of ours with those of other people, IPv4 and IPv6, each tracked by an instance of its own. */
const PEERS = { o: 'ours', k: 'keepalived', b: 'bird', f: 'frr' } as const;
type Peer = keyof typeof PEERS;
const NAMES = Object.keys(PEERS) as Peer[];
const HOST = { r: 1, o: 2, k: 3, b: 4, f: 5 } as const;
const v4 = (name: keyof typeof HOST): string => `192.0.2.${HOST[name]}`;
const v6 = (name: keyof typeof HOST): string => `2001:db8::${HOST[name]}`;
/** A second address of the router, for sessions over several hops. */
const FAR = '192.0.2.11';

describe('netns: BFD', function () {
  this.timeout(120_000);
  let lab: Lab<keyof typeof HOST>;
  let router: Daemon;
  let ours: Daemon;

  before(async function () {
    requireLab(this);
    requirePrograms(this, 'keepalived', 'bird', '/usr/lib/frr/bfdd', 'tshark');
    lab = await Lab.open({ witness: null, nodes: { r: '192.0.2.1/24', o: '192.0.2.2/24', k: '192.0.2.3/24', b: '192.0.2.4/24', f: '192.0.2.5/24' } });
    const { r, o, k, b, f } = lab.nodes;
    await Promise.all((Object.keys(HOST) as (keyof typeof HOST)[]).map((name) => lab.nodes[name].sh(`sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0
      ip address add ${v6(name)}/64 dev eth0 nodad`)));
    await r.sh(`ip address add ${FAR}/24 dev eth0`);
    router = r.start('ours', routerText());
    ours = o.start('ours', peerText('o'));
    k.start('keepalived', peerText('k'));
    startBird(b);
    await startFrr(f);
    await router.says(/Startup complete/, 20_000);
  });
  after(() => lab?.close());

  for (const peer of NAMES) {
    for (const family of ['4', '6'] as const) {
      it(`comes up with ${PEERS[peer]}, IPv${family}, and its instance leaves FAULT`, async () => {
        await router.says(new RegExp(`\\(${peer}${family}\\) Entering Up state`), 20_000);
        if (family === '4') await router.says(new RegExp(`\\(I${peer}\\) Entering (BACKUP|MASTER) STATE`), 10_000);
        else await router.says(new RegExp(`\\(I${peer}\\) Changing effective priority from 70 to 100`), 10_000);
      });
    }
  }

  for (const peer of ['bm', 'fm'] as const) {
    it(`comes up over several hops with ${PEERS[peer === 'bm' ? 'b' : 'f']}`, () => router.says(new RegExp(`\\(${peer}\\) Entering Up state`), 20_000));
  }

  it('stays up, and the neighbours agree', async () => {
    const since = wallClock();
    await sleep(2000);
    expect(router.log.filter(({ at, text }) => at >= since && /Entering (Down|Init) state/.test(text)).map(({ text }) => text)).to.deep.equal([]);
    expect((await lab.nodes.b.sh('birdc -s /run/bird.ctl show bfd sessions')).match(/\bUp\b/g)).to.have.length(3);
    expect((await lab.nodes.f.sh('vtysh --vty_socket /run/frr -c "show bfd peers"')).match(/Status: up/g)).to.have.length(3);
    expect(ours.log.filter(({ text }) => /Entering Up state/.test(text))).to.have.length(2);
  });

  it('tshark reads every packet, TTL 255 and source port from 49152 on', async () => {
    const lines = (await lab.nodes.r.sh(`tshark -i eth0 -a duration:2 -f 'udp and (dst port 3784 or dst port 4784) and (src host ${v4('r')} or src host ${v6('r')} or src host ${FAR})' \
      -T fields -E separator=' ' -e udp.srcport -e udp.dstport -e ip.ttl -e ipv6.hlim -e bfd.version -e bfd.message_length -e _ws.malformed -e udp.checksum.status -o udp.check_checksum:FALSE 2>/dev/null`, 20_000)).trim().split('\n');
    expect(lines.length).to.be.greaterThan(20);
    for (const line of lines) {
      const [source, , ...rest] = line.trim().split(/\s+/);
      expect(Number(source), line).to.be.within(49_152, 65_535);
      expect(rest[0], line).to.equal('255');
      expect(rest.slice(1, 3), line).to.deep.equal(['1', '24']);
      expect(line).to.not.include('alformed');
    }
  });

  it('the dump shows them', async () => {
    router.signal('SIGUSR1');
    const dump = await untilText(() => lab.nodes.r.sh('cat "$TMPDIR/keepalived_bfd.data"'), /BFD Instance = fm/);
    expect(dump.match(/local state = Up/g)).to.have.length(10);
    expect(await lab.nodes.r.sh('cat /run/bfd.pid')).to.match(/^\d+\n$/);
  });

  it('another sender, a wrong hop limit and forged packets change nothing', async () => {
    const since = wallClock();
    await lab.nodes.b.sh(`python3 -c "${FORGER}"`);
    await sleep(500);
    expect(router.log.filter(({ at, text }) => at >= since && /Entering/.test(text)).map(({ text }) => text)).to.deep.equal([]);
    expect(router.said(/BFD packet from 192\.0\.2\.4 dropped: TTL 254 below 255/, since), router.tail()).to.equal(true);
  });

  for (const peer of NAMES) {
    it(`${PEERS[peer]}'s link is cut: down after the detection time, the instance faults; it heals: back`, async () => {
      const since = wallClock();
      const node = lab.nodes[peer];
      await node.sh('ip link set eth0 down');
      await router.says(new RegExp(`\\(${peer}4\\) Expired after \\d+ ms`), 10_000, since);
      await router.says(new RegExp(`\\(I${peer}\\) Entering FAULT STATE`), 5000, since);
      await router.says(new RegExp(`\\(I${peer}\\) Changing effective priority from 100 to 70`), 10_000, since);
      const far = peer === 'b' || peer === 'f' ? ['m'] : [];
      for (const kind of far) await router.says(new RegExp(`\\(${peer}${kind}\\) Expired after`), 10_000, since);
      const others = NAMES.filter((other) => other !== peer).join('');
      expect(router.log.filter(({ at, text }) => at >= since && new RegExp(`\\([${others}][46m]\\) Entering`).test(text)).map(({ text }) => text)).to.deep.equal([]);
      const healed = wallClock();
      await node.sh(`ip link set eth0 up; ip address replace ${v6(peer)}/64 dev eth0 nodad`);
      for (const kind of ['4', '6', ...far]) await router.says(new RegExp(`\\(${peer}${kind}\\) Entering Up state`), 20_000, healed);
      await router.says(new RegExp(`\\(I${peer}\\) Entering (BACKUP|MASTER) STATE`), 10_000, healed);
    });
  }

  it('a reload keeps sessions, changes intervals without a fall and ends what is gone', async () => {
    const since = wallClock();
    lab.nodes.r.write('keepalived.conf', routerText().replaceAll('min_tx 100', 'min_tx 200').replace(/bfd_instance fm \{[^}]*\}/, ''));
    router.signal('SIGHUP');
    await router.says(/Reload complete/, 10_000, since);
    await router.says(/\(fm\) BFD session with 192\.0\.2\.5 ends/, 5000, since);
    await sleep(2000);
    expect(router.log.filter(({ at, text }) => at >= since && /Entering (Down|Init) state|FAULT/.test(text)).map(({ text }) => text)).to.deep.equal([]);
    expect(ours.log.filter(({ at, text }) => at >= since && /Entering/.test(text)).map(({ text }) => text)).to.deep.equal([]);
    await until('FRR misses the session that ended', 10_000, async () => /Status: down/.test(await lab.nodes.f.sh('vtysh --vty_socket /run/frr -c "show bfd peers"')));
  });

  it('stopped, the neighbours find out by themselves, and no socket is left', async () => {
    const since = wallClock();
    router.terminate();
    await router.ended(20_000);
    await ours.says(/\(r4\) Entering Down state/, 10_000, since);
    expect(await lab.nodes.r.sh('ss -Hlun "sport = :3784 or sport = :4784"')).to.equal('');
  });
});

function bfd(name: string, neighbor: string, lines = ''): string {
  const hops = neighbor.includes(':') ? 'hoplimit 255' : '';
  return `bfd_instance ${name} {\n  neighbor_ip ${neighbor}\n  min_rx 100\n  min_tx 100\n  multiplier 5\n  ${hops}\n  ${lines}\n}\n`;
}

function routerText(): string {
  const sessions = NAMES.flatMap((peer) => [bfd(`${peer}4`, v4(peer), `source_ip ${v4('r')}`), bfd(`${peer}6`, v6(peer), `source_ip ${v6('r')}\n  weight -30`)]);
  const far = [bfd('bm', v4('b'), `source_ip ${FAR}\n  multihop\n  max_hops -1`), bfd('fm', v4('f'), `source_ip ${FAR}\n  multihop\n  max_hops 5`)];
  const instances = NAMES.map((peer, i) => `vrrp_instance I${peer} {
  interface eth0
  virtual_router_id ${i + 1}
  priority 100
  virtual_ipaddress {
    192.0.2.${100 + i}
  }
  track_bfd {
    ${peer}4
    ${peer}6
  }
}
`);
  return [...sessions, ...far, ...instances].join('');
}

function peerText(peer: 'o' | 'k'): string {
  return bfd('r4', v4('r'), `source_ip ${v4(peer)}`) + bfd('r6', v6('r'), `source_ip ${v6(peer)}`);
}

function startBird(node: LabNode): void {
  const file = node.write('bird.conf', `router id ${v4('b')};
protocol device { }
protocol bfd {
  interface "eth0" { min rx interval 100 ms; min tx interval 100 ms; idle tx interval 1 s; multiplier 5; };
  multihop { min rx interval 100 ms; min tx interval 100 ms; idle tx interval 1 s; multiplier 5; };
  neighbor ${v4('r')} dev "eth0" local ${v4('b')};
  neighbor ${v6('r')} dev "eth0" local ${v6('b')};
  neighbor ${FAR} local ${v4('b')} multihop yes;
}
`);
  node.spawn(['bird', '-f', '-c', file, '-s', '/run/bird.ctl', '-P', '/run/bird.pid']);
}

/** bfdd learns of interfaces from zebra; both become the user frr. */
async function startFrr(node: LabNode): Promise<void> {
  const timers = '  detect-multiplier 5\n  receive-interval 100\n  transmit-interval 100\n  no shutdown\n !';
  await node.sh(`mkdir -p /run/frr; : >/run/frr/zebra.conf; cat >/run/frr/bfdd.conf <<'END'
bfd
 peer ${v4('r')} local-address ${v4('f')} interface eth0
${timers}
 peer ${v6('r')} local-address ${v6('f')} interface eth0
${timers}
 peer ${FAR} multihop local-address ${v4('f')}
${timers}
!
END
chown -R frr:frr /run/frr`);
  const common = ['-u', 'frr', '-g', 'frr', '-z', '/run/frr/zserv', '--vty_socket', '/run/frr', '-P', '0'];
  node.spawn(['/usr/lib/frr/zebra', '-f', '/run/frr/zebra.conf', '-i', '/run/frr/zebra.pid', ...common]);
  await until('zebra listens', 10_000, async () => (await node.run(['test', '-S', '/run/frr/zserv'])).status === 0);
  node.spawn(['/usr/lib/frr/bfdd', '-f', '/run/frr/bfdd.conf', '-i', '/run/frr/bfdd.pid', '--bfdctl', '/run/frr/bfdd.sock', ...common]);
}

async function untilText(read: () => Promise<string>, pattern: RegExp): Promise<string> {
  let text = '';
  await until(`there is ${pattern.source}`, 10_000, async () => pattern.test(text = await read().catch(() => '')), () => text);
  return text;
}

/** Down with TTL 254, Down without a session, and rubbish. */
const FORGER = `
import os, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 254)
s.bind(('192.0.2.4', 55555))
down = bytes.fromhex('2040051800000009000000000000000f000000000f00000000'[:48])
s.sendto(down, ('192.0.2.1', 3784))
s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
s.sendto(bytes.fromhex('2040051800000009deadbeef000f4240000f424000000000'), ('192.0.2.1', 3784))
for i in range(300): s.sendto(os.urandom(i % 64), ('192.0.2.1', 3784))
`;
