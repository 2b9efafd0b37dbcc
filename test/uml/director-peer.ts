/**
 * Whom the director's test sets about it: `serve NAME` answers HTTP with its name, and talks back to whoever keeps a connection;
 * `fetch ADDRESS` prints who answers there; `talk ADDRESS` keeps one connection and prints a dot for each answer.
 */
import { get } from 'node:http';
import { connect, createServer } from 'node:net';

const [, , what = '', word = ''] = process.argv;

switch (what) {
  case 'serve':
    createServer((socket) => {
      socket.on('error', () => undefined).on('data', (data) => {
        if (data.toString().startsWith('GET')) socket.end(`HTTP/1.0 200 OK\r\nContent-Length: ${word.length}\r\n\r\n${word}`);
        else socket.write('.');
      });
    }).listen(80);
    break;
  case 'fetch':
    get({ host: word, port: 80, timeout: 3000, agent: false }, (response) => {
      response.setEncoding('utf8').on('data', (text: string) => process.stdout.write(text));
    }).on('timeout', () => process.exit(1)).on('error', () => process.exit(1));
    break;
  case 'talk': {
    const socket = connect(80, word, () => { setInterval(() => socket.write('hello'), 200); });
    socket.on('data', (data) => process.stdout.write(data)).on('error', () => process.exit(1)).on('close', () => process.exit(1));
    break;
  }
  default:
    throw new Error(`what is ${what}?`);
}
