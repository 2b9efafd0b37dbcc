import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { requirePrograms } from '../needs.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import { until } from './wait.ts';

/** What tshark makes of a frame: by protocol, field names and values. */
type Layers = Readonly<Record<string, unknown>>;

/** One router that sends everything it can: an instance for each kind, its VRID and what its adverts must be read as. */
const INSTANCES: readonly { readonly name: string; readonly vrid: number; readonly lines: readonly string[]; readonly vips: readonly string[]; readonly read: Readonly<Record<string, string>> }[] = [
  { name: 'version 2', vrid: 51, lines: [], vips: ['192.0.2.51'], read: { 'ip.dst': '224.0.0.18', 'ip.ttl': '255', 'vrrp.version': '2', 'vrrp.auth_type': '0', 'vrrp.ip_addr': '192.0.2.51' } },
  { name: 'a password', vrid: 52, lines: ['authentication {', 'auth_type PASS', 'auth_pass secret12', '}'], vips: ['192.0.2.52'], read: { 'vrrp.version': '2', 'vrrp.auth_type': '1', 'vrrp.auth_string': 'secret12' } },
  { name: 'an authentication header', vrid: 53, lines: ['authentication {', 'auth_type AH', 'auth_pass secret12', '}'], vips: ['192.0.2.53'], read: { 'ip.proto': '51', 'ah.next_header': '112', 'ah.length': '4', 'vrrp.version': '2' } },
  { name: 'version 3 over IPv4', vrid: 54, lines: ['version 3'], vips: ['192.0.2.54'], read: { 'ip.dst': '224.0.0.18', 'vrrp.version': '3', 'vrrp.short_adver_int': '100' } },
  { name: 'version 3 over IPv6', vrid: 55, lines: ['version 3'], vips: ['fe80::55/64', '2001:db8::55/64'], read: { 'ipv6.dst': 'ff02::12', 'ipv6.hlim': '255', 'vrrp.version': '3', 'vrrp.ipv6_addr': 'fe80::55' } },
  { name: 'unicast over IPv4', vrid: 56, lines: ['unicast_src_ip 192.0.2.1', 'unicast_peer {', '192.0.2.2', '}'], vips: ['192.0.2.56'], read: { 'ip.dst': '192.0.2.2', 'ip.ttl': '255', 'vrrp.version': '2' } },
  { name: 'version 3 unicast over IPv4', vrid: 57, lines: ['version 3', 'unicast_src_ip 192.0.2.1', 'unicast_peer {', '192.0.2.2', '}'], vips: ['192.0.2.57'], read: { 'ip.dst': '192.0.2.2', 'vrrp.version': '3' } },
  { name: 'unicast over IPv6', vrid: 58, lines: ['version 3', 'unicast_src_ip 2001:db8::1', 'unicast_peer {', '2001:db8::2', '}'], vips: ['fe80::58/64', '2001:db8::58/64'], read: { 'ipv6.dst': '2001:db8::2', 'ipv6.hlim': '255', 'vrrp.version': '3' } },
  { name: 'twenty addresses', vrid: 59, lines: [], vips: Array.from({ length: 20 }, (_, i) => `192.0.2.${i + 100}`), read: { 'vrrp.addr_count': '20' } },
];

