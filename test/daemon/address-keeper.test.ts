import { expect } from 'chai';
import { AddressKeeper, kernelAddress } from '../../lib/daemon/address-keeper.ts';
import { KernelQueue } from '../../lib/daemon/kernel-queue.ts';
import { addressKey, Network } from '../../lib/daemon/network.ts';
import type { VirtualAddress } from '../../lib/config/model.ts';
import { ip } from '../../lib/util/ip.ts';
import { PROTOCOL_KEEPALIVED } from '../../lib/util/route.ts';
import { configOf, instanceText } from '../sim/config-text.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { settle, VirtualClock } from '../sim/virtual-clock.ts';
import { address, FakeRoutes, link } from './fakes.ts';

/** Virtual addresses as the configuration's front end makes them. */
function virtual(...lines: string[]): readonly VirtualAddress[] {
  const [instance] = configOf(instanceText(`virtual_ipaddress {\n ${lines.join('\n ')}\n }`, 'VI_1', 51, '')).instances;
  return instance?.virtualAddresses ?? [];
}

class Stage {
  readonly routes = new FakeRoutes();
  readonly clock = new VirtualClock();
  readonly log = new RecordingLog();
  readonly network = new Network(this.routes, this.clock, this.log, () => undefined);
  readonly queue = new KernelQueue(this.routes, this.clock, this.log);
  readonly keeper = new AddressKeeper(this.queue, this.network);

  async start(...present: string[]): Promise<this> {
    this.routes.links = [link(2, 'eth0')];
    this.routes.addresses = [address(2, '10.0.0.1/24'), ...present.map((a) => address(2, a))];
    await this.network.start();
    return this;
  }
}

