import { expect } from 'chai';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../netns/wait.ts';
import { World } from './director/world.ts';
import { requireUml } from './needs.ts';

/** Addresses that a director puts on interfaces itself: vip_bind_dev, and local addresses with a device. */
describe('vip_bind_dev on a real kernel', function () {
  this.timeout(240_000);
  let folder: string;
  let world: World;

  before(async function () {
    requireUml(this, 'ipvsadm');
    folder = mkdtempSync(join(tmpdir(), 'tska-bind-'));
    world = await World.open(241, 'ours', folder);
  });
  after(async () => {
    await world?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  /** A server is up while the file exists. */
  function conf(vip: string): string {
    return `virtual_server ${vip} 80 {\n delay_loop 1\n warmup 0\n alpha\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n vip_bind_dev lo\n quorum_up "@DIR@/note.sh up"\n real_server ${vip.includes(':') ? 'fd00:200:241::1' : '10.200.241.1'} 80 {\n  MISC_CHECK {\n   misc_path "/usr/bin/test -e @DIR@/alive"\n   retry 0\n  }\n }\n}\n`;
  }
  const BOTH = `global_defs {\n script_user root\n enable_script_security\n}\n${conf('192.0.2.1')}${conf('2001:db8::1')}`;

  async function held(): Promise<string[]> {
    const listed = JSON.parse(await world.run('ip', '-j', 'address', 'show', 'dev', 'lo')) as { addr_info: { local: string; prefixlen: number; protocol?: string }[] }[];
    return (listed[0]?.addr_info ?? []).map(({ local, prefixlen }) => `${local}/${String(prefixlen)}`).filter((one) => !one.startsWith('127.') && one !== '::1/128').sort();
  }

  async function become(what: string, ...wanted: string[]): Promise<void> {
    let there: string[] = [];
    await until(what, 60_000, async () => {
      there = await held();
      return there.join() === wanted.join();
    }, () => `${there.join(' ')}\n${world.daemon?.tail() ?? ''}`, 200);
  }

  it('with the quorum they come, without it they go; a kill leaves them, the next start takes them over, a stop takes them away', async () => {
    world.start(BOTH);
    await until('the daemon', 60_000, () => world.daemon?.log.some(({ text }) => text.includes('Activating healthchecker')) === true, () => world.daemon?.tail() ?? '');
    expect(await held()).to.deep.equal([]);
    await world.run('touch', join(world.dir, 'alive'));
    await become('the addresses', '192.0.2.1/32', '2001:db8::1/128');
    await world.run('rm', join(world.dir, 'alive'));
    await become('no address');
    await world.run('touch', join(world.dir, 'alive'));
    await become('the addresses again', '192.0.2.1/32', '2001:db8::1/128');

    world.daemon?.kill();
    await world.daemon?.end;
    expect(await held(), 'a kill leaves them').to.deep.equal(['192.0.2.1/32', '2001:db8::1/128']);
    world.start(BOTH.replaceAll(' alpha\n', ''));
    await until('the daemon again', 60_000, () => world.daemon?.log.some(({ text }) => text.includes('Activating healthchecker')) === true, () => world.daemon?.tail() ?? '');
    expect(await held()).to.deep.equal(['192.0.2.1/32', '2001:db8::1/128']);
    expect(world.daemon?.log.filter(({ text }) => text.includes('Adding 192.0.2.1')), 'they were ours already').to.deep.equal([]);

    world.daemon?.terminate();
    await world.daemon?.end;
    expect(await held()).to.deep.equal([]);
    expect(readdirSync(world.dir).filter((name) => name.endsWith('.addresses')).map((name) => readFileSync(join(world.dir, name), 'utf8'))).to.deep.equal([]);
  });
});
