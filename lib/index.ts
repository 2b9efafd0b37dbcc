/** What users may import. Hooks files need only types: `import type { Hooks } from 'tskeepalived'`. */
export type {
  HookEvents, HookName, Hooks, HookState, ReloadEvent, StartEvent, StopEvent, TrackerResultEvent, TransitionEvent,
} from './daemon/hooks/types.ts';
export type { QuorumEvent, RealServerEvent } from './daemon/balance/events.ts';
export type { GroupStatus, InstanceState, InstanceStatus, InterfaceStatus, ScriptStatus, Status } from './daemon/status.ts';
