import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { serverCertificate } from '../../test/fixtures/server-certificate.ts';
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

test('TLS that a server accepted is read into the same buffer, in order, to its end', async (t) => {
  const certificate = await serverCertificate();
  const reads = new SharedReads();
  const texts: string[] = [];
  const offsets: number[] = [];
  const server = createTlsServer({ cert: certificate.certificatePem, key: certificate.keyPem }, (socket) => {
    const index = texts.push('') - 1;
    reads.listen(socket, (chunk) => {
      offsets.push(chunk.byteOffset);
      texts[index] += chunk.toString();
      // The next messages wait in the socket's own buffers meanwhile.
      socket.pause();
      setImmediate(() => socket.resume());
    });
    socket.on('end', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  await Promise.all(
    Array.from({ length: 10 }, async (_, client) => {
      const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: certificate.caPem });
      t.after(() => socket.destroy());
      socket.resume();
      for (let message = 0; message < 50; message++) {
        socket.write(`${client}:${message} `);
        if (message % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      socket.end();
      await once(socket, 'end');
    }),
  );
  const wanted = Array.from({ length: 10 }, (_, client) =>
    Array.from({ length: 50 }, (_, message) => `${client}:${message} `).join(''),
  );
  assert.deepEqual(texts.sort(), wanted.sort());
  // Each message is read to the front of the one buffer; pieces that Node makes itself lie one behind the other.
  assert.ok(offsets.filter((offset) => offset === 0).length > 10, offsets.join(' '));
});

test('a socket that was opened elsewhere can be read too', async (t) => {
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
