import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { freePort } from '../../test/fixtures/ephemeral-port.ts';
import { begin, failureOf, GET, OK, POST, pair } from '../../test/fixtures/http2-client-pair.ts';
import { type RawHttp2Peer, rawBlock, rawSettings, uint32 } from '../../test/fixtures/raw-http2-peer.ts';
import { RecordedResponse, RecordingClientHandler, until } from '../../test/fixtures/recorded-exchanges.ts';
import { createCodecResources } from '../http/resources.ts';
import { H2_ERROR, type UpstreamFailure } from '../http/stream.ts';
import { Http2ClientConnection } from './client-connection.ts';
import { FLAG, FRAME } from './frame.ts';
import { UPSTREAM_HTTP2 } from './options.ts';
import { SETTING } from './settings.ts';

describe('a request and its response', () => {
  test('headers, a body and trailers, both ways', async (t) => {
    const both = await pair(t);
    const { peer } = both;
    const { response, stream, id } = await begin(both, POST, false);
    stream.sendData(Buffer.from('abc'), 1, 3, false);
    stream.sendTrailers(['x-sum', '2']);
    const end = await peer.next(FRAME.HEADERS);
    assert.equal(end.flags, FLAG.END_STREAM | FLAG.END_HEADERS);
    assert.equal(peer.frames.find((frame) => frame.type === FRAME.DATA)?.payload.toString(), 'bc');
    peer.headers(id, [':status', '103', 'link', '</a>'], 0);
    peer.headers(id, [...OK, 'content-length', '5'], 0);
    peer.data(id, 'hello');
    peer.headers(id, ['grpc-status', '0']);
    await until(() => response.ended);
    assert.deepEqual(response.informational, [[':status', '103', 'link', '</a>']]);
    assert.deepEqual(response.block, [...OK, 'content-length', '5']);
    assert.equal(response.body.toString(), 'hello');
    assert.deepEqual(response.trailers, ['grpc-status', '0']);
    assert.equal(both.connection.openStreams, 0);
    assert.deepEqual(both.handler.reasons, []);
  });

  test('content-length of a response to HEAD, and of 304, says nothing about its body', async (t) => {
    const both = await pair(t);
    const head = await begin(both, [':method', 'HEAD', ...GET.slice(2)]);
    both.peer.headers(head.id, [...OK, 'content-length', '5']);
    const get = await begin(both);
    both.peer.headers(get.id, [':status', '304', 'content-length', '5']);
    await until(() => head.response.ended && get.response.ended);
    assert.deepEqual(both.handler.reasons, []);
  });

  test('a request body larger than the window is held, and drains', async (t) => {
    const both = await pair(t, [[SETTING.INITIAL_WINDOW_SIZE, 100]]);
    const { response, stream, id } = await begin(both, POST, false);
    assert.equal(stream.sendData(Buffer.alloc(250), 0, 250, true), 100);
    both.peer.send(FRAME.WINDOW_UPDATE, 0, id, uint32(1000));
    await both.peer.next(FRAME.DATA, (frame) => frame.flags === FLAG.END_STREAM);
    assert.equal(response.drainedBytes, 150);
  });

  test('cancelling one leaves the others', async (t) => {
    const both = await pair(t);
    const first = await begin(both);
    const second = await begin(both);
    first.stream.reset(H2_ERROR.CANCEL);
    const reset = await both.peer.next(FRAME.RST_STREAM);
    assert.deepEqual([reset.streamId, reset.payload.readUInt32BE()], [first.id, H2_ERROR.CANCEL]);
    // What the server had sent before it knew.
    both.peer.headers(first.id, OK, 0);
    both.peer.data(first.id, 'late', true);
    both.peer.headers(second.id, OK);
    await until(() => second.response.ended);
    assert.equal(first.response.over, false);
    assert.deepEqual(both.handler.reasons, []);
  });
});

