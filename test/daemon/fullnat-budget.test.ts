import { expect } from 'chai';
import type { ServiceEntryStatus } from '../../lib/codec/ipvs-values.ts';
import { BudgetWatch } from '../../lib/daemon/balance/fullnat/budget-watch.ts';
import { fullnatLines, renderCheckJson } from '../../lib/daemon/report/fullnat.ts';
import type { FullnatPlan } from '../../lib/ipvs/fullnat/plan.ts';
import { SystemError } from '../../lib/system/error.ts';
import { ip } from '../../lib/util/ip.ts';
import { FakeSysctls } from '../sim/fake-sysctls.ts';
import { MemoryFiles } from '../sim/memory-files.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';

const ID = { kind: 'address', protocol: 'tcp', address: ip('203.0.113.1'), port: 80 } as const;
const PLAN: FullnatPlan = { family: 'inet', seed: 1, pools: [{ name: 'G', addresses: [ip('10.0.0.21')] }], services: [{ id: ID, pool: 'G', toa: false }], servers: [] };
const STATISTICS = '/proc/net/stat/nf_conntrack';

class Stage {
  readonly clock = new VirtualClock();
  readonly files = new MemoryFiles();
  readonly sysctls = new FakeSysctls();
  readonly log = new RecordingLog();
  connections = 0;
  dumps = 0;
  /** How long the kernel takes for a dump. */
  takes = 0;
  broken: string | null = null;
  readonly watch = new BudgetWatch(this, { dump: () => this.dump() }, this.log);

  constructor() {
    for (const [name, value] of [['count', '10'], ['max', '262144'], ['tcp_loose', '1']] as const) this.sysctls.values.set(`net/netfilter/nf_conntrack_${name}`, value);
    this.conntrack(0);
  }

  conntrack(failed: number): void {
    this.files.files.set(STATISTICS, { text: `insert_failed drop early_drop\n${failed.toString(16).padStart(8, '0')} 00000000 00000000\n`, mode: 0o444 });
  }

  private async dump(): Promise<readonly ServiceEntryStatus[]> {
    this.dumps++;
    if (this.broken !== null) throw new SystemError('dump', 'IPVS', this.broken);
    await new Promise<void>((resolve) => this.clock.at(this.clock.now() + this.takes, resolve));
    const stats = {} as ServiceEntryStatus['service']['stats'];
    return [{
      service: { id: ID, scheduler: 'rr', flags: [], persistence: null, engine: null, stats },
      destinations: [{
        address: ip('10.0.1.11'), port: 80, weight: 1, upperThreshold: 0, lowerThreshold: 0, forward: { method: 'NAT', tunnel: { type: 'ipip', port: 0, checksum: 'nocsum' } },
        activeConnections: this.connections, inactiveConnections: 0, persistentConnections: 0, stats,
      }],
    }];
  }
}

describe('FULLNAT: ports and conntrack are watched', () => {
  it('every half minute; too few free ones are said once, and again when there are enough', async () => {
    const stage = new Stage();
    stage.watch.watch([PLAN]);
    await stage.clock.advance(100);
    expect([stage.dumps, stage.log.texts()]).to.deep.equal([1, []]);
    stage.connections = 60_000;
    await stage.clock.advance(90_000);
    expect(stage.dumps).to.equal(4);
    expect(stage.log.texts()).to.have.length(1);
    expect(stage.log.texts('warn')[0]).to.include('use 93 % of the ports that local_address_group G has for it');
    stage.connections = 100;
    stage.conntrack(3);
    await stage.clock.advance(30_000);
    expect(stage.log.texts().slice(1).map((text) => text.slice(0, 60))).to.deep.equal(['FULLNAT: connections to [10.0.1.11]:tcp:80 use 0 % of its po', 'FULLNAT: conntrack has lost 3 connections or packets since i']);
    stage.watch.watch([]);
    await stage.clock.advance(120_000);
    expect([stage.dumps, stage.clock.pending(), stage.watch.last]).to.deep.equal([5, 0, null]);
  });

  it('where a look takes long there are fewer', async () => {
    const stage = new Stage();
    stage.takes = 6000;
    stage.watch.watch([PLAN]);
    await stage.clock.advance(6000 + 119_000);
    expect(stage.dumps).to.equal(1);
    await stage.clock.advance(2000);
    expect(stage.dumps).to.equal(2);
    stage.watch.watch([]);
    await stage.clock.advance(10_000);
    expect(stage.clock.pending()).to.equal(0);
  });

  it('what cannot be read is said once, and is no all-clear', async () => {
    const stage = new Stage();
    stage.connections = 60_000;
    stage.watch.watch([PLAN]);
    await stage.clock.advance(100);
    stage.broken = 'ENOBUFS';
    stage.files.files.delete(STATISTICS);
    await stage.clock.advance(90_000);
    expect(stage.log.texts().slice(1)).to.deep.equal(['IPVS table', STATISTICS].map((what, i) => `FULLNAT: ${i === 0 ? 'the ' : ''}${what} cannot be read (${i === 0 ? 'ENOBUFS' : 'ENOENT'}): the use of ports and of conntrack is not fully watched`));
    stage.broken = null;
    await stage.clock.advance(30_000);
    expect(stage.log.texts(), 'the alarm still stands').to.have.length(3);
    stage.watch.watch([]);
  });

  it('nf_conntrack_tcp_loose=0 is said', async () => {
    const stage = new Stage();
    stage.sysctls.values.set('net/netfilter/nf_conntrack_tcp_loose', '0');
    stage.watch.watch([PLAN]);
    await stage.clock.advance(60_000);
    expect(stage.log.texts().filter((text) => text.includes('nf_conntrack_tcp_loose'))).to.have.length(1);
    stage.watch.watch([]);
  });

  it('the dump and the JSON have it', async () => {
    const stage = new Stage();
    stage.connections = 16_128;
    stage.watch.watch([PLAN]);
    await stage.clock.advance(100);
    const status = { by: 'iptables', pools: PLAN.pools, reading: stage.watch.last } as const;
    expect(fullnatLines(status)).to.deep.equal([
      '------< FULLNAT >------', ' Translation by = iptables', ' Local address group = G, addresses = 1, ports for each real server = 64512', '   10.0.0.21',
      ' Real server = [10.0.1.11]:tcp:80, connections = 16128, ports in use = 25.0 %', ' Conntrack entries = 10 of 262144', ' Conntrack insert_failed = 0, drop = 0, early_drop = 0',
    ]);
    expect(JSON.parse(renderCheckJson(status))).to.deep.equal({ fullnat: {
      translation: 'iptables', local_address_groups: [{ name: 'G', addresses: ['10.0.0.21'], ports_per_real_server: 64_512 }],
      real_servers: [{ protocol: 'tcp', address: '10.0.1.11', port: 80, local_address_groups: ['G'], connections: 16_128, ports_in_use: 0.25 }],
      conntrack: { entries: 10, max: 262_144, insert_failed: 0, drop: 0, early_drop: 0 },
    } });
    expect([fullnatLines(null), JSON.parse(renderCheckJson(null))]).to.deep.equal([[], { fullnat: null }]);
    stage.watch.watch([]);
  });
});
