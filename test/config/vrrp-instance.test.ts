import { expect } from 'chai';
import { startFatal } from '../../lib/config/load.ts';
import type { VrrpInstance } from '../../lib/config/model.ts';
import { fakeMachine, instance, load, said, withInstance } from './helpers.ts';

describe('vrrp_instance: what is wrong', () => {
  const rows: readonly (readonly [name: string, text: string, line: string])[] = [
    ['no VRID', 'vrrp_instance V {\n interface eth0\n}\n', '(V) the virtual router id must be set'],
    ['VRID 0', withInstance('virtual_router_id 0'), "(test.conf: Line 7) (VI_1): VRID '0' not valid - must be between 1 & 255"],
    ['an interface that is not there', withInstance('interface eth9'), "(test.conf: Line 7) WARNING - interface eth9 for vrrp_instance VI_1 doesn't exist"],
    ['the loopback interface', withInstance('interface lo'), '(test.conf: Line 7) (VI_1) cannot use a loopback interface (lo) for vrrp - ignoring'],
    ['an interface name that is too long', withInstance('interface abcdefghijklmnop'), "(test.conf: Line 7) Interface name 'abcdefghijklmnop' too long - ignoring"],
    ['state in small letters', withInstance('state backup'), "(test.conf: Line 7) (VI_1) unknown state 'backup', defaulting to BACKUP"],
    ['a priority with a decimal', withInstance('priority 1.5'), "(test.conf: Line 7) invalid number '1.5'"],
    ['a negative priority', withInstance('priority -1'), "(test.conf: Line 7) negative number '-1'"],
    ['a password of nine letters', withInstance('authentication {\nauth_type PASS\nauth_pass 123456789\n}'), '(test.conf: Line 9) Truncating auth_pass to 8 characters'],
    ['an unknown auth_type', withInstance('authentication {\nauth_type MD5\n}'), "(test.conf: Line 8) (VI_1) unknown authentication type 'MD5'"],
    ['authentication with version 3', withInstance('version 3\nauthentication {\nauth_type PASS\nauth_pass a\n}'), '(VI_1) VRRP version 3 does not support authentication. Ignoring.'],
    ['an interval that version 2 cannot carry', withInstance('advert_int 0.5'), '(VI_1) VRRPv2 advertisement interval 0.500000s must be an integer. rounding'],
    ['an interval beyond version 3', withInstance('version 3\nadvert_int 100'), '(VI_1) VRRPv3 advertisement interval 100.00s is out of range. Must be less than 40.96s. Setting to 40.95s'],
    ['an address of the other family', withInstance('virtual_ipaddress {\n 2001:db8::1\n}'), '(test.conf: Line 8) (VI_1): address family must match VRRP instance [2001:db8::1] - ignoring'],
    ['an IPv4 address after native_ipv6', 'vrrp_instance V {\n interface eth0\n virtual_router_id 1\n native_ipv6\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n', '(test.conf: Line 6) (V): address family must match VRRP instance [192.0.2.1] - ignoring'],
    ['a mail server that is neither address nor name', `global_defs {\n smtp_server 192.0.2.300\n}\n${withInstance('')}`, '(Line 2) Invalid smtp server 192.0.2.300 25'],
    ['a umask beyond the bits', `global_defs {\n umask 999\n}\n${withInstance('')}`, '(Line 2) invalid umask value 999'],
    ['a umask of words that there are not', `global_defs {\n umask IFOO\n}\n${withInstance('')}`, '(Line 2) Unknown umask bit IFOO'],
    ['something that is no address', withInstance('virtual_ipaddress {\n eth0\n}'), '(test.conf: Line 8) VRRP parsed invalid IP eth0. skipping IP...'],
    ['a prefix that is too long', withInstance('virtual_ipaddress {\n 192.0.2.7/33\n}'), '(test.conf: Line 8) Invalid address prefix len 33 for address 192.0.2.7/33 - using 32'],
    ['an unknown word behind an address', withInstance('virtual_ipaddress {\n 192.0.2.7 foo\n}'), "(test.conf: Line 8) Unknown configuration entry 'foo' for ip address - ignoring"],
    ['nopreempt with state MASTER', withInstance('state MASTER\nnopreempt'), '(VI_1) Warning - nopreempt will not work with initial state MASTER - clearing'],
    ['unicast words without peers', withInstance('unicast_src_ip 192.0.2.1'), '(VI_1) A unicast keyword has been specified without any unicast peers. Defaulting to multicast. This usage is deprecated - please update your configuration.'],
    ['a tracked script that is declared further down', withInstance('track_script {\n chk\n}'), '(test.conf: Line 8) (VI_1) track script chk not found, ignoring...'],
    ['a tracked interface that is not there', withInstance('track_interface {\n eth9\n}'), "(test.conf: Line 8) (VI_1) tracked interface eth9 doesn't exist"],
    ['its own interface tracked', withInstance('track_interface {\n eth0\n}'), '(VI_1) Ignoring track_interface eth0 since own interface'],
    ['a second notify script', withInstance('notify /usr/bin/true\nnotify /usr/bin/x'), '(test.conf: Line 8) (VI_1) notify script already specified - ignoring /usr/bin/x'],
    ['no address', 'vrrp_instance V {\n interface eth0\n virtual_router_id 1\n}\n', '(V) No VIP specified; at least one is sensible'],
    ['a route without a destination', withInstance('virtual_routes {\n via 192.0.2.1\n}'), '(test.conf: Line 8) Route must have a destination'],
    ['a route to one family by a gateway of the other', withInstance('virtual_routes {\n 198.51.100.0/24 via 2001:db8::1\n}'), '(test.conf: Line 8) Cannot mix IPv4 and IPv6 addresses for route'],
    ['a route through a link that is not there', withInstance('virtual_routes {\n 198.51.100.0/24 dev eth9\n}'), "(test.conf: Line 8) WARNING - interface eth9 for VROUTE nexthop doesn't exist"],
    ['a rule without an action', withInstance('virtual_rules {\n from 192.0.2.0/24\n}'), '(test.conf: Line 8) No action specified for rule - ignoring'],
    ['a rule that goes backwards', withInstance('virtual_rules {\n from 192.0.2.0/24 goto 5 preference 10\n}'), '(test.conf: Line 8) Invalid rule - preference 10 >= goto target 5'],
    ['a weight beyond the priorities', withInstance('track_interface {\n eth1 weight 300\n}'), '(test.conf: Line 8) (VI_1) weight 300 for eth1 must be between [-253..253] inclusive. Ignoring...'],
    ['the same thing tracked twice', withInstance('track_interface {\n eth1\n eth1\n}'), '(test.conf: Line 9) (VI_1) duplicate track_interface eth1 - ignoring'],
    ['an interface with a weight, for an owner', withInstance('priority 255\nstate MASTER\ntrack_interface {\n eth1 weight 10\n}'), '(VI_1) ignoring eth1 tracked interface due to address owner'],
    ['a BFD session with a weight, for an owner', `bfd_instance b {\n neighbor_ip 192.0.2.9\n}\n${withInstance('priority 255\nstate MASTER\ntrack_bfd {\n b weight 3\n}')}`, '(VI_1) ignoring tracked bfd b with weight 3 due to address_owner'],
    ['the MAC of the protocol for a VMAC', withInstance('use_vmac vrrp.5 00:00:5e:00:01:05'), '(test.conf: Line 7) VMAC MAC address not allowed to be RFC5798 address (00:00:5e:00:01:05) - ignoring'],
    ['the MAC of a group for a VMAC', withInstance('use_vmac vrrp.5 03:00:5e:11:22:33'), '(test.conf: Line 7) VMAC MAC address is multicast 03:00:5e:11:22:33 - ignoring'],
    ['no interface', 'vrrp_instance V {\n virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n', '(V) Unknown interface!'],
    ['unicast without interface and source', 'vrrp_instance V {\n virtual_router_id 1\n unicast_peer {\n 192.0.2.2\n }\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n', '(V): Unicast instances must have unicast_src_ip or interface'],
    ['a source of the other family', withInstance('unicast_src_ip 2001:db8::1\nunicast_peer {\n192.0.2.2\n}'), '(test.conf: Line 7) Configuration error: VRRP instance[VI_1] and src address[2001:db8::1] MUST be of the same family !!! Skipping...'],
    ['a missing quote in a script', withInstance('notify "/bin/true one'), "(test.conf: Line 7) String 'notify \"/bin/true one': missing terminating \""],
    ['a rule with one port', withInstance('virtual_rules {\n from 192.0.2.0/24 sport 80 table 5\n}'), '(test.conf: Line 8) invalid sport range 80'],
  ];
  for (const [name, text, line] of rows) it(name, () => { expect(said(text)).to.include(line); });

  const fatal: readonly (readonly [name: string, text: string])[] = [
    ['an unknown interface', withInstance('interface eth9')],
    ['two of the same VRID on a link', `${withInstance('')}${withInstance('').replace('VI_1', 'VI_2')}`],
    ['version 3 without an address', 'vrrp_instance V {\n interface eth0\n virtual_router_id 1\n version 3\n}\n'],
    ['a missing argument', withInstance('priority')],
  ];
  for (const [name, text] of fatal) it(`the daemon does not start: ${name}`, () => { expect(startFatal(load(text).diagnostics)).to.equal(2); });

  it('with dynamic_interfaces an interface may come later, wherever global_defs stands', () => {
    const globals = 'global_defs {\n dynamic_interfaces\n}\n';
    for (const text of [`${globals}${withInstance('interface eth9')}`, `${withInstance('interface eth9')}${globals}`]) {
      expect(startFatal(load(text).diagnostics)).to.equal(null);
      expect(instance(text).link).to.equal('eth9');
    }
  });

  it('the interface group of a VMAC by its name; one that nobody knows is the default group', () => {
    const machine = fakeMachine({ names: () => new Map([['edge', 7]]) });
    const unknown = load(withInstance('use_vmac vrrp.5 group nosuch'), { machine });
    expect(unknown.diagnostics.map(({ message }) => message)).to.include("use_vmac group 'nosuch' not found - using the default group");
    expect(unknown.config?.instances[0]?.extras?.vmac).to.deep.equal(['vrrp.5', 'group', '0']);
    expect(load(withInstance('use_vmac vrrp.5 group edge'), { machine }).config?.instances[0]?.extras?.vmac).to.deep.equal(['vrrp.5', 'group', '7']);
  });

  it('nothing is said about interfaces of a machine that is not known', () => {
    expect(load(withInstance('interface eth9'), { machine: fakeMachine({ links: null }) }).diagnostics).to.deep.equal([]);
  });
});

