import { Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { CheckTarget } from '../config/model-ipvs.ts';
import type { CheckSockets } from '../system/check-sockets.ts';
import type { SystemError } from '../system/error.ts';
import type { Cancel } from '../util/time.ts';
import { routeOf } from './attempt.ts';

export interface StreamEvents {
  /** Connected (and, with TLS, through the handshake): now it may be written to. */
  open(): void;
  data(chunk: Buffer): void;
  /** The peer has sent all it will. */
  end(): void;
  /** It failed: while connecting, in the handshake, or later. Nothing follows. */
  failed(phase: 'connect' | 'handshake' | 'open', cause: Error): void;
}

export interface CheckStream {
  write(bytes: string | Uint8Array): void;
  /** No more of the answer for now: what waits stays in the kernel. */
  pause(): void;
  resume(): void;
  /** Closes whatever is open, at once; no event follows. */
  close: Cancel;
}

export interface TlsSettings {
  readonly options: ConnectionOptions;
  /** Ends with close_notify instead of closing the connection under the session. */
  readonly compliant: boolean;
}

/** A TCP connection of a check, with or without TLS. Throws SystemError when no socket can be made. */
export function openStream(target: CheckTarget, tls: TlsSettings | null, sockets: CheckSockets, events: StreamEvents): CheckStream {
  let socket: Socket | TLSSocket | null = null;
  let raw: Socket | null = null;
  let closed = false;
  const stop = sockets.connect(routeOf(target), (outcome) => {
    if (closed) {
      if ('fd' in outcome) sockets.close(outcome.fd);
    } else if ('fd' in outcome) connected(outcome.fd);
    else failed('connect', outcome.refused);
  });
  return {
    write(bytes) { socket?.write(bytes); },
    pause() { socket?.pause(); },
    resume() { socket?.resume(); },
    close,
  };

  function connected(fd: number): void {
    raw = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
    if (tls === null) {
      listen(raw);
      return events.open();
    }
    const secure = connectTls({ ...tls.options, socket: raw });
    let shaken = false;
    raw.on('error', (cause) => { failed(shaken ? 'open' : 'handshake', cause); });
    secure.once('secureConnect', () => {
      shaken = true;
      if (!closed) events.open();
    });
    listen(secure, () => (shaken ? 'open' : 'handshake'));
  }

  function listen(made: Socket, phase: () => 'handshake' | 'open' = () => 'open'): void {
    socket = made;
    made.on('data', (chunk: Buffer) => { if (!closed) events.data(chunk); });
    made.on('error', (cause) => { failed(phase(), cause); });
    made.once('end', () => {
      if (closed) return;
      if (phase() === 'handshake') failed('handshake', new Error('closed within the handshake'));
      else events.end();
    });
  }

  function failed(phase: 'connect' | 'handshake' | 'open', cause: Error | SystemError): void {
    if (!closed) events.failed(phase, cause);
  }

  function close(): void {
    if (closed) return;
    closed = true;
    stop();
    // The alert goes out before the connection is closed, if the kernel has room for it; nobody waits for the peer's.
    if (tls?.compliant === true && socket !== null && !socket.destroyed) socket.end();
    socket?.destroy();
    raw?.destroy();
  }
}
