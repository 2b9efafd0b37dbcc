import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linuxClock } from '../../lib/linux/clock.ts';
import { check, close, errnoCode, ifNameToIndex, pinned, pollReadable, socket, TFD_CLOEXEC, timerfdCreate, timerfdSettime, WORD, writeWord } from '../../lib/linux/libc.ts';
import { onRealTimeSignal, SIGRTMAX, SIGRTMIN } from '../../lib/linux/real-time-signals.ts';
import { unixDatagram } from '../../lib/linux/unix-datagram.ts';
import { resolveGroup, resolveIds } from '../../lib/linux/users.ts';
import { SystemError } from '../../lib/system/error.ts';
import { inPath, skip } from '../needs.ts';
import { until } from './namespaces.ts';

describe('libc', () => {
  it('a failed call is a SystemError with the name of its errno', () => {
    expect(() => check(socket(9999, 1, 0), 'open', 'a socket of no family')).to.throw(SystemError, 'open a socket of no family: EAFNOSUPPORT');
    expect(ifNameToIndex('no-such-link')).to.equal(0);
    expect(errnoCode(11)).to.equal('EAGAIN');
    expect(errnoCode(9999)).to.equal('errno 9999');
  });
});

const CLOCK_MONOTONIC = 1;

/** A struct itimerspec. */
function inMilliseconds(ms: number): Uint8Array {
  const bytes = pinned(4 * WORD);
  writeWord(bytes, 3 * WORD, ms * 1e6);
  return bytes;
}

describe('clock', () => {
  const clock = linuxClock();

  for (const precision of [undefined, 'at-once', 'after-input'] as const) {
    describe(precision ?? 'without a precision', () => {
      it('never runs early, and in the order of time', async () => {
        const start = clock.now();
        const ran: string[] = [];
        await new Promise<void>((resolve) => {
          for (const [name, delay] of [['c', 20.9], ['a', 5.3], ['b', 10.7], ['past', -1000]] as const) {
            clock.at(start + delay, () => {
              expect(clock.now() - start, name).to.be.at.least(delay);
              ran.push(name);
              if (name === 'c') resolve();
            }, precision);
          }
        });
        expect(ran).to.deep.equal(['past', 'a', 'b', 'c']);
      });

      it('does not take a time months away for now, and cancels', async () => {
        let ran = 0;
        const cancels = [2 ** 33, Infinity, 5].map((delay) => clock.at(clock.now() + delay, () => ran++, precision));
        cancels[2]?.();
        await new Promise((resolve) => setTimeout(resolve, 30));
        expect(ran).to.equal(0);
        for (const cancel of [...cancels, ...cancels]) cancel();
      });

      it('one that sets another, and one that is cancelled by another', async () => {
        const start = clock.now();
        const ran: string[] = [];
        await new Promise<void>((resolve) => {
          const cancel = clock.at(start + 12, () => ran.push('cancelled'), precision);
          clock.at(start + 3, () => {
            ran.push('first');
            cancel();
            clock.at(start + 15, () => { ran.push('third'); resolve(); }, precision);
            clock.at(start + 1, () => ran.push('second'), precision);
          }, precision);
        });
        expect(ran).to.deep.equal(['first', 'second', 'third']);
      });

      it('a promise that it settles does not wait for another event', async () => {
        const start = clock.now();
        // Nothing else happens for longer than this test may take.
        await new Promise<void>((resolve) => clock.at(start + 3, resolve, precision));
      });
    });
  }

  it('after the input means after it: what arrived while the process was held up comes first', async () => {
    const order: string[] = [];
    const input = check(timerfdCreate(CLOCK_MONOTONIC, TFD_CLOEXEC), 'open', 'a timer that stands for a socket');
    await new Promise<void>((resolve) => {
      const polling = pollReadable(input, () => {
        order.push('input');
        polling();
      });
      clock.at(clock.now() + 2, () => {
        order.push('after');
        resolve();
      }, 'after-input');
      check(timerfdSettime(input, 0, inMilliseconds(2), null), 'set', 'a timer');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    });
    close(input);
    expect(order).to.deep.equal(['input', 'after']);
  });

  it('knows the wall clock', () => {
    expect(Math.abs(clock.wall() - Date.now())).to.be.lessThan(1000);
  });
});

describe('real-time signals', function () {
  this.timeout(5_000);
  for (const signal of [0, 15, 33, 65, 36.5]) {
    it(`${signal} is none`, () => {
      expect(() => onRealTimeSignal(signal, () => undefined)).to.throw(RangeError);
    });
  }

  it('arrive: SIGRTMIN+2 and SIGRTMAX-1, as keepalived has them', async () => {
    const arrived: number[] = [];
    const signals = [SIGRTMIN + 2, SIGRTMAX - 1];
    const cancels = signals.map((signal) => onRealTimeSignal(signal, () => arrived.push(signal)));
    for (const signal of signals) process.kill(process.pid, signal);
    await until('both signals', () => arrived.length === 2);
    expect(arrived).to.have.members(signals);
    for (const cancel of [...cancels, ...cancels]) cancel();
  });
});

