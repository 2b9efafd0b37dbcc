import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { InstanceExtras } from '../../../lib/config/model-network.ts';
import type { Config, VrrpInstance } from '../../../lib/config/model.ts';
import { renderData, renderParentData } from '../../../lib/daemon/report/data.ts';
import { moment } from '../../../lib/daemon/report/text.ts';
import type { InstanceStatus } from '../../../lib/daemon/status.ts';
import { ip } from '../../../lib/util/ip.ts';
import { chk, group, instance, instanceStatus, status, virtualAddress } from './sample.ts';

/** What keepalived 2.2.7 wrote for the same configuration, without descriptors, library versions and the password. */
const fixture = (name: string): string => readFileSync(new URL(`../../../../test/fixtures/report/${name}`, import.meta.url), 'utf8');
/** Times are local: only the seconds since the epoch are the same everywhere. */
const withoutDates = (text: string): string => text.replace(/\(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d(\.\d{6}) 2026\)/g, '(…$1)');

const EXTRAS: InstanceExtras = {
  routes: [], rules: [], trackFiles: [], trackProcesses: [], trackBfd: [], vmac: null, vmacForAddresses: false, transmitOnBase: false, ipvlan: null, vrf: null, noAccept: false,
  faultWithoutPeer: false, oldUnicastChecksum: false, checksumAsV2: false, timerExpiredBackup: null, extraGarp: null, receiveBuffer: null, hmac: null,
};

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
      ['Using unicast', 'Using src_ip = 192.0.2.1 (from configuration)', 'Authentication type = IPSEC_AH', 'Unicast TTL = 255', '192.0.2.2 min_ttl 0 max_ttl 255', '192.0.2.3 min_ttl 3 max_ttl 40', 'Protocol = AH', 'Type = Unicast', 'Address = 192.0.2.1']],
    ['nopreempt', { nopreempt: true }, {}, ['Flags:', 'Preempt = disabled']],
    ['nothing heard of a master yet', {}, { state: 'BACKUP' }, ['Flags: none', 'Master router = (none)', 'Master priority = 0']],
    ['IPv6 addresses', { virtualAddresses: [virtualAddress('2001:db8::1', { preferred: 0, noDad: true }), virtualAddress('2001:db8::2/64')] }, {}, ['2001:db8::1 dev eth0 scope global deprecated set', '2001:db8::2/64 dev eth0 scope global -nodad preferred_lft forever set']],
    ['an address with a peer', { virtualAddresses: [virtualAddress('192.0.2.7/32', { peer: ip('192.0.2.8') })] }, {}, ['192.0.2.7 dev eth0 scope global peer 192.0.2.8/32 set']],
    ['an address with everything', { virtualAddresses: [virtualAddress('192.0.2.111/24', { link: 'e2', broadcast: ip('192.0.2.255'), scope: 253, noTrack: true })] }, {},
      ['192.0.2.111/24 brd 192.0.2.255 dev e2 scope link no_track set']],
    ['no_accept: packets to the addresses are dropped', { accept: false }, {}, ['192.0.2.100/24 dev eth0 scope global set nftable_set']],
    ['no_accept of an owner', { accept: false, priority: 255 }, {}, ['192.0.2.100/24 dev eth0 scope global set']],
    ['weights', { trackScripts: [{ name: 'good', weight: -7, reverse: true }] }, {}, ['Tracked scripts :', 'good weight -7 reverse']],
  ];
  for (const [name, config, over, expected] of rows) it(name, () => expect(linesFor(config, over)).to.include.members(expected));

  const settings: [string, Config['settings'], string[]][] = [
    ['nothing is said of nftables that nobody uses', {}, ['nftables without counters', 'Max auto priority = 0']],
    ['min_garp', { vrrp_min_garp: true }, ['Gratuitous ARP delay = 0', 'Gratuitous ARP repeat = 1', 'Gratuitous ARP refresh repeat = 0', 'Gratuitous ARP lower priority delay = 0', 'Gratuitous ARP lower priority repeat = 1']],
    ['defaults of announcements', { vrrp_garp_master_delay: 3000, vrrp_garp_lower_prio_repeat: 2, vrrp_garp_master_refresh: 60_000, vrrp_garp_extra_if: { all: false, seconds: 9 }, vrrp_gna_interval: 2 },
      ['Gratuitous ARP delay = 3', 'Gratuitous ARP lower priority delay = 3', 'Gratuitous ARP lower priority repeat = 2', 'Gratuitous ARP refresh timer = 60', 'Gratuitous ARP for each secondary VMAC = 9s', 'Gratuitous NA interval = 0.002000',
        '------< Gratuitous ARP delays >------', 'GNA interval = 0.002', 'Gratuitous NA interval 2ms']],
    ['what global_defs was told', { vrrp_version: 3, vrrp_strict: true, vrrp_check_unicast_src: true, vrrp_skip_check_adv_addr: true, disable_local_igmp: true, checker_log_all_failures: true, lvs_flush: true, lvs_flush_on_stop: 'VS', smtp_alert: false, vmac_prefix: 'vm' },
      ['VRRP default protocol version = 3', 'VRRP strict mode = true', 'VRRP check unicast_src = true', 'VRRP skip check advert addresses = true', 'Disable local IGMP = yes', 'Checkers log all failures = true', 'LVS flush = true', 'LVS flush on stop = VS',
        'Default smtp_alert = off', 'VMAC prefix = vm']],
    ['nftables', { nftables: 'mine', nftables_priority: 5, nftables_ifindex: true, nftables_counters: true }, ['nftables table name = mine', 'nftables base chain priority = 5', 'nftables force use ifindex for link local IPv6', 'nftables with counters']],
    ['processes', { max_auto_priority: null, vrrp_priority: -5, vrrp_no_swap: true, vrrp_rt_priority: 7, vrrp_cpu_affinity: [0, 2], process_names: true, bfd_process_name: 'b' },
      ['Max auto priority = 99', 'VRRP process priority = -5', 'VRRP don\'t swap = true', 'VRRP realtime priority = 7', 'VRRP CPU Affinity = 0 2', 'VRRP process name = keepalived_vrrp', 'BFD process name = b']],
    ['buffers', { vrrp_rx_bufs_policy: 5000, vrrp_rx_bufs_multiplier: 4 }, ['rx_bufs_size = 5000', 'rx_bufs_multiples = 4']],
    ['buffers by policy', { vrrp_rx_bufs_policy: 'ADVERT' }, ['rx_bufs_policy = ADVERT']],
  ];
  for (const [name, given, expected] of settings) {
    it(`globals: ${name}`, () => {
      const lines = renderData({ ...status, settings: given }).split('\n').map((line) => line.trim());
      expect(lines).to.include.members(expected);
      if (given.nftables === undefined) expect(lines.join('\n')).to.not.include('nftables table name');
    });
  }

  it('a virtual MAC: its address stands on it above its interface, and what was found there', () => {
    const vmac = { ...EXTRAS, vmac: [], vmacLink: 'vrrp.51', vmacLinks: ['vrrp.51'], transmitOnBase: true };
    const config = { ...instance, extras: vmac, virtualAddresses: [virtualAddress('192.0.2.100/24', { link: 'vrrp.51' })] };
    const base = status.interfaces[2];
    if (base === undefined) throw new Error('no eth0');
    const macvlan = { ...base, link: { ...base.link, index: 4, name: 'vrrp.51', kind: 'macvlan', parentIndex: 3, mac: Uint8Array.of(0, 0, 0x5e, 0, 1, 51) }, addresses: [] };
    const text = renderData({ ...status, instances: [{ ...instanceStatus, config }], interfaces: [...status.interfaces, macvlan], sysctls: new Map([['net/ipv4/conf/eth0/arp_ignore', '2'], ['net/ipv4/conf/eth0/rp_filter', '0']]) });
    expect(text).to.include('   Flags:\n').and.include('   Use VMAC, i/f name vrrp.51, is_up = true, xmit_base = true\n   Interface = vrrp.51, vmac on eth0, xmit base i/f\n');
    expect(text).to.include('     192.0.2.100/24 dev vrrp.51@eth0 scope global set\n').and.include(' nftables table name = keepalived\n');
    expect(text).to.include('   Reset ARP config counter 1\n   Original arp_ignore 2\n   Original arp_filter 0\n   rp_filter 0\n');
  });

  it('a backup of version 3: whom it believes, and its interval', () => {
    const lines = linesFor({ version: 3, auth: null, family: 'inet6', multicastGroup: ip('ff02::12') }, { state: 'BACKUP', wanted: 'MASTER', master: { address: ip('fe80::2'), priority: 200 }, masterAdvertInterval: 250 });
    expect(lines).to.include.members(['Using Native IPv6', 'Master router = fe80::2', 'Master priority = 200', 'Master advert int = 0.25 sec', 'Master advert interval = 250 milli-sec', 'Wantstate = MASTER', 'Multicast address ff02::12, ifindex 3']);
  });

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
