/** The legs of a multipath route: `nexthop via IP [dev IF] [weight N] …`, in the manner of ip-route(8). */
import { familyOf, parseIp, type Family, type IpAddress } from '../../util/ip.ts';
import type { Encap, Nexthop } from '../../util/route.ts';
import { realmsOf } from '../iproute-names.ts';
import type { Args } from '../keyword.ts';
import { digitsOnly } from '../values.ts';
import { missingLink } from '../validate/instances.ts';
import { readEncap } from './encap.ts';

interface Draft {
  gateway: IpAddress | null;
  link: string | null;
  weight: number;
  onlink: boolean;
  realms: number | null;
  encap: Encap | null;
}

/** The legs in words `from` on, each beginning with `nexthop`. undefined: the route is lost. `family` null: the first gateway decides. */
export function readNexthops(args: Args, from: number, family: Family | null): readonly Nexthop<string>[] | undefined {
  const { words } = args;
  const legs: Nexthop<string>[] = [];
  let families = family;
  for (let i = from; i < words.length; ) {
    const draft: Draft = { gateway: null, link: null, weight: 1, onlink: false, realms: null, encap: null };
    for (i++; i < words.length && words[i] !== 'nexthop'; i++) {
      const last = readWord(args, i, draft, legs.length + 1);
      if (last === undefined) return undefined;
      i = last;
    }
    if (draft.gateway !== null) {
      families ??= familyOf(draft.gateway);
      if (familyOf(draft.gateway) !== families) {
        args.report({ code: 'invalid-route', message: 'IPv4/6 mismatch for nexthop', remedy: 'give the gateways in the family of the destination' }, words.indexOf(draft.gateway, from));
        return undefined;
      }
    }
    legs.push(draft);
  }
  return legs;
}

/** Reads the option at `i`; the index of its last word, or undefined when the route is lost. */
function readWord(args: Args, i: number, draft: Draft, leg: number): number | undefined {
  const { words } = args;
  const value = words[i + 1] ?? '';
  switch (words[i] ?? '') {
    case 'via':
    case 'gw': {
      const at = value === 'inet' || value === 'inet6' ? i + 2 : i + 1;
      draft.gateway = parseIp(words[at] ?? '');
      if (draft.gateway !== null) return at;
      args.report({ code: 'invalid-address', severity: 'note', message: `VRRP parsed invalid IP ${words[at] ?? ''}. skipping IP...` }, Math.min(at, words.length - 1));
      return refuse(args, at, `invalid nexthop address ${words[at] ?? ''}`, 'write: nexthop via IP');
    }
    case 'dev':
    case 'oif':
      draft.link = value;
      checkLink(args, value);
      return i + 1;
    case 'weight':
      weight(args, i, value, draft, leg);
      return i + 1;
    case 'onlink':
      draft.onlink = true;
      return i;
    case 'encap': {
      const read = readEncap(args, words, i);
      draft.encap = read?.encap ?? null;
      return read?.last;
    }
    case 'realms':
      draft.realms = realmsOf(args, value) ?? null;
      return draft.realms === null ? refuse(args, i + 1, `Invalid realms ${value} for route`, 'write numbers, or names of rt_realms: A/B') : i + 1;
    case 'as':
      return value === 'to' ? i + 2 : i + 1;
    default:
      return refuse(args, i, `Route has trailing nonsense after nexthops - ${words[i] ?? ''}`, 'legs come last: write what is for the whole route before them');
  }
}

/** One that is wrong is reported, and keepalived goes on with the rest. */
function weight(args: Args, i: number, text: string, draft: Draft, leg: number): void {
  const value = digitsOnly(text);
  if (value >= 1 && value <= 256) {
    draft.weight = value;
    return;
  }
  if (value !== 0) args.report({ code: 'invalid-number', recorded: 'invalid-number', severity: 'note', message: value < 0 ? `invalid number '${text}'` : `number '${text}' outside range [0, 256]` }, i);
  args.report({ code: 'invalid-value', message: `Invalid weight ${text} specified for route`, remedy: `leg ${String(leg)}: it must be 1..256` }, i);
}

function checkLink(args: Args, name: string): void {
  const { links } = args.context.machine;
  if (links !== null && !links.has(name) && !args.context.switches.has('dynamic_interfaces')) missingLink(args.context, args.place, `WARNING - interface ${name} for VROUTE nexthop doesn't exist`, name);
}

function refuse(args: Args, index: number, message: string, remedy: string): undefined {
  args.report({ code: 'invalid-route', message, remedy }, Math.min(index, args.words.length - 1));
}
