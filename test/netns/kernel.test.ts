import { expect } from 'chai';
import { join } from 'node:path';
import type { Daemon } from './daemon.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import type { LabNode } from './node.ts';
import { sleep, until, wallClock } from './wait.ts';

const VIP = '192.0.2.100/24';
const OTHER = '192.0.2.101/24';

describe('netns: one router and its kernel', function () {
  this.timeout(60_000);
  let lab: Lab<'a'>;
  let node: LabNode;

  beforeEach(async function () {
    requireLab(this);
    lab = await Lab.open({ nodes: { a: '192.0.2.1/24' } });
    node = lab.nodes.a;
  });
  afterEach(() => lab?.close());

  it('an address that somebody else removes is noticed, and comes back', async () => {
    const daemon = await master(instance({}));
    const since = wallClock();
    await node.sh(`ip address del ${VIP} dev eth0`);
    await daemon.says(/Entering BACKUP STATE/, 5000, since);
    await node.holds(VIP, 10_000, true, () => daemon.tail());
    expect(lab.witness.advertsSince(since).map((advert) => advert.priority), 'priority 0 on leaving, then master again').to.include.members([0, 150]);
    expect(daemon.said(/Netlink reflector reports IP 192\.0\.2\.100 removed from eth0/)).to.equal(true);
  });

  it('an interface that is not there at the start may appear later', async () => {
    const daemon = node.start('ours', `global_defs {\n  dynamic_interfaces\n}\n${instance({ link: 'late0' })}`);
    await until('it waits in FAULT', 5000, () => daemon.said(/Entering FAULT STATE|FAULT/) || daemon.said(/Startup complete/), () => daemon.tail());
    expect(node.watch.has(VIP)).to.equal(false);
    await node.sh('ip link add name late0 type veth peer name late0-far; ip link set late0-far up; ip link set late0 up; ip address add 192.0.2.3/24 dev late0');
    await daemon.says(/Entering MASTER STATE/, 15_000);
    await node.holds(VIP, 2000, true, () => daemon.tail());
    const since = wallClock();
    await node.sh('ip link del late0');
    await daemon.says(/Entering FAULT STATE/, 5000, since);
    expect(daemon.running).to.equal(true);
  });

  it('a reload keeps the address without a gap, adds what is new and removes what is gone', async () => {
    const daemon = await master(instance({}));
    const since = wallClock();
    node.write('keepalived.conf', instance({ addresses: [VIP, OTHER] }));
    daemon.signal('SIGHUP');
    await node.holds(OTHER, 5000, true, () => daemon.tail());
    node.write('keepalived.conf', instance({ addresses: [OTHER] }));
    daemon.signal('SIGHUP');
    await node.holds(VIP, 5000, false, () => daemon.tail());
    expect(node.watch.changes.filter((change) => change.at >= since).map(({ address, present }) => ({ address, present }))).to.deep.equal([
      { address: OTHER, present: true },
      { address: VIP, present: false },
    ]);
    expect(lab.witness.advertsSince(since).filter((advert) => advert.priority === 0)).to.have.length(0);
    expect(daemon.said(/Entering (?:BACKUP|FAULT) STATE/, since)).to.equal(false);
  });

  it('a reload of a file that cannot be used changes nothing', async () => {
    const daemon = await master(instance({}));
    const since = wallClock();
    node.write('keepalived.conf', instance({ link: 'nosuch0' }));
    daemon.signal('SIGHUP');
    await daemon.says(/nosuch0/, 5000, since);
    await sleep(1500);
    expect(daemon.running).to.equal(true);
    expect(node.watch.changes.filter((change) => change.at >= since)).to.have.length(0);
    expect(lab.witness.advertsSince(since).filter((advert) => advert.priority === 150)).to.not.have.length(0);
  });

  it('gratuitous ARP: five at once for each address, five more after garp_master_delay', async () => {
    await master(instance({ more: 'garp_master_delay 1', addresses: [VIP, OTHER] }));
    await until('two bursts', 6000, () => lab.witness.garps.length >= 20);
    await sleep(500);
    for (const address of [VIP, OTHER]) {
      const times = lab.witness.garps.filter((arp) => `${arp.address}/24` === address && arp.mac === node.mac).map((arp) => arp.at);
      expect(times, address).to.have.length(10);
      const [first = 0] = times;
      expect(times.filter((at) => at < first + 500), `${address}, first burst`).to.have.length(5);
    }
  });

  it('scripts inherit no descriptor and no notification socket', async () => {
    const list = node.write('list.sh', `#!/bin/bash\nls -l /proc/$$/fd > ${join(node.dir, 'tmp', 'fds')}\nenv > ${join(node.dir, 'tmp', 'env')}\n`, 0o755);
    await node.sh(`chmod 755 '${node.dir}' '${join(node.dir, '..')}'`);
    await master(`${script(list)}${instance({ more: 'track_script {\n    chk\n  }' })}`);
    const descriptors = (await node.sh(`cat ${join(node.dir, 'tmp', 'fds')}`)).split('\n').flatMap((line) => / (\d+ -> .*)$/.exec(line)?.[1] ?? []);
    // bash holds its script open, as 255 or thereabouts.
    expect(descriptors.filter((line) => !line.endsWith(list))).to.deep.equal(['0 -> /dev/null', '1 -> /dev/null', '2 -> /dev/null']);
    expect(await node.sh(`cat ${join(node.dir, 'tmp', 'env')}`)).to.not.match(/NOTIFY_SOCKET|WATCHDOG/);
  });

  it('a script that hangs, deaf to SIGTERM, is killed after its timeout, does not pile up and delays no advert', async () => {
    const hang = node.write('hang.sh', '#!/bin/bash\ntrap "" TERM\nwhile :; do sleep 1000; done\n', 0o755);
    await node.sh(`chmod 755 '${node.dir}' '${join(node.dir, '..')}'`);
    const daemon = await master(`${script(hang, 'weight -10\n  timeout 1')}${instance({ more: 'track_script {\n    chk\n  }' })}`);
    const since = wallClock();
    await daemon.says(/timed.out/, 10_000);
    await sleep(4000);
    expect(daemon.pids().length, 'the daemon, at most two generations of a script and its sleep').to.be.lessThan(6);
    expect(lab.witness.advertsSince(since).length, 'about one a second went on').to.be.at.least(Math.floor((wallClock() - since) / 1000) - 1);
  });

  it('a script that still runs ends with the daemon', async () => {
    const hang = node.write('hang.sh', '#!/bin/bash\nsleep 1000\n', 0o755);
    await node.sh(`chmod 755 '${node.dir}' '${join(node.dir, '..')}'`);
    const daemon = await master(`${script(hang, 'weight -10\n  timeout 100')}${instance({ more: 'track_script {\n    chk\n  }' })}`);
    const running = (): Promise<string> => node.sh('cat /proc/[0-9]*/cmdline | tr "\\0" " "');
    expect(await running()).to.include('hang.sh');
    daemon.terminate();
    await daemon.ended(5000);
    await until('no script is left', 3000, async () => !(await running()).includes('hang.sh'));
  });

  it('notify scripts, FIFO and hooks hear of each transition, in order', async () => {
    const said = join(node.dir, 'tmp', 'said');
    const notify = node.write('notify.sh', `#!/bin/bash\necho "$*" >> ${said}\n`, 0o755);
    const hooks = node.write('hooks.ts', `import type { Hooks } from 'tskeepalived';\nexport default { onTransition(e) { console.log('hook ' + e.name + ' ' + e.to); } } satisfies Hooks;\n`);
    await node.sh(`chmod 755 '${node.dir}' '${join(node.dir, '..')}'; mkfifo /run/events; (cat /run/events > ${said}.fifo &) 2>/dev/null`);
    const global = 'global_defs {\n  enable_script_security\n  script_user root\n  vrrp_notify_fifo /run/events\n}\n';
    const all = instance({ more: `notify "${notify} all"\n  notify_master "${notify} master"\n  notify_stop "${notify} stop"` });
    const daemon = await master(global + all, ['--hooks', hooks]);
    daemon.terminate();
    await daemon.ended(8000);
    const lines = (await node.sh(`cat ${said}`)).trim().split('\n');
    expect(lines).to.include.members(['all INSTANCE VI_1 BACKUP 150', 'master', 'all INSTANCE VI_1 MASTER 150', 'stop', 'all INSTANCE VI_1 STOP 150']);
    expect(await node.sh(`cat ${said}.fifo`)).to.equal('INSTANCE "VI_1" BACKUP 150\nINSTANCE "VI_1" MASTER 150\nINSTANCE "VI_1" STOP 150\n');
    const hooked = daemon.log.map((line) => /hook VI_1 \w+/.exec(line.text)?.[0]).filter((line) => line !== undefined);
    expect(hooked.slice(0, 2)).to.deep.equal(['hook VI_1 BACKUP', 'hook VI_1 MASTER']);
  });

  async function master(configuration: string, flags: readonly string[] = []): Promise<Daemon> {
    const daemon = node.start('ours', configuration, { flags });
    await daemon.says(/Entering MASTER STATE/, 12_000);
    await until('it has its address', 3000, () => node.watch.has(VIP) || node.watch.has(OTHER), () => daemon.tail());
    return daemon;
  }
});

function instance(spec: { readonly link?: string; readonly addresses?: readonly string[]; readonly more?: string }): string {
  const { link = 'eth0', addresses = [VIP], more = '' } = spec;
  return `vrrp_instance VI_1 {
  state BACKUP
  interface ${link}
  virtual_router_id 51
  priority 150
  ${more}
  virtual_ipaddress {
    ${addresses.join('\n    ')}
  }
}
`;
}

function script(path: string, more = ''): string {
  return `global_defs {
  enable_script_security
  script_user root
}
vrrp_script chk {
  script "${path}"
  interval 1
  ${more}
}
`;
}
