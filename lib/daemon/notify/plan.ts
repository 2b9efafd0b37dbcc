import type { NotifyScripts, ScriptCommand } from '../../config/model.ts';
import type { NotifyEvent, NotifyState, TransitionNotice } from './events.ts';

/** A mail's subject, without the `[router_id] ` in front, and text. */
export interface Alert {
  readonly subject: string;
  readonly text: string;
}

/** What one event asks for. Scripts are complete argument vectors. */
export interface Plan {
  readonly scripts: readonly ScriptCommand[];
  /** With its newline. */
  readonly fifoLine: string;
  readonly alert: Alert | null;
}

/** Which state was last mailed, by object; see `remember`. */
export type Mailed = ReadonlyMap<string, NotifyState>;

export interface PlanSettings {
  /** There is somebody to mail to, and a server. */
  readonly mail: boolean;
  readonly noEmailFaults: boolean;
}

/** keepalived's notifications of one event (keepalived.conf(5), "notify scripts" and "notify FIFO"). */
export function plan(event: NotifyEvent, settings: PlanSettings, mailed: Mailed): Plan {
  switch (event.type) {
    case 'transition':
      return {
        scripts: transitionScripts(event),
        fifoLine: fifoLine(event.kind, event.name, event.state, event.priority),
        alert: wantsMail(event, settings, mailed) ? alertFor(event) : null,
      };
    case 'lower-priority-received':
      return {
        scripts: event.script === null ? [] : [event.script],
        fifoLine: fifoLine('INSTANCE', event.name, 'MASTER_RX_LOWER_PRI', event.priority),
        alert: null,
      };
    case 'priority-changed':
      return { scripts: [], fifoLine: fifoLine('INSTANCE', event.name, `${event.state}_PRIORITY`, event.priority), alert: null };
  }
}

/** `mailed` after the event's alert was handed to the mailer. */
export function remember(event: TransitionNotice, mailed: Mailed): Mailed {
  return new Map(mailed).set(key(event), event.state);
}

/** The state's own script with its own arguments; then `notify` with kind, name, state and priority behind its own. */
function transitionScripts({ kind, name, state, priority, scripts }: TransitionNotice): readonly ScriptCommand[] {
  const own = scriptOf(scripts, state);
  const any = scripts.any;
  return [
    ...(own === null ? [] : [own]),
    ...(any === null ? [] : [{ argv: [...any.argv, kind, name, state, String(priority)], account: any.account }]),
  ];
}

function scriptOf(scripts: NotifyScripts, state: NotifyState): ScriptCommand | null {
  switch (state) {
    case 'MASTER':
      return scripts.master;
    case 'BACKUP':
      return scripts.backup;
    case 'FAULT':
      return scripts.fault;
    case 'STOP':
      return scripts.stop;
    case 'DELETED':
      return scripts.deleted;
  }
}

/** With its newline. */
export function fifoLine(kind: string, name: string, state: string, priority: number): string {
  return `${kind} "${name}" ${state} ${String(priority)}\n`;
}

/** Only a change compared with the last mail is mailed, and a fault not at all with `no_email_faults`. */
function wantsMail(event: TransitionNotice, settings: PlanSettings, mailed: Mailed): boolean {
  if (!event.smtpAlert || !settings.mail) return false;
  if (event.state === 'FAULT' && settings.noEmailFaults) return false;
  return mailed.get(key(event)) !== event.state;
}

function alertFor({ kind, name, state }: TransitionNotice): Alert {
  const subject = `VRRP ${kind === 'GROUP' ? 'Group' : 'Instance'} ${name} - ${SUBJECT[state]}`;
  return { subject, text: `=> ${kind === 'GROUP' ? GROUP_TEXT[state] : INSTANCE_TEXT[state]} <=` };
}

const SUBJECT: Readonly<Record<NotifyState, string>> = {
  MASTER: 'Entering MASTER state',
  BACKUP: 'Entering BACKUP state',
  FAULT: 'Entering FAULT state',
  STOP: 'Stopping',
  DELETED: 'Deleted',
};

const INSTANCE_TEXT: Readonly<Record<NotifyState, string>> = {
  MASTER: 'VRRP Instance is now owning VRRP VIPs',
  BACKUP: 'VRRP Instance is no longer owning VRRP VIPs',
  FAULT: 'VRRP Instance is no longer owning VRRP VIPs',
  STOP: 'VRRP Instance stopping',
  DELETED: 'VRRP Deleted at reload',
};

const GROUP_TEXT: Readonly<Record<NotifyState, string>> = {
  MASTER: 'All VRRP group instances are now in MASTER state',
  BACKUP: 'All VRRP group instances are now in BACKUP state',
  FAULT: 'All VRRP group instances are now in FAULT state',
  STOP: 'All VRRP group instances are now stopping',
  DELETED: 'VRRP Deleted at reload',
};

function key(event: TransitionNotice): string {
  return `${event.kind} ${event.name}`;
}
