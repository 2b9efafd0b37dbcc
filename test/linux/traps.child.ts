import { RawNetlinkSocket } from 'netlink';
import raw from 'raw-socket';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { gratuitousArp } from '../../lib/codec/arp.ts';
import { encodeGetLinks, RTM_GETLINK, RTM_NEWADDR } from '../../lib/codec/rtnetlink.ts';
import { linuxClock } from '../../lib/linux/clock.ts';
import { AF_UNIX, ifNameToIndex, SOCK_DGRAM, socket } from '../../lib/linux/libc.ts';
import { linuxLinkLayer } from '../../lib/linux/link-layer.ts';
import { NetlinkRequests } from '../../lib/linux/netlink-requests.ts';
import { linuxNetlinkRoutes } from '../../lib/linux/netlink-routes.ts';
import { linuxSystem } from '../../lib/linux/system.ts';
import type { Address, NetworkEvent } from '../../lib/system/netlink-routes.ts';
import type { Datagram, SocketSpec } from '../../lib/system/vrrp-sockets.ts';
import { SystemError } from '../../lib/system/error.ts';
import { fromHex } from '../../lib/util/bytes.ts';
import { ip, type IpAddress } from '../../lib/util/ip.ts';
import { until } from './namespaces.ts';

/**
 * Run in a namespace of its own by traps.test.ts: `traps.child.js TRAP` walks into one trap of the native packages with our
 * code and says, as JSON on the last line, how it went.
 */

const MULTICAST4: SocketSpec = { family: 'inet', link: 'va', protocol: 112, group: ip('224.0.0.18') };
const MULTICAST6: SocketSpec = { family: 'inet6', link: 'va', protocol: 112, group: ip('ff02::12') };
const PAYLOAD = Uint8Array.of(0x21, 1, 100, 0, 0, 1, 0, 0);

const TRAPS: Readonly<Record<string, () => unknown>> = {
  descriptors,
  'deleted-interface': deletedInterface,
  overrun,
  promiscuous,
  receive4: () => receive(MULTICAST4),
  receive6: () => receive(MULTICAST6),
  send4: () => sendForEver(MULTICAST4, ip('10.0.0.2'), ip('224.0.0.18')),
  send6: () => sendForEver(MULTICAST6, ip('fe80::ff:fe00:b'), ip('ff02::12')),
  storm,
  settle,
  batch,
  dump: dumpAll,
  'lost-answer': lostAnswer,
  many,
  'send-now': sendNow,
  unprivileged,
  bugs,
  down,
  'witness-descriptors': witnessDescriptors,
  'witness-overrun': witnessOverrun,
};

function fatal(cause: Error): never {
  throw cause;
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (cause) {
    if (cause instanceof SystemError) return cause.code;
    throw cause;
  }
  return 'no error';
}

/** A script started while all kinds of sockets are open lists its descriptors. */
async function descriptors(): Promise<unknown> {
  const system = linuxSystem(fatal);
  const sockets = [MULTICAST4, MULTICAST6].map((spec) => system.vrrp.open(spec, () => undefined, fatal));
  const cancel = system.files.watch('/etc/hosts', () => undefined);
  const report = `/tmp/tska-${process.pid}-descriptors`;
  const script = ['/bin/sh', '-c', `exec > ${report}; for f in /proc/$$/fd/*; do readlink $f; done; exit 0`];
  const result = await system.scripts.run(script, { timeout: 5_000, user: null, group: null }).result;
  const seen = readFileSync(report, 'utf8').trim().split('\n');
  await system.files.remove(report);
  // The witness that the test can fail: a socket without close-on-exec does show.
  const leaky = socket(AF_UNIX, SOCK_DGRAM, 0);
  await system.scripts.run(script, { timeout: 5_000, user: null, group: null }).result;
  const leaked = readFileSync(report, 'utf8').trim().split('\n');
  await system.files.remove(report);
  cancel();
  sockets.forEach((s) => s.close());
  system.close();
  return { result, seen, leaked, leaky };
}

/** The interface of an open socket is deleted. */
async function deletedInterface(): Promise<unknown> {
  const system = linuxSystem(fatal);
  const failures: string[] = [];
  for (const spec of [MULTICAST4, MULTICAST6]) system.vrrp.open(spec, () => undefined, (cause) => failures.push(cause.message));
  execFileSync('ip', ['link', 'delete', 'va']);
  await until('both sockets to fail', () => failures.length === 2);
  const reopened = codeOf(() => system.vrrp.open(MULTICAST4, () => undefined, fatal));
  system.close();
  return { failures, reopened };
}

