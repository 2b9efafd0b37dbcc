import { expect } from 'chai';
import { instanceText } from '../sim/config-text.ts';
import { simRouters } from '../sim/router.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';

/** SEED=n runs that one alone. */
const SEEDS = process.env['SEED'] === undefined ? Array.from({ length: 12 }, (_, i) => i * 7919 + 1) : [Number(process.env['SEED'])];
const BODIES = ['priority 100', 'priority 100', 'priority 150', 'priority 150\n nopreempt', 'priority 120\n preempt_delay 3', 'priority 100\n state MASTER'];

/** Park and Miller's generator. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}

describe('two routers on a bad network', function () {
  this.timeout(20_000);

  for (const seed of SEEDS) {
    it(`agree on one master within 10 s of its healing (SEED=${seed})`, async () => {
      const pick = random(seed);
      const clock = new VirtualClock();
      const { lan, routers } = simRouters(clock, { a: '10.0.0.1/24', b: '10.0.0.2/24' }, seed);
      const history: string[] = [];
      for (const [name, router] of routers) {
        const body = BODIES[pick(BODIES.length)] ?? '';
        history.push(`${name}: ${body.replaceAll('\n', ';')}`);
        await router.start(instanceText(body));
      }
      lan.loss = pick(60) / 100;
      history.push(`loss ${lan.loss}`);
      for (let round = 0; round < 12; round++) {
        const [name, router] = [...routers][pick(2)] ?? [];
        if (name === undefined || router === undefined) throw new Error('no router');
        const what = ['cut', 'heal', 'down', 'up', 'take'][pick(5)] ?? '';
        history.push(`${clock.now()} ${what} ${name}`);
        if (what === 'cut') lan.cutOff(name);
        if (what === 'heal') lan.heal(name);
        if (what === 'down' || what === 'up') router.machine.setLink(what === 'up');
        if (what === 'take' && router.machine.addresses().includes('10.0.0.100/24')) router.machine.takeAddress('10.0.0.100/24');
        await clock.advance(pick(7000));
      }
      lan.loss = 0;
      for (const [name, router] of routers) {
        lan.heal(name);
        router.machine.setLink(true);
      }
      history.push(`${clock.now()} healed`);
      await clock.advance(10_000);
      const states = [...routers.values()].map((r) => `${r.name} ${r.state()} ${r.machine.addresses().join()}`);
      expect(states.filter((s) => /^. Master 10\.0\.0\.100\/24$/u.test(s)), [...history, ...states].join('\n')).to.have.length(1);
      expect(states.filter((s) => /^. Backup $/u.test(s)), [...history, ...states].join('\n')).to.have.length(1);
      const stopping = [...routers.values()].map((r) => r.daemon.stop());
      await clock.advance(1000);
      await Promise.all(stopping);
      expect(clock.pending(), 'timers left').to.equal(0);
      for (const { machine } of routers.values()) expect([machine.addresses(), machine.sockets.size]).to.deep.equal([[], 0]);
    });
  }
});
