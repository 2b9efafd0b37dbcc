import type { NotifyScripts, ScriptCommand } from '../../config/model.ts';

/** States as scripts, FIFOs and mails name them. */
export type NotifyState = 'MASTER' | 'BACKUP' | 'FAULT' | 'STOP' | 'DELETED';

/** An instance or a sync group has entered a state. */
export interface TransitionNotice {
  readonly type: 'transition';
  readonly kind: 'INSTANCE' | 'GROUP';
  readonly name: string;
  readonly state: NotifyState;
  /** The instance's effective priority; 0 for a group. */
  readonly priority: number;
  readonly scripts: NotifyScripts;
  readonly smtpAlert: boolean;
}

/** A master has received an advertisement of lower priority. */
export interface LowerPriorityNotice {
  readonly type: 'lower-priority-received';
  readonly name: string;
  readonly priority: number;
  /** `notify_master_rx_lower_pri` */
  readonly script: ScriptCommand | null;
}

/** An instance's effective priority has changed; only for those with `notify_priority_changes`. */
export interface PriorityNotice {
  readonly type: 'priority-changed';
  readonly name: string;
  readonly state: 'MASTER' | 'BACKUP';
  readonly priority: number;
}

export type NotifyEvent = TransitionNotice | LowerPriorityNotice | PriorityNotice;
