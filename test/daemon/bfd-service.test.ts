import { expect } from 'chai';
import type { BfdPacket } from '../../lib/codec/bfd.ts';
import { decodeBfd, encodeBfd } from '../../lib/codec/bfd.ts';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { renderBfd } from '../../lib/daemon/report/bfd.ts';
import { familyOf, ip } from '../../lib/util/ip.ts';
import { PACKET } from '../bfd/pair.ts';
import { Stage } from './stage.ts';

const bfd = (name: string, lines = ''): string => `bfd_instance ${name} {\n neighbor_ip 10.0.0.2\n source_ip 10.0.0.1\n min_rx 100\n min_tx 100\n multiplier 3\n ${lines}\n}\n`;
const instance = (track: string): string => `vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 1\n priority 100\n virtual_ipaddress {\n 10.0.0.9\n }\n track_bfd {\n ${track}\n }\n}\n`;

describe('BFD service', () => {
  let stage: Stage;
  beforeEach(() => { stage = new Stage(); });

  /** What it sent last. */
  const last = (): BfdPacket => {
    const packet = decodeBfd(stage.machine.bfd.sent.at(-1)?.payload ?? new Uint8Array());
    if (packet instanceof DecodeError) throw new Error(packet.detail);
    return packet;
  };
  const hears = (packet: Partial<BfdPacket>, over: { from?: string; to?: string; ttl?: number | null; port?: number } = {}): void => {
    const from = ip(over.from ?? '10.0.0.2');
    const payload = encodeBfd({ ...PACKET, desiredMinTx: 200, yourDiscriminator: last().myDiscriminator, ...packet });
    stage.machine.bfd.deliver(familyOf(from), over.port ?? 3784, { from, to: ip(over.to ?? '10.0.0.1'), ttl: over.ttl === undefined ? 255 : over.ttl, payload });
  };
  const up = (): void => { hears({ state: 'Init' }); };
  const said = (pattern: RegExp): string[] => stage.router.log.texts().filter((text) => pattern.test(text));
  const dropped = (): Readonly<Record<string, number>> => stage.router.daemon.status().bfd.dropped;
  const session = (): string | undefined => stage.router.daemon.status().bfd.sessions[0]?.session.state;

  it('a session of weight 0 holds its instance in FAULT until it is up, and again when nothing is heard', async () => {
    await stage.start(bfd('S') + instance('S'), 5000);
    expect(stage.router.state()).to.equal('Fault');
    up();
    await stage.clock.advance(100);
    expect(stage.router.state()).to.equal('Backup');
    for (let i = 0; i < 40; i++) {
      await stage.clock.advance(150);
      hears({ state: 'Up' });
    }
    expect(stage.router.state()).to.equal('Master');
    // Five times 200 ms.
    await stage.clock.advance(999);
    expect(stage.router.state()).to.equal('Master');
    await stage.clock.advance(2);
    expect(stage.router.state()).to.equal('Fault');
    expect(said(/^\(S\)/)).to.deep.equal([
      '(S) Entering Up state', '(S) Starting poll sequence', '(S) Expired after 1000 ms (0 usec overdue)',
      '(S) Entering Down state (Local diagnostic - Control Detection Time Expired, Remote diagnostic - No Diagnostic)',
    ]);
    expect(said(/Tracked BFD/)).to.deep.equal(['VRRP_Instance(VI_1) Tracked BFD instance S is UP', 'VRRP_Instance(VI_1) Tracked BFD instance S is DOWN']);
    expect(said(/Detection time/)).to.deep.equal(['    Detection time is 1000000 us (was 0 us)']);
    await stage.end();
    expect(stage.machine.bfd.listening.size + stage.machine.bfd.speakers, 'sockets left').to.equal(0);
  });

  it('with a weight it changes the priority; the neighbour\'s AdminDown does not (keepalived)', async () => {
    await stage.start(bfd('S') + instance('S weight 20'), 100);
    const priority = (): number | undefined => stage.router.daemon.status().instances[0]?.priority;
    expect(priority()).to.equal(100);
    up();
    expect(priority()).to.equal(120);
    hears({ state: 'AdminDown' });
    expect(session()).to.equal('Down');
    expect(priority()).to.equal(120);
    hears({ state: 'Init' });
    hears({ state: 'Down' });
    expect(priority()).to.equal(100);
    await stage.end();
  });

  it('packets go to 3784 from the source with TTL 255; multihop to 4784; IPv6 with 64', async () => {
    await stage.start(`${bfd('S')}bfd_instance M {\n neighbor_ip 10.0.0.3\n multihop\n ttl 40\n}\nbfd_instance X {\n neighbor_ip fd00::2\n}\n`, 10);
    expect(stage.machine.bfd.sent.map(({ from, to, port }) => ({ ...from, to, port }))).to.deep.equal([
      { family: 'inet', source: '10.0.0.1', ttl: 255, to: '10.0.0.2', port: 3784 },
      { family: 'inet', source: null, ttl: 40, to: '10.0.0.3', port: 4784 },
      { family: 'inet6', source: null, ttl: 64, to: 'fd00::2', port: 3784 },
    ]);
    expect([...stage.machine.bfd.listening.keys()].sort()).to.deep.equal(['inet 3784', 'inet 4784', 'inet6 3784']);
    await stage.end();
  });

  describe('drops and counts', () => {
    for (const [name, reason, packet, over] of [
      ['a TTL below 255', 'bad-ttl', {}, { ttl: 254 }],
      ['an unknown TTL', 'bad-ttl', {}, { ttl: null }],
      ['another sender with our discriminator', 'no-session', {}, { from: '10.0.0.3' }],
      ['another discriminator', 'no-session', { yourDiscriminator: 99 }, {}],
      ['none, to another address', 'no-session', { state: 'Down', yourDiscriminator: 0 }, { to: '10.0.0.5' }],
      ['a multiplier of 0', 'bad-multiplier', { multiplier: 0 }, {}],
    ] as const satisfies readonly (readonly [string, string, Partial<BfdPacket>, Parameters<typeof hears>[1]])[]) {
      it(name, async () => {
        await stage.start(bfd('S') + instance('S'), 10);
        hears({ state: 'Init', ...packet }, over);
        expect(dropped()).to.deep.equal({ [reason]: 1 });
        expect(session()).to.equal('Down');
        await stage.end();
      });
    }

    it('authentication, which is not in use', async () => {
      await stage.start(bfd('S'), 10);
      const payload = Uint8Array.of(...encodeBfd({ ...PACKET, state: 'Init', yourDiscriminator: last().myDiscriminator }), 1, 4, 1, 0);
      payload[1] = (payload[1] ?? 0) | 0x04;
      payload[3] = 28;
      stage.machine.bfd.deliver('inet', 3784, { from: ip('10.0.0.2'), to: ip('10.0.0.1'), ttl: 255, payload });
      expect(dropped()).to.deep.equal({ authentication: 1 });
      expect(session()).to.equal('Down');
      await stage.end();
    });

    it('max_hops lets fewer hops pass, -1 any', async () => {
      await stage.start(bfd('S', 'max_hops 2'), 10);
      hears({ state: 'Down' }, { ttl: 252 });
      expect(session()).to.equal('Down');
      hears({ state: 'Down' }, { ttl: 253 });
      expect(session()).to.equal('Init');
      await stage.router.reload(bfd('S', 'max_hops -1'));
      hears({ state: 'Init' }, { ttl: 1 });
      expect(session()).to.equal('Up');
      await stage.end();
    });
  });

  it('a reload keeps a session, also under another name; other intervals go by a Poll; one that goes is told', async () => {
    await stage.start(bfd('S') + instance('S'), 10);
    up();
    hears({ state: 'Up', final: true });
    const { myDiscriminator } = last();
    await stage.router.reload(bfd('T') + instance('T'));
    expect(session()).to.equal('Up');
    await stage.clock.advance(100);
    expect(stage.router.state()).to.equal('Backup');
    expect(last()).to.include({ myDiscriminator, poll: false });
    await stage.router.reload(bfd('T', 'min_tx 400') + instance('T'));
    expect(last()).to.include({ myDiscriminator, poll: true, desiredMinTx: 400, state: 'Up' });
    await stage.router.reload(`${bfd('T').replace('10.0.0.2', '10.0.0.4')}${instance('T')}`);
    await stage.clock.advance(1);
    expect(stage.router.state()).to.equal('Fault');
    expect(stage.machine.bfd.speakers).to.equal(1);
    await stage.end();
  });

  it('a port or an address that is not to be had is said once and tried again', async () => {
    stage.machine.bfd.refuse = 'EADDRINUSE';
    await stage.start(bfd('S'), 30_000);
    expect(said(/EADDRINUSE/)).to.have.length(2);
    stage.machine.bfd.refuse = null;
    await stage.clock.advance(10_000);
    up();
    expect(session()).to.equal('Up');
    stage.machine.bfd.breakListener('inet', 3784, 'EBADF');
    await stage.clock.advance(6000);
    expect(stage.machine.bfd.listening.size).to.equal(1);
    await stage.end();
  });

  it('a neighbour that cannot be reached is said once', async () => {
    stage.machine.bfd.unreachable = 'ENETUNREACH';
    await stage.start(bfd('S'), 30_000);
    expect(said(/ENETUNREACH/)).to.have.length(1);
    await stage.end();
  });

  it('vrrp and checker choose who hears', async () => {
    await stage.start(bfd('S', 'checker') + instance('S'), 10);
    up();
    await stage.clock.advance(10);
    expect(session()).to.equal('Up');
    expect(stage.router.state(), 'VRRP has not heard').to.equal('Fault');
    await stage.end();
  });

  it('random and mutated packets in every state: no exception, no session comes up by them', async () => {
    await stage.start(bfd('S'), 10);
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 0x7fff_ffff) / 0x7fff_ffff;
    const good = encodeBfd({ ...PACKET, yourDiscriminator: 0x1234_5678 });
    for (let i = 0; i < 5000; i++) {
      const payload = i % 2 === 0 ? Uint8Array.from({ length: Math.floor(random() * 60) }, () => random() * 256) : good.map((byte) => (random() < 0.1 ? random() * 256 : byte));
      stage.machine.bfd.deliver('inet', 3784, { from: ip('10.0.0.2'), to: ip('10.0.0.1'), ttl: 255, payload });
    }
    expect(session()).to.not.equal('Up');
    await stage.end();
  });

  it('the dump is keepalived\'s', async () => {
    await stage.start(bfd('S') + instance('S'), 10);
    up();
    const text = renderBfd(stage.router.daemon.status());
    const { myDiscriminator } = last();
    for (const line of [
      '------< BFD Topology >------', ' BFD Instance = S', '   Neighbor IP = 10.0.0.2', '   Source IP = 10.0.0.1', '   Required min RX interval = 100000 us', '   Desired min TX interval = 100000 us',
      '   Desired idle TX interval = 1000000 us', '   Detection multiplier = 3', '   TTL = 255', '   max_hops = 0', '   passive = false', '   send event to VRRP process = Yes',
      '   send event to checker process = Yes', '   local state = Up', '   remote state = Init', `   local discriminator = 0x${myDiscriminator.toString(16)}`, '   remote discriminator = 0x4d',
      '   local diag = No Diagnostic', '   remote min tx intv = 200000 us', '   remote min rx intv = 50000 us', '   remote detect multiplier = 5', '   poll, !final',
      '   local tx intv = 100000 us', '   remote tx intv = 200000 us', '   local detection time = 1000000 us', '   remote detection time = 300000 us',
    ]) expect(text.split('\n')).to.include(line);
    await stage.end();
  });
});
