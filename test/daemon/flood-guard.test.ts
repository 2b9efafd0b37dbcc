import { expect } from 'chai';
import { FloodGuard } from '../../lib/daemon/flood-guard.ts';
import type { RouterAction } from '../../lib/vrrp/router.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';

const instance = (action: Extract<RouterAction, { kind: 'instance' }>['action']): RouterAction => ({ kind: 'instance', name: 'VI_1', action });
const LINE = instance({ type: 'log', level: 'info', text: '(VI_1) Received advert' });
const ADVERT = instance({ type: 'advertise', priority: 100 });
const GARP = instance({ type: 'announce', repeat: 5 });
const HEARD = instance({ type: 'lower-priority-heard' });
const CHANGE = instance({ type: 'transition', from: 'Master', to: 'Backup', priority: 100, reason: 'x' });

class Stage {
  readonly clock = new VirtualClock();
  readonly log = new RecordingLog();
  readonly guard = new FloodGuard(this.clock, this.log);

  /** What is left of so many packets at once. */
  flood(packets: number, actions: readonly RouterAction[] = [LINE, ADVERT, GARP, HEARD]): Record<string, number> {
    const passed = Array.from({ length: packets }, () => this.guard.pass('VI_1', actions)).flat();
    const count = (one: RouterAction): number => passed.filter((action) => action === one).length;
    return { lines: count(LINE), adverts: count(ADVERT), garps: count(GARP), heard: count(HEARD), changes: count(CHANGE) };
  }
}

describe('FloodGuard', () => {
  it('a flood: ten lines a second and their number, ten answers a second, every advert', async () => {
    const stage = new Stage();
    expect(stage.flood(1000)).to.deep.equal({ lines: 10, adverts: 1000, garps: 1, heard: 1, changes: 0 });
    expect(stage.log.texts()).to.deep.equal([]);
    await stage.clock.advance(1000);
    expect(stage.log.texts()).to.deep.equal(['(VI_1) 990 more lines about packets within a second were left out']);
    expect(stage.flood(20)).to.include({ lines: 10, garps: 1 });
    stage.guard.close();
    expect(stage.clock.pending()).to.equal(0);
  });

  it('a change of state is told whatever was before it', () => {
    const stage = new Stage();
    stage.flood(1000);
    expect(stage.flood(3, [LINE, GARP, CHANGE])).to.deep.equal({ lines: 3, adverts: 0, garps: 3, heard: 0, changes: 3 });
    stage.guard.close();
  });

  it('a rival that keeps to an interval never meets it', async () => {
    const stage = new Stage();
    for (let second = 0; second < 20; second++) {
      expect(stage.flood(1)).to.deep.equal({ lines: 1, adverts: 1, garps: 1, heard: 1, changes: 0 });
      await stage.clock.advance(second % 2 === 0 ? 1000 : 100);
    }
    expect(stage.clock.pending()).to.equal(0);
    expect(stage.log.texts()).to.deep.equal([]);
  });

  it('one instance, or interface, does not keep another quiet', () => {
    const stage = new Stage();
    stage.flood(1000);
    expect(stage.guard.mayLog('eth0')).to.equal(true);
    expect(stage.guard.mayLog('VI_1')).to.equal(false);
    expect(stage.guard.pass('VI_2', [LINE, GARP])).to.deep.equal([LINE, GARP]);
    stage.guard.close();
    expect(stage.clock.pending()).to.equal(0);
  });
});
