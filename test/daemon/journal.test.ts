import { expect } from 'chai';
import { Journal } from '../../lib/daemon/journal.ts';
import { Network } from '../../lib/daemon/network.ts';
import { printPrefix } from '../../lib/util/ip.ts';
import { configOf, instanceText } from '../sim/config-text.ts';
import { MemoryFiles } from '../sim/memory-files.ts';
import { RecordingLog } from '../sim/recording-log.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';
import { address, FakeRoutes, link } from './fakes.ts';

const PATH = '/state/journal';
const CONFIG = configOf(instanceText(''));
const claimed = (...prefixes: string[]): string => JSON.stringify({ epoch: 'boot-1', claims: prefixes.map((prefix) => ({ link: 'eth0', prefix, peer: null })) });

class Stage {
  readonly files = new MemoryFiles();
  readonly log = new RecordingLog();
  readonly routes = new FakeRoutes();
  readonly network = new Network(this.routes, new VirtualClock(), this.log, () => undefined);
  readonly journal = new Journal(this.files, this.log, PATH, 'boot-1');

  /** What is called left over, with these addresses on eth0: 'ADDRESS' or 'ADDRESS by PROTOCOL'. */
  async leftovers(journal: string | null, ...present: string[]): Promise<string[]> {
    if (journal !== null) this.files.files.set(PATH, { text: journal, mode: 0o600 });
    this.routes.links = [link(2, 'eth0')];
    this.routes.addresses = present.map((text) => {
      const [prefix = '', protocol] = text.split(' by ');
      return address(2, prefix, { protocol: protocol === undefined ? null : Number(protocol) });
    });
    await this.network.start();
    const found = await this.journal.leftovers(this.network, CONFIG);
    this.network.close();
    return found.addresses.map((a) => printPrefix(a.prefix));
  }
}

describe('Journal', () => {
  let stage: Stage;

  beforeEach(() => { stage = new Stage(); });

  for (const [name, text] of [
    ['no JSON', '{"epoch":'],
    ['empty', ''],
  ] as const) {
    it(`one that is ${name} is told of, and takes nothing away`, async () => {
      expect(await stage.leftovers(text, '10.0.0.99/24')).to.deep.equal([]);
      expect(stage.log.texts('warn')[0]).to.match(/^journal \/state\/journal cannot be read: SyntaxError/u);
    });
  }

  for (const [name, text] of [
    ['null', 'null'],
    ['a list', '[]'],
    ['without claims', '{"epoch":"boot-1"}'],
    ['with claims that are none', '{"epoch":"boot-1","claims":[null,1,{},{"link":"eth0"},{"link":"eth0","prefix":7,"peer":null}]}'],
    ['with a prefix that is none', claimed('10.0.0.99/99', 'x')],
    ['of another boot', claimed('10.0.0.99/24').replace('boot-1', 'boot-0')],
  ] as const) {
    it(`one that is ${name} takes nothing away`, async () => {
      expect(await stage.leftovers(text, '10.0.0.99/24')).to.deep.equal([]);
      expect(stage.log.lines).to.deep.equal([]);
    });
  }

  it('one that may not be read is told of', async () => {
    stage.files.broken.set(PATH, 'EACCES');
    expect(await stage.leftovers(null, '10.0.0.99/24')).to.deep.equal([]);
    expect(stage.log.texts('warn')).to.deep.equal(['journal /state/journal cannot be read: EACCES']);
  });

  it('none at all is as it should be', async () => {
    expect(await stage.leftovers(null, '10.0.0.99/24')).to.deep.equal([]);
    expect(stage.log.lines).to.deep.equal([]);
  });

  for (const [name, present, expected] of [
    ['claimed and there, on a kernel without marks', ['10.0.0.99/24'], ['10.0.0.99/24']],
    ['claimed and marked as ours', ['10.0.0.99/24 by 18'], ['10.0.0.99/24']],
    ['claimed, but marked as somebody else\'s', ['10.0.0.99/24 by 3'], []],
    ['claimed, but marked as nobody\'s on a kernel that marks', ['10.0.0.99/24 by 0'], []],
    ['claimed, but not there', [], []],
    ['there with another prefix length', ['10.0.0.99/32'], []],
    ['marked as ours, but never claimed', ['10.0.0.98/24 by 18'], []],
    ['claimed, but the configuration still has it: the instance sees to it', ['10.0.0.100/24 by 18'], []],
  ] as const) {
    it(`left over? ${name}: ${expected.length === 0 ? 'no' : 'yes'}`, async () => {
      expect(await stage.leftovers(claimed('10.0.0.99/24', '10.0.0.100/24'), ...present)).to.deep.equal(expected);
    });
  }

  it('of an interface that is not there nothing is left over', async () => {
    expect(await stage.leftovers(claimed('10.0.0.99/24').replace('eth0', 'eth9'), '10.0.0.99/24')).to.deep.equal([]);
  });

  it('what is claimed is found by the next run of the same boot', async () => {
    const other = configOf(instanceText('virtual_ipaddress_excluded {\n 10.0.0.99/24\n }', 'VI_1', 51, '10.0.0.98/24'));
    await stage.journal.claim(other);
    expect(stage.files.files.get(PATH)?.mode).to.equal(0o600);
    expect(await stage.leftovers(null, '10.0.0.98/24 by 18', '10.0.0.99/24 by 18', '10.0.0.97/24 by 18')).to.deep.equal(['10.0.0.98/24', '10.0.0.99/24']);
  });

  it('one that cannot be written says what that means; the start goes on', async () => {
    stage.files.broken.set(PATH, 'EROFS');
    await stage.journal.claim(CONFIG);
    expect(stage.log.texts('warn')).to.deep.equal([
      'journal /state/journal cannot be written (EROFS): if this daemon is killed, addresses that are then taken out of its configuration stay until removed by hand',
    ]);
  });

  it('cleared at a clean stop; twice is no problem, a refusal is told of', async () => {
    await stage.journal.claim(CONFIG);
    await stage.journal.clear();
    await stage.journal.clear();
    expect(stage.files.files.size).to.equal(0);
    expect(stage.log.lines).to.deep.equal([]);
    stage.files.broken.set(PATH, 'EACCES');
    await stage.journal.clear();
    expect(stage.log.texts('warn')).to.deep.equal(['journal /state/journal cannot be removed: EACCES']);
  });
});
