import { expect } from 'chai';
import { renderJson } from '../../../lib/daemon/report/json.ts';
import { renderStats } from '../../../lib/daemon/report/stats.ts';
import type { VrrpCounters } from '../../../lib/vrrp/counters.ts';
import { count, ZERO_COUNTERS } from '../../../lib/vrrp/counters.ts';
import { instance, instanceStatus, status } from './sample.ts';

/** Every counter another number, so that none can stand in another's place. */
const counters = Object.fromEntries(Object.keys(ZERO_COUNTERS).map((name, i) => [name, i + 1])) as unknown as VrrpCounters;
const counted = { ...instanceStatus, counters };

describe('daemon/report/stats', () => {
  it('nothing to tell: nothing', () => expect(renderStats({ instances: [] })).to.equal(''));

  it('is keepalived 2.4\'s text', () => {
    expect(renderStats({ instances: [counted] })).to.equal(`VRRP Instance: VI_1
  Advertisements:
    Received: 1
    Sent: 2
  Became master: 3
  Released master: 4
  Packet Errors:
    Length: 5
    TTL: 6
    Invalid Type: 7
    Advertisement Interval: 8
    Address List: 9
  Authentication Errors:
    Invalid Type: 10
    Type Mismatch: 11
    Failure: 12
  Authentication Extension Errors:
    Missing: 13
    Malformed: 14
    Unknown Key: 15
    Invalid HMAC: 16
    Stale: 17
    Replay: 18
  Priority Zero:
    Received: 19
    Sent: 20
`);
  });

  it('one record after the other', () => expect(renderStats({ instances: [counted, counted] }).match(/VRRP Instance: VI_1\n/g)).to.have.length(2));
  it('counters are counted up without changing the old ones', () => {
    expect(count(ZERO_COUNTERS, 'priZeroSent', 2)).to.deep.equal({ ...ZERO_COUNTERS, priZeroSent: 2 });
    expect(ZERO_COUNTERS.priZeroSent).to.equal(0);
  });
});

describe('daemon/report/json', () => {
  const parsed = JSON.parse(renderJson({ processes: [], interfaces: [], instances: [counted] }, 1)) as { data: Record<string, unknown>; stats: Record<string, unknown> }[];

  it('version 1 is an array, version 2 an object with processes', () => {
    expect(parsed).to.have.length(1);
    expect(JSON.parse(renderJson({ processes: [], interfaces: [], instances: [counted] }, 2))).to.deep.equal({ vrrp: parsed, track_process: [] });
  });

  it('has keepalived\'s members', () => {
    expect(Object.keys(parsed[0]?.data ?? {}).sort()).to.deep.equal([
      'iname', 'dont_track_primary', 'skip_check_adv_addr', 'strict_mode', 'vmac_ifname', 'ifp_ifname', 'master_priority', 'last_transition', 'garp_delay', 'garp_refresh',
      'garp_rep', 'garp_refresh_rep', 'garp_lower_prio_delay', 'garp_lower_prio_rep', 'lower_prio_no_advert', 'higher_prio_send_advert', 'vrid', 'base_priority',
      'effective_priority', 'vipset', 'promote_secondaries', 'adver_int', 'master_adver_int', 'accept', 'nopreempt', 'preempt_delay', 'state', 'wantstate', 'version',
      'smtp_alert', 'notify_deleted', 'script_stop', 'script', 'vips', 'evips', 'vroutes', 'vrules', 'track_ifp', 'track_script', 'track_process', 'auth_type', 'auth_data',
    ].sort());
    expect(parsed[0]?.data).to.include({ iname: 'VI_1', vrid: 51, base_priority: 150, effective_priority: 160, state: 2, auth_data: '********', adver_int: 1 });
  });

  it('counts', () => {
    expect(parsed[0]?.stats).to.deep.equal({
      advert_rcvd: 1, advert_sent: 2, become_master: 3, release_master: 4, packet_len_err: 5, ip_ttl_err: 6, invalid_type_rcvd: 7, advert_interval_err: 8, addr_list_err: 9,
      invalid_authtype: 10, authtype_mismatch: 11, auth_failure: 12, auth_ext_missing: 13, auth_ext_malformed: 14, auth_ext_unknown_key: 15, auth_ext_invalid_hmac: 16,
      auth_ext_stale: 17, auth_ext_replay: 18, pri_zero_rcvd: 19, pri_zero_sent: 20, checksum_err: 21, version_err: 22, vrid_err: 23, cast_err: 24, peer_err: 25,
    });
  });

  it('never shows a password', () => expect(renderJson(status, 2)).to.not.include('1111'));
  it('a version 3 instance has no authentication', () => {
    const text = renderJson({ processes: [], interfaces: [], instances: [{ ...instanceStatus, config: { ...instance, version: 3, auth: null } }] }, 1);
    expect(text).to.not.include('auth_type');
  });
});
