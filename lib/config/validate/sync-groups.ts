/** vrrp_sync_group blocks → SyncGroup (reference 3.5). */
import type { Context } from '../context.ts';
import type { GlobalDefs, SyncGroup, VrrpScript } from '../model.ts';
import type { GlobalValues, GroupBlock } from './config.ts';
import type { NamedInstance } from './instance.ts';
import { groupExtras, type Trackables } from './instance-extras.ts';
import { notifyScripts } from './notify.ts';
import { trackedLinks, trackedScripts } from './tracking.ts';

export function buildSyncGroups(blocks: readonly GroupBlock[], instances: readonly NamedInstance[], scripts: readonly VrrpScript[], trackables: Trackables, global: GlobalDefs, given: GlobalValues, context: Context): SyncGroup[] {
  const groups: SyncGroup[] = [];
  const taken = new Set<string>();
  const known = new Set(instances.map((instance) => instance.name));
  for (const block of blocks) {
    const members = membersOf(block, known, taken, context);
    if (members.length === 0) continue;
    if (members.length === 1) {
      context.report({ code: 'lonely-group', severity: 'warning', place: block.place, saidAt: null, message: `Sync group ${block.name} has only 1 virtual router(s) - this probably isn't what you want`, remedy: 'name the other members in group { … }' });
    }
    const { values } = block;
    groups.push({
      name: block.name,
      members,
      trackInterfaces: trackedLinks(block.name, null, values.track_interface ?? [], context),
      trackScripts: trackedScripts(values.track_script ?? [], new Map(scripts.map((script) => [script.name, script]))),
      trackingWeight: values.sync_group_tracking_weight ?? false,
      notify: notifyScripts(values, context),
      notifyPriorityChanges: values.notify_priority_changes ?? global.notifyPriorityChanges,
      smtpAlert: values.smtp_alert ?? given.smtp_alert_vrrp ?? given.smtp_alert ?? false,
      extras: groupExtras(values, trackables),
    });
  }
  return groups;
}

function membersOf(block: GroupBlock, known: ReadonlySet<string>, taken: Set<string>, context: Context): string[] {
  const members: string[] = [];
  for (const name of block.values.group ?? []) {
    const place = block.placeOf('group') ?? block.place;
    if (!known.has(name)) {
      context.report({ code: 'unknown-instance', place, saidAt: null, message: `Virtual router ${name} specified in sync group ${block.name} doesn't exist - ignoring`, remedy: `instances: ${[...known].slice(0, 20).join(', ') || 'none'}` });
    } else if (taken.has(name)) {
      context.report({ code: 'duplicate', place, saidAt: null, message: `Virtual router ${name} cannot exist in more than one sync group - ignoring`, remedy: 'an instance has one sync group' });
    } else {
      members.push(name);
      taken.add(name);
    }
  }
  if (members.length === 0) {
    context.report({ code: 'empty-group', place: block.place, saidAt: null, message: `Sync group ${block.name} has no virtual router(s). removing`, remedy: 'name its members in group { … }' });
  }
  return members;
}
