import { DecodeError } from '../codec/decode-error.ts';
import {
  decodeResult, encodeMessage, messageLength, NATIVE_ENDIAN, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, type NetlinkMessage, type NetlinkResult, writeMessage,
} from '../codec/netlink.ts';
import { SystemError } from '../system/error.ts';
import { ByteReader, ByteWriter, concat } from '../util/bytes.ts';
import { errnoCode } from './libc.ts';
import { type BufferSize, NetlinkChannel, type NetlinkProtocol } from './netlink-channel.ts';

export interface NetlinkRequest {
  readonly type: number;
  /** Beside NLM_F_REQUEST and NLM_F_ACK, which are added. */
  readonly flags: number;
  readonly payload: Uint8Array;
  /** What it does, on what: for the SystemError. */
  readonly operation: string;
  readonly object: string;
}

export interface RequestOptions {
  /** How long the kernel may take for one batch or one part of a dump, in ms; it answers at once, unless the answer was lost. */
  readonly answerWithin?: number;
  /** Of the socket; the default has room for the errors of some 20,000 requests. */
  readonly receiveBuffer?: BufferSize;
  /** The kernel is to look at what a dump's request asks for besides the family (Linux 4.20; earlier ones do not). */
  readonly filterDumps?: boolean;
  /** Requests sent before the answers are read; as many as the receive buffer has room for, when all are refused. */
  readonly window?: number;
}

const ANSWER_WITHIN = 5_000;
/** A dump during which something changed (NLM_F_DUMP_INTR) is asked for again, this often. */
const DUMP_ATTEMPTS = 10;
const SEND_AT_MOST = 128 * 1024;
/** What one refusal takes of the receive buffer, by the kernel's way of counting, generously. */
const REFUSAL_SIZE = 2048;

/**
 * Requests and their answers on a socket of their own, which joins no group. Answers are told apart by sequence number; what
 * has another one is late, and dropped.
 */
export class NetlinkRequests {
  readonly #name: string;
  readonly #channel: NetlinkChannel;
  readonly #answerWithin: number;
  readonly #window: number;
  readonly #waiting = new Map<number, Waiting>();
  #sequence = 1;
  #dumps: Promise<unknown> = Promise.resolve();

  constructor(protocol: NetlinkProtocol, name: string, { answerWithin = ANSWER_WITHIN, receiveBuffer, filterDumps = false, window }: RequestOptions = {}) {
    this.#name = name;
    this.#answerWithin = answerWithin;
    this.#channel = new NetlinkChannel(protocol, name, (message) => this.#answer(message), (cause) => this.#failAll(cause));
    if (receiveBuffer !== undefined) this.#channel.setReceiveBuffer(receiveBuffer);
    if (filterDumps) this.#channel.filterDumps();
    this.#window = window ?? Math.max(1, Math.floor(this.#channel.receiveBuffer / REFUSAL_SIZE));
  }

  /**
   * All requests, in order, in as few sends as can be; the kernel has carried them out when this returns, unless they are more
   * than the receive buffer has room for: then the rest follows as the answers are read. Resolves to one entry each: null, or
   * why it was refused. Rejects when the socket is gone or the kernel's answer was lost (ENOBUFS, ETIMEDOUT).
   */
  batch(requests: readonly NetlinkRequest[]): Promise<readonly (SystemError | null)[]> {
    return requests.length <= this.#window ? this.#batchOnce(requests) : this.#batchInWindows(requests);
  }

  async #batchInWindows(requests: readonly NetlinkRequest[]): Promise<readonly (SystemError | null)[]> {
    const results: (SystemError | null)[] = [];
    for (let i = 0; i < requests.length; i += this.#window) results.push(...(await this.#batchOnce(requests.slice(i, i + this.#window))));
    return results;
  }

