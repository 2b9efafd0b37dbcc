import { expect } from 'chai';
import { Comments, confComments } from '../../../lib/config/forms/comments.ts';
import { writeConf } from '../../../lib/config/forms/write-conf.ts';
import { writeYaml } from '../../../lib/config/forms/write-yaml.ts';
import { yamlComments } from '../../../lib/config/forms/yaml-comments.ts';
import { printDiagnostic } from '../../../lib/config/load.ts';
import { read } from './corpus.ts';

const instance = (body: string): string => `vrrp_instance:\n  VI_1:\n    interface: eth0\n    virtual_router_id: 51\n${body}`;

describe('YAML: what is wrong is said at its place', function () {
  // A busy machine takes its time.
  this.timeout(30_000);
  for (const [name, text, said] of [
    ['no YAML', 'a: [\n', /^k\.yaml:2:1: error: Flow sequence.* \[yaml-syntax\]/u],
    ['a key twice', 'child_wait_time: 1\nchild_wait_time: 2\n', /^k\.yaml:2:1: error: Map keys must be unique \[yaml-duplicate-key\]\n {2}2 \| child_wait_time: 2\n.*\n {2}help: write what is repeated as a list$/u],
    ['two documents', 'child_wait_time: 1\n---\nchild_wait_time: 2\n', /yaml-syntax\][^]*take out the ---/u],
    ['a list of words', '- a\n- b\n', /^k\.yaml:1:3: error: a mapping of keywords is wanted \[yaml-form\]/u],
    ['an unknown keyword', instance('    priorty: 1\n'), /^k\.yaml:5:5: warning: Unknown keyword 'priorty' in vrrp_instance \[unknown-keyword\]\n {2}5 \| {5}priorty: 1\n {4}\| {5}\^{7}\n {2}help: did you mean 'priority'\?$/u],
    ['something missing in a block: at its name', 'vrrp_instance:\n  A:\n    interface: eth0\n', /^k\.yaml:2:3: error: \(A\) the virtual router id must be set/u],
    ['a number out of range', instance('    virtual_router_id: 300\n').replace('    virtual_router_id: 51\n', ''), /^k\.yaml:4:24: error: number '300' outside range \[1, 255\] \[invalid-number\]\n.*\n {4}\| {24}\^{3}\n/u],
    ['a bad word of an entry', instance('    virtual_ipaddress:\n      - 10.0.0.1/24 dve eth0\n'), /^k\.yaml:6:21: error: Unknown configuration entry 'dve' for ip address/u],
    ['a bad word in quotes', instance('    virtual_ipaddress: ["10.0.0.1/24 dve eth0"]\n'), /^k\.yaml:5:38: error: Unknown configuration entry 'dve'/u],
    ['a list for a value', instance('    priority: {a: 1}\n'), /^k\.yaml:5:15: error: 'priority' takes a value, not a mapping \[yaml-form\][^]*help: write: priority: 1..255|N$/u],
    ['a word for a switch', instance('    nopreempt: maybe\n'), /^k\.yaml:5:16: error: 'nopreempt' is a switch, not 'maybe' \[yaml-form\]\n[^]*help: write true or false$/u],
    ['a name for a block', 'vrrp_instance: VI_1\n', /^k\.yaml:1:16: error: 'vrrp_instance' is a mapping of NAME to what belongs to it/u],
    ['an include', 'include: a.conf\n', /^k\.yaml:1:1: error: 'include' is not for YAML \[yaml-include\]/u],
    ['a definition', '$A: 1\n', /^k\.yaml:1:1: error: '\$A': definitions, sequences and conditions are not for YAML \[yaml-macro\]/u],
    ['the use of one', 'net_namespace: $NAME\n', /^k\.yaml:1:16: warning: '\$NAME' is not expanded in YAML/u],
    ['a merge key', instance('    <<: {priority: 1}\n'), /^k\.yaml:5:5: error: merge keys \(<<\) are not read/u],
    ['a quote inside a word', "global_defs:\n  router_id: 'a\"b'\n", /^k\.yaml:2:14: error: a quote, a line break or a control character inside a word/u],
    ['an alias of itself', 'vrrp_instance: &a\n  VI_1: [*a]\n', /\[yaml-too-much\]|\[unknown-keyword\]/u],
    ['a script with a strange member', 'vrrp_script:\n  a:\n    script: {command: x, usr: y}\n', /^k\.yaml:3:26: error: 'script' has command, user and group, not 'usr'/u],
  ] as const) {
    it(name, () => {
      const { diagnostics } = read('k.yaml', text);
      expect(diagnostics.map(printDiagnostic).find((one) => said.test(one)), diagnostics.map(printDiagnostic).join('\n')).to.be.a('string');
    });
  }

  it('deep nesting ends in a diagnostic', () => {
    for (const deep of ['['.repeat(10_000), '- '.repeat(5000), '{a: '.repeat(2000)]) expect(read('k.yaml', deep).diagnostics.some((d) => d.code.startsWith('yaml-'))).to.equal(true);
  });

  it('aliases that stand for aliases are bounded', () => {
    const lines = ['a0: &a0 [{vrrp_strict: true}]', ...Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`), 'global_defs: *a30'];
    expect(read('k.yaml', lines.join('\n')).diagnostics.some((d) => d.code === 'yaml-too-much')).to.equal(true);
  });

  it('secrets are not shown', () => {
    const { diagnostics } = read('k.yaml', instance('    authentication: {auth_type: WORD, auth_pass: verysecret}\n    auth_hmac: {key: ["1 toptop"], active_key: 1}\n'));
    const said = diagnostics.map(printDiagnostic).join('\n');
    expect(said).to.match(/auth_pass: \*{10}\}/u);
    expect(said).not.to.match(/verysecret|toptop/u);
    for (const broken of ['auth_pass: verysecret: [', 'key: 1 verysecret: [', 'key: "1 verysecret" [']) {
      expect(read('k.yaml', broken).diagnostics.map(printDiagnostic).join('\n')).to.include('yaml-syntax').and.not.include('verysecret');
    }
  });
});

const CONF = `# The pair.
vrrp_script chk { # it checks
    script "/usr/bin/chk --url \\"x y\\"" nobody
    interval 2
}

vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 51
    # higher wins
    priority 150
    nopreempt
    smtp_alert off
    authentication {
        auth_type PASS
        auth_pass "0x12"
    }
    virtual_ipaddress {
        10.0.0.1/24 dev eth0
        10.0.0.2/24
    }
    track_script {
        chk weight -20 # less
    }
}

virtual_server 10.0.0.1 80 {
    lvs_sched rr
    protocol TCP
    real_server 10.1.0.1 80 {
        HTTP_GET {
            url {
                path /a
            }
            url {
                path /b
            }
        }
    }
}
# The end.
`;

const YAML = `# The pair.
vrrp_script:
  chk: # it checks
    script: { command: "/usr/bin/chk --url \\"x y\\"", user: "nobody" }
    interval: 2

vrrp_instance:
  VI_1:
    state: MASTER
    interface: eth0
    virtual_router_id: 51
    # higher wins
    priority: 150
    nopreempt: true
    smtp_alert: off
    authentication:
      auth_type: PASS
      auth_pass: 0x12
    virtual_ipaddress:
      - 10.0.0.1/24 dev eth0
      - 10.0.0.2/24
    track_script:
      - chk weight -20 # less

virtual_server:
  10.0.0.1 80:
    lvs_sched: rr
    protocol: TCP
    real_server:
      10.1.0.1 80:
        HTTP_GET:
          url:
            - path: /a
            - path: /b
# The end.
`;

describe('YAML: both ways', () => {
  it('conf as YAML, comments carried along', () => {
    expect(writeYaml(read('k.conf', CONF).tree, new Comments(confComments)).text).to.equal(YAML);
  });

  it('YAML as conf, comments carried along', () => {
    const conf = writeConf(read('k.yaml', YAML).tree, new Comments(yamlComments));
    expect(conf).to.equal(CONF.replace('"/usr/bin/chk --url \\"x y\\""', '"/usr/bin/chk --url \\x22x y\\x22"').replace('"0x12"', '0x12'));
    expect(read('k.conf', conf).config).to.deep.equal(read('k.conf', CONF).config);
  });

  it('a switch that is false is not there', () => {
    expect(read('k.yaml', instance('    nopreempt: false\n    priority: 10\n')).config.instances[0]?.nopreempt).to.equal(false);
  });

  it('order counts: what comes again further down starts a new mapping', () => {
    const { tree } = read('k.conf', 'vrrp_script a {\n script /bin/a\n}\nglobal_defs {\n}\nvrrp_script b {\n script /bin/b\n}\n');
    expect(writeYaml(tree).text).to.equal('- vrrp_script:\n    a:\n      script: /bin/a\n  global_defs: {}\n- vrrp_script:\n    b:\n      script: /bin/b\n');
  });

  it('aliases write a value once', () => {
    const { config } = read('k.yaml', `vrrp_instance:\n  A: &base\n    interface: eth0\n    virtual_router_id: 1\n    priority: &p 77\n  B:\n    - *base\n    - virtual_router_id: 2\n      priority: *p\n`);
    expect(config.instances.map(({ name, vrid, priority }) => [name, vrid, priority])).to.deep.equal([['A', 1, 77], ['B', 2, 77]]);
  });
});
