import { expect } from 'chai';
import { Announcer } from '../../lib/daemon/announcer.ts';
import { Network } from '../../lib/daemon/network.ts';
import type { VrrpInstance } from '../../lib/config/model.ts';
import { SystemError } from '../../lib/system/error.ts';
import type { Link } from '../../lib/system/netlink-routes.ts';
import { ipFromBytes } from '../../lib/util/ip.ts';
import { configOf, instanceText } from '../sim/config-text.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';
import { FakeRoutes, link } from './fakes.ts';

interface Sent {
  readonly time: number;
  readonly index: number;
  readonly addresses: string[];
}

class Stage {
  readonly clock = new VirtualClock();
  readonly log = new RecordingLog();
  readonly routes = new FakeRoutes();
  readonly network = new Network(this.routes, this.clock, this.log, () => undefined);
  /** Calls of the link layer. */
  readonly sent: Sent[] = [];
  refuse: string | null = null;
  readonly announcer = new Announcer({
    send: (index, frames) => {
      if (this.refuse !== null) throw new SystemError('sendmmsg', `interface ${index}`, this.refuse);
      this.sent.push({ time: this.clock.now(), index, addresses: frames.map(announced) });
    },
    close: () => undefined,
  }, this.clock, this.network, this.log);

  async start(...links: Link[]): Promise<this> {
    this.routes.links = links.length === 0 ? [link(2, 'eth0')] : links;
    await this.network.start();
    return this;
  }

  announce(instance: VrrpInstance, repeat = 1): void {
    this.announcer.announce(instance, [...instance.virtualAddresses, ...instance.excludedAddresses], repeat);
  }

  /** Last parts of the addresses, in the order of the frames. */
  get order(): string {
    return this.sent.flatMap((s) => s.addresses).map((a) => a.split('.').at(-1)).join(' ');
  }
}

/** The address of a gratuitous ARP (sender protocol address) or an unsolicited NA (target). */
function announced(frame: Uint8Array): string {
  return frame[12] === 0x08 ? ipFromBytes(frame.subarray(28, 32)) : ipFromBytes(frame.subarray(14 + 40 + 8, 14 + 40 + 24));
}

/** `paced`: seconds between two gratuitous ARPs. */
function instance(addresses: string[], { version = 2, paced = 0, name = 'VI_1' } = {}): VrrpInstance {
  const global = paced === 0 ? '' : `global_defs {\n vrrp_garp_interval ${paced}\n}\n`;
  const [made] = configOf(global + instanceText(`version ${version}\n virtual_ipaddress {\n ${addresses.join('\n ')}\n }`, name, 51, '')).instances;
  if (made === undefined) throw new Error('no instance');
  return made;
}

