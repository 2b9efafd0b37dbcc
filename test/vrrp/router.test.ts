import { expect } from 'chai';
import fc from 'fast-check';
import { ip } from '../../lib/util/ip.ts';
import type { Facts } from '../../lib/daemon/facts.ts';
import {
  deadline, due, emptyRouter, groupReason, type Router, type RouterAction, type RouterConfig, routerStep, type RouterStep, start, stop, takesOver,
} from '../../lib/vrrp/router.ts';
import type { Event, State } from '../../lib/vrrp/state.ts';
import { deadline as memberDeadline, initialize } from '../../lib/vrrp/virtual-router.ts';
import { configOf, instanceText } from '../sim/config-text.ts';

/** Routers stepped by hand, with what they were told to do in short words. */
class Bench {
  readonly config: RouterConfig;
  router: Router;
  now = 0;
  actions: readonly RouterAction[] = [];

  constructor(text: string, faults: Readonly<Record<string, readonly string[]>> = {}) {
    const config = configOf(text);
    this.config = { instances: new Map(config.instances.map((i) => [i.name, i])), groups: config.syncGroups };
    this.router = emptyRouter(new Map(config.instances.map((i, n) => {
      const known: Pick<Facts, 'faults'> = { faults: new Set(faults[i.name] ?? []) };
      return [i.name, { ...initialize(i, 0), ...known, address: ip(`10.0.0.${n + 1}`) }];
    })));
  }

  get states(): string {
    return [...this.router.members.values()].map((m) => m.state.name.charAt(0)).join('');
  }

  /** Transitions, groups and log lines, in their order. */
  get told(): string[] {
    return this.actions.flatMap((a) => {
      if (a.kind === 'log') return [a.text];
      if (a.kind === 'group') return [`group ${a.name} ${a.to}`];
      return a.action.type === 'transition' ? [`${a.name} ${a.action.to}`] : [];
    });
  }

  take({ router, actions }: RouterStep): this {
    this.router = router;
    this.actions = actions;
    return this;
  }

  start(): this {
    return this.take(start(this.config, this.router, this.now));
  }

  event(name: string, event: Event): this {
    return this.take(routerStep(this.config, this.router, name, event, this.now));
  }

  /** Lets everything fire that is due within the next ms; keeps what was told in all of it. */
  pass(ms: number): this {
    const end = this.now + ms;
    const actions: RouterAction[] = [];
    while (deadline(this.router) <= end) {
      this.now = deadline(this.router);
      actions.push(...this.take(due(this.config, this.router, this.now)).actions);
    }
    this.now = end;
    this.actions = actions;
    return this;
  }

  hear(name: string, priority: number): this {
    const instance = this.config.instances.get(name);
    if (instance === undefined) throw new Error(name);
    const advert = { version: 2, type: 1, vrid: instance.vrid, priority, advertInterval: 1000, addresses: [], auth: null };
    return this.event(name, { type: 'advertisement', from: ip('10.0.0.200'), advert });
  }
}

const group = (...members: string[]): string => `vrrp_sync_group G {\n group {\n ${members.join('\n ')}\n }\n}\n`;
const pair = (a = 'priority 150', b = 'priority 100'): string => `${group('a', 'b')}${instanceText(a, 'a', 51, '10.0.0.100/24')}${instanceText(b, 'b', 52, '10.0.0.101/24')}`;
const apart = (a: string, b: string): string => instanceText(a, 'a', 51, '10.0.0.100/24') + instanceText(b, 'b', 52, '10.0.0.101/24');
const bothMaster = (): Bench => {
  const bench = new Bench(pair()).start().pass(20_000);
  if (bench.states !== 'MM') throw new Error(bench.states);
  return bench;
};