  #batchOnce(requests: readonly NetlinkRequest[]): Promise<readonly (SystemError | null)[]> {
    if (requests.length === 0) return Promise.resolve([]);
    const first = this.#sequence;
    const last = first + requests.length - 1;
    this.#sequence = last + 1;
    const results: (SystemError | null)[] = requests.map(() => null);
    let lost = false;
    const done = this.#wait(first, last, (message, settle) => {
      if (message.type !== NLMSG_ERROR) return;
      const request = requests[message.sequence - first];
      const result = decodeResult(message);
      if (request === undefined || result instanceof DecodeError) return;
      if (result.errno !== 0) results[message.sequence - first] = refusal(request, result);
      // An answer to the last one comes always, and after those to the others, unless some were lost.
      if (message.sequence === last && !lost) settle();
    });
    try {
      const { drops } = this.#channel;
      this.#send(requests.map((request, i) => ({
        type: request.type,
        flags: NLM_F_REQUEST | request.flags | (first + i === last ? NLM_F_ACK : 0),
        sequence: first + i,
        port: 0,
        payload: request.payload,
      })));
      // The kernel has answered by now; an answer it had no room for never comes.
      lost = this.#channel.drops !== drops;
      if (lost) this.#failOnceRead(last, performance.now() + this.#answerWithin);
    } catch (cause) {
      this.#waiting.get(last)?.fail(cause as Error);
    }
    return done.then(() => results);
  }

  /**
   * A batch of nfnetlink, between its two marks and in one send: the kernel carries out all or nothing, and has when this
   * returns. Rejects with the SystemError of the first request that it refused.
   */
  transaction(begin: NetlinkRequest, requests: readonly NetlinkRequest[], end: NetlinkRequest): Promise<void> {
    if (requests.length === 0) return Promise.resolve();
    const first = this.#sequence;
    const last = first + requests.length;
    this.#sequence = last + 2;
    const all = [begin, ...requests, end];
    let refused: SystemError | null = null;
    const done = this.#wait(first, last, (message, settle) => {
      if (message.type !== NLMSG_ERROR) return;
      const request = all[message.sequence - first];
      const result = decodeResult(message);
      if (request === undefined || result instanceof DecodeError) return;
      if (result.errno !== 0) refused ??= refusal(request, result);
      // Errors come in the order of the requests; one of the whole batch has the number of its beginning, and is the only one.
      if (message.sequence === last || message.sequence === first) settle(refused ?? undefined);
    });
    try {
      const bytes = concat(...all.map((request, i) => encodeMessage({
        type: request.type,
        flags: NLM_F_REQUEST | request.flags | (first + i === last ? NLM_F_ACK : 0),
        sequence: first + i,
        port: 0,
        payload: request.payload,
      })));
      this.#channel.makeRoomToSend(bytes.length);
      this.#channel.send(bytes);
    } catch (cause) {
      this.#waiting.get(last)?.fail(cause as Error);
    }
    return done;
  }

  /** What the kernel names this socket by; stands in notifications of what it caused. */
  get port(): number {
    return this.#channel.port;
  }

  /** All messages of a dump's answer; consistent: taken again while the kernel says that something changed meanwhile. */
  dump(request: NetlinkRequest): Promise<readonly NetlinkMessage[]> {
    // The kernel runs one dump at a time on a socket.
    const turn = this.#dumps.then(() => this.#dumpConsistently(request));
    this.#dumps = turn.catch(() => undefined);
    return turn;
  }

  /** The messages that answer a request which is no dump. Rejects when it is refused. */
  async ask(request: NetlinkRequest): Promise<readonly NetlinkMessage[]> {
    return (await this.#collect(request, NLM_F_ACK)).filter(({ type }) => type !== NLMSG_ERROR);
  }

  close(): void {
    this.#channel.close();
    this.#failAll(new SystemError('wait for an answer on', this.#name, 'EBADF'));
  }

  async #dumpConsistently(request: NetlinkRequest): Promise<readonly NetlinkMessage[]> {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const messages = await this.#dumpOnce(request);
      if (messages !== null) return messages.filter(({ type }) => type !== NLMSG_DONE);
    }
    throw new SystemError(request.operation, request.object, 'EINTR');
  }

  async #dumpOnce(request: NetlinkRequest): Promise<readonly NetlinkMessage[] | null> {
    const messages = await this.#collect(request, NLM_F_DUMP);
    return messages.some(({ flags }) => (flags & NLM_F_DUMP_INTR) !== 0) ? null : messages;
  }

  /** Everything that answers one request, up to the message that ends it. */
  async #collect(request: NetlinkRequest, flags: number): Promise<readonly NetlinkMessage[]> {
    const sequence = this.#sequence++;
    const messages: NetlinkMessage[] = [];
    const done = this.#wait(sequence, sequence, (message, settle) => {
      messages.push(message);
      if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) settle(failure(request, message) ?? undefined);
    });
    try {
      this.#channel.send(encodeMessage({ type: request.type, flags: NLM_F_REQUEST | flags | request.flags, sequence, port: 0, payload: request.payload }));
    } catch (cause) {
      this.#waiting.get(sequence)?.fail(cause as Error);
    }
    await done;
    return messages;
  }

  #send(messages: readonly NetlinkMessage[]): void {
    let chunk = new ByteWriter(NATIVE_ENDIAN);
    for (const message of messages) {
      if (chunk.length > 0 && chunk.length + messageLength(message.payload) > SEND_AT_MOST) {
        this.#channel.send(chunk.finish());
        chunk = new ByteWriter(NATIVE_ENDIAN, SEND_AT_MOST);
      }
      writeMessage(chunk, message);
    }
    this.#channel.send(chunk.finish());
  }

  /** Tells of lost answers when the buffer is read empty: before, there would be no room for the next ones either. */
  #failOnceRead(last: number, until: number): void {
    setImmediate(() => {
      const waiting = this.#waiting.get(last);
      if (waiting === undefined) return;
      if (this.#channel.unread > 0 && performance.now() < until) this.#failOnceRead(last, until);
      else waiting.fail(new SystemError('receive the answers on', this.#name, 'ENOBUFS'));
    });
  }

  /** Registers for the answers to `first`..`last`, under `last`; `hear` settles it. Bounded by `answerWithin` to twice that since the last answer to anything. */
  #wait(first: number, last: number, hear: (message: NetlinkMessage, settle: (error?: Error) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        clearTimeout(timer);
        this.#waiting.delete(last);
        if (error === undefined) resolve();
        else reject(error);
      };
      let heard = false;
      const late = (): void => {
        if (heard) {
          heard = false;
          timer.refresh();
          return;
        }
        // The loop may have been busy for that long, with the answer waiting in the socket: one more round of polling.
        setImmediate(() => setTimeout(() => {
          if (this.#waiting.has(last)) settle(new SystemError('wait for the answer on', this.#name, 'ETIMEDOUT'));
        }, 10));
      };
      const timer = setTimeout(late, this.#answerWithin);
      this.#waiting.set(last, {
        first,
        hear: (message) => { hear(message, settle); },
        stillWaiting: () => { heard = true; },
        fail: settle,
      });
    });
  }

  /** Answers come in the order of the requests: while there are any, those to later requests are not late. */
  #answer(message: NetlinkMessage): void {
    for (const waiting of this.#waiting.values()) waiting.stillWaiting();
    for (const [last, waiting] of this.#waiting) {
      if (message.sequence >= waiting.first && message.sequence <= last) return waiting.hear(message);
    }
  }

  #failAll(cause: SystemError): void {
    for (const waiting of [...this.#waiting.values()]) waiting.fail(cause);
  }
}

interface Waiting {
  readonly first: number;
  hear(message: NetlinkMessage): void;
  stillWaiting(): void;
  fail(cause: Error): void;
}

/** What the last message of an answer says went wrong; null: nothing. */
function failure(request: NetlinkRequest, message: NetlinkMessage): SystemError | null {
  if (message.type === NLMSG_DONE) {
    // A dump that failed half-way says so in its end: a number, negative for an errno.
    const errno = message.payload.length < 4 ? 0 : new ByteReader(message.payload, NATIVE_ENDIAN).i32();
    return errno < 0 ? refusal(request, { errno: -errno, message: null }) : null;
  }
  const result = decodeResult(message);
  if (result instanceof DecodeError) return new SystemError(request.operation, request.object, 'EBADMSG', result);
  return result.errno === 0 ? null : refusal(request, result);
}

function refusal(request: NetlinkRequest, { errno, message }: NetlinkResult): SystemError {
  return new SystemError(request.operation, request.object, errnoCode(errno), message ?? undefined);
}
