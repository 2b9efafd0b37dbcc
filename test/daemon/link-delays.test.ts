import { expect } from 'chai';
import { delayLimit, LinkDelays } from '../../lib/daemon/link-delays.ts';
import { instanceOf } from '../sim/config-text.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';

describe('LinkDelays', () => {
  let clock: VirtualClock;
  let raw: boolean | null;
  let limit: number;
  let changes: string[];
  let delays: LinkDelays;

  /** The kernel says so; `told` when that counts at once. */
  function hear(up: boolean | null): void {
    raw = up;
    if (!delays.holdsBack('eth0')) changes.push(`told ${delays.isUp('eth0') ? 'up' : 'down'} at ${clock.now()}`);
  }

  beforeEach(() => {
    clock = new VirtualClock();
    raw = true;
    limit = Infinity;
    changes = [];
    delays = new LinkDelays(clock, new RecordingLog(), () => raw, () => limit, () => changes.push(`${delays.isUp('eth0') ? 'up' : 'down'} at ${clock.now()}`));
  });

  afterEach(() => {
    delays.close();
    expect(clock.pending(), 'timers left').to.equal(0);
  });

  it('a link that is not there is down, and nothing waits for it', () => {
    raw = null;
    delays.configure([{ link: 'eth0', up: 1000, down: 1000 }]);
    expect([delays.isUp('eth0'), delays.holdsBack('eth0'), delays.isWaiting('eth0')]).to.deep.equal([false, false, false]);
  });

  it('without a delay every change counts at once', () => {
    delays.configure([{ link: 'eth1', up: 1000, down: 1000 }, { link: 'eth0', up: 0, down: 0 }]);
    hear(false);
    hear(true);
    expect(changes).to.deep.equal(['told down at 0', 'told up at 0']);
  });

  it('down and up count when they have stayed for their time', async () => {
    delays.configure([{ link: 'eth0', up: 2000, down: 1000 }]);
    hear(false);
    expect([delays.isUp('eth0'), delays.isWaiting('eth0')]).to.deep.equal([true, true]);
    await clock.advance(3000);
    hear(true);
    await clock.advance(3000);
    expect(changes).to.deep.equal(['down at 1000', 'up at 5000']);
  });

  it('one that returns has never been', async () => {
    delays.configure([{ link: 'eth0', up: 2000, down: 1000 }]);
    hear(false);
    await clock.advance(999);
    hear(true);
    await clock.advance(5000);
    expect(changes).to.deep.equal([]);
  });

  it('a delay for one direction alone', async () => {
    delays.configure([{ link: 'eth0', up: 1000, down: 0 }]);
    hear(false);
    hear(true);
    await clock.advance(1000);
    expect(changes).to.deep.equal(['told down at 0', 'up at 1000']);
  });

  it('no longer than its limit', async () => {
    limit = 300;
    delays.configure([{ link: 'eth0', up: 1000, down: 1000 }]);
    hear(false);
    await clock.advance(1000);
    limit = 0;
    hear(true);
    expect(changes).to.deep.equal(['down at 300', 'told up at 1000']);
  });

  it('one that goes and comes again counts as it is', async () => {
    delays.configure([{ link: 'eth0', up: 1000, down: 1000 }]);
    hear(false);
    raw = null;
    delays.reset('eth0');
    expect(delays.isUp('eth0')).to.equal(false);
    raw = true;
    delays.reset('eth0');
    expect(delays.isUp('eth0')).to.equal(true);
    await clock.advance(5000);
    expect(changes).to.deep.equal([]);
  });

  it('a reload without the delay: the link counts as it is', async () => {
    delays.configure([{ link: 'eth0', up: 1000, down: 1000 }]);
    hear(false);
    delays.configure([]);
    expect(delays.isUp('eth0')).to.equal(false);
    await clock.advance(5000);
    expect(changes).to.deep.equal([]);
  });
});

// keepalived 2.2.7: 1996094 us for two seconds.
it('delayLimit: the intervals missed but one, less the owner\'s skew', () => {
  expect(Math.round(delayLimit(instanceOf(''), 1000) * 1000)).to.equal(1_996_094);
  expect(delayLimit(instanceOf('version 3\n advert_int 0.1\n down_timer_adverts 2'), 100)).to.be.closeTo(99.6, 0.01);
  expect(delayLimit(instanceOf('down_timer_adverts 1'), 1000)).to.equal(0);
});
