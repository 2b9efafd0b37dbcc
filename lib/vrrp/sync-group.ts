/**
 * Sync groups (keepalived's own): what one member's wish or transition asks of the others. Members change together: a fault
 * of one is the fault of all, Backup spreads, and Master is taken only when every member would take it.
 */
import type { SyncGroup } from '../config/model.ts';
import type { StateName, VirtualRouter } from './state.ts';

export type Members = ReadonlyMap<string, VirtualRouter>;

/** May this member become Master now? Only when all the others are Master or would like to be. */
export function mayBecomeMaster(group: SyncGroup, members: Members, name: string, willing: ReadonlySet<string>): boolean {
  return group.members.every((other) => other === name || members.get(other)?.state.name === 'Master' || willing.has(other));
}

/** The members that must follow a member's transition, in the group's order. */
export function followers(group: SyncGroup, members: Members, name: string, to: StateName): string[] {
  if (to === 'Initialize') return [];
  return group.members.filter((other) => other !== name && members.get(other)?.state.name !== to);
}

/** The state that a group shows outside: its members', once all are there. */
export function groupState(group: SyncGroup, members: Members): StateName | null {
  const states = new Set(group.members.map((name) => members.get(name)?.state.name));
  const [only] = states;
  return states.size === 1 && only !== undefined ? only : null;
}
