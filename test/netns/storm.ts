import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildIpv4Packet } from '../../lib/codec/ipv4.ts';
import { type Advertisement, authData, encodeAdvertisement } from '../../lib/codec/vrrp.ts';
import { concat } from '../../lib/util/bytes.ts';
import { ip } from '../../lib/util/ip.ts';
import type { Daemon, DaemonKind } from './daemon.ts';
import { dumped, statistics } from './dumped.ts';
import type { Lab } from './lab.ts';
import { until, wallClock } from './wait.ts';

export const RATE = 5000;
/** Milliseconds between two adverts of VI_1. */
export const INTERVAL = 100;
const FROM = '192.0.2.2';
const GROUP = '224.0.0.18';
const GROUP_MAC = [0x01, 0x00, 0x5e, 0x00, 0x00, 0x12];

/** VI_1 is sent what is not valid; VI_2 has a password; VI_3 is sent valid adverts of a lower priority, which it answers. */
const CONFIGURATION = [
  [1, `version 3\n  advert_int ${INTERVAL / 1000}`], [2, 'advert_int 1\n  authentication {\n    auth_type PASS\n    auth_pass secret\n  }'], [3, `version 3\n  advert_int ${INTERVAL / 1000}`],
].map(([n, more]) => `vrrp_instance VI_${n} {\n  interface eth0\n  virtual_router_id 5${n}\n  priority 150\n  ${more}\n  virtual_ipaddress {\n    10.1.0.${n}/32\n  }\n}\n`).join('');

/** What is forged, and as what it is counted: an instance and the name in its dump. */
const KINDS: Readonly<Record<string, { readonly instance: string; readonly counter: string; readonly message: Uint8Array }>> = {
  'bad checksum': { instance: 'VI_1', counter: 'checksum', message: changed(advert({ vrid: 51 }), 6) },
  'wrong version': { instance: 'VI_1', counter: 'version', message: advert({ vrid: 51, version: 2, advertInterval: 1000 }) },
  'wrong VRID': { instance: 'VI_1', counter: 'unknown VRID', message: advert({ vrid: 54 }) },
  'bad password': { instance: 'VI_2', counter: 'authentication', message: advert({ vrid: 52, version: 2, advertInterval: 1000, addresses: [ip('10.1.0.2')], auth: { type: 1, data: authData(new TextEncoder().encode('guessed')) } }) },
  'unknown VRID': { instance: 'VI_1', counter: 'unknown VRID', message: advert({ vrid: 200 }) },
  'lower priority': { instance: 'VI_3', counter: 'received', message: advert({ vrid: 53, priority: 100, addresses: [ip('10.1.0.3')] }) },
  truncated: { instance: 'VI_1', counter: 'length', message: advert({ vrid: 51 }).subarray(0, 6) },
};

export interface Weathered {
  readonly sent: number;
  /** Captured of it. */
  readonly seen: number;
  /** From each advert of VI_1 during the storm to the next: milliseconds, and forged packets between the two. */
  readonly gaps: readonly { readonly ms: number; readonly forged: number }[];
  /** By instance and name: what should be counted if all arrived, and what was. */
  readonly due: Readonly<Record<string, number>>;
  readonly counted: Readonly<Record<string, number>>;
  /** What the kernel dropped, its buffer being full, and the daemon's report says. */
  readonly lost: number;
  /** How long the daemon's main thread was ready to run and had no processor, milliseconds. */
  readonly waited: number;
  /** During the storm: of the log, and announced. */
  readonly lines: readonly string[];
  readonly garps: number;
}

/** A master of three virtual routers. */
export async function masters(lab: Lab<'a' | 'b'>, kind: DaemonKind): Promise<Daemon> {
  const daemon = lab.nodes.a.start(kind, CONFIGURATION);
  await until('all three are masters', 15_000, () => ours(lab).length === 3, () => daemon.tail());
  return daemon;
}

