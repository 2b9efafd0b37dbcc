import { expect } from 'chai';
import fc from 'fast-check';
import { encodeDeleteRoute } from '../../lib/codec/routes.ts';
import { encodeRule } from '../../lib/codec/rules.ts';
import { routingFromId } from '../../lib/daemon/claimed-routing.ts';
import { objectsOf, type RoutingObject } from '../../lib/vrrp/routing.ts';
import { configOf } from '../sim/config-text.ts';

const { statics } = configOf(`static_routes {
 10.1.0.0/24 via 10.0.0.9 dev eth0 table 77 metric 5
 2001:db8::/32 from 2001:db8:1::/48 nexthop via fe80::1 dev eth0 weight 3 nexthop via fe80::2 dev eth1
 blackhole 10.2.0.0/24
}
static_rules {
 from 10.1.0.0/24 to 10.2.0.0/24 table 100 preference 100 sport 10-20 uidrange 1-2
 goto 300 preference 110
}
`);

const spec = (object: RoutingObject): unknown => (object.kind === 'route' ? object.route.spec : object.rule.spec);

describe('routingFromId', () => {
  for (const [name, id] of [
    ['nothing', ''],
    ['another kind', 'link {}'],
    ['no JSON', 'route {'],
    ['no object', 'route 7'],
    ['null', 'rule null'],
    ['an empty object', 'route {}'],
    ['another family', `route ${changed(0, { family: 'inet7' })}`],
    ['a destination of the other family', `route ${changed(0, { destination: { address: '2001:db8::', length: 32 } })}`],
    ['a prefix that is too long', `route ${changed(0, { destination: { address: '10.0.0.0', length: 33 } })}`],
    ['a gateway that is no address', `route ${changed(0, { gateway: 'here' })}`],
    ['a table that is no number', `route ${changed(0, { table: '77' })}`],
    ['legs that are none', `route ${changed(0, { nexthops: [{}] })}`],
    ['a rule with ports that are none', `rule ${changed(3, { sourcePorts: { from: 1 } })}`],
    ['a rule with a priority below 0', `rule ${changed(3, { priority: -1 })}`],
    ['a route said to be a rule', `rule ${changed(0, {})}`],
  ] as const) {
    it(`${name}: none`, () => {
      expect(routingFromId(id)).to.equal(null);
    });
  }

  for (const object of objectsOf(statics)) {
    it(`${object.id.slice(0, 60)}… comes back`, () => {
      const back = routingFromId(object.id);
      expect(back).to.deep.include({ kind: object.kind, id: object.id });
      expect(back === null ? null : spec(back)).to.deep.equal(spec(object));
    });
  }

  it('whatever it takes for one can be asked of the kernel', () => {
    const mutation = fc.record({ index: fc.integer({ min: 0, max: 4 }), key: fc.constantFrom('destination', 'source', 'gateway', 'nexthops', 'table', 'tos', 'family', 'priority', 'link', 'users', 'mark', 'protocol'), value: fc.jsonValue() });
    fc.assert(fc.property(mutation, ({ index, key, value }) => {
      const object = objectsOf(statics)[index];
      const back = routingFromId(`${object?.kind ?? ''} ${changed(index, { [key]: value })}`);
      if (back?.kind === 'route') encodeDeleteRoute({ ...back.route.spec, link: null, nexthops: back.route.spec.nexthops.map((hop) => ({ ...hop, link: null })) });
      if (back?.kind === 'rule') encodeRule(back.rule.spec);
    }));
  });
});

function changed(index: number, change: object): string {
  const object = objectsOf(statics)[index];
  if (object === undefined) throw new Error(`no object ${String(index)}`);
  return JSON.stringify({ ...(spec(object) as object), ...change });
}
