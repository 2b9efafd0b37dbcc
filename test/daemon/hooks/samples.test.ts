import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createHooks, type HooksService } from '../../../lib/daemon/hooks/supervisor.ts';
import type { TransitionEvent } from '../../../lib/daemon/hooks/types.ts';
import { startHookWorker } from '../../../lib/daemon/hooks/worker.ts';
import { RecordingLog } from '../../sim/recording-log.ts';
import { realClock, until } from './real.ts';

const sample = (name: string): string => fileURLToPath(new URL(`../../../../conf/${name}`, import.meta.url));
const transition: TransitionEvent = { kind: 'INSTANCE', name: 'VI_1', from: 'BACKUP', to: 'MASTER', priority: 100, reason: 'master down', time: 0 };

describe('conf: the sample hooks', function () {
  this.timeout(30_000);
  let log: RecordingLog;
  let hooks: HooksService;
  beforeEach(() => {
    log = new RecordingLog();
    hooks = createHooks({ clock: realClock, log, startWorker: startHookWorker });
  });
  afterEach(() => hooks.stop(0));

  it('hooks-log.ts logs every event', async () => {
    expect(await hooks.load(sample('hooks-log.ts'))).to.deep.equal({ ok: true, hooks: ['onStart', 'onTransition', 'onTrackerResult', 'onRealServer', 'onQuorum', 'onReload', 'onStop'] });
    hooks.emit('onStart', { version: '1', routerId: 'R', instances: ['VI_1', 'VI_2'], time: 0 });
    hooks.emit('onTransition', transition);
    hooks.emit('onTrackerResult', { kind: 'script', name: 'chk', up: false, detail: 'exited with status 1', time: 0 });
    hooks.emit('onRealServer', { virtualServer: '[192.0.2.1]:tcp:80', realServer: '[10.0.0.1]:tcp:80', up: false, time: 0 });
    hooks.emit('onQuorum', { virtualServer: '[192.0.2.1]:tcp:80', up: true, time: 0 });
    hooks.emit('onReload', { instances: ['VI_1'], time: 0 });
    hooks.emit('onStop', { time: 0 });
    await until(() => log.texts().includes('hooks: stopping'), 'the last line');
    expect(log.texts().slice(1)).to.deep.equal([
      'hooks: tskeepalived 1 started with VI_1, VI_2',
      'hooks: INSTANCE VI_1: BACKUP > MASTER, priority 100 (master down)',
      'hooks: script chk is down: exited with status 1',
      'hooks: [10.0.0.1]:tcp:80 of [192.0.2.1]:tcp:80 is down',
      'hooks: [192.0.2.1]:tcp:80 has gained its quorum',
      'hooks: reloaded, now with VI_1',
      'hooks: stopping',
    ]);
  });

  it('hooks-web.ts posts a transition, again when it is refused', async () => {
    const bodies: string[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        bodies.push(body);
        response.writeHead(bodies.length === 1 ? 503 : 204).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    process.env['WEBHOOK_URL'] = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
    try {
      await hooks.load(sample('hooks-web.ts'));
      hooks.emit('onTransition', { ...transition, kind: 'GROUP' });
      hooks.emit('onTransition', transition);
      await until(() => bodies.length === 2, 'the second attempt');
    } finally {
      delete process.env['WEBHOOK_URL'];
      server.closeAllConnections();
      server.close();
    }
    expect(bodies[1]).to.equal(bodies[0]);
    expect(JSON.parse(bodies[0] ?? '')).to.include({ name: 'VI_1', from: 'BACKUP', to: 'MASTER', priority: 100, reason: 'master down', time: '1970-01-01T00:00:00.000Z' });
  });
});
