import { expect } from 'chai';
import type { Config } from '../../lib/config/model.ts';
import { ip } from '../../lib/util/ip.ts';
import { identity, migrate, type Migration } from '../../lib/vrrp/migrate.ts';
import { emptyRouter, type Router, type RouterConfig } from '../../lib/vrrp/router.ts';
import type { VirtualRouter } from '../../lib/vrrp/state.ts';
import { deadline, step } from '../../lib/vrrp/virtual-router.ts';
import { configOf, instanceOf, instanceText } from '../sim/config-text.ts';
import { Stepper } from './stepper.ts';

const of = (config: Config): RouterConfig => ({ instances: new Map(config.instances.map((i) => [i.name, i])), groups: config.syncGroups });
const GROUPED = (group: string, ...names: string[]): string =>
  `${group === '' ? '' : `vrrp_sync_group ${group} {\n group {\n ${names.join('\n ')}\n }\n}\n`}${names.map((n, i) => instanceText('', n, 51 + i, `10.0.0.10${i}/24`)).join('')}`;

/** One instance in a state, carried over from one body to another. */
function carried(state: (s: Stepper) => Stepper, from: string, to: string, after = 100): { before: VirtualRouter; after: VirtualRouter | undefined; now: number; migration: Migration } {
  const stepper = state(new Stepper(from));
  const router: Router = emptyRouter(new Map([['VI_1', stepper.router]]));
  const now = stepper.now + after;
  const migration = migrate(of(configOf(instanceText(from))), router, of(configOf(instanceText(to))), now);
  return { before: stepper.router, after: migration.router.members.get('VI_1'), now, migration };
}

describe('identity', () => {
  const base = identity(instanceOf(''));
  for (const [name, body] of [
    ['another VRID', 'virtual_router_id 52'],
    ['unicast', 'unicast_peer {\n 10.0.0.9\n }'],
  ] as const) {
    it(`is another with ${name}`, () => { expect(identity(instanceOf(body))).not.to.equal(base); });
  }

  it('is another with another interface, family or multicast group', () => {
    const instance = instanceOf('');
    for (const change of [{ link: 'eth1' }, { family: 'inet6' }, { multicastGroup: ip('224.0.0.19') }] as const) {
      expect(identity({ ...instance, ...change })).not.to.equal(base);
    }
  });

  for (const [name, body] of [
    ['priority', 'priority 7'], ['interval', 'advert_int 3'], ['password', 'authentication {\n auth_type PASS\n auth_pass x\n }'],
    ['addresses', 'virtual_ipaddress {\n 10.0.0.200\n }'], ['preemption', 'nopreempt'],
  ] as const) {
    it(`is the same with another ${name}`, () => { expect(identity(instanceOf(body))).to.equal(base); });
  }
});

