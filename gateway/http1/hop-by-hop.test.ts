import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answeredWith, clientPair } from '../../test/fixtures/http1-client-pair.ts';
import { Http1CodecServer } from '../../test/fixtures/http1-server.ts';
import { RawHttp1Peer } from '../../test/fixtures/raw-http1-peer.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';

type Fields = readonly string[];

/** What of some lines of a message goes on, as name and value in turn. */
interface Case {
  readonly lines: readonly string[];
  readonly request: Fields;
  readonly response: Fields;
}

const NOTHING = [] as const;

function both(lines: readonly string[], kept: Fields): Case {
  return { lines, request: kept, response: kept };
}

/** RFC 9110 section 7.6.1: fields of the connection end here, those that `Connection` names too; all others go on. */
const CASES: Readonly<Record<string, Case>> = {
  'Connection: close': both(['Connection: close'], NOTHING),
  'Connection, several times': both(['Connection: keep-alive', 'Connection: ,, X-A'], NOTHING),
  'Keep-Alive': both(['Keep-Alive: timeout=5, max=100'], NOTHING),
  'Proxy-Connection': both(['Proxy-Connection: keep-alive'], NOTHING),
  'Transfer-Encoding': both(['Transfer-Encoding: chunked'], NOTHING),
  'Upgrade without Connection': both(['Upgrade: h2c'], NOTHING),
  'Upgrade, which no response but 101 speaks of': both(['Connection: Upgrade', 'Upgrade: h2,h2c'], NOTHING),
  'HTTP2-Settings': both(['Connection: HTTP2-Settings', 'HTTP2-Settings: AAAA'], NOTHING),
  'TE: gzip': both(['TE: gzip;q=0.5'], NOTHING),
  'TE: trailers, which the gateway takes part in': {
    lines: ['TE: trailers'],
    request: ['te', 'trailers'],
    response: NOTHING,
  },
  'TE with trailers among others': {
    lines: ['Connection: TE', 'TE: deflate;q=0.5, Trailers'],
    request: ['te', 'trailers'],
    response: NOTHING,
  },
  'TE, several times': {
    lines: ['TE: trailers', 'TE: gzip', 'TE: trailers'],
    request: ['te', 'trailers'],
    response: NOTHING,
  },
  'TE with what only looks like trailers': both(['TE: xtrailers, trailers;q=1, trailers2'], NOTHING),
  'a field that Connection names': both(
    ['X-One: 1', 'Connection: close, X-Drop', 'x-drop: 2', 'X-DROP: 3', 'X-Two: 4'],
    ['x-one', '1', 'x-two', '4'],
  ),
  'an end-to-end field that Connection names': both(
    ['Connection: Authorization, Cache-Control', 'Authorization: a', 'Cache-Control: no-store'],
    NOTHING,
  ),
  'Content-Length, which nobody may take away': both(
    ['Connection: Content-Length', 'Content-Length: 0'],
    ['content-length', '0'],
  ),
  'Trailer, which belongs to the message': both(
    ['Trailer: x-sum', 'Transfer-Encoding: chunked'],
    ['trailer', 'x-sum'],
  ),
  'fields of a proxy that are none of a gateway': both(
    ['Proxy-Authenticate: Basic', 'Proxy-Authorization: Basic eDp5', 'Proxy-Authentication-Info: a=b'],
    ['proxy-authenticate', 'Basic', 'proxy-authorization', 'Basic eDp5', 'proxy-authentication-info', 'a=b'],
  ),
};

function head(lines: readonly string[]): string {
  return lines.map((line) => `${line}\r\n`).join('');
}

function isChunked(lines: readonly string[]): boolean {
  return lines.includes('Transfer-Encoding: chunked');
}

describe('of the fields of a head', () => {
  for (const [name, { lines, request, response }] of Object.entries(CASES)) {
    const body = isChunked(lines) ? '0\r\n\r\n' : '';
    test(`a request's: ${name}`, async (t) => {
      const server = await Http1CodecServer.start(t);
      const peer = await RawHttp1Peer.dial(t, server.port);
      peer.send(`GET / HTTP/1.1\r\nHost: a.example\r\n${head(lines)}\r\n${body}`);
      await until(() => server.requests.length === 1);
      assert.deepEqual(server.requests[0]?.block.slice(8), request);
    });

    test(`a response's: ${name}`, async (t) => {
      const pair = await clientPair(t);
      const framing = body === '' && !lines.includes('Content-Length: 0') ? 'Content-Length: 0\r\n' : '';
      const answer = await answeredWith(pair, `HTTP/1.1 200 OK\r\n${head(lines)}${framing}\r\n${body}`);
      assert.equal(answer.failure, undefined);
      const kept = answer.block?.slice(2) ?? [];
      assert.deepEqual(framing === '' ? kept : kept.slice(0, -2), response);
    });
  }
});

/** The trailer section; what the head's `Connection` names ends in it too. */
const TRAILERS: ReadonlyArray<readonly [name: string, connection: string, lines: string, kept: Fields]> = [
  [
    'all but those of the connection',
    '',
    'X-Sum: 1\r\nKeep-Alive: timeout=1\r\nTE: trailers\r\n',
    ['x-sum', '1'],
  ],
  ['none that the head names', 'Connection: X-Sum\r\n', 'X-Sum: 1\r\nX-Other: 2\r\n', ['x-other', '2']],
  ['none that they name themselves', '', 'Connection: X-Sum\r\nX-Sum: 1\r\nX-Other: 2\r\n', ['x-other', '2']],
];

describe('of the fields of trailers', () => {
  for (const [name, connection, lines, kept] of TRAILERS) {
    const message = `${connection}Transfer-Encoding: chunked\r\n\r\n0\r\n${lines}\r\n`;
    test(`a request's: ${name}`, async (t) => {
      const server = await Http1CodecServer.start(t);
      const peer = await RawHttp1Peer.dial(t, server.port);
      peer.send(`POST / HTTP/1.1\r\nHost: a.example\r\n${message}`);
      await until(() => server.requests[0]?.trailers !== undefined);
      assert.deepEqual(server.requests[0]?.trailers, kept);
    });

    test(`a response's: ${name}`, async (t) => {
      const answer = await answeredWith(await clientPair(t), `HTTP/1.1 200 OK\r\n${message}`);
      assert.deepEqual(answer.trailers, kept);
    });
  }

  test('names of one message end nothing in the next', async (t) => {
    const server = await Http1CodecServer.start(t);
    const peer = await RawHttp1Peer.dial(t, server.port);
    const post = (connection: string): string =>
      `POST / HTTP/1.1\r\nHost: a.example\r\n${connection}Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n`;
    peer.send(post('Connection: X-Sum\r\n'));
    await until(() => server.requests[0]?.trailers !== undefined);
    server.requests[0]?.stream.sendHeaders([':status', '204'], true);
    peer.send(post(''));
    await until(() => server.requests[1]?.trailers !== undefined);
    assert.deepEqual([server.requests[0]?.trailers, server.requests[1]?.trailers], [[], ['x-sum', '1']]);
  });
});
