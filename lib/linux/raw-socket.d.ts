/** The part of raw-socket (which has no types of its own) that lib/linux uses; see its index.js. */
declare module 'raw-socket' {
  import type { EventEmitter } from 'node:events';

  export interface SocketOptions {
    readonly protocol: number;
    readonly addressFamily: number;
    readonly bufferSize?: number;
  }

  export class Socket extends EventEmitter {
    constructor(options: SocketOptions);
    /** Called when the event loop finds the descriptor readable. */
    onRecvReady(): void;
    close(): this;
  }

  const raw: {
    readonly Socket: typeof Socket;
    readonly AddressFamily: { readonly IPv4: number; readonly IPv6: number };
  };
  export default raw;
}
