import { expect } from 'chai';
import type { MailSettings, NotifyScripts } from '../../../lib/config/model.ts';
import type { NotifyState, TransitionNotice } from '../../../lib/daemon/notify/events.ts';
import type { Message } from '../../../lib/daemon/notify/message.ts';
import { createNotifier, type Notifier, type NotifySettings } from '../../../lib/daemon/notify/notifier.ts';
import { MemoryFiles } from '../../sim/memory-files.ts';
import { RecordingLog } from '../../sim/recording-log.ts';
import { ScriptedRunner } from '../../sim/scripted-runner.ts';
import { settle, VirtualClock } from '../../sim/virtual-clock.ts';

const MAIL: MailSettings = { from: 'ka@x', to: ['a@x'], server: { host: '192.0.2.9', port: 25 }, helo: 'h', timeout: 1000 };
const NONE: NotifyScripts = { master: null, backup: null, fault: null, stop: null, deleted: null, masterRxLowerPri: null, any: null };
const PLAIN: NotifySettings = { routerId: 'R', mail: null, noEmailFaults: false, notifyFifo: null, vrrpNotifyFifo: null };
const FIFO = { path: '/run/ka.fifo', account: null, script: null };

function event(state: NotifyState, scripts: Partial<NotifyScripts> = {}): TransitionNotice {
  return { type: 'transition', kind: 'INSTANCE', name: 'VI_1', state, priority: 100, scripts: { ...NONE, ...scripts }, smtpAlert: true };
}

