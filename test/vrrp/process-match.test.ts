import { expect } from 'chai';
import type { TrackProcess } from '../../lib/config/model-network.ts';
import { matches, needsCommandLine } from '../../lib/vrrp/process-match.ts';
import { configOf, instanceText } from '../sim/config-text.ts';

function tracked(body: string): TrackProcess {
  const [one] = configOf(`vrrp_track_process p {\n ${body}\n}\n${instanceText('')}`).trackProcesses;
  if (one === undefined) throw new Error(`no process in ${body}`);
  return one;
}

/** keepalived 2.2.7 agrees with each row. */
describe('matches', () => {
  for (const [name, body, comm, command, expected] of [
    ['another name', 'process sleep', 'sleeper', 'sleep 7', false],
    ['a path, which is no name', 'process /bin/sleep', 'sleep', '/bin/sleep 7', false],
    ['a name of more than 15 characters', 'process verylongname_is_over15', 'verylongname_is', 'verylongname_is_over15', false],
    ['the first 15 characters of a long name', 'process verylongname_is', 'verylongname_is', 'verylongname_is_over15', true],
    ['its name', 'process sleep', 'sleep', '/bin/sleep 7', true],
    ['full_command: the path instead of the name', 'process sleep\n full_command', 'sleep', '/bin/sleep 7', false],
    ['full_command: the first word as it was called', 'process /bin/sleep\n full_command', 'sleep', '/bin/sleep 7', true],
    ['full_command: parameters do not matter', 'process sleep\n full_command', 'sleep', 'sleep 7 8', true],
    ['full_command: its name does not matter', 'process worker\n full_command', 'renamed', 'worker', true],
    ['a kernel thread or a zombie, without a command line', 'process kworker\n full_command', 'kworker', '', false],
    ['parameters: none', 'process sleep 7', 'sleep', 'sleep', false],
    ['parameters: another', 'process sleep 7', 'sleep', 'sleep 70', false],
    ['parameters: one more', 'process sleep 7', 'sleep', 'sleep 7 8', false],
    ['parameters: the same', 'process sleep 7', 'sleep', 'sleep 7', true],
    ['param_match alone: a parameter', 'process sleep\n param_match', 'sleep', 'sleep 7', false],
    ['param_match alone: no parameter', 'process sleep\n param_match', 'sleep', 'sleep', true],
    ['partial: fewer', 'process sleep 7 8\n param_match partial', 'sleep', 'sleep 7', false],
    ['partial: the last one longer', 'process sleep 7\n param_match partial', 'sleep', 'sleep 70', false],
    ['partial: more behind', 'process sleep 7\n param_match partial', 'sleep', 'sleep 7 8', true],
    ['initial: the first one longer', 'process sleep 7 8\n param_match initial', 'sleep', 'sleep 70 8', false],
    ['initial: the last one longer', 'process sleep 7 8\n param_match initial', 'sleep', 'sleep 7 80', true],
    ['initial: the last one longer, and more behind', 'process sleep 7\n param_match initial', 'sleep', 'sleep 70 x', true],
  ] as const) {
    it(`${name}: ${expected ? 'yes' : 'no'}`, () => {
      expect(matches(tracked(body), { comm, argv: command === '' ? [] : command.split(' ') })).to.equal(expected);
    });
  }

  it('the command line is read only for those that need it', () => {
    expect(['process sleep', 'process sleep\n full_command', 'process sleep 7', 'process sleep\n param_match'].map((body) => needsCommandLine(tracked(body)))).to.deep.equal([false, true, true, true]);
    expect(matches(tracked('process sleep\n full_command'), { comm: 'sleep', argv: null })).to.equal(false);
  });
});
