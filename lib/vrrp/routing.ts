/** Routes and rules as things that are held, tracked and compared. Pure. */
import type { VrrpInstance } from '../config/model.ts';
import type { Route, Rule } from '../config/model-network.ts';

export interface Routing {
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
}

/** One of either. `id` is equal for two that ask the kernel for the same. */
export type RoutingObject =
  | { readonly kind: 'route'; readonly id: string; readonly route: Route }
  | { readonly kind: 'rule'; readonly id: string; readonly rule: Rule };

export const NO_ROUTING: Routing = { routes: [], rules: [] };

/** Everything that the instance may ever put into routing tables. */
export function allRouting({ extras }: VrrpInstance): Routing {
  return extras === undefined ? NO_ROUTING : { routes: extras.routes, rules: extras.rules };
}

/** In the order in which they are added: routes, then rules. */
export function objectsOf({ routes, rules }: Routing): RoutingObject[] {
  return [...routes.map(routeObject), ...rules.map(ruleObject)];
}

/** Somebody else's taking it away matters, and it is put back. */
export function isTracked(object: RoutingObject): boolean {
  return (object.kind === 'route' ? object.route.options : object.rule.options).no_track === undefined;
}

/** The track_group that it names; null: none. */
export function trackGroupOf(object: RoutingObject): string | null {
  return (object.kind === 'route' ? object.route.options : object.rule.options).track_group ?? null;
}

/** Interfaces that it needs. */
export function linksOf(object: RoutingObject): string[] {
  const names = object.kind === 'route'
    ? [object.route.spec.link, ...object.route.spec.nexthops.map((hop) => hop.link)]
    : [object.rule.spec.inputLink, object.rule.spec.outputLink];
  return names.filter((name) => name !== null);
}

const known = new WeakMap<Route | Rule, RoutingObject>();

function routeObject(route: Route): RoutingObject {
  return remember(route, () => ({ kind: 'route', id: `route ${JSON.stringify(route.spec)}`, route }));
}

function ruleObject(rule: Rule): RoutingObject {
  return remember(rule, () => ({ kind: 'rule', id: `rule ${JSON.stringify(rule.spec)}`, rule }));
}

/** A configuration does not change, and a transition of thousands should not describe them anew. */
function remember(one: Route | Rule, make: () => RoutingObject): RoutingObject {
  const before = known.get(one);
  if (before !== undefined) return before;
  const made = make();
  known.set(one, made);
  return made;
}
