import { expect } from 'chai';
import { statePath } from '../../lib/cli/dumps.ts';
import { configOf } from '../sim/config-text.ts';

describe('statePath', () => {
  for (const [name, text, suffix, expected] of [
    ['nothing given', '', '', '/tmp/keepalived.data'],
    ['the parent', '', '_parent', '/tmp/keepalived_parent.data'],
    ['a name', 'global_defs {\n state_dump_file state.txt\n}', '_parent', '/tmp/state_parent.txt'],
    ['a name without a dot', 'global_defs {\n state_dump_file state\n}', '_parent', '/tmp/state_parent'],
    ['a path', 'global_defs {\n state_dump_file /run/k/state.txt\n}', '', '/run/k/state.txt'],
    ['a directory', 'global_defs {\n state_dump_file /run/k/\n}', '_check', '/run/k/keepalived_check.data'],
    ['a directory with a dot', 'global_defs {\n state_dump_file /run/k.d/state\n}', '_check', '/run/k.d/state_check'],
    ['data_use_instance without an instance', 'global_defs {\n data_use_instance\n}', '', '/tmp/keepalived.data'],
    ['data_use_instance', 'instance foo\nglobal_defs {\n data_use_instance\n}', '_parent', '/tmp/keepalived_parent.foo.data'],
    ['an instance alone', 'instance foo', '', '/tmp/keepalived.data'],
    ['with a namespace', 'net_namespace ns\ninstance foo\nglobal_defs {\n data_use_instance\n}', '', '/tmp/keepalived.ns_foo.data'],
  ] as const) {
    it(`${name}: ${expected}`, () => { expect(statePath(configOf(text), '/tmp', suffix)).to.equal(expected); });
  }
});
