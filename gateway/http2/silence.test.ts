import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { begin, failureOf, pair } from '../../test/fixtures/http2-client-pair.ts';
import type { RawHttp2Peer } from '../../test/fixtures/raw-http2-peer.ts';
import { RecordedResponse, RecordingClientHandler, until } from '../../test/fixtures/recorded-exchanges.ts';
import { createCodecResources } from '../http/resources.ts';
import { Http2ClientConnection } from './client-connection.ts';
import { FLAG, FRAME } from './frame.ts';
import { UPSTREAM_HTTP2 } from './options.ts';

const HOUR_SECONDS = 3600;
const OK = [':status', '200'];

function pingsTo(peer: RawHttp2Peer): number {
  return peer.frames.filter(({ type, flags }) => type === FRAME.PING && flags === 0).length;
}

describe('a pod that is silent in mid-request', () => {
  test('and does not answer a PING is lost, and its requests with it', async (t) => {
    const both = await pair(t);
    const [first, second] = [await begin(both), await begin(both)];
    both.clock.advance(7_000);
    await both.peer.next(FRAME.PING);
    assert.equal(first.response.failure, undefined);
    both.clock.advance(16_000);
    for (const { response } of [first, second]) {
      assert.deepEqual(await failureOf(response), { kind: 'connection-lost' });
    }
    await until(() => both.handler.closedReason !== undefined);
    assert.equal(both.handler.closedReason, 'no answer to PING for 15000 ms');
    assert.deepEqual(both.handler.reasons, ['ping-timeout']);
    assert.equal(pingsTo(both.peer), 1);
  });

  test('is asked no more than twice until it sends something', async (t) => {
    const both = await pair(t);
    const { response, id } = await begin(both);
    const answerTwo = async (): Promise<void> => {
      for (const silenceMs of [7_000, 27_000]) {
        both.clock.advance(silenceMs);
        const ping = await both.peer.next(FRAME.PING);
        both.peer.send(FRAME.PING, FLAG.ACK, 0, ping.payload);
        // Its answer shows that ours has been read.
        both.peer.send(FRAME.PING, 0, 0, Buffer.alloc(8));
        await both.peer.next(FRAME.PING, ({ flags }) => flags === FLAG.ACK);
      }
      both.clock.advance(HOUR_SECONDS * 1000);
    };
    await answerTwo();
    assert.equal(pingsTo(both.peer), 2);
    both.peer.headers(id, OK, 0);
    await until(() => response.block !== undefined);
    await answerTwo();
    both.peer.data(id, 'the end', true);
    await until(() => response.over);
    assert.equal(pingsTo(both.peer), 4);
    assert.equal(response.body.toString(), 'the end');
  });
});

const WATCH = {
  path: '/test.Watch/Watch',
  requestStream: false,
  responseStream: true,
  requestSerialize: (text: string) => Buffer.from(text),
  requestDeserialize: String,
  responseSerialize: (text: string) => Buffer.from(text),
  responseDeserialize: String,
};

interface WatchServer {
  readonly port: number;
  /** Of which each waits for what the test lets it say. */
  readonly calls: ServerWritableStream<string, string>[];
}

async function watchServer(t: TestContext): Promise<WatchServer> {
  const server = new Server();
  const calls: ServerWritableStream<string, string>[] = [];
  const watch = (call: ServerWritableStream<string, string>): void => void calls.push(call);
  server.addService({ watch: WATCH }, { watch });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  t.after(() => server.forceShutdown());
  return { port, calls };
}

function watchOn(connection: Http2ClientConnection): RecordedResponse {
  const response = new RecordedResponse();
  const block = [':method', 'POST', ':scheme', 'http', ':authority', 'a', ':path', WATCH.path];
  const fields = ['content-type', 'application/grpc', 'te', 'trailers'];
  const stream = connection.open(response, [...block, ...fields], false);
  stream.sendData(Buffer.from([0, 0, 0, 0, 1, 0x61]), 0, 6, true);
  return response;
}

test("a gRPC server's stream that is silent for hours goes on, and its connection takes others", async (t) => {
  const { port, calls } = await watchServer(t);
  const clock = new ManualClock();
  const resources = createCodecResources({ clock });
  const handler = new RecordingClientHandler();
  const socket = connect(port, '127.0.0.1');
  const connection = new Http2ClientConnection(socket, UPSTREAM_HTTP2, handler, resources);
  t.after(() => {
    connection.destroy();
    resources.timers.close();
  });
  // As a pool opens it.
  await new Promise<void>((resolve) => connection.ping(() => resolve()));
  const watches = [watchOn(connection)];
  await until(() => calls.length === 1);
  let [pings, sentBytes, receivedBytes] = [0, socket.bytesWritten, socket.bytesRead];
  for (let second = 0; second < 2 * HOUR_SECONDS; second++) {
    if (second === HOUR_SECONDS) {
      watches.push(watchOn(connection));
      await until(() => calls.length === 2);
      [sentBytes, receivedBytes] = [socket.bytesWritten, socket.bytesRead];
    }
    clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
    if (socket.bytesWritten === sentBytes) continue;
    pings++;
    // Whatever the server says to it comes in before the next second.
    await until(() => socket.bytesRead > receivedBytes);
    [sentBytes, receivedBytes] = [socket.bytesWritten, socket.bytesRead];
  }
  assert.equal(pings, 3, 'two in the silence, one for the sake of the second watch');
  for (const call of calls) {
    call.write('news');
    call.end();
  }
  await until(() => watches.every(({ over }) => over));
  for (const { body, failure } of watches) {
    assert.equal(failure, undefined);
    assert.equal(body.subarray(5).toString(), 'news');
  }
  assert.equal(handler.drained, false, 'there was no GOAWAY');
  assert.deepEqual(handler.reasons, []);
});
