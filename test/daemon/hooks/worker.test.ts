import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createHooks, type HooksService, type HooksVerdict } from '../../../lib/daemon/hooks/supervisor.ts';
import { startHookWorker } from '../../../lib/daemon/hooks/worker.ts';
import { RecordingLog } from '../../sim/recording-log.ts';
import { realClock as clock, until } from './real.ts';

describe('daemon/hooks: a real thread', function () {
  this.timeout(30_000);
  let folder: string;
  let file: string;
  let log: RecordingLog;
  let hooks: HooksService;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hooks-'));
    file = join(folder, 'hooks.ts');
    log = new RecordingLog();
    hooks = createHooks({ clock, log, startWorker: startHookWorker });
  });
  afterEach(async () => {
    await hooks.stop(0);
    rmSync(folder, { recursive: true });
  });
  const load = (text: string): Promise<HooksVerdict> => {
    writeFileSync(file, text);
    return hooks.load(file);
  };
  const transition = (name: string): void =>
    hooks.emit('onTransition', { kind: 'INSTANCE', name, from: 'BACKUP', to: 'MASTER', priority: 100, reason: 'master down', time: 0 });
  const said = (text: string): (() => boolean) => () => log.texts().some((line) => line.includes(text));

  const unusable: [string, string | null, string][] = [
    ['missing', null, 'FILE: no such file'],
    ['a syntax error', "import type { Hooks } from 'tskeepalived';\nconst a = 1;\nexport default { onStart( { };\n", 'FILE:3:30: Unexpected token, expected ","'],
    ['no default export', 'export const x = 1;\n', 'FILE: its default export is not an object of hooks'],
    ['a hook that is no function', 'export default { onStart: 3 };\n', "FILE: 'onStart' is not a function"],
    ['throws at its top', '\n\nthrow new TypeError("not today");\n', 'FILE:3: TypeError: not today'],
    ['imports what is not there', "import { x } from './nothing.ts';\nexport default { onStart: x };\n", "FILE:1: Cannot find module './nothing.ts'"],
  ];
  for (const [name, text, expected] of unusable) {
    it(`a file that is unusable: ${name}`, async () => {
      const verdict = text === null ? await hooks.load(file) : await load(text);
      expect(verdict.ok ? 'usable' : verdict.problem.replaceAll(file, 'FILE')).to.equal(expected);
    });
  }

  it('a directory is no hooks file', async () => {
    const verdict = await hooks.load(folder);
    expect(verdict.ok ? 'usable' : verdict.problem).to.equal(`${folder}: it is not a regular file`);
  });

  it('calls typed hooks, with nothing installed beside the file', async () => {
    const verdict = await load(`import type { Hooks, TransitionEvent } from 'tskeepalived';
      interface Seen { readonly name: string }
      export default {
        async onTransition({ name, to }: TransitionEvent): Promise<void> {
          await Promise.resolve();
          const seen: Seen = { name };
          console.log(\`\${seen.name} is \${to}\`);
        },
      } satisfies Hooks;\n`);
    expect(verdict).to.deep.equal({ ok: true, hooks: ['onTransition'] });
    transition('VI_1');
    await until(said('hooks: VI_1 is MASTER'), 'the printed line');
  });

  it('a hook that throws is logged with its place, and the next event is handled', async () => {
    await load("export default {\n  onTransition(e: { name: string }) {\n    if (e.name === 'bad') throw new Error('boom');\n    console.log('good');\n  },\n};\n");
    transition('bad');
    transition('fine');
    await until(said('hooks: good'), 'the event after the bad one');
    expect(log.texts('error')).to.deep.equal([`hooks: onTransition threw at ${file}:3: boom`]);
  });

  it('a rejected promise is logged like a throw', async () => {
    await load("export default {\n  async onTransition() {\n    await null;\n    throw 'a string';\n  },\n};\n");
    transition('x');
    await until(said('threw'), 'the log line');
    expect(log.texts('error')).to.deep.equal([`hooks: onTransition threw at ${file}: a string`]);
  });

  const crashes: [string, string, string][] = [
    ['process.exit', 'process.exit(3);', 'the thread ended in onTransition: exit code 3'],
    ['an error in a timer', "await new Promise(() => setTimeout(() => { throw new Error('late'); }, 1));", 'late'],
    ['too much memory', 'const all = []; for (;;) all.push(new Array(1e5).fill(1.5));', 'memory'],
  ];
  for (const [name, code, expected] of crashes) {
    it(`${name}: logged, started again, and the events after it are handled`, async () => {
      await load(`export default {\n  async onTransition(e) {\n    if (e.name === 'bad') { ${code} }\n    console.log('good');\n  },\n};\n`);
      transition('bad');
      transition('fine');
      await until(said('hooks: good'), 'the event after the crash');
      expect(log.texts('error')).to.have.length(1);
      expect(log.texts('error')[0]).to.include(expected).and.include('started again in 1 s, 1 events wait');
    });
  }

  it('an endless loop is ended and holds up nothing here', async () => {
    hooks = createHooks({ clock, log, startWorker: startHookWorker, limit: 5000 });
    await load("export default {\n  onTransition(e) {\n    if (e.name === 'bad') for (;;);\n    console.log('good');\n  },\n};\n");
    let turns = 0;
    const turning = setInterval(() => turns++, 5);
    transition('bad');
    transition('fine');
    await until(said('hooks: good'), 'the event after the loop');
    clearInterval(turning);
    expect(log.texts('error')).to.deep.equal(['hooks: onTransition took longer than 5 s; started again in 1 s, 1 events wait']);
    expect(turns, 'the main thread went on').to.be.greaterThan(50);
  });

  it('waiting for a child process is refused, with what to use', async () => {
    await load("import { execSync } from 'node:child_process';\nexport default {\n  onTransition() {\n    execSync('true');\n  },\n};\n");
    transition('x');
    await until(said('threw'), 'the log line');
    expect(log.texts('error')).to.deep.equal([`hooks: onTransition threw at ${file}:4: execSync would hold up the hooks and the daemon's stop: use exec`]);
  });

  it('a reload reads the file anew', async () => {
    await load("export default { onTransition() { console.log('one'); } };\n");
    await load("export default { onTransition() { console.log('two'); } };\n");
    transition('x');
    await until(said('hooks: two'), 'the new code');
    expect(log.texts()).to.not.include('hooks: one');
  });
});
