import { expect } from 'chai';
import { load, fakeMachine, said } from './helpers.ts';

/** The router_id that these lines give. */
function router(lines: string, configId = 'lvs1'): string | undefined {
  return load(`${lines.includes('router_id') ? lines : `${lines}\n`}`, { configId }).config?.global.routerId;
}

describe('definitions, sequences and conditions', function () {
  this.timeout(20_000);

  const bad: readonly (readonly [name: string, text: string, code: string])[] = [
    ['a definition that uses itself', '$A=x${A}\nglobal_defs {\n router_id ${A}\n}\n', 'macro-recursion'],
    ['two definitions that use each other', '$A=${B}\n$B=${A}\nglobal_defs { router_id ${A} }\n', 'macro-recursion'],
    ['lines that double without an end', '$A= \\\nx \\\n$A\n$A\n', 'macro-recursion'],
    ['a blank before =', '$B = x\n', 'unknown-keyword'],
    ['an undefined name stays text, braces and all', 'global_defs {\n router_id ${nothing}\n}\n', 'unexpected-open'],
    ['~SEQ without a )', '~SEQ(a, 1, 3 router_id\n', 'bad-sequence'],
    ['~SEQ that never reaches its end', '~SEQ(a, 1, -1, 3) router_id $a\n', 'bad-sequence'],
    ['~SEQ with words for numbers', '~SEQ(a, one) router_id $a\n', 'bad-sequence'],
    ['~SEQx below zero', '~SEQx(a, -3) router_id $a\n', 'bad-sequence'],
    ['~SEQ of a thousand million', '~SEQ(a, 1000000000) router_id $a\n', 'sequence-too-long'],
    ['~LST with too many members', '~LST({a,b},{1,2,3}) router_id $a\n', 'bad-sequence'],
    ['_RANDOM with reversed bounds', 'global_defs {\n router_id ${_RANDOM 9 1}\n}\n', 'bad-random'],
  ];
  for (const [name, text, code] of bad) {
    it(name, () => { expect(load(text).diagnostics.map((d) => d.code)).to.include(code); });
  }

  const good: readonly (readonly [name: string, text: string, value: string])[] = [
    ['${NAME} inside a word', '$N=7\nglobal_defs {\n router_id a${N}b\n}\n', 'a7b'],
    ['$NAME at the end of the line', '$N=7\nglobal_defs {\n router_id $N\n}\n', '7'],
    ['$NAME in a word is text', '$N=7\nglobal_defs {\n router_id $Nx\n}\n', '$Nx'],
    ['late binding: the value of the time of use', '$A=${B}\n$B=1\n$B=2\nglobal_defs {\n router_id ${A}\n}\n', '2'],
    ['a definition may be indented and given anew', '  $A=1\n  $A=2\nglobal_defs {\n router_id $A\n}\n', '2'],
    ['a comment behind the value is not part of it', '$A=1 # one\nglobal_defs {\n router_id $A\n}\n', '1'],
    ['a value of several lines is read as lines', '$A= \\\n global_defs { \\\n  router_id many \\\n }\n$A\n', 'many'],
    ['conditions inside a value are looked at when it is used', '$A= \\\n global_defs { \\\n@lvs1 router_id here \\\n@other router_id there \\\n }\n$A\n', 'here'],
    ['@ID keeps the line on this machine', 'global_defs {\n@lvs1 router_id mine\n@lvs2 router_id theirs\n}\n', 'mine'],
    ['@^ID keeps it on the others', 'global_defs {\n router_id a\n@^lvs1 router_id b\n}\n', 'a'],
    ['~SEQ with $NAME at the end of the line', 'global_defs {\n~SEQ(n, 3) router_id r$n\n}\n', 'r3'],
    ['~SEQ with one number counts from 1, the last one wins', 'global_defs {\n~SEQ(n, 3) router_id r${n}\n}\n', 'r3'],
    ['~SEQ downwards', 'global_defs {\n~SEQ(n, -3) router_id r${n}\n}\n', 'r-3'],
    ['~SEQ with start, step, end', 'global_defs {\n~SEQ(n, 1, 2, 6) router_id r${n}\n}\n', 'r5'],
    ['~SEQx in hex', 'global_defs {\n~SEQx(n, 0x1f, 0x20) router_id r${n}\n}\n', 'r20'],
    ['~LST', 'global_defs {\n~LST(w, red, green) router_id ${w}\n}\n', 'green'],
    ['~LST of tuples, a missing member is empty', 'global_defs {\n~LST({a,b},{1,2},{3}) router_id x${a}${b}\n}\n', 'x3'],
    ['nested sequences', 'global_defs {\n~SEQ(i, 2) ~LST(v, a, b) router_id ${i}${v}\n}\n', '2b'],
    ['${_PWD}', 'global_defs {\n router_id ${_PWD}\n}\n', '/etc/keepalived'],
    ['${_INSTANCE}', 'global_defs {\n router_id ${_INSTANCE}\n}\n', 'lvs1'],
    ['${_ENV NAME}', 'global_defs {\n router_id ${_ENV HOME}\n}\n', '/root'],
    ['${_RANDOM MIN MAX}', 'global_defs {\n router_id ${_RANDOM 5 9}\n}\n', '5'],
    ['${_HASH} makes a comment', 'global_defs {\n router_id a ${_HASH} b\n}\n', 'a'],
  ];
  for (const [name, text, value] of good) {
    it(name, () => { expect(router(text)).to.equal(value); });
  }

  it('a sequence of instances, each with its own VRID', () => {
    const text = '$V= \\\nvrrp_instance V${n} { \\\n interface eth0 \\\n virtual_router_id ${n} \\\n virtual_ipaddress { \\\n 192.0.2.${n} \\\n } \\\n}\n~SEQ(n, 1, 3) $V\n';
    const { config, diagnostics } = load(text, { machine: fakeMachine() });
    expect(diagnostics).to.deep.equal([]);
    expect(config?.instances.map((one) => [one.name, one.vrid])).to.deep.equal([['V1', 1], ['V2', 2], ['V3', 3]]);
  });

  it('the first line of an expansion is the rest of a line, as keepalived has it', () => {
    expect(said('$A=@other x\nglobal_defs {\n${A}\n}\n')).to.include("(Line 3) Unknown keyword '@other'");
  });
});
