/** A keyed digest (RFC 2104), handed to pure code by whoever has a cryptographic library. */
export type Hmac = (algorithm: 'md5' | 'sha256', key: Uint8Array, ...parts: readonly Uint8Array[]) => Uint8Array;
