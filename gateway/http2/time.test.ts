import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Http2CodecServer } from '../../test/fixtures/http2-server.ts';
import { RawHttp2Peer, rawBlock, rawFrame, uint32 } from '../../test/fixtures/raw-http2-peer.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { H2_ERROR } from '../http/stream.ts';
import { FRAME, PREFACE } from './frame.ts';
import { SETTING } from './settings.ts';

const GET = [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/'];
const _POST = [':method', 'POST', ...GET.slice(2)];
const PING = rawFrame(FRAME.PING, 0, 0, Buffer.alloc(8));

async function goneFor(peer: RawHttp2Peer): Promise<number> {
  return (await peer.next(FRAME.GOAWAY)).payload.readUInt32BE(4);
}

describe('the time that a client has', () => {
  test('a client that never acknowledges our SETTINGS', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.connect(t, server.port);
    await peer.next(FRAME.SETTINGS);
    server.clock.advance(9000);
    assert.deepEqual(server.reasons, []);
    server.clock.advance(2500);
    assert.equal(await goneFor(peer), H2_ERROR.SETTINGS_TIMEOUT);
    assert.deepEqual(server.reasons, ['settings-timeout']);
  });

  test('a client that sends half a preface', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.dial(t, server.port);
    peer.sendBytes(PREFACE.subarray(0, 10));
    await until(() => server.connections.length === 1);
    server.clock.advance(12_000);
    await goneFor(peer);
    assert.deepEqual(server.reasons, ['settings-timeout']);
  });

  for (const [name, bytes] of [
    ['a header block without an end', rawFrame(FRAME.HEADERS, 0, 1, rawBlock(GET))],
    ['a frame without an end', rawFrame(FRAME.HEADERS, 5, 1, rawBlock(GET)).subarray(0, 20)],
  ] as const) {
    test(name, async (t) => {
      const server = await Http2CodecServer.start(t);
      const peer = await RawHttp2Peer.connect(t, server.port);
      peer.settingsAck();
      peer.sendBytes(Buffer.concat([PING, bytes]));
      await peer.next(FRAME.PING);
      server.clock.advance(9000);
      assert.deepEqual(server.reasons, []);
      server.clock.advance(4000);
      assert.equal(await goneFor(peer), H2_ERROR.ENHANCE_YOUR_CALM);
      assert.deepEqual(server.reasons, ['header-timeout']);
    });
  }

  test('a header block gets no more time by the frames that it comes in; a frame that follows another does', async (t) => {
    const server = await Http2CodecServer.start(t);
    const bad = await RawHttp2Peer.connect(t, server.port);
    const good = await RawHttp2Peer.connect(t, server.port);
    const continuation = rawFrame(FRAME.CONTINUATION, 0, 1, 'a');
    for (const peer of [bad, good]) peer.settingsAck();
    bad.sendBytes(Buffer.concat([PING, rawFrame(FRAME.HEADERS, 0, 1), continuation.subarray(0, 5)]));
    good.sendBytes(Buffer.concat([PING, PING.subarray(0, 5)]));
    await bad.next(FRAME.PING);
    for (let step = 0; step < 8; step++) {
      await good.next(FRAME.PING);
      server.clock.advance(2000);
      if (step < 4) assert.deepEqual(server.reasons, []);
      bad.sendBytes(Buffer.concat([continuation.subarray(5), continuation.subarray(0, 5)]));
      good.sendBytes(Buffer.concat([PING.subarray(5), PING.subarray(0, 5)]));
    }
    assert.equal(await goneFor(bad), H2_ERROR.ENHANCE_YOUR_CALM);
    assert.deepEqual(server.reasons, ['header-timeout']);
    assert.equal(good.socket.destroyed, false);
  });

  test('what is kept of incomplete blocks and frames is counted, and given up when there is no more', async (t) => {
    const server = await Http2CodecServer.start(t, {}, 40_000);
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.settingsAck();
    peer.send(FRAME.HEADERS, 0, 1, Buffer.alloc(16_000));
    peer.send(FRAME.CONTINUATION, 0, 1, Buffer.alloc(16_000));
    peer.sendBytes(rawFrame(FRAME.CONTINUATION, 0, 1, Buffer.alloc(16_000)).subarray(0, 9));
    await until(() => server.resources.heldBytes.usedBytes === 48_009);
    server.clock.advance(1500);
    server.clock.advance(1500);
    assert.equal(await goneFor(peer), H2_ERROR.ENHANCE_YOUR_CALM);
    assert.deepEqual(server.reasons, ['held-bytes-exhausted']);
    assert.equal(server.resources.heldBytes.usedBytes, 0);
  });

  test('an idle connection ends after 5 minutes, a busy one does not', async (t) => {
    const server = await Http2CodecServer.start(t);
    const idle = await RawHttp2Peer.connect(t, server.port);
    const busy = await RawHttp2Peer.connect(t, server.port);
    idle.settingsAck();
    busy.settingsAck();
    busy.headers(1, GET);
    await until(() => server.requests.length === 1);
    idle.sendBytes(PING);
    await idle.next(FRAME.PING);
    server.clock.advance(290_000);
    idle.sendBytes(PING);
    await idle.next(FRAME.PING);
    server.clock.advance(290_000);
    assert.equal(idle.frames.filter((frame) => frame.type === FRAME.GOAWAY).length, 0);
    server.clock.advance(20_000);
    assert.equal(await goneFor(idle), H2_ERROR.NO_ERROR);
    await idle.closed;
    assert.equal(busy.socket.destroyed, false);
    assert.deepEqual(server.reasons, []);
  });

  test('a stream whose window stays shut is given up after 5 minutes, beside one that moves', async (t) => {
    const server = await Http2CodecServer.start(t);
    const body = Buffer.alloc(1000);
    server.handler.onRequest = ({ stream }) => {
      stream.sendHeaders([':status', '200'], false);
      stream.sendData(body, 0, body.length, true);
    };
    const peer = await RawHttp2Peer.connect(t, server.port, [[SETTING.INITIAL_WINDOW_SIZE, 10]]);
    peer.settingsAck();
    peer.headers(1, GET);
    peer.headers(3, GET);
    for (let minute = 0; minute < 6; minute++) {
      peer.send(FRAME.WINDOW_UPDATE, 0, 3, uint32(10));
      peer.sendBytes(PING);
      await peer.next(FRAME.PING);
      server.clock.advance(60_000);
    }
    const resets = (): number[] =>
      peer.frames.filter((frame) => frame.type === FRAME.RST_STREAM).map((frame) => frame.streamId);
    await until(() => resets().length > 0);
    assert.deepEqual(resets(), [1]);
    assert.deepEqual(server.reasons, ['flush-timeout']);
    assert.equal(server.requests[0]?.resetCode, H2_ERROR.CANCEL);
    assert.equal(server.requests[1]?.resetCode, undefined);
  });

  test('a peer that does not close after our GOAWAY is cut off', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.send(FRAME.PING, 0, 0, 'short');
    await goneFor(peer);
    assert.equal(server.handler.closedCount, 0);
    server.clock.advance(3000);
    await until(() => server.handler.closedCount === 1);
  });
});

