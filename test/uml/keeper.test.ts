import { expect } from 'chai';
import { IpvsKeeper } from '../../lib/daemon/balance/ipvs-keeper.ts';
import { diffTables } from '../../lib/ipvs/diff.ts';
import { saveTable } from '../../lib/ipvs/report/save.ts';
import { EMPTY_TABLE, tableOf } from '../../lib/ipvs/table.ts';
import { linuxClock } from '../../lib/linux/clock.ts';
import { linuxIpvs } from '../../lib/linux/ipvs.ts';
import { destination, entry } from '../ipvs/values.ts';
import { until } from '../netns/wait.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { ipvsadm, restore } from './ipvsadm.ts';
import { requireUml } from './needs.ts';

describe('the keeper of the table, on a kernel', function () {
  this.timeout(120_000);

  before(function () { requireUml(this, 'ipvsadm'); });
  beforeEach(() => { ipvsadm('-C'); });
  after(() => {
    if (process.env['UML_RUN'] === '1') ipvsadm('-C');
  });

  it('answers lost in an overrun of the socket: a fresh dump, and what is missing after it', async () => {
    const wanted = tableOf(Array.from({ length: 60 }, (_, i) => entry(`tcp 192.0.2.${i + 1} 80`, ...Array.from({ length: 10 }, (_, j) => `10.0.${i}.${j + 1} 80`))));
    // Room for some thirty refusals, and everything sent before one answer is read.
    const control = await linuxIpvs({ receiveBuffer: 64 * 1024, window: 20_000 });
    const log = new RecordingLog();
    const keeper = new IpvsKeeper(control, linuxClock(), log);
    try {
      await keeper.start(EMPTY_TABLE);
      // Somebody else puts most of it there, with other weights, after the table was read: all of these will be refused.
      restore(saveTable([...wanted.values()].slice(0, 55).map(({ service, destinations }) => ({ service, destinations: destinations.map(({ address, port }) => destination(`${address} ${port}`, { weight: 77 })) }))));
      keeper.want(wanted);
      await until('the table as wanted', 60_000, async () => diffTables(wanted, tableOf(await control.dump())).length === 0, () => log.lines.map(({ text }) => text).join('\n'), 500);
      await keeper.settled();
      expect(log.lines.map(({ text }) => text).filter((text) => /ENOBUFS/u.test(text))).to.have.lengthOf(1);
      keeper.want(EMPTY_TABLE);
      await until('nothing left', 30_000, async () => (await control.dump()).length === 0, undefined, 200);
    } finally {
      keeper.close();
      control.close();
    }
  });

  it('one weight of 11,000 entries changed is one message', async () => {
    const table = (weight: number): ReturnType<typeof tableOf> => {
      const all = tableOf(Array.from({ length: 1000 }, (_, i) => entry(`tcp 192.0.${2 + (i >> 8)}.${i & 255} 80`, ...Array.from({ length: 10 }, (_, j) => `10.${i >> 8}.${i & 255}.${j + 1} 80`))));
      const [[key, first] = ['', entry('tcp 192.0.2.0 80')]] = all;
      return new Map([...all, [key, { ...first, destinations: first.destinations.map((one, j) => (j === 3 ? { ...one, weight } : one)) }]]);
    };
    const control = await linuxIpvs();
    let sent: number[] = [];
    const keeper = new IpvsKeeper({ ...control, apply: (operations) => {
      sent.push(operations.length);
      return control.apply(operations);
    } }, linuxClock(), new RecordingLog());
    try {
      await keeper.start(EMPTY_TABLE);
      keeper.want(table(1));
      await keeper.settled();
      expect(sent).to.deep.equal([11_000]);
      sent = [];
      keeper.want(table(5));
      await keeper.settled();
      expect(sent).to.deep.equal([1]);
      expect(ipvsadm('-Sn').split('\n').filter((line) => line.endsWith('-w 5'))).to.deep.equal(['-a -t 192.0.2.0:80 -r 10.0.0.4:80 -g -w 5']);
      sent = [];
      keeper.want(table(5));
      await keeper.settled();
      expect(sent).to.deep.equal([]);
    } finally {
      keeper.close();
      control.close();
    }
  });
});
