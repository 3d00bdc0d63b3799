import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { describe, type TestContext, test } from 'node:test';
import { Http2CodecServer } from '../../test/fixtures/http2-server.ts';
import { RawHttp2Peer } from '../../test/fixtures/raw-http2-peer.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { TcpRelay } from '../../test/fixtures/tcp-relay.ts';
import { FLAG, FRAME } from './frame.ts';
import { EDGE_HTTP2 } from './options.ts';
import { SETTING } from './settings.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const POST = [':method', 'POST', ':scheme', 'http', ':authority', 'a.example', ':path', '/'];
const DELAY_MS = 10;

/** Uploads `bytes` over a wire that takes its time; resolves when all of it has come in. */
async function upload(t: TestContext, server: Http2CodecServer, bytes: number): Promise<void> {
  server.handler.onRequest = (request) => {
    // Only its length is looked at.
    request.requestData = (_chunk, start, end, endStream) => {
      request.stream.consumed(end - start);
      received += end - start;
      if (endStream) request.respond(200);
    };
  };
  let received = 0;
  const relay = await TcpRelay.start(t, server.port, DELAY_MS);
  const session = connect(`http://127.0.0.1:${relay.port}`);
  t.after(() => session.destroy());
  const stream = session.request({ ':method': 'POST' });
  stream.resume();
  stream.end(Buffer.alloc(bytes));
  await new Promise((resolve) => stream.once('close', resolve));
  assert.equal(received, bytes);
}

describe('windows over a long path', () => {
  test('grow until the path holds no more, or they are as large as they may be', async (t) => {
    const server = await Http2CodecServer.start(t, { connectionWindowBytes: MIB });
    await upload(t, server, 24 * MIB);
    const { receiveFlow } = server.connection;
    assert.ok(receiveFlow.streamWindowBytes >= MIB, `${receiveFlow.streamWindowBytes / KIB} KiB`);
    assert.ok(receiveFlow.connectionWindowBytes > MIB, `${receiveFlow.connectionWindowBytes / KIB} KiB`);
    assert.deepEqual(server.reasons, []);
  });

  test('of a client grow no further than the memory for slow readers allows', async (t) => {
    const server = await Http2CodecServer.start(t, EDGE_HTTP2, MIB);
    await upload(t, server, 12 * MIB);
    const { streamWindowBytes } = server.connection.receiveFlow;
    assert.ok(
      streamWindowBytes > 256 * KIB && streamWindowBytes <= 512 * KIB,
      `${streamWindowBytes / KIB} KiB`,
    );
  });

  test('stay as they are for small messages, which are not even measured', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.connect(t, server.port);
    for (let streamId = 1; streamId < 200; streamId += 2) {
      peer.headers(streamId, POST, 0);
      peer.data(streamId, Buffer.alloc(1000), true);
    }
    await until(() => server.requests.filter(({ ended }) => ended).length === 100);
    assert.equal(server.connection.receiveFlow.streamWindowBytes, EDGE_HTTP2.streamWindowBytes);
    assert.equal(peer.frames.filter(({ type }) => type === FRAME.PING).length, 0);
  });
});

test('a worker short of memory takes the larger windows back, and open streams go on', async (t) => {
  const server = await Http2CodecServer.start(t, { streamWindowBytes: 10_000, maxStreamWindowBytes: 40_000 });
  const peer = await RawHttp2Peer.connect(t, server.port);
  peer.settingsAck();
  server.handler.onRequest = (request) => {
    request.consumes = false;
  };
  const initial = (): number[] =>
    peer.frames
      .filter(({ type, flags }) => type === FRAME.SETTINGS && (flags & FLAG.ACK) === 0)
      .flatMap(({ payload }) => {
        const has = payload.readUInt16BE(0) === SETTING.INITIAL_WINDOW_SIZE;
        return has ? [payload.readUInt32BE(2)] : [];
      });
  peer.headers(1, POST, 0);
  peer.data(1, Buffer.alloc(5_000));
  const probe = await peer.next(FRAME.PING);
  peer.data(1, Buffer.alloc(5_000));
  peer.headers(3, POST, 0);
  peer.data(3, Buffer.alloc(10_000));
  peer.send(FRAME.PING, FLAG.ACK, 0, probe.payload);
  await until(() => initial().length === 2);
  assert.deepEqual(initial(), [10_000, 40_000]);
  peer.settingsAck();
  const { heldBytes } = server.resources;
  heldBytes.charge(heldBytes.capacityBytes);
  // Less than a quarter of the larger window: it would not have gone back yet.
  server.requests[0]?.stream.consumed(7_000);
  server.clock.advance(1_500);
  await until(() => initial().length === 3);
  assert.equal(initial().at(-1), 10_000);
  // Until it acknowledges, the client may use what it had.
  peer.data(1, Buffer.alloc(15_000));
  peer.settingsAck();
  const credit = await peer.next(FRAME.WINDOW_UPDATE, ({ streamId }) => streamId === 1);
  assert.equal(credit.payload.readUInt32BE(), 7_000);
  assert.deepEqual(server.reasons, []);
  assert.equal(server.connection.receiveFlow.streamWindowBytes, 10_000);
});
