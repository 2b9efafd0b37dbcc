import { expect } from 'chai';
import { addressKey, Network, type NetworkChange } from '../../lib/daemon/network.ts';
import { ip, printPrefix } from '../../lib/util/ip.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { settle, VirtualClock } from '../sim/virtual-clock.ts';
import { address, FakeRoutes, link } from './fakes.ts';

class Stage {
  readonly routes = new FakeRoutes();
  readonly clock = new VirtualClock();
  readonly log = new RecordingLog();
  readonly network: Network;
  private changes: string[] = [];

  constructor() {
    this.routes.links = [link(1, 'lo'), link(2, 'eth0')];
    this.routes.addresses = [address(2, '10.0.0.1/24')];
    this.network = new Network(this.routes, this.clock, this.log, (change) => this.changes.push(words(change)));
  }

  async start(): Promise<this> {
    await this.network.start();
    this.changes = [];
    return this;
  }

  took(): string[] {
    const changes = this.changes;
    this.changes = [];
    return changes;
  }
}

function words(change: NetworkChange): string {
  return 'name' in change ? `${change.type} ${change.name}` : `${change.type} ${change.link} ${printPrefix(change.address.prefix)}`;
}

describe('Network', () => {
  let stage: Stage;

  beforeEach(() => { stage = new Stage(); });

  afterEach(async () => {
    stage.network.close();
    await stage.clock.advance(0);
    expect(stage.routes.watching(), 'watches left').to.equal(0);
    expect(stage.clock.pending(), 'timers left').to.equal(0);
  });

  it('cannot start when the kernel cannot be asked', async () => {
    stage.routes.broken = 'EPERM';
    const refused = await stage.network.start().then(() => null, (cause: unknown) => cause);
    expect(String(refused)).to.equal('SystemError: dump links: EPERM');
  });

  it('knows what the first dump brings, and tells of it', async () => {
    await stage.network.start();
    expect(stage.took()).to.deep.equal(['link-added lo', 'link-added eth0', 'address-added eth0 10.0.0.1/24']);
    expect(stage.network.link('eth0')?.index).to.equal(2);
    expect(stage.network.link('eth1')).to.equal(undefined);
    expect(stage.network.linkName(2)).to.equal('eth0');
    expect(stage.network.linkName(3)).to.equal(undefined);
    expect(stage.network.links().length).to.equal(2);
    expect(stage.network.addressesOf(2).length).to.equal(1);
  });

  it('what was heard during the first dump and is not in it was before it', async () => {
    stage.routes.holdDumps();
    const starting = stage.network.start();
    stage.routes.tell({ type: 'address', address: address(2, '10.0.0.9/24') });
    stage.routes.releaseDumps();
    await starting;
    expect(stage.network.addressesOf(2).map((a) => a.prefix.address)).to.deep.equal(['10.0.0.1']);
  });

  describe('one change at a time', () => {
    it('a link that went down, a link that is the same', async () => {
      const { routes } = await stage.start();
      routes.tell({ type: 'link', link: link(2, 'eth0', { running: false }) });
      routes.tell({ type: 'link', link: link(2, 'eth0', { running: false }) });
      expect(stage.took()).to.deep.equal(['link eth0']);
      expect(stage.network.link('eth0')?.running).to.equal(false);
    });

    it('another MTU or MAC address is a change, another kind is not', async () => {
      const { routes } = await stage.start();
      routes.tell({ type: 'link', link: link(2, 'eth0', { mtu: 9000 }) });
      routes.tell({ type: 'link', link: link(2, 'eth0', { mtu: 9000, mac: Uint8Array.from([2, 9, 9, 9, 9, 9]) }) });
      routes.tell({ type: 'link', link: link(2, 'eth0', { mtu: 9000, mac: Uint8Array.from([2, 9, 9, 9, 9, 9]), kind: 'x' }) });
      expect(stage.took()).to.deep.equal(['link eth0', 'link eth0']);
    });

    it('a link with another name: the old one went, the new one came', async () => {
      const { routes } = await stage.start();
      routes.tell({ type: 'link', link: link(2, 'wan') });
      expect(stage.took()).to.deep.equal(['link-removed eth0', 'link-added wan']);
      expect(stage.network.link('eth0')).to.equal(undefined);
    });

    it('a link that is gone takes its addresses along', async () => {
      const { routes } = await stage.start();
      routes.tell({ type: 'link-gone', index: 2, name: 'eth0' });
      routes.tell({ type: 'link-gone', index: 2, name: 'eth0' });
      expect(stage.took()).to.deep.equal(['link-removed eth0']);
      expect(stage.network.addressesOf(2)).to.deep.equal([]);
    });

    it('an address once, its removal once, a removal of what nobody knew never', async () => {
      const { routes } = await stage.start();
      const one = address(2, '10.0.0.100/24');
      routes.tell({ type: 'address-gone', address: one });
      routes.tell({ type: 'address', address: one });
      routes.tell({ type: 'address', address: one });
      routes.tell({ type: 'address-gone', address: one });
      routes.tell({ type: 'address-gone', address: one });
      expect(stage.took()).to.deep.equal(['address-added eth0 10.0.0.100/24', 'address-removed eth0 10.0.0.100/24']);
    });

    it('the same address with another prefix length or peer is another one', async () => {
      const { routes, network } = await stage.start();
      routes.tell({ type: 'address', address: address(2, '10.0.0.1/32') });
      routes.tell({ type: 'address', address: address(2, '10.0.0.1/32', { peer: ip('10.0.0.2') }) });
      expect(stage.took()).to.deep.equal(['address-added eth0 10.0.0.1/32', 'address-added eth0 10.0.0.1/32']);
      expect(network.has(addressKey(2, address(2, '10.0.0.1/32')))).to.equal(true);
      expect(network.get(addressKey(2, address(2, '10.0.0.1/32', { peer: ip('10.0.0.2') })))?.peer).to.equal('10.0.0.2');
      expect(network.has(addressKey(3, address(3, '10.0.0.1/32')))).to.equal(false);
    });

    it('an address of a link that is not known yet is kept, not told', async () => {
      const { routes } = await stage.start();
      routes.tell({ type: 'address', address: address(7, '10.7.0.1/24') });
      expect(stage.took()).to.deep.equal([]);
      routes.tell({ type: 'link', link: link(7, 'eth7') });
      expect(stage.took()).to.deep.equal(['link-added eth7']);
      expect(stage.network.primaryAddress('eth7', 'inet', () => false)).to.equal('10.7.0.1');
    });
  });

  describe('events that were lost', () => {
    it('another dump, whose differences are told as if they had been heard', async () => {
      const { routes } = await stage.start();
      routes.links = [link(1, 'lo'), link(2, 'eth0', { up: false }), link(3, 'eth1')];
      routes.addresses = [address(2, '10.0.0.2/24')];
      routes.tell({ type: 'lost' });
      await settle();
      expect(stage.took()).to.deep.equal(['link eth0', 'link-added eth1', 'address-removed eth0 10.0.0.1/24', 'address-added eth0 10.0.0.2/24']);
      expect(stage.log.texts('warn')).to.deep.equal(['Netlink: messages from the kernel were lost, reading its tables again']);
    });

    it('an interface replaced by another of the same name', async () => {
      const { routes } = await stage.start();
      routes.links = [link(1, 'lo'), link(9, 'eth0')];
      routes.addresses = [address(9, '10.0.0.1/24')];
      routes.tell({ type: 'lost' });
      await settle();
      expect(stage.took()).to.deep.equal(['link-removed eth0', 'link-added eth0', 'address-added eth0 10.0.0.1/24']);
      expect(stage.network.link('eth0')?.index).to.equal(9);
    });

    it('lost during a dump: one more dump, not one for each', async () => {
      const { routes } = await stage.start();
      routes.holdDumps();
      for (let i = 0; i < 5; i++) routes.tell({ type: 'lost' });
      routes.releaseDumps();
      await settle();
      expect(routes.dumps).to.equal(1 + 2);
    });

    it('a dump that fails is tried again after a second, six times in all', async () => {
      const { routes, clock, log } = await stage.start();
      routes.broken = 'EBUSY';
      routes.tell({ type: 'lost' });
      await clock.advance(60_000);
      expect(routes.dumps).to.equal(1 + 6);
      expect(log.texts('error')).to.deep.equal([
        ...Array.from({ length: 5 }, () => "Netlink: the kernel's tables could not be read (SystemError: dump links: EBUSY); trying again in 1 s"),
        "Netlink: the kernel's tables could not be read (SystemError: dump links: EBUSY)",
      ]);
    });

    it('a dump that works again is the end of it', async () => {
      const { routes, clock } = await stage.start();
      routes.broken = 'EBUSY';
      routes.addresses = [];
      routes.tell({ type: 'lost' });
      await clock.advance(500);
      routes.broken = null;
      await clock.advance(10_000);
      expect(stage.took()).to.deep.equal(['address-removed eth0 10.0.0.1/24']);
      expect(routes.dumps).to.equal(1 + 2);
    });

    it('closed in the middle of a dump, or before the next try: nothing more', async () => {
      const { routes, network, clock } = await stage.start();
      routes.holdDumps();
      routes.addresses = [];
      routes.tell({ type: 'lost' });
      network.close();
      routes.releaseDumps();
      await clock.advance(0);
      expect(stage.took()).to.deep.equal([]);
    });

    it('closed while it waits to try again: no timer stays', async () => {
      const { routes, network, clock } = await stage.start();
      routes.broken = 'EBUSY';
      routes.tell({ type: 'lost' });
      await clock.advance(100);
      network.close();
      expect(clock.pending()).to.equal(0);
    });
  });

  describe('primaryAddress', () => {
    const mine = (key: string): boolean => key.includes('10.0.0.100/');

    for (const [name, addresses, family, expected] of [
      ['none', [], 'inet', null],
      ['only ours', ['10.0.0.100/24'], 'inet', null],
      ['the first that is not ours', ['10.0.0.100/24', '10.0.0.1/24', '10.0.0.2/24'], 'inet', '10.0.0.1'],
      ['not one of the other family', ['fe80::1/64'], 'inet', null],
      ['IPv6: the link-local one', ['2001:db8::1/64', '10.0.0.1/24', 'fe80::1/64'], 'inet6', 'fe80::1'],
      ['IPv6: no other will do', ['2001:db8::1/64'], 'inet6', null],
    ] as const) {
      it(name, async () => {
        stage.routes.addresses = addresses.map((a) => address(2, a));
        const { network } = await stage.start();
        expect(network.primaryAddress('eth0', family, mine)).to.equal(expected);
      });
    }

    it('a secondary only when there is no primary; one that is promoted comes behind the other primaries', async () => {
      stage.routes.addresses = [address(2, '10.0.0.5/24', { flags: 0x81 }), address(2, '10.1.0.1/24')];
      const { network, routes } = await stage.start();
      expect(network.primaryAddress('eth0', 'inet', mine)).to.equal('10.1.0.1');
      routes.tell({ type: 'address', address: address(2, '10.0.0.5/24') });
      expect(network.primaryAddress('eth0', 'inet', mine)).to.equal('10.1.0.1');
      routes.tell({ type: 'address-gone', address: address(2, '10.1.0.1/24') });
      expect(network.primaryAddress('eth0', 'inet', mine)).to.equal('10.0.0.5');
    });

    it('IPv6: not one that is still tentative; when it is not any more, that is told like a new one', async () => {
      stage.routes.addresses = [address(2, 'fe80::1/64', { flags: 0xc0 })];
      const { network, routes } = await stage.start();
      expect(network.primaryAddress('eth0', 'inet6', mine)).to.equal(null);
      routes.tell({ type: 'address', address: address(2, 'fe80::1/64') });
      expect(stage.took()).to.deep.equal(['address-added eth0 fe80::1/64']);
      expect(network.primaryAddress('eth0', 'inet6', mine)).to.equal('fe80::1');
    });

    it('holds: an address on whatever interface', async () => {
      const { network } = await stage.start();
      expect([network.holds(ip('10.0.0.1')), network.holds(ip('10.0.0.2'))]).to.deep.equal([true, false]);
    });

    it('of an interface that is not there', async () => {
      expect((await stage.start()).network.primaryAddress('eth1', 'inet', mine)).to.equal(null);
    });
  });
});
