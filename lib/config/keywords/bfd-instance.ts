/** bfd_instance: one BFD session (RFC 5880). Times are milliseconds. */
import type { Context } from '../context.ts';
import { keyword, table, type BlockValue } from '../keyword.ts';
import type { Place } from '../source.ts';
import { address, BOOLEAN, FLAG, integer, milliseconds } from '../values.ts';
import { declareTracked, weight } from './tracking.ts';

const bfd = { build: 'bfd' } as const;
const LONGEST = 4294967;
const bad = (range: string): { readonly invalid: string } => ({ invalid: `Configuration error: BFD instance {name} {keyword} value {word} is not valid (must be in range [${range}]), ignoring` });
const badHops = { invalid: 'Configuration error: BFD instance {name} ttl/hoplimit value {word} not valid (must be in range [1-255]), ignoring' } as const;
const neighbor = { invalid: 'Configuration error: BFD instance {name} has malformed neighbor address {word}, ignoring instance' } as const;

export const bfdInstance = table('bfd_instance', {
  source_ip: keyword(address(), 'own address of the session', { default: 'the kernel’s choice', invalid: 'Configuration error: BFD instance {name} has malformed source address {word}, ignoring', ...bfd }),
  neighbor_ip: keyword(address(), 'address of the neighbour', { ...neighbor, ...bfd }),
  neighbour_ip: keyword(address(), 'the same as neighbor_ip', { ...neighbor, alias: 'neighbor_ip', ...bfd }),
  min_rx: keyword(milliseconds({ min: 1, max: LONGEST }), 'shortest receive interval that we can bear', { default: '10', ...bad('1-4294967'), ...bfd }),
  min_tx: keyword(milliseconds({ min: 1, max: LONGEST }), 'transmit interval wanted while up', { default: '10', ...bad('1-4294967'), ...bfd }),
  idle_tx: keyword(milliseconds({ min: 1000, max: LONGEST }), 'transmit interval while not up', { default: '1000', ...bad('1000-4294967'), ...bfd }),
  multiplier: keyword(integer({ min: 1, max: 255 }), 'packets missed before the session is down', { default: '5', invalid: 'Configuration error: BFD instance {name} multiplier value {word} not valid (must be in range [1-255]), ignoring', ...bfd }),
  passive: keyword(FLAG, 'say nothing until the neighbour does', { default: 'active', ...bfd }),
  ttl: keyword(integer({ min: 1, max: 255 }), 'TTL of packets sent', { default: '255; 64 for IPv6', ...badHops, ...bfd }),
  hoplimit: keyword(integer({ min: 1, max: 255 }), 'the same as ttl', { alias: 'ttl', ...badHops, ...bfd }),
  max_hops: keyword(integer({ min: -1, max: 255 }), 'how far below ttl a received TTL may be; -1: any', { default: '0', invalid: 'Configuration error: BFD instance {name} max_hops value {word} not valid (must be in range [-1-255]), ignoring', ...bfd }),
  multihop: keyword(BOOLEAN, 'port 4784 rather than 3784', { default: 'off', since: '2.3.0', ...bfd }),
  weight: keyword(weight(253, 'N [reverse]'), 'added to the priority where track_bfd gives none; 0: a fault', { default: '0', invalid: 'Configuration error: BFD instance {name} weight value {word} not valid (must be in range [-253-253]), ignoring', ...bfd }),
  vrrp: keyword(FLAG, 'events for VRRP', { default: 'both', ...bfd }),
  checker: keyword(FLAG, 'events for the checkers', { default: 'both', ...bfd }),
}, { pass: 'children', end: endBfd });

function endBfd(context: Context, block: BlockValue, close: Place): boolean {
  if (block.values['neighbor_ip'] !== undefined) {
    declareTracked(context, 'bfd', block.name, block.place);
    return true;
  }
  context.report({ code: 'missing-neighbor', place: block.place, saidAt: close, message: `Configuration error: BFD instance ${block.name} has no neighbor address set, disabling instance`, remedy: 'write: neighbor_ip IP' });
  return false;
}
