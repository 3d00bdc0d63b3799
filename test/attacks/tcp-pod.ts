// The TCP pod behind an attacked gateway, in a process of its own.
import { type AddressInfo, createServer } from 'node:net';

const BIG = Buffer.alloc(32 * 1024 * 1024, 'b');

/** Who begins with `w` is not read any more; everyone else gets more than anybody holds. */
const server = createServer((socket) => {
  // A client that is cut off takes its connection with it.
  socket.on('error', () => undefined);
  socket.once('data', (first: Buffer) => {
    if (first.toString('latin1', 0, 1) === 'w') socket.pause();
    else socket.end(BIG);
  });
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.once('disconnect', () => process.exit());
