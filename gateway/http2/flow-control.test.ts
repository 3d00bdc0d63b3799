import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Http2CodecServer } from '../../test/fixtures/http2-server.ts';
import { RawHttp2Peer, rawSettings, uint32 } from '../../test/fixtures/raw-http2-peer.ts';
import { type RecordedRequest, until } from '../../test/fixtures/recorded-exchanges.ts';
import { H2_ERROR } from '../http/stream.ts';
import { FLAG, FRAME } from './frame.ts';
import { SETTING } from './settings.ts';

const GET = [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/'];
const POST = [':method', 'POST', ...GET.slice(2)];
const BODY = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));

/** Answers with `BODY`; returns how much of it went out at once. */
function answerWithBody(request: RecordedRequest): number {
  request.stream.sendHeaders([':status', '200'], false);
  return request.stream.sendData(BODY, 0, BODY.length, true);
}

/** DATA of a stream that has come so far. */
function received(peer: RawHttp2Peer, streamId: number): Buffer {
  const frames = peer.frames.filter((frame) => frame.type === FRAME.DATA && frame.streamId === streamId);
  return Buffer.concat(frames.map((frame) => frame.payload));
}

/** A round trip: what we sent before has been looked at, and what it brought about has come. */
async function roundTrip(peer: RawHttp2Peer): Promise<void> {
  const pings = (): number => peer.frames.filter((frame) => frame.type === FRAME.PING).length;
  const before = pings();
  peer.send(FRAME.PING, 0, 0, Buffer.alloc(8));
  await until(() => pings() > before || peer.socket.destroyed);
}