describe('vrrp_instance: defaults and what follows from what', () => {
  const rows: readonly (readonly [name: string, lines: string, expected: Partial<VrrpInstance>])[] = [
    ['nothing but the least', '', {
      version: 2, wantMaster: false, priority: 100, advertInterval: 1000, downTimerAdverts: 3, nopreempt: false, preemptDelay: 0, auth: null, unicastTtl: 255, strict: false, accept: true,
      garp: { masterDelay: 5000, masterRepeat: 5, refresh: 0, refreshRepeat: 1, lowerPrioDelay: 5000, lowerPrioRepeat: 5, arpInterval: 0, naInterval: 0 },
    }],
    ['state MASTER without a priority owns the addresses', 'state MASTER', { wantMaster: true, priority: 255 }],
    ['priority 255 without a state is MASTER', 'priority 255', { wantMaster: true, priority: 255 }],
    ['a faulty priority is 100', 'state MASTER\npriority 0', { wantMaster: true, priority: 100 }],
    ['state in small letters is BACKUP', 'state master\npriority 150', { wantMaster: false, priority: 150 }],
    ['nopreempt', 'nopreempt', { nopreempt: true }],
    ['preempt behind nopreempt takes it back', 'nopreempt\npreempt', { nopreempt: false }],
    ['nopreempt and MASTER', 'state MASTER\npriority 100\nnopreempt\npreempt_delay 3', { nopreempt: false, preemptDelay: 0 }],
    ['preempt_delay with decimals', 'preempt_delay 2.5', { preemptDelay: 2500 }],
    ['an interval of version 3', 'version 3\nadvert_int 0.25', { version: 3, advertInterval: 250 }],
    ['an interval of version 2 is rounded', 'advert_int 1.6', { advertInterval: 2000 }],
    ['strict', 'strict_mode', { strict: true, accept: false, lowerPrioNoAdvert: true, garp: { masterDelay: 5000, masterRepeat: 5, refresh: 0, refreshRepeat: 1, lowerPrioDelay: 5000, lowerPrioRepeat: 0, arpInterval: 0, naInterval: 0 } }],
    ['a password', 'authentication {\nauth_type PASS\nauth_pass 1111\n}', { auth: { type: 'PASS', secret: '1111' } }],
    ['a password that is too long', 'authentication {\nauth_type PASS\nauth_pass 123456789\n}', { auth: { type: 'PASS', secret: '12345678' } }],
    ['AH never begins as master', 'state MASTER\npriority 100\nauthentication {\nauth_type AH\nauth_pass a\n}', { wantMaster: false }],
    ['any argument turns skip_check_adv_addr on', 'skip_check_adv_addr false', { skipCheckAdvAddr: true }],
    ['a source with a prefix behind it', 'unicast_src_ip 192.0.2.1/24\nunicast_peer {\n192.0.2.2/24\n}', { sourceAddress: '192.0.2.1' as never, unicastPeers: [{ address: '192.0.2.2' as never, minTtl: null, maxTtl: null }] }],
    ['a TTL bound checks the source too', 'unicast_peer {\n192.0.2.2 min_ttl 250\n}', { checkUnicastSource: true }],
  ];
  for (const [name, lines, expected] of rows) {
    it(name, () => {
      const one = instance(withInstance(lines));
      expect(Object.fromEntries(Object.keys(expected).map((key) => [key, one[key as keyof VrrpInstance]]))).to.deep.equal(expected);
    });
  }

  it('an address without a prefix is a /32, an IPv6 one a deprecated /128', () => {
    expect(instance(withInstance('')).virtualAddresses[0]?.prefix).to.deep.equal({ address: '192.0.2.100', length: 32 });
    const six = instance('vrrp_instance V {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n fe80::1/64\n 2001:db8::1\n }\n}\n');
    expect(six).to.include({ version: 3, family: 'inet6', multicastGroup: 'ff02::12' });
    expect(six.virtualAddresses.map((one) => [one.prefix.length, one.preferred, one.noDad])).to.deep.equal([[64, null, true], [128, 0, true]]);
  });

  it('the words behind an address', () => {
    const text = withInstance('virtual_ipaddress_excluded {\n 192.0.2.7/24 dev eth1 brd + label eth1:v scope link no_track noprefixroute\n 192.0.2.8 peer 192.0.2.9/30\n}');
    expect(instance(text).excludedAddresses).to.deep.equal([
      { prefix: { address: '192.0.2.7', length: 24 }, link: 'eth1', peer: null, broadcast: '192.0.2.255', label: 'eth1:v', scope: 253, preferred: null, noDad: false, homeAddress: false, noPrefixRoute: true, manageTemporary: false, autoJoin: false, noTrack: true, trackGroup: null },
      { prefix: { address: '192.0.2.8', length: 30 }, link: 'eth0', peer: '192.0.2.9', broadcast: null, label: null, scope: 0, preferred: null, noDad: false, homeAddress: false, noPrefixRoute: false, manageTemporary: false, autoJoin: false, noTrack: false, trackGroup: null },
    ]);
  });

  it('global defaults reach the instance, its own words win', () => {
    const text = `global_defs {\n vrrp_garp_master_repeat 2\n vrrp_garp_master_delay 7\n vrrp_version 3\n}\n${withInstance('garp_master_delay 1')}`;
    expect(instance(text)).to.deep.include({ version: 3, garp: { masterDelay: 1000, masterRepeat: 2, refresh: 0, refreshRepeat: 1, lowerPrioDelay: 7000, lowerPrioRepeat: 2, arpInterval: 0, naInterval: 0 } });
  });

  for (const [name, global, delay, repeat] of [['the defaults', '', 5000, 5], ['the global ones of a new master', 'vrrp_garp_master_delay 7\n vrrp_garp_master_repeat 4', 7000, 4], ['its own global ones', 'vrrp_garp_lower_prio_delay 9\n vrrp_garp_lower_prio_repeat 6', 9000, 6]] as const) {
    it(`announcements after a lower priority: ${name}, whatever the instance has for a new master`, () => {
      const { garp } = instance(`global_defs {\n ${global}\n}\n${withInstance('garp_master_delay 3\n garp_master_repeat 2')}`);
      expect(garp).to.include({ masterDelay: 3000, masterRepeat: 2, lowerPrioDelay: delay, lowerPrioRepeat: repeat });
    });
  }

  it('vrrp_min_garp: one ARP, no second block', () => {
    expect(instance(`global_defs {\n vrrp_min_garp\n}\n${withInstance('')}`).garp).to.include({ masterDelay: 0, masterRepeat: 1, refreshRepeat: 0 });
  });
});

