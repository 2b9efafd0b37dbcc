import { expect } from 'chai';
import { PROJECT, type Daemon } from '../netns/daemon.ts';
import { until } from '../netns/wait.ts';
import { CLIENTS, LOCAL, SERVERS, Site, VIP, VIPS } from './fullnat/site.ts';
import { loadModules, requireQemu } from './needs.ts';

/** Every instruction is emulated. */
const PATIENCE = 240_000;
const [, PLAIN] = VIPS;
const LIE = '192.0.2.66';

function conf(): string {
  const service = (address: string, more: string): string => `virtual_server ${address} 80 {\n  lb_algo rr\n  lb_kind FNAT\n  protocol TCP\n  laddr_group_name inside\n${more}${SERVERS.map((server) => `  real_server ${server} 80 {\n    weight 1\n  }\n`).join('')}}\n`;
  return `local_address_group inside {\n  10.0.0.21-22\n}\n${service(VIP, '  toa on\n')}${service(PLAIN, '')}`;
}

/** On the client: the option, with an address that is not its own, in the place of the SYN's timestamps. */
const FORGE = `
const { linuxPacketFilter } = await import(process.argv[1] + '/dist/lib/linux/packet-filter.js');
const table = { family: 'inet', table: 'forge' };
const at = (offset, ...bytes) => [{ type: 'constant', register: 8, value: Uint8Array.from(bytes) }, { type: 'write', offset, length: bytes.length, register: 8 }];
const filter = linuxPacketFilter();
await filter.apply([
  { ...table, op: 'add-table' },
  { ...table, op: 'add-chain', chain: 'out', hook: { at: 'output', priority: -300 } },
  { ...table, op: 'add-rule', chain: 'out', expressions: [
    { type: 'meta', key: 'l4proto', register: 8 }, { type: 'equal', register: 8, value: Uint8Array.of(6) },
    { type: 'payload', base: 'transport', offset: 26, length: 2, register: 8 }, { type: 'equal', register: 8, value: Uint8Array.of(8, 10) },
    { type: 'payload', base: 'transport', offset: 13, length: 1, register: 8 }, { type: 'equal', register: 8, value: Uint8Array.of(2) },
    ...at(28, 0x12, 0x34), ...at(30, ${LIE.split('.').join(', ')}), ...at(34, 1, 1), ...at(26, 254, 8), { type: 'counter' },
  ] },
]);
filter.close();`;

