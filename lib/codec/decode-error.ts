/**
 * Bytes from outside that are not what they should be. Returned by decoders, never thrown, so that no input can end the
 * daemon; tell it from a value with `instanceof DecodeError`.
 */
export class DecodeError {
  /** What is wrong, as a stable word: 'too-short', 'bad-checksum', … */
  readonly code: string;
  /** The same for people, with the figures. */
  readonly detail: string;

  constructor(code: string, detail: string) {
    this.code = code;
    this.detail = detail;
  }
}
