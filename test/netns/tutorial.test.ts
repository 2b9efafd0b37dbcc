import { expect } from 'chai';
import { requirePrograms } from '../needs.ts';
import type { DaemonKind } from './daemon.ts';
import { requireLab } from './needs.ts';
import { settles } from './settled.ts';
import type { Director } from './settled.ts';
import { TutorialLab, VIP } from './tutorial-lab.ts';
import { until, wallClock } from './wait.ts';

const PAIRS: readonly (readonly [DaemonKind, DaemonKind])[] = [
  ['ours', 'ours'],
  ['ours', 'keepalived'],
  ['keepalived', 'ours'],
];

for (const [first, second] of PAIRS) {
  describe(`netns: the tutorial, server1 ${first}, server2 ${second}`, function () {
    this.timeout(90_000);
    let tutorial: TutorialLab;
    let server1: Director;
    let server2: Director;

    before(async function () {
      requireLab(this);
      if (first !== second) requirePrograms(this, 'keepalived');
      tutorial = await TutorialLab.open();
      const { nodes } = tutorial.lab;
      server1 = { node: nodes.server1, daemon: tutorial.start(first, 'server1') };
      server2 = { node: nodes.server2, daemon: tutorial.start(second, 'server2') };
    });
    after(() => tutorial?.lab.close());

    const logs = (): string => `${server1.daemon.tail()}\n${server2.daemon.tail()}`;
    const settled = (master: Director, since: number): Promise<number> =>
      settles({ vip: `${VIP}/32`, master, directors: [server1, server2], witness: tutorial.lab.witness, since });

    it('1: curl through the VIP reaches both web servers', async () => {
      await settled(server1, server1.daemon.started);
      await tutorial.bothAnswer(10_000, logs);
    });

    it('3: nginx stopped on server1 keeps the service up', async () => {
      const since = wallClock();
      await server1.node.sh('nginx -s stop');
      // The check, every 2 s, starts it again.
      await until('nginx runs again on server1', 8000, async () => (await server1.node.run(['test', '-s', '/run/nginx.pid'])).status === 0, logs, 100);
      await tutorial.bothAnswer(5000, logs);
      expect(server1.daemon.running, 'the daemon on server1 runs on').to.equal(true);
      await settled(server1, since);
    });

    it('2: stopping the daemon on server1 moves the VIP to server2 while curl goes on', async () => {
      const asking = tutorial.keepAsking();
      try {
        await until('the client is answered', 5000, () => asking.answeredSince(0) > 5, logs);
        const since = wallClock();
        server1.daemon.terminate();
        await settled(server2, since);
        await until('the client is answered again', 5000, () => asking.answeredSince(wallClock() - 500) > 3, logs);
        expect(server1.node.watch.has(`${VIP}/32`), 'the VIP on server1').to.equal(false);
        await tutorial.bothAnswer(5000, logs);
        expect(asking.silence(since), 'the silence ended').to.be.lessThan(Infinity);
      } finally {
        asking.stop();
      }
      expect((await server1.daemon.ended(5000)).status).to.equal(0);
    });

    it('nginx that cannot be started again: its script stops the daemon, and the VIP moves', async () => {
      const back = wallClock();
      server1.daemon = tutorial.start(first, 'server1');
      await settled(server1, back);
      const since = wallClock();
      // A stand-in that always fails, before everything else in PATH of this node.
      server1.node.write('bin/nginx', '#!/bin/sh\nexit 1\n', 0o755);
      await server1.node.sh('kill $(cat /run/nginx.pid)');
      await settled(server2, since);
      expect((await server1.daemon.ended(10_000)).status).to.equal(0);
      await tutorial.bothAnswer(5000, logs);
    });
  });
}
