import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clientSockets } from '../../test/fixtures/codec-client.ts';
import { Http2CodecServer } from '../../test/fixtures/http2-server.ts';
import { RawHttp2Peer, rawBlock, rawFrame, uint32 } from '../../test/fixtures/raw-http2-peer.ts';
import { type RecordedRequest, RecordedResponse, until } from '../../test/fixtures/recorded-exchanges.ts';
import { H2_ERROR } from '../http/stream.ts';
import { Http2ClientConnection } from './client-connection.ts';
import { FLAG, FRAME } from './frame.ts';
import { UPSTREAM_HTTP2 } from './options.ts';

const GET = [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/'];
const BODY = Buffer.alloc(100_000, 'body');

const streamId = fc.integer({ min: 0, max: 9 });
const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const goodBlock = fc.constantFrom(
  rawBlock(GET),
  rawBlock([':method', 'POST', ...GET.slice(2), 'content-length', '10']),
  rawBlock(['x-trailer', '1']),
  Buffer.concat([rawBlock(GET), Buffer.from([0x40, 1, 0x61, 1, 0x62])]),
  Buffer.concat([rawBlock(GET), Buffer.from([0xbe])]),
);

/** Frames that mean something most of the time, and bytes that do not. */
const frame = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(streamId, goodBlock, fc.boolean())
      .map(([id, block, end]) =>
        rawFrame(FRAME.HEADERS, FLAG.END_HEADERS | (end ? FLAG.END_STREAM : 0), id, block),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(streamId, bytes(40), fc.integer({ min: 0, max: 9 }))
      .map(([id, payload, flags]) => rawFrame(FRAME.DATA, flags, id, payload)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(streamId, fc.nat(2 ** 31 - 1))
      .map(([id, more]) => rawFrame(FRAME.WINDOW_UPDATE, 0, id, uint32(more))),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(streamId, fc.nat(20))
      .map(([id, code]) => rawFrame(FRAME.RST_STREAM, 0, id, uint32(code))),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(9), fc.nat(2 ** 17))
      .map(([setting, value]) =>
        rawFrame(FRAME.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, setting]), uint32(value)])),
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(12), fc.nat(255), streamId, bytes(30))
      .map(([type, flags, id, payload]) => rawFrame(type, flags, id, payload)),
  },
  { weight: 1, arbitrary: bytes(20) },
);

const answers: ReadonlyArray<(request: RecordedRequest) => void> = [
  (request) => request.respond(200),
  (request) => {
    request.stream.sendHeaders([':status', '200'], false);
    request.stream.sendData(BODY, 0, BODY.length, true);
  },
  (request) => {
    request.stream.sendHeaders([':status', '200'], false);
    request.stream.sendData(BODY, 0, BODY.length, false);
    request.stream.sendTrailers(['x-sum', '1']);
  },
  (request) => request.stream.reset(H2_ERROR.CANCEL),
  () => undefined,
];

test('whatever frames a client sends: no exception, nothing kept, every request hears of its end', async (t) => {
  const scenario = fc.tuple(
    fc.array(frame, { maxLength: 30 }),
    fc.array(fc.nat(answers.length - 1), { minLength: 1, maxLength: 5 }),
    fc.nat(3),
  );
  await fc.assert(
    fc.asyncProperty(scenario, async ([frames, choices, writes]) => {
      const server = await Http2CodecServer.start(t);
      server.handler.onRequest = (request) => {
        const choice = choices[server.requests.length % choices.length] ?? 0;
        answers[choice]?.(request);
        request.requestReset = (code) => {
          request.resetCode = code;
          request.stream.reset(code);
        };
      };
      const peer = await RawHttp2Peer.connect(t, server.port);
      const all = Buffer.concat(frames);
      const size = Math.ceil(all.length / (writes + 1)) || 1;
      for (let at = 0; at < all.length; at += size) {
        peer.sendBytes(all.subarray(at, at + size));
        await new Promise((resolve) => setImmediate(resolve));
      }
      peer.socket.end();
      await until(() => server.handler.closedCount === 1);
      assert.equal(server.connection.openStreams, 0);
      assert.equal(server.resources.heldBytes.usedBytes, 0);
    }),
    { numRuns: 400 },
  );
});

const goodResponse = fc.constantFrom(
  rawBlock([':status', '200']),
  rawBlock([':status', '100']),
  rawBlock([':status', '204', 'content-length', '3']),
  rawBlock(['x-trailer', '1']),
);
const goAway = fc
  .tuple(streamId, fc.nat(13))
  .map(([id, code]) => rawFrame(FRAME.GOAWAY, 0, 0, Buffer.concat([uint32(id), uint32(code)])));
const responseFrame = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(streamId, goodResponse, fc.boolean())
      .map(([id, block, end]) =>
        rawFrame(FRAME.HEADERS, FLAG.END_HEADERS | (end ? FLAG.END_STREAM : 0), id, block),
      ),
  },
  { weight: 1, arbitrary: goAway },
  { weight: 8, arbitrary: frame },
);

test('whatever frames a server sends: no exception, nothing kept, every response ends once', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(responseFrame, { maxLength: 30 }), async (frames) => {
      const { socket, accepted, resources, handler } = await clientSockets(t);
      const connection = new Http2ClientConnection(socket, UPSTREAM_HTTP2, handler, resources);
      const peer = new RawHttp2Peer(t, accepted, 'server');
      const responses = Array.from({ length: 5 }, () => new RecordedResponse());
      for (const [index, response] of responses.entries()) {
        const stream = connection.open(response, GET, index > 2);
        response.onData = (count) => stream.consumed(count);
        if (index <= 2) stream.sendData(BODY, 0, BODY.length, index === 0);
      }
      peer.sendBytes(Buffer.concat([rawFrame(FRAME.SETTINGS, 0, 0), ...frames]));
      peer.socket.end();
      await until(() => handler.closedReason !== undefined);
      assert.ok(responses.every((response) => response.over));
      assert.equal(connection.available, false);
      assert.equal(resources.heldBytes.usedBytes, 0);
    }),
    { numRuns: 400 },
  );
});