describe('what we send', () => {
  test('stays within a tiny stream window, and the rest follows its WINDOW_UPDATEs', async (t) => {
    const server = await Http2CodecServer.start(t);
    let sentAtOnce = -1;
    server.handler.onRequest = (request) => {
      sentAtOnce = answerWithBody(request);
    };
    const peer = await RawHttp2Peer.connect(t, server.port, [[SETTING.INITIAL_WINDOW_SIZE, 10]]);
    peer.headers(1, GET);
    await roundTrip(peer);
    assert.equal(sentAtOnce, 10);
    assert.equal(received(peer, 1).length, 10);
    let window = 10;
    for (const step of [1, 7, 500, 20_000, 30_000]) {
      peer.send(FRAME.WINDOW_UPDATE, 0, 1, uint32(step));
      window += step;
      await roundTrip(peer);
      assert.equal(received(peer, 1).length, window);
      assert.equal(server.requests[0]?.drainedBytes, window - 10);
    }
    // The connection's window of 65,535 is what stops it next.
    peer.send(FRAME.WINDOW_UPDATE, 0, 1, uint32(100_000));
    await roundTrip(peer);
    assert.equal(received(peer, 1).length, 65_535);
    peer.send(FRAME.WINDOW_UPDATE, 0, 0, uint32(100_000));
    await peer.next(FRAME.DATA, (frame) => (frame.flags & FLAG.END_STREAM) !== 0);
    assert.ok(received(peer, 1).equals(BODY));
    assert.equal(server.requests[0]?.drainedBytes, BODY.length - 10);
    assert.equal(server.connection.openStreams, 0);
    assert.equal(server.resources.heldBytes.usedBytes, 0);
  });

  test('follows a change of SETTINGS_INITIAL_WINDOW_SIZE, also below zero', async (t) => {
    const server = await Http2CodecServer.start(t);
    server.handler.onRequest = answerWithBody;
    const peer = await RawHttp2Peer.connect(t, server.port, [[SETTING.INITIAL_WINDOW_SIZE, 1000]]);
    peer.headers(1, GET);
    await roundTrip(peer);
    assert.equal(received(peer, 1).length, 1000);
    // The window is now 0; 900 less makes it -900.
    peer.sendBytes(rawSettings([[SETTING.INITIAL_WINDOW_SIZE, 100]]));
    peer.send(FRAME.WINDOW_UPDATE, 0, 1, uint32(900));
    await roundTrip(peer);
    assert.equal(received(peer, 1).length, 1000);
    peer.send(FRAME.WINDOW_UPDATE, 0, 1, uint32(1));
    await roundTrip(peer);
    assert.equal(received(peer, 1).length, 1001);
    peer.sendBytes(rawSettings([[SETTING.INITIAL_WINDOW_SIZE, 50_000]]));
    await roundTrip(peer);
    assert.equal(received(peer, 1).length, 1001 + 49_900);
  });

  test('trailers and the end wait for held data', async (t) => {
    const server = await Http2CodecServer.start(t);
    server.handler.onRequest = ({ stream }) => {
      stream.sendHeaders([':status', '200'], false);
      stream.sendData(BODY, 0, 100, false);
      stream.sendTrailers(['x-sum', '1']);
      stream.sendData(BODY, 0, 100, false);
    };
    const peer = await RawHttp2Peer.connect(t, server.port, [[SETTING.INITIAL_WINDOW_SIZE, 40]]);
    peer.headers(1, GET);
    await roundTrip(peer);
    assert.equal(peer.frames.filter((frame) => frame.type === FRAME.HEADERS).length, 1);
    peer.send(FRAME.WINDOW_UPDATE, 0, 1, uint32(1000));
    const trailers = await peer.next(FRAME.HEADERS, (frame) => (frame.flags & FLAG.END_STREAM) !== 0);
    assert.deepEqual(peer.decode(trailers), ['x-sum', '1']);
    assert.equal(received(peer, 1).length, 100);
  });

  test('held trailers leave before it is told that nothing is held any more', async (t) => {
    const server = await Http2CodecServer.start(t);
    server.handler.onRequest = (request) => {
      request.stream.sendHeaders([':status', '200'], false);
      request.stream.sendData(BODY, 0, 100, false);
      request.stream.sendTrailers(['grpc-status', '0']);
      // As the engine does when a response is complete before its request.
      request.onDrained = () => request.stream.reset(H2_ERROR.NO_ERROR);
    };
    const peer = await RawHttp2Peer.connect(t, server.port, [[SETTING.INITIAL_WINDOW_SIZE, 40]]);
    peer.headers(1, POST, 0);
    await roundTrip(peer);
    peer.send(FRAME.WINDOW_UPDATE, 0, 1, uint32(1000));
    await peer.next(FRAME.HEADERS, (frame) => (frame.flags & FLAG.END_STREAM) !== 0);
    await roundTrip(peer);
    assert.ok(peer.frames.every((frame) => frame.type !== FRAME.RST_STREAM));
    const [head, trailers] = peer.frames.filter((frame) => frame.type === FRAME.HEADERS);
    assert.ok(head !== undefined && trailers !== undefined, 'headers and trailers');
    assert.deepEqual(peer.decode(head), [':status', '200']);
    assert.deepEqual(peer.decode(trailers), ['grpc-status', '0']);
    assert.equal(received(peer, 1).length, 100);
  });

  test('an empty body ends without any window', async (t) => {
    const server = await Http2CodecServer.start(t);
    server.handler.onRequest = ({ stream }) => {
      stream.sendHeaders([':status', '200'], false);
      stream.sendData(BODY, 0, 0, true);
    };
    const peer = await RawHttp2Peer.connect(t, server.port, [[SETTING.INITIAL_WINDOW_SIZE, 0]]);
    peer.headers(1, GET);
    const end = await peer.next(FRAME.DATA);
    assert.equal(end.payload.length, 0);
    assert.equal(end.flags, FLAG.END_STREAM);
  });

  test('streams that wait for the connection take turns', async (t) => {
    const server = await Http2CodecServer.start(t);
    server.handler.onRequest = answerWithBody;
    const peer = await RawHttp2Peer.connect(t, server.port, [[SETTING.INITIAL_WINDOW_SIZE, 1_000_000]]);
    for (const streamId of [1, 3, 5]) peer.headers(streamId, GET);
    await roundTrip(peer);
    assert.equal(received(peer, 1).length, 65_535);
    peer.send(FRAME.WINDOW_UPDATE, 0, 0, uint32(3 * 16_384));
    await roundTrip(peer);
    assert.equal(received(peer, 1).length, 65_535 + 16_384);
    assert.equal(received(peer, 3).length, 16_384);
    assert.equal(received(peer, 5).length, 16_384);
  });

  test('a stream without a window does not stand before the others', async (t) => {
    const server = await Http2CodecServer.start(t);
    server.handler.onRequest = answerWithBody;
    const peer = await RawHttp2Peer.connect(t, server.port, [[SETTING.INITIAL_WINDOW_SIZE, 0]]);
    peer.send(FRAME.WINDOW_UPDATE, 0, 0, uint32(1_000_000));
    peer.headers(1, GET);
    peer.headers(3, GET);
    peer.send(FRAME.WINDOW_UPDATE, 0, 3, uint32(BODY.length));
    await peer.next(FRAME.DATA, (frame) => (frame.flags & FLAG.END_STREAM) !== 0);
    assert.ok(received(peer, 3).equals(BODY));
    assert.equal(received(peer, 1).length, 0);
  });

  test('what a reset stream held is dropped', async (t) => {
    const server = await Http2CodecServer.start(t);
    server.handler.onRequest = answerWithBody;
    const peer = await RawHttp2Peer.connect(t, server.port, [[SETTING.INITIAL_WINDOW_SIZE, 10]]);
    peer.headers(1, GET);
    await roundTrip(peer);
    assert.ok(server.resources.heldBytes.usedBytes >= BODY.length - 10);
    peer.send(FRAME.RST_STREAM, 0, 1, uint32(H2_ERROR.CANCEL));
    await until(() => server.requests[0]?.resetCode === H2_ERROR.CANCEL);
    assert.equal(server.resources.heldBytes.usedBytes, 0);
  });

  test("a worker's byte pool is the bound: past it a stream is given up, not the process", async (t) => {
    const server = await Http2CodecServer.start(t, {}, 150_000);
    server.handler.onRequest = answerWithBody;
    const peer = await RawHttp2Peer.connect(t, server.port, [[SETTING.INITIAL_WINDOW_SIZE, 0]]);
    peer.headers(1, GET);
    peer.headers(3, GET);
    const reset = await peer.next(FRAME.RST_STREAM);
    assert.equal(reset.streamId, 3);
    assert.equal(reset.payload.readUInt32BE(), H2_ERROR.ENHANCE_YOUR_CALM);
    await until(() => server.requests[1]?.resetCode === H2_ERROR.ENHANCE_YOUR_CALM);
    assert.deepEqual(server.reasons, ['held-bytes-exhausted']);
    peer.send(FRAME.WINDOW_UPDATE, 0, 1, uint32(1_000_000));
    peer.send(FRAME.WINDOW_UPDATE, 0, 0, uint32(1_000_000));
    await peer.next(FRAME.DATA, (frame) => (frame.flags & FLAG.END_STREAM) !== 0);
    assert.equal(server.resources.heldBytes.usedBytes, 0);
  });

  test('a reader that does not read is bounded by the high-water mark and the held bytes', async (t) => {
    const server = await Http2CodecServer.start(t, { highWaterBytes: 256 * 1024 });
    const piece = Buffer.alloc(64 * 1024);
    let written = 0;
    let held = 0;
    server.handler.onRequest = ({ stream }) => {
      stream.sendHeaders([':status', '200'], false);
      while (held === 0 && written < 200 * piece.length) {
        held = piece.length - stream.sendData(piece, 0, piece.length, false);
        written += piece.length;
      }
    };
    const peer = await RawHttp2Peer.connect(t, server.port, [[SETTING.INITIAL_WINDOW_SIZE, 2 ** 31 - 1]]);
    peer.send(FRAME.WINDOW_UPDATE, 0, 0, uint32(2 ** 30));
    await roundTrip(peer);
    peer.socket.pause();
    peer.headers(1, GET);
    await until(() => server.requests.length === 1);
    // What the kernel took is not ours; past it no more than the mark and one held piece.
    assert.ok(written < 200 * piece.length, 'it stopped by itself');
    assert.ok(server.resources.heldBytes.usedBytes <= 256 * 1024 + 2 * piece.length);
    peer.socket.resume();
    await until(() => server.requests[0]?.drainedBytes === held);
  });
});

