import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { requirePrograms } from '../needs.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import type { LabNode } from './node.ts';

const MARKER = fileURLToPath(new URL('./tools/mark-groups.js', import.meta.url));

const server = (protocol: string, real: string): string => `virtual_server group web {\n  ip_family inet\n  lvs_sched rr\n  lvs_method NAT\n  protocol ${protocol}\n  real_server ${real} 80 {\n  }\n}\n`;
const GROUP = `virtual_server_group web {
  192.0.2.1 8080
  192.0.2.101-102 80
  192.0.2.101
}
`;
const GLOBALS = 'global_defs {\n  nftables_ipvs marks\n  nftables_ipvs_priority -7\n  nftables_ipvs_start_fwmark 4096\n}\n';

/** What the tests count at: behind the marking, before the packet is delivered. */
const COUNTERS = 'nft "add table ip count; add chain ip count input { type filter hook input priority 0; }'
  + [4096, 4097].map((mark) => `; add rule ip count input meta mark ${mark} counter comment \\"m${mark}\\"`).join('') + '"';

describe('netns: nftables_ipvs', function () {
  this.timeout(60_000);
  let lab: Lab<'director' | 'client'>;
  let director: LabNode;
  let client: LabNode;

  before(async function () {
    requireLab(this, { witness: false });
    requirePrograms(this, 'nft', 'python3');
    lab = await Lab.open({ witness: null, nodes: { director: '192.0.2.1/24', client: '192.0.2.9/24' } });
    ({ director, client } = lab.nodes);
    await director.sh('ip address add 192.0.2.101/24 dev eth0; ip address add 192.0.2.102/24 dev eth0');
    await director.sh(COUNTERS);
  });
  after(() => lab?.close());

  async function mark(text: string, ...how: readonly string[]): Promise<string> {
    return director.sh(`${process.execPath} ${MARKER} ${director.write('k.conf', text)} ${director.dir}/marks.json ${how.join(' ')}`);
  }

  async function sends(kind: 'STREAM' | 'DGRAM', address: string, port: number): Promise<void> {
    const { status, stderr } = await client.run(['python3', '-c', `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_${kind}); s.settimeout(2)
try:
    s.connect(('${address}', ${port})); s.send(b'x')
except ConnectionRefusedError: pass
`]);
    expect(status, stderr).to.equal(0);
  }

  async function counted(): Promise<number[]> {
    const counts = [...(await director.sh('nft list chain ip count input')).matchAll(/counter packets (\d+)/gu)].map(([, n]) => Number(n));
    await director.sh(`nft delete table ip count; ${COUNTERS}`);
    return counts;
  }

  it('packets to a group\'s addresses get the mark of their protocol, others none', async () => {
    expect(await mark(GLOBALS + GROUP + server('TCP', '10.0.0.1') + server('UDP', '10.0.0.1'))).to.equal('[web]:0 4096 inet\n[web]:1 4097 inet\n');
    for (const [kind, address, port, expected] of [
      ['STREAM', '192.0.2.102', 80, [1, 0]], ['STREAM', '192.0.2.102', 81, [0, 0]], ['STREAM', '192.0.2.101', 81, [1, 0]], ['STREAM', '192.0.2.1', 8080, [1, 0]],
      ['STREAM', '192.0.2.1', 80, [0, 0]], ['DGRAM', '192.0.2.102', 80, [0, 1]], ['DGRAM', '192.0.2.1', 53, [0, 0]],
    ] as const) {
      await sends(kind, address, port);
      expect(await counted(), `${kind} ${address} ${port}`).to.deep.equal(expected);
    }
  });

  it('nft lists it, and reads back what it lists', async () => {
    const listed = await director.sh('nft list table ip marks');
    expect(listed).to.match(/type filter hook prerouting priority (filter - 7|-7);/u).and.include('192.0.2.102 . 80 : 0x00001000').and.include('map udp_map').and.include('192.0.2.101 : 0x00001001');
    await director.sh(`nft delete table ip marks; nft -f - <<'END'\n${listed}\nEND`);
    expect(await director.sh('nft list table ip marks')).to.equal(listed);
  });

  it('a later run keeps the marks, and the table goes with the last of it', async () => {
    expect(await mark(GLOBALS + GROUP + server('UDP', '10.0.0.1'))).to.equal('[web]:0 4097 inet\n');
    expect(await director.sh('nft list table ip marks')).to.include('udp_map').and.not.include('tcp_map');
    expect(await mark(GLOBALS + GROUP + server('UDP', '10.0.0.1'), 'remove')).to.equal('[web]:0 4097 inet\n');
    expect(await director.sh('nft list tables')).to.equal('table ip count\n');
  });

  it('a table that a killed run left goes when the configuration does not ask for it any more', async () => {
    await mark(GLOBALS + GROUP + server('TCP', '10.0.0.1'));
    expect(await director.sh('nft list tables')).to.include('table ip marks');
    await mark(GROUP + server('TCP', '10.0.0.1'));
    expect(await director.sh('nft list tables')).to.equal('table ip count\n');
  });
});
