import { check, errnoName, NATIVE_LITTLE_ENDIAN, prlimit } from './libc.ts';
import { SystemError } from '../system/error.ts';

/** getrlimit(2); the numbers of Linux' generic ABI. */
export const RLIMIT_CORE = 4;
export const RLIMIT_RTTIME = 15;
export const UNLIMITED = 0xffff_ffff_ffff_ffffn;

export interface Limit {
  readonly soft: bigint;
  readonly hard: bigint;
}

/** A limit of this process. Throws SystemError. */
export function getLimit(resource: number, name: string): Limit {
  const bytes = new Uint8Array(16);
  check(prlimit(0, resource, null, bytes), `get ${name} of`, 'this process');
  const view = new DataView(bytes.buffer);
  return { soft: view.getBigUint64(0, NATIVE_LITTLE_ENDIAN), hard: view.getBigUint64(8, NATIVE_LITTLE_ENDIAN) };
}

/** A soft limit above the hard one is cut down to it. Throws SystemError (EPERM for a higher hard limit without CAP_SYS_RESOURCE). */
export function setLimit(resource: number, name: string, { soft, hard }: Limit): void {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, soft < hard ? soft : hard, NATIVE_LITTLE_ENDIAN);
  view.setBigUint64(8, hard, NATIVE_LITTLE_ENDIAN);
  if (prlimit(0, resource, bytes, null) < 0) throw new SystemError(`set ${name} of`, 'this process', errnoName());
}

/** RLIMIT_CORE without an end; where that may not be, as high as it may be. Throws SystemError. */
export function allowCoreDumps(): void {
  try {
    setLimit(RLIMIT_CORE, 'RLIMIT_CORE', { soft: UNLIMITED, hard: UNLIMITED });
  } catch (cause) {
    if (!(cause instanceof SystemError && cause.code === 'EPERM')) throw cause;
    const { hard } = getLimit(RLIMIT_CORE, 'RLIMIT_CORE');
    setLimit(RLIMIT_CORE, 'RLIMIT_CORE', { soft: hard, hard });
  }
}
