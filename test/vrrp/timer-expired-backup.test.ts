import { expect } from 'chai';
import type { Advertisement } from '../../lib/codec/vrrp.ts';
import { ip } from '../../lib/util/ip.ts';
import type { Event, VirtualRouter } from '../../lib/vrrp/state.ts';
import { initialize, step } from '../../lib/vrrp/virtual-router.ts';
import { instanceOf } from '../sim/config-text.ts';

/** A master of priority 150 that last spoke at 10,000, held up since. */
function heldUp(body: string): { send: (event: Event, now: number) => string[]; router: () => VirtualRouter } {
  const instance = instanceOf(`priority 150\n garp_master_delay 0\n ${body}`);
  let router: VirtualRouter = { ...initialize(instance, 0), address: ip('10.0.0.1'), state: { name: 'Master', adverTimer: 11_000, garpTimer: null, refreshTimer: null, masterAdverInterval: 1000 } };
  return {
    router: () => router,
    send: (event, now) => {
      const { router: next, actions } = step(instance, router, event, now);
      router = next;
      return actions.flatMap((action) => (action.type === 'advertise' ? [`advertise ${action.priority}`] : action.type === 'transition' ? [`${action.from} > ${action.to}`] : []));
    },
  };
}

const advert = (priority: number): Event => ({
  type: 'advertisement', from: ip('10.0.0.2'),
  advert: { version: 2, type: 1, vrid: 51, priority, advertInterval: 1000, addresses: [ip('10.0.0.100')], auth: { type: 0, data: new Uint8Array(8) } } satisfies Advertisement,
});

describe('timer_expired_backup', () => {
  it('not given: however late, it speaks, and drives the other out', () => {
    const { send } = heldUp('');
    expect(send({ type: 'time' }, 60_000)).to.deep.equal(['advertise 150']);
    expect(send(advert(100), 60_100)).to.deep.equal(['advertise 150']);
  });

  it('late, but nobody can have taken over yet: it speaks', () => {
    const { send } = heldUp('timer_expired_backup 100');
    expect(send({ type: 'time' }, 13_600)).to.deep.equal(['advertise 150']);
  });

  it('so late that a backup of that priority is master: it listens for an interval, and that one stays', () => {
    const { send, router } = heldUp('timer_expired_backup 100');
    expect(send({ type: 'time' }, 13_610)).to.deep.equal([]);
    expect(send(advert(100), 13_900)).to.deep.equal(['Master > Backup']);
    // It goes on doing so.
    expect(send(advert(100), 14_900)).to.deep.equal([]);
    expect(router().state).to.include({ name: 'Backup', masterDownTimer: 14_900 + 3000 + (106 / 256) * 1000 });
    expect(send({ type: 'time' }, 19_000)).to.deep.equal(['advertise 150', 'Backup > Master']);
    expect(send(advert(100), 19_100), 'and that is over then').to.deep.equal(['advertise 150']);
  });

  it('nobody is heard within the interval: it speaks again, and drives out who comes later', () => {
    const { send } = heldUp('timer_expired_backup 100');
    send({ type: 'time' }, 20_000);
    expect(send({ type: 'time' }, 21_000)).to.deep.equal(['advertise 150']);
    expect(send(advert(100), 21_100)).to.deep.equal(['advertise 150']);
  });

  it('a master of a priority between does not stay', () => {
    const { send } = heldUp('timer_expired_backup 100');
    send({ type: 'time' }, 20_000);
    expect(send(advert(120), 20_100)).to.deep.equal(['advertise 150']);
  });

  it('the bare form and the old spelling: any priority', () => {
    for (const body of ['timer_expired_backup', 'thread_timer_expired']) {
      const { send } = heldUp(body);
      send({ type: 'time' }, 20_000);
      expect(send(advert(149), 20_100), body).to.deep.equal(['Master > Backup']);
    }
  });
});
