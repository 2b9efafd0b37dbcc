/** What a virtual router counts (RFC 9568 has them in its MIB; the names are keepalived's JSON names in our spelling). */
export interface VrrpCounters {
  /** Valid advertisements taken in. */
  readonly received: number;
  /** Advertisements sent, those of priority zero at a change of state excepted. */
  readonly sent: number;
  readonly becameMaster: number;
  readonly releasedMaster: number;
  readonly packetLenErr: number;
  readonly ttlErr: number;
  readonly invalidTypeRcvd: number;
  readonly advertIntervalErr: number;
  readonly addrListErr: number;
  readonly invalidAuthType: number;
  readonly authTypeMismatch: number;
  readonly authFailure: number;
  /** auth_hmac, keepalived 2.4's extension. */
  readonly authExtMissing: number;
  readonly authExtMalformed: number;
  readonly authExtUnknownKey: number;
  readonly authExtInvalidHmac: number;
  readonly authExtStale: number;
  readonly authExtReplay: number;
  readonly priZeroRcvd: number;
  readonly priZeroSent: number;
  readonly checksumErr: number;
  readonly versionErr: number;
  /** Heard on its interface for a virtual router that nobody here is. */
  readonly vridErr: number;
  /** Multicast where unicast was expected, or the other way round. */
  readonly castErr: number;
  /** From an address that is none of its unicast peers. */
  readonly peerErr: number;
}

export type CounterName = keyof VrrpCounters;

/** As at the start and after SIGRTMAX-1. */
export const ZERO_COUNTERS: VrrpCounters = {
  received: 0,
  sent: 0,
  becameMaster: 0,
  releasedMaster: 0,
  packetLenErr: 0,
  ttlErr: 0,
  invalidTypeRcvd: 0,
  advertIntervalErr: 0,
  addrListErr: 0,
  invalidAuthType: 0,
  authTypeMismatch: 0,
  authFailure: 0,
  authExtMissing: 0,
  authExtMalformed: 0,
  authExtUnknownKey: 0,
  authExtInvalidHmac: 0,
  authExtStale: 0,
  authExtReplay: 0,
  priZeroRcvd: 0,
  priZeroSent: 0,
  checksumErr: 0,
  versionErr: 0,
  vridErr: 0,
  castErr: 0,
  peerErr: 0,
};

/** The same counters with one of them raised by `by`. */
export function count(counters: VrrpCounters, which: CounterName, by = 1): VrrpCounters {
  const next = copy(counters);
  next[which] += by;
  return next;
}

/** What each error of a packet that arrived is called where people read it; in the order of the checks. */
export const RECEIVE_ERRORS = {
  vridErr: 'unknown VRID',
  packetLenErr: 'length',
  ttlErr: 'TTL/HL',
  versionErr: 'version',
  authExtMissing: 'HMAC missing',
  authExtMalformed: 'HMAC malformed',
  authExtUnknownKey: 'HMAC key unknown',
  authExtInvalidHmac: 'HMAC invalid',
  authExtStale: 'HMAC stale',
  authExtReplay: 'HMAC replay',
  invalidAuthType: 'authentication type',
  authTypeMismatch: 'authentication type mismatch',
  authFailure: 'authentication',
  advertIntervalErr: 'advertisement interval',
  invalidTypeRcvd: 'type',
  checksumErr: 'checksum',
  castErr: 'multicast/unicast',
  peerErr: 'unicast source',
  addrListErr: 'address list',
} as const satisfies Partial<Record<CounterName, string>>;

/** By name: a spread of so many fields takes V8 some 5 µs instead of 0.2, and every advertisement is counted. */
function copy(counters: VrrpCounters): { -readonly [name in CounterName]: number } {
  return {
    received: counters.received, sent: counters.sent, becameMaster: counters.becameMaster, releasedMaster: counters.releasedMaster,
    packetLenErr: counters.packetLenErr, ttlErr: counters.ttlErr, invalidTypeRcvd: counters.invalidTypeRcvd,
    advertIntervalErr: counters.advertIntervalErr, addrListErr: counters.addrListErr, invalidAuthType: counters.invalidAuthType,
    authTypeMismatch: counters.authTypeMismatch, authFailure: counters.authFailure, authExtMissing: counters.authExtMissing,
    authExtMalformed: counters.authExtMalformed, authExtUnknownKey: counters.authExtUnknownKey,
    authExtInvalidHmac: counters.authExtInvalidHmac, authExtStale: counters.authExtStale, authExtReplay: counters.authExtReplay,
    priZeroRcvd: counters.priZeroRcvd, priZeroSent: counters.priZeroSent, checksumErr: counters.checksumErr,
    versionErr: counters.versionErr, vridErr: counters.vridErr, castErr: counters.castErr, peerErr: counters.peerErr,
  };
}