describe('AddressKeeper', () => {
  let stage: Stage;

  beforeEach(() => { stage = new Stage(); });

  afterEach(async () => {
    stage.network.close();
    await stage.clock.advance(0);
    expect(stage.clock.pending(), 'timers left').to.equal(0);
  });

  it('a refusal of the kernel is logged with its errno, address and operation', async () => {
    const { keeper, routes, log } = await stage.start();
    routes.answers = ['EINVAL', null, 'ENOBUFS'];
    keeper.add('VI_1', virtual('10.0.0.100/24', '10.0.0.101/24', '10.0.0.102/24'));
    await settle();
    expect(log.lines.map((l) => [l.level, l.text, l.fields])).to.deep.equal([
      ['error', '(VI_1) Netlink: add-address 10.0.0.100/24: EINVAL', { code: 'EINVAL', operation: 'add-address' }],
      ['error', '(VI_1) Netlink: add-address 10.0.0.102/24: ENOBUFS', { code: 'ENOBUFS', operation: 'add-address' }],
    ]);
  });

  it('what is already there or already gone is as wanted', async () => {
    const { keeper, routes, log } = await stage.start();
    routes.answers = ['EEXIST', 'EADDRNOTAVAIL', 'ENODEV'];
    keeper.add('VI_1', virtual('10.0.0.100/24'));
    keeper.remove('VI_1', virtual('10.0.0.100/24'), false);
    keeper.add('VI_1', []);
    keeper.sweep([address(2, '10.0.0.200/24')]);
    await settle();
    expect(log.lines).to.deep.equal([]);
  });

  it('a socket that is gone is logged, not thrown', async () => {
    const { keeper, routes, log } = await stage.start();
    routes.apply = () => Promise.reject(new Error('socket closed'));
    keeper.add('VI_1', virtual('10.0.0.100/24'));
    await settle();
    expect(log.texts('error')).to.deep.equal(['(VI_1) Netlink: addresses could not be set: Error: socket closed']);
  });

  it("somebody else's address is never removed", async () => {
    const { keeper, routes } = await stage.start('10.0.0.100/24');
    expect(keeper.remove('VI_1', virtual('10.0.0.100/24', '10.0.0.101/24'), false)).to.equal(0);
    expect(routes.operations()).to.deep.equal([]);
  });

  it('an address of the configuration that an earlier run left is removed when asked, one that is not there is not', async () => {
    const { keeper, routes } = await stage.start('10.0.0.100/24');
    expect(keeper.remove('VI_1', virtual('10.0.0.100/24', '10.0.0.101/24'), true)).to.equal(1);
    expect(routes.operations()).to.deep.equal(['delete 10.0.0.100/24']);
  });

  it('what was added is ours, and is removed again in one go', async () => {
    const { keeper, routes } = await stage.start();
    const wanted = virtual('10.0.0.100/24', '10.0.0.101/24');
    keeper.add('VI_1', wanted);
    expect(keeper.isOurs('2 10.0.0.100/24 ')).to.equal(true);
    expect(keeper.remove('VI_1', wanted, false)).to.equal(2);
    expect(keeper.isOurs('2 10.0.0.100/24 ')).to.equal(false);
    expect(keeper.remove('VI_1', wanted, false), 'and only once').to.equal(0);
    expect(routes.operations()).to.deep.equal(['add 10.0.0.100/24', 'add 10.0.0.101/24', 'delete 10.0.0.100/24', 'delete 10.0.0.101/24']);
    expect(routes.applied.length).to.equal(2);
  });

  it('the kernel has been asked by the time add returns', async () => {
    const { keeper, routes } = await stage.start();
    keeper.add('VI_1', virtual('10.0.0.100/24'));
    expect(routes.operations()).to.deep.equal(['add 10.0.0.100/24']);
  });

  it('an address that was there before is taken over: asked for, and then ours', async () => {
    const { keeper, routes } = await stage.start('10.0.0.100/24');
    keeper.add('VI_1', virtual('10.0.0.100/24'));
    keeper.remove('VI_1', virtual('10.0.0.100/24'), false);
    expect(routes.operations()).to.deep.equal(['add 10.0.0.100/24', 'delete 10.0.0.100/24']);
  });

  it('an address that is ours and there is not asked for again', async () => {
    const { keeper, routes } = await stage.start();
    keeper.add('VI_1', virtual('10.0.0.100/24'));
    routes.tell({ type: 'address', address: address(2, '10.0.0.100/24') });
    keeper.add('VI_1', virtual('10.0.0.100/24'));
    expect(routes.operations()).to.deep.equal(['add 10.0.0.100/24']);
  });

  it('an interface that is not there has no addresses to add or remove', async () => {
    const { keeper, routes } = await stage.start();
    keeper.add('VI_1', virtual('10.9.0.1/24 dev eth9'));
    keeper.remove('VI_1', virtual('10.9.0.1/24 dev eth9'), true);
    expect(routes.applied).to.deep.equal([]);
  });

  it('an address that was lost tells whose it was, and is no longer ours', async () => {
    const { keeper } = await stage.start();
    keeper.add('VI_1', virtual('10.0.0.100/24'));
    expect(keeper.lost('2 10.0.0.99/24 ')).to.equal(null);
    expect(keeper.lost('2 10.0.0.100/24 ')).to.equal('VI_1');
    expect(keeper.lost('2 10.0.0.100/24 ')).to.equal(null);
  });

  it('after a rename it belongs to the new name; two may exchange theirs', async () => {
    const { keeper } = await stage.start();
    keeper.add('a', virtual('10.0.0.100/24'));
    keeper.add('b', virtual('10.0.0.101/24'));
    keeper.rename(new Map([['a', 'b'], ['b', 'a']]));
    expect([keeper.lost('2 10.0.0.100/24 '), keeper.lost('2 10.0.0.101/24 ')]).to.deep.equal(['b', 'a']);
  });

  describe('a great many', () => {
    const many = (): readonly VirtualAddress[] => virtual(...Array.from({ length: 250 }, (_, i) => `10.1.0.${i + 1}/32`), ...Array.from({ length: 250 }, (_, i) => `10.1.1.${i + 1}/32`));

    it('go in chunks, a turn each, in their order; who waits is called when all are with the kernel', async () => {
      const { keeper, routes, clock } = await stage.start();
      const wanted = many();
      let done = false;
      keeper.add('VI_1', wanted);
      stage.queue.whenDone(() => { done = true; });
      expect(routes.applied.map((o) => o.length)).to.deep.equal([200]);
      expect(done).to.equal(false);
      await clock.advance(0);
      expect(routes.operations()).to.deep.equal(wanted.map((v) => `add ${v.prefix.address}/32`));
      expect(done).to.equal(true);
    });

    it('what comes later waits for its turn, so that a removal does not overtake', async () => {
      const { keeper, routes, clock } = await stage.start();
      const wanted = many();
      keeper.add('VI_1', wanted);
      keeper.remove('VI_1', wanted, false);
      await clock.advance(0);
      const order = routes.operations();
      expect(order.slice(0, 500).every((o) => o.startsWith('add'))).to.equal(true);
      expect(order.slice(500).every((o) => o.startsWith('delete'))).to.equal(true);
      expect(order.length).to.equal(1000);
    });

    it('at the end all goes at once', async () => {
      const { keeper, routes } = await stage.start();
      keeper.add('VI_1', many());
      stage.queue.flush();
      expect(routes.operations().length).to.equal(500);
    });

    it('with nothing waiting, who waits is called at once', async () => {
      await stage.start();
      let done = false;
      stage.queue.whenDone(() => { done = true; });
      expect(done).to.equal(true);
    });
  });
});

describe('kernelAddress', () => {
  for (const [name, line, expected] of [
    ['IPv4', '10.0.0.100/24', { flags: 0, preferred: null, scope: 0 }],
    ['a scope and a label', '10.0.0.100/24 scope link label eth0:1', { scope: 253, label: 'eth0:1' }],
    ['a broadcast address', '10.0.0.100/24 brd 10.0.0.255', { broadcast: ip('10.0.0.255') }],
  ] as const) {
    it(name, () => {
      const [one] = virtual(line);
      if (one === undefined) throw new Error(line);
      const made = kernelAddress(one, 2);
      expect(made).to.deep.include({ ...expected, linkIndex: 2, protocol: PROTOCOL_KEEPALIVED });
      expect(addressKey(2, made)).to.equal(`2 10.0.0.100/24 ${one.peer ?? ''}`);
    });
  }

  it('IPv6: no duplicate address detection, and a /128 is deprecated from the start', () => {
    const [instance] = configOf(instanceText('version 3\n virtual_ipaddress {\n fe80::100\n 2001:db8::1\n 2001:db8::2/64\n }', 'VI_6', 51, '')).instances;
    const made = (instance?.virtualAddresses ?? []).map((v) => kernelAddress(v, 2));
    expect(made.map((a) => [a.flags & 2, a.preferred])).to.deep.equal([[2, 0], [2, 0], [2, null]]);
  });
});
