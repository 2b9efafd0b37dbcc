/** Keywords outside every block. */
import { block, keyword, table, type Args, type ValueType } from '../keyword.ts';
import { FLAG, integer, optional, UINT_MAX, word } from '../values.ts';
import { globalDefs } from './global-defs.ts';
import { vrrpInstance } from './vrrp-instance.ts';
import { vrrpScript } from './vrrp-script.ts';
import { vrrpSyncGroup } from './vrrp-sync-group.ts';

const later = { notYet: '' } as const;

export const root = table('', {
  linkbeat_use_polling: keyword(FLAG, 'poll the link state of every interface', { default: 'off', ...later }),
  net_namespace: keyword(word('NAME'), 'network namespace of everything; not changeable by a reload', { bare: 'net_namespace name missing', ...later }),
  net_namespace_ipvs: keyword(optional(word('NAME')), 'network namespace of IPVS; bare: the host’s', { default: 'net_namespace', ...later }),
  namespace_with_ipsets: keyword(FLAG, 'allow ipsets in a namespace', { default: 'off', ...later }),
  use_pid_dir: keyword(FLAG, 'pid files in /run/keepalived', { default: 'off', ...later }),
  instance: keyword(word('NAME'), 'name of this instance of the daemon, in pid files and log; implies use_pid_dir', { bare: 'instance name missing', ...later }),
  child_wait_time: keyword(integer({ min: 0, max: UINT_MAX }, 'SECONDS'), 'how long the stop waits for processes', { default: '5', ...later }),
  global_defs: block({ syntax: '', schema: { type: 'object' }, bare: true, read: () => true }, globalDefs, 'settings of the whole daemon'),
  vrrp_sync_group: block(uniqueName('vrrp_sync_group', 'vrrp sync group name missing'), vrrpSyncGroup, 'instances that change state together', { bare: 'vrrp_sync_group name missing' }),
  vrrp_instance: block(uniqueName('vrrp_instance', 'vrrp_instance name missing'), vrrpInstance, 'one virtual router', { bare: 'vrrp_instance name missing' }),
  vrrp_script: block(word('NAME'), vrrpScript, 'program whose exit code moves priorities'),
});

/** A name that may be declared once. */
function uniqueName(kind: string, missing: string): ValueType<string> {
  return { ...word('NAME'), read: (args) => readName(args, kind, missing) };
}

function readName(args: Args, kind: string, missing: string): string | undefined {
  const name = args.words[args.first];
  if (name === undefined) {
    args.report({ code: 'missing-name', message: missing });
    return undefined;
  }
  const first = args.context.declare(kind, name, args.place);
  if (first === null) return name;
  const what = kind === 'vrrp_instance' ? `vrrp instance ${name} already defined` : `vrrp sync group ${name} already defined`;
  args.report({ code: 'duplicate', message: what, remedy: `first defined at ${first.source.name}:${String(first.line)}; this block is skipped` });
  return undefined;
}
