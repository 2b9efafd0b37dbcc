import { expect } from 'chai';
import fc from 'fast-check';
import { configTestExit, printDiagnostic } from '../../lib/config/load.ts';
import { globalDefs } from '../../lib/config/keywords/global-defs.ts';
import { virtualServer } from '../../lib/config/keywords/virtual-server.ts';
import { vrrpInstance } from '../../lib/config/keywords/vrrp-instance.ts';
import { files, load, loadFile, VI, withInstance } from './helpers.ts';

const RUNS = { numRuns: 150 };

/** Reads it; whatever it is, there is a verdict and every diagnostic prints. */
function survives(text: string): void {
  const { diagnostics } = load(text);
  expect([0, 2, 4, 5, 6]).to.include(configTestExit(diagnostics));
  for (const d of diagnostics.slice(0, 50)) printDiagnostic(d);
}

const WORDS = [
  ...Object.keys(globalDefs.rows), ...Object.keys(vrrpInstance.rows), ...Object.keys(virtualServer.rows),
  'global_defs', 'vrrp_instance', 'vrrp_script', 'vrrp_sync_group', 'virtual_server', 'real_server', 'track_file', 'HTTP_GET', 'url', 'TCP_CHECK',
  '{', '}', '{', '}', '\n', '\n', '"', '#', '!', '\\', '$A=1', '$A', '${A}', '${', '~SEQ(a,3)', '~LST(', '@id', '@^id', 'include x', '1', '-1', '0', '99999999999999999999', '1.5', 'eth0',
  '192.0.2.1', '192.0.2.1/33', '2001:db8::1', 'weight', 'reverse', 'dev', 'via', 'nexthop', '\u00a0', '\u0000', 'ä', '\ufffd',
];

describe('whatever the file holds', function () {
  this.timeout(60_000);

  it('random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
      const { diagnostics } = loadFile('/f', { files: { ...files({}), read: () => ({ ok: true, bytes }) } });
      expect(diagnostics).to.be.an('array');
    }), RUNS);
  });

  it('keywords, braces and values in any order', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom(...WORDS), { maxLength: 120 }), (words) => { survives(words.join(' ')); }), RUNS);
  });

  it('a good file with a stretch removed, doubled or overwritten', () => {
    const good = `$N=5\nglobal_defs {\n router_id a\n notification_email {\n a@b\n }\n}\nvrrp_script c {\n script "/usr/bin/true a"\n}\n${withInstance('authentication {\n auth_type PASS\n auth_pass secret\n }\n track_script {\n c weight ${N}\n }')}virtual_server 192.0.2.1 80 {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n real_server 192.0.2.2 80 {\n HTTP_GET {\n url {\n path /\n }\n }\n }\n}\n`;
    fc.assert(fc.property(fc.nat(good.length), fc.nat(60), fc.constantFrom('', '{', '}', '"', '\n', '$N', '# '), fc.boolean(), (at, length, put, twice) => {
      const stretch = good.slice(at, at + length);
      survives(good.slice(0, at) + put + (twice ? stretch + stretch : '') + good.slice(at + length));
    }), RUNS);
  });

  it('a secret shows in no diagnostic', () => {
    const good = withInstance('authentication {\n auth_type PASS\n auth_pass hushhush\n }');
    fc.assert(fc.property(fc.nat(good.indexOf('auth_pass') - 1), fc.nat(20), fc.constantFrom('', '{', '}', '"', 'x', '\n'), (at, length, put) => {
      const text = good.slice(0, at) + put + good.slice(Math.min(at + length, good.indexOf('auth_pass')));
      const { diagnostics } = load(text);
      for (const d of diagnostics) expect(d.range?.sourceLine ?? '').to.not.contain('hushhush');
    }), RUNS);
  });

  it('a deep nest', () => {
    survives('a { '.repeat(200_000));
    survives(`${VI}${'track_interface { '.repeat(20_000)}`);
    survives('} '.repeat(50_000));
  });

  it('definitions within definitions, sixty deep, each twice', () => {
    const lines = Array.from({ length: 60 }, (_, i) => `$A${String(i)}=\${A${String(i + 1)}} \${A${String(i + 1)}}`);
    survives(`${lines.join('\n')}\n$A60=x\nglobal_defs {\n router_id \${A0}\n}\n`);
    survives(`${lines.map((line) => line.replace('} $', '} \\\n$')).join('\n')}\n$A60=x\n\${A0}\n`);
  });
});

describe('time grows with the size of the file, not faster', function () {
  this.timeout(60_000);

  const shapes: readonly (readonly [name: string, line: (i: number) => string])[] = [
    ['unknown keywords', (i) => `unknown${String(i)} a b c\n`],
    ['the same faulty keyword', () => 'vrrp_version 9\n'],
    ['comments with strange blanks', () => '# \u00a0 comment\n'],
    ['definitions', (i) => `$A${String(i)}=value\n`],
    ['uses of a definition', () => '$HOME_NOT_SET ${A} $B\n'],
    ['open braces', () => 'global_defs {\n'],
    ['virtual servers without real servers', (i) => `virtual_server 10.0.${String((i >> 8) & 255)}.${String(i & 255)} 80 {\n protocol TCP\n}\n`],
    ['real servers at one address', (i) => (i === 0 ? 'virtual_server 10.0.0.1 80 {\n protocol TCP\n' : ` real_server 10.0.0.2 ${String(i)} {\n }\n`)],
    ['instances', (i) => `vrrp_instance V${String(i)} {\n interface eth0\n virtual_router_id ${String((i % 255) + 1)}\n track_script {\n none\n }\n virtual_ipaddress {\n 10.0.${String((i >> 8) & 255)}.${String(i & 255)}\n }\n notify /none\n notify /none\n}\n`],
  ];
  for (const [name, line] of shapes) {
    it(name, () => {
      const text = (count: number): string => Array.from({ length: count }, (_, i) => line(i)).join('');
      const cost = (count: number): number => {
        const whole = text(count);
        return Math.min(...[0, 1].map(() => {
          const start = process.cpuUsage();
          load(whole);
          const { user, system } = process.cpuUsage(start);
          return user + system;
        }));
      };
      load(text(100));
      const small = cost(500);
      const large = cost(4000);
      // Eight times the size; a square would be sixty-four times the cost. Room for noise, and a floor for the clock.
      expect(large).to.be.lessThan(Math.max(small, 4000) * 30);
    });
  }
});
