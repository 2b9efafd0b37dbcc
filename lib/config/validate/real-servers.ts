/** real_server blocks → RealServer with its checkers; what is not given comes from the virtual server, then from keepalived. */
import type { RawScript } from '../accounts.ts';
import type { Context } from '../context.ts';
import type { Checker, CheckSchedule, CheckTarget, ForwardMethod, HttpUrl, Protocol, RealServer } from '../model-ipvs.ts';
import type { ScriptCommand } from '../model.ts';
import type { IpAddress } from '../../util/ip.ts';
import type { GlobalValues } from './config.ts';
import type { VirtualServerBlock } from './ipvs.ts';
import { judgeScript, noteScript, type ScriptState } from './scripts.ts';

type Server = NonNullable<VirtualServerBlock['values']['real_server']>[number];

const SECOND = 1000;
const DEFAULT_LOOP = 60 * SECOND;
const DEFAULT_CONNECT = 5 * SECOND;

interface Service {
  readonly forward: ForwardMethod;
  readonly protocol: Protocol | null;
  readonly port: number;
}

export function buildRealServer(block: Server, service: VirtualServerBlock['values'], given: GlobalValues, of: Service, scripts: ScriptState, context: Context): RealServer {
  const { values, header } = block;
  if (values.uthreshold !== undefined && values.uthreshold !== 0 && (values.lthreshold ?? 0) > values.uthreshold) {
    context.report({ code: 'thresholds', severity: 'warning', recorded: 'none', wording: null, place: block.placeOf('lthreshold') ?? block.place, message: 'lthreshold is above uthreshold', remedy: 'the server would never take new connections again' });
  }
  const port = header.port ?? of.port;
  const id = `[${header.address}]:${of.protocol ?? 'none'}:${String(port)}`;
  return {
    id, port,
    address: header.address,
    weight: values.weight ?? service.weight ?? 1,
    forward: values.lvs_method ?? of.forward,
    upperThreshold: values.uthreshold ?? 0,
    lowerThreshold: values.lthreshold ?? 0,
    inhibitOnFailure: values.inhibit_on_failure ?? service.inhibit_on_failure ?? false,
    alpha: values.alpha ?? service.alpha ?? false,
    smtpAlert: values.smtp_alert ?? given.smtp_alert_checker ?? given.smtp_alert ?? true,
    notifyUp: command(values.notify_up, scripts, context),
    notifyDown: command(values.notify_down, scripts, context),
    snmpName: values.snmp_name ?? null,
    checkers: checkersOf(block, service, given, { address: header.address, port }, scripts, context),
  };
}

function command(script: RawScript | undefined, scripts: ScriptState, context: Context): ScriptCommand | null {
  if (script === undefined) return null;
  const verdict = judgeScript(context, script, script.account);
  noteScript(scripts, verdict);
  if (verdict.ok) return verdict.command;
  context.report({ code: 'script-not-runnable', severity: 'warning', recorded: 'none', wording: null, message: `script '${script.path}' is not run: ${verdict.detail}` });
  return null;
}

interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}

