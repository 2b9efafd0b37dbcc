import type { GlobalDefs, NotifyScripts, SyncGroup, VirtualAddress, VrrpInstance, VrrpScript } from '../../../lib/config/model.ts';
import type { InstanceStatus, InterfaceStatus, Status } from '../../../lib/daemon/status.ts';
import { ip, parsePrefix } from '../../../lib/util/ip.ts';
import { ZERO_COUNTERS } from '../../../lib/vrrp/counters.ts';

const NONE: NotifyScripts = { master: null, backup: null, fault: null, stop: null, deleted: null, masterRxLowerPri: null, any: null };
const script = (...argv: string[]): { argv: string[]; account: null } => ({ argv, account: null });

export function virtualAddress(text: string, over: Partial<VirtualAddress> = {}): VirtualAddress {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new Error(`not a prefix: ${text}`);
  return {
    prefix, link: 'eth0', peer: null, broadcast: null, label: null, scope: 0, preferred: null, noDad: false, homeAddress: false,
    noPrefixRoute: false, manageTemporary: false, autoJoin: false, noTrack: false, trackGroup: null, ...over,
  };
}

/** The instance that keepalived 2.2.7 was run with to get fixtures/report/keepalived.data. */
export const instance: VrrpInstance = {
  name: 'VI_1', link: 'eth0', family: 'inet', vrid: 51, version: 2, wantMaster: false, priority: 150, advertInterval: 1000, downTimerAdverts: 3,
  nopreempt: false, preemptDelay: 0, auth: { type: 'PASS', secret: '1111' },
  virtualAddresses: [virtualAddress('192.0.2.100/24'), virtualAddress('192.0.2.101'), virtualAddress('192.0.2.102/24', { label: 'eth0:1' })],
  excludedAddresses: [virtualAddress('192.0.2.120'), virtualAddress('2001:db8::5/64', { noDad: true })],
  unicastPeers: [], unicastTtl: 255, checkUnicastSource: true, sourceAddress: null, trackSourceAddress: false, multicastGroup: ip('224.0.0.18'),
  dontTrackPrimary: false, skipCheckAdvAddr: false, strict: false, lowerPrioNoAdvert: false, higherPrioSendAdvert: false, ownerIgnoreAdverts: false,
  promoteSecondaries: false, accept: true,
  garp: { masterDelay: 5000, masterRepeat: 5, refresh: 0, refreshRepeat: 1, lowerPrioDelay: 5000, lowerPrioRepeat: 5, arpInterval: 0, naInterval: 0 },
  trackInterfaces: [{ name: 'eth1', weight: 0, reverse: false }], trackScripts: [],
  notify: { ...NONE, stop: script('/usr/bin/sleep', '30'), any: script('/usr/bin/sleep', '3', '#x') },
  notifyPriorityChanges: false, notifyDeleted: false, smtpAlert: true, debug: 0,
};

export const global: GlobalDefs = {
  routerId: 'ROUTER_X',
  mail: {
    from: 'ka@example.com', to: ['admin@example.com', 'Other Man <other@example.com>'], server: { host: '192.0.2.9', port: 25 }, helo: 'director', timeout: 5000,
  },
  noEmailFaults: false, dynamicInterfaces: false, enableScriptSecurity: false, scriptUser: null,
  notifyFifo: { path: '/run/ka2.fifo', account: null, script: null },
  vrrpNotifyFifo: { path: '/run/ka.fifo', account: null, script: script('/usr/bin/nonexist', 'arg1') },
  notifyPriorityChanges: false, multicastGroup4: ip('224.0.0.18'), multicastGroup6: ip('ff02::12'), startupDelay: 0, logUnknownVrids: false,
  startupScript: null, shutdownScript: null, hooks: null, umask: 0o177,
};

export const group: SyncGroup = {
  name: 'G', members: ['VI_1'], trackInterfaces: [], trackScripts: [], trackingWeight: false, notify: NONE, notifyPriorityChanges: false, smtpAlert: true,
};

export const chk: VrrpScript = {
  name: 'bad', command: script('/usr/bin/false', 'arg'), interval: 1000, timeout: 3000, weight: 0, reverse: false, rise: 1, fall: 1, initFail: false,
};

export const instanceStatus: InstanceStatus = {
  config: instance, group: 'G', state: 'MASTER', priority: 160, faults: [], holds: [], source: ip('192.0.2.1'), lastTransitionAt: 1795469510079.143,
  deadlineAt: 1795469513083.979, masterDownInterval: 3375, masterAdvertInterval: 1000, addressesSet: true, counters: { ...ZERO_COUNTERS, sent: 4, becameMaster: 1 },
};

function face(index: number, name: string, mac: string, addresses: string[], over: Partial<InterfaceStatus['link']> = {}): InterfaceStatus {
  const bytes = Uint8Array.from(mac.split(':'), (byte) => parseInt(byte, 16));
  return {
    link: { index, name, mac: bytes, mtu: 1500, up: true, running: true, loopback: false, pointToPoint: false, multicast: true, noArp: false, kind: '', parentIndex: null, ...over },
    addresses: addresses.map(ip),
  };
}

export const status: Status = {
  version: '0.1.0', at: 1795469512000, startedAt: 1795469506000, global, statics: { addresses: [], routes: [], rules: [] }, instances: [instanceStatus], groups: [{ config: group, state: 'MASTER' }], scripts: [], files: [], processes: [], bfd: { sessions: [], dropped: {} },
  interfaces: [
    face(1, 'lo', '00:00:00:00:00:00', ['127.0.0.1', '192.0.2.9', '::1'], { mtu: 65536, loopback: true, multicast: false }),
    face(2, 'eth1', 'ce:d0:77:ec:e5:41', ['fe80::ccd0:77ff:feec:e541'], { kind: 'veth' }),
    face(3, 'eth0', '32:d5:a6:29:4e:db', ['192.0.2.1', '192.0.2.100', '192.0.2.101', '192.0.2.102', '192.0.2.120', '2001:db8::5', 'fe80::30d5:a6ff:fe29:4edb']),
  ],
};
