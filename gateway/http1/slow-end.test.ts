import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { createCodecResources } from '../http/resources.ts';
import type { RequestReceiver, StreamWriter } from '../http/stream.ts';
import { EDGE_HTTP1 } from './options.ts';
import { Http1ServerConnection } from './server-connection.ts';

const PIECE = Buffer.alloc(16 * 1024, 'x');
/** Longer than a connection lingers whose last byte the kernel has. */
const PAUSE_MS = 4_500;

interface StalledRequest {
  readonly client: Socket;
  /** The other end, which our server writes to. */
  readonly socket: Socket;
  readonly stream: StreamWriter;
  readonly clock: ManualClock;
}

/** A client that asks and does not read yet, and the stream that answers it. */
async function stalledRequest(t: TestContext): Promise<StalledRequest> {
  const clock = new ManualClock();
  const resources = createCodecResources({ clock });
  const answering = Promise.withResolvers<Pick<StalledRequest, 'socket' | 'stream'>>();
  const receiver: RequestReceiver = {
    requestData: () => undefined,
    requestTrailers: () => undefined,
    requestReset: () => undefined,
    responseDrained: () => undefined,
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    const request = (stream: StreamWriter) => {
      answering.resolve({ socket, stream });
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
  const { socket, stream } = await answering.promise;
  stream.sendHeaders([':status', '200'], false);
  return { client, socket, stream, clock };
}

test('the end of a response waits for a client that is slow to read it', async (t) => {
  const { client, socket, stream, clock } = await stalledRequest(t);
  let pieces = 0;
  // The kernel takes no more, and half of what the output may hold waits there.
  while (socket.writableLength < EDGE_HTTP1.highWaterBytes / 2) {
    assert.equal(stream.sendData(PIECE, 0, PIECE.length, false), PIECE.length);
    pieces++;
    await sleep(0);
  }
  assert.equal(stream.sendData(PIECE, 0, PIECE.length, true), PIECE.length);
  pieces++;
  await sleep(0);
  clock.advance(PAUSE_MS);
  assert.ok(socket.writableLength > 0, 'the kernel has not had all of it yet');
  let received = '';
  client.setEncoding('latin1').on('data', (chunk: string) => {
    received += chunk;
  });
  client.resume();
  await once(client, 'end');
  assert.equal(received.length - received.indexOf('\r\n\r\n') - 4, pieces * PIECE.length);
});
