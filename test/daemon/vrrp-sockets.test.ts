import { expect } from 'chai';
import { SocketPool, specKey, specOf } from '../../lib/daemon/vrrp-sockets.ts';
import { SystemError } from '../../lib/system/error.ts';
import type { OutgoingDatagram, SocketSpec } from '../../lib/system/vrrp-sockets.ts';
import { ip } from '../../lib/util/ip.ts';
import { instanceOf } from '../sim/config-text.ts';

const SPEC: SocketSpec = { family: 'inet', link: 'eth0', protocol: 112, group: ip('224.0.0.18') };
const DATAGRAM: OutgoingDatagram = { from: ip('10.0.0.1'), to: ip('224.0.0.18'), payload: new Uint8Array(0), ttl: 255, id: 1 };

class Stage {
  /** What happened: `open eth0`, `close eth0`, `send eth0`, `failed eth0 ENODEV`. */
  readonly happened: string[] = [];
  refuse: string | null = null;
  private fail: (cause: Error) => void = () => undefined;
  readonly pool = new SocketPool({
    open: (spec, _receive, failed) => {
      if (this.refuse !== null) throw new SystemError('bind', spec.link, this.refuse);
      this.happened.push(`open ${spec.link}`);
      this.fail = failed;
      return { send: () => { this.happened.push(`send ${spec.link}`); }, dropped: () => 0, setReceiveBuffer: (bytes) => { this.happened.push(`size ${spec.link} ${bytes}`); }, close: () => { this.happened.push(`close ${spec.link}`); } };
    },
  }, () => undefined, (_key, spec, cause) => { this.happened.push(`failed ${spec.link} ${cause instanceof SystemError ? cause.code : String(cause)}`); });

  die(code: string): void {
    this.fail(new SystemError('recv', 'eth0', code));
  }
}

describe('SocketPool', () => {
  let stage: Stage;

  beforeEach(() => { stage = new Stage(); });

  it('one that cannot be opened is told of; nothing can be sent through it', () => {
    stage.refuse = 'EPERM';
    expect(stage.pool.ensure(SPEC, 2)).to.equal(false);
    expect(stage.pool.isOpen(SPEC)).to.equal(false);
    expect(stage.pool.send(SPEC, DATAGRAM)).to.equal(false);
    expect(stage.happened).to.deep.equal(['failed eth0 EPERM']);
    stage.refuse = null;
    expect(stage.pool.ensure(SPEC, 2), 'and can be tried again').to.equal(true);
  });

  it('one that nobody opened is not open', () => {
    expect(stage.pool.isOpen(SPEC)).to.equal(false);
    expect(stage.pool.send(SPEC, DATAGRAM)).to.equal(false);
    stage.pool.close();
    expect(stage.happened).to.deep.equal([]);
  });

  it('opened once for all who speak the same way', () => {
    expect([stage.pool.ensure(SPEC, 2), stage.pool.ensure({ ...SPEC }, 2)]).to.deep.equal([true, true]);
    expect(stage.pool.send(SPEC, DATAGRAM)).to.equal(true);
    expect(stage.happened).to.deep.equal(['open eth0', 'send eth0']);
  });

  it('opened anew, the old one closed first, when the interface is another one', () => {
    stage.pool.ensure(SPEC, 2);
    stage.pool.ensure(SPEC, 7);
    expect(stage.happened).to.deep.equal(['open eth0', 'close eth0', 'open eth0']);
  });

  it('one that died is told of, and opened again when asked', () => {
    stage.pool.ensure(SPEC, 2);
    stage.die('ENETDOWN');
    expect(stage.pool.isOpen(SPEC)).to.equal(false);
    stage.pool.ensure(SPEC, 2);
    expect(stage.happened).to.deep.equal(['open eth0', 'failed eth0 ENETDOWN', 'open eth0']);
  });

  it('the interface is gone: closed, the others stay', () => {
    stage.pool.ensure(SPEC, 2);
    stage.pool.ensure({ ...SPEC, link: 'eth1' }, 3);
    stage.pool.drop('eth0');
    expect([stage.pool.isOpen(SPEC), stage.pool.isOpen({ ...SPEC, link: 'eth1' })]).to.deep.equal([false, true]);
  });

  it('what is not in use any more is closed', () => {
    const other = { ...SPEC, group: ip('224.0.0.99') };
    stage.pool.ensure(SPEC, 2);
    stage.pool.ensure(other, 2);
    stage.pool.keep(new Set([specKey(other)]));
    expect([stage.pool.isOpen(SPEC), stage.pool.isOpen(other)]).to.deep.equal([false, true]);
    stage.pool.close();
    expect(stage.happened.filter((h) => h === 'close eth0')).to.have.length(2);
  });
});

describe('specOf', () => {
  for (const [name, body, expected] of [
    ['multicast', '', { protocol: 112, group: '224.0.0.18' }],
    ['unicast joins no group', 'unicast_peer {\n 10.0.0.2\n }', { protocol: 112, group: null }],
    ['AH is another protocol', 'authentication {\n auth_type AH\n auth_pass x\n }', { protocol: 51, group: '224.0.0.18' }],
  ] as const) {
    it(name, () => { expect(specOf(instanceOf(body))).to.deep.equal({ family: 'inet', link: 'eth0', ...expected }); });
  }
});
