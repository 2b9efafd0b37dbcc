/** Checks of a vrrp_instance while it is read: its interface, and what its closing brace settles. */
import type { Context } from '../context.ts';
import type { Args, BlockValue } from '../keyword.ts';
import type { Place } from '../source.ts';

const LONGEST_NAME = 15;

/** The interface of an instance; undefined when it cannot be used. */
export function checkLink(args: Args, name: string): string | undefined {
  const { context } = args;
  if (name.length > LONGEST_NAME) {
    args.report({ code: 'invalid-interface', message: `Interface name '${name}' too long - ignoring`, remedy: `Linux allows ${String(LONGEST_NAME)} characters` });
    return undefined;
  }
  context.switches.set('instance_link', name);
  const { links } = context.machine;
  if (links === null) return name;
  const link = links.get(name);
  if (link?.loopback === true) {
    args.report({ code: 'loopback-interface', message: `(${args.name}) cannot use a loopback interface (${name}) for vrrp - ignoring`, remedy: 'VRRP needs a network to speak on' });
    return undefined;
  }
  if (link === undefined && !context.switches.has('dynamic_interfaces')) {
    missingLink(args.context, args.place, `WARNING - interface ${name} for vrrp_instance ${args.name} doesn't exist`, name);
  }
  return name;
}

/** Reports an interface that the machine lacks; the daemon will not start. */
export function missingLink(context: Context, place: Place, message: string, name: string): void {
  const known = [...(context.machine.links?.keys() ?? [])].filter((link) => context.machine.links?.get(link)?.loopback !== true);
  context.switches.set('missing_interface', true);
  context.report({ code: 'missing-interface', severity: 'warning', place, message, startExit: 2, remedy: `this machine has ${known.join(', ') || 'none'}; with dynamic_interfaces '${name}' may appear later` });
}

/** A VRF is for an instance without an interface. */
export function checkVrf(args: Args): string | undefined {
  const name = args.words[args.first] ?? '';
  const { links } = args.context.machine;
  if (args.context.switches.get('instance_link') !== undefined) {
    args.report({ code: 'vrf-and-interface', message: `(${args.name}) Cannot specify VRF interface and interface - ignoring`, remedy: 'leave one of them out' });
    return undefined;
  }
  if (links !== null && !links.has(name)) missingLink(args.context, args.place, `(${args.name}) WARNING - VRF interface ${name} doesn't exist`, name);
  return name;
}

export function beginVrrpInstance(context: Context, block: BlockValue): void {
  context.addresses.clear();
  context.switches.delete('instance_link');
  context.switches.delete('instance_scopes');
  context.switches.delete('instance_family');
  context.switches.set('instance', block.name);
}

/** The interface that a link-local source or peer names. */
interface Scope {
  readonly link: string;
  readonly text: string;
  readonly place: Place;
}

const scopesOf = ({ switches }: Context): readonly Scope[] => (switches.get('instance_scopes') as readonly Scope[] | undefined) ?? [];

/** Remembers an address with its interface until the end of the instance. */
export function noteScope(context: Context, scope: Scope): void {
  context.switches.set('instance_scopes', [...scopesOf(context), scope]);
}

/** An instance without an interface has the one that its addresses name; one with another cannot speak to them. */
function checkScopes(context: Context, block: BlockValue): void {
  const values = block.values as Record<string, unknown>;
  const [first] = scopesOf(context);
  if (first !== undefined && values['interface'] === undefined && values['vrf'] === undefined) {
    values['interface'] = first.link;
    if (context.machine.links?.has(first.link) === false && !context.switches.has('dynamic_interfaces')) {
      missingLink(context, first.place, `WARNING - interface ${first.link} for vrrp_instance ${block.name} doesn't exist`, first.link);
    }
  }
  const link = String(values['interface'] ?? values['vrf']);
  for (const scope of scopesOf(context)) {
    if (scope.link !== link) context.report({ code: 'scope-mismatch', message: `(${block.name}) ${scope.text} is on another interface than ${link}`, place: scope.place, remedy: 'leave out the % and what follows: the interface of the instance counts' });
  }
}

export function endVrrpInstance(context: Context, block: BlockValue, close: Place): boolean {
  const values = block.values as Record<string, unknown>;
  const say = (code: string, message: string, place?: Place): void => {
    context.report({ code, severity: 'warning', message, place: place ?? block.place, saidAt: close });
  };
  const peers = (values['unicast_peer'] as readonly unknown[] | undefined) ?? [];
  if (values['unicast_ttl'] !== undefined && peers.length === 0) {
    say('needs-unicast', `(${block.name}): Cannot use unicast_ttl without unicast peers - resetting`, block.placeOf('unicast_ttl'));
    delete values['unicast_ttl'];
  }
  checkScopes(context, block);
  const unicast = values['unicast_peer'] !== undefined || values['unicast_src_ip'] !== undefined;
  const link = values['interface'] as string | undefined;
  if ((values['use_vmac'] !== undefined || values['use_ipvlan'] !== undefined) && unicast && (link === undefined || context.machine.links?.has(link) === false) && !context.switches.has('dynamic_interfaces')) {
    say('vmac-without-interface', `(${block.name}): Cannot use VMAC/ipvlan with unicast and no interface - clearing use_vmac`, block.placeOf('use_vmac'));
    delete values['use_vmac'];
    delete values['use_ipvlan'];
  }
  if (values['use_vmac'] !== undefined && values['vmac_xmit_base'] === undefined && unicast) {
    say('vmac-xmit-base', `(${block.name}) unicast with use_vmac requires vmac_xmit_base - setting`);
    values['vmac_xmit_base'] = true;
  }
  return true;
}
