import { expect } from 'chai';
import { dumpCore } from '../../lib/cli/core-dump.ts';
import { SystemError } from '../../lib/system/error.ts';
import { FakeSysctls } from '../sim/fake-sysctls.ts';
import { RecordingLog } from '../sim/recording-log.ts';

const PATTERN = 'kernel/core_pattern';

describe('core dumps', () => {
  let sysctls: FakeSysctls;
  let log: RecordingLog;
  let allowed: number;
  const allow = (): void => { allowed++; };

  beforeEach(() => {
    sysctls = new FakeSysctls();
    sysctls.values.set(PATTERN, '|/usr/lib/apport %p');
    log = new RecordingLog();
    allowed = 0;
  });

  it('a limit that may not be raised is said, and the pattern is set all the same', async () => {
    const restore = await dumpCore({ pattern: 'c' }, sysctls, log, () => { throw new SystemError('set RLIMIT_CORE of', 'this process', 'EPERM'); });
    await restore();
    expect(log.texts('warn')).to.deep.equal(['core dumps: set RLIMIT_CORE of this process: EPERM']);
    expect(sysctls.written).to.deep.equal([`${PATTERN} c`, `${PATTERN} |/usr/lib/apport %p`]);
  });

  it('a pattern that may not be written is said, and nothing is put back', async () => {
    sysctls.broken.set(PATTERN, 'EROFS');
    const restore = await dumpCore({ pattern: 'c' }, sysctls, log, allow);
    sysctls.broken.clear();
    await restore();
    expect(log.texts('warn')).to.deep.equal([`core dumps: read sysctl ${PATTERN}: EROFS`]);
    expect(sysctls.written).to.deep.equal([]);
  });

  it('what somebody else has set meanwhile stays', async () => {
    const restore = await dumpCore({ pattern: 'c' }, sysctls, log, allow);
    sysctls.values.set(PATTERN, 'theirs');
    await restore();
    expect(sysctls.values.get(PATTERN)).to.equal('theirs');
  });

  it('not asked for: nothing is touched', async () => {
    await (await dumpCore(null, sysctls, log, allow))();
    expect([allowed, sysctls.written]).to.deep.equal([0, []]);
  });

  it('-m: the limit alone', async () => {
    await (await dumpCore({ pattern: null }, sysctls, log, allow))();
    expect([allowed, sysctls.written]).to.deep.equal([1, []]);
  });
});
