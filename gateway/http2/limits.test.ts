import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pair } from '../../test/fixtures/http2-client-pair.ts';
import { Http2CodecServer } from '../../test/fixtures/http2-server.ts';
import { RawHttp2Peer, rawBlock, rawFrame, rawSettings, uint32 } from '../../test/fixtures/raw-http2-peer.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { H2_ERROR } from '../http/stream.ts';
import { FLAG, FRAME } from './frame.ts';
import { EDGE_HTTP2, TRUNK_HTTP2 } from './options.ts';

const GET = [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/'];
const POST = [':method', 'POST', ...GET.slice(2)];
const REFUSED = rawBlock([...GET, 'host', 'b.example']);
const PING = rawFrame(FRAME.PING, 0, 0, Buffer.alloc(8));

/** `count` times the same frame in one write. */
function flood(peer: RawHttp2Peer, frame: Buffer, count: number): void {
  peer.sendBytes(Buffer.concat(Array<Buffer>(count).fill(frame)));
}

async function goneFor(peer: RawHttp2Peer): Promise<number> {
  return (await peer.next(FRAME.GOAWAY)).payload.readUInt32BE(4);
}

describe('floods end the connection with ENHANCE_YOUR_CALM', () => {
  const floods: ReadonlyArray<readonly [name: string, frame: Buffer, allowed: number, reason: string]> = [
    ['PING', PING, 1000, 'ping-flood'],
    ['SETTINGS', rawSettings([]), 99, 'settings-flood'],
    ['answers to no PING', rawFrame(FRAME.PING, FLAG.ACK, 0, Buffer.alloc(8)), 1000, 'ping-flood'],
    ['SETTINGS acknowledgements', rawFrame(FRAME.SETTINGS, FLAG.ACK, 0), 99, 'settings-flood'],
    ['GOAWAY', rawFrame(FRAME.GOAWAY, 0, 0, Buffer.alloc(8)), 100, 'goaway-flood'],
    ['PRIORITY', rawFrame(FRAME.PRIORITY, 0, 7, Buffer.alloc(5)), 1000, 'priority-flood'],
    ['WINDOW_UPDATE', rawFrame(FRAME.WINDOW_UPDATE, 0, 0, uint32(1)), 2000, 'window-update-flood'],
    ['unknown frames', rawFrame(0xf0, 0, 0), 1000, 'unknown-frame-flood'],
  ];
  for (const [name, frame, allowed, reason] of floods) {
    test(name, async (t) => {
      const server = await Http2CodecServer.start(t);
      const good = await RawHttp2Peer.connect(t, server.port);
      flood(good, frame, allowed);
      good.headers(1, GET);
      await until(() => server.requests.length === 1);
      assert.deepEqual(server.reasons, []);
      const bad = await RawHttp2Peer.connect(t, server.port);
      flood(bad, frame, allowed + 1);
      assert.equal(await goneFor(bad), H2_ERROR.ENHANCE_YOUR_CALM);
      assert.deepEqual(server.reasons, [reason]);
    });
  }

  test('empty DATA: one in a row is allowed', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.headers(1, POST, 0);
    for (let count = 0; count < 3; count++) {
      peer.data(1, '');
      peer.data(1, 'a');
    }
    peer.data(1, '');
    await until(() => server.requests[0]?.body.length === 3);
    assert.deepEqual(server.reasons, []);
    peer.data(1, '');
    assert.equal(await goneFor(peer), H2_ERROR.ENHANCE_YOUR_CALM);
    assert.deepEqual(server.reasons, ['empty-data-flood']);
  });

  test('CONTINUATION: more than 8 frames', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.send(FRAME.HEADERS, 0, 1, rawBlock(GET));
    flood(peer, rawFrame(FRAME.CONTINUATION, 0, 1), 9);
    assert.equal(await goneFor(peer), H2_ERROR.ENHANCE_YOUR_CALM);
    assert.deepEqual(server.reasons, ['continuation-flood']);
  });

  test('CONTINUATION: more than 60 KiB', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.send(FRAME.HEADERS, 0, 1, rawBlock(GET));
    flood(peer, rawFrame(FRAME.CONTINUATION, 0, 1, Buffer.alloc(16_384)), 4);
    assert.equal(await goneFor(peer), H2_ERROR.ENHANCE_YOUR_CALM);
    assert.deepEqual(server.reasons, ['continuation-flood']);
  });

  test('an HPACK bomb: a small block that names a large entry again and again', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.connect(t, server.port);
    const value = Buffer.alloc(4000, 'b');
    const entry = Buffer.concat([Buffer.from([0x40, 1, 0x78, 0x7f, 0xa1, 0x1e]), value]);
    peer.send(
      FRAME.HEADERS,
      FLAG.END_STREAM | FLAG.END_HEADERS,
      1,
      Buffer.concat([rawBlock(GET), entry, Buffer.alloc(90, 0xbe)]),
    );
    assert.equal(peer.decode(await peer.next(FRAME.HEADERS))[1], '431');
    assert.deepEqual(server.reasons, ['headers-too-large']);
  });

  test('rapid reset: a burst of 1000, then 33 a second', async (t) => {
    const server = await Http2CodecServer.start(t);
    server.handler.onRequest = (request) => {
      request.requestReset = (code) => request.stream.reset(code);
    };
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.settingsAck();
    let streamId = 1;
    const openAndReset = (count: number): void => {
      const frames: Buffer[] = [];
      for (let at = 0; at < count; at++, streamId += 2) {
        frames.push(rawFrame(FRAME.HEADERS, 5, streamId, rawBlock(GET)));
        frames.push(rawFrame(FRAME.RST_STREAM, 0, streamId, uint32(8)));
      }
      peer.sendBytes(Buffer.concat(frames));
    };
    openAndReset(1000);
    await until(() => server.requests.length === 1000);
    server.clock.advance(10_000);
    openAndReset(330);
    await until(() => server.requests.length === 1330);
    assert.deepEqual(server.reasons, []);
    openAndReset(10);
    assert.equal(await goneFor(peer), H2_ERROR.ENHANCE_YOUR_CALM);
    assert.deepEqual(server.reasons, ['rapid-reset']);
  });

  test('resets that we are made to send count the same', async (t) => {
    const server = await Http2CodecServer.start(t);
    server.handler.onRequest = (request) => {
      request.requestReset = (code) => request.stream.reset(code);
    };
    const peer = await RawHttp2Peer.connect(t, server.port);
    const frames: Buffer[] = [];
    for (let streamId = 1; streamId < 2 * 1002; streamId += 2) {
      frames.push(rawFrame(FRAME.HEADERS, 5, streamId, rawBlock(GET)));
      frames.push(rawFrame(FRAME.WINDOW_UPDATE, 0, streamId, uint32(0)));
    }
    peer.sendBytes(Buffer.concat(frames));
    assert.equal(await goneFor(peer), H2_ERROR.ENHANCE_YOUR_CALM);
    assert.equal(server.reasons.at(-1), 'rapid-reset');
  });

  test('requests that are refused before the end of their bodies count the same', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.connect(t, server.port);
    let streamId = 1;
    const send = (count: number, withBody: boolean): void => {
      const frames: Buffer[] = [];
      for (let at = 0; at < count; at++, streamId += 2) {
        const flags = FLAG.END_HEADERS | (withBody ? 0 : FLAG.END_STREAM);
        frames.push(rawFrame(FRAME.HEADERS, flags, streamId, REFUSED));
        if (withBody) frames.push(rawFrame(FRAME.DATA, FLAG.END_STREAM, streamId, Buffer.from('x')));
      }
      peer.sendBytes(Buffer.concat(frames));
    };
    send(1500, false);
    send(1000, true);
    await until(() => server.reasons.length === 2500);
    assert.deepEqual([...new Set(server.reasons)], ['authority-host-mismatch']);
    send(1, true);
    assert.equal(await goneFor(peer), H2_ERROR.ENHANCE_YOUR_CALM);
    assert.equal(server.reasons.at(-1), 'rapid-reset');
    assert.equal(server.connection.openStreams, 0);
  });

  test('a peer that does not read the refusals of its requests', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.socket.pause();
    let streamId = 1;
    // Past that many bytes nothing more is read from it, and it stays.
    while (
      server.reasons.at(-1) !== 'control-queue-full' &&
      server.resources.heldBytes.usedBytes < 512 * 1024
    ) {
      const frames: Buffer[] = [];
      for (let at = 0; at < 1000; at++, streamId += 2) {
        frames.push(rawFrame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, streamId, REFUSED));
      }
      peer.sendBytes(Buffer.concat(frames));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(server.reasons.at(-1), 'control-queue-full');
  });

  test('a peer that does not read our answers', async (t) => {
    const server = await Http2CodecServer.start(t, {
      flood: { ...required(EDGE_HTTP2.flood), pings: { ratePerSecond: 1e9, burst: 1e9 } },
    });
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.socket.pause();
    const pings = Buffer.concat(Array<Buffer>(1000).fill(PING));
    while (server.reasons.length === 0) {
      peer.sendBytes(pings);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(server.reasons, ['control-queue-full']);
    const queued = server.connection.openStreams;
    assert.equal(queued, 0);
    // What it has not read earns it no time.
    assert.equal(server.handler.closedCount, 0);
    server.clock.advance(3_500);
    await until(() => server.handler.closedCount === 1);
    assert.equal(server.resources.heldBytes.usedBytes, 0);
  });

  for (const [name, frame] of [
    ['PINGs', PING],
    ['SETTINGS', rawFrame(FRAME.SETTINGS, 0, 0)],
  ] as const) {
    test(`a pod that sends ${name} and does not read our answers, and so no memory of ours`, async (t) => {
      const { connection, handler, peer, resources } = await pair(t);
      peer.socket.pause();
      const frames = Buffer.concat(Array<Buffer>(1000).fill(frame));
      let mostBytes = 0;
      while (handler.reasons.length === 0) {
        peer.sendBytes(frames);
        await new Promise((resolve) => setImmediate(resolve));
        mostBytes = Math.max(mostBytes, resources.heldBytes.usedBytes);
      }
      assert.deepEqual(handler.reasons, ['control-queue-full']);
      assert.equal(connection.available, false);
      assert.ok(mostBytes < 1024 * 1024, `${mostBytes} bytes`);
    });
  }
});

