import { expect } from 'chai';
import { SystemError } from '../../lib/system/error.ts';
import type { NetworkOp } from '../../lib/system/netlink-routes.ts';
import { instanceText } from '../sim/config-text.ts';
import { Stage } from './stage.ts';

const VIP = '10.0.0.100/24';
const ROUTE = '10.1.0.0/24 via 10.0.0.9 dev 2 table 254';
const SIX = '2001:db8:1::/64 via fe80::9 dev 2 table 254';
const RULE = 'rule 100 from 10.1.0.0/24 table 100';
const routing = (routes: string, rules = ''): string => `virtual_routes {\n ${routes}\n }\n virtual_rules {\n ${rules}\n }`;
const BOTH = routing('10.1.0.0/24 via 10.0.0.9 dev eth0\n 2001:db8:1::/64 via fe80::9 dev eth0', 'from 10.1.0.0/24 table 100 preference 100');
const statics = (group = ''): string => `static_ipaddress {\n 10.9.0.1/24 dev eth0${group}\n }\nstatic_routes {\n 10.2.0.0/24 via 10.9.0.2 dev eth0${group}\n }\nstatic_rules {\n from 10.2.0.0/24 table 100 preference 98\n }\n`;
const GROUP = 'track_group G {\n group {\n VI_1\n }\n }\n';
const STATIC_ROUTE = '10.2.0.0/24 via 10.9.0.2 dev 2 table 254';
const STATIC_RULE = 'rule 98 from 10.2.0.0/24 table 100';

