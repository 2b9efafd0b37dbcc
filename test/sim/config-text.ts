import { loadText, printDiagnostic } from '../../lib/config/load.ts';
import { UNKNOWN_MACHINE } from '../../lib/config/machine.ts';
import type { Config, VrrpInstance } from '../../lib/config/model.ts';

/** The Config of a configuration's text; throws for one with errors. */
export function configOf(text: string): Config {
  const nowhere = { read: () => ({ ok: false as const, error: 'ENOENT' }), facts: () => ({ kind: 'missing' as const, mode: 0, uid: 0, gid: 0, target: null }), glob: () => [] };
  const { config, diagnostics } = loadText('test.conf', text, nowhere, { configId: 'test', machine: UNKNOWN_MACHINE });
  const errors = diagnostics.filter((d) => d.severity === 'error');
  if (config === null || errors.length > 0) throw new Error(errors.map(printDiagnostic).join('\n'));
  return config;
}

/** A vrrp_instance VI_1 on eth0, VRID 51; `body` adds lines. */
export function instanceText(body: string, name = 'VI_1', vrid = 51, vip = '10.0.0.100/24'): string {
  const text = `vrrp_instance ${name} {\n  interface eth0\n  virtual_router_id ${vrid}\n  ${body}\n`;
  return vip === '' ? `${text}}\n` : `${text}  virtual_ipaddress {\n    ${vip}\n  }\n}\n`;
}

export function instanceOf(body: string): VrrpInstance {
  const [instance] = configOf(instanceText(body)).instances;
  if (instance === undefined) throw new Error(`no instance in ${body}`);
  return instance;
}