describe('streams that may be open at once', () => {
  test('one more is refused, and the connection goes on', async (t) => {
    const server = await Http2CodecServer.start(t, { maxConcurrentStreams: 2 });
    const peer = await RawHttp2Peer.connect(t, server.port);
    for (const streamId of [1, 3, 5]) peer.headers(streamId, GET);
    const reset = await peer.next(FRAME.RST_STREAM);
    assert.equal(reset.streamId, 5);
    assert.equal(reset.payload.readUInt32BE(), H2_ERROR.REFUSED_STREAM);
    assert.deepEqual(server.reasons, ['max-concurrent-streams']);
    server.requests[0]?.respond(200);
    peer.headers(7, GET);
    await until(() => server.requests.length === 3);
  });

  test('a stream that the client reset counts until its upstream work has ended', async (t) => {
    const server = await Http2CodecServer.start(t, { maxConcurrentStreams: 1 });
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.headers(1, GET);
    peer.send(FRAME.RST_STREAM, 0, 1, uint32(8));
    peer.headers(3, GET);
    const refused = await peer.next(FRAME.RST_STREAM);
    assert.equal(refused.streamId, 3);
    assert.equal(server.requests[0]?.resetCode, 8);
    server.requests[0]?.stream.reset(H2_ERROR.CANCEL);
    peer.headers(5, GET);
    await until(() => server.requests.length === 2);
  });

  test('a request that was answered before its end does not count when the client resets it', async (t) => {
    const server = await Http2CodecServer.start(t, { maxConcurrentStreams: 1 });
    server.handler.onRequest = (request) => request.respond(413);
    const peer = await RawHttp2Peer.connect(t, server.port);
    for (const streamId of [1, 3, 5]) {
      peer.headers(streamId, POST, 0);
      await peer.next(FRAME.HEADERS, (frame) => frame.streamId === streamId);
      peer.send(FRAME.RST_STREAM, 0, streamId, uint32(8));
    }
    await until(() => server.requests.length === 3);
    assert.deepEqual(server.reasons, []);
    assert.equal(server.requests[2]?.resetCode, undefined);
  });
});