describe('KernelObjects', () => {
  let stage: Stage;

  beforeEach(() => { stage = new Stage(); });

  /** Ends it, and no route or rule may be left but these. */
  async function end(...left: string[]): Promise<void> {
    await stage.end();
    expect(stage.machine.routing.all(), 'routes and rules left').to.deep.equal(left);
    expect(stage.machine.routing.watching(), 'watchers of routes left').to.equal(0);
  }

  describe('what the kernel refuses', () => {
    it('is logged with its errno, and the instance is Master all the same', async () => {
      await stage.start(instanceText(BOTH));
      stage.machine.refuse = 'EINVAL';
      await stage.clock.advance(4000);
      expect(stage.router.log.texts('error')).to.deep.equal([`(VI_1) Netlink: add-address ${VIP} eth0: EINVAL`, '(VI_1) Netlink: add-route eth0: EINVAL', '(VI_1) Netlink: add-route eth0: EINVAL', '(VI_1) Netlink: add-rule eth0: EINVAL']);
      expect(stage.router.state()).to.equal('Master');
      stage.machine.refuse = null;
      await end();
    });

    it('no answer at all: a later loss is not taken for a removal of ours', async () => {
      await stage.start(instanceText(BOTH), 4000);
      const { apply } = stage.machine.routes;
      stage.machine.routes.apply = () => Promise.reject(new SystemError('wait', 'netlink', 'ETIMEDOUT'));
      stage.machine.setLink(false);
      await stage.clock.advance(100);
      stage.machine.routes.apply = apply;
      stage.machine.setLink(true);
      await stage.clock.advance(5000);
      expect(stage.router.log.texts('error')).to.include('(VI_1) Netlink: addresses could not be set: SystemError: wait netlink: ETIMEDOUT');
      stage.took();
      stage.machine.routing.takeRoute(ROUTE);
      await stage.clock.advance(1000);
      expect(stage.took()).to.deep.equal(['VI_1 MASTER > BACKUP', 'VI_1 BACKUP > MASTER']);
      await end();
    });

    it('a reason that stays is told once, however often it is tried', async () => {
      await stage.start(statics());
      stage.machine.refuse = 'ENETUNREACH';
      stage.machine.routing.takeRoute(STATIC_ROUTE);
      for (let i = 0; i < 5; i++) {
        await stage.clock.advance(2000);
        stage.machine.giveAddress(`10.7.0.${i + 1}/24`, null);
      }
      await stage.clock.advance(0);
      expect(stage.router.log.texts('error').filter((text) => text.includes('add-route'))).to.deep.equal(['(static entries) Netlink: add-route eth0: ENETUNREACH']);
      stage.machine.refuse = null;
      stage.machine.giveAddress('10.7.0.9/24', null);
      await stage.clock.advance(0);
      expect(stage.machine.routing.all()).to.include(STATIC_ROUTE);
      await stage.stop();
    });
  });

  it('addresses, then routes, then rules; rules, routes and addresses when it leaves, each in their list\'s order', async () => {
    await stage.start(instanceText(BOTH), 4000);
    // What an earlier run may have left goes at the start; keepalived's mark is asked for.
    expect(stage.operations.splice(0)).to.deep.equal([`delete ${RULE}`, `delete ${ROUTE}`, `delete ${SIX}`, `add ${VIP}`, `add ${ROUTE}`, `add ${SIX}`, `add ${RULE}`]);
    expect(stage.router.log.texts('detail').filter((text) => text.includes('setting'))).to.deep.equal(['(VI_1) setting VIPs.', '(VI_1) setting Virtual Routes', '(VI_1) setting Virtual Rules']);
    stage.machine.setLink(false);
    await stage.clock.advance(100);
    expect(stage.operations).to.deep.equal([`delete ${RULE}`, `delete ${ROUTE}`, `delete ${SIX}`, `delete ${VIP}`]);
    expect(stage.took()).to.deep.equal(['VI_1 INIT > BACKUP', 'VI_1 BACKUP > MASTER', 'VI_1 MASTER > FAULT']);
    await end();
  });

  it('an instance without addresses has its routes all the same', async () => {
    await stage.start(instanceText(`no_virtual_ipaddress\n ${BOTH}`, 'VI_1', 51, ''), 4000);
    expect(stage.machine.routing.all()).to.deep.equal([ROUTE, SIX, RULE]);
    await end();
  });

  for (const [name, take] of [
    ['route', (): boolean => stage.machine.routing.takeRoute(ROUTE)],
    ['IPv6 route', (): boolean => stage.machine.routing.takeRoute(SIX)],
    ['rule', (): boolean => stage.machine.routing.takeRule(RULE)],
  ] as const) {
    it(`somebody takes a tracked ${name}: the Master gives up and stands again after the skew, with all of it`, async () => {
      await stage.start(instanceText(BOTH), 4000);
      stage.took();
      expect(take()).to.equal(true);
      await stage.clock.advance(1000);
      expect(stage.took()).to.deep.equal(['VI_1 MASTER > BACKUP', 'VI_1 BACKUP > MASTER']);
      expect(stage.router.log.texts('info').filter((text) => text.startsWith('(VI_1) Netlink reflector reports')).length).to.equal(1);
      expect(stage.machine.routing.all()).to.deep.equal([ROUTE, SIX, RULE]);
      await end();
    });
  }

  it('no_track: nobody minds, and it is not put back before the next time', async () => {
    await stage.start(instanceText(routing('10.1.0.0/24 via 10.0.0.9 dev eth0 no_track\n 10.3.0.0/24 dev eth0')), 4000);
    stage.machine.routing.takeRoute(ROUTE);
    await stage.clock.advance(5000);
    expect(stage.router.state()).to.equal('Master');
    expect(stage.machine.routing.all()).to.deep.equal(['10.3.0.0/24 dev 2 table 254']);
    stage.machine.takeAddress(VIP);
    await stage.clock.advance(1000);
    expect(stage.machine.routing.all()).to.have.members([ROUTE, '10.3.0.0/24 dev 2 table 254']);
    await end();
  });

  it('nothing is heard of routes when none is tracked', async () => {
    await stage.start(instanceText(routing('10.1.0.0/24 via 10.0.0.9 dev eth0 no_track')), 4000);
    expect(stage.machine.routing.watching()).to.equal(0);
    await end();
  });

  it('lost messages: what the dump does not have counts as taken', async () => {
    await stage.start(instanceText(BOTH), 4000);
    stage.took();
    stage.machine.routing.loseEvents();
    await stage.clock.advance(1000);
    expect(stage.took(), 'all is there').to.deep.equal([]);
    stage.machine.routing.takeRoute(ROUTE, true);
    stage.machine.routing.loseEvents();
    await stage.clock.advance(1000);
    expect(stage.took()).to.deep.equal(['VI_1 MASTER > BACKUP', 'VI_1 BACKUP > MASTER']);
    await end();
  });

  it("the route goes silently with the interface's last address, and is put back when there is one again", async () => {
    await stage.start(instanceText(routing('10.1.0.0/24 via 10.0.0.9')), 4000);
    const route = ROUTE.replace(' dev 2', '');
    stage.machine.routing.takeRoute(route, true);
    stage.machine.giveAddress('10.0.0.7/24', null);
    await stage.clock.advance(0);
    expect(stage.machine.routing.all()).to.deep.equal([route]);
    expect(stage.router.state()).to.equal('Master');
    await stage.stop();
  });

  it("two instances have the same route: it stays until both have left", async () => {
    const text = (rest: string): string => `${instanceText(routing('10.1.0.0/24 via 10.0.0.9 dev eth0'), 'a', 51, '10.0.0.100/24')}${rest}`;
    await stage.start(text(instanceText(routing('10.1.0.0/24 via 10.0.0.9 dev eth0'), 'b', 52, '10.0.0.101/24')), 4000);
    expect(stage.machine.routing.all()).to.deep.equal([ROUTE]);
    await stage.router.reload(text(''));
    await stage.clock.advance(100);
    expect(stage.machine.routing.all()).to.deep.equal([ROUTE]);
    await end();
  });

  it('a great many go in chunks, adverts between them', async () => {
    const many = Array.from({ length: 450 }, (_, i) => `10.${16 + (i >> 8)}.${i & 255}.0/24 via 10.0.0.9 dev eth0`).join('\n ');
    const chunks: number[] = [];
    const { apply } = stage.machine.routes;
    stage.machine.routes.apply = (operations: readonly NetworkOp[]) => {
      chunks.push(operations.length);
      return apply(operations);
    };
    await stage.start(instanceText(routing(many, 'from 10.1.0.0/24 table 100 preference 100')), 4000);
    expect(Math.max(...chunks)).to.equal(200);
    expect(stage.machine.routing.all().length).to.equal(451);
    expect(stage.machine.routing.all().at(-1)).to.equal(RULE);
    await end();
  });

  describe('a reload', () => {
    it('touches what changed and nothing else: the new before the old, what must be alone after it', async () => {
      await stage.start(instanceText(routing('10.1.0.0/24 via 10.0.0.9 dev eth0\n 10.3.0.0/24 dev eth0\n blackhole 10.4.0.0/24', 'from 10.1.0.0/24 table 100 preference 100')), 4000);
      stage.operations.length = 0;
      await stage.router.reload(instanceText(routing('10.1.0.0/24 via 10.0.0.8 dev eth0\n 10.3.0.0/24 dev eth0\n unreachable 10.4.0.0/24', 'from 10.1.0.0/24 table 101 preference 100')));
      await stage.clock.advance(100);
      expect(stage.operations).to.deep.equal([
        'add 10.1.0.0/24 via 10.0.0.8 dev 2 table 254', 'add rule 100 from 10.1.0.0/24 table 101', 'delete rule 100 from 10.1.0.0/24 table 100',
        'delete 10.1.0.0/24 via 10.0.0.9 dev 2 table 254', 'delete 10.4.0.0/24 table 254', 'add 10.4.0.0/24 table 254',
      ]);
      expect(stage.router.state()).to.equal('Master');
      await end();
    });

    it('keeps what is the same under a new name', async () => {
      await stage.start(instanceText(BOTH), 4000);
      stage.operations.length = 0;
      await stage.router.reload(instanceText(BOTH, 'VI_2'));
      await stage.clock.advance(100);
      expect(stage.operations).to.deep.equal([]);
      stage.machine.routing.takeRoute(ROUTE);
      await stage.clock.advance(1000);
      expect(stage.took().slice(2)).to.deep.equal(['VI_2 MASTER > BACKUP', 'VI_2 BACKUP > MASTER']);
      await end();
    });

    it('moves static entries by their difference', async () => {
      await stage.start(statics(), 100);
      expect(stage.machine.addresses()).to.deep.equal(['10.9.0.1/24']);
      stage.operations.length = 0;
      await stage.router.reload(statics().replace('10.2.0.0/24 via', '10.3.0.0/24 via'));
      await stage.clock.advance(100);
      expect(stage.operations).to.deep.equal(['add 10.3.0.0/24 via 10.9.0.2 dev 2 table 254', `delete ${STATIC_ROUTE}`]);
      await end();
    });
  });

  describe('static entries', () => {
    it('are there from the start, whatever the instances do, and go at the stop', async () => {
      await stage.start(statics() + instanceText(''), 100);
      expect(stage.router.state()).to.equal('Backup');
      expect(stage.machine.addresses()).to.deep.equal(['10.9.0.1/24']);
      expect(stage.machine.routing.all()).to.deep.equal([STATIC_ROUTE, STATIC_RULE]);
      await end();
    });

    it('-V: stay at the stop', async () => {
      await stage.start(statics(), 100, { keepAddresses: true });
      await stage.stop();
      expect(stage.machine.addresses()).to.deep.equal(['10.9.0.1/24']);
      expect(stage.machine.routing.all()).to.deep.equal([STATIC_ROUTE, STATIC_RULE]);
    });

    it('somebody takes them: put back at once, and then once a second at the most', async () => {
      await stage.start(statics(), 100);
      stage.machine.takeAddress('10.9.0.1/24');
      stage.machine.routing.takeRoute(STATIC_ROUTE);
      stage.machine.routing.takeRule(STATIC_RULE);
      await stage.clock.advance(10);
      expect(stage.machine.addresses()).to.deep.equal(['10.9.0.1/24']);
      expect(stage.machine.routing.all()).to.have.members([STATIC_ROUTE, STATIC_RULE]);
      expect(stage.router.log.texts('info').filter((text) => text.startsWith('Restoring')).sort()).to.deep.equal([
        'Restoring deleted static address 10.9.0.1/24 dev eth0 scope global set', 'Restoring deleted static route prepend 10.2.0.0/24 via inet 10.9.0.2 dev eth0 proto 18',
        'Restoring deleted static rule from 10.2.0.0/24 priority 98 tos 0x0 protocol 18 lookup 100',
      ]);
      stage.operations.length = 0;
      for (let i = 0; i < 50; i++) {
        stage.machine.routing.takeRule(STATIC_RULE);
        await stage.clock.advance(100);
      }
      expect(stage.operations.filter((one) => one === `add ${STATIC_RULE}`).length).to.be.within(4, 6);
      await stage.stop();
    });

    it('track_group: its instances are in FAULT while one of them cannot be put back', async () => {
      await stage.start(GROUP + statics(' track_group G') + instanceText(''), 4000);
      stage.took();
      stage.machine.refuse = 'ENETUNREACH';
      stage.machine.routing.takeRoute(STATIC_ROUTE);
      await stage.clock.advance(100);
      expect(stage.took()).to.deep.equal(['VI_1 MASTER > FAULT']);
      expect([...(stage.router.daemon.vrrp.router.members.get('VI_1')?.faults ?? [])]).to.deep.equal(['static route prepend 10.2.0.0/24 via inet 10.9.0.2 dev eth0 proto 18 track_group G is missing']);
      stage.machine.refuse = null;
      stage.machine.giveAddress('10.7.0.1/24', null);
      await stage.clock.advance(5000);
      expect(stage.took()).to.deep.equal(['VI_1 FAULT > BACKUP', 'VI_1 BACKUP > MASTER']);
      await stage.stop();
    });

    it('without a track_group no instance minds', async () => {
      await stage.start(GROUP + statics() + instanceText(''), 4000);
      stage.machine.refuse = 'ENETUNREACH';
      stage.machine.routing.takeRoute(STATIC_ROUTE);
      await stage.clock.advance(1000);
      expect(stage.router.state()).to.equal('Master');
      stage.machine.refuse = null;
      await stage.stop();
    });
  });

  describe('what a killed run left', () => {
    const TEXT = instanceText(routing('10.1.0.0/24 via 10.0.0.9 dev eth0\n 10.3.0.0/24 dev eth0 no_track protocol 12\n 10.4.0.0/24 dev eth0', 'from 10.1.0.0/24 table 100 preference 100'));

    it('goes at the start: named ones by their owner, others by the journal, foreign protocols by the journal alone', async () => {
      await stage.start(TEXT, 4000);
      stage.router.kill();
      expect(stage.machine.routing.all().length).to.equal(4);
      await stage.start(TEXT.replace('10.4.0.0/24 dev eth0', ''), 0);
      await stage.clock.advance(100);
      expect(stage.machine.routing.all()).to.deep.equal([]);
      expect(stage.router.log.texts('info')).to.include('removing 1 routes and rules that an earlier run left behind: prepend 10.4.0.0/24 dev eth0 no_track');
      await end();
    });

    it("without a journal only what bears keepalived's mark goes", async () => {
      await stage.start(TEXT, 4000);
      stage.router.kill();
      stage.machine.files.files.clear();
      await stage.start(TEXT, 100);
      expect(stage.machine.routing.all()).to.deep.equal(['10.3.0.0/24 dev 2 table 254']);
      await stage.stop();
    });
  });

  describe('promote_secondaries', () => {
    const PATH = 'net/ipv4/conf/eth0/promote_secondaries';

    it('a kernel that has none, or refuses: said, and the start goes on', async () => {
      await stage.start(instanceText('promote_secondaries'), 4000);
      expect(stage.router.state()).to.equal('Master');
      await stage.end();
      const other = new Stage();
      other.machine.sysctls.values.set(PATH, '0');
      other.machine.sysctls.broken.set(PATH, 'EACCES');
      await other.start(instanceText('promote_secondaries'), 100);
      expect(other.router.log.texts('warn')).to.deep.equal([`promote_secondaries: SystemError: read sysctl ${PATH}: EACCES; addresses may be removed along with others of their subnet`]);
      await other.end();
    });

    it('is set at the start and put back at the stop', async () => {
      stage.machine.sysctls.values.set(PATH, '0');
      await stage.start(instanceText('promote_secondaries'), 100);
      expect(stage.machine.sysctls.written).to.deep.equal([`${PATH} 1`]);
      await stage.end();
      expect(stage.machine.sysctls.values.get(PATH)).to.equal('0');
    });

    it('is left alone where it is set already, or not asked for', async () => {
      stage.machine.sysctls.values.set(PATH, '1');
      await stage.start(instanceText('promote_secondaries'), 100);
      await stage.end();
      const other = new Stage();
      other.machine.sysctls.values.set(PATH, '0');
      await other.start(instanceText(''), 100);
      await other.end();
      expect([...stage.machine.sysctls.written, ...other.machine.sysctls.written]).to.deep.equal([]);
    });

    it('follows a reload both ways', async () => {
      stage.machine.sysctls.values.set(PATH, '0');
      await stage.start(instanceText(''), 100);
      await stage.router.reload(instanceText('promote_secondaries'));
      await stage.router.reload(instanceText(''));
      expect(stage.machine.sysctls.written).to.deep.equal([`${PATH} 1`, `${PATH} 0`]);
      await stage.end();
    });

    it('of a killed run is put back by the next one', async () => {
      stage.machine.sysctls.values.set(PATH, '0');
      await stage.start(instanceText('promote_secondaries'), 100);
      stage.router.kill();
      await stage.start(instanceText('promote_secondaries'), 100);
      await stage.end();
      expect(stage.machine.sysctls.values.get(PATH)).to.equal('0');
    });
  });
});
