import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCodecResources } from '../http/resources.ts';
import type { RequestReceiver, StreamWriter } from '../http/stream.ts';
import { EDGE_HTTP1 } from './options.ts';
import { Http1ServerConnection } from './server-connection.ts';

const PIECE = Buffer.alloc(16 * 1024, 'x');
/** Longer than a connection lingers whose last byte the kernel has. */
const PAUSE_MS = 4_500;

/** A client that asks and does not read yet, and the stream that answers it. */
async function stalledRequest(t: TestContext): Promise<{ client: Socket; stream: StreamWriter }> {
  const resources = createCodecResources();
  const answering = Promise.withResolvers<StreamWriter>();
  const receiver: RequestReceiver = {
    requestData: () => undefined,
    requestTrailers: () => undefined,
    requestReset: () => undefined,
    responseDrained: () => undefined,
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    const request = (stream: StreamWriter) => {
      answering.resolve(stream);
      return receiver;
    };
    const handler = { request, rejected: () => undefined, closed: () => undefined };
    new Http1ServerConnection(socket, EDGE_HTTP1, handler, resources);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.pause();
  t.after(() => {
    client.destroy();
    server.close();
    resources.timers.close();
  });
  client.write('GET / HTTP/1.0\r\nHost: a.example\r\n\r\n');
  const stream = await answering.promise;
  stream.sendHeaders([':status', '200'], false);
  return { client, stream };
}

test('the end of a response waits for a client that is slow to read it', async (t) => {
  const first = await stalledRequest(t);
  let pieces = 0;
  // As much as kernel and output take from one turn to the next.
  while (first.stream.sendData(PIECE, 0, PIECE.length, false) === PIECE.length) {
    pieces++;
    await sleep(0);
  }
  first.client.destroy();
  const { client, stream } = await stalledRequest(t);
  const sent = pieces - 4;
  for (let piece = 1; piece <= sent; piece++) {
    assert.equal(stream.sendData(PIECE, 0, PIECE.length, piece === sent), PIECE.length);
    await sleep(0);
  }
  await sleep(PAUSE_MS);
  let received = '';
  client.setEncoding('latin1').on('data', (chunk: string) => {
    received += chunk;
  });
  client.resume();
  await once(client, 'end');
  assert.equal(received.length - received.indexOf('\r\n\r\n') - 4, sent * PIECE.length);
});
