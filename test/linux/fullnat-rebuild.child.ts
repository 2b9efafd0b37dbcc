/** In a director's namespace: makes FULLNAT's table anew, and its pool smaller and larger again, so many times. Says when it is there, and ends. */
import type { FullnatPlan } from '../../lib/ipvs/fullnat/plan.ts';
import { buildRuleset, changeRuleset } from '../../lib/ipvs/fullnat/ruleset.ts';
import { linuxPacketFilter } from '../../lib/linux/packet-filter.ts';
import { ip } from '../../lib/util/ip.ts';

const [rounds = '', service = '', ...local] = process.argv.slice(2);
const plan: FullnatPlan = {
  family: 'inet', seed: 1, pools: [{ name: 'G', addresses: local.map((address) => ip(address)) }],
  services: [{ id: { kind: 'address', protocol: 'udp', address: ip(service), port: 53 }, pool: 'G', toa: false }],
  servers: [{ protocol: 'udp', address: ip(service), port: 53 }],
};
const less: FullnatPlan = { ...plan, pools: plan.pools.map((pool) => ({ ...pool, addresses: pool.addresses.slice(1) })) };
const filter = linuxPacketFilter();
await filter.apply(buildRuleset(plan));
process.stdout.write('there\n');
for (let i = 0; i < Number(rounds); i++) {
  for (const ops of [buildRuleset(plan), changeRuleset(plan, less), changeRuleset(less, plan)]) {
    await filter.apply(ops);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
filter.close();
