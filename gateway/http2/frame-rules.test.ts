import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Http2CodecServer } from '../../test/fixtures/http2-server.ts';
import { RawHttp2Peer, rawBlock, rawFrame, rawSettings, uint32 } from '../../test/fixtures/raw-http2-peer.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { H2_ERROR } from '../http/stream.ts';
import { FLAG, FRAME, PREFACE } from './frame.ts';
import { SETTING } from './settings.ts';

const GET = [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/'];
const POST = [':method', 'POST', ...GET.slice(2)];
const PRIORITY = Buffer.alloc(5);

type Send = (peer: RawHttp2Peer) => void;

function get(streamId: number): Send {
  return (peer) => peer.headers(streamId, GET);
}

function frame(type: number, flags: number, streamId: number, payload: Buffer | string = ''): Send {
  return (peer) => peer.send(type, flags, streamId, payload);
}

function post(peer: RawHttp2Peer): void {
  peer.headers(1, POST, 0);
}

function setting(id: number, value: number): Send {
  return (peer) => peer.sendBytes(rawSettings([[id, value]]));
}

/** What ends the connection: frames, error code of the GOAWAY, reason. */
const CONNECTION_ERRORS: ReadonlyArray<
  readonly [name: string, send: readonly Send[], code: number, reason: string]
> = [
  ['DATA on stream 0', [frame(FRAME.DATA, 0, 0, 'a')], H2_ERROR.PROTOCOL_ERROR, 'stream-idle'],
  [
    'padded DATA on stream 0',
    [frame(FRAME.DATA, FLAG.PADDED, 0, '\0a')],
    H2_ERROR.PROTOCOL_ERROR,
    'stream-id',
  ],
  ['DATA on an idle stream', [frame(FRAME.DATA, 0, 1, 'a')], H2_ERROR.PROTOCOL_ERROR, 'stream-idle'],
  [
    'DATA with more padding than payload',
    [post, frame(FRAME.DATA, FLAG.PADDED, 1, '\x05abcd')],
    H2_ERROR.PROTOCOL_ERROR,
    'padding',
  ],
  [
    'padded DATA without a length',
    [post, frame(FRAME.DATA, FLAG.PADDED, 1)],
    H2_ERROR.FRAME_SIZE_ERROR,
    'frame-size',
  ],
  ['HEADERS on stream 0', [frame(FRAME.HEADERS, 5, 0, rawBlock(GET))], H2_ERROR.PROTOCOL_ERROR, 'stream-id'],
  ['HEADERS on an even stream', [get(2)], H2_ERROR.PROTOCOL_ERROR, 'stream-id'],
  ['HEADERS on a closed stream', [get(1), get(1)], H2_ERROR.STREAM_CLOSED, 'stream-closed'],
  ['HEADERS on a stream below the highest', [get(5), get(3)], H2_ERROR.STREAM_CLOSED, 'stream-closed'],
  [
    'DATA on a closed stream',
    [get(1), frame(FRAME.DATA, 0, 1, 'a')],
    H2_ERROR.STREAM_CLOSED,
    'stream-closed',
  ],
  [
    'HEADERS with more padding than payload',
    [frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.PADDED, 1, '\x7fabc')],
    H2_ERROR.PROTOCOL_ERROR,
    'padding',
  ],
  [
    'HEADERS with priority, too short',
    [frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.PRIORITY, 1, 'abc')],
    H2_ERROR.FRAME_SIZE_ERROR,
    'frame-size',
  ],
  [
    'a block that cannot be decoded',
    [frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, '\x80')],
    H2_ERROR.COMPRESSION_ERROR,
    'compression',
  ],
  ['PRIORITY on stream 0', [frame(FRAME.PRIORITY, 0, 0, PRIORITY)], H2_ERROR.PROTOCOL_ERROR, 'stream-id'],
  [
    'PRIORITY of 4 bytes on an idle stream, which must not be reset',
    [frame(FRAME.PRIORITY, 0, 1, 'abcd')],
    H2_ERROR.FRAME_SIZE_ERROR,
    'frame-size',
  ],
  [
    'RST_STREAM on stream 0',
    [frame(FRAME.RST_STREAM, 0, 0, uint32(8))],
    H2_ERROR.PROTOCOL_ERROR,
    'stream-id',
  ],
  [
    'RST_STREAM on an idle stream',
    [frame(FRAME.RST_STREAM, 0, 1, uint32(8))],
    H2_ERROR.PROTOCOL_ERROR,
    'stream-idle',
  ],
  [
    'RST_STREAM of 3 bytes',
    [post, frame(FRAME.RST_STREAM, 0, 1, 'abc')],
    H2_ERROR.FRAME_SIZE_ERROR,
    'frame-size',
  ],
  ['SETTINGS on a stream', [frame(FRAME.SETTINGS, 0, 1)], H2_ERROR.PROTOCOL_ERROR, 'stream-id'],
  ['SETTINGS of 5 bytes', [frame(FRAME.SETTINGS, 0, 0, 'abcde')], H2_ERROR.FRAME_SIZE_ERROR, 'frame-size'],
  [
    'SETTINGS ACK with payload',
    [frame(FRAME.SETTINGS, FLAG.ACK, 0, 'abcdef')],
    H2_ERROR.FRAME_SIZE_ERROR,
    'frame-size',
  ],
  ['ENABLE_PUSH = 2', [setting(SETTING.ENABLE_PUSH, 2)], H2_ERROR.PROTOCOL_ERROR, 'invalid-setting'],
  [
    'INITIAL_WINDOW_SIZE = 2^31',
    [setting(SETTING.INITIAL_WINDOW_SIZE, 2 ** 31)],
    H2_ERROR.FLOW_CONTROL_ERROR,
    'invalid-setting',
  ],
  [
    'MAX_FRAME_SIZE = 16383',
    [setting(SETTING.MAX_FRAME_SIZE, 16_383)],
    H2_ERROR.PROTOCOL_ERROR,
    'invalid-setting',
  ],
  [
    'MAX_FRAME_SIZE = 2^24',
    [setting(SETTING.MAX_FRAME_SIZE, 2 ** 24)],
    H2_ERROR.PROTOCOL_ERROR,
    'invalid-setting',
  ],
  [
    'ENABLE_CONNECT_PROTOCOL = 2',
    [setting(SETTING.ENABLE_CONNECT_PROTOCOL, 2)],
    H2_ERROR.PROTOCOL_ERROR,
    'invalid-setting',
  ],
  [
    'ENABLE_CONNECT_PROTOCOL taken back',
    [setting(SETTING.ENABLE_CONNECT_PROTOCOL, 1), setting(SETTING.ENABLE_CONNECT_PROTOCOL, 0)],
    H2_ERROR.PROTOCOL_ERROR,
    'invalid-setting',
  ],
  [
    'PUSH_PROMISE',
    [post, frame(FRAME.PUSH_PROMISE, FLAG.END_HEADERS, 1, uint32(2))],
    H2_ERROR.PROTOCOL_ERROR,
    'push-promise',
  ],
  ['PING on a stream', [frame(FRAME.PING, 0, 1, Buffer.alloc(8))], H2_ERROR.PROTOCOL_ERROR, 'stream-id'],
  ['PING of 7 bytes', [frame(FRAME.PING, 0, 0, Buffer.alloc(7))], H2_ERROR.FRAME_SIZE_ERROR, 'frame-size'],
  ['GOAWAY on a stream', [frame(FRAME.GOAWAY, 0, 1, Buffer.alloc(8))], H2_ERROR.PROTOCOL_ERROR, 'stream-id'],
  [
    'GOAWAY of 7 bytes',
    [frame(FRAME.GOAWAY, 0, 0, Buffer.alloc(7))],
    H2_ERROR.FRAME_SIZE_ERROR,
    'frame-size',
  ],
  [
    'WINDOW_UPDATE of 3 bytes',
    [frame(FRAME.WINDOW_UPDATE, 0, 0, 'abc')],
    H2_ERROR.FRAME_SIZE_ERROR,
    'frame-size',
  ],
  [
    'WINDOW_UPDATE by 0',
    [frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(0))],
    H2_ERROR.PROTOCOL_ERROR,
    'window-increment',
  ],
  [
    'WINDOW_UPDATE on an idle stream',
    [frame(FRAME.WINDOW_UPDATE, 0, 1, uint32(1))],
    H2_ERROR.PROTOCOL_ERROR,
    'stream-idle',
  ],
  [
    'a connection window past 2^31-1',
    [frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(2 ** 31 - 1))],
    H2_ERROR.FLOW_CONTROL_ERROR,
    'window-overflow',
  ],
  [
    'CONTINUATION without HEADERS',
    [frame(FRAME.CONTINUATION, 4, 1)],
    H2_ERROR.PROTOCOL_ERROR,
    'continuation-unexpected',
  ],
  [
    'CONTINUATION of another stream',
    [frame(FRAME.HEADERS, 0, 1), frame(FRAME.CONTINUATION, 4, 3)],
    H2_ERROR.PROTOCOL_ERROR,
    'continuation-unexpected',
  ],
  [
    'PING inside a header block',
    [frame(FRAME.HEADERS, 0, 1), frame(FRAME.PING, 0, 0, Buffer.alloc(8))],
    H2_ERROR.PROTOCOL_ERROR,
    'continuation-missing',
  ],
  [
    'DATA inside a header block',
    [post, frame(FRAME.HEADERS, 0, 3), frame(FRAME.DATA, 0, 1, 'a')],
    H2_ERROR.PROTOCOL_ERROR,
    'continuation-missing',
  ],
  [
    'a frame larger than we take',
    [frame(FRAME.PING, 0, 0, Buffer.alloc(16_385))],
    H2_ERROR.FRAME_SIZE_ERROR,
    'frame-too-large',
  ],
];

