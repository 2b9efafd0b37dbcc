/** notify_* keywords → NotifyScripts; what cannot be run is left out. */
import type { RawScript } from '../accounts.ts';
import type { Context } from '../context.ts';
import type { NotifyScripts } from '../model.ts';
import { usable } from './global.ts';

export const NOTIFY = ['notify_master', 'notify_backup', 'notify_fault', 'notify_stop', 'notify_deleted', 'notify_master_rx_lower_pri', 'notify'] as const;

export interface NotifyValues {
  readonly notify_master?: RawScript;
  readonly notify_backup?: RawScript;
  readonly notify_fault?: RawScript;
  readonly notify_stop?: RawScript;
  readonly notify_deleted?: RawScript | null;
  readonly notify_master_rx_lower_pri?: RawScript;
  readonly notify?: RawScript;
}

export function notifyScripts(values: NotifyValues, context: Context): NotifyScripts {
  const command = (script: RawScript | null | undefined): NotifyScripts['any'] => (script === null || script === undefined ? null : usable(script, context));
  return {
    master: command(values.notify_master),
    backup: command(values.notify_backup),
    fault: command(values.notify_fault),
    stop: command(values.notify_stop),
    deleted: command(values.notify_deleted),
    masterRxLowerPri: command(values.notify_master_rx_lower_pri),
    any: command(values.notify),
  };
}
