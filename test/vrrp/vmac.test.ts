import { expect } from 'chai';
import { ip, parsePrefix } from '../../lib/util/ip.ts';
import { ipvlanSettings, planVmacs, type PresentLink, speakingLink, virtualMac, vmacSettings } from '../../lib/vrrp/vmac.ts';
import { configOf, instanceText } from '../sim/config-text.ts';

const ETH0: PresentLink = { index: 3, name: 'eth0', kind: 'veth', mac: Uint8Array.of(2, 0, 0, 0, 0, 1), parentIndex: null };
const MAC4 = virtualMac('inet', 51);
const V4 = 'use_vmac';
const V6 = instanceText('use_vmac', 'V6', 51, 'fe80::100/64');

/** `NAME on BASE MAC` of each macvlan that a text asks for. */
function names(text: string, links: readonly PresentLink[] = [ETH0], ours: readonly string[] = []): string[] {
  return planVmacs(configOf(text), links, new Set(ours)).vmacs.map(({ name, base, mac, conflict }) => `${name} on ${base} ${Buffer.from(mac).toString('hex')}${conflict === null ? '' : ' conflict'}`);
}

function macvlan(name: string, changes: Partial<PresentLink> = {}): PresentLink {
  return { index: 9, name, kind: 'macvlan', mac: MAC4, parentIndex: 3, macvlanMode: 1, ...changes };
}

describe('virtual MACs: what is made', () => {
  const rows: readonly (readonly [string, string[], string[]])[] = [
    ['the same MAC twice on an interface: the second is refused', names(instanceText('use_vmac', 'A') + instanceText('use_vmac x 00:11:22:33:44:55', 'B', 52) + instanceText('use_vmac y 00:11:22:33:44:55', 'C', 53)),
      ['vrrp.51 on eth0 00005e000133', 'x on eth0 001122334455', 'y on eth0 001122334455 conflict']],
    ['no use_vmac', names(instanceText('')), []],
    ['its name has the VRID', names(instanceText(V4)), ['vrrp.51 on eth0 00005e000133']],
    ['IPv6 alone has the same name, another MAC', names(V6), ['vrrp.51 on eth0 00005e000233']],
    ['IPv6 second', names(instanceText(V4) + V6), ['vrrp.51 on eth0 00005e000133', 'vrrp6.51 on eth0 00005e000233']],
    ['IPv4 second', names(V6 + instanceText(V4)), ['vrrp.51 on eth0 00005e000233', 'vrrp1.51 on eth0 00005e000133']],
    ['vmac_prefix', names(`global_defs {\n vmac_prefix v\n}\n${instanceText(V4)}`), ['v.51 on eth0 00005e000133']],
    ['a name, and five octets that the VRID completes', names(instanceText('use_vmac foo 02:11:22:33:44')), ['foo on eth0 021122334433']],
    ['somebody else has the name', names(instanceText(V4), [ETH0, macvlan('vrrp.51', { kind: 'veth' })]), ['vrrp1.51 on eth0 00005e000133']],
    ['a macvlan of that name that is not private', names(instanceText(V4), [ETH0, macvlan('vrrp.51', { macvlanMode: 4 })]), ['vrrp1.51 on eth0 00005e000133']],
    ['a leftover fits', names(instanceText(V4), [ETH0, macvlan('vrrp.51')]), ['vrrp.51 on eth0 00005e000133']],
    ['one under another name fits', names(instanceText(V4), [ETH0, macvlan('vrrp1.51')]), ['vrrp1.51 on eth0 00005e000133']],
    ['a leftover of ours that does not fit any more', names(instanceText(V4), [ETH0, macvlan('vrrp.51', { mac: Uint8Array.of(2, 0, 0, 0, 0, 9) })], ['vrrp.51']), ['vrrp.51 on eth0 00005e000133']],
    ['an address with use_vmac on another interface', names(instanceText('', 'A', 51, '10.0.0.100/24 dev eth1 use_vmac')), ['vrrp.51 on eth1 00005e000133']],
    ['use_vmac_addr: addresses elsewhere', names(instanceText('use_vmac\n  use_vmac_addr', 'A', 51, '10.0.0.100/24\n    10.1.0.100/24 dev eth1')), ['vrrp.51 on eth0 00005e000133', 'vrrp1.51 on eth1 00005e000133']],
  ];
  for (const [name, found, expected] of rows) it(name, () => { expect(found).to.deep.equal(expected); });

  it('addresses stand on the macvlan, those of other interfaces and families do not', () => {
    const text = instanceText('use_vmac\n  virtual_ipaddress_excluded {\n    2001:db8::1/64\n  }', 'A', 51, '10.0.0.100/24\n    10.1.0.100/24 dev eth1');
    const [instance] = planVmacs(configOf(text), [ETH0], new Set()).config.instances;
    expect([...instance?.virtualAddresses ?? [], ...instance?.excludedAddresses ?? []].map((v) => v.link)).to.deep.equal(['vrrp.51', 'eth1', 'eth0']);
    expect(instance === undefined ? null : speakingLink(instance)).to.equal('vrrp.51');
  });

  it('vmac_xmit_base: adverts by the interface below', () => {
    const [instance] = planVmacs(configOf(instanceText('use_vmac\n  vmac_xmit_base')), [ETH0], new Set()).config.instances;
    expect(instance === undefined ? null : speakingLink(instance)).to.equal('eth0');
    expect(instance?.virtualAddresses.map((v) => v.link)).to.deep.equal(['vrrp.51']);
  });

  it('the words of use_vmac', () => {
    expect(vmacSettings(['name', 'x', 'group', '7', 'netlink_notify_msg'], 51)).to.deep.equal({ name: 'x', mac: null, group: 7, notify: true });
  });
});

