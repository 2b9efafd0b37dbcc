/** Keywords outside every block. */
import { block, keyword, list, namedList, table, type Args, type ValueType } from '../keyword.ts';
import { choice, FLAG, integer, optional, UINT_MAX, word } from '../values.ts';
import { addressEntry, addressOptions } from './addresses.ts';
import { bfdInstance } from './bfd-instance.ts';
import { noHeader } from './checkers.ts';
import { dpvs } from './elsewhere.ts';
import { globalDefs } from './global-defs.ts';
import { routeEntry, routeOptions } from './routes.ts';
import { ruleEntry, ruleOptions } from './rules.ts';
import { garpGroup, linkbeat, linkDelay, trackFile, trackGroup, vrrpTrackFile, vrrpTrackProcess } from './track-things.ts';
import { groupEntries, localEntries, serviceHeader, ssl, virtualServer } from './virtual-server.ts';
import { vrrpInstance } from './vrrp-instance.ts';
import { vrrpScript } from './vrrp-script.ts';
import { vrrpSyncGroup } from './vrrp-sync-group.ts';

/** A second SSL block takes the place of the first. */
const oneOnly: ValueType<true> = {
  ...noHeader,
  read: (args) => {
    if (args.context.declare('SSL', '', args.place) !== null) args.report({ code: 'duplicate', severity: 'warning', message: 'SSL context already specified - replacing', remedy: null }, 0);
    return true;
  },
};

const tunnelGroup = table('tunnel_group', {
  tunnel_entry: block({ ...word('NAME'), bare: true }, table('tunnel_group.tunnel_entry', {
    kind: keyword(choice(['ipip', 'gre']), 'DPVS: kind of the tunnel', dpvs('see tunnel_group')),
    remote: keyword(word('IP'), 'DPVS: its other end', dpvs('see tunnel_group')),
    local: keyword(word('IP'), 'DPVS: its end here', dpvs('see tunnel_group')),
    if: keyword(word('IF', 'interface'), 'DPVS: the device below it', dpvs('see tunnel_group')),
  }), 'DPVS: a tunnel', dpvs('see tunnel_group')),
}, { pass: 'checker' });

export const root = table('', {
  linkbeat_use_polling: keyword(FLAG, 'poll the link state of every interface', { default: 'off' }),
  net_namespace: keyword(word('NAME'), 'network namespace of everything; not changeable by a reload', { bare: 'net_namespace name missing - ignoring' }),
  net_namespace_ipvs: keyword(optional(word('NAME')), 'network namespace of IPVS; bare: the host’s', { default: 'net_namespace' }),
  namespace_with_ipsets: keyword(FLAG, 'allow ipsets in a namespace', { default: 'off', notYet: 'without effect: no ipset is used' }),
  use_pid_dir: keyword(FLAG, 'pid files in /run/keepalived', { default: 'off' }),
  instance: keyword(word('NAME'), 'name of this instance of the daemon, in pid files and log; implies use_pid_dir', { bare: 'instance name missing - ignoring' }),
  child_wait_time: keyword(integer({ min: 0, max: UINT_MAX }, 'SECONDS'), 'how long the stop waits for processes', { default: '5', invalid: 'Invalid child_wait_time {word}' }),
  global_defs: block(noHeader, globalDefs, 'settings of the whole daemon'),
  vrrp_sync_group: block(uniqueName('vrrp_sync_group', 'vrrp sync group name missing'), vrrpSyncGroup, 'instances that change state together', { bare: 'vrrp_sync_group must have a name - skipping' }),
  vrrp_instance: block(uniqueName('vrrp_instance', 'vrrp_instance name missing'), vrrpInstance, 'one virtual router', { bare: 'vrrp_instance must have a name' }),
  vrrp_script: block(word('NAME'), vrrpScript, 'program whose exit code moves priorities'),
  track_group: block(uniqueName('track_group', 'track_group name missing'), trackGroup, 'instances that static addresses, routes and rules follow', { bare: 'track_group name missing' }),
  track_file: block(uniqueName('track_file', 'track_file name missing'), trackFile, 'file whose number moves priorities or weights'),
  vrrp_track_file: block(uniqueName('track_file', 'track_file name missing'), vrrpTrackFile, 'deprecated spelling of track_file', { alias: 'track_file' }),
  vrrp_track_process: block(uniqueName('vrrp_track_process', 'vrrp_track_process name missing'), vrrpTrackProcess, 'program whose running moves priorities'),
  static_ipaddress: list(addressEntry('static'), 'addresses held whatever the VRRP state', { options: addressOptions, then: (context) => { context.switches.set('statics', true); } }),
  static_routes: list(routeEntry(true), 'routes held whatever the VRRP state', { options: routeOptions, then: (context) => { context.switches.set('statics', true); } }),
  static_rules: list(ruleEntry(true), 'policy rules held whatever the VRRP state', { options: ruleOptions, then: (context) => { context.switches.set('statics', true); } }),
  garp_group: block(noHeader, garpGroup, 'limits of gratuitous ARP and NA'),
  linkbeat_interfaces: list(linkbeat(), 'interfaces whose link state is polled'),
  interface_up_down_delays: list(linkDelay(), 'wait before a change of a link counts'),
  bfd_instance: block(uniqueName('bfd_instance', 'bfd_instance name missing'), bfdInstance, 'a BFD session', { build: 'bfd' }),
  SSL: block(oneOnly, ssl, 'client certificate and CA of SSL_GET'),
  virtual_server_group: namedList(groupEntries, 'addresses and marks of a service', { pass: 'checker', empty: 'virtual server group {name} has no entries - removing' }),
  virtual_server: block(serviceHeader, virtualServer, 'an IPVS service, or a group of them'),
  local_address_group: namedList(localEntries, 'FULLNAT: pool of local addresses', { since: 'fullnat', pass: 'checker' }),
  deny_address_group: namedList(localEntries, 'DPVS: addresses to refuse', { pass: 'checker', ...dpvs('drop them with a set of nftables, in a chain of the input hook') }),
  allow_address_group: namedList(localEntries, 'DPVS: addresses to let in', { pass: 'checker', ...dpvs('let only those of a set of nftables pass, in a chain of the input hook') }),
  tunnel_group: block(noHeader, tunnelGroup, 'DPVS: tunnels', dpvs('make them with ip tunnel add, or systemd-networkd')),
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
  if (kind === 'vrrp_instance' && args.words.length > args.first + 1) {
    args.report({ code: 'missing-name', message: 'vrrp_instance must have a name', remedy: 'one word; quote a name with blanks' });
    return undefined;
  }
  const first = args.context.declare(kind, name, args.place);
  if (first === null) return name;
  const what = `${kind.replaceAll('_', ' ')} ${name} already defined`;
  args.report({ code: 'duplicate', message: what, remedy: `first defined at ${first.source.name}:${String(first.line)}; this block is skipped` });
  return undefined;
}