describe('users and groups', () => {
  for (const [name, user, group] of [
    ['an unknown user', 'no-such-user', null],
    ['an unknown group', 'root', 'no-such-group'],
    ['a number without an account and without a group', '4000000001', null],
    ['an empty name', '', null],
    ['a number out of range', '4294967295', '0'],
  ] as const) {
    it(`${name} is an error`, () => {
      expect(() => resolveIds(user, group)).to.throw(SystemError, 'ENOENT');
    });
  }

  it('are found by name and by number', () => {
    expect(resolveIds('root', null)).to.deep.equal({ uid: 0, gid: 0 });
    expect(resolveIds('0', null)).to.deep.equal({ uid: 0, gid: 0 });
    expect(resolveIds('4000000001', '7')).to.deep.equal({ uid: 4000000001, gid: 7 });
    expect(resolveGroup('root')).to.equal(0);
    expect(resolveIds('root', 'daemon')).to.deep.equal({ uid: 0, gid: resolveGroup('daemon') });
  });
});

describe('unix datagrams', function () {
  this.timeout(10_000);
  let directory: string;
  let receivers: ChildProcess[];
  let clockNow: number;
  const clock = { ...linuxClock(), now: () => clockNow };

  before(function () {
    if (!inPath('python3')) skip(this, 'needs python3 as the receiver: Node has no AF_UNIX datagrams');
  });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tska-unix-'));
    receivers = [];
    clockNow = 1_000_000;
  });
  afterEach(() => {
    for (const child of receivers) child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });

  /** A receiver on `name` (NUL for `@`), which prints each datagram; `busy`: it never reads. */
  async function receive(name: string, busy = false): Promise<{ received: () => string[]; child: ChildProcess }> {
    const program = `
import os, socket, sys
name = sys.argv[1].replace('@', '\\0')
if os.path.exists(sys.argv[1]): os.unlink(sys.argv[1])
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(name)
print('ready', flush=True)
while True:
  if sys.argv[2] == 'busy': sys.stdin.read()
  print(s.recv(70000).decode(), flush=True)
`;
    const child = spawn('python3', ['-c', program, name, busy ? 'busy' : ''], { stdio: ['pipe', 'pipe', 'inherit'] });
    receivers.push(child);
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await until('the receiver', () => text === 'ready\n');
    return { child, received: () => text.split('\n').slice(1, -1) };
  }

  it('are lost, and counted, while nobody receives; tried again only after a pause', async () => {
    const path = join(directory, 'log');
    const sender = unixDatagram(path, clock);
    expect(sender.send('x')).to.equal(false);
    expect(sender.lastError).to.equal('ENOENT');
    const { received } = await receive(path);
    expect(sender.send('too soon')).to.equal(false);
    expect(sender.dropped).to.equal(2);
    clockNow += 1_000;
    expect(sender.send('READY=1')).to.equal(true);
    await until('the datagram', () => received().length === 1);
    expect(received()).to.deep.equal(['READY=1']);
    sender.close();
    expect(sender.send('closed')).to.equal(false);
  });

  it('a path that is too long is only a loss', () => {
    const sender = unixDatagram(join(directory, 'x'.repeat(108)), clock);
    expect(sender.send('x')).to.equal(false);
    expect(sender.lastError).to.equal('ENAMETOOLONG');
  });

  it('reach an abstract address', async () => {
    const name = `@tska-${process.pid}-notify`;
    const { received } = await receive(name);
    const sender = unixDatagram(name, clock);
    expect(sender.send(new TextEncoder().encode('WATCHDOG=1'))).to.equal(true);
    await until('the datagram', () => received().length === 1);
    expect(received()).to.deep.equal(['WATCHDOG=1']);
    sender.close();
  });

  it('reach a receiver that was restarted', async () => {
    const path = join(directory, 'log');
    const first = await receive(path);
    const sender = unixDatagram(path, clock);
    expect(sender.send('one')).to.equal(true);
    await until('the first', () => first.received().length === 1);
    first.child.kill('SIGKILL');
    await until('its end', () => first.child.signalCode !== null && existsSync(path));
    const second = await receive(path);
    clockNow += 1_000;
    expect(sender.send('two')).to.equal(true);
    await until('the second', () => second.received().length === 1);
    expect(sender.dropped).to.equal(0);
    sender.close();
  });

  it('are lost when the queue is full, without waiting', async () => {
    const path = join(directory, 'log');
    await receive(path, true);
    const sender = unixDatagram(path, clock);
    let sent = 0;
    while (sender.send('x'.repeat(100)) && sent < 100_000) sent++;
    expect(sent).to.be.within(1, 99_999);
    expect({ dropped: sender.dropped, lastError: sender.lastError }).to.deep.equal({ dropped: 1, lastError: 'EAGAIN' });
    sender.close();
  });
});
