// The pod behind an attacked gateway: a process of its own, so that what it serves does not slow down who measures.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const BIG = Buffer.alloc(32 * 1024 * 1024, 'b');

const server = createServer((request, response) => {
  // A client that is cut off takes its request with it.
  for (const side of [request, response]) side.on('error', () => undefined);
  request.resume();
  if (request.url === '/big') response.end(BIG);
  else request.on('end', () => response.end('done\n'));
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.once('disconnect', () => process.exit());
