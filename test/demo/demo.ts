/**
 * npm run demo: the tutorial's pair in network namespaces of its own. A client asks through the virtual address all along
 * while the master is stopped, killed, unplugged, and its nginx stopped; at the end a table of what the client saw.
 */
import type { Daemon } from '../netns/daemon.ts';
import type { LabNode } from '../netns/node.ts';
import { settles } from '../netns/settled.ts';
import type { Director } from '../netns/settled.ts';
import { PAGES, TutorialLab, VIP } from '../netns/tutorial-lab.ts';
import type { Asking } from '../netns/tutorial-lab.ts';
import { sleep, until, wallClock } from '../netns/wait.ts';

if (process.getuid?.() !== 0) {
  console.error('The demo makes network namespaces, so it needs root: sudo npm run demo');
  process.exit(1);
}
for (const [signal, status] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]] as const) {
  // The lab closes itself when the process ends.
  process.on(signal, () => {
    console.log('\nStopped; everything the demo made is gone.');
    process.exit(status);
  });
}

interface Row {
  readonly what: string;
  readonly owner: string;
  /** Seconds until the address was there, or '' when it did not move. */
  readonly moved: string;
  readonly silence: string;
}

const rows: Row[] = [];
console.log('Building five machines: client, server1 and server2 (nginx and tskeepalived), server3 and server4 (web servers) …');
const tutorial = await TutorialLab.open();
try {
  await play(tutorial);
  printTable();
} finally {
  tutorial.lab.close();
}

async function play({ lab }: TutorialLab): Promise<void> {
  const { server1, server2 } = lab.nodes;
  console.log(tutorial.realNginx ? 'nginx is the one installed here.' : 'nginx is not installed here; a small stand-in plays it.');
  const one: Director = { node: server1, daemon: tutorial.start('ours', 'server1') };
  const two: Director = { node: server2, daemon: tutorial.start('ours', 'server2') };
  follow(one.daemon);
  follow(two.daemon);
  const settled = (master: Director, since: number): Promise<number> =>
    settles({ vip: `${VIP}/32`, master, directors: [one, two], witness: lab.witness, since, watch: 1500, bound: 20_000 });
  await settled(one, one.daemon.started);
  const asking = tutorial.keepAsking(20, 300);
  await until('the client is answered', 5000, () => asking.answeredSince(0) > 20);
  const log = (): string => `${one.daemon.tail()}\n${two.daemon.tail()}`;
  await tutorial.bothAnswer(5000, log);
  rows.push({ what: 'both directors started', owner: 'server1', moved: '', silence: '' });

  const step = async (what: string, master: Director, event: () => unknown): Promise<void> => {
    say(what);
    const since = wallClock();
    await event();
    await settled(master, since);
    // Only a request that was answered ends a silence.
    await until('the client is answered again', 10_000, () => asking.silence(since) < Infinity && asking.answeredSince(wallClock() - 300) > 2, log);
    note(what, master.node, since, asking);
  };
  const comeBack = (what: string, start: () => unknown): Promise<void> => step(what, one, start);
  const startAgain = (): void => {
    one.daemon = tutorial.start('ours', 'server1');
    follow(one.daemon);
  };

  await step('tskeepalived on server1 stopped', two, () => one.daemon.terminate());
  await one.daemon.ended(5000);
  await comeBack('… and started again', startAgain);
  await step('tskeepalived on server1 killed (SIGKILL)', two, () => one.daemon.kill());
  await comeBack('… and started again', startAgain);
  await step('cable of server1 pulled', two, () => server1.carrier('down'));
  await comeBack('… and plugged again', () => server1.carrier('up'));
  await step('nginx on server1 stopped; the check script starts it again', one, async () => {
    await server1.sh('nginx -s stop');
    await until('nginx runs again', 10_000, async () => (await server1.run(['test', '-s', '/run/nginx.pid'])).status === 0, log, 100);
  });
  asking.stop();
  const heard = PAGES.map((page) => asking.answers.filter((answer) => answer.text === page).length);
  console.log(`\nThe client was answered ${heard[0] ?? 0} times by server3 and ${heard[1] ?? 0} times by server4.`);
  one.daemon.terminate();
  two.daemon.terminate();
  await Promise.all([one.daemon.ended(5000), two.daemon.ended(5000)]);
  await sleep(50);
  for (const node of [server1, server2]) if (node.watch.has(`${VIP}/32`)) throw new Error(`${VIP} was left on ${node.name}`);
}

function note(what: string, owner: LabNode, since: number, asking: Asking): void {
  const came = owner.watch.changes.find((change) => change.at >= since && change.present && change.address === `${VIP}/32`);
  const silence = asking.silence(since);
  rows.push({ what, owner: owner.name, moved: came === undefined ? '' : seconds(came.at - since), silence: silence === 0 ? 'nothing' : seconds(silence) });
}

/** The daemon's transitions, as its own log has them. */
function follow(daemon: Daemon): void {
  let told = 0;
  setInterval(() => {
    for (; told < daemon.log.length; told += 1) {
      const text = daemon.log[told]?.text ?? '';
      if (/Entering \w+ STATE/.test(text)) console.log(`  ${daemon.node}: ${text.replace(/^.*?\d{4}: /, '')}`);
    }
  }, 50).unref();
}

function say(what: string): void {
  console.log(`\n${what}`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function printTable(): void {
  const head: Row = { what: 'what happened', owner: `who owns ${VIP}`, moved: 'since', silence: 'the client missed' };
  const columns = ['what', 'owner', 'moved', 'silence'] as const;
  const widths = columns.map((column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (row: Row): string => columns.map((column, i) => row[column].padEnd(widths[i] ?? 0)).join('   ').trimEnd();
  console.log(`\n${line(head)}\n${widths.map((width) => '─'.repeat(width)).join('───')}`);
  for (const row of rows) console.log(line(row));
  console.log('\nA killed daemon leaves its address behind, and its kernel goes on answering until the other takes over.');
}
