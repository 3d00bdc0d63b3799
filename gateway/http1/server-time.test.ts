import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Http1CodecServer } from '../../test/fixtures/http1-server.ts';
import { RawHttp1Peer } from '../../test/fixtures/raw-http1-peer.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { H2_ERROR } from '../http/stream.ts';

const HOST = 'Host: a.example\r\n';
const GET = `GET / HTTP/1.1\r\n${HOST}\r\n`;
const _CHUNKED = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;

describe('time', () => {
  test('10 seconds for a head, from the first connection on', async (t) => {
    const server = await Http1CodecServer.start(t);
    const silent = await RawHttp1Peer.dial(t, server.port);
    const slow = await RawHttp1Peer.dial(t, server.port);
    slow.send('GET / HTTP/1.1\r\nHo');
    const kept = await RawHttp1Peer.dial(t, server.port);
    server.handler.onRequest = (request) => request.respond(200);
    kept.send(GET);
    await kept.until('\r\n\r\n');
    await until(() => server.connections.length === 3);
    server.clock.advance(9000);
    assert.deepEqual(server.reasons, []);
    server.clock.advance(3000);
    assert.deepEqual(server.reasons, ['header-timeout', 'header-timeout']);
    assert.equal(await silent.untilEnded(), '');
    assert.match(await slow.untilEnded(), /^HTTP\/1\.1 408 Request Timeout\r\n/);
    // Between requests there is more time, and once a head has begun 10 seconds again.
    const before = server.bytesRead(2);
    kept.send('GET / HTTP/1.1\r\n');
    await until(() => server.bytesRead(2) > before);
    server.clock.advance(13_000);
    assert.match(await kept.untilEnded(), /HTTP\/1\.1 408 /);
  });

  test('an idle connection ends after 5 minutes, one that waits for its answer does not', async (t) => {
    const server = await Http1CodecServer.start(t);
    const idle = await RawHttp1Peer.dial(t, server.port);
    const waiting = await RawHttp1Peer.dial(t, server.port);
    server.handler.onRequest = (request) => {
      if (server.requests.length === 1) request.respond(200);
    };
    idle.send(GET);
    await idle.until('\r\n\r\n');
    waiting.send(GET);
    await until(() => server.requests.length === 2);
    server.clock.advance(290_000);
    assert.equal(server.handler.closedCount, 0);
    server.clock.advance(20_000);
    await idle.untilEnded();
    assert.equal(waiting.ended, false);
    assert.deepEqual(server.reasons, []);
  });

  test('a body without progress for 5 minutes', async (t) => {
    const server = await Http1CodecServer.start(t);
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\r\nab`);
    await until(() => server.requests[0]?.body.length === 2);
    server.clock.advance(310_000);
    assert.deepEqual(server.reasons, ['body-timeout']);
    assert.equal(server.requests[0]?.resetCode, H2_ERROR.CANCEL);
  });
});