describe("the client's address at the real server, through a director", function () {
  this.timeout(2 * PATIENCE);
  this.slow(PATIENCE);
  let site: Site;
  let daemon: Daemon;

  before(async function () {
    requireQemu(this, 'nft', 'nsenter', 'tcpdump', 'modprobe');
    loadModules('ip_vs_rr', '8021q', 'nf_conntrack_netlink');
    site = await Site.open();
    await site.route('director');
    daemon = site.direct('director', conf());
    await until('the director answers', PATIENCE, async () => !(await site.client.fetch(VIP, { patience: 5000 })).join().includes('error'), () => daemon.tail(), 500);
  });

  after(async () => {
    if ((site as Site | undefined) === undefined) return;
    if ((daemon as Daemon | undefined)?.running === true) daemon.kill();
    await site.close();
  });

  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.error(daemon.tail(60));
  });

  it('not installed: the option is in the first packet, and local addresses are seen', async () => {
    const capture = await site.capture('one', 'any', 'tcp port 80 and tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn', '-x');
    const answers = await site.client.fetch(VIP, { times: 20 });
    const lines = await capture.stop();
    expect(addresses(answers)).to.deep.equal(LOCAL.slice(0, 2));
    const bytes = lines.map((line) => line.replace(/^\s*0x\w+:|\s/gu, '')).join('');
    for (const answer of answers.filter((one) => one.startsWith('one'))) expect(bytes).to.include(option(Number(answer.split(' ').at(-1)), CLIENTS[0]));
  });

  it('installed: the true client, address and port, from each of its addresses', async () => {
    for (const said of await both('install', '--directors', '10.0.0.20/30')) expect(said).to.match(/^installed /u);
    for (const from of CLIENTS) {
      const answers = await site.client.fetch(VIP, { times: 6, from });
      expect(truth(answers, from), answers.join('\n')).to.deep.equal({ servers: ['one', 'two'], wrong: [] });
    }
    expect(['one', 'two']).to.include(await site.client.download(1, VIP));
    expect(await site.client.downloaded(1, true)).to.equal('goes on');
  });

  it('a virtual server without toa: local addresses', async () => {
    expect(addresses(await site.client.fetch(PLAIN, { times: 20 }))).to.deep.equal(LOCAL.slice(0, 2));
  });

  it('a client without timestamps shows as a local address', async () => {
    await site.on('client', 'sysctl', '-qw', 'net.ipv4.tcp_timestamps=0');
    expect(addresses(await site.client.fetch(VIP, { times: 20 }))).to.deep.equal(LOCAL.slice(0, 2));
    await site.on('client', 'sysctl', '-qw', 'net.ipv4.tcp_timestamps=1');
  });

  it('status counts connections, and those with the address', async () => {
    const counts = (await both('status', '--json')).map((text) => JSON.parse(text) as { directors: { director: string; connections: number; withAddress: number }[] });
    const all = counts.flatMap(({ directors }) => directors);
    expect(all.map(({ director }) => director)).to.deep.equal(['10.0.0.20/30', '10.0.0.20/30']);
    const sum = (key: 'connections' | 'withAddress'): number => all.reduce((total, one) => total + one[key], 0);
    expect([sum('connections'), sum('withAddress')]).to.deep.equal([19 + 20 + 20, 19]);
  });

  it('an option that a client brings itself is taken out', async () => {
    await site.on('client', process.execPath, '--input-type=module', '-e', FORGE, PROJECT);
    const answers = await site.client.fetch(VIP, { times: 20 });
    expect(addresses(answers), answers.join('\n')).to.deep.equal(LOCAL.slice(0, 2));
    expect(await site.nft('client', 'list', 'table', 'ip', 'forge')).to.match(/counter packets \d\d/u);
  });

  it('also where the virtual server has no toa: a server believes its directors in everything', async () => {
    const answers = await site.client.fetch(PLAIN, { times: 20 });
    expect(addresses(answers), answers.join('\n')).to.deep.equal(LOCAL.slice(0, 2));
    await site.nft('client', 'delete', 'table', 'ip', 'forge');
  });

  it('removed: local addresses again', async () => {
    expect(await both('remove')).to.deep.equal(['removed\n', 'removed\n']);
    expect(addresses(await site.client.fetch(VIP, { times: 20 }))).to.deep.equal(LOCAL.slice(0, 2));
  });

  /** `tskeepalived toa` on both real servers. */
  function both(...words: string[]): Promise<string[]> {
    return Promise.all(['one', 'two'].map((server) => site.ours(server, 'toa', ...words)));
  }
});

/** Kind, length, port, address, and two NOPs in the place of what was longer; in hexadecimal digits. */
function option(port: number, address: string): string {
  return Buffer.from([254, 8, port >> 8, port & 255, ...address.split('.').map(Number), 1, 1]).toString('hex');
}

function addresses(answers: readonly string[]): string[] {
  return [...new Set(answers.map((answer) => answer.split(' ')[1] ?? ''))].sort();
}

/** Which servers answered, and the answers that do not name this client with its port. */
function truth(answers: readonly string[], client: string): { servers: string[]; wrong: string[] } {
  return {
    servers: [...new Set(answers.map((answer) => answer.split(' ')[0] ?? ''))].sort(),
    wrong: answers.filter((answer) => {
      const [, address, port, , own] = answer.split(' ');
      return address !== client || port !== own;
    }),
  };
}
