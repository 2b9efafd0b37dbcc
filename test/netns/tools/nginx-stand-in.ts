/**
 * Plays nginx where there is none: a reverse proxy in the background that asks its servers in turn, with nginx's
 * `-s stop` and /run/nginx.pid. The lab puts it into PATH as `nginx`.
 *
 *     node nginx-stand-in.js [-s stop]        servers in NGINX_UPSTREAM, blank-separated HOST:PORT
 */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { createConnection } from 'node:net';

const PID_FILE = '/run/nginx.pid';
const [option, value] = process.argv.slice(2);

if (option === '-s' && value === 'stop') {
  process.kill(Number(readFileSync(PID_FILE, 'utf8')), 'SIGTERM');
} else if (option === '--serve') {
  serve((process.env['NGINX_UPSTREAM'] ?? '').split(' '));
} else {
  await startInBackground();
}

/** Ends with status 0 when port 80 answers, with 1 when that does not come to be. */
async function startInBackground(): Promise<void> {
  spawn(process.execPath, [process.argv[1] ?? '', '--serve'], { detached: true, stdio: 'ignore' }).unref();
  for (let tries = 0; tries < 100; tries += 1) {
    if (await answers()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  console.error('nginx: nothing listens on port 80 after 5 s');
  process.exitCode = 1;
}

function answers(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(80, '127.0.0.1');
    const done = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.on('connect', () => done(true));
    socket.on('error', () => done(false));
  });
}

function serve(upstream: readonly string[]): void {
  let turn = 0;
  const server = createServer((incoming, response) => {
    const [host, port] = (upstream[turn++ % upstream.length] ?? '').split(':');
    const outgoing = request({ host, port, path: incoming.url, method: incoming.method, timeout: 2000 }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('timed out')));
    outgoing.on('error', () => response.writeHead(502).end('bad gateway\n'));
    incoming.pipe(outgoing);
  });
  server.listen(80, '0.0.0.0', () => writeFileSync(PID_FILE, `${process.pid}\n`));
  process.on('SIGTERM', () => {
    rmSync(PID_FILE, { force: true });
    process.exit(0);
  });
}
