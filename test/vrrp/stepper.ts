import type { Advertisement } from '../../lib/codec/vrrp.ts';
import type { VrrpInstance } from '../../lib/config/model.ts';
import { ip } from '../../lib/util/ip.ts';
import type { Action, Event, State, VirtualRouter } from '../../lib/vrrp/state.ts';
import { deadline, initialize, step } from '../../lib/vrrp/virtual-router.ts';
import { instanceOf } from '../sim/config-text.ts';

/** One virtual router on its own, stepped by hand: the address 10.0.0.1 on eth0, VRID 51. */
export class Stepper {
  readonly instance: VrrpInstance;
  router: VirtualRouter;
  now = 1000;
  /** What the last event asked for. */
  actions: readonly Action[] = [];

  constructor(instance: VrrpInstance | string) {
    this.instance = typeof instance === 'string' ? instanceOf(instance) : instance;
    this.router = { ...initialize(this.instance, this.now), address: ip('10.0.0.1') };
  }

  get state(): State {
    return this.router.state;
  }

  /** ms until it wants to be asked again. */
  get wait(): number {
    return deadline(this.router) - this.now;
  }

  event(event: Event): this {
    const { router, actions } = step(this.instance, this.router, event, this.now);
    this.router = router;
    this.actions = actions;
    return this;
  }

  start(): this {
    return this.event({ type: 'startup' });
  }

  /** Time passes without anything being due in it. */
  pass(ms: number): this {
    this.now += ms;
    return this;
  }

  /** Goes to the deadline and lets it fire. */
  fire(): this {
    this.now = deadline(this.router);
    return this.event({ type: 'time' });
  }

  hear(priority: number, from = '10.0.0.2', changes: Partial<Advertisement> = {}): this {
    const { version, vrid, advertInterval, virtualAddresses } = this.instance;
    const advert: Advertisement = {
      version, type: 1, vrid, priority, advertInterval, addresses: virtualAddresses.map((v) => v.prefix.address),
      auth: version === 2 ? { type: 0, data: new Uint8Array(8) } : null, ...changes,
    };
    return this.event({ type: 'advertisement', from: ip(from), advert });
  }

  /** Started, and then by itself until it is Master. */
  master(): this {
    this.start();
    for (let i = 0; i < 3 && this.state.name !== 'Master'; i++) this.fire();
    if (this.state.name !== 'Master') throw new Error(`still ${this.state.name}`);
    return this;
  }

  backup(): this {
    this.start();
    if (this.state.name !== 'Backup') throw new Error(`not Backup but ${this.state.name}`);
    return this;
  }

  /** The actions without their log lines, in one word each with its figure. */
  get did(): string[] {
    return this.actions.flatMap((a) => (a.type === 'log' ? [] : [word(a)]));
  }

  /** The log lines alone, details included. */
  get said(): string[] {
    return this.actions.flatMap((a) => (a.type === 'log' ? [a.text] : []));
  }
}

function word(action: Exclude<Action, { type: 'log' }>): string {
  switch (action.type) {
    case 'advertise':
    case 'priority-changed':
      return `${action.type} ${action.priority}`;
    case 'announce':
      return `announce ${action.repeat}`;
    case 'transition':
      return `${action.from} > ${action.to}`;
    case 'reconcile':
    case 'lower-priority-heard':
      return action.type;
  }
}
