import { expect } from 'chai';
import { closeSync, chownSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { constants, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linuxFiles, type LinuxFiles } from '../../lib/linux/files.ts';
import { SystemError } from '../../lib/system/error.ts';
import { requireRoot } from '../needs.ts';
import { until } from './namespaces.ts';

const NOBODY_IN_PARTICULAR = { user: null, group: null };

describe('files', function () {
  this.timeout(10_000);
  let files: LinuxFiles;
  let directory: string;
  const path = (name: string): string => join(directory, name);

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tska-files-'));
    files = linuxFiles();
  });
  afterEach(() => {
    files.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function codeOf(promise: Promise<unknown>): Promise<string> {
    try {
      await promise;
    } catch (cause) {
      if (cause instanceof SystemError) return cause.code;
      throw cause;
    }
    return 'no error';
  }

  it('failures are SystemErrors', async () => {
    expect(await codeOf(files.read(path('missing')))).to.equal('ENOENT');
    expect(await codeOf(files.write(path('missing/file'), 'x', 0o600))).to.equal('ENOENT');
    expect(await codeOf(files.remove(path('missing')))).to.equal('ENOENT');
    expect(() => files.watch(path('missing/file'), () => undefined)).to.throw(SystemError, 'ENOENT');
  });

  it('write replaces the file with one of the mode asked for, and leaves nothing else', async () => {
    writeFileSync(path('f'), 'old', { mode: 0o644 });
    await files.write(path('f'), 'new', 0o600);
    expect(Buffer.from(await files.read(path('f'))).toString()).to.equal('new');
    expect(statSync(path('f')).mode & 0o777).to.equal(0o600);
    expect(readdirSync(directory)).to.deep.equal(['f']);
    await Promise.all(['one', 'two', 'six'].map((text) => files.write(path('f'), text, 0o600)));
    expect(readFileSync(path('f'), 'utf8')).to.be.oneOf(['one', 'two', 'six']);
    expect(readdirSync(directory), 'after three at once').to.deep.equal(['f']);
    await files.remove(path('f'));
    expect(existsSync(path('f'))).to.equal(false);
  });

  describe('watch', () => {
    let changes: string[];
    /** Changes as what the file held when each was told. */
    const watch = (): (() => void) => files.watch(path('f'), () => changes.push(existsSync(path('f')) ? readFileSync(path('f'), 'utf8') : '(none)'));

    beforeEach(() => {
      changes = [];
    });

    it('tells of writing when it has ended, not in the middle', async () => {
      writeFileSync(path('f'), 'old');
      watch();
      const fd = openSync(path('f'), 'w');
      writeSync(fd, 'ne');
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(changes).to.deep.equal([]);
      writeSync(fd, 'w');
      closeSync(fd);
      await until('the change', () => changes.length > 0);
      expect(changes).to.deep.equal(['new']);
    });

    it('tells of creation, of replacement by rename, and of removal', async () => {
      watch();
      writeFileSync(path('f'), 'made');
      await until('the creation', () => changes.at(-1) === 'made');
      writeFileSync(path('g'), 'renamed');
      renameSync(path('g'), path('f'));
      await until('the rename', () => changes.at(-1) === 'renamed');
      unlinkSync(path('f'));
      await until('the removal', () => changes.at(-1) === '(none)');
    });

    it('does not tell of other files, nor after it was cancelled, while another watch of the directory goes on', async () => {
      let others = 0;
      const cancel = watch();
      files.watch(path('other'), () => others++);
      cancel();
      cancel();
      writeFileSync(path('f'), 'x');
      writeFileSync(path('other'), 'x');
      await until('the other file\'s change', () => others > 0);
      expect(changes).to.deep.equal([]);
    });

    it('finds the directory again after it was removed and made anew', async () => {
      mkdirSync(path('d'));
      let told = 0;
      files.watch(path('d/f'), () => told++);
      rmSync(path('d'), { recursive: true });
      await until('the removal', () => told > 0);
      mkdirSync(path('d'));
      const before = told;
      await until('the return', () => told > before);
      const returned = told;
      writeFileSync(path('d/f'), 'x');
      await until('the change', () => told > returned);
    });
  });

  describe('FIFO', () => {
    it('refuses what is something else, or a symbolic link to a FIFO', async () => {
      writeFileSync(path('f'), '');
      expect(await codeOf(files.openFifo(path('f'), NOBODY_IN_PARTICULAR))).to.equal('EINVAL');
      execFileSync('mkfifo', [path('real')]);
      symlinkSync(path('real'), path('link'));
      expect(await codeOf(files.openFifo(path('link'), NOBODY_IN_PARTICULAR))).to.equal('ELOOP');
      expect(await codeOf(files.openFifo(path('no/fifo'), NOBODY_IN_PARTICULAR))).to.equal('ENOENT');
    });

    it('refuses one that belongs to another user, unless to the one named', async function () {
      requireRoot(this);
      execFileSync('mkfifo', [path('f')]);
      chownSync(path('f'), 12345, 12345);
      expect(await codeOf(files.openFifo(path('f'), NOBODY_IN_PARTICULAR))).to.equal('EPERM');
      const fifo = await files.openFifo(path('f'), { user: '12345', group: '12345' });
      await fifo.close();
      expect(existsSync(path('f')), 'one that was there stays').to.equal(true);
    });

    it('is made when missing, as rw-r--r-- of the user named, and unlinked at close', async function () {
      requireRoot(this);
      const fifo = await files.openFifo(path('f'), { user: '12345', group: '54321' });
      const { mode, uid, gid } = statSync(path('f'));
      expect({ created: fifo.created, mode: mode & 0o777, uid, gid }).to.deep.equal({ created: true, mode: 0o644 & ~process.umask(), uid: 12345, gid: 54321 });
      await fifo.close();
      expect(existsSync(path('f'))).to.equal(false);
    });

    it('writes whole lines without a reader, and loses them whole when it is full', async () => {
      const fifo = await files.openFifo(path('f'), NOBODY_IN_PARTICULAR);
      const line = `INSTANCE "${'x'.repeat(100)}" MASTER 100\n`;
      let written = 0;
      while (fifo.write(line)) written++;
      expect(written).to.be.greaterThan(100);
      expect(fifo.write('x'.repeat(5000)), 'longer than PIPE_BUF').to.equal(false);
      const reader = await open(path('f'), constants.O_RDONLY | constants.O_NONBLOCK);
      const { bytesRead, buffer } = await reader.read(Buffer.alloc(1 << 20), 0, 1 << 20);
      expect(bytesRead).to.equal(written * line.length);
      expect(buffer.toString('utf8', 0, line.length)).to.equal(line);
      expect(fifo.write(line), 'after it was emptied').to.equal(true);
      await reader.close();
      await fifo.close();
    });
  });
});