function checkersOf(block: Server, service: VirtualServerBlock['values'], given: GlobalValues, server: Endpoint, scripts: ScriptState, context: Context): Checker[] {
  const { values } = block;
  const inherit = new Inherited(values, service, given, server);
  if (values.TCP_CHECK?.length === 1 && hasNoOther(values)) return [connectChecker('TCP_CHECK', values.TCP_CHECK[0]?.values ?? {}, inherit)];
  const checkers: Checker[] = [];
  for (const type of ['TCP_CHECK', 'PING_CHECK'] as const) {
    for (const check of values[type] ?? []) checkers.push(connectChecker(type, check.values, inherit));
  }
  for (const check of values.SMTP_CHECK ?? []) {
    const helo = check.values.helo_name ?? 'smtpchecker.keepalived.org';
    // A host is one more; the server itself is asked as well (seen with 2.2.7).
    for (const one of [check.values, ...(check.values.host ?? []).map((host) => host.values)]) {
      checkers.push({ type: 'SMTP_CHECK', target: inherit.target(one), schedule: inherit.schedule(one, 1, SECOND), helo });
    }
  }
  for (const check of values.UDP_CHECK ?? []) {
    const { payload, require_reply: reply, min_reply_length: min, max_reply_length: max } = check.values;
    checkers.push({
      type: 'UDP_CHECK', target: inherit.target(check.values), schedule: inherit.schedule(check.values, 1, SECOND),
      payload: payload ?? null, reply: reply === undefined || reply === '' ? null : reply, requireReply: reply !== undefined, minReply: min ?? 0, maxReply: max ?? 255,
    });
  }
  for (const check of values.DNS_CHECK ?? []) {
    checkers.push({ type: 'DNS_CHECK', target: inherit.target(check.values), schedule: inherit.schedule(check.values, 3, null), query: check.values.type ?? 'SOA', name: check.values.name ?? '.' });
  }
  for (const type of ['HTTP_GET', 'SSL_GET'] as const) {
    for (const check of values[type] ?? []) checkers.push(httpChecker(type, check.values, inherit));
  }
  for (const check of values.MISC_CHECK ?? []) {
    const script = check.values.misc_path as RawScript;
    const account = check.values.user ?? script.account;
    const verdict = judgeScript(context, script, account);
    noteScript(scripts, verdict);
    if (!verdict.ok) {
      context.report({ code: 'script-not-runnable', recorded: 'none', wording: null, place: check.place, message: `Disabling misc script ${script.argv.join(' ')} ${verdict.reason === 'missing' ? 'since not found/accessible' : 'due to insecure'}`, remedy: verdict.detail });
      continue;
    }
    const schedule = inherit.schedule(check.values, 0, SECOND);
    const timeout = check.values.misc_timeout;
    checkers.push({ type: 'MISC_CHECK', schedule, command: verdict.command, timeout: timeout === undefined || timeout === 0 ? schedule.delayLoop : timeout, dynamic: check.values.misc_dynamic ?? false });
  }
  for (const check of values.FILE_CHECK ?? []) {
    const { track_file: trackFile = '', weight: own } = check.values;
    const { weight, reverse } = own ?? fileWeights(context).get(trackFile) ?? { weight: 1, reverse: false };
    checkers.push({ type: 'FILE_CHECK', trackFile, weight, reverse });
  }
  for (const check of values.BFD_CHECK ?? []) checkers.push({ type: 'BFD_CHECK', session: check.values.name ?? '', alpha: check.values.alpha ?? false });
  return checkers;
}

/** How a track_file counts where its user says nothing. */
export interface FileWeight {
  readonly weight: number;
  readonly reverse: boolean;
}

function fileWeights(context: Context): ReadonlyMap<string, FileWeight> {
  return (context.switches.get('file_weights') as ReadonlyMap<string, FileWeight> | undefined) ?? new Map();
}

/** Keywords of a real server beside which a TCP_CHECK is its only checker: most servers have just that. */
const NOT_A_CHECKER = new Set(['TCP_CHECK', 'weight', 'lvs_method', 'inhibit_on_failure', 'uthreshold', 'lthreshold', 'notify_up', 'notify_down', 'smtp_alert', 'alpha', 'retry', 'delay_before_retry', 'delay_loop', 'connect_timeout', 'warmup']);

function hasNoOther(values: Server['values']): boolean {
  for (const name in values) if (!NOT_A_CHECKER.has(name)) return false;
  return true;
}

function connectChecker(type: 'TCP_CHECK' | 'PING_CHECK', values: Connection & Timing, inherit: Inherited): Checker {
  return { type, target: inherit.target(values), schedule: inherit.schedule(values, 1, SECOND) };
}

type HttpValues = NonNullable<Server['values']['HTTP_GET']>[number]['values'] & { readonly tls_compliant?: boolean };
type UrlValues = NonNullable<HttpValues['url']>[number]['values'] & { readonly tls_compliant?: boolean };

