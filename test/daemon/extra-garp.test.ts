import { expect } from 'chai';
import { ExtraGarp } from '../../lib/daemon/extra-garp.ts';
import { planVmacs } from '../../lib/vrrp/vmac.ts';
import { configOf, instanceText } from '../sim/config-text.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';
import type { VrrpInstance } from '../../lib/config/model.ts';

const VIPS = '10.0.0.100/24\n    10.1.0.100/24 dev eth1\n    10.2.0.100/24 dev eth2 use_vmac';

function instance(body: string): VrrpInstance {
  const [made] = planVmacs(configOf(instanceText(body, 'A', 51, VIPS)), [], new Set()).config.instances;
  if (made === undefined) throw new Error('no instance');
  return made;
}

describe('gratuitous ARP on extra interfaces', () => {
  const rows: readonly (readonly [string, string, string[]])[] = [
    ['not asked for', 'use_vmac', []],
    ['0 turns it off', 'use_vmac\n  garp_extra_if 0', []],
    ['macvlans but the one of the adverts', 'use_vmac\n  garp_extra_if 100', ['100000 10.2.0.100', '200000 10.2.0.100']],
    ['all other interfaces', 'use_vmac\n  garp_extra_if all 100', ['100000 10.1.0.100 10.2.0.100', '200000 10.1.0.100 10.2.0.100']],
    ['with vmac_xmit_base the own macvlan as well', 'use_vmac\n  vmac_xmit_base\n  garp_extra_if 100', ['100000 10.0.0.100 10.2.0.100', '200000 10.0.0.100 10.2.0.100']],
  ];
  for (const [name, body, expected] of rows) {
    it(name, async () => {
      const clock = new VirtualClock();
      const said: string[] = [];
      const extra = new ExtraGarp(clock, (_, addresses) => { said.push([clock.now(), ...addresses.map((v) => v.prefix.address)].join(' ')); });
      extra.start(instance(body));
      await clock.advance(250_000);
      extra.stop('A');
      await clock.advance(250_000);
      expect(said).to.deep.equal(expected);
      expect(clock.pending()).to.equal(0);
    });
  }
});
