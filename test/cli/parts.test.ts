import { expect } from 'chai';
import { chosenParts, vrrpPart } from '../../lib/cli/parts.ts';
import { configOf, instanceText } from '../sim/config-text.ts';

describe('cli: the parts that -P and -C choose', () => {
  const config = configOf(`${instanceText('priority 100')}virtual_server 10.0.0.100 80 {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n real_server 10.0.0.1 80 {\n }\n}\n`);

  for (const [options, vrrp, checkers, expected] of [['none', true, true, [1, 1]], ['-P', true, false, [1, 0]], ['-C', false, true, [0, 1]]] as const) {
    it(`${options}: ${expected[0]} virtual routers, ${expected[1]} virtual servers`, () => {
      const { instances, ipvs } = chosenParts(config, { vrrp, checkers, namespace: null });
      expect([instances.length, ipvs.virtualServers.length]).to.deep.equal(expected);
    });
  }

  it('the process that runs VRRP knows of virtual servers only that there are some', () => {
    const { ipvs, instances } = vrrpPart(config);
    expect([instances.length, ipvs.virtualServers.map(({ id, realServers }) => `${id} ${realServers.length}`)]).to.deep.equal([1, ['[10.0.0.100]:tcp:80 0']]);
  });
});
