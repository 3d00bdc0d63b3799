import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Http2CodecServer } from '../../test/fixtures/http2-server.ts';
import { RawHttp2Peer } from '../../test/fixtures/raw-http2-peer.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { H2_ERROR } from '../http/stream.ts';
import { FLAG, FRAME } from './frame.ts';

const POST = [':method', 'POST', ':scheme', 'http', ':authority', 'a.example', ':path', '/'];
const PIECE = 'x'.repeat(16_384);
const MIB = 1024 * 1024;

interface Answered {
  readonly server: Http2CodecServer;
  readonly peer: RawHttp2Peer;
}

/** A request that is answered as the engine does it, before any of its body has come. */
async function answered(t: TestContext, fields: readonly string[] = []): Promise<Answered> {
  const server = await Http2CodecServer.start(t, { maxConcurrentStreams: 2 });
  server.handler.onRequest = (request) => {
    request.respond(403, 'no');
    request.stream.reset(H2_ERROR.NO_ERROR);
  };
  const peer = await RawHttp2Peer.connect(t, server.port);
  peer.settingsAck();
  peer.headers(1, [...POST, ...fields], 0);
  await peer.next(FRAME.DATA, ({ flags }) => flags === FLAG.END_STREAM);
  return { server, peer };
}

async function roundTrip(peer: RawHttp2Peer): Promise<void> {
  peer.send(FRAME.PING, 0, 0, '12345678');
  await peer.next(FRAME.PING, ({ flags, payload }) => flags === FLAG.ACK && `${payload}` === '12345678');
}

function resets(peer: RawHttp2Peer): number[] {
  return peer.frames
    .filter(({ type }) => type === FRAME.RST_STREAM)
    .map(({ payload }) => payload.readUInt32BE());
}

/** WINDOW_UPDATE of the connection that came in after our SETTINGS. */
function connectionCredit(peer: RawHttp2Peer): number[] {
  return peer.frames
    .filter(({ type, streamId }) => type === FRAME.WINDOW_UPDATE && streamId === 0)
    .map(({ payload }) => payload.readUInt32BE())
    .slice(1);
}

describe('a body that goes on after its answer', () => {
  test('is read to its end, with credit for all of it, and nothing is kept or told to the engine', async (t) => {
    const { server, peer } = await answered(t);
    for (let piece = 0; piece < 64; piece++) peer.data(1, PIECE, piece === 63);
    await roundTrip(peer);
    assert.deepEqual(resets(peer), []);
    assert.equal(server.connection.openStreams, 0);
    assert.deepEqual(server.reasons, []);
    assert.equal(server.requests[0]?.body.length, 0);
    assert.equal(server.resources.heldBytes.usedBytes, 0);
    const credit = peer.frames
      .filter(({ type, streamId }) => type === FRAME.WINDOW_UPDATE && streamId === 1)
      .reduce((bytes, { payload }) => bytes + payload.readUInt32BE(), 0);
    assert.ok(credit >= MIB - server.options.streamWindowBytes, `${credit} bytes`);
  });

  test('may end with trailers', async (t) => {
    const { server, peer } = await answered(t);
    peer.data(1, 'some');
    peer.headers(1, ['x-sum', '1'], FLAG.END_STREAM);
    await roundTrip(peer);
    assert.equal(server.connection.openStreams, 0);
    assert.equal(server.requests[0]?.trailers, undefined);
    assert.deepEqual(resets(peer), []);
  });

  test('gets the credit that the engine never gave', async (t) => {
    const server = await Http2CodecServer.start(t);
    server.handler.onRequest = (request) => {
      request.consumes = false;
    };
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.headers(1, POST, 0);
    for (let piece = 0; piece < 16; piece++) peer.data(1, PIECE);
    await until(() => server.requests[0]?.body.length === 16 * PIECE.length);
    server.requests[0]?.respond(302);
    server.requests[0]?.stream.reset(H2_ERROR.NO_ERROR);
    const update = await peer.next(FRAME.WINDOW_UPDATE, ({ streamId }) => streamId === 1);
    assert.equal(update.payload.readUInt32BE(), 16 * PIECE.length);
  });

  test('that stands still is told to stop, and not counted', async (t) => {
    const { server, peer } = await answered(t);
    peer.data(1, 'some');
    await roundTrip(peer);
    server.clock.advance(4_000);
    await peer.next(FRAME.RST_STREAM);
    assert.deepEqual(resets(peer), [H2_ERROR.NO_ERROR]);
    assert.deepEqual(server.reasons, []);
    peer.data(1, 'late', true);
    await roundTrip(peer);
    assert.equal(server.connection.openStreams, 0);
  });

  test('that goes on and on is cut off by time, and counted', async (t) => {
    const { server, peer } = await answered(t);
    for (let second = 0; second < 12; second++) {
      peer.data(1, 'x');
      await roundTrip(peer);
      server.clock.advance(1_000);
    }
    await roundTrip(peer);
    assert.deepEqual(resets(peer), [H2_ERROR.NO_ERROR]);
    assert.deepEqual(server.reasons, ['unwanted-body']);
  });

  test('that goes on and on is cut off by bytes, and counted', async (t) => {
    const { server, peer } = await answered(t);
    for (let sent = 0; sent <= 16 * MIB; sent += PIECE.length) {
      peer.data(1, PIECE);
      if (sent % MIB === 0) await roundTrip(peer);
    }
    await roundTrip(peer);
    assert.deepEqual(resets(peer), [H2_ERROR.NO_ERROR]);
    assert.deepEqual(server.reasons, ['unwanted-body']);
  });

  test('may be given up by the client before its content-length, as curl does', async (t) => {
    const { server, peer } = await answered(t, ['content-length', '30']);
    peer.data(1, 'some', true);
    await roundTrip(peer);
    assert.deepEqual(resets(peer), []);
    assert.deepEqual(server.reasons, []);
    assert.deepEqual(connectionCredit(peer), [4]);
  });

  test('is followed by a frame, even if nothing came of it: curl waits for one', async (t) => {
    const { server, peer } = await answered(t);
    peer.data(1, '', true);
    await roundTrip(peer);
    assert.equal(server.connection.openStreams, 0);
    assert.deepEqual(connectionCredit(peer), [1]);
  });

  test('counts among the streams that may be open', async (t) => {
    const { server, peer } = await answered(t);
    peer.headers(3, POST, 0);
    peer.headers(5, POST, 0);
    await peer.next(FRAME.RST_STREAM);
    assert.deepEqual(resets(peer), [H2_ERROR.REFUSED_STREAM]);
    peer.data(1, '', true);
    peer.headers(7, POST);
    await peer.next(FRAME.HEADERS, ({ streamId }) => streamId === 7);
    assert.equal(server.requests.length, 3);
  });
});
