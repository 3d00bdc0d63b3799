import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Http2CodecServer } from '../../test/fixtures/http2-server.ts';
import { RawHttp2Peer, rawBlock } from '../../test/fixtures/raw-http2-peer.ts';
import { H2_ERROR } from '../http/stream.ts';
import { FLAG, FRAME } from './frame.ts';

const GET = [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/'];
const POST = [':method', 'POST', ...GET.slice(2)];

/** The pseudo-headers of a GET with one changed; `undefined` leaves it out. */
function changed(name: string, value: string | undefined): string[] {
  const at = GET.indexOf(name);
  return value === undefined ? GET.toSpliced(at, 2) : GET.toSpliced(at, 2, name, value);
}

/** Stream 1 has the request under test; stream 3 shows that the connection goes on. */
async function outcome(t: Parameters<typeof Http2CodecServer.start>[0], fields: readonly string[]) {
  const server = await Http2CodecServer.start(t);
  server.handler.onRequest = (request) => request.respond(200);
  const peer = await RawHttp2Peer.connect(t, server.port);
  peer.headers(1, fields);
  peer.headers(3, [...GET, 'x-probe', '1']);
  const probe = await peer.next(FRAME.HEADERS, (frame) => frame.streamId === 3);
  const answer = peer.frames.find((frame) => frame.type === FRAME.HEADERS && frame.streamId === 1);
  const reset = peer.frames.find((frame) => frame.type === FRAME.RST_STREAM);
  if (answer !== undefined) peer.decode(answer);
  assert.equal(probe.streamId, 3);
  return {
    reasons: server.reasons,
    requests: server.requests.filter((request) => request.field('x-probe') === undefined),
    resetCode: reset?.payload.readUInt32BE(),
    answered: answer !== undefined,
  };
}

const MALFORMED: ReadonlyArray<readonly [name: string, fields: readonly string[], reason: string]> = [
  ['no :method', changed(':method', undefined), 'pseudo-header-missing'],
  ['no :scheme', changed(':scheme', undefined), 'pseudo-header-missing'],
  ['no :path', changed(':path', undefined), 'pseudo-header-missing'],
  ['an empty :path', changed(':path', ''), 'path-invalid'],
  ['a :path without a slash', changed(':path', 'index'), 'path-invalid'],
  ['* with GET', changed(':path', '*'), 'path-invalid'],
  ['a space in :path', changed(':path', '/a b'), 'path-invalid'],
  ['non-ASCII in :path', changed(':path', '/\xe9'), 'path-invalid'],
  ['a fragment in :path', changed(':path', '/a#b'), 'path-invalid'],
  ['a space in :method', changed(':method', 'GE T'), 'method-invalid'],
  ['an empty :method', changed(':method', ''), 'method-invalid'],
  ['user information in :authority', changed(':authority', 'me@a.example'), 'authority-invalid'],
  ['a path in :authority', changed(':authority', 'a.example/b'), 'authority-invalid'],
  ['an empty :authority', changed(':authority', ''), 'authority-invalid'],
  ['a pseudo-header twice', [...GET.slice(0, 2), ...GET], 'pseudo-header-twice'],
  ['a pseudo-header after a field', [...GET.slice(0, 6), 'x-a', 'b', ':path', '/'], 'pseudo-header-late'],
  ['an unknown pseudo-header', [':unknown', 'x', ...GET], 'pseudo-header-unknown'],
  ['a response pseudo-header', [':status', '200', ...GET], 'pseudo-header-unknown'],
  ['connection', [...GET, 'connection', 'keep-alive'], 'connection-field'],
  ['keep-alive', [...GET, 'keep-alive', 'timeout=1'], 'connection-field'],
  ['proxy-connection', [...GET, 'proxy-connection', 'close'], 'connection-field'],
  ['transfer-encoding', [...GET, 'transfer-encoding', 'chunked'], 'connection-field'],
  ['upgrade', [...GET, 'upgrade', 'websocket'], 'connection-field'],
  ['te other than trailers', [...GET, 'te', 'gzip'], 'te-field'],
  ['a content-length that is no number', [...GET, 'content-length', '+1'], 'content-length-invalid'],
  ['an empty content-length', [...GET, 'content-length', ''], 'content-length-invalid'],
  ['content-length twice', [...GET, 'content-length', '0', 'content-length', '0'], 'content-length-invalid'],
  ['a content-length without a body', [...GET, 'content-length', '5'], 'content-length-mismatch'],
  ['an upper-case name', [...GET, 'X-Foo', 'a'], 'invalid-field'],
  ['CR LF in a value', [...GET, 'x-foo', 'a\r\nx-evil: b'], 'invalid-field'],
  ['NUL in a value', [...GET, 'x-foo', 'a\0'], 'invalid-field'],
  ['CR LF in a name', [...GET, 'x-foo\r\nx-evil', 'a'], 'invalid-field'],
  ['LF in :path', changed(':path', '/\n'), 'invalid-field'],
  ['CONNECT with a path', changed(':method', 'CONNECT'), 'connect-invalid'],
  ['CONNECT without an authority', [':method', 'CONNECT'], 'connect-invalid'],
  [':protocol without CONNECT', [...GET, ':protocol', 'websocket'], 'connect-invalid'],
];

describe('a malformed request is a stream error, and the connection goes on', () => {
  for (const [name, fields, reason] of MALFORMED) {
    test(name, async (t) => {
      const { reasons, requests, resetCode, answered } = await outcome(t, fields);
      assert.deepEqual(reasons, [reason]);
      assert.equal(resetCode, H2_ERROR.PROTOCOL_ERROR);
      assert.equal(requests.length, 0);
      assert.equal(answered, false);
    });
  }
});

describe('a request that is refused with a status', () => {
  const refused: ReadonlyArray<readonly [string, readonly string[], status: string, reason: string]> = [
    ['host ≠ :authority', [...GET, 'host', 'b.example'], '400', 'authority-host-mismatch'],
    ['another scheme', changed(':scheme', 'ftp'), '400', 'scheme-unsupported'],
    ...['h2c', 'connect-udp', 'websocket2'].map((protocol) => {
      const fields = [':method', 'CONNECT', ':protocol', protocol, ...GET.slice(2)];
      return [`extended CONNECT to ${protocol}`, fields, '501', 'upgrade-unsupported'] as const;
    }),
    ['too many fields', [...GET, ...Array(97).fill(['x', 'y']).flat()], '431', 'headers-too-large'],
    ['fields too large', [...GET, 'x-large', 'v'.repeat(61_300)], '431', 'headers-too-large'],
  ];
  for (const [name, fields, status, reason] of refused) {
    test(name, async (t) => {
      const server = await Http2CodecServer.start(t);
      const peer = await RawHttp2Peer.connect(t, server.port);
      const block = rawBlock(fields);
      for (let at = 0; at < block.length; at += 16_000) {
        const last = at + 16_000 >= block.length;
        const type = at === 0 ? FRAME.HEADERS : FRAME.CONTINUATION;
        const flags = (at === 0 ? FLAG.END_STREAM : 0) | (last ? FLAG.END_HEADERS : 0);
        peer.send(type, flags, 1, block.subarray(at, at + 16_000));
      }
      const answer = await peer.next(FRAME.HEADERS);
      assert.equal(peer.decode(answer)[1], status);
      assert.equal(answer.flags & FLAG.END_STREAM, FLAG.END_STREAM);
      assert.deepEqual(server.reasons, [reason]);
      assert.equal(server.requests.length, 0);
    });
  }

  test('while its body is still coming the rest is read and dropped', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.headers(1, [...POST, 'host', 'b.example'], 0);
    assert.equal(peer.decode(await peer.next(FRAME.HEADERS))[1], '400');
    peer.data(1, 'what was on its way', true);
    peer.send(FRAME.PING, 0, 0, Buffer.alloc(8));
    await peer.next(FRAME.PING);
    assert.deepEqual(server.reasons, ['authority-host-mismatch']);
    assert.equal(server.requests.length, 0);
    assert.equal(server.connection.openStreams, 0);
    assert.ok(peer.frames.every(({ type }) => type !== FRAME.RST_STREAM));
  });
});