describe('vrrp_sync_group', () => {
  const two = `${withInstance('')}${withInstance('').replace('VI_1', 'VI_2').replace('router_id 51', 'router_id 52')}`;
  const bad: readonly (readonly [name: string, group: string, line: string])[] = [
    ['no list', 'vrrp_sync_group G {\n}\n', '(test.conf: Line 18) Sync group G has no members - removing'],
    ['an empty list', 'vrrp_sync_group G {\n group {\n }\n}\n', '(test.conf: Line 19) Warning - sync group G has empty group block'],
    ['a member that does not exist', 'vrrp_sync_group G {\n group {\n VI_1 VI_9\n }\n}\n', "Virtual router VI_9 specified in sync group G doesn't exist - ignoring"],
    ['one member', 'vrrp_sync_group G {\n group {\n VI_1\n }\n}\n', "Sync group G has only 1 virtual router(s) - this probably isn't what you want"],
  ];
  for (const [name, group, line] of bad) it(name, () => { expect(said(two + group)).to.include(line); });

  it('members on one line or several, with notify scripts', () => {
    const { config, diagnostics } = load(`global_defs {\nenable_script_security\nscript_user root\n}\n${two}vrrp_sync_group G {\n group {\n  VI_1\n  VI_2\n }\n notify_master "/usr/bin/true a"\n}\n`);
    expect(diagnostics).to.deep.equal([]);
    expect(config?.syncGroups[0]?.members).to.deep.equal(['VI_1', 'VI_2']);
    expect(config?.syncGroups[0]?.notify.master).to.deep.equal({ argv: ['/usr/bin/true', 'a'], account: { user: 'root', group: null } });
  });
});

