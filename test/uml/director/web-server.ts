/**
 * A real server's web server, a process of its own: says its name on every path, closes each connection; /slow sends a line
 * every 100 ms for ever. `node web-server.js NAME PORT…`
 */
import { createServer } from 'node:http';

const [name = '', ...ports] = process.argv.slice(2);

for (const port of ports) {
  createServer((request, response) => {
    response.writeHead(200, { Connection: 'close' });
    if (request.url !== '/slow') {
      response.end(name);
      return;
    }
    const timer = setInterval(() => response.write(`${name}\n`), 100);
    response.on('close', () => { clearInterval(timer); });
  }).listen(Number(port), '::');
}
