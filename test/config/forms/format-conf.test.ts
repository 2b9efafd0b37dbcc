import { expect } from 'chai';
import { formatConf } from '../../../lib/config/forms/format-conf.ts';

describe('fmt', () => {
  for (const [name, before, after] of [
    ['an open quote: the line stays as it is', 'router_id  "a  b\n', 'router_id  "a  b\n'],
    ['a brace too many', '}\nfoo\n', '}\nfoo\n'],
    ['nothing', '\n\n', ''],
    ['blanks, and no newline at the end', 'a   b\t c', 'a b c\n'],
    ['blanks inside quotes stay', 'router_id   "a  b"\n', 'router_id "a  b"\n'],
    ["a shell's quotes: the line is left alone", "script 'a  b'   c\n", "script 'a  b'   c\n"],
    ['a block in one line', 'vrrp_instance A { authentication { auth_type PASS } }\n', 'vrrp_instance A {\n    authentication {\n        auth_type PASS\n    }\n}\n'],
    ['a brace in the next line, with a comment', 'vrrp_instance A ! one\n{\npriority 1\n}\n', 'vrrp_instance A { ! one\n    priority 1\n}\n'],
    ['comments between a name and its brace', 'a\n# c\n{\nb\n}\n', 'a {\n    # c\n    b\n}\n'],
    ['empty lines: one at most, none at the edges of a block', 'a {\n\n\nb\n\n\n\nc\n\n}\n', 'a {\n    b\n\n    c\n}\n'],
    ['comments keep their place', 'a { # x\n  # y\nb# z\n}\n', 'a { # x\n    # y\n    b # z\n}\n'],
    ['definitions stay, with their lines', '$BODY=  priority 1\\\n   debug 0\nvrrp_instance A {\n$BODY\n}\n', '$BODY=  priority 1\\\n   debug 0\nvrrp_instance A {\n    $BODY\n}\n'],
    ['conditions that open the same block', '@a vrrp_instance A {\n@b vrrp_instance B {\npriority 1\n}\n', '@a vrrp_instance A {\n@b vrrp_instance B {\n    priority 1\n}\n'],
    ['a condition behind a brace: not split', 'group { @a X\nY }\n', 'group { @a X\n    Y\n}\n'],
    ['an include', 'a {\ninclude  x/*.conf\n}\n', 'a {\n    include  x/*.conf\n}\n'],
    ['${…} is no brace', 'a {\nb ${X}\nc\n}\n', 'a {\n    b ${X}\n    c\n}\n'],
  ] as const) {
    it(name, () => { expect(formatConf(before)).to.equal(after); });
  }
});
