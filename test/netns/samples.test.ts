import { expect } from 'chai';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { requirePrograms } from '../needs.ts';
import { daemonCommand, PROJECT } from './daemon.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';

const SAMPLES = readdirSync(join(PROJECT, 'conf')).filter((name) => name.endsWith('.conf'));

describe('netns: the sample configurations on a machine with eth0 and eth1', function () {
  this.timeout(30_000);
  let lab: Lab<'a'>;
  before(async function () {
    requireLab(this, { witness: false });
    lab = await Lab.open({ nodes: { a: '192.0.2.1/24' }, witness: null });
    await lab.nodes.a.sh('ip link add name eth1 type veth peer name eth1-far; ip link set eth1 up; ip link set eth1-far up; ip address add 198.51.100.2/24 dev eth1');
  });
  after(() => lab?.close());

  it('there are samples', () => expect(SAMPLES).to.include.members(['keepalived.conf', 'notify.conf', 'unicast.conf', 'sync-group.conf', 'routes.conf']));

  for (const name of ['first', 'second']) {
    it(`cluster/keepalived.conf, ${name}: nothing to say against it`, async () => {
      const { status, stdout, stderr } = await lab.nodes.a.run([...daemonCommand('ours'), '-t', '-i', name, '-f', join(PROJECT, 'conf/cluster/keepalived.conf')]);
      expect(stdout + stderr).to.equal('');
      expect(status).to.equal(0);
    });
  }

  for (const name of SAMPLES) {
    it(`${name}: nothing to say against it`, async () => {
      const { status, stdout, stderr } = await lab.nodes.a.run([...daemonCommand('ours'), '-t', '-f', join(PROJECT, 'conf', name)]);
      expect(stdout + stderr).to.equal('');
      expect(status).to.equal(0);
    });

    it(`${name}: nor has keepalived`, async function () {
      requirePrograms(this, 'keepalived');
      const { status, stdout, stderr } = await lab.nodes.a.run([...daemonCommand('keepalived'), '-t', '-f', join(PROJECT, 'conf', name)]);
      expect(stdout + stderr).to.equal('');
      expect(status).to.equal(0);
    });
  }
});
