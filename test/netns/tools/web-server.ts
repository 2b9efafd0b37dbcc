/**
 * A web server of the lab: answers every request with one line.
 *
 *     node web-server.js PORT TEXT
 */
import { createServer } from 'node:http';

const [port = '80', text = ''] = process.argv.slice(2);
createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/html', connection: 'close' }).end(`${text}\n`);
}).listen(Number(port), '0.0.0.0', () => console.log('listening'));
