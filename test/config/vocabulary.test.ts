import { expect } from 'chai';
import { codesOf, Met, MetStatements, Vocabulary } from '../../lib/config/vocabulary.ts';
import { files, load, loadFile } from './helpers.ts';

describe('config: characters and known words', () => {
  for (const [name, text] of [
    ['nothing', ''],
    ['ASCII', 'vrrp_instance VI_1 {'],
    ['an umlaut, as one code unit', 'router_id zürich'],
    ['beyond the basic plane, as two', 'router_id 😀x'],
    ['half a pair', 'a\ud83dz'],
  ] as const) {
    it(`${name}: the codes are the text's code units`, () => {
      expect([...codesOf(text)]).to.deep.equal(Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)));
    });
  }

  it('a byte a character where that is enough', () => {
    expect(codesOf('abc')).to.be.instanceOf(Uint8Array);
    expect(codesOf('abü')).to.be.instanceOf(Uint16Array);
  });

  it('gives the text between two offsets, whatever had that place before', () => {
    // Same length, first and last character: they take each other's place.
    const words = ['retry', 'ratty', 'retry', 'r', 'ry', 'retry', 'weight', 'wzzzzt', ''];
    const text = words.join(' ');
    const codes = codesOf(text);
    const vocabulary = new Vocabulary();
    let at = 0;
    for (const word of words) {
      expect(vocabulary.word(text, codes, at, at + word.length)).to.equal(word);
      at += word.length + 1;
    }
  });
});

describe('config: statements that stood before', () => {
  it('are found by their characters, not by their hash alone', () => {
    const codes = codesOf('retry 3;retry 4;retry 3');
    const met = new MetStatements();
    const one = new Met(['retry', '3'], 7);
    met.keep(codes, 0, 7, 1, one);
    expect(met.find(codes, 16, 23, 1)).to.equal(one);
    expect(met.find(codes, 8, 15, 1), 'other characters').to.equal(null);
    expect(met.find(codes, 16, 22, 1), 'a part of them').to.equal(null);
    expect(met.find(codesOf('retry 3'), 0, 7, 1), 'another text').to.equal(null);
  });

  const server = (lines: string): string => `virtual_server 192.0.2.1 80 {\n${lines}\n lvs_method NAT\n protocol TCP\n real_server 192.0.2.2 80 {\n }\n}\n`;

  it('a faulty one is reported each time, where it stands', () => {
    const { diagnostics } = load(`vrrp_sync_group G {\n}\n${[1, 2].map((i) => `vrrp_instance VI_${String(i)} {\n interface eth0\n virtual_router_id ${String(i)}\n priority 999\n advert_int 1.2345678\n}\n`).join('')}`);
    const lines = (code: string): number[] => diagnostics.filter((one) => one.code === code && (one.range?.line ?? 0) > 2).map(({ range }) => range?.line ?? 0);
    expect(lines('invalid-number')).to.deep.equal([6, 7, 12, 13]);
  });

  it('what it does besides having a value, it does each time', () => {
    const [first, second, third] = [server(' lvs_sched sh\n hashed'), server(' lvs_sched rr\n hashed').replace('192.0.2.1', '192.0.2.3'), server(' lvs_sched sh\n hashed').replace('192.0.2.1', '192.0.2.4')];
    const { config, diagnostics } = load(first + second + third);
    expect(config?.ipvs.virtualServers.map(({ scheduler, flags }) => [scheduler, flags])).to.deep.equal([['sh', ['hashed']], ['rr', []], ['sh', ['hashed']]]);
    expect(diagnostics.filter(({ code }) => code === 'needs-scheduler').map(({ range }) => range?.line)).to.deep.equal([11]);
  });

  it('the same words in another block are read by that one, also with a comment or a brace behind them', () => {
    const { config } = load(`virtual_server 192.0.2.1 80 {\n weight 7\n retry 4\n lvs_method NAT\n protocol TCP\n real_server 192.0.2.2 80 {\n  weight 7 # seven\n  TCP_CHECK {\n   retry 4\n  }\n }\n real_server 192.0.2.3 80 { \n  weight 7\n  PING_CHECK {\n  }\n }\n real_server 192.0.2.4 80 {\n }\n}\n`);
    expect(config?.ipvs.virtualServers[0]?.realServers.map(({ weight, checkers }) => [weight, checkers.map((checker) => ('schedule' in checker ? checker.schedule.retry : null))])).to.deep.equal([[7, [4]], [7, [4]], [7, []]]);
  });

  it('in files of their own', () => {
    const line = ' priority 150\n';
    const given = files({
      '/k.conf': 'include /a.conf\ninclude /b.conf\n',
      '/a.conf': `vrrp_instance A {\n interface eth0\n virtual_router_id 1\n${line} virtual_ipaddress {\n 192.0.2.1\n }\n}\n`,
      '/b.conf': `vrrp_instance B {\n interface eth0\n virtual_router_id 2\n${line} virtual_ipaddress {\n 192.0.2.2\n }\n}\n`,
    });
    expect(loadFile('/k.conf', { files: given }).config?.instances.map(({ name, priority }) => [name, priority])).to.deep.equal([['A', 150], ['B', 150]]);
  });
});
