/** Lists of tracked things → TrackRef, unknown names dropped. */
import type { Context } from '../context.ts';
import type { TrackEntry } from '../keywords/tracking.ts';
import type { SyncGroup, TrackRef, VrrpInstance, VrrpScript } from '../model.ts';
import type { InstanceBlock } from './config.ts';

/** Scripts of an instance or group; names unknown were reported while the list was read. */
export function trackedScripts(entries: readonly TrackEntry[], scripts: ReadonlyMap<string, VrrpScript>): TrackRef[] {
  const refs: TrackRef[] = [];
  for (const entry of entries) {
    const script = scripts.get(entry.name);
    if (script === undefined) continue;
    refs.push({ name: entry.name, weight: entry.weight ?? script.weight, reverse: entry.reverse ?? script.reverse });
  }
  return unique(refs);
}

const OWNER = 255;

/** keepalived's: what is left of a file's weight for an owner, or for a member of a group, is the fault. */
export function memberFiles({ name, priority }: Pick<VrrpInstance, 'name' | 'priority'>, files: readonly TrackRef[], group: SyncGroup | undefined, block: InstanceBlock, context: Context): TrackRef[] {
  const why = priority === OWNER ? 'address_owner' : group !== undefined && !group.trackingWeight ? 'SYNC group' : null;
  return files.map((ref) => {
    if (why === null || ref.weight === 0) return ref;
    context.report({
      code: why === 'SYNC group' ? 'group-ignores-weight' : 'owner-ignores-weight', severity: 'warning', place: block.placeOf('track_file') ?? block.place, saidAt: null,
      message: `(${name}) ignoring weight from tracked file ${ref.name} due to ${why}. specify weight 0`,
      remedy: why === 'SYNC group' ? `any number but 0 in it is a fault now; track it in vrrp_sync_group ${group?.name ?? ''} instead` : 'any number but 0 in it is a fault now; an owner has priority 255 whatever happens',
    });
    return { ...ref, weight: 0 };
  });
}

/** Sessions of BFD: those with a weight mean nothing to an owner. */
export function memberBfd({ name, priority }: Pick<VrrpInstance, 'name' | 'priority'>, sessions: readonly TrackRef[], block: InstanceBlock, context: Context): TrackRef[] {
  return sessions.filter((ref) => {
    if (ref.weight === 0 || priority !== OWNER) return true;
    context.report({
      code: 'owner-ignores-weight', severity: 'warning', place: block.placeOf('track_bfd') ?? block.place, saidAt: null,
      message: `(${name}) ignoring tracked bfd ${ref.name} with weight ${ref.weight} due to address_owner`, remedy: 'an owner has priority 255 whatever happens',
    });
    return false;
  });
}

/** Interfaces; the instance's own is left out with a message. */
export function trackedLinks(owner: string, own: string | null, entries: readonly TrackEntry[], context: Context): TrackRef[] {
  const refs: TrackRef[] = [];
  for (const entry of entries) {
    if (entry.name === own) {
      context.report({ code: 'tracks-own-interface', severity: 'warning', place: entry.place, saidAt: null, message: `(${owner}) Ignoring track_interface ${entry.name} since own interface`, remedy: 'the own interface is tracked anyway' });
      continue;
    }
    refs.push({ name: entry.name, weight: entry.weight ?? 0, reverse: entry.reverse ?? false });
  }
  return unique(refs);
}

function unique(refs: readonly TrackRef[]): TrackRef[] {
  const seen = new Set<string>();
  return refs.filter((ref) => !seen.has(ref.name) && seen.add(ref.name).size > 0);
}
