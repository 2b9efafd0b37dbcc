/**
 * An HTTP response as keepalived reads it: a status line, header lines up to an empty one, and a body up to the end of the
 * connection. Streaming; keeps the header (bounded) and counts the body.
 */

export interface ResponseHead {
  /** The three digits after `HTTP/d.d `, which a blank must follow; null: no such status line. */
  readonly status: number | null;
  /** Of a header written exactly `Content-Length:`; null: none. */
  readonly contentLength: number | null;
  /** The header as it came, with the empty line. */
  readonly bytes: Buffer;
}

export interface ResponseReader {
  /** Takes what came; hands on parts of the body. */
  take(chunk: Buffer): void;
  /** null while the header is not complete. */
  readonly head: ResponseHead | null;
  /** Bytes of the body so far. */
  readonly received: number;
  /** The header has grown beyond its bound without an end. */
  readonly overflown: boolean;
}

/** A header longer than this is no answer to a health check. */
const HEAD_LIMIT = 64 * 1024;
const EMPTY_LINE = '\r\n\r\n';

export function responseReader(body: (part: Buffer, head: ResponseHead) => void): ResponseReader {
  let head: ResponseHead | null = null;
  let pending: Buffer = Buffer.alloc(0);
  let received = 0;
  let overflown = false;
  return {
    take(chunk) {
      if (head !== null) return bodyPart(head, chunk);
      if (overflown) return;
      // Only the new part, and the three bytes before it, can hold the empty line.
      const from = Math.max(0, pending.length - EMPTY_LINE.length + 1);
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const end = pending.indexOf(EMPTY_LINE, from, 'latin1');
      if (end < 0) {
        overflown = pending.length > HEAD_LIMIT;
        if (overflown) pending = Buffer.alloc(0);
        return;
      }
      const bytes = pending.subarray(0, end + EMPTY_LINE.length);
      head = readHead(bytes);
      const rest = pending.subarray(bytes.length);
      pending = Buffer.alloc(0);
      if (rest.length > 0) bodyPart(head, rest);
    },
    get head() { return head; },
    get received() { return received; },
    get overflown() { return overflown; },
  };

  function bodyPart(of: ResponseHead, part: Buffer): void {
    received += part.length;
    body(part, of);
  }
}

function readHead(bytes: Buffer): ResponseHead {
  const text = bytes.toString('latin1');
  const status = /^HTTP\/\d\.\d (\d{3}) /u.exec(text);
  // Case counts, as in keepalived (reference 5.2).
  const length = /\r\nContent-Length:[ \t]*(\d{1,15})/u.exec(text);
  return { status: status === null ? null : Number(status[1]), contentLength: length === null ? null : Number(length[1]), bytes };
}

/** Follows a body up to its Content-Length, which limits what a digest is made of. */
export function limited(part: Buffer, before: number, contentLength: number | null): Buffer {
  if (contentLength === null || before + part.length <= contentLength) return part;
  return part.subarray(0, Math.max(0, contentLength - before));
}
