import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLog, type DaemonLog, type LogOptions } from '../../../lib/daemon/log/create-log.ts';
import type { LogLevel } from '../../../lib/daemon/log/log.ts';
import { type LineWriter, openLogFile } from '../../../lib/daemon/log/writer.ts';

const wall = new Date(2026, 10, 3, 4, 5, 6).getTime();

class MemoryWriter implements LineWriter {
  text = '';
  lost = 0;
  write(line: string): void {
    this.text += line;
  }
  takeLost(): number {
    const { lost } = this;
    this.lost = 0;
    return lost;
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  flushNow(): void {
    this.text += '<flushed>';
  }
}

function make(writer: LineWriter, over: Partial<LogOptions> = {}): DaemonLog {
  return createLog({ level: 'info', format: 'text', ident: 'Keepalived_vrrp', pid: 42, facility: 3, wall: () => wall, writers: [writer], syslog: null, ...over });
}

function sayAll(log: DaemonLog): void {
  for (const level of ['error', 'warn', 'info', 'detail', 'debug'] as const) log[level](level);
}

describe('daemon/log/create-log', () => {
  const rows: [LogLevel, string[]][] = [
    ['error', ['error']],
    ['info', ['error', 'warn', 'info']],
    ['detail', ['error', 'warn', 'info', 'detail']],
    ['debug', ['error', 'warn', 'info', 'detail', 'debug']],
  ];
  for (const [level, expected] of rows) {
    it(`at level ${level}`, () => {
      const writer = new MemoryWriter();
      sayAll(make(writer, { level }));
      expect(writer.text).to.equal(expected.map((text) => `Tue Nov  3 04:05:06 2026: ${text}\n`).join(''));
    });
  }

  it('text is text whatever is in it', () => {
    const writer = new MemoryWriter();
    make(writer).info('100% "%s" \\ {x} 漢字');
    expect(writer.text).to.equal('Tue Nov  3 04:05:06 2026: 100% "%s" \\ {x} 漢字\n');
  });

  it('json: one object a line, data as fields, the child\'s name', () => {
    const writer = new MemoryWriter();
    make(writer, { format: 'json' }).child('VI_1').info('(VI_1) Entering MASTER STATE', { priority: 150 });
    expect(writer.text).to.match(/^[^\n]*\n$/);
    expect(JSON.parse(writer.text)).to.deep.equal({
      level: 'info', time: wall, ident: 'Keepalived_vrrp', pid: 42, name: 'VI_1', priority: 150, msg: '(VI_1) Entering MASTER STATE',
    });
  });

  it('an error as a field keeps its stack in JSON', () => {
    const writer = new MemoryWriter();
    make(writer, { format: 'json' }).error('x', { err: new Error('boom') });
    expect(JSON.parse(writer.text)).to.have.nested.property('err.message', 'boom');
  });

  it('lost lines are told with the next line', () => {
    const writer = new MemoryWriter();
    const log = make(writer);
    writer.lost = 3;
    log.info('a');
    log.info('b');
    expect(writer.text.split('\n').map((line) => line.slice(26))).to.deep.equal(['3 log lines lost: the reader is too slow', 'a', 'b', '']);
  });

  it('syslog gets text, and is told what it missed once it takes datagrams again', () => {
    const sent: string[] = [];
    let takes = false;
    const syslog = { send: (bytes: Uint8Array) => takes && sent.push(new TextDecoder().decode(bytes)) > 0 };
    const log = make(new MemoryWriter(), { format: 'json', syslog });
    log.info('one');
    log.info('two');
    takes = true;
    log.error('three');
    expect(sent).to.deep.equal([
      '<28>Nov  3 04:05:06 Keepalived_vrrp[42]: 2 log lines lost: syslog did not take them',
      '<27>Nov  3 04:05:06 Keepalived_vrrp[42]: three',
    ]);
  });

  it('flushNow reaches the writers', () => {
    const writer = new MemoryWriter();
    make(writer).flushNow();
    expect(writer.text).to.equal('<flushed>');
  });
});

describe('daemon/log/writer', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'log-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('a log file that cannot be opened throws at once', () => {
    expect(() => openLogFile(join(folder, 'none', 'x.log'))).to.throw(/ENOENT/);
  });

  it('appends, and close writes what is buffered', async () => {
    const path = join(folder, 'x.log');
    for (const text of ['one', 'two']) {
      const log = make(openLogFile(path));
      log.info(text);
      await log.close(5000);
    }
    expect(readFileSync(path, 'utf8')).to.equal('Tue Nov  3 04:05:06 2026: one\nTue Nov  3 04:05:06 2026: two\n');
  });

  it('flushNow writes before it returns', () => {
    const path = join(folder, 'x.log');
    const log = make(openLogFile(path));
    log.info('last words');
    log.flushNow();
    expect(readFileSync(path, 'utf8')).to.equal('Tue Nov  3 04:05:06 2026: last words\n');
  });
});
