/** The part of cap (which has no types of its own) that lib/linux uses; see its README. */
declare module 'cap' {
  import type { EventEmitter } from 'node:events';

  export class Cap extends EventEmitter {
    /** Starts capturing, in promiscuous mode; returns the link type. */
    open(device: string, filter: string, bufferSize: number, buffer: Buffer): string;
    close(): boolean;
  }

  const cap: { readonly Cap: typeof Cap };
  export default cap;
}