describe('a connection error: GOAWAY with the code, then the end', () => {
  for (const [name, send, code, reason] of CONNECTION_ERRORS) {
    test(name, async (t) => {
      const server = await Http2CodecServer.start(t);
      server.handler.onRequest = (request) => {
        if (request.ended) request.respond(200);
      };
      const peer = await RawHttp2Peer.connect(t, server.port);
      for (const each of send) each(peer);
      const goAway = await peer.next(FRAME.GOAWAY);
      assert.equal(goAway.payload.readUInt32BE(4), code);
      assert.deepEqual(server.reasons, [reason]);
      peer.socket.end();
      await peer.closed;
      await until(() => server.handler.closedCount === 1);
      for (const request of server.requests) {
        assert.ok(request.ended || request.resetCode !== undefined, 'an open request hears of it');
      }
    });
  }

  const openings: ReadonlyArray<readonly [name: string, bytes: Buffer, reason: string]> = [
    [
      'a first frame other than SETTINGS',
      Buffer.concat([PREFACE, rawFrame(FRAME.PING, 0, 0, Buffer.alloc(8))]),
      'settings-missing',
    ],
    [
      'an acknowledgement as the first frame',
      Buffer.concat([PREFACE, rawFrame(FRAME.SETTINGS, FLAG.ACK, 0)]),
      'settings-missing',
    ],
    ['an HTTP/1 request', Buffer.from('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n'), 'wrong-preface'],
    ['a preface with one byte wrong', Buffer.from(PREFACE).fill('X', 23), 'wrong-preface'],
  ];
  for (const [name, bytes, reason] of openings) {
    test(name, async (t) => {
      const server = await Http2CodecServer.start(t);
      const peer = await RawHttp2Peer.dial(t, server.port);
      peer.sendBytes(bytes);
      const goAway = await peer.next(FRAME.GOAWAY);
      assert.equal(goAway.payload.readUInt32BE(4), H2_ERROR.PROTOCOL_ERROR);
      assert.deepEqual(server.reasons, [reason]);
    });
  }
});

