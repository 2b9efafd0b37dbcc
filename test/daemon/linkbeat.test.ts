import { expect } from 'chai';
import { Linkbeat } from '../../lib/daemon/linkbeat.ts';
import { configOf, instanceText } from '../sim/config-text.ts';
import { FakeMedia } from '../sim/fake-media.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';

const polled = (...lines: string[]): string => `linkbeat_interfaces {\n ${lines.join('\n ')}\n}\n${instanceText('')}`;

describe('Linkbeat', () => {
  let clock: VirtualClock;
  let media: FakeMedia;
  let log: RecordingLog;
  let changes: string[];
  let beat: Linkbeat;

  beforeEach(() => {
    clock = new VirtualClock();
    media = new FakeMedia();
    log = new RecordingLog();
    changes = [];
    beat = new Linkbeat(media, clock, log, (name) => changes.push(`${name} ${beat.state(name) === true ? 'up' : 'down'} at ${clock.now()}`));
  });

  afterEach(async () => {
    beat.close();
    await clock.advance(0);
    expect(clock.pending(), 'timers left').to.equal(0);
  });

  it('a driver that does not answer holds up the start for a second, and nothing is known', async () => {
    media.stuck = true;
    let ready = false;
    void beat.configure(configOf(polled('eth0'))).then(() => { ready = true; });
    await clock.advance(999);
    expect(ready).to.equal(false);
    await clock.advance(5000);
    expect([ready, beat.state('eth0'), media.asked.length]).to.deep.equal([true, null, 1]);
  });

  it('a driver that knows no way is asked again every second; nothing is known of it', async () => {
    await beat.configure(configOf(polled('eth0')));
    await clock.advance(1500);
    expect(media.asked).to.deep.equal(['eth0 MII', 'eth0 ETHTOOL', 'eth0 IOCTL', 'eth0 MII', 'eth0 ETHTOOL', 'eth0 IOCTL']);
    expect(beat.state('eth0')).to.equal(null);
    expect(log.texts()).to.deep.equal([]);
  });

  it('MII, then ETHTOOL, then IOCTL; the way that answers is kept', async () => {
    media.answers.set('eth0 ETHTOOL', true);
    await beat.configure(configOf(polled('eth0')));
    await clock.advance(2500);
    expect(media.asked).to.deep.equal(['eth0 MII', 'eth0 ETHTOOL', 'eth0 ETHTOOL', 'eth0 ETHTOOL']);
    expect(changes).to.deep.equal(['eth0 up at 0']);
    expect(log.texts(), 'up at the start is no news').to.deep.equal([]);
  });

  it('the way that was asked for comes first, and another if the driver does not know it', async () => {
    media.answers.set('eth0 IOCTL', true).set('eth1 MII', true);
    await beat.configure(configOf(polled('eth0 IOCTL', 'eth1 ETHTOOL')));
    expect(media.asked.filter((one) => one.startsWith('eth0'))).to.deep.equal(['eth0 IOCTL']);
    expect(media.asked.filter((one) => one.startsWith('eth1'))).to.deep.equal(['eth1 ETHTOOL', 'eth1 MII']);
  });

  it('changes are said and told', async () => {
    media.answers.set('eth0 MII', true);
    await beat.configure(configOf(polled('eth0')));
    media.answers.set('eth0 MII', false);
    await clock.advance(1000);
    media.answers.set('eth0 MII', true);
    await clock.advance(1000);
    expect(changes).to.deep.equal(['eth0 up at 0', 'eth0 down at 1000', 'eth0 up at 2000']);
    expect(log.texts()).to.deep.equal(['Linkbeat reports eth0 down', 'Linkbeat reports eth0 up']);
  });

  it('linkbeat_use_polling: every interface that is used; in an instance its own', async () => {
    const config = configOf(`linkbeat_use_polling\n${instanceText('track_interface {\n eth1\n }\n virtual_ipaddress_excluded {\n 10.1.0.1/24 dev eth2\n }')}`);
    await beat.configure(config);
    expect(new Set(media.asked.map((one) => one.split(' ')[0]))).to.deep.equal(new Set(['eth0', 'eth1', 'eth2']));
    expect(configOf(`${polled('eth3 ETHTOOL')}${instanceText('linkbeat_use_polling', 'b', 52, '10.0.0.101/24')}`).links.polled).to.deep.equal([{ link: 'eth3', method: 'ETHTOOL' }, { link: 'eth0', method: null }]);
  });

  it('a reload: what is polled likewise goes on, what is not is forgotten', async () => {
    media.answers.set('eth0 MII', true).set('eth1 MII', true);
    await beat.configure(configOf(polled('eth0', 'eth1')));
    const asked = media.asked.length;
    await beat.configure(configOf(polled('eth0')));
    expect([beat.state('eth0'), beat.state('eth1'), media.asked.length - asked]).to.deep.equal([true, null, 0]);
  });
});
