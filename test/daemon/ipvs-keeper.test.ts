import { expect } from 'chai';
import type { ServiceEntry } from '../../lib/codec/ipvs-values.ts';
import { IpvsKeeper } from '../../lib/daemon/balance/ipvs-keeper.ts';
import { EMPTY_TABLE, tableOf } from '../../lib/ipvs/table.ts';
import { ip } from '../../lib/util/ip.ts';
import { FakeIpvs } from '../sim/fake-ipvs.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';

/** A TCP service on port 80 with these servers: address and weight. */
function entry(address: string, servers: Readonly<Record<string, number>>, scheduler = 'wlc'): ServiceEntry {
  return {
    service: { id: { kind: 'address', protocol: 'tcp', address: ip(address), port: 80 }, scheduler, flags: [], persistence: null, engine: null },
    destinations: Object.entries(servers).map(([at, weight]) => ({
      address: ip(at), port: 80, weight, upperThreshold: 0, lowerThreshold: 0, forward: { method: 'NAT', tunnel: { type: 'ipip', port: 0, checksum: 'nocsum' } },
    })),
  };
}

function setup(): { kernel: FakeIpvs; clock: VirtualClock; log: RecordingLog; keeper: IpvsKeeper } {
  const kernel = new FakeIpvs();
  const clock = new VirtualClock();
  const log = new RecordingLog();
  return { kernel, clock, log, keeper: new IpvsKeeper(kernel, clock, log) };
}

describe('daemon: the keeper of the IPVS table', () => {
  it('a refusal is said once, the rest is done, and it is tried again with growing pauses', async () => {
    const { kernel, clock, log, keeper } = setup();
    await keeper.start(EMPTY_TABLE);
    keeper.want(tableOf([entry('10.0.0.100', { '10.0.0.1': 1 }, 'no-such'), entry('10.0.0.101', { '10.0.0.2': 1 })]));
    await keeper.settled();
    expect(kernel.lines()).to.deep.equal(['tcp 10.0.0.101 80 wlc: 10.0.0.2 80 w1']);
    const first = kernel.batches.length;
    await clock.advance(7000);
    // After 1, 2 and 4 seconds.
    expect(kernel.batches.length).to.equal(first + 3);
    expect(log.texts().filter((line) => line.includes('add service'))).to.have.length(1);
    kernel.modules.add('no-such');
    await clock.advance(8000);
    expect(kernel.lines()).to.include('tcp 10.0.0.100 80 no-such: 10.0.0.1 80 w1');
    keeper.close();
  });

  it('a lost answer: the table is read anew, and only what is missing is done', async () => {
    const { kernel, clock, keeper } = setup();
    await keeper.start(EMPTY_TABLE);
    kernel.loseAt = 2;
    keeper.want(tableOf([entry('10.0.0.100', { '10.0.0.1': 1, '10.0.0.2': 2 })]));
    await keeper.settled();
    expect(kernel.lines()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 w1']);
    await clock.advance(1000);
    expect(kernel.lines()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 w1, 10.0.0.2 80 w2']);
    expect(kernel.batches.at(-1)).to.have.length(1);
    keeper.close();
  });

  it('what the kernel has already is left alone, what somebody else has there too', async () => {
    const { kernel, keeper } = setup();
    await kernel.apply([{ op: 'add-service', service: entry('10.0.0.100', {}).service }, { op: 'add-service', service: entry('10.9.9.9', {}).service }]);
    await keeper.start(EMPTY_TABLE);
    keeper.want(tableOf([entry('10.0.0.100', { '10.0.0.1': 1 })]));
    await keeper.settled();
    expect(kernel.asked().slice(2)).to.deep.equal(['add destination 10.0.0.1 80 of tcp 10.0.0.100 80']);
    keeper.want(EMPTY_TABLE);
    await keeper.settled();
    expect(kernel.lines()).to.deep.equal(['tcp 10.9.9.9 80 wlc']);
    keeper.close();
  });

  it('what an earlier run left and nobody wants any more goes', async () => {
    const { kernel, keeper } = setup();
    const left = entry('10.0.0.100', { '10.0.0.1': 1, '10.0.0.9': 1 });
    await kernel.apply([{ op: 'add-service', service: left.service }, ...left.destinations.map((destination) => ({ op: 'add-destination' as const, service: left.service.id, destination }))]);
    await keeper.start(tableOf([left]));
    keeper.want(tableOf([entry('10.0.0.100', { '10.0.0.1': 1 })]));
    await keeper.settled();
    expect(kernel.lines()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 w1']);
    keeper.close();
  });

  it('a change is that change alone, and what comes in one turn is one programming', async () => {
    const { kernel, keeper } = setup();
    const many = Array.from({ length: 50 }, (_, i) => entry(`10.0.1.${i}`, { '10.0.0.1': 1, '10.0.0.2': 1 }));
    await keeper.start(EMPTY_TABLE);
    keeper.want(tableOf(many));
    await keeper.settled();
    expect(kernel.batches.map((b) => b.length)).to.deep.equal([150]);
    const next = many.with(7, entry('10.0.1.7', { '10.0.0.1': 0, '10.0.0.2': 1 }));
    keeper.want(tableOf(next.with(8, entry('10.0.1.8', {}))));
    keeper.want(tableOf(next));
    await keeper.settled();
    expect(kernel.asked().slice(150)).to.deep.equal(['edit destination 10.0.0.1 80 of tcp 10.0.1.7 80']);
    keeper.close();
  });

  it('nothing is tried again once it is closed', async () => {
    const { kernel, clock, keeper } = setup();
    await keeper.start(EMPTY_TABLE);
    kernel.refuse = 'EPERM';
    keeper.want(tableOf([entry('10.0.0.100', {})]));
    await keeper.settled();
    const tried = kernel.batches.length;
    keeper.close();
    await clock.advance(120_000);
    expect(kernel.batches.length).to.equal(tried);
  });
});
