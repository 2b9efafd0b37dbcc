import { ByteReader, ByteWriter } from '../util/bytes.ts';
import { DecodeError } from './decode-error.ts';
import { encodeMessage, NATIVE_ENDIAN, NLMSG_DONE } from './netlink.ts';

/**
 * Process events of the kernel's connector (linux/connector.h, linux/cn_proc.h), in a netlink message, in the byte order of the
 * machine:
 *
 *     | idx (32) | val (32) | sequence (32) | ack (32) | length (16) | flags (16) |   cn_msg
 *     | what (32) | cpu (32) | time (64) | what depends on `what` …               |   proc_event, `length` bytes
 *
 * Numbers of processes are of two kinds there: `pid` is the kernel's, one for each thread; `tgid` is what everybody calls pid.
 */

/** Group and identity of the connector's process events. */
export const CN_IDX_PROC = 1;
const CN_VAL_PROC = 1;
const PROC_CN_MCAST_LISTEN = 1;
const PROC_CN_MCAST_IGNORE = 2;

const PROC_EVENT_NONE = 0;
const PROC_EVENT_FORK = 1;
const PROC_EVENT_EXEC = 2;
const PROC_EVENT_COMM = 0x200;
const PROC_EVENT_EXIT = 0x80000000;
const COMM_LENGTH = 16;

export type ProcEvent =
  /** The answer to listen and ignore: 0, or an errno. */
  | { readonly type: 'acknowledged'; readonly errno: number }
  | { readonly type: 'fork'; readonly pid: number; readonly parent: number }
  | { readonly type: 'exec'; readonly pid: number }
  | { readonly type: 'renamed'; readonly pid: number; readonly comm: string }
  | { readonly type: 'exit'; readonly pid: number }
  /** Of a thread, or of a kind that nobody here asks about. */
  | { readonly type: 'other' };

/** Asks the kernel to tell of processes, or not to any more. */
export function encodeListen(listen: boolean): Uint8Array {
  const payload = new ByteWriter(NATIVE_ENDIAN, 24)
    .u32(CN_IDX_PROC).u32(CN_VAL_PROC).u32(0).u32(0).u16(4).u16(0)
    .u32(listen ? PROC_CN_MCAST_LISTEN : PROC_CN_MCAST_IGNORE)
    .finish();
  return encodeMessage({ type: NLMSG_DONE, flags: 0, sequence: 0, port: 0, payload });
}

/** The payload of one netlink message from the connector. */
export function decodeProcEvent(payload: Uint8Array): ProcEvent | DecodeError {
  const head = new ByteReader(payload, NATIVE_ENDIAN);
  const idx = head.u32();
  const val = head.u32();
  head.skip(8);
  const length = head.u16();
  head.skip(2);
  const body = head.slice(length);
  if (head.overrun) return new DecodeError('too-short', `connector message of ${payload.length} bytes`);
  if (idx !== CN_IDX_PROC || val !== CN_VAL_PROC) return new DecodeError('bad-connector', `connector message of ${idx}.${val}, not of processes`);
  const reader = new ByteReader(body, NATIVE_ENDIAN);
  const what = reader.u32();
  reader.skip(12);
  const event = eventOf(what, reader);
  return reader.overrun ? new DecodeError('too-short', `process event ${what.toString(16)} of ${length} bytes`) : event;
}

function eventOf(what: number, reader: ByteReader): ProcEvent {
  switch (what) {
    case PROC_EVENT_NONE:
      return { type: 'acknowledged', errno: reader.u32() };
    case PROC_EVENT_FORK: {
      reader.skip(4);
      const parent = reader.u32();
      return ofLeader(reader, (pid) => ({ type: 'fork', pid, parent }));
    }
    case PROC_EVENT_EXEC:
      return ofLeader(reader, (pid) => ({ type: 'exec', pid }));
    case PROC_EVENT_COMM:
      return ofLeader(reader, (pid) => ({ type: 'renamed', pid, comm: textOf(reader.slice(COMM_LENGTH)) }));
    case PROC_EVENT_EXIT:
      return ofLeader(reader, (pid) => ({ type: 'exit', pid }));
    default:
      return { type: 'other' };
  }
}

/** Threads come and go without meaning anything: only the first of a process, whose two numbers are the same, stands for it. */
function ofLeader(reader: ByteReader, make: (pid: number) => ProcEvent): ProcEvent {
  const pid = reader.u32();
  const group = reader.u32();
  return pid === group ? make(group) : { type: 'other' };
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
