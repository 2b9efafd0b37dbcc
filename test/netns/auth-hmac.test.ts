import { expect } from 'chai';
import { requirePrograms } from '../needs.ts';
import type { Daemon } from './daemon.ts';
import { statistics } from './dumped.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import type { LabNode } from './node.ts';
import { catchFrame, sendFrames } from './sender.ts';
import { sleep, until, wallClock } from './wait.ts';

const KEYS = { 1: 'first-key-of-thirty-two-bytes-long', 2: `hex:${'5a'.repeat(32)}`, wrong: 'another-secret-of-thirty-two-bytes' } as const;
const FAMILIES = {
  inet: { vrid: 51, name: 'V4', vip: '192.0.2.100/24', held: '192.0.2.100/24' },
  inet6: { vrid: 52, name: 'V6', vip: 'fe80::100/64', held: 'fe80::100/64' },
} as const;
const BOTH = Object.keys(FAMILIES) as (keyof typeof FAMILIES)[];

/** Each continues where the last one ended. */
describe('netns: auth_hmac on a wire', function () {
  this.timeout(60_000);
  let lab: Lab<'a' | 'b' | 'c'>;
  let one: Daemon;
  let two: Daemon;
  const secrets: string[] = [KEYS[1], KEYS[2].slice(4), KEYS.wrong];

  before(async function () {
    requireLab(this, { witness: false });
    requirePrograms(this, 'python3');
    lab = await Lab.open({ nodes: { a: '192.0.2.1/24', b: '192.0.2.2/24', c: '192.0.2.3/24' }, witness: null });
    const { a, b } = lab.nodes;
    for (const node of Object.values(lab.nodes)) await node.sh('echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad; while ip -6 address show dev eth0 | grep -q tentative; do sleep 0.1; done');
    one = a.start('ours', configuration(150, 1));
    two = b.start('ours', configuration(100, 1));
  });
  after(() => lab?.close());

  it('elects the higher priority, in both families; nobody drops anything', async () => {
    const { a, b } = lab.nodes;
    for (const family of BOTH) await a.holds(FAMILIES[family].held, 15_000, true, () => one.tail());
    await sleep(2500);
    for (const family of BOTH) expect(b.watch.has(FAMILIES[family].held)).to.equal(false);
    expect(await refusals(b, two)).to.deep.equal({ V4: {}, V6: {} });
    expect((await statistics(b, two, 'V4'))['Advertisements: Received']).to.be.greaterThan(1);
  });

  it('a replay is refused and counted, also when its sender is gone', async () => {
    const { a, b, c } = lab.nodes;
    const frames = [await catchFrame(c, a.mac, 'inet', 51), await catchFrame(c, a.mac, 'inet6', 52)];
    for (const [i, frame] of frames.entries()) expect(trailerOf(frame), `length of ${BOTH[i] ?? ''}`).to.deep.equal({ length: 28, type: 1, key: 1 });
    await sleep(1200);
    await sendFrames(c, frames);
    await counts(b, two, { V4: { Replay: 1 }, V6: { Replay: 1 } });
    const since = one.terminate();
    for (const family of BOTH) await b.holds(FAMILIES[family].held, 15_000, true, () => two.tail());
    await one.ended(10_000);
    await sendFrames(c, frames);
    await counts(b, two, { V4: { Replay: 2 }, V6: { Replay: 2 } });
    expect(two.said(/Entering BACKUP STATE/, since), two.tail()).to.equal(false);
    one = a.start('ours', configuration(150, 1));
    for (const family of BOTH) await a.holds(FAMILIES[family].held, 15_000, true, () => one.tail());
  });

  it('a wrong key is refused and counted, and deposes nobody', async () => {
    const { a, b, c } = lab.nodes;
    const since = wallClock();
    const intruder = c.start('ours', configuration(200, 1, KEYS.wrong));
    for (const { name } of Object.values(FAMILIES)) await intruder.says(new RegExp(`\\(${name}\\) Entering MASTER STATE`), 15_000);
    await until('both refuse it', 10_000, async () => {
      const all = [...Object.values(await refusals(a, one)), ...Object.values(await refusals(b, two)), ...Object.values(await refusals(c, intruder))];
      return all.every((counted) => (counted['Invalid HMAC'] ?? 0) > 1);
    }, () => one.tail(), 300);
    expect(one.said(/Entering/, since) || two.said(/Entering/, since), `${one.tail()}\n${two.tail()}`).to.equal(false);
    intruder.terminate();
    await intruder.ended(10_000);
  });

  it('the active key moves by reloads: no takeover, nothing refused, the new key on the wire', async () => {
    const { a, b, c } = lab.nodes;
    const before = [await refusals(a, one), await refusals(b, two)];
    const since = wallClock();
    for (const [node, daemon, priority] of [[b, two, 100], [a, one, 150]] as const) {
      node.write('keepalived.conf', configuration(priority, 2));
      await daemon.says(/Reload complete/, 10_000, daemon.signal('SIGHUP'));
      await sleep(1500);
    }
    for (const family of BOTH) {
      await until(`key 2 signs, ${family}`, 10_000, async () => trailerOf(await catchFrame(c, a.mac, family, FAMILIES[family].vrid)).key === 2, () => one.tail());
      expect([a.watch.has(FAMILIES[family].held), b.watch.has(FAMILIES[family].held)]).to.deep.equal([true, false]);
    }
    expect(one.said(/Entering/, since) || two.said(/Entering/, since), `${one.tail()}\n${two.tail()}`).to.equal(false);
    expect([await refusals(a, one), await refusals(b, two)]).to.deep.equal(before);
  });

  it('no secret is in any log', () => {
    for (const { text } of [...one.log, ...two.log]) for (const secret of secrets) expect(text).to.not.include(secret);
  });
});

