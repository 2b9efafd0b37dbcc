import { ipFromBytes, ipToBytes } from '../util/ip.ts';
import { DecodeError } from './decode-error.ts';
import type { SyncDaemon } from './ipvs-values.ts';
import { attributeString, attributeU16, attributeU32, decodeAttributes, findAttribute, type AttributeWriter } from './netlink.ts';

/** The attributes within IPVS_CMD_ATTR_DAEMON (linux/ip_vs.h). */

const DAEMON_STATE = 1;
const DAEMON_MCAST_IFN = 2;
const DAEMON_SYNC_ID = 3;
/** These since 4.3. */
const DAEMON_SYNC_MAXLEN = 4;
const DAEMON_MCAST_GROUP = 5;
const DAEMON_MCAST_GROUP6 = 6;
const DAEMON_MCAST_PORT = 7;
const DAEMON_MCAST_TTL = 8;

const STATES: readonly (readonly [SyncDaemon['state'], number])[] = [['master', 1], ['backup', 2]];

/** For IPVS_CMD_NEW_DAEMON. `patched`: for a kernel that knows state, interface and id only. */
export function writeDaemon(writer: AttributeWriter, daemon: SyncDaemon, patched = false): void {
  writeDaemonState(writer, daemon.state);
  writer.attributeString(DAEMON_MCAST_IFN, daemon.link).attributeU32(DAEMON_SYNC_ID, daemon.syncId);
  if (patched) return;
  if (daemon.maxLength !== null) writer.attributeU16(DAEMON_SYNC_MAXLEN, daemon.maxLength);
  if (daemon.group !== null) writer.attribute(daemon.group.includes(':') ? DAEMON_MCAST_GROUP6 : DAEMON_MCAST_GROUP, ipToBytes(daemon.group));
  if (daemon.port !== null) writer.attributeU16(DAEMON_MCAST_PORT, daemon.port);
  if (daemon.ttl !== null) writer.attributeU8(DAEMON_MCAST_TTL, daemon.ttl);
}

/** For IPVS_CMD_DEL_DAEMON. */
export function writeDaemonState(writer: AttributeWriter, state: SyncDaemon['state']): void {
  writer.attributeU32(DAEMON_STATE, STATES.find(([name]) => name === state)?.[1] ?? 0);
}

/** The value of IPVS_CMD_ATTR_DAEMON. */
export function decodeDaemon(value: Uint8Array): SyncDaemon | DecodeError {
  const attributes = decodeAttributes(value);
  if (attributes instanceof DecodeError) return attributes;
  const number = attributeU32(findAttribute(attributes, DAEMON_STATE)) ?? 0;
  const state = STATES.find(([, one]) => one === number)?.[0];
  const link = findAttribute(attributes, DAEMON_MCAST_IFN);
  const syncId = attributeU32(findAttribute(attributes, DAEMON_SYNC_ID));
  if (state === undefined || link === null || syncId === null) return new DecodeError('bad-daemon', `IPVS sync daemon of state ${number}`);
  const [four, six] = [findAttribute(attributes, DAEMON_MCAST_GROUP), findAttribute(attributes, DAEMON_MCAST_GROUP6)];
  return {
    state,
    link: attributeString(link),
    syncId,
    maxLength: attributeU16(findAttribute(attributes, DAEMON_SYNC_MAXLEN)),
    group: six?.length === 16 ? ipFromBytes(six) : four?.length === 4 ? ipFromBytes(four) : null,
    port: attributeU16(findAttribute(attributes, DAEMON_MCAST_PORT)),
    ttl: findAttribute(attributes, DAEMON_MCAST_TTL)?.[0] ?? null,
  };
}
