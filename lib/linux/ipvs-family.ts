import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { DecodeError } from '../codec/decode-error.ts';
import { decodeFamily, encodeGetFamily, GENL_ID_CTRL, type GenericFamily } from '../codec/genetlink.ts';
import { IPVS_FAMILY } from '../codec/ipvs.ts';
import { SystemError } from '../system/error.ts';
import type { NetlinkRequests } from './netlink-requests.ts';

const MODULE = 'ip_vs';
const LOAD_WITHIN = 10_000;

/**
 * The number IPVS has in this kernel, and its commands. Where there is none, its module is loaded, by the program the kernel
 * itself uses. Rejects with SystemError ENOENT, whose cause says why and what can be done.
 */
export async function findIpvs(requests: NetlinkRequests): Promise<GenericFamily> {
  const found = await askFor(requests);
  if (found !== null) return found;
  const trouble = await loadModule();
  const loaded = await askFor(requests);
  if (loaded !== null) return loaded;
  throw new SystemError('find', 'IPVS in this kernel', 'ENOENT', new Error(
    `it has none built in, and its module ${MODULE} is not loaded${trouble === null ? '' : ` (${trouble})`}: install the kernel's modules, or in a container load ${MODULE} on the host`,
  ));
}

async function askFor(requests: NetlinkRequests): Promise<GenericFamily | null> {
  const request = { type: GENL_ID_CTRL, flags: 0, payload: encodeGetFamily(IPVS_FAMILY), operation: 'find', object: 'IPVS in this kernel' };
  try {
    const [answer] = await requests.ask(request);
    const family = answer?.type === GENL_ID_CTRL ? decodeFamily(answer.payload) : new DecodeError('bad-family', 'no answer of the controller');
    if (family instanceof DecodeError || family.name !== IPVS_FAMILY) throw new SystemError(request.operation, request.object, 'EBADMSG', family);
    return family;
  } catch (cause) {
    if (cause instanceof SystemError && cause.code === 'ENOENT') return null;
    throw cause;
  }
}

/** null when it is loaded, else what modprobe said. */
async function loadModule(): Promise<string | null> {
  const program = await modprobe();
  return new Promise((resolve) => {
    execFile(program, ['--', MODULE], { timeout: LOAD_WITHIN }, (error, _, stderr) => {
      resolve(error === null ? null : stderr.trim() || error.message.trim());
    });
  });
}

async function modprobe(): Promise<string> {
  try {
    return (await readFile('/proc/sys/kernel/modprobe', 'utf8')).trim() || '/sbin/modprobe';
  } catch {
    // A kernel without modules has no such setting; then modprobe is not there either, and that will be said.
    return '/sbin/modprobe';
  }
}
