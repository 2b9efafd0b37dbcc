import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon } from '../netns/daemon.ts';
import { sleep, until, wallClock } from '../netns/wait.ts';
import { CLIENTS, LOCAL, LOCAL6, SERVERS, SERVERS6, Site, VIP, VIP6, VIPS } from './fullnat/site.ts';
import { loadModules, requireQemu } from './needs.ts';

/** Every instruction is emulated. */
const PATIENCE = 240_000;
const MARK = 7;
const [, MARKED, GROUP, GROUP_LAST, PERSISTENT] = VIPS;

const servers = (addresses: readonly string[], port: number): string => addresses.map((address) => `  real_server ${address} ${port} {\n    weight 1\n  }\n`).join('');

function service(head: string, more: string, { protocol = 'TCP', port = 80, real = SERVERS }: { readonly protocol?: string | null; readonly port?: number; readonly real?: readonly string[] } = {}): string {
  return `virtual_server ${head} {\n  lb_algo rr\n  lb_kind FNAT\n${protocol === null ? '' : `  protocol ${protocol}\n`}  laddr_group_name inside\n${more}${servers(real, port)}}\n`;
}

function conf({ local = LOCAL.slice(0, 2), real = SERVERS }: { readonly local?: readonly string[]; readonly real?: readonly string[] } = {}): string {
  return `local_address_group inside {\n${[...local, ...LOCAL6].map((address) => `  ${address}\n`).join('')}}
virtual_server_group web {
  ${GROUP}-${GROUP_LAST.split('.').at(-1) ?? ''} 80
}
${service(`${VIP} 80`, '', { real })}${service(`${VIP} 7`, '', { port: 7 })}${service(`${VIP} 53`, '', { protocol: 'UDP', port: 53 })}${service(`${VIP6} 80`, '', { real: SERVERS6 })}
${service(`fwmark ${MARK}`, '', { protocol: null })}${service('group web', '')}${service(`${PERSISTENT} 0`, '  persistence_timeout 300\n', { port: 0 })}`;
}

/** What answers say: servers, and whom they saw. */
const told = (answers: readonly string[]): { servers: string[]; seen: string[]; failed: string[] } => ({
  servers: distinct(answers.map((answer) => answer.split(' ')[0] ?? '')), seen: distinct(answers.map((answer) => answer.split(' ')[1] ?? '')),
  failed: answers.filter((answer) => answer.startsWith('error') || answer === 'none'),
});
const distinct = (words: readonly string[]): string[] => [...new Set(words)].sort();
const BOTH = ['one', 'two'];