/** More address changes than the monitor's buffer holds, while the loop is busy. */
async function overrun(): Promise<unknown> {
  const routes = linuxNetlinkRoutes(fatal, { monitorBuffer: 64 * 1024 });
  const events = new Map<NetworkEvent['type'], number>();
  const cancel = routes.watch(({ type }) => events.set(type, (events.get(type) ?? 0) + 1));
  const lines = Array.from({ length: 5_000 }, (_, i) => `address add 10.${1 + (i >> 8)}.${i & 255}.1/32 dev va`);
  execFileSync('ip', ['-batch', '-'], { input: lines.join('\n') });
  await until('the loss to be told', () => events.has('lost'));
  const { addresses } = await routes.dump('inet');
  cancel();
  routes.close();
  return { lost: events.get('lost'), heard: events.get('address'), addresses: addresses.length };
}

/** Interface flags while a packet socket is open and after a burst. */
function promiscuous(): unknown {
  const flags = (): string => readFileSync('/sys/class/net/va/flags', 'utf8').trim();
  const index = ifNameToIndex('va');
  const before = flags();
  const link = linuxLinkLayer();
  const frames = Array.from({ length: 500 }, (_, i) => gratuitousArp(fromHex('02:00:00:00:00:0a'), ip(`10.0.${i >> 8}.${i & 255}`)));
  link.send(index, frames);
  const during = flags();
  const missing = codeOf(() => link.send(9999, frames));
  const long = codeOf(() => link.send(index, [new Uint8Array(2000)]));
  link.close();
  return { before, during, after: flags(), missing, long, closed: codeOf(() => link.send(index, frames)) };
}

/** The first datagram from the other namespace, with all that is known about it. */
async function receive(spec: SocketSpec): Promise<unknown> {
  const system = linuxSystem(fatal);
  const datagram = await new Promise<Datagram>((resolve) => system.vrrp.open(spec, resolve, fatal));
  process.stdout.write(JSON.stringify({ ...datagram, payload: [...datagram.payload], header: datagram.header?.length ?? null }));
  process.exit(0);
}

/** Adverts from `vb`, for `receive` in the other namespace; ended by the test. */
function sendForEver(spec: SocketSpec, from: IpAddress, to: IpAddress): Promise<never> {
  const system = linuxSystem(fatal);
  const opened = system.vrrp.open({ ...spec, link: 'vb' }, () => undefined, fatal);
  let id = 1;
  return new Promise(() => setInterval(() => opened.send({ from, to, payload: PAYLOAD, ttl: 254, id: id++ }), 50));
}

/** A flood of datagrams, each costing some time, is waiting in the socket when a timer is due. */
async function storm(): Promise<unknown> {
  const system = linuxSystem(fatal);
  const spec: SocketSpec = { ...MULTICAST4, link: 'lo', group: null };
  let received = 0;
  let atTimer = -1;
  const receiver = system.vrrp.open(spec, () => {
    received++;
    for (const end = performance.now() + 0.2; performance.now() < end; );
  }, fatal);
  const sender = system.vrrp.open(spec, () => undefined, fatal);
  for (let id = 1; id <= 500; id++) sender.send({ from: ip('127.0.0.1'), to: ip('127.0.0.1'), payload: PAYLOAD, ttl: 255, id });
  system.clock.at(system.clock.now() + 1, () => (atTimer = received));
  await until('all datagrams', () => received === 500);
  [receiver, sender].forEach((s) => s.close());
  system.close();
  return { atTimer, received };
}

/** A promise settled by the receiver of a datagram runs its continuation at once, not with the next event. */
async function settle(): Promise<unknown> {
  const system = linuxSystem(fatal);
  const clock = linuxClock();
  let settled = 0;
  let heard = 0;
  const receiver = system.vrrp.open({ ...MULTICAST4, link: 'lo', group: null }, () => {
    heard ||= clock.now();
    void Promise.resolve().then(() => (settled ||= clock.now()));
  }, fatal);
  const sender = system.vrrp.open({ ...MULTICAST4, link: 'lo', group: null }, () => undefined, fatal);
  sender.send({ from: ip('127.0.0.1'), to: ip('127.0.0.1'), payload: PAYLOAD, ttl: 255, id: 1 });
  // Nothing else happens in this process for a second.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  [receiver, sender].forEach((s) => s.close());
  system.close();
  return { heard: heard > 0, within: settled - heard };
}

