/**
 * Tree and Config → conf text of what is in effect: settings with their effective values, defaults filled in, and everything
 * else as given. Reads as the same Config.
 */
import type { BlockValue, Statement } from '../keyword.ts';
import type { Endpoint } from '../keywords/checkers.ts';
import type { Checker, RealServer, VirtualServer } from '../model-ipvs.ts';
import type { Config, GlobalDefs, VrrpInstance, VrrpScript } from '../model.ts';
import { confWord, statementText } from './conf-text.ts';

const INDENT = '    ';

/** Keywords with their values, in the order of the text; null: not written, whatever was given. */
type Effective = Readonly<Record<string, string | null>>;

/** The text as lines. `hide`: passwords become stars, for the log. */
export function effectiveConf(tree: BlockValue, config: Config, hide = false): string[] {
  const lines: string[] = [];
  const defs = tree.statements.findIndex(({ words, block }) => words[0] === 'global_defs' && block !== null);
  if (defs < 0) lines.push('global_defs {', ...settings(globalDefs(config.global), INDENT), '}');
  const dump = new Dump(config, lines, hide);
  for (const [i, statement] of tree.statements.entries()) dump.statement(statement, '', i === defs ? 'first' : 'further');
  return lines;
}

class Dump {
  readonly #config: Config;
  readonly #lines: string[];
  readonly #hide: boolean;
  /** Virtual servers have no unique name: each is used once. */
  readonly #services: VirtualServer[];

  constructor(config: Config, lines: string[], hide: boolean) {
    this.#config = config;
    this.#lines = lines;
    this.#hide = hide;
    this.#services = [...config.ipvs.virtualServers];
  }

  statement(one: Statement, indent: string, which: 'first' | 'further'): void {
    const { words, block, entries, row } = one;
    if (block === null && entries === null) {
      const secret = this.#hide && (words[0] === 'auth_pass' || words[0] === 'password' || words[0] === 'key');
      this.#lines.push(indent + (secret ? `${words[0] ?? ''} ********` : statementText(one)));
      return;
    }
    const named = row.list?.named === true ? 2 : 1;
    this.#lines.push(`${indent}${(block === null ? words.slice(0, named) : words).map((word) => confWord(word)).join(' ')} {`);
    if (block !== null) this.#block(one, block, indent + INDENT, which);
    for (const entry of entries ?? []) this.#lines.push(indent + INDENT + entry.words.map((word, i) => confWord(word, i === 0)).join(' '));
    this.#lines.push(`${indent}}`);
  }

  #block(one: Statement, block: BlockValue, indent: string, which: 'first' | 'further'): void {
    const { words } = one;
    const name = words[1] ?? '';
    switch (words[0] ?? '') {
      case 'global_defs': {
        const all = globalDefs(this.#config.global);
        return this.#body(block, indent, which === 'first' ? all : Object.fromEntries(Object.keys(all).map((key) => [key, null])));
      }
      case 'vrrp_instance': return this.#body(block, indent, instance(this.#config.instances.find((i) => i.name === name)));
      case 'vrrp_script': return this.#body(block, indent, script(this.#config.scripts.find((s) => s.name === name)));
      case 'virtual_server': return this.#service(block, indent);
      default: return this.#body(block, indent, {});
    }
  }

  /** Effective values first; what they replace is left out. */
  #body(block: BlockValue, indent: string, effective: Effective, inner: (one: Statement) => void = (one) => { this.statement(one, indent, 'further'); }): void {
    this.#lines.push(...settings(effective, indent));
    for (const one of block.statements) if (!Object.hasOwn(effective, one.row.alias ?? one.words[0] ?? '')) inner(one);
  }

  #service(block: BlockValue, indent: string): void {
    const key = JSON.stringify(block.header);
    const at = this.#services.findIndex((one) => JSON.stringify(one.key) === key);
    const [service] = at < 0 ? [] : this.#services.splice(at, 1);
    const servers = [...(service?.realServers ?? [])];
    this.#body(block, indent, virtualServer(service), (one) => {
      if (one.words[0] !== 'real_server' || one.block === null) return this.statement(one, indent, 'further');
      const found = servers.findIndex((server) => server.address === (one.block?.header as Endpoint).address);
      const [server] = found < 0 ? [] : servers.splice(found, 1);
      this.#lines.push(`${indent}${statementText(one)} {`);
      this.#realServer(one.block, server, indent + INDENT);
      this.#lines.push(`${indent}}`);
    });
  }

  #realServer(block: BlockValue, server: RealServer | undefined, indent: string): void {
    const checks = block.statements.filter(({ block: inner }) => inner !== null);
    const known = server !== undefined && server.checkers.length === checks.length && server.checkers.every((checker, i) => checker.type === checks[i]?.words[0]);
    const order = checks.filter(() => known);
    this.#body(block, indent, realServer(server), (one) => {
      const checker = one.block === null ? undefined : server?.checkers[order.indexOf(one)];
      if (one.block === null || checker === undefined) return this.statement(one, indent, 'further');
      this.#lines.push(`${indent}${statementText(one)} {`);
      this.#body(one.block, indent + INDENT, schedule(checker), (inner) => { this.statement(inner, indent + INDENT, 'further'); });
      this.#lines.push(`${indent}}`);
    });
  }
}

