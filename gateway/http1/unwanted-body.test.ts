import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Http1CodecServer } from '../../test/fixtures/http1-server.ts';
import { RawHttp1Peer } from '../../test/fixtures/raw-http1-peer.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { H2_ERROR } from '../http/stream.ts';

const HEAD = 'POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n';
const MIB = 1024 * 1024;

interface Answered {
  readonly server: Http1CodecServer;
  readonly peer: RawHttp1Peer;
}

/** A request that is answered as the engine does it, before any of its body has come. */
async function answered(t: TestContext): Promise<Answered> {
  const server = await Http1CodecServer.start(t);
  server.handler.onRequest = (request) => {
    request.respond(403, 'no');
    request.stream.reset(H2_ERROR.NO_ERROR);
  };
  const peer = await RawHttp1Peer.dial(t, server.port);
  peer.send(HEAD);
  assert.match(await peer.untilEnded(), /^HTTP\/1\.1 403 [\s\S]*no\r\n0\r\n\r\n$/);
  return { server, peer };
}

/** Sends a byte and waits until it was read, with which the time that is given to what comes begins anew. */
async function trickle({ server, peer }: Answered, seconds: number): Promise<void> {
  for (let second = 0; second < seconds && server.handler.closedCount === 0; second++) {
    const before = server.bytesRead(0);
    peer.send('x');
    await until(() => server.bytesRead(0) > before || server.handler.closedCount > 0);
    server.clock.advance(1_000);
  }
}

describe('a body in HTTP/1 that goes on after its answer', () => {
  test('is waited for as long as it comes', async (t) => {
    const scene = await answered(t);
    await trickle(scene, 8);
    assert.equal(scene.server.handler.closedCount, 0);
    await scene.peer.close();
    await until(() => scene.server.handler.closedCount === 1);
    assert.deepEqual(scene.server.reasons, []);
  });

  test('that stands still is cut off, and not counted', async (t) => {
    const { server } = await answered(t);
    server.clock.advance(4_000);
    await until(() => server.handler.closedCount === 1);
    assert.deepEqual(server.reasons, []);
  });

  test('that goes on and on is cut off by time, and counted', async (t) => {
    const scene = await answered(t);
    await trickle(scene, 20);
    await until(() => scene.server.handler.closedCount === 1);
    assert.deepEqual(scene.server.reasons, ['unwanted-body']);
  });

  test('that goes on and on is cut off by bytes, and counted', async (t) => {
    const { server, peer } = await answered(t);
    const piece = 'x'.repeat(MIB);
    while (server.handler.closedCount === 0) {
      peer.send(piece);
      await until(() => peer.socket.writableLength === 0 || server.handler.closedCount > 0);
    }
    assert.deepEqual(server.reasons, ['unwanted-body']);
    assert.equal(server.requests[0]?.body.length, 0);
    assert.equal(server.resources.heldBytes.usedBytes, 0);
  });
});
