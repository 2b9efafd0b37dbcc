import { networkInterfaces, release } from 'node:os';
import { printDiagnostic } from '../config/load.ts';
import { examine, EXAMINED_SYSCTLS, findingsExit, findingsText, type MachineFacts } from '../ipvs/fullnat/doctor.ts';
import { linuxIpvs } from '../linux/ipvs.ts';
import { linuxPacketFilter } from '../linux/packet-filter.ts';
import { linuxSysctls } from '../linux/sysctls.ts';
import { SystemError } from '../system/error.ts';
import { ip, type IpAddress } from '../util/ip.ts';
import { loadThere } from './config-test.ts';
import { defaultConfigId, fileReader } from './machine.ts';

const UNUSABLE = 2;

/**
 * `doctor`: can this machine do what the configuration asks of IPVS and FULLNAT? Changes nothing, but that the kernel may load
 * modules when they are asked for. Exit code 0: nothing but notes; 1: warnings; 2: errors, or a configuration that cannot be used.
 */
export async function doctor(path: string, { json, configId }: { readonly json?: boolean; readonly configId?: string }): Promise<number> {
  const { config, diagnostics, trouble } = await loadThere({ path, configId: configId ?? defaultConfigId(), allConfigErrors: true }, null);
  for (const line of trouble) process.stderr.write(`tskeepalived: ${line}\n`);
  if (config === null) {
    for (const one of diagnostics) process.stderr.write(`${printDiagnostic(one)}\n`);
    return UNUSABLE;
  }
  const findings = examine(config.ipvs, await factsOf());
  process.stdout.write(json === true ? `${JSON.stringify(findings, null, 2)}\n` : findingsText(findings));
  return findingsExit(findings);
}

async function factsOf(): Promise<MachineFacts> {
  // IPVS first: its parameters are there when it is.
  const ipvs = await ipvsFacts();
  const nftables = await nftablesMissing();
  const sysctls = new Map<string, string>();
  const reader = linuxSysctls();
  for (const path of EXAMINED_SYSCTLS) {
    const value = await reader.read(path).catch((cause: unknown) => absent(cause));
    if (value !== null) sysctls.set(path, value);
  }
  return { release: release(), ipvs, nftables, sysctls, module: knownModules(), addresses: ownAddresses() };
}

async function ipvsFacts(): Promise<MachineFacts['ipvs']> {
  try {
    const control = await linuxIpvs();
    try {
      return { tableSize: (await control.info()).connectionTableSize, fullnat: control.fullnat };
    } finally {
      control.close();
    }
  } catch (cause) {
    return { missing: reason(cause) };
  }
}

async function nftablesMissing(): Promise<string | null> {
  const filter = linuxPacketFilter();
  try {
    await filter.tables();
    return null;
  } catch (cause) {
    return reason(cause);
  } finally {
    filter.close();
  }
}

/** Of the kernel that runs: in it, loaded, or in its directory. */
function knownModules(): MachineFacts['module'] {
  const folder = `/lib/modules/${release()}`;
  const named = (path: string, pattern: RegExp): string[] | null => {
    const file = fileReader.read(path);
    return file.ok ? [...new TextDecoder().decode(file.bytes).matchAll(pattern)].map(([, name = '']) => name.replaceAll('-', '_')) : null;
  };
  const loaded = named('/proc/modules', /^(\S+)/gmu);
  const files = named(`${folder}/modules.dep`, /([^/\s]+)\.ko[^:\s]*:/gu);
  const builtin = named(`${folder}/modules.builtin`, /([^/\s]+)\.ko/gu);
  const there = new Set([...(loaded ?? []), ...(files ?? []), ...(builtin ?? [])]);
  return (name) => (there.has(name) ? true : files === null && builtin === null ? null : false);
}

function ownAddresses(): ReadonlySet<IpAddress> {
  return new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => ip(address.replace(/%.*$/u, '')))));
}

function absent(cause: unknown): null {
  if (cause instanceof SystemError) return null;
  throw cause;
}

function reason(cause: unknown): string {
  if (!(cause instanceof SystemError)) throw cause;
  const why = cause.cause instanceof Error ? `: ${cause.cause.message}` : '';
  return `${cause.message}${why}${cause.code === 'EPERM' ? ' (root or CAP_NET_ADMIN is needed)' : ''}`;
}
