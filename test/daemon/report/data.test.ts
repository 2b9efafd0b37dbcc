import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { VrrpInstance } from '../../../lib/config/model.ts';
import { renderData, renderParentData } from '../../../lib/daemon/report/data.ts';
import { moment } from '../../../lib/daemon/report/text.ts';
import type { InstanceStatus } from '../../../lib/daemon/status.ts';
import { ip } from '../../../lib/util/ip.ts';
import { chk, group, instance, instanceStatus, status, virtualAddress } from './sample.ts';

/** What keepalived 2.2.7 wrote for the same configuration, without descriptors, library versions and the password. */
const fixture = (name: string): string => readFileSync(new URL(`../../../../test/fixtures/report/${name}`, import.meta.url), 'utf8');
/** Times are local: only the seconds since the epoch are the same everywhere. */
const withoutDates = (text: string): string => text.replace(/\(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d(\.\d{6}) 2026\)/g, '(…$1)');

function linesFor(config: Partial<VrrpInstance>, over: Partial<InstanceStatus> = {}): string[] {
  const one = { ...instanceStatus, ...over, config: { ...instance, ...config } };
  return renderData({ ...status, instances: [one] }).split('\n').map((line) => line.trim());
}

describe('daemon/report/data', () => {
  it('is keepalived\'s text', () => expect(withoutDates(renderData(status))).to.equal(withoutDates(fixture('keepalived.data'))));
  it('the parent\'s too', () => expect(renderParentData(status)).to.equal(fixture('keepalived_parent.data')));

  it('nothing configured: no section that would be empty', () => {
    const text = renderData({ ...status, global: { ...status.global, mail: null, notifyFifo: null, vrrpNotifyFifo: null }, instances: [], groups: [], interfaces: [] });
    expect(text.match(/------< .* >------/g)).to.deep.equal(['------< Global definitions >------', '------< VRRP Topology >------', '------< VRRP Sockpool >------']);
    expect(text).to.not.match(/Smtp|notify fifo/);
  });

  it('never shows a password', () => expect(renderData(status)).to.not.include('1111'));

  const rows: [string, Partial<VrrpInstance>, Partial<InstanceStatus>, string[]][] = [
    ['in fault: no timer, the number of faults, addresses not set', {}, { state: 'FAULT', faults: ['interface eth0 is down'], deadlineAt: null, addressesSet: false, source: null },
      ['State = FAULT', 'Number of interface and track script faults = 1', 'Read timeout = DISABLED', '192.0.2.100/24 dev eth0 scope global', 'Using src_ip = (none)']],
    ['waiting for a script', {}, { state: 'INIT', holds: ['script chk'] }, ['Number of track scripts init = 1', 'State = INIT']],
    ['version 3', { version: 3, advertInterval: 250, auth: null }, { masterDownInterval: 921.875 }, ['VRRP Version = 3', 'Advert interval = 250 milli-sec', 'Master down timer = 921875 usecs']],
    ['no authentication', { auth: null }, {}, ['Authentication type = none']],
    ['unicast with AH', { auth: { type: 'AH', secret: 's' }, sourceAddress: ip('192.0.2.1'), unicastPeers: [{ address: ip('192.0.2.2'), minTtl: null, maxTtl: null }, { address: ip('192.0.2.3'), minTtl: 3, maxTtl: 40 }] }, {},
      ['Using unicast', 'Using src_ip = 192.0.2.1 (from configuration)', 'Authentication type = IPSEC_AH', 'Unicast TTL = 255', '192.0.2.2', '192.0.2.3 min_ttl 3 max_ttl 40', 'Protocol = AH', 'Type = Unicast', 'Address = 192.0.2.1']],
    ['nopreempt', { nopreempt: true }, {}, ['Preempt = disabled']],
    ['an address with everything', { virtualAddresses: [virtualAddress('192.0.2.111/24', { link: 'e2', broadcast: ip('192.0.2.255'), scope: 253, noTrack: true })] }, {},
      ['192.0.2.111/24 brd 192.0.2.255 dev e2 scope link no_track set']],
    ['weights', { trackScripts: [{ name: 'good', weight: -7, reverse: true }] }, {}, ['Tracked scripts :', 'good weight -7 reverse']],
  ];
  for (const [name, config, over, expected] of rows) it(name, () => expect(linesFor(config, over)).to.include.members(expected));

  it('a script: its parameters, its state, and who tracks it by itself or by its group', () => {
    const other = { ...instanceStatus, group: null, config: { ...instance, name: 'VI_2', trackScripts: [{ name: 'bad', weight: -10, reverse: false }] } };
    const text = renderData({
      ...status, instances: [instanceStatus, other], groups: [{ config: { ...group, trackScripts: [{ name: 'bad', weight: 0, reverse: false }] }, state: 'FAULT' }],
      scripts: [{ config: chk, status: 'bad', result: 0, running: false }],
    });
    expect(text).to.include([
      '------< VRRP Scripts >------', ' VRRP Script = bad', "   Command = '/usr/bin/false' 'arg'", '   Interval = 1 sec', '   Timeout = 3 sec', '   Weight = 0', '   Rise = 1',
      '   Fall = 1', '   Result = 0', '   Insecure = no', '   Init state = unknown', '   Status = BAD', '   Script uid:gid = 0:0', '   VRRP instances :', '   Tracking instances :',
      '     VI_1, weight 0', '     VI_2, weight -10', '   State = idle', '------<',
    ].join('\n'));
  });

  it('a moment has microseconds twice', () => expect(moment(1795469510079.143)).to.match(/^1795469510\.079143 \(\w{3} Nov 2[34] \d\d:31:50\.079143 2026\)$/));
});
