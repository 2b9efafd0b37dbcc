/**
 * A client that asks again and again, each time over a new connection, and says for each request what came of it:
 * one JSON line { "at": sent, "took": ms, "text": answer or null, "error": code or null }.
 *
 *     node client.js HOST PORT INTERVAL_MS TIMEOUT_MS
 */
import { request } from 'node:http';
import { wallClock } from '../wait.ts';

const [host = '', port = '80', interval = '100', timeout = '500'] = process.argv.slice(2);

function ask(): void {
  const at = wallClock();
  const began = performance.now();
  let over = false;
  const tell = (text: string | null, error: string | null): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    const took = performance.now() - began;
    process.stdout.write(`${JSON.stringify({ at, took, text, error })}\n`);
  };
  const asked = request({ host, port, agent: false }, (answer) => {
    let text = '';
    answer.on('data', (piece: Buffer) => (text += piece.toString()));
    answer.on('end', () => {
      if (answer.statusCode === 200) tell(text.trim(), null);
      else tell(null, `status ${answer.statusCode}`);
    });
    answer.on('error', (cause) => tell(null, cause.message));
  });
  const timer = setTimeout(() => {
    asked.destroy();
    tell(null, 'no answer');
  }, Number(timeout));
  asked.on('error', (cause: NodeJS.ErrnoException) => tell(null, cause.code ?? cause.message));
  asked.end();
}

setInterval(ask, Number(interval));
ask();
