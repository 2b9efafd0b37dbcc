import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { requirePrograms } from '../needs.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import { until } from './wait.ts';

/** What tshark makes of a frame: by protocol, field names and values. */
type Layers = Readonly<Record<string, unknown>>;

interface Kind {
  readonly name: string;
  readonly vrid: number;
  readonly lines: readonly string[];
  readonly vips: readonly string[];
  /** What its adverts must be read as. */
  readonly read: Readonly<Record<string, string>>;
  /** Source of its frames, where it is not the interface's own address. */
  readonly mac?: string;
}

/** One router that sends everything it can: an instance for each kind. */
const INSTANCES: readonly Kind[] = [
  { name: 'version 2', vrid: 51, lines: [], vips: ['192.0.2.51'], read: { 'ip.dst': '224.0.0.18', 'ip.ttl': '255', 'vrrp.version': '2', 'vrrp.auth_type': '0', 'vrrp.ip_addr': '192.0.2.51' } },
  { name: 'a password', vrid: 52, lines: ['authentication {', 'auth_type PASS', 'auth_pass secret12', '}'], vips: ['192.0.2.52'], read: { 'vrrp.version': '2', 'vrrp.auth_type': '1', 'vrrp.auth_string': 'secret12' } },
  { name: 'an authentication header', vrid: 53, lines: ['authentication {', 'auth_type AH', 'auth_pass secret12', '}'], vips: ['192.0.2.53'], read: { 'ip.proto': '51', 'ah.next_header': '112', 'ah.length': '4', 'vrrp.version': '2' } },
  { name: 'version 3 over IPv4', vrid: 54, lines: ['version 3'], vips: ['192.0.2.54'], read: { 'ip.dst': '224.0.0.18', 'vrrp.version': '3', 'vrrp.short_adver_int': '100' } },
  { name: 'version 3 over IPv6', vrid: 55, lines: ['version 3'], vips: ['fe80::55/64', '2001:db8::55/64'], read: { 'ipv6.dst': 'ff02::12', 'ipv6.hlim': '255', 'vrrp.version': '3', 'vrrp.ipv6_addr': 'fe80::55' } },
  { name: 'unicast over IPv4', vrid: 56, lines: ['unicast_src_ip 192.0.2.1', 'unicast_peer {', '192.0.2.2', '}'], vips: ['192.0.2.56'], read: { 'ip.dst': '192.0.2.2', 'ip.ttl': '255', 'vrrp.version': '2' } },
  { name: 'version 3 unicast over IPv4', vrid: 57, lines: ['version 3', 'unicast_src_ip 192.0.2.1', 'unicast_peer {', '192.0.2.2', '}'], vips: ['192.0.2.57'], read: { 'ip.dst': '192.0.2.2', 'vrrp.version': '3' } },
  { name: 'unicast over IPv6', vrid: 58, lines: ['version 3', 'unicast_src_ip 2001:db8::1', 'unicast_peer {', '2001:db8::2', '}'], vips: ['fe80::58/64', '2001:db8::58/64'], read: { 'ipv6.dst': '2001:db8::2', 'ipv6.hlim': '255', 'vrrp.version': '3' } },
  { name: 'twenty addresses', vrid: 59, lines: [], vips: Array.from({ length: 20 }, (_, i) => `192.0.2.${i + 100}`), read: { 'vrrp.addr_count': '20' } },
  { name: 'virtual MAC, version 2', vrid: 60, lines: ['use_vmac'], vips: ['192.0.2.60'], mac: '00:00:5e:00:01:3c', read: { 'eth.src': '00:00:5e:00:01:3c', 'eth.dst': '01:00:5e:00:00:12', 'ip.src': '192.0.2.1', 'ip.ttl': '255', 'vrrp.version': '2' } },
  { name: 'virtual MAC, version 3 over IPv4', vrid: 61, lines: ['version 3', 'use_vmac'], vips: ['192.0.2.61'], mac: '00:00:5e:00:01:3d', read: { 'eth.src': '00:00:5e:00:01:3d', 'ip.src': '192.0.2.1', 'vrrp.version': '3' } },
  { name: 'virtual MAC, version 3 over IPv6', vrid: 62, lines: ['version 3', 'use_vmac'], vips: ['fe80::62/64', '2001:db8::62/64'], mac: '00:00:5e:00:02:3e', read: { 'eth.src': '00:00:5e:00:02:3e', 'eth.dst': '33:33:00:00:00:12', 'ipv6.src': 'fe80::ff:fe00:1', 'ipv6.hlim': '255', 'vrrp.version': '3' } },
  { name: 'virtual MAC for addresses alone', vrid: 63, lines: ['version 3', 'use_vmac_addr'], vips: ['192.0.2.63 use_vmac'], mac: '00:00:5e:00:01:3f', read: { 'eth.src': '02:00:00:00:00:01', 'vrrp.version': '3' } },
];

