/** `encap` of a route and of a nexthop: a lightweight tunnel, as ip-route(8) has it. */
import { familyOf, parseIp, type IpAddress } from '../../util/ip.ts';
import type { Encap } from '../../util/route.ts';
import type { Args } from '../keyword.ts';

/** What was read, and the index of its last word. */
export interface EncapRead {
  readonly encap: Encap;
  readonly last: number;
}

const LARGEST_LABEL = 0xfffff;

/** Reads from the word `encap` at `from`; undefined, with a complaint, when it is faulty. */
export function readEncap(args: Args, words: readonly string[], from: number): EncapRead | undefined {
  const kind = words[from + 1] ?? '';
  const text = words[from + 2] ?? '';
  switch (kind) {
    case 'mpls': {
      const labels = text.split('/').map((label) => (/^\d+$/u.test(label) ? Number(label) : -1));
      if (labels.every((label) => label >= 0 && label <= LARGEST_LABEL)) return { encap: { type: 'mpls', labels }, last: from + 2 };
      return refuse(args, from + 2, `invalid mpls address ${text} for encapsulation`, `write labels of 0..${String(LARGEST_LABEL)}: encap mpls 100/200`);
    }
    case 'ila':
      if (/^[0-9a-fA-F]{1,4}(:[0-9a-fA-F]{1,4}){3}$/u.test(text)) return { encap: { type: 'ila', locator: text.split(':').map((group) => parseInt(group, 16).toString(16)).join(':') }, last: from + 2 };
      return refuse(args, from + 2, `invalid locator ${text} for ila encapsulation`, 'write four groups of hexadecimal digits: encap ila 2001:db8:0:1');
    case 'ip':
    case 'ip6':
      return readTunnel(args, words, from + 2, kind);
    default:
      return refuse(args, from + 1, `Unknown encap type - ${kind}`, 'known: ip, ip6, mpls, ila');
  }
}

interface Draft {
  id: string | null;
  source: IpAddress | null;
  target: IpAddress | null;
  hops: number | null;
  tos: number | null;
  flags: number | null;
}

function readTunnel(args: Args, words: readonly string[], from: number, type: 'ip' | 'ip6'): EncapRead | undefined {
  const draft: Draft = { id: null, source: null, target: null, hops: null, tos: null, flags: null };
  let i = from;
  for (; isTunnelWord(words[i], type); i += 2) {
    const name = words[i] ?? '';
    const text = words[i + 1] ?? '';
    const fault = readTunnelWord(draft, type, name, text);
    if (fault !== null) return refuse(args, i + 1, fault, `${name} of encap ${type}`);
  }
  return { encap: { type, ...draft }, last: i - 1 };
}

function isTunnelWord(text: string | undefined, type: 'ip' | 'ip6'): boolean {
  return ['id', 'dst', 'src', 'flags', ...(type === 'ip' ? ['tos', 'ttl'] : ['tc', 'hoplimit'])].includes(text ?? '');
}

/** Puts the value in; the complaint, or null. */
function readTunnelWord(draft: Draft, type: 'ip' | 'ip6', name: string, text: string): string | null {
  const number = /^\d+$/u.test(text) ? Number(text) : -1;
  const within = (max: number): boolean => number >= 0 && number <= max;
  const address = parseIp(text);
  const fits = address !== null && familyOf(address) === (type === 'ip' ? 'inet' : 'inet6');
  switch (name) {
    case 'id':
      if (!/^\d{1,20}$/u.test(text) || BigInt(text) > 0xffff_ffff_ffff_ffffn) return `encap id ${text} value is invalid`;
      draft.id = String(BigInt(text));
      return null;
    case 'dst':
      draft.target = address;
      return fits ? null : `Invalid encap ${type} dst ${text}`;
    case 'src':
      draft.source = address;
      return fits ? null : `Invalid encap ${type} src ${text}`;
    case 'flags':
      draft.flags = number;
      return within(0xffff) ? null : `flags ${text} is not valid for ${type} encapsulation`;
    case 'ttl':
    case 'hoplimit':
      draft.hops = number;
      return within(255) ? null : `${name} ${text} is not valid for ${type} encapsulation`;
    default:
      draft.tos = number;
      return within(255) ? null : `${name} ${text} is not valid for ${type} encapsulation`;
  }
}

function refuse(args: Args, index: number, message: string, remedy: string): undefined {
  args.report({ code: 'invalid-value', message, remedy }, Math.min(index, args.words.length - 1));
}
