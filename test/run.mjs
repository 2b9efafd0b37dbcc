// Makes this machine ready, builds and runs: tests, demo or bench. Plain JavaScript on Node alone, since it runs before npm ci.
//
//     node test/run.mjs          npm test: everything this machine can do; says what it skipped and why
//     node test/run.mjs unit     what needs no root, no network namespaces and no real time
//     node test/run.mjs demo     the tutorial's pair, shown
//     node test/run.mjs bench    figures beside keepalived's; bench NAME… for some of them
//     node test/run.mjs prepare  none of these: only what comes before them
//
// REQUIRE_ALL=1 turns every skip into a failure (CI). The last line of a test run is `N passed, M failed`.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODES = { '': tests, unit: tests, demo, bench, prepare: () => 0 };
const NEEDS_MACHINE = ['netns', 'linux', 'uml', 'qemu'];
/** What would keep others from what they do in time. */
const BUSY = ['netns/many-addresses.test.js', 'netns/storm.test.js', 'netns/filter.test.js'];
/** How long one test may take that sets no bound of its own: against one that hangs, not a measure of a busy machine. */
const TEST_BOUND = 30_000;
/** How long one mocha process may take before it is ended and counted as failed. */
const SUITE_BOUND = 15 * 60_000;
/** How long it may then stay, when all its tests are over: what they left open is said. */
const END_BOUND = 30_000;

process.chdir(PROJECT);
const mode = process.argv[2] ?? '';
if (!Object.hasOwn(MODES, mode)) stop(`unknown mode '${mode}'; one of: ${Object.keys(MODES).filter((name) => name !== '').join(', ')}, or none for all tests`);
checkNode();
installBuildTools();
installPackages();
build();
process.exitCode = await MODES[mode](mode);

// --- the machine -----------------------------------------------------------------------------------------------

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) stop(`Node 20.19 or later is needed; this is ${process.version}`);
  if (process.platform !== 'linux') stop('tskeepalived runs on Linux only');
}

/** What the native packages need to be built, only when they have to be built. */
function installBuildTools() {
  if (packagesAreThere()) return;
  const missing = Object.entries({ make: 'make', 'g++': 'g++', python3: 'python3' }).filter(([program]) => !inPath(program)).map(([, name]) => name);
  if (!existsSync('/usr/include/pcap.h') && !existsSync('/usr/include/pcap/pcap.h')) missing.push('libpcap-dev');
  apt(missing, 'to build the native packages');
}

