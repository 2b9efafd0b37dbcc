import type { AccountRef } from '../config/model.ts';
import type { ScriptOptions } from '../system/script-runner.ts';

/** Whose rights a script has; null: the daemon's own. */
export function runAs(account: AccountRef | null): Pick<ScriptOptions, 'user' | 'group' | 'supplementary'> {
  return { user: account?.user ?? null, group: account?.group ?? null, ...(account?.supplementary === true ? { supplementary: true } : {}) };
}
