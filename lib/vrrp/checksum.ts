/** Which checksum an advertisement carries: that of the RFC, or one of the forms that keepalived has had besides. */
import type { Ends } from '../codec/vrrp.ts';
import { checksumHolds } from '../codec/vrrp.ts';
import type { VrrpInstance } from '../config/model.ts';

/**
 * The pseudo header of what we send; null: none. RFC 9568 §5.2.8 names the destination. v3_checksum_as_v2 leaves it out, and
 * keepalived before 1.3.6 named the multicast group for unicast (both IPv4 only).
 */
export function pseudoHeaderOf(instance: VrrpInstance, ends: Ends, oldPeer: boolean): Ends | null {
  if (instance.version === 2) return null;
  if (instance.family === 'inet6') return ends;
  if (instance.extras?.checksumAsV2 === true) return null;
  const old = hasOldForm(instance) && (oldPeer || instance.extras?.oldUnicastChecksum === true);
  return old ? { from: ends.from, to: instance.multicastGroup } : ends;
}

/** Is the checksum of a received message right? 'old': as keepalived before 1.3.6 made it for unicast. */
export function judgeChecksum(instance: VrrpInstance, ends: Ends, message: Uint8Array): 'right' | 'old' | 'wrong' {
  if (instance.version === 2) return checksumHolds(message, null) ? 'right' : 'wrong';
  // keepalived's: v3_checksum_as_v2 stops the verification altogether.
  if (instance.family === 'inet' && instance.extras?.checksumAsV2 === true) return 'right';
  if (checksumHolds(message, ends)) return 'right';
  const detects = hasOldForm(instance) && instance.extras?.oldUnicastChecksum !== 'never';
  return detects && checksumHolds(message, { from: ends.from, to: instance.multicastGroup }) ? 'old' : 'wrong';
}

function hasOldForm({ family, version, unicastPeers }: VrrpInstance): boolean {
  return version === 3 && family === 'inet' && unicastPeers.length > 0;
}
