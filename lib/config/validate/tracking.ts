/** Lists of tracked things → TrackRef, unknown names dropped. */
import type { Context } from '../context.ts';
import type { TrackEntry } from '../keywords/tracking.ts';
import type { TrackRef, VrrpScript } from '../model.ts';

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