/** Installs Debian packages where that is possible; where not, says so and goes on: whatever then fails says why. */
function apt(names, why) {
  if (names.length === 0) return;
  if (process.getuid() !== 0 || !inPath('apt-get')) {
    say(`${names.join(', ')} ${why}: not here, and ${process.getuid() === 0 ? 'there is no apt-get' : 'installing needs root'}`);
    return;
  }
  say(`installing ${names.join(', ')} ${why}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = ['-y', '-q', '--no-install-recommends'];
  const install = () => run('apt-get', ['install', ...options, ...names], { env, stdio: ['ignore', 'ignore', 'inherit'] }) === 0;
  if (install()) return;
  run('apt-get', ['update', '-q'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  if (!install()) say(`apt-get could not install ${names.join(', ')}; going on without`);
}

// --- npm packages ----------------------------------------------------------------------------------------------

function installPackages() {
  if (!packagesAreThere()) {
    say('npm ci');
    if (run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { stdio: ['ignore', 'inherit', 'inherit'] }) !== 0) stop('npm ci failed');
  }
  if (!nativeLoads()) {
    say('npm rebuild: the native packages do not load on this Node');
    if (run('npm', ['rebuild', '--loglevel=error'], { stdio: ['ignore', 'inherit', 'inherit'] }) !== 0 || !nativeLoads()) stop('the native packages cannot be built here (make, g++ and python3 are needed)');
  }
}

/** node_modules holds what package-lock.json asks for; optional packages may be missing. */
function packagesAreThere() {
  if (!existsSync('node_modules/.package-lock.json')) return false;
  const wanted = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;
  const held = JSON.parse(readFileSync('node_modules/.package-lock.json', 'utf8')).packages;
  return Object.entries(wanted).every(([path, one]) => path === '' || one.optional === true || one.peer === true || held[path]?.version === one.version);
}

function nativeLoads() {
  const load = `for (const name of ['raw-socket', 'netlink', 'koffi']) require(name)`;
  return spawnSync(process.execPath, ['-e', load], { stdio: 'ignore' }).status === 0;
}

// --- build -----------------------------------------------------------------------------------------------------

function build() {
  for (const [path, source] of compiled('dist')) if (!existsSync(source)) for (const ending of ['.js', '.js.map', '.d.ts']) rmSync(path + ending, { force: true });
  if (run('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 'inherit', 'inherit'] }) !== 0) stop('it does not build');
}

/** [path in dist without ending, its source] of everything compiled, so that what lost its source can go. */
function compiled(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.js') && /^(lib|test)\//.test(name))
    .map((name) => [join(folder, name.slice(0, -3)), `${name.slice(0, -3)}.ts`]);
}

// --- tests -----------------------------------------------------------------------------------------------------

async function tests(which) {
  const files = readdirSync('dist/test', { recursive: true }).filter((name) => name.endsWith('.test.js')).sort();
  const needsMachine = (name) => NEEDS_MACHINE.some((room) => name.startsWith(`${room}/`));
  const pure = files.filter((name) => !needsMachine(name));
  const linux = files.filter((name) => name.startsWith('linux/'));
  const netns = files.filter((name) => name.startsWith('netns/'));
  // Each netns suite has machines of its own and mostly waits: two at a time, those that are busy alone. The rest is busy: one process after another.
  // The user-mode kernel: a fresh one for each suite, one after another, since what they do to page tables is slower side by side.
  // QEMU computes meanwhile. Without such kernels they run here, and say what they need.
  const uml = files.filter((name) => name.startsWith('uml/'));
  const kernels = inPath('linux.uml') ? uml.map((name) => [name]) : [uml];
  const qemu = files.filter((name) => name.startsWith('qemu/'));
  const waves = which === 'unit' ? [[{ limit: 1, suites: [pure] }]] : [
    [{ limit: 1, suites: [pure] }],
    [{ limit: 1, suites: [linux] }],
    [{ limit: 2, suites: netns.filter((name) => !BUSY.includes(name)).map((name) => [name]) }],
    [{ limit: 1, suites: netns.filter((name) => BUSY.includes(name)).map((name) => [name]) }],
    [{ limit: 1, suites: kernels }, { limit: 1, suites: [qemu] }],
  ];
  const total = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  const reasons = new Map();
  for (const wave of waves) {
    const aside = wave.length > 1 || wave[0].limit > 1;
    const done = wave.map(({ limit, suites }) => atMost(limit, suites.filter((suite) => suite.length > 0).map((suite) => () => mocha(suite, aside))));
    for (const result of (await Promise.all(done)).flat()) {
      total.passed += result.passed;
      total.failed += result.failures.length;
      total.skipped += result.pending.length;
      failures.push(...result.failures);
      for (const reason of result.reasons) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
  }
  if (which === 'unit') say(`not run in this mode: ${NEEDS_MACHINE.map((room) => `test/${room}`).join(', ')} (npm test runs them)`);
  for (const failure of failures) say(`failed: ${failure}`);
  if (total.skipped > 0) say(`skipped: ${total.skipped} tests`);
  for (const [reason, times] of reasons) say(`  ${reason}${times > 1 ? ` (${times} times)` : ''}`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

/** Runs one mocha process; `aside`: its output is held back until it ends, since others run beside it. */
async function mocha(files, aside) {
  const require = createRequire(join(PROJECT, 'package.json'));
  const folder = mkdtempSync(join(tmpdir(), 'tskeepalived-test-'));
  const counts = join(folder, 'counts.json');
  const mochaArgv = [require.resolve('mocha/bin/mocha.js'), process.stdout.isTTY ? '--color' : '--no-color', '--timeout', String(TEST_BOUND), '--reporter', join(PROJECT, 'test/reporter.cjs'), '--reporter-option', `counts=${counts}`, ...files.map((name) => join('dist/test', name))];
  const [program = process.execPath, ...argv] = [...guest(files, folder), process.execPath, ...mochaArgv];
  const { output, ended } = await new Promise((resolve) => {
    const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (piece) => {
        text += piece;
        if (!aside) process.stdout.write(piece);
      });
    }
    const timer = setTimeout(() => {
      text += `\nended after ${SUITE_BOUND / 60_000} minutes\n`;
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), 5000).unref();
    }, SUITE_BOUND);
    // The guest of a suite goes by SIGTERM as well.
    let over = null;
    const looking = setInterval(() => {
      if (!existsSync(counts)) return;
      over ??= performance.now();
      if (performance.now() - over < END_BOUND) return;
      clearInterval(looking);
      say(`${files.length === 1 ? files[0] : `${files.length} files`}: something was left open; ended ${END_BOUND / 1000} s after the last test`);
      child.kill('SIGTERM');
    }, 1000);
    const forward = (signal) => child.kill(signal);
    process.on('SIGINT', forward).on('SIGTERM', forward);
    child.on('error', (cause) => (text += `\n${cause.message}\n`));
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      clearInterval(looking);
      process.off('SIGINT', forward).off('SIGTERM', forward);
      resolve({ output: text, ended: signal ?? `status ${status}` });
    });
  });
  if (aside) process.stdout.write(output);
  const result = existsSync(counts) ? JSON.parse(readFileSync(counts, 'utf8')) : { passed: 0, failures: [], pending: [], finished: false };
  rmSync(folder, { recursive: true, force: true });
  if (!result.finished) result.failures.push(`${files.length === 1 ? files[0] : `${files.length} files`}: mocha did not finish (${ended})`);
  if (process.env.REQUIRE_ALL === '1') result.failures.push(...result.pending.map((title) => `${title}: skipped, and REQUIRE_ALL=1`));
  result.reasons = [...output.matchAll(/^\s*skipped: (.*)$/gm)].map(([, reason]) => reason);
  return result;
}

/** The command that runs another in the kernel that these suites want; empty: this one, where they say what is missing. */
function guest(files, folder) {
  const all = (room) => files.every((name) => name.startsWith(`${room}/`));
  if (all('uml') && inPath('linux.uml')) return ['test/uml/uml-run', '--timeout', String(SUITE_BOUND / 1000), '--rw', folder, '--'];
  if (all('qemu') && spawnSync('test/qemu/qemu-run', ['-n']).status === 0) return ['test/qemu/qemu-run', '-t', String(SUITE_BOUND / 1000), '-w', folder, '--'];
  return [];
}

// --- demo and bench --------------------------------------------------------------------------------------------

function demo() {
  if (process.getuid() !== 0) stop('the demo makes network namespaces, so it needs root: sudo npm run demo');
  apt(['ip', 'unshare', 'nsenter', 'setpriv'].some((name) => !inPath(name)) ? ['iproute2', 'util-linux'] : [], 'to make the network of the demo');
  apt(!inPath('tcpdump') && spawnSync(process.execPath, ['-e', `require('cap')`], { stdio: 'ignore' }).status !== 0 ? ['tcpdump'] : [], 'to see what is sent');
  return inForeground('dist/test/demo/demo.js');
}

/** Every program in test/bench, or those named; what they share is in a folder below. */
async function bench() {
  const named = process.argv.slice(3).filter((word) => !word.startsWith('-'));
  const all = readdirSync('dist/test/bench').filter((file) => file.endsWith('.js')).map((file) => file.slice(0, -3)).sort();
  const unknown = named.filter((name) => !all.includes(name));
  if (unknown.length > 0) stop(`no bench ${unknown.join(', ')}; there are: ${all.join(', ')}`);
  let worst = 0;
  for (const name of named.length > 0 ? named : all) worst = Math.max(worst, await inForeground(join('dist/test/bench', `${name}.js`)));
  return worst;
}

/** The program gets Ctrl-C itself and cleans up; this waits for it. */
function inForeground(script) {
  return new Promise((resolve) => {
    const options = process.argv.slice(3).filter((word) => word.startsWith('-'));
    const child = spawn(process.execPath, [script, ...options], { stdio: 'inherit' });
    process.on('SIGINT', () => undefined).on('SIGTERM', () => child.kill('SIGTERM'));
    child.on('error', (cause) => stop(`${script}: ${cause.message}`));
    child.on('close', (status) => resolve(status ?? 1));
  });
}

// --- small things ----------------------------------------------------------------------------------------------

async function atMost(limit, jobs) {
  const results = [];
  let next = 0;
  const work = async () => {
    while (next < jobs.length) {
      const mine = next++;
      results[mine] = await jobs[mine]();
    }
  };
  await Promise.all(Array.from({ length: limit }, work));
  return results;
}

function run(program, args, options) {
  return spawnSync(program, args, options).status;
}

function inPath(name) {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, name)));
}

function say(text) {
  console.log(`-- ${text}`);
}

function stop(text) {
  console.error(`${relative(process.cwd(), fileURLToPath(import.meta.url))}: ${text}`);
  if (mode === '' || mode === 'unit') console.log('0 passed, 1 failed');
  process.exit(1);
}