describe('netns: what tshark reads', function () {
  this.timeout(90_000);
  let frames: readonly Layers[] = [];

  before(async function () {
    requireLab(this, { witness: false });
    requirePrograms(this, 'tcpdump', 'tshark');
    frames = await sentFrames();
  });

  it('no frame is malformed, and none gives reason for a remark', () => {
    expect(frames.length).to.be.greaterThan(50);
    for (const frame of frames) expect(JSON.stringify(frame)).to.not.match(/_ws\.(?:malformed|expert|unreassembled)|\[Malformed|Expert Info/);
  });

  it('every checksum is good', () => {
    const statuses = frames.flatMap((frame) => Object.entries(fields(frame)).filter(([name]) => name.endsWith('.checksum.status')));
    const kinds = ['ip.checksum.status', 'vrrp.checksum.status', 'icmpv6.checksum.status'];
    expect([...new Set(statuses.map(([name]) => name))]).to.include.members(kinds);
    for (const status of statuses) expect(status[1]).to.equal(GOOD);
  });

  for (const { name, vrid, read } of INSTANCES) {
    it(`${name}: adverts, and a farewell of priority 0`, () => {
      const adverts = frames.map(fields).filter((frame) => frame['vrrp.virt_rtr_id'] === String(vrid));
      expect(adverts.length).to.be.greaterThan(2);
      for (const advert of adverts) expect(advert).to.include(read);
      const priorities = adverts.map((advert) => advert['vrrp.prio']);
      expect(priorities.slice(0, -1).every((priority) => priority === '150'), priorities.join(' ')).to.equal(true);
      expect(priorities.at(-1)).to.equal('0');
    });
  }

  it('gratuitous ARP for every IPv4 address', () => {
    const announced = frames.map(fields).filter((frame) => frame['arp.isgratuitous'] === '1');
    const addresses = INSTANCES.flatMap(({ vips }) => vips).filter((vip) => !vip.includes(':'));
    expect(new Set(announced.map((frame) => frame['arp.src.proto_ipv4']))).to.deep.equal(new Set(addresses));
    for (const frame of announced) expect(frame).to.include({ 'eth.dst': 'ff:ff:ff:ff:ff:ff', 'arp.src.hw_mac': '02:00:00:00:00:01' });
  });

  it('an unsolicited neighbour advertisement for every IPv6 address', () => {
    const addresses = INSTANCES.flatMap(({ vips }) => vips).filter((vip) => vip.includes(':')).map((vip) => vip.split('/')[0]);
    const announced = frames.map(fields).filter((frame) => frame['icmpv6.type'] === '136' && addresses.includes(frame['icmpv6.nd.na.target_address']));
    expect(new Set(announced.map((frame) => frame['icmpv6.nd.na.target_address']))).to.deep.equal(new Set(addresses));
    for (const frame of announced) expect(frame).to.include({ 'ipv6.dst': 'ff02::1', 'ipv6.hlim': '255', 'icmpv6.nd.na.flag.o': '1', 'icmpv6.nd.na.flag.s': '0', 'icmpv6.opt.linkaddr': '02:00:00:00:00:01' });
  });
});

/** tshark's word for a checksum that it has computed itself and found right. */
const GOOD = '1';

/** Runs the router to its end, and brings its VRRP, gratuitous ARP and neighbour advertisements as tshark reads them. */
async function sentFrames(): Promise<readonly Layers[]> {
  const lab = await Lab.open({ nodes: { a: '192.0.2.1/24', b: '192.0.2.2/24' }, witness: null });
  try {
    const { a, b } = lab.nodes;
    for (const [node, last] of [[a, 1], [b, 2]] as const) {
      await node.sh(`echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad; ip address add 2001:db8::${last}/64 dev eth0 nodad; while ip -6 address show dev eth0 | grep -q tentative; do sleep 0.1; done`);
    }
    const file = join(a.dir, 'sent.pcap');
    const capture = a.spawn(['tcpdump', '-i', 'eth0', '-U', '-Z', 'root', '-w', file, 'ether src 02:00:00:00:00:01']);
    let said = '';
    capture.stderr?.on('data', (piece: Buffer) => (said += piece.toString()));
    await until('tcpdump listens', 10_000, () => said.includes('listening on'), () => said);
    const daemon = a.start('ours', INSTANCES.map(instance).join(''));
    for (const { vrid } of INSTANCES) await daemon.says(new RegExp(`\\(VI_${vrid}\\) Entering MASTER STATE`), 20_000);
    // Each at least twice: once on becoming master, and once by its timer.
    await until('a second of adverts', 20_000, () => adverts(file) >= 3 * INSTANCES.length, () => daemon.tail());
    daemon.terminate();
    await daemon.ended(10_000);
    await until('all farewells', 10_000, () => adverts(file, 'vrrp.prio == 0') === INSTANCES.length, () => daemon.tail());
    return read(file, 'vrrp || arp.isgratuitous == 1 || icmpv6.type == 136');
  } finally {
    lab.close();
  }
}

function instance({ vrid, lines, vips }: (typeof INSTANCES)[number]): string {
  const all = ['state BACKUP', 'interface eth0', `virtual_router_id ${vrid}`, 'priority 150', 'advert_int 1', ...lines, 'virtual_ipaddress {', ...vips, '}'];
  return `vrrp_instance VI_${vrid} {\n${all.join('\n')}\n}\n`;
}

function adverts(file: string, filter = 'vrrp'): number {
  return tshark(file, filter, ['-T', 'fields', '-e', 'frame.number']).split('\n').length - 1;
}

function read(file: string, filter: string): Layers[] {
  const packets = JSON.parse(tshark(file, filter, ['-T', 'json', '--no-duplicate-keys'])) as readonly { readonly _source: { readonly layers: Layers } }[];
  return packets.map((packet) => packet._source.layers);
}

function tshark(file: string, filter: string, how: readonly string[]): string {
  return execFileSync('tshark', ['-n', '-r', file, '-o', 'ip.check_checksum:TRUE', '-Y', filter, ...how], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 64 * 1024 * 1024, env: { ...process.env, HOME: '/root' } });
}

/** All fields of a frame with the name in common: the first value of each. */
function fields(layers: Layers): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      const [first] = Array.isArray(inner) ? (inner as readonly unknown[]) : [inner];
      if (typeof first === 'string') found[name] ??= first;
      else walk(inner);
    }
  };
  walk(layers);
  return found;
}