describe('daemon/notify/notifier', () => {
  let runner: ScriptedRunner;
  let files: MemoryFiles;
  let clock: VirtualClock;
  let log: RecordingLog;
  let mails: Message[];
  const make = (settings: Partial<NotifySettings> = {}): Notifier =>
    createNotifier({ ...PLAIN, ...settings }, {
      scripts: runner, files, clock, log,
      mailer: { send: (_settings, message) => void mails.push(message), close: () => Promise.resolve() },
    });
  beforeEach(() => {
    [runner, files, clock, log, mails] = [new ScriptedRunner(), new MemoryFiles(), new VirtualClock(), new RecordingLog(), []];
  });

  it('a FIFO that cannot be opened is logged once and the rest goes on', async () => {
    files.files.set('/run/ka.fifo', { text: '', mode: 0o600 });
    const notifier = make({ notifyFifo: { ...FIFO, script: { argv: ['/reader'], account: null } } });
    await notifier.start();
    notifier.notify(event('MASTER', { any: { argv: ['/any'], account: null } }));
    expect(log.texts('error')).to.deep.equal(['Unable to open notify FIFO /run/ka.fifo: openFifo /run/ka.fifo: EEXIST; it gets no events']);
    expect(runner.commands()).to.deep.equal(['/any INSTANCE VI_1 MASTER 100']);
  });

  it('a script that cannot be run is logged with its command', async () => {
    runner.answer('/gone', { type: 'failed', reason: 'no such file' });
    make().notify(event('MASTER', { master: { argv: ['/gone'], account: null } }));
    await settle();
    expect(log.texts('warn')).to.deep.equal(["Notify script '/gone' could not be run: no such file"]);
  });

  it('a full FIFO loses lines: said once when it begins and once when it ends, with the number', async () => {
    const notifier = make({ notifyFifo: FIFO });
    await notifier.start();
    const fifo = files.fifos.get('/run/ka.fifo');
    if (fifo === undefined) throw new Error('not opened');
    fifo.full = true;
    notifier.notify(event('BACKUP'));
    notifier.notify(event('MASTER'));
    fifo.full = false;
    notifier.notify(event('FAULT'));
    expect(fifo.lines).to.deep.equal(['INSTANCE "VI_1" FAULT 100\n']);
    expect(log.texts('warn')).to.deep.equal([
      'notify FIFO /run/ka.fifo is full, events are lost: nobody reads it',
      'notify FIFO /run/ka.fifo takes events again, 2 were lost',
    ]);
  });

  it('runs scripts as their account, without a time limit, and does not wait', () => {
    make().notify(event('MASTER', { any: { argv: ['/any'], account: { user: 'nobody', group: 'adm' } } }));
    expect(runner.runs.map((run) => run.options)).to.deep.equal([{ timeout: null, user: 'nobody', group: 'adm' }]);
  });

  it('writes both FIFOs and starts their scripts with the path as last argument', async () => {
    const notifier = make({
      notifyFifo: { ...FIFO, script: { argv: ['/reader', 'arg'], account: { user: 'u', group: null } } },
      vrrpNotifyFifo: { ...FIFO, path: '/run/vrrp.fifo' },
    });
    await notifier.start();
    notifier.notify(event('BACKUP'));
    expect(runner.runs.map((run) => [run.argv, run.options])).to.deep.equal([[['/reader', 'arg', '/run/ka.fifo'], { timeout: null, user: 'u', group: null }]]);
    for (const path of ['/run/ka.fifo', '/run/vrrp.fifo']) expect(files.fifos.get(path)?.lines).to.deep.equal(['INSTANCE "VI_1" BACKUP 100\n']);
    await notifier.stop();
    expect([...files.fifos.keys()], 'what it made it unlinks').to.deep.equal([]);
    expect(runner.alive()).to.deep.equal([]);
  });

  it('says when the FIFO\'s script ends by itself, and does not start it again', async () => {
    const notifier = make({ vrrpNotifyFifo: { ...FIFO, script: { argv: ['/reader'], account: null } } });
    await notifier.start();
    runner.runs[0]?.end(0);
    await settle();
    await clock.advance(60_000);
    expect(log.texts('info')).to.deep.equal(['vrrp notify fifo script terminated']);
    expect(runner.runs).to.have.length(1);
    await notifier.stop();
  });

  it('a reload starts the FIFO\'s script again if it has died, and leaves one that lives', async () => {
    const vrrpNotifyFifo = { ...FIFO, script: { argv: ['/reader'], account: null } };
    const notifier = make({ vrrpNotifyFifo });
    await notifier.start();
    await notifier.reload({ ...PLAIN, vrrpNotifyFifo });
    expect(runner.runs).to.have.length(1);
    runner.runs[0]?.end(3);
    await settle();
    await notifier.reload({ ...PLAIN, vrrpNotifyFifo });
    expect(runner.runs.map((run) => run.argv)).to.deep.equal([['/reader', '/run/ka.fifo'], ['/reader', '/run/ka.fifo']]);
    await notifier.stop();
  });

  it('the FIFO\'s script is ended before the first STOP line', async () => {
    const notifier = make({ notifyFifo: { ...FIFO, script: { argv: ['/reader'], account: null } } });
    await notifier.start();
    notifier.notify(event('STOP'));
    expect(runner.runs[0]?.stopped).to.equal(true);
    expect(files.fifos.get('/run/ka.fifo')?.lines).to.deep.equal(['INSTANCE "VI_1" STOP 100\n']);
    await settle();
    expect(log.texts('info'), 'it was us').to.deep.equal([]);
  });

  it('the stop waits for a STOP script, but no longer than a second', async () => {
    const notifier = make();
    notifier.notify(event('MASTER', { master: { argv: ['/runs-on'], account: null } }));
    notifier.notify(event('STOP', { stop: { argv: ['/slow'], account: null } }));
    let stopped = false;
    const done = notifier.stop().then(() => (stopped = true));
    await clock.advance(999);
    expect(stopped).to.equal(false);
    await clock.advance(1);
    await done;
    expect(runner.runs.map((run) => [run.argv[0], run.stopped, run.options.timeout])).to.deep.equal([['/runs-on', false, null], ['/slow', true, 1000]]);
    expect(clock.pending()).to.equal(0);
  });

  it('the stop ends as soon as the STOP scripts have', async () => {
    const notifier = make();
    notifier.notify(event('STOP', { stop: { argv: ['/quick'], account: null } }));
    const done = notifier.stop();
    runner.runs[0]?.end(0);
    await done;
    expect([clock.now(), clock.pending()]).to.deep.equal([0, 0]);
  });

  it('mails each change once', () => {
    const notifier = make({ mail: MAIL });
    for (const state of ['BACKUP', 'MASTER', 'MASTER', 'BACKUP'] as const) notifier.notify(event(state));
    expect(mails.map(({ raw }) => /^Subject: (.*)$/m.exec(raw)?.[1]?.trim())).to.deep.equal([
      '[R] VRRP Instance VI_1 - Entering BACKUP state', '[R] VRRP Instance VI_1 - Entering MASTER state', '[R] VRRP Instance VI_1 - Entering BACKUP state',
    ]);
  });

  it('a fault that is not mailed does not count as mailed', () => {
    const notifier = make({ mail: MAIL, noEmailFaults: true });
    for (const state of ['MASTER', 'FAULT', 'MASTER', 'FAULT', 'BACKUP'] as const) notifier.notify(event(state));
    expect(mails).to.have.length(2);
  });

  it('a reload keeps a FIFO that stays, closes one that goes and opens a new one', async () => {
    const notifier = make({ notifyFifo: FIFO, vrrpNotifyFifo: { ...FIFO, path: '/run/old' } });
    await notifier.start();
    const kept = files.fifos.get('/run/ka.fifo');
    await notifier.reload({ ...PLAIN, notifyFifo: FIFO, vrrpNotifyFifo: { ...FIFO, path: '/run/new' } });
    notifier.notify(event('BACKUP'));
    expect([...files.fifos.keys()]).to.deep.equal(['/run/ka.fifo', '/run/new']);
    expect(files.fifos.get('/run/ka.fifo')).to.equal(kept);
    expect(kept?.lines).to.have.length(1);
    await notifier.stop();
  });
});