describe('router', () => {
  describe('without groups', () => {
    it('an empty router wants nothing', () => {
      const bench = new Bench('').start();
      expect(deadline(bench.router)).to.equal(Infinity);
      expect(due(bench.config, bench.router, 1e9).actions).to.deep.equal([]);
      expect(stop(bench.config, bench.router, 1e9).actions).to.deep.equal([]);
    });

    it('an event for nobody does nothing', () => {
      const bench = new Bench(apart('', '')).start();
      const before = bench.router;
      expect(bench.event('c', { type: 'time' }).actions).to.deep.equal([]);
      expect(bench.router).to.equal(before);
    });

    it('instances go their own ways', () => {
      const bench = new Bench(apart('priority 150', 'priority 100')).start();
      expect(bench.pass(3500).told).to.deep.equal(['a Master']);
      bench.event('a', { type: 'fault', reason: 'x' });
      expect(bench.told).to.deep.equal(['a Fault']);
      expect(bench.states).to.equal('FB');
    });

    it('its deadline is the earliest of all', () => {
      const bench = new Bench(apart('priority 150', 'priority 254')).start();
      expect(deadline(bench.router)).to.equal(Math.min(...[...bench.router.members.values()].map(memberDeadline)));
    });

    it('a Master_Down_Timer among what is due is a takeover, an Adver_Timer is none', () => {
      const bench = new Bench(apart('priority 150', 'priority 254')).start();
      const first = deadline(bench.router);
      expect(takesOver(bench.router, first - 1)).to.equal(false);
      expect(takesOver(bench.router, first)).to.equal(true);
      expect(takesOver(bench.router, first + 1)).to.equal(true);
      bench.pass(5000);
      expect(bench.states).to.equal('MM');
      expect(takesOver(bench.router, Infinity)).to.equal(false);
    });

    it('of equal deadlines the one set first fires first', () => {
      const bench = new Bench(apart('priority 100', 'priority 100')).start();
      bench.pass(10).hear('b', 200).hear('a', 200);
      expect(bench.pass(4000).told).to.deep.equal(['b Master', 'a Master']);
    });

    it('of different deadlines the earlier one fires first, though both are over', () => {
      const bench = new Bench(apart('priority 100', 'priority 150')).start();
      bench.now = 10_000;
      bench.take(due(bench.config, bench.router, bench.now));
      expect(bench.told).to.deep.equal(['b Master', 'a Master']);
    });
  });

  describe('sync groups', () => {
    it('at the start the group is told before its members', () => {
      expect(new Bench(pair()).start().told).to.deep.equal(['group G Backup', 'a Backup', 'b Backup']);
    });

    it('a timer that fires before the group is ready starts again; then all become Master, the group told last', () => {
      const bench = new Bench(pair()).start();
      expect(bench.pass(3500).told, 'a alone is ready').to.deep.equal([]);
      expect(bench.states).to.equal('BB');
      expect(bench.pass(200).told).to.deep.equal(['b Master', 'VRRP_Group(G) Syncing instances to MASTER state', 'a Master', 'group G Master']);
      expect(bench.now).to.be.lessThan(4000);
    });

    it('one that hears a master is not ready any more: the group waits', () => {
      const bench = new Bench(pair()).start().pass(3500).hear('a', 200).pass(1000);
      expect(bench.states).to.equal('BB');
      for (let i = 0; i < 5; i++) expect(bench.hear('a', 200).pass(1000).states).to.equal('BB');
      expect(bench.pass(8000).states, 'and goes on when that master is silent').to.equal('MM');
    });

    it('one that gives way takes the others along, without their farewell', () => {
      const bench = bothMaster().hear('a', 200);
      expect(bench.told).to.deep.equal(['a Backup', 'VRRP_Group(G) Syncing instances to BACKUP state', 'b Backup', 'group G Backup']);
      expect(bench.actions.some((a) => a.kind === 'instance' && a.action.type === 'advertise')).to.equal(false);
    });

    it('a fault of one is the fault of all: two farewells from it, one from each other', () => {
      const bench = bothMaster().event('b', { type: 'fault', reason: 'x' });
      expect(bench.told).to.deep.equal(['b Fault', 'VRRP_Group(G) Syncing instances to FAULT state', 'a Fault', 'group G Fault']);
      const farewells = bench.actions.flatMap((a) => (a.kind === 'instance' && a.action.type === 'advertise' ? [`${a.name} ${a.action.priority}`] : []));
      expect(farewells).to.deep.equal(['b 0', 'b 0', 'a 0']);
      expect([...(bench.router.members.get('a')?.faults ?? [])]).to.deep.equal(['sync group G']);
    });

    it('a recovery lets all go, the one that was at fault first', () => {
      const bench = bothMaster().event('b', { type: 'fault', reason: 'x' }).event('b', { type: 'recovery', reason: 'x' });
      expect(bench.told).to.deep.equal(['b Backup', 'a Backup', 'group G Backup']);
      expect(bench.pass(10_000).states).to.equal('MM');
    });

    it('with two at fault the last recovery counts', () => {
      const bench = bothMaster().event('a', { type: 'fault', reason: 'x' }).event('b', { type: 'fault', reason: 'y' });
      expect(bench.event('a', { type: 'recovery', reason: 'x' }).states).to.equal('FF');
      expect(bench.told).to.deep.equal([]);
      expect(bench.event('b', { type: 'recovery', reason: 'y' }).states).to.equal('BB');
    });

    it('a fault from before the start holds the others from the start', () => {
      const bench = new Bench(pair(), { b: ['interface eth0 is down'] }).start();
      expect(bench.told).to.deep.equal(['group G Fault', 'a Fault', 'b Fault']);
      expect(bench.event('b', { type: 'recovery', reason: 'interface eth0 is down' }).states).to.equal('BB');
    });

    it('a held member holds back the others', () => {
      const bench = new Bench(pair());
      bench.event('a', { type: 'hold', reason: 'script chk' }).start();
      expect(bench.pass(30_000).states).to.equal('II');
      bench.event('a', { type: 'release', reason: 'script chk' });
      expect(bench.states).to.equal('BB');
      expect(bench.pass(10_000).states).to.equal('MM');
    });

    it('an address lost takes all to Backup, and they come back together', () => {
      const bench = bothMaster().event('a', { type: 'address-lost', address: ip('10.0.0.100'), link: 'eth0' });
      expect(bench.states).to.equal('BB');
      expect(bench.pass(10_000).states).to.equal('MM');
    });

    it('at a stop the members are told, then the groups', () => {
      const bench = bothMaster();
      expect(bench.take(stop(bench.config, bench.router, bench.now)).told).to.deep.equal(['a Stop', 'b Stop', 'group G Stop']);
      expect(deadline(bench.router)).to.equal(Infinity);
    });

    it('a group state is told once', () => {
      const bench = bothMaster().hear('a', 200);
      expect(bench.hear('b', 200).hear('a', 200).told).to.deep.equal([]);
    });
  });

  describe('whatever happens', function () {
    this.timeout(20_000);
    const names = fc.constantFrom('a', 'b', 'c');
    const event: fc.Arbitrary<Event> = fc.oneof(
      fc.constant<Event>({ type: 'time' }),
      fc.record({ type: fc.constantFrom('fault', 'recovery', 'hold', 'release'), reason: fc.constantFrom('x', 'y') }) as fc.Arbitrary<Event>,
      fc.integer({ min: 1, max: 254 }).map((value): Event => ({ type: 'priority', value })),
      fc.tuple(fc.nat(255), fc.constantFrom('10.0.0.0', '10.0.0.200'), fc.constantFrom(1000, 10, 40_950)).map(([priority, from, advertInterval]): Event => ({
        type: 'advertisement', from: ip(from), advert: { version: 2, type: 1, vrid: 51, priority, advertInterval, addresses: [], auth: null },
      })),
      fc.constant<Event>({ type: 'address-lost', address: ip('10.0.0.100'), link: 'eth0' }),
      fc.constantFrom<Event>({ type: 'source', address: null }, { type: 'source', address: ip('10.0.0.1') }),
      fc.constant<Event>({ type: 'drop', counter: 'ttlErr', kind: 'ttl', text: 'x' }),
    );
    const bodies = fc.constantFrom('', 'nopreempt', 'preempt_delay 5', 'state MASTER', 'version 3\n advert_int 0.3', 'garp_master_refresh 1', 'garp_lower_prio_delay 1\n higher_prio_send_advert true', 'priority 255');
    const happening = fc.tuple(names, event, fc.integer({ min: 0, max: 4000 }));

    it('a value stays a value: deadlines that come, priorities within 1..255, a timer in every state that needs one', () => {
      fc.assert(fc.property(fc.tuple(bodies, bodies, bodies), fc.boolean(), fc.array(happening, { maxLength: 60 }), ([a, b, c], grouped, happenings) => {
        const text = [[a, 'a'], [b, 'b'], [c, 'c']].map(([body = '', name = ''], i) => instanceText(body, name, 51 + i, `10.0.0.10${i}/24`)).join('');
        const bench = new Bench(`${grouped ? group('a', 'b', 'c') : ''}${text}`).start();
        check(bench);
        for (const [name, what, later] of happenings) {
          bench.pass(later);
          check(bench);
          bench.event(name, what);
          check(bench);
        }
      }), { numRuns: 80 });
    });

    /** What must hold after any event, time having been given to whom it was due. */
    function check(bench: Bench): void {
      const { router, now } = bench;
      for (const [name, member] of router.members) {
        const when = memberDeadline(member);
        const where = `${name} ${JSON.stringify(member.state)} at ${now}`;
        expect(Number.isNaN(when), where).to.equal(false);
        expect(when, where).to.be.at.least(now);
        expect(member.priority, where).to.be.within(1, 255);
        expect(Number.isFinite(when), where).to.equal(isTimed(member.state));
        if (member.state.name === 'Fault') expect(member.faults.size + member.holds.size, where).to.be.greaterThan(0);
        if (member.state.name === 'Master' || member.state.name === 'Backup') expect(member.faults.size, where).to.equal(0);
        for (const [counter, value] of Object.entries(member.counters)) expect(Number.isSafeInteger(value) && value >= 0, `${counter} of ${name}`).to.equal(true);
      }
      for (const { members, name } of bench.config.groups.map((g) => ({ members: g.members, name: groupReason(g) }))) {
        const own = members.filter((m) => [...(router.members.get(m)?.faults ?? [])].some((r) => r !== name));
        const held = members.filter((m) => router.members.get(m)?.faults.has(name) === true);
        if (own.length === 0) expect(held, 'held by nobody').to.deep.equal([]);
        else expect(members.filter((m) => !own.includes(m) && !held.includes(m)), 'not held').to.deep.equal([]);
      }
    }

    function isTimed(state: State): boolean {
      return state.name === 'Master' || state.name === 'Backup';
    }
  });
});
