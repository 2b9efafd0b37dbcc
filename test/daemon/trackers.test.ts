import { expect } from 'chai';
import { instanceText } from '../sim/config-text.ts';
import { Stage } from './stage.ts';

const FIFO = '/run/fifo';
const GLOBAL = `global_defs {\n vrrp_notify_fifo ${FIFO}\n vrrp_notify_priority_changes true\n}\n`;
const LOAD = 'track_file load {\n file /run/load\n weight 2\n}\n';
const GATE = 'track_file gate {\n file /run/gate\n weight 0\n}\n';
const WEB = 'vrrp_track_process web {\n process nginx\n weight 20\n}\n';
const PEER = 'bfd_instance peer {\n neighbor_ip 10.0.0.9\n}\n';

describe('what is tracked moves the router', () => {
  let stage: Stage;

  beforeEach(() => { stage = new Stage(); });

  const fifo = (): string[] => stage.machine.files.fifos.get(FIFO)?.lines.splice(0).map((line) => line.trim()) ?? [];
  const write = async (path: string, text: string): Promise<void> => {
    await stage.machine.files.write(path, text, 0o644);
    await stage.clock.advance(1);
  };

  it('a file at fault before the start: FAULT, in keepalived\'s words, and the priority is told for what it is', async () => {
    await write('/run/gate', '1');
    await write('/run/load', '-127');
    await stage.start(`${GLOBAL}${LOAD}${GATE}${instanceText('track_file {\n load\n gate\n }')}`, 5000);
    expect(stage.router.log.texts('info')).to.include.members(['(VI_1): entering FAULT state (tracked file load has status -254)', '(VI_1): entering FAULT state (tracked file gate has status -254)']);
    expect(fifo()).to.deep.equal(['INSTANCE "VI_1" FAULT 100']);
    await write('/run/load', '-7');
    expect(stage.router.state()).to.equal('Fault');
    await stage.machine.files.remove('/run/gate');
    await stage.clock.advance(1);
    expect(stage.router.log.texts('info')).to.include.members(['(VI_1): tracked file load leaving FAULT state', '(VI_1) Setting effective priority to 86', '(VI_1): tracked file gate leaving FAULT state']);
    expect(fifo()).to.deep.equal(['INSTANCE "VI_1" BACKUP 86']);
    await stage.end();
  });

  it("a reload that puts an instance to FAULT: keepalived's, with the new weights already", async () => {
    await write('/run/load', '10');
    await write('/run/gate', '1');
    await stage.start(`${GLOBAL}${instanceText('')}`, 4000);
    await stage.router.reload(`${GLOBAL}${LOAD}${GATE}${instanceText('priority 110\n track_file {\n load\n gate weight 0\n }')}`);
    await stage.clock.advance(1);
    expect(stage.router.state()).to.equal('Fault');
    expect(fifo().at(-1)).to.equal('INSTANCE "VI_1" FAULT 130');
    await stage.end();
  });

  it('a file: each number is on the wire with the next advertisement', async () => {
    await stage.start(`${GLOBAL}${LOAD}${instanceText('track_file {\n load\n }')}`, 4000);
    stage.sent();
    await write('/run/load', '10');
    await stage.clock.advance(1000);
    await write('/run/load', 'junk');
    await stage.clock.advance(1000);
    expect(stage.sent()).to.deep.equal([120, 100]);
    expect(fifo().slice(-2)).to.deep.equal(['INSTANCE "VI_1" MASTER_PRIORITY 120', 'INSTANCE "VI_1" MASTER_PRIORITY 100']);
    await stage.end();
  });

  it('a process: its priority comes and goes with it', async () => {
    await stage.start(`${GLOBAL}${WEB}${instanceText('track_process {\n web\n }')}`, 4000);
    stage.sent();
    const pid = stage.machine.processes.start('nginx');
    await stage.clock.advance(1000);
    stage.machine.processes.end(pid);
    await stage.clock.advance(1000);
    expect(stage.sent()).to.deep.equal([120, 100]);
    await stage.end();
    expect(stage.machine.processes.listening(), 'listeners left').to.equal(0);
  });

  it('a process with weight 0: a fault while it is away, of every member where a group tracks it', async () => {
    const group = 'vrrp_sync_group G {\n group {\n a\n b\n }\n track_process {\n web weight 0\n }\n}\n';
    await stage.start(`${WEB}${group}${instanceText('', 'a')}${instanceText('', 'b', 52, '10.0.0.101/24')}`, 4000);
    expect([stage.router.state('a'), stage.router.state('b')]).to.deep.equal(['Fault', 'Fault']);
    expect(stage.router.log.texts('info')).to.include('(a) entering FAULT state (tracked process web quorum not achieved)');
    const pid = stage.machine.processes.start('nginx');
    await stage.clock.advance(4000);
    expect([stage.router.state('a'), stage.router.state('b')]).to.deep.equal(['Master', 'Master']);
    stage.machine.processes.end(pid);
    await stage.clock.advance(1);
    expect([stage.router.state('a'), stage.router.state('b')]).to.deep.equal(['Fault', 'Fault']);
    await stage.end();
  });

  it('a BFD session: down until somebody says that it is up', async () => {
    await stage.start(`${PEER}${instanceText('track_bfd {\n peer\n }')}`, 4000);
    expect(stage.router.state()).to.equal('Fault');
    stage.router.daemon.trackers.sessions.set('peer', true);
    await stage.clock.advance(4000);
    expect(stage.router.state()).to.equal('Master');
    stage.router.daemon.trackers.sessions.set('peer', false);
    expect(stage.router.state()).to.equal('Fault');
    expect(stage.router.hooks.filter((hook) => hook === 'onTrackerResult')).to.have.length(2);
    await stage.end();
  });

  it('what nobody tracks is not looked at', async () => {
    await stage.start(`${LOAD}${WEB}${instanceText('')}`, 1000);
    expect([stage.machine.processes.looks, stage.machine.files.watching()]).to.deep.equal([0, 0]);
    await stage.end();
  });

  it('a reload keeps numbers and verdicts, takes new weights, and forgets what is gone', async () => {
    await write('/run/load', '5');
    const pid = stage.machine.processes.start('nginx');
    await stage.start(`${LOAD}${WEB}${instanceText('track_file {\n load\n }\n track_process {\n web\n }')}`, 4000);
    stage.sent();
    await stage.router.reload(`${LOAD}${WEB}${instanceText('track_file {\n load weight 4\n }')}`);
    await stage.clock.advance(1);
    expect(stage.sent().at(-1)).to.equal(120);
    expect(stage.router.state()).to.equal('Master');
    stage.machine.processes.end(pid);
    await stage.clock.advance(1000);
    expect(stage.sent()).to.deep.equal([120]);
    await stage.end();
  });

  describe('delays of a start', () => {
    it('vrrp_delay_after_boot counts from the boot', async () => {
      stage.machine.files.files.set('/proc/uptime', { text: '20.00 10.00\n', mode: 0o444 });
      await stage.start(`global_defs {\n vrrp_delay_after_boot 30\n}\n${instanceText('')}`, 13_000);
      expect(stage.router.log.texts('info')).to.include('Delaying startup for 10 seconds');
      expect(stage.router.state()).to.equal('Backup');
      await stage.clock.advance(1000);
      expect(stage.router.state()).to.equal('Master');
      await stage.end();
    });

    it('the later end of both counts, and none that is over', async () => {
      stage.machine.files.files.set('/proc/uptime', { text: '100.00 10.00\n', mode: 0o444 });
      await stage.start(`global_defs {\n vrrp_delay_after_boot 30\n vrrp_startup_delay 2\n}\n${instanceText('')}`, 5000);
      expect(stage.router.state()).to.equal('Backup');
      await stage.clock.advance(1000);
      expect(stage.router.state()).to.equal('Master');
      await stage.end();
    });

    it('without /proc/uptime it counts from now, which is said', async () => {
      await stage.start(`global_defs {\n vrrp_delay_after_boot 5\n}\n${instanceText('')}`, 4000);
      expect(stage.router.log.texts('warn')).to.deep.equal(['/proc/uptime cannot be read (ENOENT): vrrp_delay_after_boot counts from now']);
      expect(stage.router.state()).to.equal('Backup');
      await stage.end();
    });

    it('a reload re-evaluates what remains', async () => {
      await stage.start(`global_defs {\n vrrp_startup_delay 20\n}\n${instanceText('')}`, 1000);
      await stage.router.reload(`global_defs {\n vrrp_startup_delay 5\n}\n${instanceText('')}`);
      await stage.clock.advance(7000);
      expect(stage.router.state()).to.equal('Backup');
      await stage.clock.advance(1000);
      expect(stage.router.state()).to.equal('Master');
      await stage.end();
    });
  });

  it('fifo_write_vrrp_states_on_reload: everybody\'s state once more, to the FIFO alone', async () => {
    const text = `${GLOBAL.replace('{', '{\n fifo_write_vrrp_states_on_reload')}vrrp_sync_group G {\n group {\n a\n b\n }\n}\n${instanceText('notify /n', 'a')}${instanceText('', 'b', 52, '10.0.0.101/24')}`;
    await stage.start(text, 4000);
    const runs = stage.machine.scripts.runs.length;
    for (const run of stage.machine.scripts.alive()) run.end(0);
    fifo();
    await stage.router.reload(text);
    expect(fifo()).to.deep.equal(['INSTANCE "a" MASTER 100', 'INSTANCE "b" MASTER 100', 'GROUP "G" MASTER 0']);
    expect(stage.machine.scripts.runs).to.have.length(runs);
    await stage.router.reload(text.replace('fifo_write_vrrp_states_on_reload', ''));
    expect(fifo()).to.deep.equal([]);
    const stopping = stage.router.daemon.stop();
    for (const run of stage.machine.scripts.alive()) run.end(0);
    await stage.clock.advance(1000);
    await stopping;
  });

  it('unicast_fault_no_peer: FAULT as long as there is no peer', async () => {
    await stage.start(instanceText('unicast_fault_no_peer'), 5000);
    expect(stage.router.state()).to.equal('Fault');
    expect(stage.router.log.texts('info')).to.include('(VI_1) Cannot use unicast without any peers - going to fault state');
    expect(stage.sent()).to.deep.equal([]);
    await stage.end();
  });

  it('receive buffers: the shares of all who speak through a socket', async () => {
    await stage.start(`global_defs {\n vrrp_rx_bufs_policy MTU\n}\n${instanceText('', 'a')}${instanceText('kernel_rx_buf_size 5000', 'b', 52, '10.0.0.101/24')}`, 1000);
    expect([...stage.machine.sockets].map(({ buffer }) => buffer)).to.deep.equal([9500]);
    await stage.end();
  });

  it('set_supplementary_groups and USER :GROUP reach the scripts', async () => {
    await stage.start(`global_defs {\n set_supplementary_groups\n}\nvrrp_script chk {\n script /chk\n user nobody\n}\n${instanceText('track_script {\n chk\n }')}`, 100);
    expect(stage.machine.scripts.runs[0]?.options).to.include({ user: 'nobody', supplementary: true });
    await stage.router.reload(`vrrp_script chk {\n script /chk2\n user nobody :nogroup\n}\n${instanceText('track_script {\n chk\n }')}`);
    expect(stage.machine.scripts.runs.at(-1)?.options).to.include({ user: 'nobody', group: 'nogroup', supplementary: true });
    await stage.end();
  });

  it('disable_local_igmp: off while it runs', async () => {
    const path = 'net/ipv4/igmp_link_local_mcast_reports';
    stage.machine.sysctls.values.set(path, '1');
    await stage.start(`global_defs {\n disable_local_igmp\n}\n${instanceText('')}`, 1000);
    expect(stage.machine.sysctls.values.get(path)).to.equal('0');
    await stage.router.reload(`global_defs {\n disable_local_igmp\n router_id x\n}\n${instanceText('')}`);
    await stage.end();
    expect(stage.machine.sysctls.values.get(path)).to.equal('1');
  });
});
