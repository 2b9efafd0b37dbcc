import { expect } from 'chai';
import { EventRelay } from '../../lib/daemon/balance/event-relay.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';

describe('daemon: events of the checking process', () => {
  const event = (time: number): Parameters<EventRelay['push']>[0] => ({ type: 'event', hook: 'onQuorum', event: { virtualServer: 'a', up: true, time } });

  it('thousands at once go in small portions, the oldest too many are dropped, and nothing is left', async () => {
    const clock = new VirtualClock();
    const sent: number[] = [];
    const relay = new EventRelay(clock, ({ event: { time } }) => sent.push(time));
    for (let i = 0; i < 3000; i++) relay.push(event(i));
    expect(sent).to.deep.equal([0]);
    await clock.advance(10);
    expect(sent.slice(1)).to.deep.equal(Array.from({ length: 16 }, (_, i) => 2000 + i));
    await clock.advance(10_000);
    expect([sent.length, sent.at(-1), clock.pending()]).to.deep.equal([1001, 2999, 0]);
  });

  it('what waits at the end goes at once', () => {
    const clock = new VirtualClock();
    const sent: number[] = [];
    const relay = new EventRelay(clock, ({ event: { time } }) => sent.push(time));
    for (let i = 0; i < 3; i++) relay.push(event(i));
    relay.close();
    expect([sent, clock.pending()]).to.deep.equal([[0, 1, 2], 0]);
  });
});
