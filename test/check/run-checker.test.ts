import { expect } from 'chai';
import type { CheckerConfig } from '../../lib/check/checker-state.ts';
import type { CheckMeans } from '../../lib/check/checks.ts';
import { type CheckerNews, runChecker } from '../../lib/check/run-checker.ts';
import type { Checker } from '../../lib/config/model-ipvs.ts';
import { FakeCheckSockets } from '../sim/fake-check-sockets.ts';
import { ScriptedRunner } from '../sim/scripted-runner.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';
import { SCHEDULE, SUBJECT, target } from './servers.ts';

function stage(checker: Checker): { clock: VirtualClock; sockets: FakeCheckSockets; scripts: ScriptedRunner; config: CheckerConfig; means: CheckMeans; news: CheckerNews[] } {
  const clock = new VirtualClock();
  const sockets = new FakeCheckSockets(clock);
  const scripts = new ScriptedRunner();
  return { clock, sockets, scripts, config: { checker, subject: SUBJECT, weight: 1, alpha: false }, means: { clock, sockets, scripts, tls: null }, news: [] };
}

const tcp: Checker = { type: 'TCP_CHECK', target: target(80), schedule: { ...SCHEDULE, delayLoop: 10_000, delayBeforeRetry: 1000 } };

describe('a running checker', () => {
  it('tells up, forgives one failure, tells down; a hanging connection ends by its timeout', async () => {
    const { clock, sockets, config, means, news } = stage(tcp);
    const running = runChecker(config, means, (what) => news.push(what), null, () => 0);
    await clock.advance(1100);
    sockets.answer = null;
    await clock.advance(21_000);
    expect(news.filter((what) => what.type === 'verdict').map((what) => what.up)).to.deep.equal([true, false]);
    expect(sockets.begun).to.deep.equal([1000, 11_010, 17_010]);
    running.stop();
    expect([clock.pending(), sockets.pending, sockets.open]).to.deep.equal([0, 0, 0]);
  });

  it('stopped in the middle of an attempt, nothing is left; a reload goes on at once', async () => {
    const { clock, sockets, config, means, news } = stage(tcp);
    sockets.answer = null;
    const first = runChecker(config, means, (what) => news.push(what), null, () => 0);
    await clock.advance(1500);
    const state = first.stop();
    expect([clock.pending(), sockets.pending]).to.deep.equal([0, 0]);
    sockets.answer = { fd: 7 };
    const second = runChecker(config, means, (what) => news.push(what), state);
    await clock.advance(100);
    expect(news.filter((what) => what.type === 'verdict').map((what) => what.up)).to.deep.equal([true]);
    second.stop();
    expect(sockets.begun).to.deep.equal([1000, 1500]);
  });

  it('a socket that cannot be made says nothing about the server', async () => {
    const { clock, config, means, news } = stage({ ...tcp, type: 'PING_CHECK' });
    const running = runChecker(config, means, (what) => news.push(what), null, () => 0);
    await clock.advance(1100);
    expect(news.slice(1)).to.deep.equal([{ type: 'log', text: 'ICMP connect fail to create socket. Rescheduling. ([10.0.0.2]:tcp:80: open a socket for nobody: EMFILE)' }]);
    running.stop();
  });

  it('MISC_CHECK: the account, the limit, one at a time, and stopped with the checker', async () => {
    const { clock, scripts, config, means, news } = stage({ type: 'MISC_CHECK', schedule: { ...SCHEDULE, delayLoop: 2000 }, command: { argv: ['/x', 'a'], account: { user: 'nobody', group: null } }, timeout: 9000, dynamic: true });
    const running = runChecker({ ...config, weight: 3 }, means, (what) => news.push(what), null, () => 0);
    await clock.advance(8500);
    expect(scripts.runs.map((run) => [run.argv, run.options])).to.deep.equal([[['/x', 'a'], { timeout: 9000, user: 'nobody', group: null }]]);
    scripts.runs[0]?.end(12);
    await clock.advance(1000);
    expect(news.find((what) => what.type === 'weight')).to.deep.equal({ type: 'weight', added: 7 });
    expect(scripts.runs).to.have.length(2);
    running.stop();
    expect(scripts.alive()).to.deep.equal([]);
    expect(clock.pending()).to.equal(0);
  });

  it('a thousand checkers do not begin in step', async () => {
    const clock = new VirtualClock();
    const sockets = new FakeCheckSockets(clock);
    const means: CheckMeans = { clock, sockets, scripts: new ScriptedRunner(), tls: null };
    const spread: Checker = { ...tcp, schedule: { ...tcp.schedule, warmup: 10_000 } };
    let seed = 1;
    const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const all = Array.from({ length: 1000 }, () => runChecker({ checker: spread, subject: SUBJECT, weight: 1, alpha: false }, means, () => undefined, null, random));
    await clock.advance(11_000);
    const perSecond = Array.from({ length: 10 }, (_, i) => sockets.begun.filter((at) => Math.floor((at - 1000) / 1000) === i).length);
    expect(Math.max(...perSecond)).to.be.lessThan(150);
    expect(Math.min(...perSecond)).to.be.greaterThan(50);
    for (const one of all) one.stop();
    expect(clock.pending()).to.equal(0);
  });
});
