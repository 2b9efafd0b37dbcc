import type { Config, VrrpInstance } from '../config/model.ts';

/** What a VRRPv2 or v3 advertisement takes beside its addresses: IP header, VRRP header, authentication data, AH. */
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const VRRP_HEADER = 8;
const AUTH_DATA = 8;
const AH = 24;

/**
 * An instance's share of the receive buffer of its socket, in bytes: kernel_rx_buf_size, else by vrrp_rx_bufs_policy; 0: nobody
 * has asked for a size. Instances that speak through one socket add up (keepalived.conf(5), vrrp_rx_bufs_policy).
 */
export function receiveShare(instance: VrrpInstance, settings: Config['settings'], mtu: number): number {
  const own = instance.extras?.receiveBuffer ?? null;
  if (own !== null) return own;
  const policy = settings.vrrp_rx_bufs_policy;
  if (policy === undefined) return 0;
  if (typeof policy === 'number') return policy;
  return (policy === 'MTU' ? mtu : advertSize(instance)) * (settings.vrrp_rx_bufs_multiplier ?? 3);
}

function advertSize({ family, version, auth, virtualAddresses }: VrrpInstance): number {
  const addresses = virtualAddresses.length * (family === 'inet' ? 4 : 16);
  return (family === 'inet' ? IPV4_HEADER : IPV6_HEADER) + (auth?.type === 'AH' ? AH : 0) + VRRP_HEADER + addresses + (version === 2 ? AUTH_DATA : 0);
}
