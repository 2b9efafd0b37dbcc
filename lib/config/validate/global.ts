/** global_defs → GlobalDefs. */
import type { Context } from '../context.ts';
import type { GlobalDefs, MailSettings, NotifyFifo, ScriptCommand } from '../model.ts';
import type { RawScript } from '../accounts.ts';
import type { FifoValue } from '../keywords/global-defs.ts';
import { ip } from '../../util/ip.ts';
import type { GlobalValues } from './config.ts';
import { judgeScript } from './scripts.ts';

const SECOND = 1000;

export function buildGlobal(given: GlobalValues, context: Context): GlobalDefs {
  const hostname = context.machine.hostname;
  return {
    routerId: given.router_id ?? hostname,
    mail: mailSettings(given, hostname, context),
    noEmailFaults: given.no_email_faults ?? false,
    dynamicInterfaces: given.dynamic_interfaces !== undefined,
    enableScriptSecurity: given.enable_script_security ?? false,
    scriptUser: given.script_user ?? null,
    notifyFifo: fifo(given.notify_fifo, given.notify_fifo_script, context),
    vrrpNotifyFifo: fifo(given.vrrp_notify_fifo, given.vrrp_notify_fifo_script, context),
    notifyPriorityChanges: given.vrrp_notify_priority_changes ?? false,
    multicastGroup4: given.vrrp_mcast_group4 ?? ip('224.0.0.18'),
    multicastGroup6: given.vrrp_mcast_group6 ?? ip('ff02::12'),
    startupDelay: given.vrrp_startup_delay ?? 0,
    logUnknownVrids: given.log_unknown_vrids ?? false,
    startupScript: timed(given.startup_script, given.startup_script_timeout, context),
    shutdownScript: timed(given.shutdown_script, given.shutdown_script_timeout, context),
    hooks: given.hooks ?? null,
    umask: given.umask ?? 0o177,
  };
}

/** No recipients or no server: no mail. */
function mailSettings(given: GlobalValues, hostname: string, context: Context): MailSettings | null {
  const to = given.notification_email ?? [];
  const server = given.smtp_server;
  if (to.length === 0 || server === undefined) return null;
  return {
    from: given.notification_email_from ?? `${context.machine.self.name}@${hostname}`,
    to,
    server: { host: server.address ?? server.host, port: server.port },
    helo: given.smtp_helo_name ?? 'localhost',
    timeout: Math.max(given.smtp_connect_timeout ?? 30 * SECOND, SECOND),
  };
}

/** With its reader, if that can be run. */
export function fifo(value: FifoValue | undefined, reader: RawScript | undefined, context: Context): NotifyFifo | null {
  if (value === undefined) return null;
  return { path: value.path, account: value.account, script: reader === undefined ? null : usable(reader, context) };
}

function timed(script: RawScript | undefined, timeout: number | undefined, context: Context): GlobalDefs['startupScript'] {
  if (script === undefined) return null;
  const verdict = judgeScript(context, script, script.account);
  return verdict.ok ? { ...verdict.command, timeout: (timeout ?? 10) * SECOND } : null;
}

/** The command if it can be run; else a note, as keepalived only logs it. */
export function usable(script: RawScript, context: Context): ScriptCommand | null {
  const verdict = judgeScript(context, script, script.account);
  if (verdict.ok) return verdict.command;
  context.report({ code: 'script-not-runnable', severity: 'warning', recorded: 'none', wording: null, message: `script '${script.path}' is not run: ${verdict.detail}` });
  return null;
}
