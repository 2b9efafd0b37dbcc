import { expect } from 'chai';
import { effectiveConf } from '../../../lib/config/forms/effective.ts';
import type { Config } from '../../../lib/config/model.ts';
import { withReference } from '../reference.ts';
import { corpusFiles, read } from './corpus.ts';

/** Without what the file says itself, which is more after a dump. */
function effect(config: Config): object {
  return { ...config, settings: null };
}

describe('the effective configuration', () => {
  it('names defaults, keeps lists, leaves out what is not in effect', () => {
    const { tree, config } = read('a.conf', 'vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n preempt_delay 0\n # c\n virtual_ipaddress {\n 10.0.0.1/24\n }\n}\n');
    const lines = effectiveConf(tree, config);
    expect(lines.slice(0, 2)).to.deep.equal(['global_defs {', '    router_id localhost']);
    for (const line of ['    state BACKUP', '    priority 100', '    advert_int 1', '    version 2', '    interface eth0', '        10.0.0.1/24', '    garp_master_delay 5']) expect(lines).to.include(line);
    expect(lines.join('\n')).not.to.match(/preempt_delay|#/u);
  });

  it('the log gets no passwords', () => {
    const { tree, config } = read('a.conf', 'vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n authentication {\n auth_type PASS\n auth_pass topsecret\n }\n virtual_ipaddress {\n 10.0.0.1/24\n }\n}\n');
    expect(effectiveConf(tree, config, true).join('\n')).to.include('auth_pass ********').and.not.include('topsecre');
    expect(effectiveConf(tree, config).join('\n')).to.include('auth_pass topsecret');
  });

  withReference('real files: what is printed reads as the same Config', function () {
    this.timeout(60_000);
    const files = corpusFiles();
    for (const { name, text } of files) {
      const { tree, config } = read(name, text);
      const again = read(name, `${effectiveConf(tree, config).join('\n')}\n`);
      expect(effect(again.config), name).to.deep.equal(effect(config));
    }
  });
});