/** Windows that stay as they are. */
const FIXED = { maxStreamWindowBytes: 0, maxConnectionWindowBytes: 0 };

describe('what we take', () => {
  test('credit for a stream goes back as its data is consumed, for the connection on receipt', async (t) => {
    const options = { ...FIXED, streamWindowBytes: 10_000, connectionWindowBytes: 100_000 };
    const server = await Http2CodecServer.start(t, options);
    server.handler.onRequest = (request) => {
      request.consumes = false;
    };
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.headers(1, POST, 0);
    peer.data(1, Buffer.alloc(10_000));
    await roundTrip(peer);
    const updates = (): readonly (readonly number[])[] =>
      peer.frames
        .filter((frame) => frame.type === FRAME.WINDOW_UPDATE)
        .map((frame) => [frame.streamId, frame.payload.readUInt32BE()]);
    assert.deepEqual(updates(), [[0, 100_000 - 65_535]]);
    server.requests[0]?.stream.consumed(2000);
    await roundTrip(peer);
    assert.deepEqual(updates().slice(1), [], 'credit goes back in quarters of the window');
    server.requests[0]?.stream.consumed(2000);
    await roundTrip(peer);
    assert.deepEqual(updates().slice(1), [[1, 4000]]);
    // A second stream that nobody drains: the connection goes on.
    for (const streamId of [3, 5, 7, 9, 11]) {
      peer.headers(streamId, POST, 0);
      peer.data(streamId, Buffer.alloc(10_000));
    }
    await roundTrip(peer);
    assert.deepEqual(updates().slice(2), [
      [0, 30_000],
      [0, 30_000],
    ]);
    assert.deepEqual(server.reasons, []);
  });

  test('more than the stream window is an error of the stream', async (t) => {
    const server = await Http2CodecServer.start(t, { ...FIXED, streamWindowBytes: 10_000 });
    server.handler.onRequest = (request) => {
      request.consumes = false;
    };
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.headers(1, POST, 0);
    peer.data(1, Buffer.alloc(10_001));
    const reset = await peer.next(FRAME.RST_STREAM);
    assert.equal(reset.payload.readUInt32BE(), H2_ERROR.FLOW_CONTROL_ERROR);
    assert.deepEqual(server.reasons, ['stream-window-exceeded']);
  });

  test('padding is given back at once', async (t) => {
    const server = await Http2CodecServer.start(t, { ...FIXED, streamWindowBytes: 400 });
    server.handler.onRequest = (request) => {
      request.consumes = false;
    };
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.headers(1, POST, 0);
    for (let count = 0; count < 10; count++) {
      peer.send(FRAME.DATA, FLAG.PADDED, 1, Buffer.concat([Buffer.from([199]), Buffer.alloc(200)]));
      await roundTrip(peer);
    }
    assert.equal(server.requests[0]?.body.length, 10);
    assert.deepEqual(server.reasons, []);
  });
});
