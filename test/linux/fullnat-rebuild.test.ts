import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { requirePrograms, requireRoot } from '../needs.ts';
import { ip, Namespaces, until } from './namespaces.ts';

const ROUNDS = 1500;
const LOCAL = ['10.0.0.21', '10.0.0.22', '10.0.0.23'];
const TABLE = fileURLToPath(new URL('./fullnat-rebuild.child.js', import.meta.url));
/** Says from whom datagrams came, how many from each, whenever it is asked by a line. */
const SERVER = `
const seen = {};
require('node:dgram').createSocket('udp4').on('message', (_, { address }) => { seen[address] = (seen[address] ?? 0) + 1; }).bind(53, () => console.log('{}'));
process.stdin.on('data', () => console.log(JSON.stringify(seen))).on('end', () => process.exit());`;
/** Datagrams, each from a socket of its own, until its stdin ends. */
const CLIENT = `
const { createSocket } = require('node:dgram');
let going = true;
process.stdin.resume().on('end', () => { going = false; });
(async () => {
  while (going) {
    const sockets = Array.from({ length: 64 }, () => createSocket('udp4'));
    for (const socket of sockets) socket.send('x', 53, '10.0.0.2');
    await new Promise((resolve) => setTimeout(resolve, 1));
    for (const socket of sockets) socket.close();
  }
  process.exit();
})();`;

/** nf_tables alone: what IPVS does to packets is another hook's affair. */
describe("FULLNAT's table is made anew and changed", function () {
  this.timeout(120_000);
  let lab: Namespaces | null = null;

  before(function () {
    requireRoot(this);
    requirePrograms(this, 'ip', 'sysctl');
    lab = new Namespaces('rebuild');
  });
  after(() => lab?.remove());

  it('under way no connection is missed: all come from local addresses', async () => {
    const [director, server] = [lab?.a ?? '', lab?.b ?? ''];
    const inside = (namespace: string, ...words: string[]) => spawn('ip', ['netns', 'exec', namespace, process.execPath, ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
    // Its connections are short: conntrack shall not remember each for half a minute.
    const sysctl = spawn('ip', ['netns', 'exec', director, 'sysctl', '-qw', 'net.netfilter.nf_conntrack_udp_timeout=1'], { stdio: 'ignore' });
    await new Promise((resolve) => sysctl.once('close', resolve));
    const listener = inside(server, '-e', SERVER);
    const children = [listener];
    const ended = (child: (typeof children)[number]): Promise<unknown> => new Promise((resolve) => child.once('close', resolve));
    try {
      let said = '';
      createInterface(listener.stdout).on('line', (line) => (said = line));
      await until('the server', () => said !== '', 20_000);
      for (const address of LOCAL) ip('-n', director, 'address', 'add', `${address}/32`, 'dev', 'va');
      const table = inside(director, TABLE, String(ROUNDS), '10.0.0.2', ...LOCAL);
      children.push(table);
      const made = ended(table);
      await new Promise((resolve) => table.stdout.once('data', resolve));
      const client = inside(director, '-e', CLIENT);
      children.push(client);
      await made;
      expect(table.exitCode).to.equal(0);
      const over = ended(client);
      client.stdin.end();
      await over;
      said = '';
      listener.stdin.write('?\n');
      await until('what it has seen', () => said !== '');
      const seen = JSON.parse(said) as Record<string, number>;
      expect(Object.keys(seen).sort(), said).to.deep.equal(LOCAL);
      expect(Math.min(...Object.values(seen)), said).to.be.greaterThan(ROUNDS);
    } finally {
      for (const child of children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
        const over = ended(child);
        child.kill('SIGKILL');
        await over;
      }
    }
  });
});
