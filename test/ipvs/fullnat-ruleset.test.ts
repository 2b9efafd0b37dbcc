import { expect } from 'chai';
import type { FilterOp } from '../../lib/codec/nftables.ts';
import type { FullnatPlan } from '../../lib/ipvs/fullnat/plan.ts';
import { buildRuleset, changeRuleset, removeRuleset } from '../../lib/ipvs/fullnat/ruleset.ts';
import type { IpAddress } from '../../lib/util/ip.ts';
import { FakeFilter } from '../sim/fake-filter.ts';

function ip(text: string): IpAddress {
  return text as IpAddress;
}

function ips(...all: readonly string[]): IpAddress[] {
  return all.map(ip);
}

const PLAN: FullnatPlan = {
  family: 'inet', seed: 1,
  pools: [{ name: 'G', addresses: ips('10.0.0.21', '10.0.0.22') }, { name: 'two words', addresses: ips('10.0.0.30') }],
  services: [
    { id: { kind: 'address', protocol: 'tcp', address: ip('203.0.113.1'), port: 80 }, pool: 'G', toa: true },
    { id: { kind: 'address', protocol: 'udp', address: ip('203.0.113.1'), port: 53 }, pool: 'two words', toa: true },
    { id: { kind: 'fwmark', mark: 7, family: 'inet' }, pool: 'G', toa: false },
  ],
  servers: [{ protocol: 'tcp', address: ip('10.0.1.11'), port: 80 }, { protocol: 'udp', address: ip('10.0.1.12'), port: 0 }],
};
const SETS = ['svc_tcp', 'svc_udp', 'svc_sctp', 'all_tcp', 'all_udp', 'all_sctp', 'svc_mark', 'mid_tcp', 'mid_all', 'mid_mark', 'lips', 'rs', 'rs_any', 'toa', 'toa_all', 'pool_G', 'poolx_74776f20776f726473'];

/** What a kernel holds after these batches, set by set. */
async function held(...batches: readonly (readonly FilterOp[])[]): Promise<Record<string, readonly string[] | null>> {
  const filter = new FakeFilter();
  for (const batch of batches) await filter.apply(batch);
  return Object.fromEntries(SETS.map((set) => [set, filter.elements('inet tsk_fnat', set)?.toSorted() ?? null]));
}

function only(ops: readonly FilterOp[], ...kinds: readonly FilterOp['op'][]): FilterOp[] {
  return ops.filter(({ op }) => kinds.includes(op));
}