function configuration(priority: number, active: 1 | 2, first: string = KEYS[1]): string {
  return Object.values(FAMILIES).map(({ vrid, name, vip }) => `vrrp_instance ${name} {
  state BACKUP
  interface eth0
  version 3
  virtual_router_id ${vrid}
  priority ${priority}
  advert_int 0.5
  auth_hmac {
    key 1 ${first}
    key 2 ${KEYS[2]}
    active_key ${active}
    time_window 60
  }
  virtual_ipaddress {
    ${vip}
  }
}
`).join('');
}

/** The trailer behind the message of one address, in a frame. */
function trailerOf(frame: Buffer): { length: number; type: number; key: number } {
  const six = frame.readUInt16BE(12) === 0x86dd;
  const message = frame.subarray(six ? 54 : 34, six ? 54 + frame.readUInt16BE(18) : 14 + frame.readUInt16BE(16));
  const trailer = message.subarray(8 + (six ? 16 : 4));
  return { length: trailer.length, type: trailer[0] ?? 0, key: trailer[1] ?? 0 };
}

type Refusals = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** What each instance has counted as refused for its trailer. */
async function refusals(node: LabNode, daemon: Daemon): Promise<Refusals> {
  const found: Record<string, Record<string, number>> = {};
  for (const { name } of Object.values(FAMILIES)) {
    const counted = Object.entries(await statistics(node, daemon, name)).filter(([key, value]) => key.startsWith(SECTION) && value > 0);
    found[name] = Object.fromEntries(counted.map(([key, value]) => [key.slice(SECTION.length), value]));
  }
  return found;
}

const SECTION = 'Authentication Extension Errors: ';

async function counts(node: LabNode, daemon: Daemon, expected: Refusals): Promise<void> {
  let seen: Refusals = {};
  await until('the replays are counted', 10_000, async () => JSON.stringify(seen = await refusals(node, daemon)) === JSON.stringify(expected), () => `${JSON.stringify(seen)}\n${daemon.tail()}`);
}
