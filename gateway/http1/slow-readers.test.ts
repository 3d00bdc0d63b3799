import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clientPair, GET_BLOCK, open } from '../../test/fixtures/http1-client-pair.ts';
import { Http1CodecServer } from '../../test/fixtures/http1-server.ts';
import { RawHttp1Peer } from '../../test/fixtures/raw-http1-peer.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { H2_ERROR } from '../http/stream.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

describe('a client that does not read', () => {
  test('holds up its own response, within the high-water mark and the pool', async (t) => {
    const piece = Buffer.alloc(64 * 1024, 'p');
    const server = await Http1CodecServer.start(t);
    let held = 0;
    let written = 0;
    server.handler.onRequest = ({ stream }) => {
      stream.sendHeaders([':status', '200'], false);
      while (held === 0 && written < 500 * piece.length) {
        held = piece.length - stream.sendData(piece, 0, piece.length, false);
        written += piece.length;
      }
      stream.sendTrailers(['x-sum', '1']);
    };
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.socket.pause();
    peer.send(GET);
    await until(() => server.requests.length === 1);
    assert.ok(held > 0);
    assert.ok(server.resources.heldBytes.usedBytes <= 256 * 1024 + 3 * piece.length);
    peer.socket.resume();
    await peer.until('0\r\nx-sum: 1\r\n\r\n');
    assert.equal(server.requests[0]?.drainedBytes, held);
    const body = peer.received.slice(peer.received.indexOf('\r\n\r\n') + 4);
    assert.equal(body.replaceAll(/[^p]/g, '').length, written);
    assert.equal(server.resources.heldBytes.usedBytes, 0);
  });

  test('is cut off after 5 minutes without progress', async (t) => {
    const server = await Http1CodecServer.start(t);
    const piece = Buffer.alloc(8 * 1024 * 1024);
    server.handler.onRequest = ({ stream }) => {
      stream.sendHeaders([':status', '200'], false);
      stream.sendData(piece, 0, piece.length, true);
    };
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.socket.pause();
    peer.send(GET);
    await until(() => server.requests.length === 1);
    server.clock.advance(290_000);
    assert.deepEqual(server.reasons, []);
    server.clock.advance(30_000);
    assert.deepEqual(server.reasons, ['flush-timeout']);
    assert.equal(server.requests[0]?.resetCode, H2_ERROR.CANCEL);
    assert.equal(server.resources.heldBytes.usedBytes, 0);
  });

  test('loses its response when the pool is exhausted', async (t) => {
    const server = await Http1CodecServer.start(t, {}, 100_000);
    const piece = Buffer.alloc(8 * 1024 * 1024);
    server.handler.onRequest = ({ stream }) => {
      stream.sendHeaders([':status', '200'], false);
      stream.sendData(piece, 0, piece.length, true);
    };
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.send(GET);
    await peer.untilEnded();
    assert.deepEqual(server.reasons, ['held-bytes-exhausted']);
    assert.equal(server.resources.heldBytes.usedBytes, 0);
  });
});

describe('a pod that does not read its request', () => {
  const body = Buffer.alloc(8 * 1024 * 1024);

  test('may take its time, and is disconnected after 2 seconds when memory is short', async (t) => {
    const both = await clientPair(t);
    const { heldBytes } = both.resources;
    both.peer.socket.pause();
    const { response, stream } = open(both, [':method', 'POST', ...GET_BLOCK.slice(2)], false);
    stream.sendData(body, 0, body.length, true);
    both.clock.advance(600_000);
    assert.deepEqual(both.handler.reasons, []);
    const foreignBytes = heldBytes.capacityBytes * 0.85;
    heldBytes.charge(foreignBytes);
    both.clock.advance(4000);
    assert.deepEqual(both.handler.reasons, ['flush-timeout']);
    assert.deepEqual(response.failure, { kind: 'connection-lost' });
    assert.equal(heldBytes.usedBytes, foreignBytes);
  });
});