describe('a good request', () => {
  test('comes with its pseudo-headers first, in one order, host as :authority', async (t) => {
    const fields = [':path', '/a', ':scheme', 'https', ':method', 'GET', 'x-b', 'c', 'host', 'a.example'];
    const { requests } = await outcome(t, fields);
    assert.deepEqual(requests[0]?.block, [
      ...[':method', 'GET', ':scheme', 'https', ':authority', 'a.example', ':path', '/a'],
      ...['x-b', 'c'],
    ]);
    assert.equal(requests[0]?.ended, true);
  });

  test('may say its host twice if it is the same', async (t) => {
    const { requests } = await outcome(t, [...GET, 'host', 'a.example', 'te', 'trailers']);
    assert.deepEqual(requests[0]?.block, [...GET, 'te', 'trailers']);
  });

  for (const [name, fields] of [
    ['OPTIONS *', [':method', 'OPTIONS', ':scheme', 'http', ':authority', 'a.example', ':path', '*']],
    ['CONNECT', [':method', 'CONNECT', ':authority', 'a.example:443']],
    ['an IPv6 authority', changed(':authority', '[2001:db8::1]:8080')],
    ['exactly as many fields as are allowed', [...GET, ...Array(96).fill(['x', 'y']).flat()]],
    ['a method of its own', changed(':method', 'PROPFIND')],
  ] as const) {
    test(name, async (t) => {
      const { requests, reasons } = await outcome(t, fields);
      assert.deepEqual(reasons, []);
      assert.deepEqual(requests[0]?.block, fields);
    });
  }

  test('extended CONNECT comes in the one form for tunnels', async (t) => {
    const fields = [':method', 'CONNECT', ':protocol', 'websocket', ...GET.slice(2), 'x-a', 'b'];
    const { requests } = await outcome(t, fields);
    assert.deepEqual(requests[0]?.block, [...GET, 'x-a', 'b', 'upgrade', 'websocket']);
  });
});