/** One batch with a good, a doubled and a wrong operation; what the kernel has is looked at before the promise is awaited. */
async function batch(): Promise<unknown> {
  const routes = linuxNetlinkRoutes(fatal);
  const linkIndex = ifNameToIndex('va');
  const address = (text: string, length: number, more: Partial<Address> = {}): Address => ({
    linkIndex, prefix: { address: ip(text), length }, peer: null, broadcast: null, label: null, scope: 'global', flags: 0, preferred: null, protocol: 18, ...more,
  });
  const good4 = address('10.9.0.1', 24, { label: 'va:1', broadcast: ip('10.9.0.255'), scope: 'link' });
  const good6 = address('2001:db8::9', 128, { flags: 2, preferred: 0 });
  const peer = address('10.9.1.1', 32, { peer: ip('10.9.1.2') });
  const promise = routes.apply([
    { op: 'add-address', address: good4 },
    { op: 'add-address', address: good4 },
    { op: 'add-address', address: address('10.9.0.2', 24, { linkIndex: 9999 }) },
    { op: 'add-address', address: good6 },
    { op: 'add-address', address: peer },
    { op: 'delete-address', address: address('10.9.0.1', 32) },
  ]);
  const shown = execFileSync('ip', ['-j', 'address', 'show', 'dev', 'va'], { encoding: 'utf8' });
  const results = (await promise).map((error) => error && { code: error.code, message: error.message });
  const { addresses } = await routes.dump();
  const ours = addresses.filter(({ protocol }) => protocol === 18);
  const removed = await routes.apply(ours.map((gone) => ({ op: 'delete-address', address: gone })));
  const left = (await routes.dump()).addresses.filter(({ protocol }) => protocol === 18).length;
  routes.close();
  return { shown: shown.includes('10.9.0.1') && shown.includes('2001:db8::9'), results, ours, removed, left, sent: [good4, good6, peer] };
}

async function dumpAll(): Promise<unknown> {
  const routes = linuxNetlinkRoutes(fatal);
  const [state, only6] = await Promise.all([routes.dump(), routes.dump('inet6')]);
  routes.close();
  return { links: state.links.map((link) => ({ ...link, mac: [...link.mac] })), addresses: state.addresses, only6: only6.addresses };
}

/** What the interface has sent is counted before the event loop has turned. */
function sendNow(): unknown {
  const system = linuxSystem(fatal);
  const sent = (): number => Number(readFileSync('/sys/class/net/va/statistics/tx_packets', 'utf8'));
  const counts: number[] = [];
  for (const [spec, from, to] of [[MULTICAST4, ip('10.0.0.1'), ip('224.0.0.18')], [MULTICAST6, ip('fe80::ff:fe00:a'), ip('ff02::12')]] as const) {
    const opened = system.vrrp.open(spec, () => undefined, fatal);
    const before = sent();
    for (let id = 1; id <= 10; id++) opened.send({ from, to, payload: PAYLOAD, ttl: 255, id });
    counts.push(sent() - before);
    opened.close();
  }
  system.close();
  return counts;
}

/** Sending on a link that is down, and after it is up again with the same sockets, and after closing. */
async function down(): Promise<unknown> {
  const system = linuxSystem(fatal);
  const ways = [[MULTICAST4, ip('10.0.0.1'), ip('224.0.0.18')], [MULTICAST6, ip('fe80::ff:fe00:a'), ip('ff02::12')]] as const;
  const sockets = ways.map(([spec]) => system.vrrp.open(spec, () => undefined, fatal));
  const codes = (): string[] => ways.map(([, from, to], i) => codeOf(() => sockets[i]?.send({ from, to, payload: PAYLOAD, ttl: 255, id: 1 })));
  const before = codes();
  execFileSync('ip', ['link', 'set', 'va', 'down']);
  const during = codes();
  execFileSync('ip', ['link', 'set', 'va', 'up']);
  let after: string[] = [];
  await until('sending to work again', () => (after = codes()).every((code) => code === 'no error'));
  sockets.forEach((opened) => opened.close());
  const closed = codes();
  system.close();
  return { before, during, after, closed };
}

/** In a user namespace: privileged in the network namespace, but not on the machine. */
async function unprivileged(): Promise<unknown> {
  const system = linuxSystem(fatal);
  const links = (await system.routes.dump()).links.map(({ name }) => name);
  const opened = system.vrrp.open({ ...MULTICAST4, link: 'lo', group: null }, () => undefined, fatal);
  opened.close();
  system.close();
  return links;
}

