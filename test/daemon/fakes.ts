import { SystemError } from '../../lib/system/error.ts';
import type { Address, Link, MarkedRoutes, NetlinkRoutes, NetworkEvent, NetworkOp, NetworkState, RouteEvent } from '../../lib/system/netlink-routes.ts';
import { parsePrefix } from '../../lib/util/ip.ts';
import type { Cancel } from '../../lib/util/time.ts';
import { operationText, SimRouting } from '../sim/routing.ts';

/** A kernel of links and addresses that does what a test says. Events are told at once. */
export class FakeRoutes implements NetlinkRoutes {
  links: Link[] = [];
  addresses: Address[] = [];
  /** Operations asked for, one list a call. */
  readonly applied: NetworkOp[][] = [];
  /** What the next operations end with, in their order: null or an errno. */
  answers: (string | null)[] = [];
  dumps = 0;
  /** Tells of routes and rules when a test says so; operations do not reach it. */
  readonly routing = new SimRouting((run) => { run(); });
  /** Dumps fail while this is set. */
  broken: string | null = null;
  private readonly watchers = new Set<(event: NetworkEvent) => void>();
  private held: (() => void)[] | null = null;

  async dump(): Promise<NetworkState> {
    this.dumps++;
    if (this.held !== null) await new Promise<void>((resolve) => this.held?.push(resolve));
    if (this.broken !== null) throw new SystemError('dump', 'links', this.broken);
    return { links: [...this.links], addresses: [...this.addresses] };
  }

  apply(operations: readonly NetworkOp[]): Promise<(SystemError | null)[]> {
    this.applied.push([...operations]);
    return Promise.resolve(operations.map((o) => {
      const code = this.answers.shift() ?? null;
      return code === null ? null : new SystemError(o.op, operationText(o), code);
    }));
  }

  watch(changed: (event: NetworkEvent) => void): Cancel {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  }

  dumpRoutes(): Promise<MarkedRoutes> {
    return this.routing.dump();
  }

  watchRoutes(changed: (event: RouteEvent) => void): Cancel {
    return this.routing.watch(changed);
  }

  close(): void {
    this.watchers.clear();
  }

  tell(event: NetworkEvent): void {
    for (const watcher of this.watchers) watcher(event);
  }

  watching(): number {
    return this.watchers.size;
  }

  /** Dumps wait until they are let go. */
  holdDumps(): void {
    this.held = [];
  }

  releaseDumps(): void {
    const waiting = this.held ?? [];
    this.held = null;
    for (const go of waiting) go();
  }

  /** `add ADDRESS` and `delete ADDRESS`, in their order; routes and rules likewise. */
  operations(): string[] {
    return this.applied.flat().map((o) => `${o.op.replace(/-.*/, '')} ${operationText(o)}`);
  }
}

export function link(index: number, name: string, changes: Partial<Link> = {}): Link {
  return {
    index, name, mac: Uint8Array.from([2, 0, 0, 0, 0, index]), mtu: 1500, up: true, running: true, loopback: false, pointToPoint: false,
    multicast: true, noArp: false, kind: 'veth', parentIndex: null, ...changes,
  };
}

export function address(linkIndex: number, text: string, changes: Partial<Address> = {}): Address {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new RangeError(text);
  return { linkIndex, prefix, peer: null, broadcast: null, label: null, scope: 0, flags: 0x80, preferred: null, protocol: null, ...changes };
}