describe('FULLNAT by nf_tables: the table', () => {
  it('is made whole in one batch, whatever a killed run left', async () => {
    const once = await held(buildRuleset(PLAN));
    expect(once).to.deep.include({ svc_tcp: ['cb00710100500000'], svc_udp: ['cb00710100350000'], svc_sctp: [], lips: ['0a000015', '0a000016', '0a00001e'], toa: ['cb00710100500000'], rs: ['060000000a00010b00500000'], rs_any: ['0a00010c'] });
    expect(await held(buildRuleset({ ...PLAN, servers: [] }), buildRuleset(PLAN))).to.deep.equal(once);
  });

  it('a service of all ports goes by its address, whatever port a packet asks for', async () => {
    const every = { id: { kind: 'address' as const, protocol: 'tcp' as const, address: ip('203.0.113.9'), port: 0 }, pool: 'G', toa: true, takeover: 'two words' };
    expect(await held(buildRuleset({ ...PLAN, services: [...PLAN.services, every] }))).to.deep.include({ svc_tcp: ['cb00710100500000'], all_tcp: ['cb007109'], mid_all: ['cb007109'], mid_tcp: [], toa: ['cb00710100500000'], toa_all: ['cb007109'] });
  });

  it('chooses by a hash of the client’s address and port, with the seed', () => {
    const hashes = only(buildRuleset(PLAN), 'add-rule').flatMap((op) => ('expressions' in op ? op.expressions : [])).filter(({ type }) => type === 'hash');
    expect(hashes).to.deep.equal([{ type: 'hash', from: 8, length: 8, modulus: 2, seed: 1, into: 8 }, { type: 'hash', from: 8, length: 8, modulus: 1, seed: 1, into: 8 }]);
  });

  it('has the same number of rules for many services as for one', () => {
    const many = { ...PLAN, services: Array.from({ length: 5000 }, (_, i) => ({ id: { kind: 'address' as const, protocol: 'tcp' as const, address: ip(`203.0.${String(i >> 8)}.${String(i & 255)}`), port: 80 }, pool: 'G', toa: false })) };
    expect(only(buildRuleset(many), 'add-rule')).to.have.length(only(buildRuleset(PLAN), 'add-rule').length);
  });

  it('connections that another director had: TCP without SYN goes to the pool of the takeover, before all else', async () => {
    const plan = { ...PLAN, services: PLAN.services.map((one) => ({ ...one, takeover: 'two words' })) };
    const ops = buildRuleset(plan);
    expect(await held(ops)).to.deep.include({ mid_tcp: ['cb00710100500000'], mid_mark: (await held(buildRuleset(PLAN)))['svc_mark'], svc_udp: ['cb00710100350000'] });
    const dispatches = only(ops, 'add-rule').flatMap((op) => ('expressions' in op ? [op.expressions] : [])).filter((rule) => rule.some(({ type }) => type === 'dispatch'));
    expect(dispatches.map((rule) => rule.flatMap((one) => (one.type === 'dispatch' ? [one.map] : [])).join())).to.deep.equal(['mid_tcp', 'mid_all', 'mid_mark', 'svc_tcp', 'all_tcp', 'svc_udp', 'all_udp', 'svc_sctp', 'all_sctp', 'svc_mark']);
    expect(dispatches[0]).to.deep.include.members([{ type: 'payload', base: 'transport', offset: 13, length: 1, register: 8 }, { type: 'mask', register: 8, mask: Uint8Array.of(2) }]);
  });

  it('takes the option out of first packets that go to a real server by a service without TOA, and drops what servers say of no connection', () => {
    const rules = (chain: string): string[] => only(buildRuleset(PLAN), 'add-rule').flatMap((op) => ('chain' in op && op.chain === chain && 'expressions' in op ? [op.expressions.map((one) => ('set' in one ? `${one.type} ${one.set}` : one.type)).join(', ')] : []));
    const strips = rules('guard').filter((rule) => rule.includes('strip'));
    expect(strips).to.have.length(2);
    for (const [i, servers] of ['rs', 'rs_any'].entries()) expect(strips[i]).to.match(new RegExp(`lookup ${servers}, .*lookup-not toa, lookup-not toa_all, strip-tcp-option$`, 'u'));
    expect(rules('input').map((rule) => /lookup lips, .*lookup (\w+), counter, verdict$/u.exec(rule)?.[1])).to.deep.equal(['rs', 'rs_any']);
  });

  it('IPv6: no TOA, addresses of sixteen bytes', () => {
    const plan: FullnatPlan = { family: 'inet6', seed: 1, pools: [{ name: 'G', addresses: ips('2001:db8::21') }], services: [{ id: { kind: 'address', protocol: 'tcp', address: ip('2001:db8::1'), port: 80 }, pool: 'G', toa: true }], servers: [] };
    const ops = buildRuleset(plan);
    expect(ops.every(({ family, table }) => family === 'inet6' && table === 'tsk_fnat')).to.equal(true);
    expect(only(ops, 'add-set').map((op) => ('set' in op ? op.set : ''))).to.not.include('toa');
  });

  it('goes by one operation', () => {
    expect(removeRuleset('inet')).to.deep.equal([{ op: 'delete-table', family: 'inet', table: 'tsk_fnat' }]);
  });
});

describe('FULLNAT by nf_tables: a reload', () => {
  const changes: readonly (readonly [name: string, now: FullnatPlan, kinds: readonly FilterOp['op'][]])[] = [
    ['nothing: nothing is sent', PLAN, []],
    ['a real server more: one element', { ...PLAN, servers: [...PLAN.servers, { protocol: 'tcp', address: ip('10.0.1.13'), port: 80 }] }, ['add-elements']],
    ['a service less: its elements', { ...PLAN, services: PLAN.services.slice(1) }, ['delete-elements', 'delete-elements']],
    ['a local address more: its pool is filled anew, and its chain', { ...PLAN, pools: [{ name: 'G', addresses: ips('10.0.0.21', '10.0.0.22', '10.0.0.23') }, ...PLAN.pools.slice(1)] }, ['flush-chain', 'flush-set', 'add-elements', 'add-rule', 'add-elements']],
    ['a takeover: elements', { ...PLAN, services: PLAN.services.map((one) => ({ ...one, takeover: 'two words' })) }, ['add-elements', 'add-elements']],
    ['another pool for a service', { ...PLAN, services: PLAN.services.map((one) => ({ ...one, pool: 'G' })) }, ['delete-elements', 'add-elements']],
    ['a pool less', { ...PLAN, pools: PLAN.pools.slice(0, 1), services: PLAN.services.filter(({ pool }) => pool === 'G') }, ['delete-elements', 'delete-elements', 'flush-chain', 'delete-chain', 'delete-set']],
    ['another seed: every chain', { ...PLAN, seed: 2 }, ['flush-chain', 'flush-set', 'add-elements', 'add-rule', 'flush-chain', 'flush-set', 'add-elements', 'add-rule']],
  ];
  for (const [name, now, kinds] of changes) {
    it(name, async () => {
      const ops = changeRuleset(PLAN, now);
      expect(ops.map(({ op }) => op)).to.deep.equal(kinds);
      expect(await held(buildRuleset(PLAN), ops), 'as if made anew').to.deep.equal(await held(buildRuleset(now)));
    });
  }
});
