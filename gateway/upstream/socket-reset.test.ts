import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { resetSocket } from './socket-reset.ts';

const MOMENTS: readonly (readonly [name: string, then: (reset: () => void, socket: Socket) => void])[] = [
  ['before it ends', (reset) => reset()],
  ['right after its end', endAnd((reset) => reset())],
  ['in the next tick after its end', endAnd((reset) => process.nextTick(reset))],
  ['in the next turn after its end', endAnd((reset) => setImmediate(reset))],
  ['when its end has gone out', endAnd((reset, socket) => socket.once('finish', reset))],
];

function endAnd(then: (reset: () => void, socket: Socket) => void) {
  return (reset: () => void, socket: Socket): void => {
    socket.write('last words');
    socket.end();
    then(reset, socket);
  };
}

describe('a socket that is reset', () => {
  for (const [name, then] of MOMENTS) {
    test(`${name} closes, and its peer sees it`, async (t) => {
      const server = createServer({ allowHalfOpen: true });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      t.after(() => server.close());
      const accepting = once(server, 'connection') as Promise<[Socket]>;
      const { port } = server.address() as AddressInfo;
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      await once(socket, 'connect');
      const [peer] = await accepting;
      peer.resume();
      const errors: string[] = [];
      socket.on('error', ({ message }) => errors.push(message));
      const seen = once(peer, 'error') as Promise<[NodeJS.ErrnoException]>;
      then(() => resetSocket(socket), socket);
      await once(socket, 'close');
      // One that has read an end looks no more, but can say nothing either.
      peer.write('anybody there?');
      const [error] = await seen;
      assert.match(String(error.code), /^(ECONNRESET|EPIPE)$/);
      assert.deepEqual(errors, []);
    });
  }
});