function httpChecker(type: 'HTTP_GET' | 'SSL_GET', values: HttpValues, inherit: Inherited): Checker {
  return {
    type,
    target: inherit.target(values),
    schedule: inherit.schedule(values, 1, 3 * SECOND),
    urls: (values.url ?? []).map((url) => httpUrl(url.values, values.tls_compliant ?? false)),
    virtualHost: values.virtualhost ?? inherit.virtualHost(),
    protocol: values.http_protocol === '1.0c' ? '1.0C' : (values.http_protocol ?? '1.0'),
    sni: values.enable_sni ?? values.sni_name !== undefined,
    sniName: values.sni_name ?? null,
    sniHost: values.virtualhost ?? inherit.serviceHost(),
    fastRecovery: values.fast_recovery ?? false,
    tlsCompliant: values.tls_compliant ?? false,
  };
}

function httpUrl(values: UrlValues, compliant: boolean): HttpUrl {
  return {
    path: values.path ?? '/',
    digests: values.digest ?? [],
    statusCodes: values.status_code ?? [],
    virtualHost: values.virtualhost ?? null,
    regex: values.regex === undefined ? null : {
      pattern: values.regex,
      options: values.regex_options ?? [],
      negated: values.regex_no_match ?? false,
      minOffset: values.regex_min_offset ?? 0,
      maxOffset: values.regex_max_offset ?? 0,
    },
    tlsCompliant: compliant || (values.tls_compliant ?? false),
  };
}

type Timing = Pick<Server['values'], 'retry' | 'delay_before_retry' | 'warmup' | 'delay_loop' | 'alpha'> & { readonly log_all_failures?: boolean };
type Connection = NonNullable<Server['values']['TCP_CHECK']>[number]['values'];

/** What a checker takes from its real server, that from its virtual server, and that from keepalived. */
class Inherited {
  readonly #server: Server['values'];
  readonly #service: VirtualServerBlock['values'];
  readonly #given: GlobalValues;
  readonly #endpoint: Endpoint;

  constructor(server: Server['values'], service: VirtualServerBlock['values'], given: GlobalValues, endpoint: Endpoint) {
    this.#server = server;
    this.#service = service;
    this.#given = given;
    this.#endpoint = endpoint;
  }

  virtualHost(): string | null {
    return this.#server.virtualhost ?? this.serviceHost();
  }

  serviceHost(): string | null {
    return this.#service.virtualhost ?? null;
  }

  /** `retryDelay` null: the delay loop. */
  schedule(own: Timing, retry: number, retryDelay: number | null): CheckSchedule {
    const server = this.#server;
    const service = this.#service;
    const delayLoop = own.delay_loop ?? server.delay_loop ?? service.delay_loop ?? DEFAULT_LOOP;
    return {
      delayLoop,
      warmup: own.warmup ?? server.warmup ?? service.warmup ?? delayLoop,
      retry: own.retry ?? server.retry ?? service.retry ?? retry,
      delayBeforeRetry: own.delay_before_retry ?? server.delay_before_retry ?? service.delay_before_retry ?? retryDelay ?? delayLoop,
      alpha: own.alpha ?? server.alpha ?? service.alpha ?? false,
      logAllFailures: own.log_all_failures ?? this.#given.checker_log_all_failures ?? false,
    };
  }

  target(own: Connection): CheckTarget {
    return {
      address: own.connect_ip?.address ?? this.#endpoint.address,
      port: own.connect_port ?? own.connect_ip?.port ?? this.#endpoint.port,
      bindAddress: own.bindto?.address ?? null,
      bindPort: own.bind_port ?? own.bindto?.port ?? 0,
      bindLink: own.bind_if ?? null,
      fwmark: own.fwmark ?? 0,
      connectTimeout: own.connect_timeout ?? this.#server.connect_timeout ?? this.#service.connect_timeout ?? DEFAULT_CONNECT,
    };
  }
}