describe('drain', () => {
  test('GOAWAY twice, late requests are still taken in between, and it ends with the last stream', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.headers(1, GET);
    await until(() => server.requests.length === 1);
    server.connection.drain();
    const first = await peer.next(FRAME.GOAWAY);
    assert.equal(first.payload.readUInt32BE(0), 2 ** 31 - 1);
    assert.equal(first.payload.readUInt32BE(4), H2_ERROR.NO_ERROR);
    const ping = await peer.next(FRAME.PING);
    peer.headers(3, GET);
    peer.send(FRAME.PING, FLAG.ACK, 0, ping.payload);
    const second = await peer.next(FRAME.GOAWAY);
    assert.equal(second.payload.readUInt32BE(0), 3);
    // Past the last id: dropped, with its body.
    peer.headers(5, POST, 0);
    peer.data(5, 'late', true);
    server.requests[0]?.respond(200);
    server.requests[1]?.respond(200, 'done');
    await peer.next(FRAME.DATA, (frame) => (frame.flags & FLAG.END_STREAM) !== 0);
    await peer.closed;
    assert.equal(server.requests.length, 2);
    assert.deepEqual(server.reasons, []);
  });

  test('a client that does not answer the PING has a second', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.connect(t, server.port);
    await peer.next(FRAME.SETTINGS);
    server.connection.drain();
    await peer.next(FRAME.GOAWAY);
    server.clock.advance(1500);
    const second = await peer.next(FRAME.GOAWAY);
    assert.equal(second.payload.readUInt32BE(0), 0);
    await peer.closed;
  });
});

test('a trunk has none of the flood limits', async (t) => {
  const server = await Http2CodecServer.start(t, TRUNK_HTTP2);
  const peer = await RawHttp2Peer.connect(t, server.port);
  flood(peer, PING, 5000);
  flood(peer, rawFrame(FRAME.WINDOW_UPDATE, 0, 0, uint32(1)), 5000);
  peer.headers(1, POST, 0);
  flood(peer, rawFrame(FRAME.DATA, 0, 1), 10);
  peer.data(1, 'a', true);
  await until(() => server.requests[0]?.ended === true);
  assert.deepEqual(server.reasons, []);
});

test('a lost connection resets its open requests, then says that it is closed', async (t) => {
  const server = await Http2CodecServer.start(t);
  const peer = await RawHttp2Peer.connect(t, server.port);
  peer.headers(1, GET);
  peer.headers(3, POST, 0);
  await until(() => server.requests.length === 2);
  peer.socket.resetAndDestroy();
  await until(() => server.handler.closedCount === 1);
  assert.deepEqual(
    server.requests.map((request) => request.resetCode),
    [H2_ERROR.CANCEL, H2_ERROR.CANCEL],
  );
});

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('missing');
  return value;
}