/** An exception in each kind of callback, twice: neither ends what calls, nor goes unheard. */
async function bugs(): Promise<unknown> {
  const system = linuxSystem(fatal);
  const heard = new Map<string, number>();
  process.on('uncaughtException', ({ message }) => heard.set(message, (heard.get(message) ?? 0) + 1));
  const bug = (where: string) => (): never => {
    throw new Error(where);
  };
  const path = `/tmp/tska-${process.pid}-watched`;
  system.files.watch(path, bug('watch'));
  system.routes.watch(bug('netlink'));
  const receiver = system.vrrp.open({ ...MULTICAST4, link: 'lo', group: null }, bug('datagram'), fatal);
  for (let round = 1; round <= 2; round++) {
    execFileSync('ip', ['address', 'add', `10.5.0.${round}/32`, 'dev', 'va']);
    receiver.send({ from: ip('127.0.0.1'), to: ip('127.0.0.1'), payload: PAYLOAD, ttl: 255, id: round });
    await system.files.write(path, 'x', 0o600);
    for (let waits = 0; waits < 200 && ['watch', 'netlink', 'datagram'].some((where) => (heard.get(where) ?? 0) < round); waits++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  receiver.close();
  await system.files.remove(path);
  system.close();
  process.removeAllListeners('uncaughtException');
  return Object.fromEntries(heard);
}

/** raw-socket as it is: does its descriptor reach a script? */
function witnessDescriptors(): unknown {
  const list = (): number => execFileSync('sh', ['-c', 'ls -l /proc/$$/fd'], { encoding: 'utf8' }).split('socket:').length;
  const before = list();
  const opened = new raw.Socket({ protocol: 112, addressFamily: raw.AddressFamily.IPv4 });
  const during = list();
  opened.close();
  return during - before;
}

/** netlink as it is: does an overrun end the process? Says so when it does not. */
async function witnessOverrun(): Promise<unknown> {
  const opened = new RawNetlinkSocket(0);
  opened.setRecvBufferSize(4096);
  opened.addMembership(5);
  opened.on('error', () => undefined);
  execFileSync('ip', ['-batch', '-'], { input: Array.from({ length: 1_000 }, (_, i) => `address add 10.1.${i >> 8}.${i & 255}/32 dev va`).join('\n') });
  await new Promise((resolve) => setTimeout(resolve, 500));
  opened.close();
  return 'survived';
}

/** Refusals that do not fit into the receive buffer: the answer to the last request among them. */
async function lostAnswer(): Promise<unknown> {
  const requests = new NetlinkRequests(0, 'small socket', { answerWithin: 200, receiveBuffer: 4096, window: 1_000 });
  const wrong = { type: RTM_NEWADDR, flags: 0, payload: new Uint8Array(8), operation: 'add', object: 'nothing' };
  const failure = await requests.batch(Array.from({ length: 1_000 }, () => wrong)).then(() => 'answered', (cause: SystemError) => cause.code);
  // Late answers to the lost batch are nobody's: the next request gets its own.
  const next = await requests.batch([wrong]);
  const links = await requests.dump({ type: RTM_GETLINK, flags: 0, payload: encodeGetLinks(), operation: 'list', object: 'interfaces' });
  requests.close();
  const closed = await requests.batch([wrong]).then(() => 'answered', (cause: SystemError) => cause.code);
  return { failure, next: next.map((error) => error?.code), links: links.length, closed };
}

/** Two thousand addresses in one call, then all of them again, each refused. */
async function many(): Promise<unknown> {
  const routes = linuxNetlinkRoutes(fatal);
  const linkIndex = ifNameToIndex('va');
  const operations = Array.from({ length: 2_000 }, (_, i) => ({
    op: 'add-address' as const,
    address: {
      linkIndex, prefix: { address: ip(`10.${1 + (i >> 8)}.${i & 255}.1`), length: 32 }, peer: null, broadcast: null, label: null, scope: 'global' as const,
      flags: 0, preferred: null, protocol: 18,
    },
  }));
  const added = await routes.apply(operations);
  const again = await routes.apply(operations);
  const dumped = (await routes.dump('inet')).addresses.length;
  routes.close();
  return { added: added.filter((error) => error === null).length, again: again.filter((error) => error?.code === 'EEXIST').length, dumped };
}

const [, , trap = ''] = process.argv;
const run = TRAPS[trap];
if (run === undefined) throw new Error(`no such trap: '${trap}'`);
console.log(JSON.stringify(await run()));