describe('migrate', () => {
  it('tells who goes on, who is gone and who is fresh; a name does not matter', () => {
    const router = emptyRouter(new Map(['a', 'b'].map((name) => [name, new Stepper('').master().router])));
    const from = of(configOf(GROUPED('', 'a', 'b')));
    const to = of(configOf(instanceText('', 'renamed', 51, '10.0.0.100/24') + instanceText('', 'a', 60, '10.0.0.109/24')));
    const migration = migrate(from, router, to, 5000);
    expect([...migration.kept]).to.deep.equal([['renamed', 'a']]);
    expect(migration.gone).to.deep.equal(['b']);
    expect(migration.fresh).to.deep.equal(['a']);
    expect([...migration.router.members].map(([name, m]) => [name, m.state.name])).to.deep.equal([['renamed', 'Master'], ['a', 'Initialize']]);
  });

  it('two that exchange their names keep their states', () => {
    const router = emptyRouter(new Map([['a', new Stepper('').master().router], ['b', new Stepper('').backup().router]]));
    const from = of(configOf(GROUPED('', 'a', 'b')));
    const to = of(configOf(GROUPED('', 'b', 'a')));
    expect([...migrate(from, router, to, 5000).router.members].map(([name, m]) => [name, m.state.name])).to.deep.equal([['b', 'Master'], ['a', 'Backup']]);
  });

  it('nothing at all becomes nothing', () => {
    const nothing = of(configOf(''));
    const { kept, gone, fresh, router } = migrate(nothing, emptyRouter(new Map()), nothing, 0);
    expect([kept.size, gone.length, fresh.length, router.members.size]).to.deep.equal([0, 0, 0, 0]);
  });

  it('a Backup stays what it is, timer and counters too', () => {
    const { before, after } = carried((s) => s.backup().hear(150), 'priority 100', 'priority 100\n nopreempt');
    expect(after).to.deep.equal(before);
  });

  it('a Master stays what it is and speaks at once; a second block of gratuitous ARPs is dropped (keepalived)', () => {
    const { before, after, now } = carried((s) => s.master(), 'priority 100', 'priority 100\n nopreempt');
    expect(before.state).to.deep.include({ garpTimer: before.since + 5000 });
    expect(after).to.deep.equal({ ...before, state: { ...before.state, adverTimer: now, garpTimer: null } });
  });

  it('a Master with garp_master_refresh refreshes at once', () => {
    const { after, now } = carried((s) => s.master(), '', 'garp_master_refresh 60');
    expect(after?.state).to.deep.include({ refreshTimer: now });
  });

  for (const [name, from, to, effective, expected] of [
    ['the same base', 'priority 100', 'priority 100', 80, 100],
    ['another base', 'priority 100', 'priority 50', 120, 50],
    ['the owner from now on', 'priority 100', 'priority 255', 80, 255],
    ['the owner no more', 'priority 255', 'priority 100', 255, 100],
  ] as const) {
    it(`the priority is the base again, what the trackers add comes as an event: ${name}`, () => {
      const { after } = carried((s) => s.start().event({ type: 'priority', value: effective }), from, to);
      expect(after?.priority).to.equal(expected);
    });
  }

  it('a Backup with the same base waits by the base, and as before once the trackers have said theirs again', () => {
    const { before, after, now } = carried((s) => s.backup().event({ type: 'priority', value: 80 }), 'priority 100', 'priority 100');
    if (after === undefined) throw new Error('gone');
    expect(deadline(before) - deadline(after)).to.equal((20 / 256) * 1000);
    const { router } = step(instanceOf('priority 100'), after, { type: 'priority', value: 80 }, now);
    expect([router.priority, deadline(router)]).to.deep.equal([80, deadline(before)]);
  });

  it('a Backup with another priority waits anew by it', () => {
    const { after, now } = carried((s) => s.backup(), 'priority 100', 'priority 200');
    expect(after?.state).to.deep.include({ masterDownTimer: now + 3218.75 });
  });

  it('may complain again', () => {
    const said = (s: Stepper): Stepper => s.backup().event({ type: 'drop', counter: null, kind: 'ttl', text: 'x' });
    expect(carried(said, '', '').after?.said.size).to.equal(0);
  });

  it('a new source address is taken', () => {
    expect(carried((s) => s.master(), '', 'mcast_src_ip 10.0.0.7').after?.address).to.equal('10.0.0.7');
  });

  for (const [from, to] of [[10, 1], [1, 10]] as const) {
    it(`a Master whose interval was ${from} s and is ${to} s advertises at once, and goes by the new one then`, () => {
      const { after, now } = carried((s) => s.master(), `advert_int ${from}`, `advert_int ${to}`);
      expect(after?.state).to.deep.include({ name: 'Master', adverTimer: now, masterAdverInterval: to * 1000 });
    });
  }

  it('a Backup with another interval waits anew by it', () => {
    const { after, now } = carried((s) => s.backup(), 'advert_int 1', 'advert_int 5');
    expect(after?.state).to.deep.include({ masterDownTimer: now + 15_609.375, masterAdverInterval: 5000 });
  });

  it("a Backup of version 3 goes on by its master's interval", () => {
    const { after, now } = carried((s) => s.backup().hear(150, '10.0.0.2', { advertInterval: 200 }), 'version 3', 'version 3\n advert_int 5');
    expect(after?.state).to.deep.include({ masterDownTimer: now + 600 + (156 / 256) * 200, masterAdverInterval: 200 });
  });

  it('one in FAULT stays there', () => {
    const { after } = carried((s) => s.backup().event({ type: 'fault', reason: 'x' }), 'advert_int 1', 'advert_int 5');
    expect(after?.state.name).to.equal('Fault');
    expect([...(after?.faults ?? [])]).to.deep.equal(['x']);
  });

  for (const [name, before, after] of [
    ['a group that is gone', GROUPED('G', 'a', 'b'), GROUPED('', 'a', 'b')],
    ['a group of another name', GROUPED('G', 'a', 'b'), GROUPED('H', 'a', 'b')],
  ] as const) {
    it(`${name} holds nobody in FAULT or back any more`, () => {
      const held = new Stepper('').backup().event({ type: 'fault', reason: 'sync group G' }).event({ type: 'hold', reason: 'sync group G' }).router;
      const router = emptyRouter(new Map([['a', held], ['b', held]]));
      const { members } = migrate(of(configOf(before)), router, of(configOf(after)), 5000).router;
      for (const [member, { faults, holds }] of members) expect([...faults, ...holds], member).to.deep.equal([]);
    });
  }
});
