import { SystemError } from '../../lib/system/error.ts';
import type { LinkOp, MarkedRoutes, NetworkOp, Route, RouteEvent, Rule } from '../../lib/system/netlink-routes.ts';
import { printPrefix } from '../../lib/util/ip.ts';
import { PROTOCOL_KEEPALIVED } from '../../lib/util/route.ts';
import type { Cancel } from '../../lib/util/time.ts';

export type RoutingOp = Exclude<NetworkOp, { readonly op: 'add-address' | 'delete-address' } | LinkOp>;

/** The routes and rules of a simulated kernel. */
export class SimRouting {
  readonly routes = new Map<string, Route>();
  readonly rules = new Map<string, Rule>();
  private readonly watchers = new Set<(event: RouteEvent) => void>();
  private readonly later: (run: () => void) => void;

  /** `later`: the kernel's messages come a little after the fact. */
  constructor(later: (run: () => void) => void) {
    this.later = later;
  }

  carryOut(operation: RoutingOp): SystemError | null {
    const failed = (code: string): SystemError => new SystemError(operation.op, operationText(operation), code);
    switch (operation.op) {
      case 'add-route': {
        const key = routeText(operation.route);
        if (this.routes.has(key)) return failed('EEXIST');
        this.routes.set(key, operation.route);
        return null;
      }
      case 'delete-route':
        return this.takeRoute(routeText(operation.route)) ? null : failed('ESRCH');
      case 'add-rule': {
        const key = ruleText(operation.rule);
        if (this.rules.has(key)) return failed('EEXIST');
        this.rules.set(key, operation.rule);
        return null;
      }
      case 'delete-rule':
        return this.takeRule(ruleText(operation.rule)) ? null : failed('ENOENT');
    }
  }

  /** Somebody takes a route away; `silently` as IPv4 routes go with their interface. */
  takeRoute(text: string, silently = false): boolean {
    const route = this.routes.get(text);
    if (route === undefined) return false;
    this.routes.delete(text);
    if (!silently && route.protocol === PROTOCOL_KEEPALIVED) this.tell({ type: 'route-gone', route });
    return true;
  }

  takeRule(text: string): boolean {
    const rule = this.rules.get(text);
    if (rule === undefined) return false;
    this.rules.delete(text);
    if (rule.protocol === PROTOCOL_KEEPALIVED) this.tell({ type: 'rule-gone', rule });
    return true;
  }

  loseEvents(): void {
    this.tell({ type: 'lost' });
  }

  dump(): Promise<MarkedRoutes> {
    const ours = <T extends { readonly protocol: number }>(all: Iterable<T>): T[] => [...all].filter((one) => one.protocol === PROTOCOL_KEEPALIVED);
    return Promise.resolve({ routes: ours(this.routes.values()), rules: ours(this.rules.values()) });
  }

  watch(changed: (event: RouteEvent) => void): Cancel {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  }

  /** Nobody listens any more. */
  forget(): void {
    this.watchers.clear();
  }

  watching(): number {
    return this.watchers.size;
  }

  /** What there is, as text, in the order of its coming. */
  all(): string[] {
    return [...this.routes.keys(), ...this.rules.keys()];
  }

  private tell(event: RouteEvent): void {
    for (const watcher of this.watchers) this.later(() => { if (this.watchers.has(watcher)) watcher(event); });
  }
}

/** `10.1.0.0/24 via 10.0.0.9 dev 2 table 254` */
export function routeText({ destination, gateway, link, table, nexthops }: Route): string {
  const way = [...(gateway === null ? [] : [`via ${gateway}`]), ...(link === null ? [] : [`dev ${String(link)}`]), ...nexthops.map((hop) => `nexthop via ${hop.gateway ?? ''}`)];
  return [printPrefix(destination), ...way, `table ${String(table)}`].join(' ');
}

/** `rule 100 from 10.1.0.0/24 table 100` */
export function ruleText({ priority, source, destination, table }: Rule): string {
  return [`rule ${String(priority)}`, ...(source === null ? [] : [`from ${printPrefix(source)}`]), ...(destination === null ? [] : [`to ${printPrefix(destination)}`]), `table ${String(table)}`].join(' ');
}

/** What an operation is about, of whatever kind. */
export function operationText(operation: NetworkOp): string {
  switch (operation.op) {
    case 'add-macvlan':
      return operation.macvlan.name;
    case 'add-ipvlan':
      return operation.ipvlan.name;
    case 'set-macvlan':
    case 'no-address-generation':
    case 'set-link-up':
    case 'delete-link':
      return operation.name;
    case 'add-address':
    case 'delete-address':
      return printPrefix(operation.address.prefix);
    case 'add-route':
    case 'delete-route':
      return routeText(operation.route);
    case 'add-rule':
    case 'delete-rule':
      return ruleText(operation.rule);
  }
}
