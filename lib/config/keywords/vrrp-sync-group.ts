/** vrrp_sync_group: instances that change state together. */
import { script } from '../accounts.ts';
import { keyword, list, table } from '../keyword.ts';
import { BOOLEAN, FLAG, word } from '../values.ts';
import { trackEntry } from './tracking.ts';

const SECOND = '({name}) {keyword} script already specified - ignoring {word}';

export const vrrpSyncGroup = table('vrrp_sync_group', {
  group: list(word('INSTANCE'), 'members; every word is one', { words: true, empty: 'Warning - sync group {name} has empty group block' }),
  track_interface: list(trackEntry('interface', 253), 'interfaces tracked for all members'),
  track_script: list(trackEntry('script', 253), 'scripts tracked for all members'),
  track_file: list(trackEntry('file', 254), 'files tracked for all members'),
  track_process: list(trackEntry('process', 254), 'processes tracked for all members'),
  track_bfd: list(trackEntry('bfd', 253), 'BFD sessions tracked for all members', { build: 'bfd' }),
  notify_backup: keyword(script(), 'run when the group becomes BACKUP', { once: SECOND }),
  notify_master: keyword(script(), 'run when the group becomes MASTER', { once: SECOND }),
  notify_fault: keyword(script(), 'run when the group becomes FAULT', { once: SECOND }),
  notify_stop: keyword(script(), 'run when the daemon stops', { once: SECOND }),
  notify: keyword(script(), 'run at every change, with GROUP, name, state and 0 as further arguments', { once: SECOND }),
  smtp_alert: keyword(BOOLEAN, 'mail about changes', { default: 'smtp_alert_vrrp, else smtp_alert, else off', invalid: 'Invalid vrrp_group smtp_alert parameter {word}' }),
  global_tracking: keyword(FLAG, 'deprecated: as sync_group_tracking_weight', { deprecated: '({name}) global_tracking is deprecated. Use track_interface/script/file on the sync group', alias: 'sync_group_tracking_weight' }),
  sync_group_tracking_weight: keyword(FLAG, 'let members have weighted trackers', { default: 'off' }),
  notify_priority_changes: keyword(BOOLEAN, 'FIFO lines when the priority of a member changes', { default: 'vrrp_notify_priority_changes', invalid: "({name}) Invalid value '{word}' for sync group notify_priority_changes specified" }),
}, {
  pass: 'vrrp',
  end: (context, block, close) => {
    if (block.values.group !== undefined) return true;
    context.report({ code: 'empty-group', place: block.place, saidAt: close, message: `Sync group ${block.name} has no members - removing`, remedy: 'name its members in group { … }' });
    return false;
  },
});