/** BFD sessions with the other node: name, neighbour, lines, what their packets must be read as. */
const SESSIONS: readonly { readonly name: string; readonly neighbor: string; readonly source: string; readonly lines: readonly string[]; readonly read: Readonly<Record<string, string>> }[] = [
  { name: 'S4', neighbor: '192.0.2.2', source: '192.0.2.1', lines: [], read: { 'ip.dst': '192.0.2.2', 'ip.ttl': '255', 'udp.dstport': '3784' } },
  { name: 'S6', neighbor: '2001:db8::2', source: '2001:db8::1', lines: ['hoplimit 255'], read: { 'ipv6.dst': '2001:db8::2', 'ipv6.hlim': '255', 'udp.dstport': '3784' } },
  { name: 'M4', neighbor: '192.0.2.22', source: '192.0.2.11', lines: ['multihop', 'max_hops -1'], read: { 'ip.dst': '192.0.2.22', 'ip.ttl': '255', 'udp.dstport': '4784' } },
  { name: 'M6', neighbor: '2001:db8::22', source: '2001:db8::11', lines: ['hoplimit 255', 'multihop', 'max_hops -1'], read: { 'ipv6.dst': '2001:db8::22', 'ipv6.hlim': '255', 'udp.dstport': '4784' } },
];

