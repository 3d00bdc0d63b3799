import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Http1CodecServer } from '../../test/fixtures/http1-server.ts';
import { RawHttp1Peer } from '../../test/fixtures/raw-http1-peer.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';

const HOST = 'Host: a.example\r\n';
/** What an attacker hopes that some hop takes for a second request. */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n';

/** Whole requests that must get this status, a closed connection, and be seen by nobody. */
const REFUSED: ReadonlyArray<readonly [name: string, text: string, status: number, reason: string]> = [
  ['no version', `GET /\r\n${HOST}\r\n`, 400, 'request-line'],
  ['two spaces', `GET  / HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-line'],
  ['a space at the end', `GET / HTTP/1.1 \r\n${HOST}\r\n`, 400, 'request-line'],
  ['a tab between', `GET\t/\tHTTP/1.1\r\n${HOST}\r\n`, 400, 'request-line'],
  ['a space before the method', ` GET / HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-line'],
  ['a method that is no token', `G@T / HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-line'],
  ['a lower-case version', `GET / http/1.1\r\n${HOST}\r\n`, 400, 'request-line'],
  ['HTTP/2.0', `GET / HTTP/2.0\r\n${HOST}\r\n`, 505, 'version-unsupported'],
  ['HTTP/1.2', `GET / HTTP/1.2\r\n${HOST}\r\n`, 505, 'version-unsupported'],
  ['a target without a slash', `GET index HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-target'],
  ['* with GET', `GET * HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-target'],
  ['a fragment', `GET /a#b HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-target'],
  ['non-ASCII in the target', `GET /\xe9 HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-target'],
  ['a control in the target', `GET /\x01 HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-target'],
  ['another scheme', `GET ftp://a.example/ HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-target'],
  ['user information', `GET http://me@a.example/ HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-target'],
  ['CONNECT without a port', `CONNECT a.example HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-target'],
  ['CONNECT with a path', `CONNECT / HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-target'],
  ['no Host', 'GET / HTTP/1.1\r\nX-A: b\r\n\r\n', 400, 'host-missing'],
  ['Host twice', `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400, 'host-twice'],
  ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 400, 'host-invalid'],
  ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a.example/b\r\n\r\n', 400, 'host-invalid'],
  ['a Host with user information', 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n', 400, 'host-invalid'],
  ['Host ≠ target', `GET http://b.example/ HTTP/1.1\r\n${HOST}\r\n`, 400, 'authority-host-mismatch'],
  ['a space before the colon', `GET / HTTP/1.1\r\n${HOST}X-A : b\r\n\r\n`, 400, 'space-before-colon'],
  ['a folded line', `GET / HTTP/1.1\r\n${HOST}X-A: b\r\n c\r\n\r\n`, 400, 'folded-line'],
  ['a folded first line', `GET / HTTP/1.1\r\n X-A: b\r\n${HOST}\r\n`, 400, 'folded-line'],
  ['a line without a colon', `GET / HTTP/1.1\r\n${HOST}X-A\r\n\r\n`, 400, 'field-name'],
  ['an empty name', `GET / HTTP/1.1\r\n${HOST}: b\r\n\r\n`, 400, 'field-name'],
  ['a name that is no token', `GET / HTTP/1.1\r\n${HOST}X(A): b\r\n\r\n`, 400, 'field-name'],
  ['a non-ASCII name', `GET / HTTP/1.1\r\n${HOST}X\xe9: b\r\n\r\n`, 400, 'field-name'],
  ['NUL in a value', `GET / HTTP/1.1\r\n${HOST}X-A: b\0c\r\n\r\n`, 400, 'field-value'],
  ['a bare CR in a value', `GET / HTTP/1.1\r\n${HOST}X-A: b\rX-C: d\r\n\r\n`, 400, 'field-value'],
  ['a bare LF in a value', `GET / HTTP/1.1\r\n${HOST}X-A: b\nX-C: d\r\n\r\n`, 400, 'field-value'],
  ['DEL in a value', `GET / HTTP/1.1\r\n${HOST}X-A: \x7f\r\n\r\n`, 400, 'field-value'],
  ['bare LF everywhere', 'GET / HTTP/1.1\nHost: a.example\n\n', 400, 'bare-lf'],
  ['a bare LF after the request line', `GET / HTTP/1.1\n${HOST}\r\n`, 400, 'request-line'],
  ['too many fields', `GET / HTTP/1.1\r\n${HOST}${'X: y\r\n'.repeat(100)}\r\n`, 431, 'headers-too-large'],
  ['fields too large', `GET / HTTP/1.1\r\n${HOST}X: ${'y'.repeat(61_440)}\r\n\r\n`, 431, 'headers-too-large'],
  ...[':path', ':method', ':authority', 'close, :scheme', 'a b', 'x-a;b', '"close"'].map(
    (value) =>
      [
        `Connection: ${value}`,
        `GET / HTTP/1.1\r\n${HOST}Connection: ${value}\r\nX-A: b\r\n\r\n`,
        400,
        'connection-field',
      ] as const,
  ),
  [
    'more options in one Connection field than any client has',
    `GET / HTTP/1.1\r\n${HOST}Connection: ${'x-a,'.repeat(101)}\r\n\r\n`,
    400,
    'connection-field',
  ],
  [
    'more of them in many Connection fields',
    `GET / HTTP/1.1\r\n${HOST}${'Connection: x-a, x-b, x-c\r\n'.repeat(34)}\r\n`,
    400,
    'connection-field',
  ],
  [
    'Content-Length twice',
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\nContent-Length: 45\r\n\r\n${SMUGGLED}`,
    400,
    'content-length-twice',
  ],
  [
    'Content-Length twice, the same',
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`,
    400,
    'content-length-twice',
  ],
  ...['+1', '-1', '0x1', '1 1', '1,1', '', '1.0', '9'.repeat(16)].map(
    (value) =>
      [
        `Content-Length: ${value}`,
        `POST / HTTP/1.1\r\n${HOST}Content-Length: ${value}\r\n\r\na`,
        400,
        'content-length-invalid',
      ] as const,
  ),
  [
    'Content-Length with Transfer-Encoding',
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
    400,
    'content-length-with-transfer-encoding',
  ],
  [
    'Transfer-Encoding with Content-Length',
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${SMUGGLED}`,
    400,
    'content-length-with-transfer-encoding',
  ],
  [
    'Transfer-Encoding in HTTP/1.0',
    `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    'transfer-encoding-in-1.0',
  ],
  [
    'Transfer-Encoding twice',
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    'transfer-encoding-twice',
  ],
  ...['identity', 'xchunked', 'chunked, gzip', 'chunked;a=b', '"chunked"', ' chunked\x0b', ''].map(
    (value) =>
      [
        `Transfer-Encoding: ${JSON.stringify(value)}`,
        `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: ${value}\r\n\r\n0\r\n\r\n`,
        400,
        value.endsWith('\x0b') ? 'field-value' : 'transfer-encoding-invalid',
      ] as const,
  ),
  [
    'a transfer coding before chunked',
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    501,
    'transfer-encoding-unsupported',
  ],
];

describe('a request that is refused, never repaired', () => {
  for (const [name, text, status, reason] of REFUSED) {
    test(name, async (t) => {
      const server = await Http1CodecServer.start(t);
      const peer = await RawHttp1Peer.dial(t, server.port);
      peer.send(text);
      const answer = await peer.untilEnded();
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} [^\r]+\r\n`));
      assert.match(answer, /\r\nconnection: close\r\n/);
      assert.equal(answer.split('HTTP/1.1').length, 2, 'one answer');
      assert.deepEqual(server.reasons, [reason]);
      assert.equal(server.requests.length, 0);
    });
  }
});

/** Bodies that break after a good head: the request is reset, and what follows is never taken for another one. */
const BROKEN_BODIES: ReadonlyArray<readonly [name: string, body: string, reason: string]> = [
  ['no chunk size', `\r\n${SMUGGLED}`, 'chunk-size'],
  ['a chunk size that is no number', 'xyz\r\n', 'chunk-size'],
  ['a chunk size with a sign', '+5\r\nhello\r\n', 'chunk-size'],
  ['a chunk size with 0x', '0x5\r\nhello\r\n', 'chunk-size'],
  ['a space before the chunk size', ' 5\r\nhello\r\n', 'chunk-size'],
  ['a space after the chunk size', '5 \r\nhello\r\n', 'chunk-size'],
  ['a chunk size with an underscore', '1_0\r\n', 'chunk-size'],
  ['a chunk size that overflows', `${'f'.repeat(17)}\r\n`, 'chunk-size'],
  ['a bare LF after the chunk size', '5\nhello\r\n', 'chunk-size'],
  ['a bare CR after the chunk size', '5\rhello\r\n', 'chunk-size'],
  ['a chunk longer than its size', '5\r\nhello!\r\n0\r\n\r\n', 'chunk-end'],
  ['a bare LF after a chunk', '5\r\nhello\n0\r\n\r\n', 'chunk-end'],
  ['a chunk that is followed by another size', '5\r\nhello0\r\n\r\n', 'chunk-end'],
  ['a control in an extension', '5;a=\x01\r\nhello\r\n', 'chunk-extension'],
  ['a bare LF in an extension', `5;a\nhello\r\n`, 'chunk-extension'],
  ['an endless extension', `5;${'a'.repeat(300)}\r\n`, 'chunk-extension'],
  ['a folded trailer', '0\r\nX-A: b\r\n c\r\n\r\n', 'folded-line'],
  ['Content-Length in trailers', '0\r\nContent-Length: 5\r\n\r\n', 'trailers-invalid'],
  ['Host in trailers', '0\r\nHost: b.example\r\n\r\n', 'trailers-invalid'],
  ['Transfer-Encoding in trailers', '0\r\nTransfer-Encoding: chunked\r\n\r\n', 'trailers-invalid'],
  ['endless trailers', `0\r\n${'X-A: bcdefghi\r\n'.repeat(1500)}`, 'trailers-too-large'],
];

describe('a chunked body that breaks', () => {
  const head = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;
  for (const [name, body, reason] of BROKEN_BODIES) {
    test(name, async (t) => {
      const server = await Http1CodecServer.start(t);
      const peer = await RawHttp1Peer.dial(t, server.port);
      peer.send(head + body + SMUGGLED);
      const answer = await peer.untilEnded();
      assert.match(answer, /^HTTP\/1\.1 4(00|31) /);
      assert.match(answer, /\r\nconnection: close\r\n/);
      assert.deepEqual(server.reasons, [reason]);
      assert.equal(server.requests.length, 1);
      assert.notEqual(server.requests[0]?.resetCode, undefined);
      assert.equal(server.requests[0]?.ended, false);
    });
  }

  test('after the response has begun the connection is cut instead', async (t) => {
    const server = await Http1CodecServer.start(t);
    server.handler.onRequest = ({ stream }) => stream.sendHeaders([':status', '200'], false);
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.send(head);
    await peer.until('HTTP/1.1 200 OK');
    peer.send('zzz\r\n');
    await peer.untilEnded();
    assert.equal(peer.received.split('HTTP/1.1').length, 2);
    assert.ok(!peer.received.includes('0\r\n\r\n'), 'the response is visibly incomplete');
    assert.notEqual(server.requests[0]?.resetCode, undefined);
  });
});

describe('a good request', () => {
  const cases: ReadonlyArray<readonly [name: string, text: string, block: readonly string[]]> = [
    [
      'names in lower case, values unchanged but for outer space, hop-by-hop fields gone',
      `GET /a?b=c HTTP/1.1\r\nHost: A.example:8080\r\nX-One:  a b\t \r\nX-TWO:\r\nX-Three: \xe9"\r\n` +
        'Connection: keep-alive, X-Drop\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\nX-Drop: me\r\nTE: gzip\r\n\r\n',
      [
        ...[':method', 'GET', ':scheme', 'http', ':authority', 'A.example:8080', ':path', '/a?b=c'],
        ...['x-one', 'a b', 'x-two', '', 'x-three', '\xe9"'],
      ],
    ],
    [
      'absolute form',
      `GET http://a.example?x HTTP/1.1\r\n${HOST}\r\n`,
      [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/?x'],
    ],
    [
      'OPTIONS *',
      `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
      [':method', 'OPTIONS', ':scheme', 'http', ':authority', 'a.example', ':path', '*'],
    ],
    [
      'CONNECT',
      'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n',
      [':method', 'CONNECT', ':authority', 'a.example:443'],
    ],
    [
      'HTTP/1.0 without Host',
      'GET / HTTP/1.0\r\n\r\n',
      [':method', 'GET', ':scheme', 'http', ':authority', '', ':path', '/'],
    ],
    [
      'TE: trailers',
      `GET / HTTP/1.1\r\n${HOST}TE: trailers\r\n\r\n`,
      [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/', 'te', 'trailers'],
    ],
    [
      'an upgrade',
      `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/', 'upgrade', 'websocket'],
    ],
    [
      'an upgrade to HTTP/2, which is ignored',
      `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n\r\n`,
      [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/'],
    ],
    ...['h2c,x/1', 'h2c, websocket', 'x/1', 'TLS/1.0', 'other'].map(
      (protocol) =>
        [
          `an upgrade to ${protocol}, which is ignored`,
          `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: ${protocol}\r\nHTTP2-Settings: AAAA\r\n\r\n`,
          [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/'],
        ] as const,
    ),
    [
      'an upgrade that Connection does not name',
      `GET / HTTP/1.1\r\n${HOST}Upgrade: websocket\r\n\r\n`,
      [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/'],
    ],
    [
      'as many fields as are allowed, after empty lines',
      `\r\n\r\nGET / HTTP/1.1\r\n${HOST}${'X: y\r\n'.repeat(99)}\r\n`,
      [
        ...[':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/'],
        ...Array<string[]>(99).fill(['x', 'y']).flat(),
      ],
    ],
  ];
  for (const [name, text, block] of cases) {
    test(name, async (t) => {
      const server = await Http1CodecServer.start(t);
      const peer = await RawHttp1Peer.dial(t, server.port);
      peer.send(text);
      await until(() => server.requests.length === 1);
      assert.deepEqual(server.requests[0]?.block, block);
      assert.deepEqual(server.reasons, []);
    });
  }

  test('cut in two at every byte it means the same', async (t) => {
    const server = await Http1CodecServer.start(t);
    server.handler.onRequest = (request) => {
      request.requestTrailers = (block) => {
        request.trailers = block;
        request.respond(200, 'ok');
      };
    };
    const text =
      `\r\n\r\nPOST /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nX-A: b\r\n\r\n` +
      '5;ext=1\r\nhello\r\n0000001\r\n!\r\n0\r\nX-Sum: 6\r\n\r\n';
    const peer = await RawHttp1Peer.dial(t, server.port);
    for (let cut = 1; cut < text.length; cut++) {
      peer.send(text.slice(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      peer.send(text.slice(cut));
      await until(() => server.requests.length === cut && server.requests[cut - 1]?.trailers !== undefined);
      assert.equal(server.requests[cut - 1]?.body.toString(), 'hello!', `cut at ${cut}`);
      assert.deepEqual(server.requests[cut - 1]?.trailers, ['x-sum', '6']);
    }
    assert.deepEqual(server.reasons, []);
  });
});
