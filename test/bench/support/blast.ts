/** `node blast.js HOST PORT COUNT…`: sends datagrams of 64 bytes as fast as it can, COUNT at a time; prints the microseconds that one took, for each COUNT. */
import koffi from 'koffi';
import { performance } from 'node:perf_hooks';

const [host = '', port = '', ...counts] = process.argv.slice(2);
const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int domain, int type, int protocol)') as (domain: number, type: number, protocol: number) => number;
const connect = libc.func('int connect(int fd, const void *address, unsigned int length)') as (fd: number, address: Uint8Array, length: number) => number;
const send = libc.func('long send(int fd, const void *data, size_t length, int flags)') as (fd: number, data: Uint8Array, length: number, flags: number) => number;

const [AF_INET, SOCK_DGRAM] = [2, 2];
const fd = socket(AF_INET, SOCK_DGRAM, 0);
const address = Uint8Array.of(AF_INET, 0, Number(port) >> 8, Number(port) & 255, ...host.split('.').map(Number), 0, 0, 0, 0, 0, 0, 0, 0);
if (fd < 0 || connect(fd, address, address.length) !== 0) throw new Error(`cannot connect to ${host} ${port}`);
const data = new Uint8Array(64);
const blast = (count: number): number => {
  const began = performance.now();
  for (let i = 0; i < count; i++) send(fd, data, data.length, 0);
  return ((performance.now() - began) * 1000) / count;
};
// Neighbours are found, entries made and code compiled first.
for (let i = 0; i < 3; i++) {
  blast(500);
  await new Promise((resolve) => setTimeout(resolve, 50));
}
console.log(JSON.stringify(counts.map((count) => blast(Number(count)))));