describe('Announcer', () => {
  let stage: Stage;

  beforeEach(() => { stage = new Stage(); });

  afterEach(async () => {
    stage.announcer.close();
    stage.network.close();
    expect(stage.clock.pending(), 'timers left').to.equal(0);
    const sent = stage.sent.length;
    await stage.clock.advance(60_000);
    expect(stage.sent.length, 'frames after the end').to.equal(sent);
  });

  it('nothing for no addresses, nothing for no repeats', async () => {
    await stage.start();
    stage.announcer.announce(instance(['10.0.0.1']), [], 5);
    stage.announce(instance(['10.0.0.1']), 0);
    expect(stage.sent).to.deep.equal([]);
  });

  for (const [name, links] of [
    ['is not there', [link(2, 'eth9')]],
    ['is down', [link(2, 'eth0', { up: false })]],
    ['has no ARP', [link(2, 'eth0', { noArp: true })]],
    ['has no MAC address', [link(2, 'eth0', { mac: new Uint8Array(0) })]],
    ['has one of 20 bytes', [link(2, 'eth0', { mac: new Uint8Array(20) })]],
  ] as const) {
    it(`nothing on an interface that ${name}`, async () => {
      await stage.start(...links);
      stage.announce(instance(['10.0.0.1']), 5);
      expect(stage.sent).to.deep.equal([]);
      expect(stage.log.lines).to.deep.equal([]);
    });
  }

  it('an interface that refuses is told of once for a burst, and the rest of it is dropped', async () => {
    await stage.start();
    stage.refuse = 'ENETDOWN';
    stage.announce(instance(['10.0.0.1', '10.0.0.2'], { paced: 1 }), 5);
    stage.refuse = null;
    await stage.clock.advance(10_000);
    expect(stage.log.texts('warn')).to.deep.equal(['Gratuitous ARP on eth0: sendmmsg interface 2: ENETDOWN']);
    expect(stage.sent).to.deep.equal([]);
  });

  it('every address once before any is announced again, all in one call, at once', async () => {
    await stage.start();
    stage.announce(instance(['10.0.0.1', '10.0.0.2', '10.0.0.3']), 3);
    expect(stage.sent.map((s) => s.addresses.length)).to.deep.equal([9]);
    expect(stage.order).to.equal('1 2 3 1 2 3 1 2 3');
  });

  it('a detail line for each address, not for each frame', async () => {
    await stage.start();
    stage.announce(instance(['10.0.0.1', '10.0.0.2']), 5);
    expect(stage.log.texts('detail')).to.deep.equal([
      '(VI_1) Sending/queueing gratuitous ARPs on eth0 for 10.0.0.1', '(VI_1) Sending/queueing gratuitous ARPs on eth0 for 10.0.0.2',
    ]);
  });

  it('IPv6 addresses by unsolicited neighbour advertisements', async () => {
    await stage.start();
    stage.announce(instance(['fe80::100', '2001:db8::1'], { version: 3 }), 1);
    expect(stage.sent.flatMap((s) => s.addresses)).to.deep.equal(['fe80::100', '2001:db8::1']);
    expect(stage.log.texts('detail')[0]).to.equal('(VI_1) Sending/queueing unsolicited Neighbour Adverts on eth0 for fe80::100');
  });

  it('each interface has its own addresses', async () => {
    await stage.start(link(2, 'eth0'), link(3, 'eth1'));
    stage.announce(instance(['10.0.0.1', '10.1.0.1 dev eth1', '10.0.0.2']), 2);
    expect(stage.sent.map((s) => [s.index, s.addresses])).to.deep.equal([
      [2, ['10.0.0.1', '10.0.0.2', '10.0.0.1', '10.0.0.2']], [3, ['10.1.0.1', '10.1.0.1']],
    ]);
  });

  it('no more than 512 frames in a turn', async () => {
    await stage.start();
    stage.announce(instance(Array.from({ length: 250 }, (_, i) => `10.0.0.${i + 1}`)), 5);
    expect(stage.sent.map((s) => s.addresses.length)).to.deep.equal([512]);
    await stage.clock.advance(0);
    expect(stage.sent.map((s) => s.addresses.length)).to.deep.equal([512, 512, 226]);
  });

  it("vrrp_garp_interval, keepalived's: one frame, then the pause, then the next; what waits for its turn waits once", async () => {
    await stage.start();
    stage.announce(instance(['10.0.0.1', '10.0.0.2'], { paced: 0.25 }), 5);
    stage.announce(instance(['10.0.0.2', '10.0.0.3'], { paced: 0.25 }), 5);
    await stage.clock.advance(10_000);
    expect(stage.sent.map((s) => [s.time, s.addresses])).to.deep.equal([
      [0, ['10.0.0.1']], [250, ['10.0.0.1']], [500, ['10.0.0.2']], [750, ['10.0.0.3']],
    ]);
  });

  it('the pause also holds for what is asked for later', async () => {
    await stage.start();
    const paced = instance(['10.0.0.1'], { paced: 0.25 });
    stage.announce(paced);
    await stage.clock.advance(100);
    stage.announce(paced);
    await stage.clock.advance(10_000);
    expect(stage.sent.map((s) => s.time)).to.deep.equal([0, 250]);
  });

  it('an instance that is no longer master is silenced, others on the interface go on', async () => {
    await stage.start();
    stage.announce(instance(['10.0.0.1'], { paced: 1 }), 3);
    stage.announce(instance(['10.0.0.2'], { paced: 1, name: 'VI_2' }), 2);
    await stage.clock.advance(500);
    stage.announcer.silence('VI_1');
    await stage.clock.advance(10_000);
    expect(stage.order).to.equal('1 2');
  });

  it('interfaces of a garp_group take turns, at its pace; one that fails does not hold the others', async () => {
    const stage = await new Stage().start(link(2, 'eth0'), link(3, 'eth1'), link(4, 'v', { kind: 'macvlan', parentIndex: 3 }));
    stage.announcer.use([{ links: ['eth0', 'eth1'], arpInterval: 500, naInterval: 0 }]);
    stage.announce(instance(['10.0.0.1', '10.0.0.2 dev eth1', '10.0.0.3 dev v']));
    await stage.clock.advance(5000);
    expect(stage.sent.map(({ time, index, addresses }) => `${time} ${index} ${addresses.join(' ')}`)).to.deep.equal(['0 2 10.0.0.1', '500 3 10.0.0.2', '1000 4 10.0.0.3']);
    stage.refuse = 'ENETDOWN';
    stage.announce(instance(['10.0.0.1', '10.0.0.2 dev eth1']));
    expect(stage.log.lines.filter((line) => line.level === 'warn')).to.have.length(2);
    expect(stage.clock.pending()).to.equal(0);
  });
});
