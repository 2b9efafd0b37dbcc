import { expect } from 'chai';
import { SystemError } from '../../lib/system/error.ts';
import { instanceText } from '../sim/config-text.ts';
import { Stage } from './stage.ts';

const GLOBAL = (body: string): string => `global_defs {\n ${body}\n}\n`;
const NOTIFY = 'notify_master /master\n notify_backup /backup\n notify_fault /fault\n notify_stop /stop\n notify /any';
const JOURNAL = '/state/journal';

describe('Daemon', () => {
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
    for (const command of ['/master', '/backup', '/fault', '/stop', '/start', '/end']) stage.machine.scripts.answer(command, 0);
  });

  /** Commands run since the last look; `notify` gets its four arguments besides. */
  const ran = (): string[] => stage.machine.scripts.runs.splice(0).map((run) => {
    if (!run.ended) run.end(0);
    return run.argv.join(' ');
  });

  describe('start', () => {
    it('does not start when the kernel cannot be asked', async () => {
      stage.machine.routes.dump = () => Promise.reject(new SystemError('dump', 'links', 'EPERM'));
      const refused = await stage.router.start(instanceText('')).then(() => null, (cause: unknown) => cause);
      expect(String(refused)).to.equal('SystemError: dump links: EPERM');
      expect(stage.router.hooks).to.deep.equal([]);
      await stage.end();
    });

    it('without any instance it runs, and stops at once', async () => {
      await stage.start('', 1000);
      const stopping = stage.router.daemon.stop();
      await stopping;
      expect(stage.router.hooks).to.deep.equal(['onStart', 'onStop']);
      expect(stage.machine.files.files.size, 'no journal').to.equal(0);
      await stage.end();
    });

    it('startup_script runs before anything else, shutdown_script after all', async () => {
      await stage.start(GLOBAL('startup_script /start\n shutdown_script /end') + instanceText('notify_master /master'), 4000);
      await stage.end();
      const commands = ran();
      expect(commands[0]).to.equal('/start');
      expect(commands.at(-1)).to.equal('/end');
      expect(stage.router.log.texts('info').filter((line) => line.includes('script script'))).to.deep.equal(['startup script script succeeded', 'shutdown script script succeeded']);
    });

    for (const [name, answer, text] of [
      ['a status', 3, 'startup script script failed, status 3'],
      ['its timeout', { type: 'timed-out' }, 'startup script timed out'],
      ['a signal', { type: 'signalled', signal: 'SIGKILL' }, 'startup script script was ended by SIGKILL'],
      ['not being there', { type: 'failed', reason: 'ENOENT' }, 'startup script could not be run: ENOENT'],
    ] as const) {
      it(`a startup_script that ends with ${name} is told of, and the start goes on`, async () => {
        stage.machine.scripts.answer('/start', answer);
        await stage.start(GLOBAL('startup_script /start') + instanceText(''), 4000);
        expect(stage.router.log.texts('warn')).to.deep.equal([text]);
        expect(stage.router.state()).to.equal('Master');
        await stage.end();
      });
    }

    it('stopped while its startup_script runs: that is ended, and nothing else begins', async () => {
      const starting = stage.router.start(GLOBAL('startup_script /long\n shutdown_script /end') + instanceText(''));
      await stage.clock.advance(100);
      await stage.end();
      await starting;
      expect(stage.machine.scripts.runs.map((r) => [r.argv[0], r.stopped])).to.deep.equal([['/long', true], ['/end', false]]);
      await stage.clock.advance(10_000);
      expect(stage.router.hooks).to.deep.equal(['onStop']);
      expect(stage.sent()).to.deep.equal([]);
    });
  });

  describe('notify scripts', () => {
    it('one for each state, and notify with what changed', async () => {
      await stage.start(instanceText(NOTIFY));
      expect(ran()).to.have.members(['/backup', '/any INSTANCE VI_1 BACKUP 100']);
      await stage.clock.advance(4000);
      expect(ran()).to.have.members(['/master', '/any INSTANCE VI_1 MASTER 100']);
      stage.machine.setLink(false);
      await stage.clock.advance(0);
      expect(ran()).to.have.members(['/fault', '/any INSTANCE VI_1 FAULT 100']);
      const stopping = stage.router.daemon.stop();
      await stage.clock.advance(0);
      expect(ran(), 'STOP, not FAULT or BACKUP').to.have.members(['/stop', '/any INSTANCE VI_1 STOP 100']);
      await stage.clock.advance(1000);
      await stopping;
    });

    it('a rival of lower priority', async () => {
      stage.machine.scripts.answer('/lower', 0);
      const other = new Stage();
      other.lan.send = (_, datagram) => { stage.lan.send('other', datagram); };
      await stage.start(instanceText('priority 150\n notify_master_rx_lower_pri /lower'), 4000);
      await other.start(instanceText('priority 50'), 5000);
      await stage.clock.advance(1);
      expect(ran()).to.include('/lower');
      await other.end();
      await stage.end();
    });
  });

  describe('the journal', () => {
    it('names what may be on the interfaces while it runs, and is gone after a clean stop', async () => {
      await stage.start(instanceText(''));
      expect(stage.machine.files.files.get(JOURNAL)?.text).to.include('10.0.0.100/24');
      await stage.router.reload(instanceText('', 'VI_1', 51, '10.0.0.99/24'));
      expect(stage.machine.files.files.get(JOURNAL)?.text).to.include('10.0.0.99/24');
      await stage.end();
      expect(stage.machine.files.files.has(JOURNAL)).to.equal(false);
    });

    it('killed, and an address taken out of the configuration meanwhile: removed at the next start, and said', async () => {
      await stage.start(instanceText(''), 5000);
      stage.router.kill();
      stage.operations.splice(0);
      await stage.start(instanceText('', 'VI_1', 51, '10.0.0.99/24'));
      expect(stage.operations).to.deep.equal(['delete 10.0.0.100/24']);
      expect(stage.router.log.texts('info')).to.include('removing 1 addresses that an earlier run left behind: 10.0.0.100');
      await stage.end();
    });

    it('killed, and started with the same configuration: the instance clears its own', async () => {
      await stage.start(instanceText(''), 5000);
      stage.router.kill();
      stage.operations.splice(0);
      await stage.start(instanceText(''), 1000);
      expect(stage.operations).to.deep.equal(['delete 10.0.0.100/24']);
      expect(stage.router.log.texts('info').filter((t) => t.includes('earlier run'))).to.deep.equal([]);
      await stage.end();
    });

    it('with addresses that stay at a stop (-V) it stays, too', async () => {
      await stage.start(instanceText(''), 5000, { keepAddresses: true });
      await stage.end('10.0.0.100/24');
      expect(stage.machine.files.files.has(JOURNAL)).to.equal(true);
    });
  });

  describe('stop', () => {
    it('says farewell at once, and lingers for a second', async () => {
      await stage.start(instanceText(''), 4000);
      stage.sent();
      let over = false;
      const stopping = stage.router.daemon.stop().then(() => { over = true; });
      expect(stage.sent()).to.deep.equal([0]);
      await stage.clock.advance(999);
      expect(over).to.equal(false);
      await stage.clock.advance(1);
      await stopping;
      await stage.end();
    });

    it('asked for twice it is one stop', async () => {
      await stage.start(instanceText(''), 4000);
      stage.sent();
      const [one, two] = [stage.router.daemon.stop(), stage.router.daemon.stop()];
      expect(one).to.equal(two);
      await stage.end();
      expect(stage.sent()).to.deep.equal([0]);
      expect(stage.router.hooks.filter((h) => h === 'onStop')).to.have.length(1);
    });

    it('in the middle of a reload: the reload comes to nothing', async () => {
      await stage.start(instanceText(''), 4000);
      const script = 'vrrp_script chk {\n script /chk\n}\n';
      const reloading = stage.router.reload(script + instanceText('track_script {\n chk\n }'));
      const stopping = stage.router.daemon.stop();
      await stage.clock.advance(1000);
      await Promise.all([reloading, stopping]);
      await stage.end();
      expect(stage.machine.scripts.commands()).to.deep.equal([]);
    });

    it('a reload after it does nothing', async () => {
      await stage.start(instanceText(''), 4000);
      await stage.stop();
      await stage.router.reload(instanceText('', 'VI_2', 60, '10.0.0.200/24'));
      await stage.clock.advance(10_000);
      expect(stage.took().at(-1)).to.equal('VI_1 MASTER > STOP');
      expect(stage.machine.files.files.has(JOURNAL)).to.equal(false);
      await stage.end();
    });
  });

  describe('hooks', () => {
    it('hear of the start, every transition, a reload and the stop', async () => {
      await stage.start(instanceText(''), 4000);
      await stage.router.reload(instanceText(''));
      await stage.end();
      expect(stage.router.hooks).to.deep.equal(['onTransition', 'onStart', 'onTransition', 'onReload', 'onTransition', 'onStop']);
    });

    it('hear of a tracked script', async () => {
      stage.machine.scripts.answer('/chk', 0);
      await stage.start(`vrrp_script chk {\n script /chk\n}\n${instanceText('track_script {\n chk\n }')}`, 100);
      expect(stage.router.hooks).to.include('onTrackerResult');
      await stage.end();
    });
  });

  it('two reloads at once: the last one counts', async () => {
    await stage.start(instanceText(''), 4000);
    await Promise.all([stage.router.reload(instanceText('', 'VI_1', 51, '10.0.0.98/24')), stage.router.reload(instanceText('', 'VI_1', 51, '10.0.0.99/24'))]);
    await stage.clock.advance(10);
    expect(stage.machine.addresses()).to.deep.equal(['10.0.0.99/24']);
    expect(stage.machine.files.files.get(JOURNAL)?.text).to.include('10.0.0.99/24');
    await stage.end();
  });

  it('says what it does', async () => {
    await stage.start(instanceText(''));
    await stage.router.reload(instanceText(''));
    expect(stage.router.log.texts('info')).to.deep.equal(['NOTICE: setting config option max_auto_priority should result in better keepalived performance', '(VI_1) Entering BACKUP STATE (init)', 'Startup complete', 'Reloading', 'Reload complete']);
    await stage.end();
  });
});
