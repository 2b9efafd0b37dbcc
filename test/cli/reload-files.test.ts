import { expect } from 'chai';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appendVerdict, reloadMark, SavedConfigurations, whileMarked } from '../../lib/cli/reload-files.ts';
import { RecordingLog } from '../sim/recording-log.ts';

describe('the files around a reload', () => {
  let dir: string;
  let log: RecordingLog;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'tska-reload-'));
    log = new RecordingLog();
  });

  afterEach(() => { rmSync(dir, { recursive: true, force: true }); });

  it('reload_file: not given, bare, with a path', () => {
    expect(reloadMark({}, '/run/keepalived.pid')).to.equal(null);
    expect(reloadMark({ reload_file: null }, '/run/keepalived/k.pid')).to.equal('/run/keepalived/keepalived.reload');
    expect(reloadMark({ reload_file: '/run/x' }, '/run/keepalived.pid')).to.equal('/run/x');
  });

  it('a mark that cannot be made is said, and the files are read', async () => {
    expect(await whileMarked('/nowhere/mark', log, () => Promise.resolve(7))).to.equal(7);
    expect(log.texts('error').map((text) => text.split(':')[0])).to.deep.equal(['reload_file /nowhere/mark cannot be made', 'reload_file /nowhere/mark cannot be removed']);
  });

  it('the mark is there, and empty, while files are read, also when that fails', async () => {
    const mark = join(dir, 'mark');
    writeFileSync(mark, 'made by the updater');
    let size = -1;
    await whileMarked(mark, log, () => { size = statSync(mark).size; return Promise.resolve(); });
    expect([size, existsSync(mark)]).to.deep.equal([0, false]);
    await whileMarked(mark, log, () => Promise.reject(new Error('unreadable'))).then(() => expect.fail(), (cause: unknown) => expect(cause).to.have.property('message', 'unreadable'));
    expect(existsSync(mark)).to.equal(false);
    expect(log.texts()).to.deep.equal([]);
  });

  it('the verdict is appended; a log that cannot be written is said', async () => {
    await appendVerdict(join(dir, 'log'), ['one', 'two'], log);
    await appendVerdict(join(dir, 'log'), ['three'], log);
    expect(readFileSync(join(dir, 'log'), 'utf8')).to.equal('one\ntwo\nthree\n');
    await appendVerdict('/nowhere/log', ['x'], log);
    expect(log.texts('error')).to.have.length(1);
  });

  it('config_save_dir: the directory is made for us alone, each reload has its number', async () => {
    const saved = new SavedConfigurations(log, 77);
    const directory = join(dir, 'saved');
    writeFileSync(join(dir, 'a.conf'), 'a\n');
    writeFileSync(join(dir, 'b.conf'), 'b\n');
    const files = [join(dir, 'a.conf'), join(dir, 'b.conf')];
    await saved.read(undefined, files);
    expect(existsSync(directory)).to.equal(false);
    await saved.read(directory, files);
    await saved.dump(directory, 'pre', 'before\n');
    await saved.read(directory, files);
    await saved.dump(directory, 'post', 'after\n');
    expect(readdirSync(directory).sort()).to.deep.equal(['keepalived.conf.77.0', 'keepalived.conf.77.1', 'keepalived_vrrp.77.1.post', 'keepalived_vrrp.77.1.pre']);
    expect(statSync(directory).mode & 0o777).to.equal(0o700);
    expect(readFileSync(join(directory, 'keepalived.conf.77.1'), 'utf8')).to.equal(`# ${files[0] ?? ''}\na\n\n# ${files[1] ?? ''}\nb\n`);
    expect(readFileSync(join(directory, 'keepalived_vrrp.77.1.pre'), 'utf8')).to.equal('before\n');
  });

  it('config_save_dir whose parent is not there is said', async () => {
    await new SavedConfigurations(log, 77).dump('/nowhere/saved', 'pre', 'x');
    expect(log.texts('error')[0]).to.match(/^config_save_dir \/nowhere\/saved: ENOENT/u);
  });
});