describe('how a response can fail', () => {
  const broken: ReadonlyArray<
    readonly [name: string, send: (peer: RawHttp2Peer, id: number) => void, failure: UpstreamFailure]
  > = [
    [
      'REFUSED_STREAM was not processed',
      (peer, id) => peer.send(FRAME.RST_STREAM, 0, id, uint32(H2_ERROR.REFUSED_STREAM)),
      { kind: 'refused' },
    ],
    [
      'a reset',
      (peer, id) => peer.send(FRAME.RST_STREAM, 0, id, uint32(H2_ERROR.INTERNAL_ERROR)),
      { kind: 'reset', errorCode: H2_ERROR.INTERNAL_ERROR },
    ],
    [
      'no :status',
      (peer, id) => peer.headers(id, ['x', 'y']),
      { kind: 'protocol', reason: 'pseudo-header-missing' },
    ],
    [
      'a wrong :status',
      (peer, id) => peer.headers(id, [':status', '99']),
      { kind: 'protocol', reason: 'status-invalid' },
    ],
    [
      '101',
      (peer, id) => peer.headers(id, [':status', '101']),
      { kind: 'protocol', reason: 'status-invalid' },
    ],
    [
      ':status twice',
      (peer, id) => peer.headers(id, [...OK, ...OK]),
      { kind: 'protocol', reason: 'pseudo-header-twice' },
    ],
    [
      'a request pseudo-header',
      (peer, id) => peer.headers(id, [...OK, ':path', '/']),
      { kind: 'protocol', reason: 'pseudo-header-late' },
    ],
    [
      'a connection field',
      (peer, id) => peer.headers(id, [...OK, 'transfer-encoding', 'chunked']),
      { kind: 'protocol', reason: 'connection-field' },
    ],
    [
      'an invalid value',
      (peer, id) => peer.headers(id, [...OK, 'x', 'a\r\nb: c']),
      { kind: 'protocol', reason: 'invalid-field' },
    ],
    [
      'too many fields',
      (peer, id) => peer.headers(id, [...OK, ...Array(100).fill(['x', 'y']).flat()]),
      { kind: 'protocol', reason: 'headers-too-large' },
    ],
    [
      'an informational response that ends',
      (peer, id) => peer.headers(id, [':status', '100']),
      { kind: 'protocol', reason: 'informational-end' },
    ],
    [
      'a body shorter than content-length',
      (peer, id) => {
        peer.headers(id, [...OK, 'content-length', '5'], 0);
        peer.data(id, 'four', true);
      },
      { kind: 'protocol', reason: 'content-length-mismatch' },
    ],
    [
      'no body at all, against content-length',
      (peer, id) => peer.headers(id, [...OK, 'content-length', '5']),
      { kind: 'protocol', reason: 'content-length-mismatch' },
    ],
    [
      'invalid trailers',
      (peer, id) => {
        peer.headers(id, OK, 0);
        peer.headers(id, [':status', '200']);
      },
      { kind: 'protocol', reason: 'pseudo-header-in-trailers' },
    ],
  ];
  for (const [name, send, failure] of broken) {
    test(name, async (t) => {
      const both = await pair(t);
      const { response, id } = await begin(both);
      send(both.peer, id);
      assert.deepEqual(await failureOf(response), failure);
      const next = await begin(both);
      both.peer.headers(next.id, OK);
      await until(() => next.response.ended);
    });
  }

  test('a lost connection', async (t) => {
    const both = await pair(t);
    const { response } = await begin(both);
    both.peer.socket.resetAndDestroy();
    assert.deepEqual(await failureOf(response), { kind: 'connection-lost' });
    await until(() => both.handler.closedReason !== undefined);
    assert.equal(both.connection.available, false);
    const late = new RecordedResponse();
    both.connection.open(late, GET, true);
    assert.equal(late.over, false, 'not before open has returned');
    assert.deepEqual(await failureOf(late), { kind: 'refused' });
  });

  test('a connection that cannot be made', async (t) => {
    const port = await freePort();
    const resources = createCodecResources();
    t.after(() => resources.timers.close());
    const handler = new RecordingClientHandler();
    const connection = new Http2ClientConnection(
      connect(port, '127.0.0.1'),
      UPSTREAM_HTTP2,
      handler,
      resources,
    );
    const response = new RecordedResponse();
    connection.open(response, GET, true);
    assert.equal((await failureOf(response))?.kind, 'connect');
    assert.match(handler.closedReason ?? '', /ECONNREFUSED/);
  });

  test('nothing fails after a complete response', async (t) => {
    const both = await pair(t);
    const { response, stream, id } = await begin(both, POST, false);
    both.peer.headers(id, OK);
    both.peer.send(FRAME.RST_STREAM, 0, id, uint32(H2_ERROR.NO_ERROR));
    both.peer.send(FRAME.PING, 0, 0, Buffer.alloc(8));
    await both.peer.next(FRAME.PING);
    assert.equal(response.ended, true);
    assert.equal(response.failure, undefined);
    assert.equal(stream.sendData(Buffer.alloc(9), 0, 9, true), 9, 'the rest of the request goes nowhere');
  });

  for (const [name, send] of [
    ['a response on a stream that was never opened', (peer: RawHttp2Peer) => peer.headers(101, OK)],
    ['a pushed stream', (peer: RawHttp2Peer) => peer.headers(2, OK)],
    [
      'ENABLE_PUSH from a server',
      (peer: RawHttp2Peer) => peer.sendBytes(rawSettings([[SETTING.ENABLE_PUSH, 1]])),
    ],
    [
      'PUSH_PROMISE',
      (peer: RawHttp2Peer) =>
        peer.send(FRAME.PUSH_PROMISE, FLAG.END_HEADERS, 1, Buffer.concat([uint32(2), rawBlock(GET)])),
    ],
  ] as const) {
    test(`${name} ends the connection`, async (t) => {
      const both = await pair(t);
      const { response } = await begin(both);
      send(both.peer);
      const goAway = await both.peer.next(FRAME.GOAWAY);
      assert.equal(goAway.payload.readUInt32BE(4), H2_ERROR.PROTOCOL_ERROR);
      assert.deepEqual(await failureOf(response), { kind: 'connection-lost' });
    });
  }
});

