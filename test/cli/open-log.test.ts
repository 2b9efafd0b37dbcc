import { expect } from 'chai';
import { suffixed } from '../../lib/cli/open-log.ts';

describe("cli: a process' log file", () => {
  for (const [path, expected] of [
    ['/tmp/keepalived.log', '/tmp/keepalived_healthcheckers.log'], ['/tmp/keepalived', '/tmp/keepalived_healthcheckers'], ['/tmp/a.b/keepalived', '/tmp/a.b/keepalived_healthcheckers'],
    ['k.1.log', 'k.1_healthcheckers.log'],
  ] as const) {
    it(`${path} becomes ${expected}`, () => { expect(suffixed(path, '_healthcheckers')).to.equal(expected); });
  }

  it("the daemon's own stays", () => { expect(suffixed('/tmp/keepalived.log', '')).to.equal('/tmp/keepalived.log'); });
});
