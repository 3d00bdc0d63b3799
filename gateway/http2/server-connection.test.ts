import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { Http2CodecServer } from '../../test/fixtures/http2-server.ts';
import { RawHttp2Peer } from '../../test/fixtures/raw-http2-peer.ts';
import { type RecordedRequest, until } from '../../test/fixtures/recorded-exchanges.ts';
import { H2_ERROR } from '../http/stream.ts';
import { FLAG, FRAME } from './frame.ts';
import { Http2ServerConnection } from './server-connection.ts';
import { SETTING } from './settings.ts';

const GET = [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/'];
const POST = [':method', 'POST', ...GET.slice(2)];
const WEBSOCKET = [':method', 'CONNECT', ':protocol', 'websocket', ...GET.slice(2)];

/** A peer whose first request has come in. */
async function requested(
  t: Parameters<typeof Http2CodecServer.start>[0],
  fields: readonly string[],
  flags = 0,
): Promise<{
  readonly server: Http2CodecServer;
  readonly peer: RawHttp2Peer;
  readonly request: RecordedRequest;
}> {
  const server = await Http2CodecServer.start(t);
  const peer = await RawHttp2Peer.connect(t, server.port);
  peer.headers(1, fields, flags);
  await until(() => server.requests.length === 1);
  const request = server.requests[0];
  if (request === undefined) throw new Error('no request');
  return { server, peer, request };
}

describe('responses', () => {
  test('informational, final, body and trailers', async (t) => {
    const { peer, request, server } = await requested(t, GET, FLAG.END_STREAM);
    request.stream.sendInformational([':status', '103', 'link', '</a>']);
    request.stream.sendHeaders([':status', '200'], false);
    request.stream.sendData(Buffer.from('xbodyx'), 1, 5, false);
    request.stream.sendTrailers(['grpc-status', '0']);
    const blocks: (readonly string[])[] = [];
    for (let count = 0; count < 3; count++) blocks.push(peer.decode(await peer.next(FRAME.HEADERS)));
    assert.deepEqual(blocks, [
      [':status', '103', 'link', '</a>'],
      [':status', '200'],
      ['grpc-status', '0'],
    ]);
    assert.equal(peer.frames.find((frame) => frame.type === FRAME.DATA)?.payload.toString(), 'body');
    assert.equal(peer.frames.at(-1)?.flags, FLAG.END_HEADERS | FLAG.END_STREAM);
    assert.equal(server.connection.openStreams, 0);
  });

  test('pieces of a body that are written in one turn leave in one frame, with its end', async (t) => {
    const { peer, request } = await requested(t, GET, FLAG.END_STREAM);
    request.stream.sendHeaders([':status', '200'], false);
    for (const piece of ['a', 'bc', 'def']) {
      request.stream.sendData(Buffer.from(piece), 0, piece.length, false);
    }
    request.stream.sendData(Buffer.alloc(0), 0, 0, true);
    const data = await peer.next(FRAME.DATA);
    assert.equal(data.payload.toString(), 'abcdef');
    assert.equal(data.flags, FLAG.END_STREAM);
  });

  test('a header table that shrank and grew in one SETTINGS frame is announced with both sizes', async (t) => {
    const server = await Http2CodecServer.start(t);
    server.handler.onRequest = (request) => request.respond(200);
    const sizes = [SETTING.HEADER_TABLE_SIZE, SETTING.HEADER_TABLE_SIZE] as const;
    const peer = await RawHttp2Peer.connect(t, server.port, [
      [sizes[0], 0],
      [sizes[1], 4096],
    ]);
    peer.headers(1, GET);
    const { payload } = await peer.next(FRAME.HEADERS);
    assert.equal(payload.toString('hex'), '203fe11f88', 'size 0, size 4096, :status 200');
  });

  test('a block larger than a frame goes on in CONTINUATION', async (t) => {
    const { peer, request } = await requested(t, GET, FLAG.END_STREAM);
    const fields = Array.from({ length: 30 }, (_, index) => [`x-${index}`, '~'.repeat(1500)]).flat();
    request.stream.sendHeaders([':status', '200', ...fields], true);
    const first = await peer.next(FRAME.HEADERS);
    assert.equal(first.flags, FLAG.END_STREAM);
    const last = await peer.next(FRAME.CONTINUATION, (frame) => frame.flags === FLAG.END_HEADERS);
    const from = peer.frames.indexOf(first);
    const parts = peer.frames.slice(from, peer.frames.indexOf(last) + 1);
    assert.ok(parts.every((frame) => frame.payload.length <= 16_384));
    const block = Buffer.concat(parts.map((frame) => frame.payload));
    assert.deepEqual(peer.decode({ ...first, payload: block }), [':status', '200', ...fields]);
  });

  test('nothing is written after the end, or after a reset', async (t) => {
    const { peer, request } = await requested(t, POST);
    request.respond(200);
    request.stream.sendHeaders([':status', '500'], false);
    request.stream.sendData(Buffer.from('late'), 0, 4, true);
    request.stream.sendTrailers(['x', 'y']);
    request.stream.reset(H2_ERROR.NO_ERROR);
    request.stream.reset(H2_ERROR.INTERNAL_ERROR);
    request.stream.consumed(1_000_000);
    peer.send(FRAME.PING, 0, 0, Buffer.alloc(8));
    await peer.next(FRAME.PING);
    const seen = peer.frames.filter((frame) => frame.streamId === 1).map((frame) => frame.type);
    assert.deepEqual(seen, [FRAME.HEADERS, FRAME.RST_STREAM]);
  });

  test('a request that is answered before its end goes on until the engine resets it', async (t) => {
    const { peer, request } = await requested(t, POST);
    request.respond(200, 'early');
    peer.data(1, 'more');
    await until(() => request.body.toString() === 'more');
    peer.data(1, '!', true);
    await until(() => request.ended);
    assert.equal(peer.frames.filter((frame) => frame.type === FRAME.RST_STREAM).length, 0);
  });
});

describe('tunnels', () => {
  test('CONNECT: bytes both ways, each direction ends by itself', async (t) => {
    const { peer, request, server } = await requested(t, [':method', 'CONNECT', ':authority', 'a.example:1']);
    request.stream.sendHeaders([':status', '200'], false);
    peer.data(1, 'ping', true);
    await until(() => request.ended);
    request.stream.sendData(Buffer.from('pong'), 0, 4, true);
    assert.equal((await peer.next(FRAME.DATA)).payload.toString(), 'pong');
    assert.equal(server.connection.openStreams, 0);
    assert.equal(request.resetCode, undefined);
  });

  for (const fields of [WEBSOCKET, [':method', 'CONNECT', ':authority', 'a.example:1']]) {
    test(`${fields[2]}: END_STREAM ends the client's direction alone`, async (t) => {
      const server = await Http2CodecServer.start(t);
      let endedAtOnce: boolean | undefined;
      server.handler.onRequest = ({ ended }) => {
        endedAtOnce = ended;
      };
      const peer = await RawHttp2Peer.connect(t, server.port);
      peer.headers(1, fields);
      await until(() => server.requests[0]?.ended === true);
      assert.equal(endedAtOnce, false, 'the end comes as data');
    });
  }

  test('extended CONNECT: 101 is 200 there', async (t) => {
    const { peer, request } = await requested(t, WEBSOCKET);
    request.stream.sendHeaders(
      [':status', '101', 'upgrade', 'websocket', 'sec-websocket-accept', 'x', 'x-a', 'b'],
      false,
    );
    assert.deepEqual(peer.decode(await peer.next(FRAME.HEADERS)), [':status', '200', 'x-a', 'b']);
    peer.data(1, 'frame');
    await until(() => request.body.toString() === 'frame');
  });

  test('extended CONNECT: a refusal passes, a 2xx that opened nothing does not', async (t) => {
    for (const [status, seen] of [
      [403, '403'],
      [200, '502'],
    ] as const) {
      const { peer, request } = await requested(t, WEBSOCKET);
      request.respond(status);
      const answer = await peer.next(FRAME.HEADERS);
      assert.equal(peer.decode(answer)[1], seen);
      assert.equal(answer.flags & FLAG.END_STREAM, FLAG.END_STREAM);
    }
  });
});

test('destroying twice closes once', async (t) => {
  const server = await Http2CodecServer.start(t);
  const peer = await RawHttp2Peer.connect(t, server.port);
  await peer.next(FRAME.SETTINGS);
  server.connection.destroy();
  await until(() => server.handler.closedCount === 1);
  server.connection.destroy();
  assert.equal(server.handler.closedCount, 1);
});

test('a socket that was gone before it came here', async (t) => {
  const server = await Http2CodecServer.start(t);
  const socket = new Socket();
  socket.destroy();
  await once(socket, 'close');
  const { options, handler, resources } = server;
  server.connections.push(new Http2ServerConnection(socket, options, handler, resources));
  await until(() => handler.closedCount === 1);
});

test('a defect of ours ends its connection, not the process', async (t) => {
  const defect = new TypeError('a defect');
  const defects: unknown[] = [];
  const server = await Http2CodecServer.start(t, {}, undefined, (error) => defects.push(error));
  server.handler.onRequest = () => {
    throw defect;
  };
  const peer = await RawHttp2Peer.connect(t, server.port);
  peer.headers(1, GET);
  const goAway = await peer.next(FRAME.GOAWAY);
  assert.equal(goAway.payload.readUInt32BE(4), H2_ERROR.INTERNAL_ERROR);
  assert.deepEqual(defects, [defect]);
  assert.deepEqual(server.reasons, ['internal']);
});
