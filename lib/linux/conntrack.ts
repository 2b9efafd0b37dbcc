import { CT_GET, CT_NEW, decodeReplyTuple, encodeGetConnection, type Tuple } from '../codec/conntrack.ts';
import { DecodeError } from '../codec/decode-error.ts';
import { SystemError } from '../system/error.ts';
import { NetlinkRequests } from './netlink-requests.ts';

const NETLINK_NETFILTER = 12;
/** Questions that are under way at a time. */
const WINDOW = 64;

export interface Conntrack {
  /** For each connection, by what its client sees, what its replies look like; null: netfilter has none. Rejects with SystemError. */
  replies(connections: readonly Tuple[]): Promise<readonly (Tuple | null)[]>;
  close(): void;
}

/** netfilter's connections, each looked up by itself: however many there are, nothing is read that is not asked for. Throws SystemError. */
export function linuxConntrack(): Conntrack {
  const requests = new NetlinkRequests(NETLINK_NETFILTER, 'conntrack socket');
  const reply = async (tuple: Tuple): Promise<Tuple | null> => {
    try {
      const [message] = await requests.ask({ type: CT_GET, flags: 0, payload: encodeGetConnection(tuple), operation: 'find', object: 'a connection of netfilter' });
      const found = message?.type === CT_NEW ? decodeReplyTuple(message.payload) : new DecodeError('bad-connection', 'no answer of ctnetlink');
      if (found instanceof DecodeError) throw new SystemError('decode', 'a connection of netfilter', 'EBADMSG', found);
      return found;
    } catch (cause) {
      if (cause instanceof SystemError && cause.code === 'ENOENT') return null;
      throw cause;
    }
  };
  return {
    async replies(connections) {
      const found: (Tuple | null)[] = [];
      for (let i = 0; i < connections.length; i += WINDOW) found.push(...await Promise.all(connections.slice(i, i + WINDOW).map(reply)));
      return found;
    },
    close: () => { requests.close(); },
  };
}
