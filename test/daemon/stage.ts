import { expect } from 'chai';
import type { NetworkOp } from '../../lib/system/netlink-routes.ts';
import type { Lan } from '../sim/lan.ts';
import type { SimMachine } from '../sim/machine.ts';
import { operationText } from '../sim/routing.ts';
import { type SimRouter, simRouters } from '../sim/router.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';

/** One daemon on a simulated machine: 10.0.0.1 on eth0. */
export class Stage {
  readonly clock = new VirtualClock();
  readonly lan: Lan;
  readonly router: SimRouter;
  /** Addresses added and removed, in the order the kernel was asked: `add ADDRESS`, `delete ADDRESS`. */
  readonly operations: string[] = [];

  constructor() {
    const { lan, routers } = simRouters(this.clock, { a: '10.0.0.1/24' });
    const router = routers.get('a');
    if (router === undefined) throw new Error('no router');
    this.lan = lan;
    this.router = router;
    const { apply } = router.machine.routes;
    router.machine.routes.apply = (operations: readonly NetworkOp[]) => {
      this.operations.push(...operations.map((o) => `${o.op.replace(/-.*/, '')} ${operationText(o)}`));
      return apply(operations);
    };
  }

  get machine(): SimMachine {
    return this.router.machine;
  }

  async start(text: string, ms = 0, options: Parameters<SimRouter['start']>[1] = {}): Promise<this> {
    await this.router.start(text, options);
    await this.clock.advance(ms);
    return this;
  }

  /** Transitions since the last look: `NAME FROM > TO`. */
  took(): string[] {
    return this.router.transitions.splice(0).map((t) => `${t.name} ${t.from} > ${t.to}`);
  }

  /** Priorities sent since the last look, with their VRID when there are several. */
  sent(): number[] {
    return this.lan.passed.splice(0).filter((p) => p.from === 'a').map((p) => p.datagram.payload[2] ?? -1);
  }

  async stop(): Promise<void> {
    const stopping = this.router.daemon.stop();
    await this.clock.advance(1000);
    await stopping;
  }

  /** Stops it, and nothing may be left but `addresses`: no timer, socket, script, address. */
  async end(...addresses: string[]): Promise<void> {
    await this.stop();
    await this.clock.advance(0);
    expect(this.clock.pending(), 'timers left').to.equal(0);
    expect(this.machine.sockets.size, 'sockets left').to.equal(0);
    expect(this.machine.scripts.alive().map((r) => r.argv), 'scripts left').to.deep.equal([]);
    expect(this.machine.addresses(), 'addresses left').to.deep.equal(addresses);
    expect(this.machine.files.watching(), 'watches left').to.equal(0);
  }
}