describe('bodies and trailers', () => {
  const cases: ReadonlyArray<
    readonly [name: string, fields: readonly string[], send: (peer: RawHttp2Peer) => void, reason: string]
  > = [
    [
      'more than content-length says',
      [...POST, 'content-length', '3'],
      (peer) => peer.data(1, 'four'),
      'content-length-mismatch',
    ],
    [
      'less than content-length says',
      [...POST, 'content-length', '5'],
      (peer) => peer.data(1, 'four', true),
      'content-length-mismatch',
    ],
    [
      'less than content-length says, with trailers',
      [...POST, 'content-length', '5'],
      (peer) => {
        peer.data(1, 'four');
        peer.headers(1, ['x-sum', '1']);
      },
      'content-length-mismatch',
    ],
    [
      'a pseudo-header in trailers',
      POST,
      (peer) => peer.headers(1, [':path', '/b']),
      'pseudo-header-in-trailers',
    ],
    ['a connection field in trailers', POST, (peer) => peer.headers(1, ['upgrade', 'b']), 'connection-field'],
    [
      'content-length in trailers',
      POST,
      (peer) => peer.headers(1, ['content-length', '0']),
      'content-length-invalid',
    ],
    [
      'trailers that do not end the stream',
      POST,
      (peer) => peer.headers(1, ['x-sum', '1'], 0),
      'trailers-without-end',
    ],
    ['invalid trailers', POST, (peer) => peer.headers(1, ['x-sum', '\0']), 'trailers-invalid'],
  ];
  for (const [name, fields, send, reason] of cases) {
    test(name, async (t) => {
      const server = await Http2CodecServer.start(t);
      const peer = await RawHttp2Peer.connect(t, server.port);
      peer.headers(1, fields, 0);
      send(peer);
      const reset = await peer.next(FRAME.RST_STREAM);
      assert.equal(reset.payload.readUInt32BE(), H2_ERROR.PROTOCOL_ERROR);
      assert.deepEqual(server.reasons, [reason]);
      assert.equal(server.requests[0]?.resetCode, H2_ERROR.PROTOCOL_ERROR);
      assert.equal(server.requests[0]?.ended, false);
    });
  }

  test('a body in pieces, with padding and trailers, arrives whole', async (t) => {
    const server = await Http2CodecServer.start(t);
    const peer = await RawHttp2Peer.connect(t, server.port);
    peer.headers(1, [...POST, 'content-length', '9'], 0);
    peer.data(1, 'abc');
    peer.send(FRAME.DATA, FLAG.PADDED, 1, Buffer.from('\x04defgh\0\0\0\0', 'latin1'));
    peer.send(FRAME.DATA, FLAG.PADDED, 1, Buffer.from('\0i', 'latin1'));
    peer.headers(1, ['x-sum', '9']);
    peer.send(FRAME.PING, 0, 0, Buffer.alloc(8));
    await peer.next(FRAME.PING);
    assert.equal(server.requests[0]?.body.toString(), 'abcdefghi');
    assert.deepEqual(server.requests[0]?.trailers, ['x-sum', '9']);
    assert.deepEqual(server.reasons, []);
  });
});
