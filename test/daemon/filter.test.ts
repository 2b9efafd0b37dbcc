import { expect } from 'chai';
import { Stage } from './stage.ts';

const instance = (name: string, vrid: number, addresses: string, lines = 'no_accept'): string =>
  `vrrp_instance ${name} {\n interface eth0\n virtual_router_id ${vrid}\n priority 100\n ${lines}\n virtual_ipaddress {\n ${addresses}\n }\n}\n`;
const MASTER = 5000;

describe('packet filter', () => {
  let stage: Stage;
  beforeEach(() => { stage = new Stage(); });
  const vips = (): string[] | null => stage.machine.filter.elements('inet keepalived', 'vips');
  const iptables = (): string[] => stage.machine.scripts.runs.filter(({ argv }) => argv[0] !== '/bin/sh').map(({ argv }) => argv.join(' '));
  /** iptables is there or not, and every run of it ends well. */
  const withIptables = (there: boolean): void => {
    const { scripts } = stage.machine;
    const run = scripts.run.bind(scripts);
    scripts.run = (argv, options) => {
      const started = run(argv, options);
      scripts.runs.at(-1)?.end(argv[0] === '/bin/sh' && !there ? 1 : 0);
      return started;
    };
  };

  for (const [name, lines] of [['an instance that accepts', 'accept'], ['an owner', 'no_accept\n priority 255']] as const) {
    it(`${name} has none, and the kernel is not asked`, async () => {
      await stage.start(instance('VI_1', 1, '10.0.0.9', lines), MASTER);
      expect(stage.router.state()).to.equal('Master');
      expect(stage.machine.filter.batches).to.deep.equal([]);
      await stage.end();
    });
  }

  it('stands before the addresses come and goes after them; a transition changes elements alone', async () => {
    await stage.start(instance('VI_1', 1, '10.0.0.9'), MASTER);
    expect(vips()).to.deep.equal(['0a000009']);
    const before = stage.machine.filter.batches.length;
    stage.machine.setLink(false);
    await stage.clock.advance(100);
    expect(vips()).to.deep.equal([]);
    stage.machine.setLink(true);
    await stage.clock.advance(MASTER);
    expect(vips()).to.deep.equal(['0a000009']);
    expect(stage.machine.filter.batches.slice(before).map((batch) => batch.map(({ op }) => op))).to.deep.equal([['delete-elements'], ['add-elements']]);
    await stage.end();
    expect(stage.machine.filter.held.size).to.equal(0);
    expect(stage.machine.filter.watching()).to.equal(0);
  });

  it('an address of two instances stays as long as one holds it', async () => {
    await stage.start(instance('VI_1', 1, '10.0.0.9') + instance('VI_2', 2, '10.0.0.9\n 10.0.0.8'), MASTER);
    expect(vips()).to.have.members(['0a000009', '0a000008']);
    await stage.router.reload(instance('VI_1', 1, '10.0.0.9'));
    await stage.clock.advance(100);
    expect(vips()).to.deep.equal(['0a000009']);
    await stage.end();
  });

  it('a reload under another name keeps it, one that accepts takes it away, and another table is refused', async () => {
    await stage.start(instance('VI_1', 1, '10.0.0.9'), MASTER);
    const before = stage.machine.filter.batches.length;
    await stage.router.reload(instance('other', 1, '10.0.0.9'));
    expect(stage.machine.filter.batches).to.have.length(before);
    await stage.router.reload(instance('other', 1, '10.0.0.9', 'accept'));
    expect(vips()).to.deep.equal([]);
    await stage.router.reload(`global_defs {\n nftables mine\n}\n${instance('other', 1, '10.0.0.9')}`);
    expect(stage.router.log.texts().filter((line) => line.includes('Cannot change nftables table name at a reload - please restart keepalived'))).to.have.length(1);
    expect(vips()).to.deep.equal([]);
    await stage.end();
  });

  it('-V leaves it with the addresses; the next start removes it', async () => {
    await stage.start(instance('VI_1', 1, '10.0.0.9'), MASTER, { keepAddresses: true });
    await stage.stop();
    expect(vips()).to.deep.equal(['0a000009']);
    await stage.start(instance('VI_1', 1, '10.0.0.9'), 100);
    expect(stage.machine.filter.held.size).to.equal(0);
    await stage.end();
  });

  it('flushed by somebody else it is made anew, at most once a second', async () => {
    await stage.start(instance('VI_1', 1, '10.0.0.9'), MASTER);
    const before = stage.machine.filter.batches.length;
    for (let i = 0; i < 30; i++) {
      stage.machine.filter.flush();
      await stage.clock.advance(100);
    }
    await stage.clock.advance(1000);
    expect(vips()).to.deep.equal(['0a000009']);
    expect(stage.machine.filter.batches.length - before).to.be.within(3, 5);
    await stage.end();
  });

  it('what the kernel refuses is said, and tried a few times', async () => {
    await stage.start(instance('VI_1', 1, '10.0.0.9'));
    stage.machine.filter.missing = 'ENOMEM';
    const before = stage.machine.filter.batches.length;
    await stage.clock.advance(30_000);
    expect(stage.router.state()).to.equal('Master');
    expect(stage.machine.filter.batches.length - before).to.equal(5);
    expect(stage.router.log.texts().filter((line) => line.includes('ENOMEM'))).to.have.length(5);
    await stage.end();
  });

  it('neither nf_tables nor iptables: said once with a remedy, and the router runs', async () => {
    stage.machine.filter.missing = 'EPROTONOSUPPORT';
    withIptables(false);
    await stage.start(instance('VI_1', 1, '10.0.0.9'), MASTER);
    expect(stage.router.state()).to.equal('Master');
    const said = stage.router.log.texts().filter((line) => line.includes('cannot be dropped'));
    expect(said).to.have.length(1);
    expect(said[0]).to.include('install iptables');
    await stage.end();
  });

  it('no nf_tables but iptables: rules come at the beginning of the chains and go', async () => {
    stage.machine.filter.missing = 'EPROTONOSUPPORT';
    withIptables(true);
    await stage.start(instance('VI_1', 1, '10.0.0.9'), MASTER);
    expect(iptables()).to.deep.equal([
      'iptables -w 5 -D INPUT -d 10.0.0.9 -j DROP', 'iptables -w 5 -D OUTPUT -s 10.0.0.9 -j DROP',
      'iptables -w 5 -I INPUT -d 10.0.0.9 -j DROP', 'iptables -w 5 -I OUTPUT -s 10.0.0.9 -j DROP',
    ]);
    await stage.end();
    expect(iptables().slice(4)).to.deep.equal(['iptables -w 5 -D INPUT -d 10.0.0.9 -j DROP', 'iptables -w 5 -D OUTPUT -s 10.0.0.9 -j DROP']);
  });

  it('vrrp_iptables with chains: those, and without an output chain nothing sent is looked at', async () => {
    withIptables(true);
    await stage.start(`global_defs {\n vrrp_iptables own\n}\n${instance('VI_1', 1, '10.0.0.9')}`, MASTER);
    expect(iptables()).to.deep.equal(['iptables -w 5 -D own -d 10.0.0.9 -j DROP', 'iptables -w 5 -I own -d 10.0.0.9 -j DROP']);
    expect(stage.machine.filter.batches).to.deep.equal([]);
    await stage.end();
  });
});
