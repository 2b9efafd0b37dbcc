import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { ServiceEntryStatus } from '../codec/ipvs-values.ts';
import { connectionLine, connectionsHead, parseConnection } from '../ipvs/report/connections.ts';
import { connectionJson, tableJson } from '../ipvs/report/json.ts';
import { daemonLine, listTable, timeoutsLine, type ListKind } from '../ipvs/report/list.ts';
import { inOrder } from '../ipvs/report/order.ts';
import { saveTable } from '../ipvs/report/save.ts';
import { linuxIpvs } from '../linux/ipvs.ts';
import { SystemError } from '../system/error.ts';
import type { IpvsControl } from '../system/ipvs.ts';

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
}

const CONNECTIONS = '/proc/net/ip_vs_conn';

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
  if (options.json === true) return [tableJson(await control.info(), await control.timeouts(), await control.daemons(), await table(control, options))];
  if (options.timeout === true) return [timeoutsLine(await control.timeouts())];
  if (options.daemon === true) return (await control.daemons()).map(daemonLine);
  if (options.save === true) return saveTable(await table(control, options));
  return listTable(await control.info(), await table(control, options), listKind(options), options.exact === true);
}

async function table(control: IpvsControl, { sort }: IpvsOptions): Promise<readonly ServiceEntryStatus[]> {
  const entries = await control.dump();
  return sort === false ? entries : inOrder(entries);
}

function listKind({ stats, rate, thresholds, persistentConn, tunInfo }: IpvsOptions): ListKind {
  if (stats === true) return 'stats';
  if (rate === true) return 'rate';
  if (thresholds === true) return 'thresholds';
  if (persistentConn === true) return 'persistent';
  return tunInfo === true ? 'tunnels' : 'plain';
}

/** Line by line, since there may be millions. */
async function printConnections({ json, persistentConn }: IpvsOptions): Promise<void> {
  const engines = persistentConn === true;
  if (json !== true) print(connectionsHead(engines));
  const source = createReadStream(CONNECTIONS, 'utf8');
  const broken = new Promise<never>((_, reject) => {
    source.once('error', (cause: NodeJS.ErrnoException) => { reject(new SystemError('read', CONNECTIONS, cause.code ?? 'EIO', cause)); });
  });
  await Promise.race([broken, eachLine(source, (line) => {
    const connection = parseConnection(line);
    if (connection !== null) print([json === true ? connectionJson(connection) : connectionLine(connection, engines)]);
  })]);
}

async function eachLine(source: NodeJS.ReadableStream, take: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: source, crlfDelay: Infinity })) take(line);
}

function print(text: readonly string[]): void {
  if (text.length > 0) process.stdout.write(`${text.join('\n')}\n`);
}

function trouble(cause: SystemError): string {
  const why = cause.cause instanceof Error ? `: ${cause.cause.message}` : '';
  return `${cause.message}${why}${cause.code === 'EPERM' ? ' (root or CAP_NET_ADMIN is needed)' : ''}`;
}
