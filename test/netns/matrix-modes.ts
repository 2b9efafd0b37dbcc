import type { Lab } from './lab.ts';
import type { Advert } from './witness.ts';

export type Role = 'a' | 'b';

/** a has priority 150, b 100: who sent an advert can be read off it. */
export const PRIORITY: Readonly<Record<Role, number>> = { a: 150, b: 100 };
/** Of the nodes; the VIPs below are out of the same networks. */
export const ADDRESSES: Readonly<Record<Role, { readonly inet: string; readonly inet6: string }>> = {
  a: { inet: '192.0.2.1', inet6: '2001:db8::1' },
  b: { inet: '192.0.2.2', inet6: '2001:db8::2' },
};

/** A way in which two routers speak. */
export interface Mode {
  /** With prefix length; all of them are where the first one is. */
  readonly vips: readonly string[];
  /** The keepalived.conf of one of the two. */
  readonly configuration: (role: Role) => string;
  /** For FRR, the lines of `interface eth0`; without: not its mode. */
  readonly frr?: (role: Role) => readonly string[];
  /** What all adverts have in common. */
  readonly adverts: Partial<Advert>;
  /** On each node before the daemons start. */
  readonly prepare?: string;
  /** What a loses, and gets back; default: the cable of eth0. */
  readonly loss?: { readonly lose: string; readonly heal: string };
}

const V4 = ['192.0.2.100/24'] as const;
const V6 = ['fe80::100/64', '2001:db8::100/64'] as const;
const TO_V4 = '224.0.0.18';
const TO_V6 = 'ff02:0:0:0:0:0:0:12';
/** Below a second, so that the matrix does not take long; far above what a busy machine loses here and there. */
const QUICK = 0.3;

export const MODES: Readonly<Record<string, Mode>> = {
  'version 2': {
    vips: V4,
    configuration: (role) => instance(role, { vips: V4, lines: ['advert_int 1'] }),
    frr: (role) => frr(role, { version: 2, interval: 1, vips: V4 }),
    adverts: { version: 2, ttl: 255, to: TO_V4 },
  },
  'version 3, IPv4': {
    vips: V4,
    configuration: (role) => instance(role, { vips: V4, lines: quick }),
    frr: (role) => frr(role, { version: 3, interval: QUICK, vips: V4 }),
    adverts: { version: 3, ttl: 255, to: TO_V4 },
  },
  'version 3, IPv6': {
    vips: V6,
    configuration: (role) => instance(role, { vips: V6, lines: quick }),
    frr: (role) => frr(role, { version: 3, interval: QUICK, vips: V6 }),
    adverts: { version: 3, ttl: 255, to: TO_V6 },
  },
  'unicast, IPv4': {
    vips: V4,
    configuration: (role) => instance(role, { vips: V4, lines: ['advert_int 1', ...unicast(role, 'inet')] }),
    adverts: { version: 2, ttl: 255 },
  },
  'unicast, IPv6': {
    vips: V6,
    configuration: (role) => instance(role, { vips: V6, lines: [...quick, ...unicast(role, 'inet6')] }),
    // keepalived 2.2.7 leaves the hop limit to the kernel here.
    adverts: { version: 3 },
  },
  'password': {
    vips: V4,
    configuration: (role) => instance(role, { vips: V4, lines: ['advert_int 1', ...authentication('PASS')] }),
    adverts: { version: 2, ttl: 255, to: TO_V4 },
  },
  'authentication header': {
    vips: V4,
    configuration: (role) => instance(role, { vips: V4, lines: ['advert_int 1', ...authentication('AH')] }),
    adverts: { version: 2, ttl: 255, to: TO_V4 },
  },
  'virtual MAC': {
    vips: V4,
    configuration: (role) => instance(role, { vips: V4, lines: [...quick, 'use_vmac'] }),
    adverts: { version: 3, ttl: 255, to: TO_V4, mac: '00:00:5e:00:01:33' },
  },
  'virtual MAC, IPv6': {
    vips: V6,
    configuration: (role) => instance(role, { vips: V6, lines: [...quick, 'use_vmac'] }),
    adverts: { version: 3, ttl: 255, to: TO_V6, mac: '00:00:5e:00:02:33' },
  },
  'sync group': {
    vips: ['192.0.2.100/24', '192.0.2.101/24'],
    configuration: (role) => [
      'vrrp_sync_group G {\n  group {\n    VI_51\n    VI_52\n  }\n}\n',
      instance(role, { vips: ['192.0.2.100/24'], lines: quick }),
      instance(role, { vrid: 52, vips: ['192.0.2.101/24'], lines: [...quick, 'track_interface {', '  aux', '}'] }),
    ].join(''),
    adverts: { version: 3, ttl: 255, to: TO_V4 },
    // One of the two loses something, and takes the other along.
    prepare: 'ip link add aux type veth peer name aux-far && ip link set aux up && ip link set aux-far up',
    loss: { lose: 'ip link set aux-far down', heal: 'ip link set aux-far up' },
  },
};

const quick = ['version 3', `advert_int ${QUICK}`];

/** Makes the nodes of a lab ready for a mode: both families, without the random delay of duplicate address detection. */
export async function prepare(lab: Lab<Role>, mode: Mode): Promise<void> {
  for (const role of ['a', 'b'] as const) {
    const lines = ['echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad', `ip address add ${ADDRESSES[role].inet6}/64 dev eth0 nodad`, ...(mode.prepare === undefined ? [] : [mode.prepare])];
    // Its link-local address has been on trial since the link went up.
    await lab.nodes[role].sh(`${lines.join(' && ')} && while ip -6 address show dev eth0 | grep -q tentative; do sleep 0.1; done`);
  }
}

function instance(role: Role, { vrid = 51, vips, lines }: { vrid?: number; vips: readonly string[]; lines: readonly string[] }): string {
  const all = ['state BACKUP', 'interface eth0', `virtual_router_id ${vrid}`, `priority ${PRIORITY[role]}`, ...lines, 'virtual_ipaddress {', ...vips.map((vip) => `  ${vip}`), '}'];
  return `vrrp_instance VI_${vrid} {\n${all.map((line) => `  ${line}\n`).join('')}}\n`;
}

function unicast(role: Role, family: 'inet' | 'inet6'): string[] {
  const other = role === 'a' ? 'b' : 'a';
  return [`unicast_src_ip ${ADDRESSES[role][family]}`, 'unicast_peer {', `  ${ADDRESSES[other][family]}`, '}'];
}

function authentication(type: 'PASS' | 'AH'): string[] {
  return ['authentication {', `  auth_type ${type}`, '  auth_pass secret12', '}'];
}

/** FRR counts in milliseconds, and wants addresses without a prefix length. */
function frr(role: Role, { version, interval, vips }: { version: number; interval: number; vips: readonly string[] }): string[] {
  const addresses = vips.map((vip) => `vrrp 51 ${vip.includes(':') ? 'ipv6' : 'ip'} ${vip.split('/')[0] ?? ''}`);
  return [`vrrp 51 version ${version}`, `vrrp 51 priority ${PRIORITY[role]}`, `vrrp 51 advertisement-interval ${interval * 1000}`, ...addresses];
}
