import type { HookName } from './types.ts';

/** Every hook there is. */
export const HOOK_NAMES: readonly HookName[] = ['onStart', 'onTransition', 'onTrackerResult', 'onRealServer', 'onQuorum', 'onReload', 'onStop'];

/** From the daemon to the thread: one at a time, the next after its answer. */
export interface HookCall {
  readonly id: number;
  readonly hook: HookName;
  readonly event: unknown;
}

/** From the thread to the daemon. */
export type HookAnswer =
  /** The file is loaded; `unknown` are `on…` members that are no hooks. */
  | { readonly type: 'loaded'; readonly hooks: readonly HookName[]; readonly unknown: readonly string[] }
  /** The file cannot be used: why, with its place. */
  | { readonly type: 'unusable'; readonly problem: string }
  | { readonly type: 'done'; readonly id: number }
  /** The hook threw or its promise was rejected. */
  | { readonly type: 'threw'; readonly id: number; readonly problem: string };
