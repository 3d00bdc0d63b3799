import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clientSockets } from '../../test/fixtures/codec-client.ts';
import { Http1CodecServer } from '../../test/fixtures/http1-server.ts';
import { RawHttp1Peer } from '../../test/fixtures/raw-http1-peer.ts';
import { type RecordedRequest, RecordedResponse, until } from '../../test/fixtures/recorded-exchanges.ts';
import { H2_ERROR } from '../http/stream.ts';
import { Http1ClientConnection } from './client-connection.ts';
import { UPSTREAM_HTTP1 } from './options.ts';

const BODY = Buffer.alloc(300_000, 'body');

const piece = fc.constantFrom(
  'GET / HTTP/1.1\r\n',
  'POST /a HTTP/1.1\r\n',
  'HEAD / HTTP/1.0\r\n',
  'CONNECT a.example:1 HTTP/1.1\r\n',
  'Host: a.example\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: close\r\n',
  'Connection: upgrade\r\nUpgrade: websocket\r\n',
  'Expect: 100-continue\r\n',
  'X-A: b\r\n',
  '\r\n',
  '\n',
  '5\r\nhello\r\n',
  '0\r\n\r\n',
  'hello',
  ' ',
  '\0',
);
const whole = fc.constantFrom(
  'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello',
  'POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
);
const input = fc.array(
  fc.oneof({ weight: 3, arbitrary: piece }, { weight: 2, arbitrary: whole }, fc.string()),
  {
    maxLength: 20,
  },
);

const answers: ReadonlyArray<(request: RecordedRequest) => void> = [
  (request) => request.respond(200, 'hello', ['content-length', '5']),
  (request) => {
    request.stream.sendHeaders([':status', '200'], false);
    request.stream.sendData(BODY, 0, BODY.length, false);
    request.stream.sendTrailers(['x-sum', '1']);
  },
  (request) => request.stream.sendHeaders([':status', '101', 'upgrade', 'websocket'], false),
  (request) => request.respond(204),
  (request) => request.stream.reset(H2_ERROR.CANCEL),
  () => undefined,
];

test('whatever bytes a client sends: no exception, nothing kept, every request hears of its end', async (t) => {
  const scenario = fc.tuple(
    input,
    fc.array(fc.nat(answers.length - 1), { minLength: 1, maxLength: 5 }),
    fc.integer({ min: 1, max: 200 }),
  );
  await fc.assert(
    fc.asyncProperty(scenario, async ([pieces, choices, size]) => {
      const server = await Http1CodecServer.start(t);
      server.handler.onRequest = (request) => {
        answers[choices[server.requests.length % choices.length] ?? 0]?.(request);
      };
      const peer = await RawHttp1Peer.dial(t, server.port);
      const text = pieces.join('');
      for (let at = 0; at < text.length; at += size) {
        peer.send(text.slice(at, at + size));
        await new Promise((resolve) => setImmediate(resolve));
      }
      peer.socket.end();
      // A request that nobody answers keeps its half-closed connection: the engine would time out.
      await until(() => server.handler.closedCount === 1 || server.connection.openStreams === 1);
      server.connection.destroy();
      assert.equal(server.handler.closedCount, 1);
      assert.equal(server.connection.openStreams, 0);
      assert.equal(server.resources.heldBytes.usedBytes, 0);
    }),
    { numRuns: 400 },
  );
});

const responsePiece = fc.constantFrom(
  'HTTP/1.1 200 OK\r\n',
  'HTTP/1.0 200\r\n',
  'HTTP/1.1 101 Switching Protocols\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
);

test('whatever bytes a server sends: no exception, nothing kept, every response ends once', async (t) => {
  const scenario = fc.tuple(
    fc.array(fc.oneof(responsePiece, piece), { maxLength: 12 }),
    fc.constantFrom('GET', 'HEAD', 'POST', 'CONNECT'),
    fc.boolean(),
    fc.integer({ min: 1, max: 200 }),
  );
  await fc.assert(
    fc.asyncProperty(scenario, async ([pieces, method, upgrade, size]) => {
      const { socket, accepted, resources, handler } = await clientSockets(t);
      const connection = new Http1ClientConnection(socket, UPSTREAM_HTTP1, handler, resources);
      const peer = new RawHttp1Peer(t, accepted);
      const response = new RecordedResponse();
      const block = [':method', method, ':authority', 'a.example:1', ':path', '/'];
      if (upgrade) block.push('upgrade', 'websocket');
      const stream = connection.open(response, block, method !== 'POST' && !upgrade);
      response.onData = (count) => stream.consumed(count);
      if (method === 'POST') stream.sendData(BODY, 0, BODY.length, true);
      const text = pieces.join('');
      for (let at = 0; at < text.length; at += size) {
        peer.send(text.slice(at, at + size));
        await new Promise((resolve) => setImmediate(resolve));
      }
      peer.socket.end();
      // A tunnel whose other direction is open stays: its user ends it.
      await until(() => handler.closedReason !== undefined || response.ended);
      connection.destroy();
      assert.equal(response.over, true);
      assert.notEqual(handler.closedReason, undefined);
      assert.equal(resources.heldBytes.usedBytes, 0);
    }),
    {
      numRuns: 400,
      // A tunnel that was destroyed after its response had ended failed it once more.
      examples: [[[['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'], 'CONNECT', false, 1]]],
    },
  );
});
