/** IPVS' connections, line by line, since there may be millions; with whom their servers take for the client. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { hasLocal, parseConnection, type Connection, type Endpoint } from '../ipvs/report/connections.ts';
import { conntrackKey, parseConntrack, protocolNumber, withLocal } from '../ipvs/report/conntrack.ts';
import { linuxConntrack, type Conntrack } from '../linux/conntrack.ts';
import { SystemError } from '../system/error.ts';

const CONNECTIONS = '/proc/net/ip_vs_conn';
const CONNTRACK = '/proc/net/nf_conntrack';
/** Connections held at a time. */
const CHUNK = 512;
/** The same where each chunk takes a look at all of netfilter's. */
const LARGE_CHUNK = 100_000;

/** Every connection, in the kernel's order. Rejects with SystemError. */
export async function eachConnection(take: (connection: Connection) => void): Promise<void> {
  let patched = false;
  await eachLine(CONNECTIONS, (line) => {
    patched ||= hasLocal(line);
    const connection = parseConnection(line, patched);
    if (connection !== null) take(connection);
  });
}

/** With the fourth address: a patched kernel's own, or netfilter's. Memory is bounded however many there are. Rejects with SystemError. */
export async function eachJoined(take: (connection: Connection) => void): Promise<void> {
  const source = localSource();
  try {
    let chunk: Connection[] = [];
    const flush = async (): Promise<void> => {
      const now = chunk;
      chunk = [];
      for (const connection of await joined(now, source)) take(connection);
    };
    let patched = false;
    await eachLine(CONNECTIONS, (line) => {
      patched ||= hasLocal(line);
      const connection = parseConnection(line, patched);
      if (connection === null) return undefined;
      if (chunk.push(connection) < source.chunk) return undefined;
      return flush();
    });
    await flush();
  } finally {
    source.close();
  }
}

interface LocalSource {
  readonly chunk: number;
  replies(connections: readonly Connection[]): Promise<readonly ({ readonly to: Endpoint } | null)[]>;
  close(): void;
}

/** ctnetlink; where the kernel has none, its file, of which a look is taken for many connections at a time. */
function localSource(): LocalSource {
  const conntrack: Conntrack = linuxConntrack();
  const source = {
    chunk: CHUNK,
    async replies(connections: readonly Connection[]): Promise<readonly ({ readonly to: Endpoint } | null)[]> {
      if (source.chunk === LARGE_CHUNK) return fileReplies(connections);
      try {
        return await conntrack.replies(connections.map((one) => ({ protocol: protocolNumber(one) ?? 0, from: one.client, to: one.virtual })));
      } catch (cause) {
        if (!(cause instanceof SystemError) || !NO_CTNETLINK.includes(cause.code)) throw cause;
        source.chunk = LARGE_CHUNK;
        return fileReplies(connections);
      }
    },
    close: () => { conntrack.close(); },
  };
  return source;
}

/** Of nfnetlink, for a subsystem that is not there. */
const NO_CTNETLINK = ['EINVAL', 'EOPNOTSUPP', 'EPROTONOSUPPORT'];

async function joined(connections: readonly Connection[], source: LocalSource): Promise<Connection[]> {
  const asked = connections.filter((one) => one.local === null && protocolNumber(one) !== null);
  const replies = asked.length === 0 ? [] : await source.replies(asked);
  const found = new Map(asked.map((one, i) => [one, replies[i] ?? null]));
  return connections.map((one) => withLocal(one, found.get(one) ?? null));
}

async function fileReplies(connections: readonly Connection[]): Promise<readonly ({ readonly to: Endpoint } | null)[]> {
  const wanted = new Map<string, { readonly to: Endpoint } | null>(connections.map((one) => [conntrackKey(one), null]));
  await eachLine(CONNTRACK, (line) => {
    const found = parseConntrack(line);
    if (found !== null && wanted.has(found.key)) wanted.set(found.key, found);
  });
  return connections.map((one) => wanted.get(conntrackKey(one)) ?? null);
}

async function eachLine(path: string, take: (line: string) => void | Promise<void>): Promise<void> {
  const source = createReadStream(path, 'utf8');
  const broken = new Promise<never>((_, reject) => {
    source.once('error', (cause: NodeJS.ErrnoException) => { reject(new SystemError('read', path, cause.code ?? 'EIO', cause)); });
  });
  const read = async (): Promise<void> => {
    for await (const line of createInterface({ input: source, crlfDelay: Infinity })) {
      const more = take(line);
      if (more !== undefined) await more;
    }
  };
  try {
    await Promise.race([broken, read()]);
  } finally {
    source.destroy();
  }
}
