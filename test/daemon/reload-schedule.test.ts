import { expect } from 'chai';
import { ReloadSchedule, reloadTime } from '../../lib/daemon/reload-schedule.ts';
import { MemoryFiles } from '../sim/memory-files.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { settle, VirtualClock } from '../sim/virtual-clock.ts';

const NOON = Date.UTC(2026, 10, 24, 12, 0, 0);

describe('reloadTime', () => {
  for (const text of ['', 'junk', '24:00:00Z', '12:60:00Z', '12:00:60', '1:00:00', ' 12:00:01Z', '12:00:01Z ', '12:00:01z', '2026-11-24', '2026-11-24T13:00:00Z', '2026-11-24  13:00:00Z', '26-13-01 00:00:00Z', '2026-02-30 00:00:00Z', '126-01-01 00:00:00Z']) {
    it(`'${text}' has no such format`, () => { expect(reloadTime(`${text}\n`, NOON)).to.deep.equal({ ok: false, reason: 'format', text }); });
  }

  for (const text of ['2026-11-24 12:00:00Z', '26-11-24 11:59:59Z', '2025-01-01 00:00:00Z']) {
    it(`'${text}' is in the past`, () => { expect(reloadTime(text, NOON)).to.deep.equal({ ok: false, reason: 'past', text }); });
  }

  for (const [text, at, dated] of [
    ['12:00:01Z', NOON + 1000, false], ['12:00:00Z', NOON + 86_400_000, false], ['11:00:00Z', NOON + 23 * 3_600_000, false],
    ['2026-11-24 12:00:01Z', NOON + 1000, true], ['26-12-24 12:00:00Z', Date.UTC(2026, 11, 24, 12), true], ['2028-02-29 00:00:00Z', Date.UTC(2028, 1, 29), true],
  ] as const) {
    it(`'${text}'`, () => { expect(reloadTime(`${text}\nwhatever`, NOON)).to.deep.equal({ ok: true, at, dated }); });
  }

  it('without Z it is local time', () => {
    const now = new Date(2026, 5, 1, 10, 0, 0).getTime();
    expect(reloadTime('10:00:05', now)).to.deep.equal({ ok: true, at: now + 5000, dated: false });
    expect(reloadTime('2026-06-01 10:00:05', now)).to.deep.equal({ ok: true, at: now + 5000, dated: true });
  });
});

describe('ReloadSchedule', () => {
  const FILE = '/run/reload.time';
  let clock: VirtualClock;
  let files: MemoryFiles;
  let log: RecordingLog;
  let reloads: number[];
  let schedule: ReloadSchedule;

  beforeEach(() => {
    clock = new VirtualClock(NOON);
    files = new MemoryFiles();
    log = new RecordingLog();
    reloads = [];
    schedule = new ReloadSchedule(files, clock, log, () => reloads.push(clock.now()));
  });

  afterEach(async () => {
    schedule.close();
    await clock.advance(0);
    expect(files.watching(), 'watches left').to.equal(0);
    expect(clock.pending(), 'timers left').to.equal(0);
  });

  const write = async (text: string): Promise<void> => {
    await files.write(FILE, text, 0o644);
    await settle();
  };

  it('a directory that cannot be watched is said', () => {
    files.unwatchable.set(FILE, 'ENOENT');
    schedule.configure({ file: FILE, repeat: false });
    expect(log.texts('warn')).to.deep.equal([`reload_time_file ${FILE} cannot be watched (ENOENT); no reload will be scheduled`]);
  });

  it('what it cannot use it says in keepalived\'s words, and no reload happens', async () => {
    schedule.configure({ file: FILE, repeat: false });
    await write('junk');
    await write('2026-11-24 11:00:00Z');
    await clock.advance(100_000);
    expect(log.texts()).to.deep.equal([
      'Reload time junk format is incorrect - ignoring', "Invalid reload time 'junk' specified - ignoring",
      'Reload time 2026-11-24 11:00:00Z is in the past - ignoring', 'Reload date/time is in the past - ignoring',
    ]);
    expect(reloads).to.deep.equal([]);
    expect(files.files.has(FILE)).to.equal(true);
  });

  it('one that cannot be removed is said, and the reload is done', async () => {
    schedule.configure({ file: FILE, repeat: false });
    await write('12:00:05Z');
    files.broken.set(FILE, 'EROFS');
    await clock.advance(5000);
    expect(reloads).to.deep.equal([5000]);
    expect(log.texts('warn')).to.deep.equal([`reload_time_file ${FILE} was not removed: remove ${FILE}: EROFS`]);
  });

  it('a file that is there, one that comes, one that changes, one that goes', async () => {
    files.files.set(FILE, { text: '12:01:00Z', mode: 0o644 });
    schedule.configure({ file: FILE, repeat: false });
    await settle();
    expect(log.texts()[0]).to.match(/^Scheduling reload for \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/u);
    await write('12:00:10Z');
    await clock.advance(10_000);
    expect(reloads).to.deep.equal([10_000]);
    expect(files.files.has(FILE), 'it was used up').to.equal(false);
    await write('12:00:30Z');
    await files.remove(FILE);
    await clock.advance(100_000);
    expect(reloads).to.deep.equal([10_000]);
  });

  it('reload_repeat: a time without a date comes every day, one with a date once', async () => {
    schedule.configure({ file: FILE, repeat: true });
    await write('12:00:10Z');
    await clock.advance(2 * 86_400_000);
    expect(reloads).to.deep.equal([10_000, 86_410_000]);
    await write('2026-11-26 12:00:10Z');
    await clock.advance(86_400_000);
    expect([reloads.length, files.files.has(FILE)]).to.deep.equal([3, false]);
  });

  it('another file, or none, at a reload', async () => {
    schedule.configure({ file: FILE, repeat: false });
    await write('12:00:10Z');
    schedule.configure({ file: FILE, repeat: true });
    expect(log.texts()).to.have.length(1);
    schedule.configure({ file: '/run/other', repeat: false });
    await clock.advance(20_000);
    expect(reloads).to.deep.equal([]);
    schedule.configure(null);
    expect(files.watching()).to.equal(0);
  });
});
