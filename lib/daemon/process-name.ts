import type { GlobalValues } from '../config/keywords/global-defs.ts';

type Names = Pick<GlobalValues, 'process_names' | 'process_name' | 'vrrp_process_name' | 'checker_process_name'>;

/**
 * What a process is called (15 bytes count); null: as it was started. Our first process is keepalived's parent and its VRRP
 * process in one: it goes by the name of the latter as long as it runs VRRP.
 */
export function mainProcessName(settings: Names, vrrp: boolean): string | null {
  const parent = settings.process_name ?? (settings.process_names === true ? 'keepalived' : null);
  if (!vrrp) return parent;
  return settings.vrrp_process_name ?? (settings.process_names === true ? 'keepalived_vrrp' : parent);
}

export function checkerProcessName(settings: Names): string | null {
  return settings.checker_process_name ?? (settings.process_names === true ? 'keepalived_lvs' : (settings.process_name ?? null));
}