describe('what may be opened', () => {
  test("the peer's MAX_CONCURRENT_STREAMS, also when it changes", async (t) => {
    const both = await pair(t, [[SETTING.MAX_CONCURRENT_STREAMS, 2]]);
    const { connection, handler, peer } = both;
    const first = await begin(both);
    assert.equal(connection.available, true);
    await begin(both);
    assert.equal(connection.available, false);
    const changes = handler.availabilityChanges;
    peer.headers(first.id, OK);
    await until(() => connection.available);
    assert.ok(handler.availabilityChanges > changes);
    peer.sendBytes(rawSettings([[SETTING.MAX_CONCURRENT_STREAMS, 0]]));
    await until(() => !connection.available);
    const refused = new RecordedResponse();
    connection.open(refused, GET, true);
    assert.deepEqual(await failureOf(refused), { kind: 'refused' });
    peer.sendBytes(rawSettings([[SETTING.MAX_CONCURRENT_STREAMS, 5]]));
    await until(() => connection.available);
  });

  test('before SETTINGS 100, and without that setting any number', async (t) => {
    const both = await pair(t);
    for (let count = 0; count < 150; count++) both.connection.open(new RecordedResponse(), GET, true);
    assert.equal(both.connection.openStreams, 150);
    assert.equal(both.connection.available, true);
  });

  test('extended CONNECT only where the peer takes it', async (t) => {
    const without = await pair(t);
    const refused = new RecordedResponse();
    without.connection.open(refused, [...GET, 'upgrade', 'websocket'], false);
    assert.equal((await failureOf(refused))?.kind, 'protocol');
    const both = await pair(t, [[SETTING.ENABLE_CONNECT_PROTOCOL, 1]]);
    const response = new RecordedResponse();
    const stream = both.connection.open(response, [...GET, 'upgrade', 'websocket', 'x', 'y'], false);
    const request = await both.peer.next(FRAME.HEADERS);
    assert.deepEqual(both.peer.decode(request), [
      ...[':method', 'CONNECT', ':protocol', 'websocket', ...GET.slice(2), 'x', 'y'],
    ]);
    both.peer.headers(request.streamId, [...OK, 'a', 'b'], 0);
    await until(() => response.block !== undefined);
    assert.deepEqual(response.block, [':status', '101', 'a', 'b', 'upgrade', 'websocket']);
    stream.sendData(Buffer.from('ping'), 0, 4, true);
    both.peer.data(request.streamId, 'pong', true);
    await until(() => response.ended);
    assert.equal(response.body.toString(), 'pong');
  });

  test('CONNECT: a tunnel whose directions end apart', async (t) => {
    const both = await pair(t);
    const { response, stream, id } = await begin(
      both,
      [':method', 'CONNECT', ':authority', 'a.example:1'],
      false,
    );
    both.peer.headers(id, [...OK, 'content-length', '0'], 0);
    both.peer.data(id, 'server first', true);
    await until(() => response.ended);
    stream.sendData(Buffer.from('still open'), 0, 10, true);
    assert.equal((await both.peer.next(FRAME.DATA)).payload.toString(), 'still open');
    assert.deepEqual(both.handler.reasons, []);
  });
});