describe('a worker that holds nearly all that it may', () => {
  const piece = Buffer.alloc(10_000, 'p');

  test('gives up streams that stand still after 2 seconds', async (t) => {
    const server = await Http2CodecServer.start(t, {}, 100_000);
    server.handler.onRequest = ({ stream }) => {
      stream.sendHeaders([':status', '200'], false);
      stream.sendData(piece, 0, piece.length, true);
    };
    const peer = await RawHttp2Peer.connect(t, server.port, [[SETTING.INITIAL_WINDOW_SIZE, 0]]);
    peer.settingsAck();
    peer.headers(1, GET);
    await until(() => server.requests.length === 1);
    server.resources.heldBytes.charge(80_000);
    server.clock.advance(4000);
    assert.equal((await peer.next(FRAME.RST_STREAM)).streamId, 1);
    assert.deepEqual(server.reasons, ['flush-timeout']);
    assert.equal(server.resources.heldBytes.usedBytes, 80_000);
  });

  test('leaves one connection no more than its share', async (t) => {
    const server = await Http2CodecServer.start(t, {}, 160_000);
    server.handler.onRequest = ({ stream }) => {
      stream.sendHeaders([':status', '200'], false);
      stream.sendData(piece, 0, piece.length, true);
    };
    const none = [[SETTING.INITIAL_WINDOW_SIZE, 0]] as const;
    const [greedy, other] = [
      await RawHttp2Peer.connect(t, server.port, none),
      await RawHttp2Peer.connect(t, server.port, none),
    ];
    for (let streamId = 1; streamId < 40; streamId += 2) greedy.headers(streamId, GET);
    await until(() => server.requests.length === 20);
    const { heldBytes } = server.resources;
    assert.ok(heldBytes.usedBytes > 80_000 && heldBytes.usedBytes < 100_000, String(heldBytes.usedBytes));
    assert.deepEqual(new Set(server.reasons), new Set(['held-bytes-exhausted']));
    const refused = server.reasons.length;
    other.headers(1, GET);
    await until(() => server.requests.length === 21);
    assert.equal(server.reasons.length, refused, 'there is room for others');
  });
});
