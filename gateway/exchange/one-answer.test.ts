import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { type Http2Answer, Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { Http2Client } from '../../test/fixtures/http2-client.ts';
import { RawHttp2Peer, uint32 } from '../../test/fixtures/raw-http2-peer.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';
import { FLAG, FRAME } from '../http2/frame.ts';

const SETTINGS_INITIAL_WINDOW_SIZE = 4;
const NO_ERROR = 0;
const POST = [':method', 'POST', ':scheme', 'http', ':path', '/', ':authority', 'payments.shop'];
const GRPC = [...POST, 'content-type', 'application/grpc'];

async function served(
  t: TestContext,
  answer?: Http2Answer,
  clock?: ManualClock,
): Promise<{ east: TestGateway; port: number }> {
  const mesh = await TestMesh.create(t, ['east']);
  const endpoints = answer === undefined ? [] : [(await Http2Backend.start(t, answer)).port];
  const services = [{ name: 'payments', protocol: 'http2', endpoints, offeredBy: [] } as const];
  const east = await mesh.gateway('east', { services, clock });
  return { east, port: await east.listenHttp() };
}

/** A client that lets nothing of a body come until it says so. */
function closedWindow(t: TestContext, port: number): Promise<RawHttp2Peer> {
  return RawHttp2Peer.connect(t, port, [[SETTINGS_INITIAL_WINDOW_SIZE, 0]]);
}

async function resetCode(peer: RawHttp2Peer): Promise<number> {
  return (await peer.next(FRAME.RST_STREAM)).payload.readUInt32BE(0);
}

describe('a request that the gateway has answered', () => {
  it('is not kept while its answer waits for a slow reader', async (t) => {
    const { east, port } = await served(t);
    const peer = await closedWindow(t, port);
    peer.headers(1, POST, 0);
    await peer.next(FRAME.HEADERS);
    const usedBytes = east.resources.heldBytes.usedBytes;
    peer.data(1, 'x'.repeat(10_000));
    peer.send(FRAME.PING, 0, 0, '12345678');
    await peer.next(FRAME.PING, ({ flags }) => flags === FLAG.ACK);
    assert.equal(east.resources.heldBytes.usedBytes, usedBytes);
    peer.send(FRAME.WINDOW_UPDATE, 0, 1, uint32(1_000));
    assert.equal((await peer.next(FRAME.DATA, ({ payload }) => payload.length > 0)).flags, FLAG.END_STREAM);
    assert.equal(await resetCode(peer), NO_ERROR);
    assert.equal(east.engine.activeRequests, 0);
    assert.equal(east.resources.heldBytes.usedBytes, 0);
  });

  it('and that the pod has answered completely gets no second end from its deadline', async (t) => {
    const answered = Promise.withResolvers<void>();
    const answer: Http2Answer = (stream) => {
      stream.once('close', () => answered.resolve());
      stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end('answer');
    };
    const clock = new ManualClock(Date.now());
    const { east, port } = await served(t, answer, clock);
    const peer = await closedWindow(t, port);
    peer.headers(1, [...GRPC, 'grpc-timeout', '100m']);
    await peer.next(FRAME.HEADERS);
    await answered.promise;
    // On the same connection to the pod, so that all of the first answer has come before it.
    peer.headers(3, GRPC);
    await peer.next(FRAME.HEADERS, ({ streamId }) => streamId === 3);
    clock.advance(1_000);
    assert.deepEqual(east.seen, []);
    peer.send(FRAME.WINDOW_UPDATE, 0, 1, uint32(1_000));
    await peer.next(FRAME.HEADERS);
    await until(() => east.seen.length > 0);
    assert.deepEqual(
      east.seen.map(({ status, failure }) => ({ status, failure })),
      [{ status: 200, failure: undefined }],
    );
  });
});

describe('a grpc-timeout', () => {
  it('binds gRPC requests only', async (t) => {
    const { port } = await served(t, (stream) => {
      setTimeout(() => {
        stream.respond();
        stream.end();
      }, 1_000);
    });
    const client = new Http2Client(t, port);
    assert.equal((await client.request({ 'grpc-timeout': '1m' })).status, 200);
  });
});

describe('a gRPC response that breaks', () => {
  it('ends with trailers, and a client that still sends is told to stop', async (t) => {
    const { east, port } = await served(t, (stream) => {
      stream.respond({ 'content-type': 'application/grpc' });
      stream.write('first', () => stream.session?.destroy());
    });
    const peer = await RawHttp2Peer.connect(t, port);
    peer.headers(1, GRPC, 0);
    const trailers = await peer.next(FRAME.HEADERS, ({ flags }) => (flags & FLAG.END_STREAM) !== 0);
    assert.equal(trailers.streamId, 1);
    assert.equal(await resetCode(peer), NO_ERROR);
    assert.equal(east.engine.activeRequests, 0);
    assert.equal(east.seen[0]?.failure, 'upstreamReset');
  });

  it('tells a slow reader why after what it has not read yet', async (t) => {
    const { east, port } = await served(t, (stream) => {
      stream.respond({ 'content-type': 'application/grpc' });
      stream.write('first', () => stream.session?.destroy());
    });
    const peer = await closedWindow(t, port);
    peer.headers(1, GRPC, 0);
    await peer.next(FRAME.HEADERS);
    await sleep(100);
    peer.send(FRAME.WINDOW_UPDATE, 0, 1, uint32(1_000));
    await peer.next(FRAME.HEADERS, ({ flags }) => (flags & FLAG.END_STREAM) !== 0);
    assert.equal(await resetCode(peer), NO_ERROR);
    assert.equal(east.engine.activeRequests, 0);
  });
});
