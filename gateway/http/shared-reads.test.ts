import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { SharedReads } from './shared-reads.ts';

async function listen(t: TestContext, accept: (socket: Socket) => void): Promise<number> {
  const server = createServer(accept);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test('what many sockets read stays apart, also what came before anybody listened', async (t) => {
  const port = await listen(t, (socket) => {
    socket.write('hello ');
    socket.on('data', (chunk) => socket.end(chunk));
  });
  const reads = new SharedReads();
  const received = new Map<number, string>();
  const sockets = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const socket = reads.dial((onread) => connect({ port, host: '127.0.0.1', onread }));
      t.after(() => socket.destroy());
      await until(() => socket.bytesRead > 0);
      return socket;
    }),
  );
  for (const [index, socket] of sockets.entries()) {
    received.set(index, '');
    reads.listen(socket, (chunk) => received.set(index, received.get(index) + chunk.toString()));
    socket.write(`socket ${index}`);
  }
  await Promise.all(sockets.map((socket) => once(socket, 'end')));
  for (const index of sockets.keys()) assert.equal(received.get(index), `hello socket ${index}`);
});

test('a paused socket reads nothing until it is resumed', async (t) => {
  const port = await listen(t, (socket) => socket.end(Buffer.alloc(10_000_000)));
  const reads = new SharedReads();
  const socket = reads.dial((onread) => connect({ port, host: '127.0.0.1', onread }));
  t.after(() => socket.destroy());
  let bytes = 0;
  reads.listen(socket, (chunk) => {
    bytes += chunk.length;
    socket.pause();
  });
  await until(() => bytes > 0);
  const before = bytes;
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(bytes, before);
  const ended = once(socket, 'end');
  let turns = 0;
  while (bytes < 10_000_000 && turns++ < 100_000) {
    socket.resume();
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.resume();
  await ended;
  assert.equal(bytes, 10_000_000);
});

test('a socket that was opened elsewhere is read as ever', async (t) => {
  const port = await listen(t, (socket) => socket.end('hello'));
  const reads = new SharedReads();
  const socket = connect(port, '127.0.0.1');
  let text = '';
  reads.listen(socket, (chunk) => {
    text += chunk.toString();
  });
  await once(socket, 'end');
  assert.equal(text, 'hello');
});
