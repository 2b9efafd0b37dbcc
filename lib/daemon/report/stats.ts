import type { InstanceStatus, Status } from '../status.ts';

/** keepalived.stats as keepalived 2.4 writes it on USR2. */
export function renderStats({ instances }: Pick<Status, 'instances'>): string {
  return instances.map(instanceStats).join('');
}

function instanceStats({ config, counters }: InstanceStatus): string {
  const lines = [
    `VRRP Instance: ${config.name}`,
    '  Advertisements:',
    `    Received: ${String(counters.received)}`,
    `    Sent: ${String(counters.sent)}`,
    `  Became master: ${String(counters.becameMaster)}`,
    `  Released master: ${String(counters.releasedMaster)}`,
    '  Packet Errors:',
    `    Length: ${String(counters.packetLenErr)}`,
    `    TTL: ${String(counters.ttlErr)}`,
    `    Invalid Type: ${String(counters.invalidTypeRcvd)}`,
    `    Advertisement Interval: ${String(counters.advertIntervalErr)}`,
    `    Address List: ${String(counters.addrListErr)}`,
    '  Authentication Errors:',
    `    Invalid Type: ${String(counters.invalidAuthType)}`,
    `    Type Mismatch: ${String(counters.authTypeMismatch)}`,
    `    Failure: ${String(counters.authFailure)}`,
    '  Authentication Extension Errors:',
    `    Missing: ${String(counters.authExtMissing)}`,
    `    Malformed: ${String(counters.authExtMalformed)}`,
    `    Unknown Key: ${String(counters.authExtUnknownKey)}`,
    `    Invalid HMAC: ${String(counters.authExtInvalidHmac)}`,
    `    Stale: ${String(counters.authExtStale)}`,
    `    Replay: ${String(counters.authExtReplay)}`,
    '  Priority Zero:',
    `    Received: ${String(counters.priZeroRcvd)}`,
    `    Sent: ${String(counters.priZeroSent)}`,
  ];
  return `${lines.join('\n')}\n`;
}
