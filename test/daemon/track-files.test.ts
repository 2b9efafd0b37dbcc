import { expect } from 'chai';
import type { TrackFile } from '../../lib/config/model-network.ts';
import { FileTracker } from '../../lib/daemon/track-files.ts';
import { MemoryFiles } from '../sim/memory-files.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { settle, VirtualClock } from '../sim/virtual-clock.ts';

const PATH = '/run/app/load';
const file = (over: Partial<TrackFile> = {}): TrackFile => ({ name: 'tf', path: PATH, weight: 1, reverse: false, init: null, ...over });

describe('FileTracker', () => {
  const clock = new VirtualClock();
  let files: MemoryFiles;
  let log: RecordingLog;
  let changes: string[];
  let tracker: FileTracker;

  beforeEach(() => {
    files = new MemoryFiles();
    log = new RecordingLog();
    changes = [];
    tracker = new FileTracker(files, clock, log, (name) => changes.push(`${name} ${tracker.value(name)}`));
  });

  afterEach(async () => {
    tracker.close();
    await clock.advance(0);
    expect(files.watching(), 'watches left').to.equal(0);
    expect(clock.pending(), 'timers left').to.equal(0);
  });

  const write = async (text: string): Promise<void> => {
    await files.write(PATH, text, 0o644);
    await settle();
  };

  for (const [code, line] of [
    ['EACCES', `Unable to read track file ${PATH}: EACCES; it counts as 0`],
    ['EISDIR', `Unable to read track file ${PATH}: EISDIR; it counts as 0`],
  ] as const) {
    it(`a file that cannot be read (${code}) is 0, which is said once`, async () => {
      files.broken.set(PATH, code);
      await tracker.track([file()]);
      files.files.set(PATH, { text: '5', mode: 0o644 });
      files.broken.delete(PATH);
      await write('7');
      files.broken.set(PATH, code);
      await files.write(PATH, '8', 0o644).catch(() => undefined);
      expect(changes).to.deep.equal(['tf 7']);
      expect(log.texts('warn')).to.deep.equal([line]);
    });
  }

  it('a directory that is not there is looked for again, and that is said once', async () => {
    files.unwatchable.set(PATH, 'ENOENT');
    await tracker.track([file()]);
    await clock.advance(12_000);
    expect(log.texts()).to.deep.equal(['Track file directory for tf does not exist; looking again every 5 s']);
    files.unwatchable.delete(PATH);
    files.files.set(PATH, { text: '9', mode: 0o644 });
    await clock.advance(5000);
    expect(changes).to.deep.equal(['tf 9']);
    await write('10');
    expect(changes).to.deep.equal(['tf 9', 'tf 10']);
  });

  it('a number out of range is not taken, and that is said', async () => {
    files.files.set(PATH, { text: '3', mode: 0o644 });
    await tracker.track([file()]);
    await write('99999999999');
    expect(tracker.value('tf')).to.equal(3);
    expect(log.texts()).to.deep.equal([`Invalid number 99999999999 read from ${PATH} - ignoring`]);
  });

  it('one that is missing is 0 without a word; it comes, changes, holds junk, goes', async () => {
    await tracker.track([file()]);
    expect(tracker.value('tf')).to.equal(0);
    await write('10\n');
    await write('0x14');
    await write('junk');
    await write('-3');
    await files.remove(PATH);
    await settle();
    expect(changes).to.deep.equal(['tf 10', 'tf 20', 'tf 0', 'tf -3', 'tf 0']);
    expect(log.texts()).to.deep.equal([]);
  });

  it('the same number again is no change', async () => {
    await tracker.track([file()]);
    await write('5');
    await write('5 again');
    expect(changes).to.deep.equal(['tf 5']);
  });

  it('what it holds at the start counts, and only its beginning is read', async () => {
    files.files.set(PATH, { text: `12 ${'x'.repeat(100_000)}`, mode: 0o644 });
    await tracker.track([file()]);
    expect(tracker.value('tf')).to.equal(12);
    expect(tracker.all()).to.deep.equal([{ file: file(), value: 12 }]);
  });

  it('changes while it is being read end in one more reading, with the last number', async () => {
    await tracker.track([file()]);
    for (const text of ['1', '2', '3', '4']) void files.write(PATH, text, 0o644);
    await settle();
    await settle();
    expect(tracker.value('tf')).to.equal(4);
    expect(changes.at(-1)).to.equal('tf 4');
  });

  describe('init_file', () => {
    for (const [name, present, init, expected] of [
      ['makes it with 0', null, { value: 0, overwrite: false }, '0\n'],
      ['makes it with the value', null, { value: 7, overwrite: false }, '7\n'],
      ['leaves one that is there', '3\n', { value: 7, overwrite: false }, '3\n'],
      ['overwrite: writes it anew', '3\n', { value: 7, overwrite: true }, '7\n'],
    ] as const) {
      it(name, async () => {
        if (present !== null) files.files.set(PATH, { text: present, mode: 0o640 });
        await tracker.track([file({ init })]);
        expect(files.files.get(PATH)).to.deep.equal({ text: expected, mode: present === null ? 0o666 : 0o640 });
        expect(tracker.value('tf')).to.equal(parseInt(expected, 10));
      });
    }

    it('that cannot be written is said, and it is tracked all the same', async () => {
      files.broken.set(PATH, 'EROFS');
      await tracker.track([file({ init: { value: 7, overwrite: false } })]);
      expect(log.texts('warn')).to.include(`Unable to create track file ${PATH}: EROFS`);
      files.broken.delete(PATH);
      await write('4');
      expect(tracker.value('tf')).to.equal(4);
    });

    it('is for the start: a reload that keeps the file writes nothing', async () => {
      await tracker.track([file({ init: { value: 7, overwrite: true } })]);
      await write('4');
      await tracker.track([file({ init: { value: 9, overwrite: true } })]);
      expect(files.files.get(PATH)?.text).to.equal('4');
    });
  });

  describe('at a reload', () => {
    it('another path: the old number stands until the new one is read', async () => {
      files.files.set(PATH, { text: '5', mode: 0o644 });
      files.files.set('/run/other', { text: '6', mode: 0o644 });
      await tracker.track([file()]);
      const reloaded = tracker.track([file({ path: '/run/other' })]);
      expect(tracker.value('tf')).to.equal(5);
      await reloaded;
      expect(tracker.value('tf')).to.equal(6);
      await write('8');
      expect(tracker.value('tf')).to.equal(6);
    });

    it('one that is gone is no longer watched and counts 0', async () => {
      files.files.set(PATH, { text: '5', mode: 0o644 });
      await tracker.track([file(), file({ name: 'b' })]);
      tracker.keep([file({ name: 'b' })]);
      expect([tracker.value('tf'), tracker.value('b')]).to.deep.equal([0, 5]);
      expect(files.watching()).to.equal(1);
      await write('6');
      expect(changes).to.deep.equal(['tf 5', 'b 5', 'b 6']);
    });
  });
});