/** What ends one stream: frames on stream 1 after an open POST, error code, reason. */
const STREAM_ERRORS: ReadonlyArray<readonly [name: string, send: Send, code: number, reason: string]> = [
  ['PRIORITY of 4 bytes', frame(FRAME.PRIORITY, 0, 1, 'abcd'), H2_ERROR.FRAME_SIZE_ERROR, 'frame-size'],
  [
    'WINDOW_UPDATE by 0',
    frame(FRAME.WINDOW_UPDATE, 0, 1, uint32(0)),
    H2_ERROR.PROTOCOL_ERROR,
    'window-increment',
  ],
  [
    'a window past 2^31-1',
    frame(FRAME.WINDOW_UPDATE, 0, 1, uint32(2 ** 31 - 1)),
    H2_ERROR.FLOW_CONTROL_ERROR,
    'window-overflow',
  ],
  [
    'DATA after END_STREAM',
    (peer) => {
      peer.data(1, '', true);
      peer.data(1, 'more');
    },
    H2_ERROR.STREAM_CLOSED,
    'stream-closed',
  ],
  [
    'HEADERS after END_STREAM',
    (peer) => {
      peer.data(1, '', true);
      peer.headers(1, ['x-sum', '1']);
    },
    H2_ERROR.STREAM_CLOSED,
    'stream-closed',
  ],
];

