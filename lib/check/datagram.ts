import type { CheckTarget } from '../config/model-ipvs.ts';
import type { CheckSockets, DatagramSocket } from '../system/check-sockets.ts';
import { SystemError } from '../system/error.ts';
import type { Cancel } from '../util/time.ts';
import { routeOf } from './attempt.ts';
import { isPeerFault } from './unable.ts';

/**
 * Sends one datagram and hears what comes back. A network that is not reachable, and an ICMP error, are the peer's failure;
 * throws SystemError when the socket itself could not be made. Returns what closes it.
 */
export function exchangeDatagrams(
  kind: 'udp' | 'echo', target: CheckTarget, payload: Uint8Array, sockets: CheckSockets,
  received: (payload: Uint8Array) => void, failed: (cause: SystemError) => void,
): Cancel {
  let socket: DatagramSocket | null = null;
  try {
    socket = sockets.datagram(kind, routeOf(target), received, failed);
    socket.send(payload);
    return () => { socket?.close(); };
  } catch (cause) {
    socket?.close();
    if (!(cause instanceof SystemError) || !isPeerFault(cause)) throw cause;
    failed(cause);
    return () => undefined;
  }
}