describe('vrf of an instance', () => {
  const text = (lines: string): string => `vrrp_instance V {\n virtual_router_id 1\n ${lines}\n unicast_src_ip 192.0.2.1\n unicast_peer {\n  192.0.2.2\n }\n virtual_ipaddress {\n  192.0.2.100\n }\n}\n`;
  const machine = fakeMachine({ links: new Map([['eth0', { loopback: false }], ['red', { loopback: false }]]) });
  const links = (lines: string): unknown => {
    const [one] = load(text(lines), { machine }).config?.instances ?? [];
    return [one?.link, one?.virtualAddresses[0]?.link];
  };

  it('one that is not there is said', () => {
    expect(said(text('vrf blue'))).to.include("(test.conf: Line 3) (V) WARNING - VRF interface blue doesn't exist");
  });
  it('an interface comes first', () => { expect(links('interface eth0\n vrf red')).to.deep.equal(['eth0', 'eth0']); });
  it('it speaks in it, and its addresses go where they would without', () => { expect(links('vrf red')).to.deep.equal(['red', 'eth0']); });
});

describe('link-local addresses that name their interface', () => {
  const text = (lines: string): string => `vrrp_instance V {\n virtual_router_id 1\n version 3\n ${lines}\n virtual_ipaddress {\n  fe80::100/64\n }\n}\n`;
  const peers = (scope: string): string => `unicast_src_ip fe80::1%${scope}\n unicast_peer {\n  fe80::2%${scope} min_ttl 255\n  fe80::3\n }`;

  it('an instance without an interface has that one, and its addresses too', () => {
    const { config, diagnostics } = load(text(peers('eth1')));
    const [one] = config?.instances ?? [];
    expect(diagnostics.map((d) => d.code)).to.deep.equal([]);
    expect(one).to.deep.include({ link: 'eth1', sourceAddress: 'fe80::1' });
    expect(one?.unicastPeers.map((p) => [p.address, p.minTtl])).to.deep.equal([['fe80::2', 255], ['fe80::3', null]]);
    expect(one?.virtualAddresses.map((v) => v.link)).to.deep.equal(['eth1']);
  });

  it("the instance's own interface may be named", () => {
    expect(load(text(`interface eth0\n ${peers('eth0')}`)).diagnostics.map((d) => d.code)).to.deep.equal([]);
  });

  for (const [name, lines, line] of [
    ['another interface', `interface eth0\n ${peers('eth1')}`, '(test.conf: Line 5) (V) fe80::1%eth1 is on another interface than eth0'],
    ['two of them', 'unicast_src_ip fe80::1%eth0\n unicast_peer {\n  fe80::2%eth1\n }', '(test.conf: Line 6) (V) fe80::2%eth1 is on another interface than eth0'],
    ['one that is not there', peers('eth9'), "(test.conf: Line 4) WARNING - interface eth9 for vrrp_instance V doesn't exist"],
    ['an address of global scope', 'interface eth0\n unicast_src_ip 2001:db8::1%eth0\n unicast_peer {\n  fe80::2\n }', '(test.conf: Line 5) Configuration error: VRRP instance[V] malformed src address[2001:db8::1%eth0]. Skipping...'],
    ['no name behind the %', 'interface eth0\n unicast_peer {\n  fe80::2%\n }', '(test.conf: Line 6) Configuration error: VRRP instance[V] malformed unicast peer address[fe80::2%]. Skipping...'],
  ] as const) {
    it(`${name}: said`, () => { expect(said(text(lines))).to.include(line); });
  }
});