describe('GOAWAY', () => {
  test('received: higher streams were not processed, the others finish, then it closes', async (t) => {
    const both = await pair(t);
    const first = await begin(both);
    const second = await begin(both);
    both.peer.send(FRAME.GOAWAY, 0, 0, Buffer.concat([uint32(2 ** 31 - 1), uint32(0)]));
    await until(() => both.handler.drained);
    assert.equal(both.connection.available, false);
    assert.equal(second.response.over, false);
    both.peer.send(FRAME.GOAWAY, 0, 0, Buffer.concat([uint32(first.id), uint32(0)]));
    assert.deepEqual(await failureOf(second.response), { kind: 'refused' });
    both.peer.headers(first.id, OK);
    await until(() => first.response.ended && both.handler.closedReason !== undefined);
    assert.deepEqual(both.handler.reasons, []);
  });

  test('sent by drain: nothing new, those under way finish', async (t) => {
    const both = await pair(t);
    const { response, id } = await begin(both);
    both.connection.drain();
    const goAway = await both.peer.next(FRAME.GOAWAY);
    assert.equal(goAway.payload.readUInt32BE(4), H2_ERROR.NO_ERROR);
    assert.equal(both.connection.available, false);
    both.peer.headers(id, OK, 0);
    both.peer.data(id, 'done', true);
    await until(() => both.handler.closedReason !== undefined);
    assert.equal(response.body.toString(), 'done');
  });
});

test('a connection whose stream ids are used up is replaced: it takes no more, and ends with its last stream', async (t) => {
  const both = await pair(t, [], { maxStreamId: 3 });
  const first = await begin(both);
  assert.equal(both.connection.available, true);
  const last = await begin(both);
  assert.deepEqual([first.id, last.id], [1, 3]);
  assert.equal(both.connection.available, false);
  assert.equal(both.handler.drained, true);
  await both.peer.next(FRAME.GOAWAY);
  both.peer.headers(first.id, OK);
  both.peer.headers(last.id, OK);
  await until(() => last.response.ended && both.handler.closedReason !== undefined);
  assert.deepEqual(both.handler.reasons, []);
});

test('PING measures the round trip; too many unanswered ones are not sent', async (t) => {
  const both = await pair(t);
  const answers: number[] = [];
  for (let count = 0; count < 20; count++) both.connection.ping((rttMs) => answers.push(rttMs));
  const ping = await both.peer.next(FRAME.PING);
  both.clock.advance(42);
  both.peer.send(FRAME.PING, FLAG.ACK, 0, ping.payload);
  both.peer.send(FRAME.PING, FLAG.ACK, 0, ping.payload);
  await until(() => answers.length === 1);
  assert.deepEqual(answers, [42]);
  assert.equal(both.peer.frames.filter((frame) => frame.type === FRAME.PING).length, 16);
});

test('destroy fails what is under way with connection-lost', async (t) => {
  const both = await pair(t);
  const { response } = await begin(both);
  both.connection.destroy();
  assert.deepEqual(response.failure, { kind: 'connection-lost' });
  await until(() => both.handler.closedReason === 'closed by us');
});

test('when memory is short, who stands still for its own window is given up after 2 seconds', async (t) => {
  const both = await pair(t, [[SETTING.INITIAL_WINDOW_SIZE, 40_000]]);
  const { heldBytes } = both.resources;
  const body = Buffer.alloc(50_000);
  const shut = await begin(both, POST, false);
  shut.stream.sendData(body, 0, body.length, true);
  // Its own window would let it, but that of the connection (65,535 bytes) is used up.
  const waiting = await begin(both, POST, false);
  waiting.stream.sendData(body, 0, 30_000, true);
  both.clock.advance(10_000);
  assert.deepEqual(both.handler.reasons, []);
  heldBytes.charge(heldBytes.capacityBytes * 0.85);
  both.clock.advance(4000);
  assert.deepEqual(both.handler.reasons, ['flush-timeout']);
  assert.deepEqual(shut.response.failure, { kind: 'protocol', reason: 'flush-timeout' });
  assert.equal(waiting.response.failure, undefined);
});
