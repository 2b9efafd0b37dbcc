import type { ServiceEntryStatus } from '../codec/ipvs-values.ts';
import { connectionLine, connectionsHead, FOUR_ADDRESSES_HEAD, fourAddressesLine } from '../ipvs/report/connections.ts';
import { connectionJson, print as printJson, tableJson } from '../ipvs/report/json.ts';
import { daemonLine, headLine, listTable, timeoutsLine, type ListKind } from '../ipvs/report/list.ts';
import { localLines, localsJson } from '../ipvs/report/local-addresses.ts';
import { inOrder } from '../ipvs/report/order.ts';
import { saveTable } from '../ipvs/report/save.ts';
import { serviceOption } from '../ipvs/report/words.ts';
import { linuxIpvs } from '../linux/ipvs.ts';
import { SystemError } from '../system/error.ts';
import type { IpvsControl } from '../system/ipvs.ts';
import { eachConnection, eachJoined } from './ipvs-connections.ts';
import { asFullnat, localAddresses, sizeHint, translated } from './ipvs-fullnat.ts';

export interface IpvsOptions {
  readonly connection?: boolean;
  readonly save?: boolean;
  readonly stats?: boolean;
  readonly rate?: boolean;
  readonly thresholds?: boolean;
  readonly persistentConn?: boolean;
  readonly tunInfo?: boolean;
  readonly timeout?: boolean;
  readonly daemon?: boolean;
  readonly exact?: boolean;
  readonly sort?: boolean;
  readonly json?: boolean;
  /** With what FULLNAT adds. */
  readonly fullnat?: boolean;
  readonly getLaddr?: boolean;
  /** One service: `192.0.2.1:80`, or a mark. */
  readonly tcpService?: string;
  readonly udpService?: string;
  readonly fwmarkService?: string;
}

/** `ipvs`: the kernel's table, as ipvsadm prints it. Exit code 2: the kernel could not be asked, which is said. */
export async function ipvs(options: IpvsOptions): Promise<number> {
  try {
    const control = await linuxIpvs();
    try {
      if (options.connection === true) await printConnections(options);
      else print(await lines(control, options));
    } finally {
      control.close();
    }
    return 0;
  } catch (cause) {
    if (!(cause instanceof SystemError)) throw cause;
    process.stderr.write(`tskeepalived: ${trouble(cause)}\n`);
    return 2;
  }
}

async function lines(control: IpvsControl, options: IpvsOptions): Promise<string[]> {
  if (options.getLaddr === true) return localLists(control, options);
  if (options.json === true) {
    const [entries, notes] = [await table(control, options), translated()];
    return [tableJson(await control.info(), await control.timeouts(), await control.daemons(), entries, localsJson(await localAddresses(control, entries, notes)))];
  }
  if (options.timeout === true) return [timeoutsLine(await control.timeouts())];
  if (options.daemon === true) return (await control.daemons()).map(daemonLine);
  const entries = await table(control, options);
  if (options.save === true) return saveTable(entries);
  const info = await control.info();
  // Of a single service ipvsadm leaves the first line out.
  if (options.fullnat !== true) return listTable(info, entries, listKind(options), options.exact === true).slice(chosen(options).length === 0 ? 0 : 1);
  hint(sizeHint(info));
  return listTable(info, asFullnat(entries, translated()), listKind(options), options.exact === true);
}

/** -G, as the ipvsadm of FULLNAT's kernels has it. */
async function localLists(control: IpvsControl, options: IpvsOptions): Promise<string[]> {
  const [info, entries] = [await control.info(), await table(control, options)];
  const services = await localAddresses(control, entries, translated());
  if (options.json === true) return [printJson(localsJson(services))];
  hint(services.length === 0 ? 'hint: no service of this table has FULLNAT' : sizeHint(info));
  return [headLine(info), ...localLines(services)];
}

async function table(control: IpvsControl, { sort, ...options }: IpvsOptions): Promise<readonly ServiceEntryStatus[]> {
  const wanted = chosen(options);
  const entries = (await control.dump()).filter(({ service }) => wanted.length === 0 || wanted.includes(serviceOption(service.id)));
  return sort === false ? entries : inOrder(entries);
}

/** Services that are asked for by themselves, as ipvsadm's options name them; none: all. */
function chosen({ tcpService, udpService, fwmarkService }: IpvsOptions): string[] {
  return [...one('-t', tcpService), ...one('-u', udpService), ...one('-f', fwmarkService)];
}

function one(option: string, service: string | undefined): string[] {
  return service === undefined ? [] : [`${option} ${service}`];
}

function listKind({ stats, rate, thresholds, persistentConn, tunInfo }: IpvsOptions): ListKind {
  if (stats === true) return 'stats';
  if (rate === true) return 'rate';
  if (thresholds === true) return 'thresholds';
  if (persistentConn === true) return 'persistent';
  return tunInfo === true ? 'tunnels' : 'plain';
}

async function printConnections({ json, persistentConn, fullnat }: IpvsOptions): Promise<void> {
  const engines = persistentConn === true;
  if (json === true) return eachJoined((connection) => { print([connectionJson(connection)]); });
  if (fullnat === true) {
    print(FOUR_ADDRESSES_HEAD);
    return eachJoined((connection) => { print([fourAddressesLine(connection)]); });
  }
  print(connectionsHead(engines));
  return eachConnection((connection) => { print([connectionLine(connection, engines)]); });
}

/** Beside what is printed for programs. */
function hint(line: string | null): void {
  if (line !== null) process.stderr.write(`${line}\n`);
}

function print(text: readonly string[]): void {
  if (text.length > 0) process.stdout.write(`${text.join('\n')}\n`);
}

function trouble(cause: SystemError): string {
  const why = cause.cause instanceof Error ? `: ${cause.cause.message}` : '';
  return `${cause.message}${why}${cause.code === 'EPERM' ? ' (root or CAP_NET_ADMIN is needed)' : ''}`;
}