describe('netns: what tshark reads', function () {
  this.timeout(90_000);
  const addressesOf = ({ vips }: Kind): string[] => vips.map((vip) => vip.split(/[/ ]/)[0] ?? '');
  let frames: readonly Layers[] = [];

  before(async function () {
    requireLab(this, { witness: false });
    requirePrograms(this, 'tcpdump', 'tshark', 'python3');
    frames = await sentFrames();
  });

  it('no frame is malformed, and none gives reason for a remark', () => {
    expect(frames.length).to.be.greaterThan(50);
    for (const frame of frames) expect(JSON.stringify(frame)).to.not.match(/_ws\.(?:malformed|expert|unreassembled)|\[Malformed|Expert Info/);
  });

  it('every checksum is good', () => {
    const statuses = frames.flatMap((frame) => Object.entries(fields(frame)).filter(([name]) => name.endsWith('.checksum.status')));
    const kinds = ['ip.checksum.status', 'vrrp.checksum.status', 'icmpv6.checksum.status', 'udp.checksum.status'];
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

  it('gratuitous ARP for every IPv4 address, from the MAC that it is to be found at', () => {
    const announced = frames.map(fields).filter((frame) => frame['arp.isgratuitous'] === '1');
    const expected = new Map(INSTANCES.flatMap((kind) => addressesOf(kind).filter((vip) => !vip.includes(':')).map((vip) => [vip, kind.mac ?? OWN] as const)));
    expect(new Set(announced.map((frame) => frame['arp.src.proto_ipv4']))).to.deep.equal(new Set(expected.keys()));
    for (const frame of announced) {
      const mac = expected.get(frame['arp.src.proto_ipv4'] ?? '');
      expect(frame).to.include({ 'eth.dst': 'ff:ff:ff:ff:ff:ff', 'eth.src': mac, 'arp.src.hw_mac': mac });
    }
  });

  it('an unsolicited neighbour advertisement for every IPv6 address, from the MAC that it is to be found at', () => {
    const expected = new Map(INSTANCES.flatMap((kind) => addressesOf(kind).filter((vip) => vip.includes(':')).map((vip) => [vip, kind.mac ?? OWN] as const)));
    const announced = frames.map(fields).filter((frame) => frame['icmpv6.type'] === '136' && expected.has(frame['icmpv6.nd.na.target_address'] ?? ''));
    expect(new Set(announced.map((frame) => frame['icmpv6.nd.na.target_address']))).to.deep.equal(new Set(expected.keys()));
    for (const frame of announced) {
      const mac = expected.get(frame['icmpv6.nd.na.target_address'] ?? '');
      expect(frame).to.include({ 'eth.src': mac, 'ipv6.dst': 'ff02::1', 'ipv6.hlim': '255', 'icmpv6.nd.na.flag.o': '1', 'icmpv6.nd.na.flag.s': '0', 'icmpv6.opt.linkaddr': mac });
    }
  });

  for (const { name, read } of SESSIONS) {
    it(`BFD, session ${name}: from Down to Up, with a poll and its final`, () => {
      const packets = frames.map(fields).filter((frame) => frame['bfd.version'] !== undefined && Object.entries(read).every(([field, value]) => frame[field] === value));
      expect(packets.length, name).to.be.greaterThan(3);
      for (const packet of packets) {
        expect(packet).to.include({ 'bfd.version': '1', 'bfd.message_length': '24', 'bfd.flags.a': '0', 'bfd.flags.d': '0', 'bfd.flags.m': '0', 'bfd.required_min_echo_interval': '0' });
        expect(Number(packet['udp.srcport'])).to.be.within(49_152, 65_535);
      }
      const states = packets.map((packet) => Number(packet['bfd.sta']));
      expect(states[0], 'begins Down').to.equal(1);
      expect(states, 'comes up').to.include(3);
      expect(packets.some((packet) => packet['bfd.flags.p'] === '1' || packet['bfd.flags.f'] === '1'), 'a poll sequence').to.equal(true);
    });
  }
});

/** eth0's address on the router. */
const OWN = '02:00:00:00:00:01';
/** tshark's word for a checksum that it has computed itself and found right. */
const GOOD = '1';

/** Runs the router to its end, and brings its VRRP, gratuitous ARP, neighbour advertisements and BFD (not what the kernel's ICMP errors quote) as tshark reads them. */
async function sentFrames(): Promise<readonly Layers[]> {
  const lab = await Lab.open({ nodes: { a: '192.0.2.1/24', b: '192.0.2.2/24' }, witness: null });
  try {
    const { a, b } = lab.nodes;
    for (const [node, last] of [[a, 1], [b, 2]] as const) {
      await node.sh(`echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad; ip address add 192.0.2.${last}${last}/24 dev eth0; for host in ${last} ${last}${last}; do ip address add 2001:db8::$host/64 dev eth0 nodad; done; while ip -6 address show dev eth0 | grep -q tentative; do sleep 0.1; done`);
    }
    await a.sh(`python3 -c "${CHECKSUMS}"`);
    const file = join(a.dir, 'sent.pcap');
    const capture = a.spawn(['tcpdump', '-i', 'eth0', '-U', '-Z', 'root', '-w', file, `ether src ${OWN} or ether[6:4] = 0x00005e00`]);
    let said = '';
    capture.stderr?.on('data', (piece: Buffer) => (said += piece.toString()));
    await until('tcpdump listens', 10_000, () => said.includes('listening on'), () => said);
    const daemon = a.start('ours', [...INSTANCES.map(instance), ...SESSIONS.map((session) => bfd(session))].join(''));
    const neighbour = b.start('ours', SESSIONS.map((session) => bfd({ ...session, neighbor: session.source, source: session.neighbor })).join(''));
    for (const { vrid } of INSTANCES) await daemon.says(new RegExp(`\\(VI_${vrid}\\) Entering MASTER STATE`), 20_000);
    for (const { name } of SESSIONS) await daemon.says(new RegExp(`\\(${name}\\) Entering Up state`), 20_000);
    // Each at least twice: once on becoming master, and once by its timer.
    await until('a second of adverts', 20_000, () => adverts(file) >= 3 * INSTANCES.length, () => daemon.tail());
    daemon.terminate();
    await daemon.ended(10_000);
    neighbour.terminate();
    await until('all farewells', 10_000, () => adverts(file, 'vrrp.prio == 0') === INSTANCES.length, () => daemon.tail());
    return read(file, 'vrrp || arp.isgratuitous == 1 || icmpv6.type == 136 || (bfd && !icmp && !icmpv6)');
  } finally {
    lab.close();
  }
}

/** A veth leaves the checksums of UDP to hardware that there is none of (ETHTOOL_STXCSUM): then nobody can read them here. */
const CHECKSUMS = `
import array, fcntl, socket, struct
value = array.array('B', struct.pack('II', 0x17, 0))
fcntl.ioctl(socket.socket(), 0x8946, struct.pack('16sP', b'eth0', value.buffer_info()[0]))
`;

function bfd({ name, neighbor, source, lines }: Pick<(typeof SESSIONS)[number], 'name' | 'neighbor' | 'source' | 'lines'>): string {
  return `bfd_instance ${name} {\nneighbor_ip ${neighbor}\nsource_ip ${source}\nmin_rx 200\nmin_tx 200\n${lines.join('\n')}\n}\n`;
}

function instance({ vrid, lines, vips }: Kind): string {
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
  return execFileSync('tshark', ['-n', '-r', file, '-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE', '-Y', filter, ...how], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 64 * 1024 * 1024, env: { ...process.env, HOME: '/root' } });
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
