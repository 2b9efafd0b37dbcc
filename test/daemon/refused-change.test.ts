import { expect } from 'chai';
import { refusedChange } from '../../lib/daemon/refused-change.ts';
import { configOf, instanceText } from '../sim/config-text.ts';

describe('refusedChange', () => {
  const of = (text: string): ReturnType<typeof configOf> => configOf(`${text}\n${instanceText('')}`);

  for (const [name, before, after, what] of [
    ['net_namespace', '', 'net_namespace a', 'network namespace'],
    ['another one', 'net_namespace a', 'net_namespace b', 'network namespace'],
    ['net_namespace_ipvs', '', 'net_namespace_ipvs', 'ipvs network namespace'],
    ['instance', 'instance a', '', 'instance'],
    ['nftables', 'global_defs {\n nftables a\n}', 'global_defs {\n nftables b\n}', 'nftables table name'],
    ['tmp_config_directory', '', 'global_defs {\n tmp_config_directory /tmp\n}', 'config_directory'],
    ['disable_local_igmp', '', 'global_defs {\n disable_local_igmp\n}', 'disable_local_igmp'],
  ] as const) {
    it(`${name} is one`, () => { expect(refusedChange(of(before), of(after))).to.equal(`Cannot change ${what} at a reload - please restart keepalived`); });
  }

  it('anything else is not', () => {
    expect(refusedChange(of('instance a'), of('instance a\nglobal_defs {\n router_id x\n}'))).to.equal(null);
  });
});