describe('ipvlans: what is made', () => {
  const plan = (words: string, vip = '10.0.0.100/24', links: readonly PresentLink[] = [ETH0]): ReturnType<typeof planVmacs> => planVmacs(configOf(instanceText(words, 'A', 9, vip)), links, new Set());

  const rows: readonly (readonly [string, Parameters<typeof ipvlanSettings>[0], ReturnType<typeof ipvlanSettings>])[] = [
    ['nothing', [], { name: null, group: null, address: null, flags: 0 }],
    ['all of it', ['name', 'i', '10.0.0.9/24', 'vepa', 'group', '7'], { name: 'i', group: 7, address: parsePrefix('10.0.0.9/24'), flags: 2 }],
    ['an address alone', ['10.0.0.9'], { name: null, group: null, address: parsePrefix('10.0.0.9/32'), flags: 0 }],
    ['IPv6, private', ['i', 'fe80::9/64', 'private'], { name: 'i', group: null, address: parsePrefix('fe80::9/64'), flags: 1 }],
  ];
  for (const [name, words, expected] of rows) it(`words: ${name}`, () => { expect(ipvlanSettings(words)).to.deep.equal(expected); });

  it('IPv4 without an address, or with one of the other family, is at fault', () => {
    expect(plan('use_ipvlan').config.instances[0]?.extras?.vmacFault).to.equal('ipvlan vrrp.9 has no IPv4 address');
    expect(plan('use_ipvlan fe80::9').config.instances[0]?.extras?.vmacFault).to.equal('ipvlan vrrp.9 has no IPv4 address');
    expect(plan('use_ipvlan', 'fe80::100/64').config.instances[0]?.extras?.vmacFault).to.equal(undefined);
  });

  it('adverts go by it, from its address; addresses stay on the interface', () => {
    const { config: { instances: [one] }, vmacs } = plan('use_ipvlan ipv9 10.0.0.9/24 private');
    expect(vmacs.map(({ name, base, ipvlan }) => [name, base, ipvlan?.flags])).to.deep.equal([['ipv9', 'eth0', 1]]);
    expect([one === undefined ? '' : speakingLink(one), one?.sourceAddress, one?.virtualAddresses[0]?.link]).to.deep.equal(['ipv9', ip('10.0.0.9'), 'eth0']);
  });

  it('two on one interface are no rivals; a leftover of the same mode fits', () => {
    const both = planVmacs(configOf(instanceText('use_ipvlan 10.0.0.9', 'A', 9) + instanceText('use_ipvlan 10.0.0.8', 'B', 8)), [ETH0], new Set());
    expect(both.vmacs.map(({ name, conflict }) => [name, conflict])).to.deep.equal([['vrrp.9', null], ['vrrp.8', null]]);
    const present = (ipvlanFlags: number): PresentLink => ({ index: 9, name: 'vrrp1.9', kind: 'ipvlan', mac: ETH0.mac, parentIndex: 3, ipvlanFlags });
    expect(plan('use_ipvlan 10.0.0.9 private', undefined, [ETH0, present(1)]).vmacs[0]?.name).to.equal('vrrp1.9');
    expect(plan('use_ipvlan 10.0.0.9 private', undefined, [ETH0, present(2)]).vmacs[0]?.name).to.equal('vrrp.9');
  });
});