function settings(effective: Effective, indent: string): string[] {
  return Object.entries(effective).flatMap(([name, value]) => (value === null ? [] : [`${indent}${name}${value === '' ? '' : ` ${value}`}`]));
}

function globalDefs(global: GlobalDefs): Effective {
  return {
    router_id: confWord(global.routerId),
    vrrp_mcast_group4: global.multicastGroup4,
    vrrp_mcast_group6: global.multicastGroup6,
    vrrp_notify_priority_changes: yes(global.notifyPriorityChanges),
    no_email_faults: flag(global.noEmailFaults),
    log_unknown_vrids: flag(global.logUnknownVrids),
    vrrp_startup_delay: global.startupDelay === 0 ? null : seconds(global.startupDelay),
    umask: `0${global.umask.toString(8)}`,
    ...(global.mail === null ? {} : {
      notification_email_from: confWord(global.mail.from),
      smtp_helo_name: confWord(global.mail.helo),
      smtp_connect_timeout: seconds(global.mail.timeout),
    }),
  };
}

function instance(one: VrrpInstance | undefined): Effective {
  if (one === undefined) return {};
  const { garp } = one;
  const unicast = one.unicastPeers.length > 0;
  return {
    ...(one.auth?.type === 'AH' ? {} : { state: one.wantMaster ? 'MASTER' : 'BACKUP' }),
    virtual_router_id: String(one.vrid),
    version: String(one.version),
    priority: String(one.priority),
    advert_int: seconds(one.advertInterval),
    down_timer_adverts: String(one.downTimerAdverts),
    strict_mode: yes(one.strict),
    nopreempt: flag(one.nopreempt),
    preempt_delay: one.preemptDelay === 0 ? null : seconds(one.preemptDelay),
    ...(unicast ? { unicast_ttl: String(one.unicastTtl), check_unicast_src: flag(one.checkUnicastSource) } : {}),
    mcast_dst_ip: one.multicastGroup,
    track_src_ip: flag(one.trackSourceAddress),
    dont_track_primary: flag(one.dontTrackPrimary),
    skip_check_adv_addr: flag(one.skipCheckAdvAddr),
    lower_prio_no_advert: yes(one.lowerPrioNoAdvert),
    higher_prio_send_advert: yes(one.higherPrioSendAdvert),
    ...(one.priority === 255 ? { owner_ignore_adverts: one.ownerIgnoreAdverts ? 'true' : null } : {}),
    ...(one.accept ? { accept: '' } : {}),
    garp_master_delay: seconds(garp.masterDelay),
    garp_master_repeat: String(garp.masterRepeat),
    garp_master_refresh: seconds(garp.refresh),
    // 0 comes from vrrp_min_garp only; written here it would count as 1.
    ...(garp.refreshRepeat === 0 ? {} : { garp_master_refresh_repeat: String(garp.refreshRepeat) }),
    garp_lower_prio_delay: seconds(garp.lowerPrioDelay),
    garp_lower_prio_repeat: String(garp.lowerPrioRepeat),
    notify_priority_changes: yes(one.notifyPriorityChanges),
    smtp_alert: yes(one.smtpAlert),
    debug: String(one.debug),
  };
}

function script(one: VrrpScript | undefined): Effective {
  if (one === undefined) return {};
  return {
    interval: seconds(one.interval), timeout: seconds(one.timeout), weight: `${String(one.weight)}${one.reverse ? ' reverse' : ''}`,
    rise: String(one.rise), fall: String(one.fall), init_fail: flag(one.initFail),
  };
}

function virtualServer(one: VirtualServer | undefined): Effective {
  if (one === undefined) return {};
  return {
    lvs_sched: one.scheduler, lvs_method: forwarding(one), ...(one.protocol === null ? {} : { protocol: one.protocol.toUpperCase() }),
    quorum: String(one.quorum), hysteresis: String(one.hysteresis), smtp_alert: yes(one.smtpAlert),
  };
}

function realServer(one: RealServer | undefined): Effective {
  if (one === undefined) return {};
  return {
    weight: String(one.weight), lvs_method: forwarding(one), uthreshold: String(one.upperThreshold), lthreshold: String(one.lowerThreshold),
    inhibit_on_failure: yes(one.inhibitOnFailure), alpha: yes(one.alpha), smtp_alert: yes(one.smtpAlert),
  };
}

function forwarding({ forward: { method, tunnel } }: VirtualServer | RealServer): string {
  if (method !== 'TUN' || tunnel.type === 'ipip') return method;
  return `${method} type ${tunnel.type}${tunnel.port === 0 ? '' : ` port ${String(tunnel.port)}`} ${tunnel.checksum}`;
}

function schedule(checker: Checker): Effective {
  if (!('schedule' in checker)) return {};
  const { schedule: when } = checker;
  return {
    delay_loop: seconds(when.delayLoop), warmup: seconds(when.warmup), retry: String(when.retry), delay_before_retry: seconds(when.delayBeforeRetry),
    alpha: yes(when.alpha), log_all_failures: yes(when.logAllFailures),
    ...('target' in checker ? { connect_timeout: seconds(checker.target.connectTimeout) } : {}),
  };
}

function yes(on: boolean): string {
  return on ? 'true' : 'false';
}

function flag(on: boolean): string | null {
  return on ? '' : null;
}

function seconds(millis: number): string {
  return String(Number((millis / 1000).toFixed(6)));
}