describe('FULLNAT by nftables, on a stock kernel', function () {
  this.timeout(2 * PATIENCE);
  this.slow(PATIENCE);
  let site: Site;
  let daemon: Daemon;
  const began = performance.now();

  before(async function () {
    requireQemu(this, 'nft', 'nsenter', 'tcpdump', 'modprobe', 'curl');
    loadModules('ip_vs_rr', '8021q', 'nf_conntrack_netlink');
    site = await Site.open();
    await site.route('director');
    await site.nft('director', `add table ip marks; add chain ip marks pre { type filter hook prerouting priority mangle; }; add rule ip marks pre ip daddr ${MARKED} meta mark set ${MARK}`);
    daemon = site.direct('director', conf());
    await until('the director answers', PATIENCE, async () => told(await site.client.fetch(VIP, { patience: 5000 })).failed.length === 0, () => daemon.tail(), 500);
  });

  after(async () => {
    if ((site as Site | undefined) === undefined) return;
    if ((daemon as Daemon | undefined)?.running === true) daemon.kill();
    await site.close();
    console.log(`      ${Math.round((performance.now() - began) / 1000)} s`);
  });

  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.error(daemon.tail(60));
  });

  it('HTTP by both servers, which see local addresses alone, and all of them', async () => {
    expect(told(await site.client.fetch(VIP, { times: 24 }))).to.deep.equal({ servers: BOTH, seen: LOCAL.slice(0, 2), failed: [] });
    for (const from of CLIENTS.slice(1)) expect(told(await site.client.fetch(VIP, { times: 4, from }))).to.deep.include({ servers: BOTH, failed: [] });
  });

  it('four translations: there and back, each seen on the link of the director', async () => {
    const capture = await site.capture('director', 'eth0', 'tcp port 80');
    const [answer = ''] = await site.client.fetch(VIP);
    const lines = await capture.stop();
    const [, local = '', port = '', , clientPort = ''] = answer.split(' ');
    const client = `${CLIENTS[0]}.${clientPort}`;
    const server = `${answer.startsWith('one') ? SERVERS[0] : SERVERS[1]}.80`;
    const seen = (from: string, to: string, flags: string): boolean => lines.some((line) => line.includes(`IP ${from} > ${to}: Flags [${flags}]`));
    const shown = lines.join('\n');
    expect([seen(client, `${VIP}.80`, 'S'), seen(`${local}.${port}`, server, 'S'), seen(server, `${local}.${port}`, 'S.'), seen(`${VIP}.80`, client, 'S.')], shown).to.deep.equal([true, true, true, true]);
    expect(lines.filter((line) => line.includes(`${CLIENTS[0]}.`) && !line.includes(`${VIP}.80`)), shown).to.deep.equal([]);
  });

  it('IPv6', async () => {
    expect(told(await site.client.fetch(VIP6, { times: 24 }))).to.deep.equal({ servers: BOTH, seen: [...LOCAL6], failed: [] });
  });

  it('UDP', async () => {
    expect(told(await site.client.datagrams(VIP, ports(24)))).to.deep.equal({ servers: BOTH, seen: LOCAL.slice(0, 2), failed: [] });
  });

  it('a mark', async () => {
    expect(told(await site.client.fetch(MARKED, { times: 24 }))).to.deep.equal({ servers: BOTH, seen: LOCAL.slice(0, 2), failed: [] });
  });

  it('a group of virtual addresses', async () => {
    for (const address of [GROUP, GROUP_LAST]) expect(told(await site.client.fetch(address, { times: 8 }))).to.deep.include({ servers: BOTH, failed: [] });
  });

  it('persistence, for all ports: a client stays with its server, by all local addresses', async () => {
    const { servers: kept, seen, failed } = told(await site.client.fetch(PERSISTENT, { times: 24 }));
    expect([kept.length, seen, failed]).to.deep.equal([1, LOCAL.slice(0, 2), []]);
  });

  it('a real server as client, and the director itself', async () => {
    const [one] = site.servers;
    expect(told(await one.fetch(VIP, { times: 4 }))).to.deep.include({ servers: BOTH, failed: [] });
    expect(await site.on('director', 'curl', '-s', '-m', '20', `http://${VIP}/`)).to.match(/^(?:one|two) 10\.0\.0\.2[12] /u);
  });

  it('a reload adds and removes a local address and a real server by elements alone, and a download goes on', async () => {
    // In turn: the one that is on the server which will go ends before.
    const on = [await site.client.download(1, VIP), await site.client.download(2, VIP)];
    expect([...on].sort()).to.deep.equal(BOTH);
    const [stays, goes] = on[0] === 'one' ? [1, 2] : [2, 1];
    expect(await site.client.downloaded(goes, true)).to.equal('goes on');
    const before = await handles(site);
    const monitor = await site.monitor('director');
    await reload(conf({ local: LOCAL }));
    await until('the third address', PATIENCE, async () => (await elements(site, 'lips')).includes(LOCAL[2]), () => daemon.tail(), 500);
    expect(await handles(site)).to.deep.equal(before);
    expect(told(await site.client.fetch(VIP, { times: 32 }))).to.deep.equal({ servers: BOTH, seen: [...LOCAL], failed: [] });
    await reload(conf({ local: LOCAL.slice(1), real: SERVERS.slice(0, 1) }));
    expect(told(await site.client.fetch(VIP, { times: 24 }))).to.deep.equal({ servers: ['one'], seen: LOCAL.slice(1), failed: [] });
    await reload(conf());
    expect(told(await site.client.fetch(VIP, { times: 24 }))).to.deep.equal({ servers: BOTH, seen: LOCAL.slice(0, 2), failed: [] });
    expect(await handles(site)).to.deep.equal(before);
    const changes = (await monitor.stop()).filter((line) => !/^(?:add|delete) (?:element ip6? tsk_fnat |rule ip6? tsk_fnat lg_inside )|^# new generation/u.test(line));
    expect(changes).to.deep.equal([]);
    expect(await site.client.downloaded(stays, true)).to.equal('goes on');
  });

  it('reloads, and 20 tables anew with 40 changes of them, under traffic: nothing is lost', async () => {
    await site.client.traffic(VIP);
    for (const local of [LOCAL, LOCAL.slice(0, 2)]) {
      const since = wallClock();
      site.configure(conf({ local }));
      // Of the process that checks: the other one has nothing to do with it.
      process.kill(Number(readFileSync(join(site.folder, 'director-checkers.pid'), 'utf8')), 'SIGHUP');
      await daemon.says(/Reload complete/u, PATIENCE, since);
    }
    // A reload is dear where every instruction is emulated, and what it does to the kernel is this.
    await paused(daemon, () => site.churn('director', 20));
    const { answered, errors } = await site.client.rest();
    expect(errors).to.deep.equal([]);
    expect(answered).to.be.greaterThan(20);
  });

  it('connection tracking forgets: a talking connection goes on, a server that speaks up is not reset, and no late packet shows a client', async () => {
    expect(await site.client.talk(1, VIP)).to.match(/^(?:one|two) /u);
    expect(await site.client.talk(2, VIP)).to.match(/^(?:one|two) /u);
    const seen = await site.client.say(1);
    const outside = await site.capture('router', 'any', `tcp port 7 and host ${CLIENTS[0]} and not host ${VIP}`);
    const resets = await site.capture('router', 'any', 'tcp port 7 and tcp[tcpflags] & tcp-rst != 0');
    await site.forget('director');
    // The servers first: to the director, what they say belongs to no connection.
    for (const server of site.servers) await server.push();
    await sleep(1000);
    expect(await counted(site, 'input')).to.be.greaterThan(0);
    // Two closes: after words, by which it is remembered again, and of what is forgotten.
    expect(await site.client.say(1)).to.equal(seen);
    await site.client.close(1);
    await site.client.close(2);
    await until('the late packet', PATIENCE, async () => await counted(site, 'guard') > 0, () => daemon.tail(), 500);
    expect([await resets.stop(), await outside.stop()]).to.deep.equal([[], []]);
  });

  it('the table is flushed: without translation nothing is answered; it comes back, and a download goes on', async () => {
    expect(BOTH).to.include(await site.client.download(2, VIP));
    const since = wallClock();
    // The daemon would repair it at once.
    await paused(daemon, async () => {
      await site.nft('director', 'flush', 'chain', 'ip', 'tsk_fnat', 'translate');
      expect(told(await site.client.fetch(VIP, { times: 2, patience: 4000 })).failed).to.have.length(2);
    });
    await daemon.says(/nftables table tsk_fnat was changed by somebody else; making it anew/u, PATIENCE, since);
    await until('it is there again', PATIENCE, async () => told(await site.client.fetch(VIP, { patience: 5000 })).failed.length === 0, () => daemon.tail(), 500);
    expect(await site.client.downloaded(2, true)).to.equal('goes on');
    await site.nft('director', 'delete', 'table', 'ip', 'tsk_fnat');
    await until('it is there once more', PATIENCE, async () => told(await site.client.fetch(VIP, { times: 8, patience: 5000 })).failed.length === 0, () => daemon.tail(), 500);
  });

  it('killed and started again: everything goes on meanwhile and after', async () => {
    expect(BOTH).to.include(await site.client.download(3, VIP));
    const before = await handles(site);
    daemon.kill();
    await site.client.traffic(VIP);
    expect(told(await site.client.fetch(VIP, { times: 4 })).failed).to.deep.equal([]);
    daemon = site.direct('director', conf());
    await until('the table anew', PATIENCE, async () => (await handles(site)).join() !== before.join(), () => daemon.tail(), 500);
    await sleep(3000);
    const { answered, errors } = await site.client.rest();
    expect([errors, answered > 4]).to.deep.equal([[], true]);
    expect(await site.client.downloaded(3, true)).to.equal('goes on');
  });

  it('another director with the same seed gives a client the same local address', async () => {
    const wanted = ports(12);
    const first = await site.client.datagrams(VIP, wanted);
    const talks = await Promise.all(wanted.map((port, i) => site.client.talk(100 + i, VIP, port)));
    for (const i of wanted.keys()) await site.client.close(100 + i, true);
    const other = site.direct('other', conf());
    try {
      await until('its table', PATIENCE, async () => (await site.nft('other', 'list', 'tables')).includes('tsk_fnat'), () => other.tail(), 500);
      await site.route('other');
      await until('it answers', PATIENCE, async () => told(await site.client.fetch(VIP, { patience: 5000 })).failed.length === 0, () => other.tail(), 500);
      const seenBy = (answers: readonly string[]): string[] => answers.map((answer) => answer.replace(/^\w+ /u, ''));
      expect(seenBy(await site.client.datagrams(VIP, wanted))).to.deep.equal(seenBy(first));
      expect(seenBy(await Promise.all(wanted.map((port, i) => site.client.talk(200 + i, VIP, port))))).to.deep.equal(seenBy(talks));
      expect(told(first).seen).to.deep.equal(LOCAL.slice(0, 2));
    } finally {
      await site.route('director');
      other.terminate();
      await other.ended(PATIENCE);
    }
  });

  it('the stop leaves nothing', async () => {
    daemon.terminate();
    await daemon.ended(PATIENCE);
    expect(await site.nft('director', 'list', 'tables')).to.equal('table ip marks\n');
    expect((await site.on('director', 'cat', '/proc/net/ip_vs')).split('\n').slice(3)).to.deep.equal(['']);
    expect(await site.on('director', 'sysctl', '-n', 'net.ipv4.vs.conntrack', 'net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding')).to.equal('0\n0\n0\n');
    expect(readdirSync(site.folder).filter((name) => !name.endsWith('keepalived.conf'))).to.deep.equal([]);
  });

  let port = 30_000;
  function ports(count: number): number[] {
    return Array.from({ length: count }, () => port++);
  }

  async function reload(configuration: string): Promise<void> {
    const since = wallClock();
    site.configure(configuration);
    daemon.signal('SIGHUP');
    // The process that checks says so as well.
    await until('the reload', PATIENCE, () => daemon.log.filter(({ at, text }) => at >= since && text.includes('Reload complete')).length >= 2, () => daemon.tail(60));
  }
});

/** The daemon stands still meanwhile. */
async function paused(daemon: Daemon, work: () => Promise<void>): Promise<void> {
  const pids = daemon.pids();
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  try {
    await work();
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
}

/** Table, chains, sets and rules with their handles, without the rules of pools. */
async function handles(site: Site): Promise<string[]> {
  const text = await site.nft('director', '-a', '-s', 'list', 'table', 'ip', 'tsk_fnat');
  return text.split('\n').filter((line) => line.includes('# handle') && !line.includes('snat to')).map((line) => line.trim());
}

async function elements(site: Site, set: string): Promise<string> {
  return site.nft('director', 'list', 'set', 'ip', 'tsk_fnat', set);
}

/** Packets that a chain's rules have counted. */
async function counted(site: Site, chain: string): Promise<number> {
  const text = await site.nft('director', 'list', 'chain', 'ip', 'tsk_fnat', chain);
  return [...text.matchAll(/counter packets (\d+)/gu)].reduce((sum, [, packets]) => sum + Number(packets), 0);
}