describe('a stream error: RST_STREAM with the code, and the connection goes on', () => {
  for (const [name, send, code, reason] of STREAM_ERRORS) {
    test(name, async (t) => {
      const server = await Http2CodecServer.start(t);
      const peer = await RawHttp2Peer.connect(t, server.port);
      post(peer);
      send(peer);
      assert.equal((await peer.next(FRAME.RST_STREAM)).payload.readUInt32BE(), code);
      assert.deepEqual(server.reasons, [reason]);
      assert.equal(server.requests[0]?.resetCode, code);
      server.handler.onRequest = (request) => request.respond(200);
      peer.headers(3, GET);
      assert.equal((await peer.next(FRAME.HEADERS)).streamId, 3);
    });
  }
});

describe('what is allowed', () => {
  test('unknown frames, unknown settings, priority and reserved bits are ignored', async (t) => {
    const server = await Http2CodecServer.start(t);
    server.handler.onRequest = (request) => request.respond(200);
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.send(0xf0, 0xff, 0, 'what is this');
    peer.send(0xf0, 0xff, 9, 'and this');
    peer.sendBytes(rawSettings([[0x4242, 1]]));
    peer.send(FRAME.PRIORITY, 0, 7, PRIORITY);
    peer.send(FRAME.WINDOW_UPDATE, 0, 0x8000_0000, uint32(0x8000_0001));
    const padded = Buffer.concat([Buffer.from([2]), PRIORITY, rawBlock(GET), Buffer.alloc(2)]);
    const flags = FLAG.END_STREAM | FLAG.END_HEADERS | FLAG.PADDED | FLAG.PRIORITY;
    peer.send(FRAME.HEADERS, flags, 1, padded);
    assert.equal(peer.decode(await peer.next(FRAME.HEADERS))[1], '200');
    assert.deepEqual(server.requests[0]?.block, GET);
    assert.deepEqual(server.reasons, []);
  });

  test('SETTINGS are acknowledged and a PING comes back with its payload', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.connect(t, server.port);
    await peer.next(FRAME.SETTINGS, ({ flags }) => flags === FLAG.ACK);
    peer.send(FRAME.PING, 0, 0, '12345678');
    const answer = await peer.next(FRAME.PING);
    assert.equal(answer.flags, FLAG.ACK);
    assert.equal(answer.payload.toString(), '12345678');
    assert.deepEqual(server.reasons, []);
  });

  test('frames on a stream that we reset are dropped without a word', async (t) => {
    const server = await Http2CodecServer.start(t);
    server.handler.onRequest = (request) => request.stream.reset(H2_ERROR.CANCEL);
    const peer = await RawHttp2Peer.connect(t, server.port);
    post(peer);
    await peer.next(FRAME.RST_STREAM);
    peer.data(1, 'on its way');
    peer.send(FRAME.WINDOW_UPDATE, 0, 1, uint32(1));
    peer.headers(1, ['x-sum', '1']);
    peer.send(FRAME.RST_STREAM, 0, 1, uint32(0));
    peer.send(FRAME.PING, 0, 0, Buffer.alloc(8));
    await peer.next(FRAME.PING);
    assert.deepEqual(server.reasons, []);
    assert.equal(server.connection.openStreams, 0);
  });

  test('a block in HEADERS and CONTINUATION frames', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.connect(t, server.port);
    const block = rawBlock(GET);
    peer.send(FRAME.HEADERS, FLAG.END_STREAM, 1, block.subarray(0, 5));
    for (let at = 5; at < block.length; at += 10) {
      const last = at + 10 >= block.length;
      peer.send(FRAME.CONTINUATION, last ? FLAG.END_HEADERS : 0, 1, block.subarray(at, at + 10));
    }
    await until(() => server.requests.length === 1);
    assert.deepEqual(server.requests[0]?.block, GET);
  });
});
