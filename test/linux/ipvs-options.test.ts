import { expect } from 'chai';
import { encodeOption, GET } from '../../lib/codec/ipvs-options.ts';
import { IPIP } from '../../lib/codec/ipvs-values.ts';
import { optionIpvs, optionKind, type SocketOptions } from '../../lib/linux/ipvs-options.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import { ip } from '../../lib/util/ip.ts';
import { destination, service, serviceId } from '../ipvs/values.ts';

/** Options as a script has them: answers by number; everything that was set, in hexadecimal. */
class ScriptedOptions implements SocketOptions {
  readonly answers: ReadonlyMap<number, string | ((value: Uint8Array) => Uint8Array)>;
  readonly set_: string[] = [];
  refuse: string | null = null;
  closed = false;

  constructor(answers: readonly (readonly [number, string | ((value: Uint8Array) => Uint8Array)])[]) {
    this.answers = new Map(answers);
  }

  get(option: number, value: Uint8Array): Uint8Array | string {
    const answer = this.answers.get(option) ?? 'ENOPROTOOPT';
    return typeof answer === 'string' ? answer : answer(value);
  }

  set(option: number, value: Uint8Array): string | null {
    this.set_.push(`${String(option)} ${toHex(value)}`);
    return this.refuse;
  }

  close(): void {
    this.closed = true;
  }
}

const info = (value: Uint8Array): Uint8Array => {
  value.set(fromHex('01020100000040000100000000000000'));
  return value;
};

describe('IPVS by socket options: what a kernel knows, by reading alone', () => {
  for (const [name, answers, kind] of [
    ['no IPVS', [], null],
    ['no right to ask', [[GET.INFO, 'EPERM']], null],
    ['a stock kernel', [[GET.INFO, info]], { fullnat: null }],
    ['alibaba', [[GET.INFO, info], [GET.LADDRS, 'ESRCH']], { fullnat: 'services' }],
    ['one that finds nothing wrong', [[GET.INFO, info], [GET.LADDRS, (value: Uint8Array) => value]], { fullnat: 'services' }],
    ['Xiaomi', [[GET.INFO, info], [GET.LADDRS, 'ESRCH'], [GET.ZONES, 'EINVAL']], { fullnat: 'zones' }],
  ] as [string, [number, string | ((value: Uint8Array) => Uint8Array)][], { fullnat: string | null } | null][]) {
    it(name, () => {
      const options = new ScriptedOptions(answers);
      expect(optionKind(options)).to.deep.equal(kind);
      expect(options.set_).to.deep.equal([]);
    });
  }
});

describe('IPVS by socket options', () => {
  const WEB = serviceId('tcp 203.0.113.1 80');
  const put = (offset: number, hex: string) => (value: Uint8Array): Uint8Array => {
    value.set(fromHex(hex), offset);
    return value;
  };

  it('the table of a kernel with FULLNAT', async () => {
    const key = '06000000cb00710100500000';
    const control = optionIpvs(new ScriptedOptions([
      [GET.INFO, info],
      [GET.SERVICES, put(8, `${key}00000000 72720000000000000000000000000000 00000000 00000000 ffffffff 01000000 01000000`)],
      [GET.DESTS, put(24, '0a00010b 00500000 05000000 01000000')],
      [GET.LADDRS, put(24, '0a000015 00000000 0200000000000000 07000000')],
    ]), { fullnat: 'services' });
    const [entry] = await control.dump();
    expect([entry?.service.scheduler, entry?.destinations.map(({ address, forward }) => [address, forward.method]), entry?.localAddresses]).to.deep.equal(['rr', [['10.0.1.11', 'FNAT']], ['10.0.0.21']]);
    expect(await control.localAddresses(WEB)).to.deep.equal([{ address: '10.0.0.21', portConflicts: 2n, connections: 7 }]);
    expect(await control.info()).to.deep.equal({ version: '1.2.1', connectionTableSize: 4194304 });
  });

  it('operations go in their order; what it cannot say is refused, and the others go all the same', async () => {
    const options = new ScriptedOptions([]);
    const control = optionIpvs(options, { fullnat: 'services' });
    const operations = [
      { op: 'add-service', service: service('tcp 203.0.113.1 80') }, { op: 'add-service', service: service('tcp 2001:db8::1 80') }, { op: 'add-local-address', service: WEB, address: ip('10.0.0.21') },
    ] as const;
    expect((await control.apply(operations)).map((problem) => problem?.code ?? null)).to.deep.equal([null, 'EAFNOSUPPORT', null]);
    expect(options.set_.map((line) => line.slice(0, 4))).to.deep.equal(['1154', '1168']);
    options.refuse = 'EACCES';
    expect((await control.apply([{ op: 'zero', service: null }]))[0]?.message).to.equal('zero the counters of IPVS: EACCES');
    control.close();
    expect(options.closed).to.equal(true);
  });

  it('one without FULLNAT is never asked for it', async () => {
    const options = new ScriptedOptions([]);
    const server = destination('10.0.1.11 80', { forward: { method: 'FNAT', tunnel: IPIP } });
    for (const fullnat of [null, 'zones'] as const) {
      const results = await optionIpvs(options, { fullnat }).apply([{ op: 'add-destination', service: WEB, destination: server }, { op: 'add-service', service: service('tcp 203.0.113.1 80', { synProxy: true }) }]);
      expect(results.map((problem) => problem?.code)).to.deep.equal(['EOPNOTSUPP', 'EOPNOTSUPP']);
    }
    expect(options.set_).to.deep.equal([]);
    expect(encodeOption({ op: 'delete-service', id: WEB }).option).to.equal(1156);
  });
});
