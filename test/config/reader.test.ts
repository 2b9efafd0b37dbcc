import { expect } from 'chai';
import { configTestExit } from '../../lib/config/load.ts';
import { load, said, withInstance } from './helpers.ts';

describe('reading lines', () => {
  const bad: readonly (readonly [name: string, text: string, lines: readonly string[]])[] = [
    ['an unterminated quote', 'global_defs {\n  router_id "abc\n}\n', ["(Line 2) Unterminated quote 'router_id \"abc'", "(Line 2) Unmatched quote: 'router_id \"abc'", '(Line 2) routerid name missing - ignoring']],
    ['a NUL byte', 'global_defs {\n  router_id a\0b\n}\n', ['(Line 2) line with a NUL byte is ignored']],
    ['an unknown root keyword, once per process', 'nonsense\n', ["(Line 1) Unknown keyword 'nonsense'", "(test.conf: Line 1) Unknown keyword 'nonsense'", "(test.conf: Line 1) Unknown keyword 'nonsense'"]],
    ['too many }', 'global_defs {\n}\n}\n', ["(Line 3) Extra '}' found", "(Line 3) Unknown keyword '}'", "(test.conf: Line 3) Extra '}' found", "(test.conf: Line 3) Unknown keyword '}'", "(test.conf: Line 3) Extra '}' found", "(test.conf: Line 3) Unknown keyword '}'"]],
    ['too few }', 'global_defs {\n', ["There are 1 missing '}'s or extra '{'s", "There are 1 missing '}'s or extra '{'s", "There are 1 missing '}'s or extra '{'s"]],
    ['a { that nobody asked for', 'global_defs {\n  no_email_faults {\n}\n', ["(Line 2) Unexpected '{' - ignoring", "There are 1 missing '}'s or extra '{'s"]],
    ['a missing {', 'global_defs\n  router_id a\n}\n', ["(Line 2) Missing '{' at beginning of configuration block", "(Line 3) Extra '}' found"]],
    ['text between a list and its {', withInstance('  track_interface eth1 {\n  }'), ['(test.conf: Line 7) Block track_interface has extra parameters eth1 ...']],
    ['a missing argument stops at once', withInstance('  priority\n  advert_int abc'), ['(test.conf: Line 7) *** Configuration line starting `priority` is missing a parameter after keyword `priority` at word position 2']],
  ];
  for (const [name, text, lines] of bad) {
    it(name, () => {
      expect(said(text).filter((line) => lines.length > 3 || !line.startsWith('(test.conf: Line 1) Unknown keyword router'))).to.include.members([...lines]);
      expect(configTestExit(load(text).diagnostics)).to.not.equal(0);
    });
  }

  it('a line beyond 1024 bytes is reported and ignored', () => {
    const { config, diagnostics } = load(`global_defs {\n  router_id ${'x'.repeat(1100)}\n}\n`);
    expect(config?.global.routerId).to.equal('lvs1.example.org');
    expect(diagnostics.map((d) => d.code)).to.deep.equal(['line-too-long']);
    expect(load(`global_defs {\n  router_id ${'x'.repeat(1000)}\n}\n`).config?.global.routerId).to.have.length(1000);
  });

  const good: readonly (readonly [name: string, text: string, router: string])[] = [
    ['comments with ! and #, also after a value and inside a word', '! one\n# two\nglobal_defs { ! three\n  router_id LVS#four\n}\n', 'LVS'],
    ['comments in the manner of the tutorial', 'global_defs {\n  router_id server1    ###还有一个节点为server2####\n}\n', 'server1'],
    ['a quoted string with blanks, braces and comment characters', 'global_defs {\n  router_id "a {b} #c ! d"\n}\n', 'a {b} #c ! d'],
    ['{ on the next line', 'global_defs\n{\n  router_id x\n}\n', 'x'],
    ['everything on one line', 'global_defs { router_id x }', 'x'],
    ['CR LF, tabs, form feeds, no newline at the end', 'global_defs\t{\r\n\frouter_id\tx\r\n}', 'x'],
    ['two keywords on one line: the second is only a further word', 'global_defs {\n  router_id x no_email_faults\n}\n', 'x'],
    ['the last of several', 'global_defs {\n  router_id x\n  router_id y\n}\n', 'y'],
  ];
  for (const [name, text, router] of good) {
    it(name, () => {
      const { config, diagnostics } = load(text);
      expect(diagnostics).to.deep.equal([]);
      expect(config?.global.routerId).to.equal(router);
    });
  }

  it('a no-break space, as in text from a web page, is a blank with one warning and the exit code of keepalived', () => {
    const { config, diagnostics } = load('global_defs {\n\u00a0\u00a0 router_id\u00a0x\n\u00a0 no_email_faults\n}\n# \u00a0\n');
    expect(config?.global.routerId).to.equal('x');
    expect(config?.global.noEmailFaults).to.equal(true);
    expect(diagnostics.map((d) => d.code)).to.deep.equal(['no-break-space']);
    expect(configTestExit(diagnostics)).to.equal(5);
    expect(load('# \u00a0 in a comment only\nglobal_defs { router_id "a\u00a0b" }\n').diagnostics).to.deep.equal([]);
  });

  it("an unknown block's contents count for the block around it, and its } closes that one", () => {
    const { config } = load('vrrp_instance V {\n interface eth0\n virtual_router_id 9\n nonsense {\n  priority 77\n }\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n');
    expect(config?.instances[0]?.priority).to.equal(77);
    expect(config?.instances[0]?.virtualAddresses).to.deep.equal([]);
  });

  it('a list that lacks its { reads on to the next }', () => {
    const { config } = load('vrrp_instance V {\n interface eth0\n virtual_router_id 9\n virtual_ipaddress\n  192.0.2.1\n  192.0.2.2\n}\n');
    expect(config?.instances[0]?.virtualAddresses.map((one) => one.prefix.address)).to.deep.equal(['192.0.2.1', '192.0.2.2']);
  });
});
