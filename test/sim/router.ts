import { configOf } from './config-text.ts';
import { Daemon } from '../../lib/daemon/daemon.ts';
import type { HookEvents, HookName, TransitionEvent } from '../../lib/daemon/hooks/types.ts';
import { Lan } from './lan.ts';
import { SimMachine } from './machine.ts';
import { RecordingLog } from './recording-log.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** A daemon on a simulated machine, with what it said and did. */
export class SimRouter {
  readonly name: string;
  readonly machine: SimMachine;
  readonly log = new RecordingLog();
  readonly transitions: TransitionEvent[] = [];
  /** All hooks that were called, in their order. */
  readonly hooks: HookName[] = [];
  private readonly heard: (router: SimRouter, event: TransitionEvent) => void;
  private daemonNow: Daemon | null = null;

  constructor(name: string, machine: SimMachine, heard: (router: SimRouter, event: TransitionEvent) => void = () => undefined) {
    this.name = name;
    this.machine = machine;
    this.heard = heard;
  }

  get daemon(): Daemon {
    if (this.daemonNow === null) throw new Error(`${this.name} is not running`);
    return this.daemonNow;
  }

  async start(text: string, options: { keepAddresses?: boolean; releaseForeign?: boolean } = {}): Promise<void> {
    const daemon = new Daemon(configOf(text), {
      version: 'test', logAddresses: false, keepAddresses: options.keepAddresses ?? false, releaseForeign: options.releaseForeign ?? false,
      journal: { path: '/state/journal', epoch: 'boot' },
    }, {
      system: this.machine, log: this.log,
      mailer: { send: () => undefined, close: () => Promise.resolve() },
      hooks: { emit: <Name extends HookName>(hook: Name, event: HookEvents[Name]) => { this.hear(hook, event); } },
    });
    this.daemonNow = daemon;
    await daemon.start();
  }

  async reload(text: string): Promise<void> {
    await this.daemon.reload(configOf(text));
  }

  /** SIGKILL: nothing more is done, addresses and all stay. */
  kill(): void {
    this.machine.killProcess();
    this.daemonNow = null;
  }

  state(instance = 'VI_1'): string {
    return this.daemon.vrrp.router.members.get(instance)?.state.name ?? 'none';
  }

  private hear(hook: HookName, event: HookEvents[HookName]): void {
    this.hooks.push(hook);
    if (hook !== 'onTransition') return;
    this.transitions.push(event as TransitionEvent);
    this.heard(this, event as TransitionEvent);
  }
}

/** Routers by name on one Lan, each with the address given. */
export function simRouters(clock: VirtualClock, addresses: Readonly<Record<string, string>>, seed = 1): { lan: Lan; routers: Map<string, SimRouter> } {
  const lan = new Lan(clock, seed);
  const routers = new Map(Object.entries(addresses).map(([name, address]) => [name, new SimRouter(name, new SimMachine(name, lan, clock, address))]));
  return { lan, routers };
}