/** A storm of so many forged adverts of all kinds from another machine of its link. Counters are ours only. */
export async function weather(lab: Lab<'a' | 'b'>, daemon: Daemon, count: number): Promise<Weathered> {
  const { b } = lab.nodes;
  const frames = Object.values(KINDS).map(({ message }) => frame(message, b.mac).toString('hex'));
  const before = await counters(lab, daemon);
  const waitedBefore = waited(daemon);
  const since = wallClock();
  const { stdout, stderr, status } = await b.run([process.execPath, join(import.meta.dirname, 'tools', 'storm.js'), 'eth0', String(RATE), String(count), b.write('storm.json', JSON.stringify(frames))], 120_000);
  if (status !== 0) throw new Error(`the storm broke off: ${stderr}`);
  const sent = Number(stdout);
  const lines = daemon.log.filter(({ at }) => at >= since).map(({ text }) => text);
  const garps = lab.witness.garps.filter(({ at }) => at >= since).length;
  const without = waited(daemon) - waitedBefore;
  const due: Record<string, number> = {};
  Object.values(KINDS).forEach(({ instance, counter }, i, all) => { due[`${instance} ${counter}`] = (due[`${instance} ${counter}`] ?? 0) + Math.floor((sent + all.length - 1 - i) / all.length); });
  const after = await settled(lab, daemon);
  const counted = Object.fromEntries(Object.keys(due).map((name) => [name, (after.counted[name] ?? 0) - (before.counted[name] ?? 0)]));
  return { sent, ...captured(lab, since), due, counted, lost: after.lost - before.lost, waited: without, lines, garps };
}

/** The second field of schedstat, nanoseconds. */
function waited(daemon: Daemon): number {
  return Math.max(...daemon.pids().map((pid) => Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6));
}

/** VRIDs that `a` has sent adverts of. */
function ours(lab: Lab<'a' | 'b'>): number[] {
  return [...new Set(lab.witness.adverts.filter(({ mac }) => mac === lab.nodes.a.mac).map(({ vrid }) => vrid))];
}

function captured(lab: Lab<'a' | 'b'>, since: number): Pick<Weathered, 'seen' | 'gaps'> {
  const { a, b } = lab.nodes;
  const gaps: { ms: number; forged: number }[] = [];
  let last: number | null = null;
  let forged = 0;
  let seen = 0;
  for (const { mac, vrid, at } of lab.witness.advertsSince(since)) {
    if (mac === b.mac) {
      forged++;
      seen++;
    } else if (mac === a.mac && vrid === 51) {
      // Before the first forged packet and after the last there was no storm.
      if (last !== null && seen > forged) gaps.push({ ms: at - last, forged });
      last = at;
      forged = 0;
    }
  }
  return { seen, gaps: gaps.filter((gap) => gap.forged > 0) };
}

interface Counters { readonly counted: Readonly<Record<string, number>>; readonly lost: number }

async function counters(lab: Lab<'a' | 'b'>, daemon: Daemon): Promise<Counters> {
  const { a } = lab.nodes;
  const counted: Record<string, number> = {};
  if (daemon.kind !== 'ours') return { counted, lost: 0 };
  const text = await dumped(a, daemon, 'keepalived.data', 'SIGUSR1');
  for (const block of text.split(' VRRP Instance = ').slice(1)) {
    const name = /^\S+/.exec(block)?.[0] ?? '';
    for (const [, what = '', value = ''] of (/Packet errors = (.*)/.exec(block)?.[1] ?? '').matchAll(/(\D+?) (\d+)(?:, |$)/g)) counted[`${name} ${what}`] = Number(value);
  }
  counted['VI_3 received'] = (await statistics(a, daemon, 'VI_3'))['Advertisements: Received'] ?? 0;
  // One socket for all of them.
  return { counted, lost: Number(/lost in a full receive buffer = (\d+)/.exec(text)?.[1] ?? 0) };
}

/** The counters when everything that waits in the socket was read: they do not change any more. */
async function settled(lab: Lab<'a' | 'b'>, daemon: Daemon): Promise<Counters> {
  let last = await counters(lab, daemon);
  await until('the counters stand still', 30_000, async () => {
    const next = await counters(lab, daemon);
    const still = JSON.stringify(next) === JSON.stringify(last);
    last = next;
    return still;
  }, () => JSON.stringify(last), 200);
  return last;
}

function advert(fields: Partial<Advertisement>): Uint8Array {
  const whole: Advertisement = { version: 3, type: 1, vrid: 0, priority: 200, advertInterval: INTERVAL, addresses: [ip('10.1.0.1')], auth: null, ...fields };
  return encodeAdvertisement(whole, { from: ip(FROM), to: ip(GROUP) });
}

function changed(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, i) => (i === at ? byte ^ 0x55 : byte));
}

function frame(payload: Uint8Array, mac: string): Buffer {
  const ethernet = Uint8Array.from([...GROUP_MAC, ...mac.split(':').map((byte) => parseInt(byte, 16)), 0x08, 0x00]);
  return Buffer.from(concat(ethernet, buildIpv4Packet({ from: ip(FROM), to: ip(GROUP), ttl: 255, id: 1, protocol: 112, payload })));
}
