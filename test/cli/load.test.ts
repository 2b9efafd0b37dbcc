import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, loadInWorker, type LoadOutcome } from '../../lib/cli/load.ts';

const BODY = 'interface lo0\n virtual_router_id 51\n authentication {\n auth_type PASS\n auth_pass topsecret\n }\n virtual_ipaddress {\n 10.0.0.1/24\n }';
const CONF = `global_defs {\n dynamic_interfaces\n}\nvrrp_instance VI_1 {\n ${BODY}\n}\n`;
const YAML = 'global_defs: {dynamic_interfaces: true}\nvrrp_instance:\n  VI_1:\n    interface: lo0\n    virtual_router_id: 51\n    authentication: {auth_type: PASS, auth_pass: topsecret}\n    virtual_ipaddress: [10.0.0.1/24]\n';

describe('reading the configuration of a daemon', function () {
  this.timeout(20_000);
  let folder = '';

  beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'tskeepalived-load-')); });
  afterEach(() => { rmSync(folder, { recursive: true, force: true }); });

  function request(name: string, text: string, dump: boolean): Parameters<typeof load>[0] {
    writeFileSync(join(folder, name), text);
    return { path: join(folder, name), configId: 'test', allConfigErrors: false, dump };
  }

  it('a file that is no YAML: a diagnostic, and nothing to run', async () => {
    const { config, diagnostics } = await load(request('a.yaml', 'vrrp_instance: [', false));
    expect(config?.instances).to.deep.equal([]);
    expect(diagnostics.map((d) => d.code)).to.include('yaml-syntax');
  });

  it('conf and YAML give the same Config, here and in a worker', async () => {
    const conf = await load(request('a.conf', CONF, false));
    const yaml = await load(request('a.yaml', YAML, false));
    const worker = await loadInWorker(request('b.yaml', YAML, false));
    expect(conf.config?.instances).to.have.length(1);
    expect(yaml.config).to.deep.equal(conf.config);
    expect(worker.config).to.deep.equal(conf.config);
    expect(conf.dump).to.deep.equal([]);
  });

  it('-d: the effective configuration as lines, without passwords', async () => {
    const said = (one: LoadOutcome): string => one.dump.join('\n');
    for (const one of [await load(request('a.conf', CONF, true)), await load(request('a.yaml', YAML, true))]) {
      expect(said(one)).to.include('    advert_int 1').and.include('auth_pass ********').and.not.include('topsec');
    }
  });
});
