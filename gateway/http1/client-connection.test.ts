import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { freePort } from '../../test/fixtures/ephemeral-port.ts';
import {
  answeredWith,
  type ClientPair,
  GET_BLOCK as GET,
  open,
  clientPair as pair,
} from '../../test/fixtures/http1-client-pair.ts';
import { RecordedResponse, RecordingClientHandler, until } from '../../test/fixtures/recorded-exchanges.ts';
import { createCodecResources } from '../http/resources.ts';
import type { HeaderBlock, UpstreamFailure } from '../http/stream.ts';
import { webSocketAccept } from '../http/websocket.ts';
import { Http1ClientConnection } from './client-connection.ts';
import { UPSTREAM_HTTP1 } from './options.ts';

const POST = [':method', 'POST', ...GET.slice(2)];
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('how a request is written', () => {
  const cases: ReadonlyArray<readonly [name: string, block: HeaderBlock, endStream: boolean, text: string]> =
    [
      ['GET', [...GET, 'x-a', 'b'], true, 'GET /p?q HTTP/1.1\r\nhost: a.example\r\nx-a: b\r\n\r\n'],
      [
        'POST without a body',
        POST,
        true,
        'POST /p?q HTTP/1.1\r\nhost: a.example\r\ncontent-length: 0\r\n\r\n',
      ],
      [
        'cookies as one field, te with its option',
        [...GET, 'cookie', 'a=1', 'te', 'trailers', 'cookie', 'b=2'],
        true,
        'GET /p?q HTTP/1.1\r\nhost: a.example\r\nte: trailers\r\ncookie: a=1; b=2\r\nconnection: te\r\n\r\n',
      ],
      [
        'a body of known length',
        [...POST, 'content-length', '5'],
        false,
        'POST /p?q HTTP/1.1\r\nhost: a.example\r\ncontent-length: 5\r\n\r\n',
      ],
      [
        'a body of unknown length',
        POST,
        false,
        'POST /p?q HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\n\r\n',
      ],
      [
        'CONNECT',
        [':method', 'CONNECT', ':authority', 'a.example:1'],
        false,
        'CONNECT a.example:1 HTTP/1.1\r\nhost: a.example:1\r\n\r\n',
      ],
      [
        'an upgrade',
        [...GET, 'upgrade', 'other'],
        false,
        'GET /p?q HTTP/1.1\r\nhost: a.example\r\nupgrade: other\r\nconnection: upgrade\r\n\r\n',
      ],
    ];
  for (const [name, block, endStream, text] of cases) {
    test(name, async (t) => {
      const both = await pair(t);
      open(both, block, endStream);
      await both.peer.until('\r\n\r\n');
      assert.equal(both.peer.received, text);
    });
  }

  test('chunks and trailers', async (t) => {
    const both = await pair(t);
    const { stream } = open(both, POST, false);
    stream.sendData(Buffer.from('xhello'), 1, 6, false);
    stream.sendData(Buffer.alloc(0), 0, 0, false);
    stream.sendTrailers(['x-sum', '1']);
    await both.peer.until('x-sum: 1\r\n\r\n');
    assert.match(both.peer.received, /\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n$/);
  });

  test('a body that is not as long as declared fails, and the connection ends', async (t) => {
    const both = await pair(t);
    const { response, stream } = open(both, [...POST, 'content-length', '5'], false);
    stream.sendData(Buffer.from('four'), 0, 4, true);
    await until(() => response.over);
    assert.equal(response.failure?.kind, 'reset');
    assert.equal(both.connection.available, false);
    assert.deepEqual(both.handler.reasons, ['content-length-mismatch']);
  });
});

describe('how a response is read', () => {
  const cases: ReadonlyArray<
    readonly [name: string, text: string, block: HeaderBlock, body: string, reusable: boolean]
  > = [
    ['content-length', OK, [':status', '200', 'content-length', '2'], 'ok', true],
    [
      'chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nX-A: b\r\n\r\n2;x=y\r\nok\r\n0\r\n\r\n',
      [':status', '200', 'x-a', 'b'],
      'ok',
      true,
    ],
    ['no body', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', [':status', '204'], '', true],
    [
      '304 with a length',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
      [':status', '304', 'content-length', '5'],
      '',
      true,
    ],
    [
      'no reason phrase',
      'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
      [':status', '200', 'content-length', '0'],
      '',
      true,
    ],
    [
      'Connection: close',
      'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
      [':status', '200', 'content-length', '2'],
      'ok',
      false,
    ],
    [
      'HTTP/1.0',
      'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
      [':status', '200', 'content-length', '2'],
      'ok',
      false,
    ],
    [
      'HTTP/1.0 with keep-alive',
      'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
      [':status', '200', 'content-length', '2'],
      'ok',
      true,
    ],
  ];
  for (const [name, text, block, body, reusable] of cases) {
    test(name, async (t) => {
      const both = await pair(t);
      const response = await answeredWith(both, text);
      assert.deepEqual(response.block, block);
      assert.equal(response.body.toString(), body);
      assert.equal(response.failure, undefined);
      assert.equal(both.connection.available, reusable);
      if (!reusable) await until(() => both.peer.ended);
    });
  }

  test('until the connection ends', async (t) => {
    const both = await pair(t);
    const { response } = open(both);
    both.peer.send('HTTP/1.1 200 OK\r\n\r\nsome ');
    await until(() => response.body.length > 0);
    both.peer.socket.end('more');
    await until(() => response.over);
    assert.equal(response.body.toString(), 'some more');
    assert.equal(response.failure, undefined);
  });

  test('to HEAD without a body, whatever its fields say', async (t) => {
    const both = await pair(t);
    const head = [':method', 'HEAD', ...GET.slice(2)];
    const response = await answeredWith(both, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', head);
    assert.equal(response.failure, undefined);
    assert.equal(both.connection.available, true);
  });

  test('informational ones before it, and trailers after it', async (t) => {
    const both = await pair(t);
    const text =
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' +
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n';
    const response = await answeredWith(both, text);
    assert.deepEqual(response.informational, [
      [':status', '100'],
      [':status', '103', 'link', '</a>'],
    ]);
    assert.deepEqual(response.trailers, ['x-sum', '1']);
    assert.equal(response.body.toString(), 'ok');
  });

  test('cut in two at every byte it means the same', async (t) => {
    const both = await pair(t);
    const text = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n';
    for (let cut = 1; cut < text.length; cut++) {
      both.peer.received = '';
      const { response } = open(both);
      await both.peer.until('\r\n\r\n');
      both.peer.send(text.slice(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      both.peer.send(text.slice(cut));
      await until(() => response.over && both.connection.available);
      assert.equal(response.body.toString(), 'hello', `cut at ${cut}`);
      assert.deepEqual(response.trailers, ['x-sum', '1']);
    }
  });

  test('many on one connection', async (t) => {
    const both = await pair(t);
    for (let count = 0; count < 20; count++) {
      const response = await answeredWith(both, OK);
      assert.equal(response.body.toString(), 'ok');
      assert.equal(both.connection.available, true);
    }
    assert.equal(both.handler.availabilityChanges, 20);
  });
});

describe('a connection that dies', () => {
  async function failureAfter(
    t: TestContext,
    run: (both: ClientPair) => Promise<RecordedResponse>,
  ): Promise<UpstreamFailure | undefined> {
    const both = await pair(t);
    const response = await run(both);
    await until(() => response.over);
    await until(() => both.handler.closedReason !== undefined);
    assert.equal(both.connection.available, false);
    return response.failure;
  }

  test('while it is idle fails nothing', async (t) => {
    const both = await pair(t);
    await answeredWith(both, OK);
    both.peer.socket.end();
    await until(() => both.handler.closedReason !== undefined);
    assert.equal(both.connection.available, false);
    assert.deepEqual(both.handler.reasons, []);
  });

  test('before a byte of the request was sent: it was certainly not processed', async (t) => {
    const both = await pair(t);
    const { response } = open(both);
    // The same turn: the request is in the output, not in the socket.
    both.connection.destroy();
    assert.deepEqual(response.failure, { kind: 'refused' });
  });

  test('after the request was sent', async (t) => {
    const failure = await failureAfter(t, async (both) => {
      const { response } = open(both);
      await both.peer.until('\r\n\r\n');
      both.peer.socket.end();
      return response;
    });
    assert.deepEqual(failure, { kind: 'connection-lost' });
  });

  test('in the middle of a response', async (t) => {
    const failure = await failureAfter(t, async (both) => {
      const { response } = open(both);
      both.peer.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc');
      await until(() => response.body.length === 3);
      both.peer.socket.resetAndDestroy();
      return response;
    });
    assert.deepEqual(failure, { kind: 'connection-lost' });
  });

  test('before it was there', async (t) => {
    const port = await freePort();
    const resources = createCodecResources();
    t.after(() => resources.timers.close());
    const handler = new RecordingClientHandler();
    const connection = new Http1ClientConnection(
      connect(port, '127.0.0.1'),
      UPSTREAM_HTTP1,
      handler,
      resources,
    );
    const response = new RecordedResponse();
    connection.open(response, [...GET], true);
    await until(() => response.over);
    assert.equal(response.failure?.kind, 'connect');
  });
});

test('one request at a time', async (t) => {
  const both = await pair(t);
  const first = open(both);
  assert.equal(both.connection.available, false);
  assert.equal(both.connection.openStreams, 1);
  const second = open(both);
  await until(() => second.response.over);
  assert.deepEqual(second.response.failure, { kind: 'refused' });
  both.peer.send(OK);
  await until(() => first.response.ended);
});

test('a response before the end of its request ends the connection after it', async (t) => {
  const both = await pair(t);
  const { response } = open(both, POST, false);
  both.peer.send(OK);
  await until(() => response.ended);
  assert.equal(both.connection.available, false);
  await until(() => both.peer.ended);
});

test('cancelling closes the connection', async (t) => {
  const both = await pair(t);
  const { response, stream } = open(both);
  await both.peer.until('\r\n\r\n');
  stream.reset(8);
  await until(() => both.handler.closedReason !== undefined);
  assert.equal(response.over, false);
});

test('drain: an idle one ends, a busy one after its response', async (t) => {
  const idle = await pair(t);
  idle.connection.drain();
  await until(() => idle.peer.ended);
  const busy = await pair(t);
  const { response } = open(busy);
  busy.connection.drain();
  busy.peer.send(OK);
  await until(() => busy.peer.ended);
  assert.equal(response.body.toString(), 'ok');
});

test('no more of a response is read than the other side takes', async (t) => {
  const both = await pair(t, { readWindowBytes: 64 * 1024 });
  const response = new RecordedResponse();
  const stream = both.connection.open(response, [...GET], true);
  const total = 20_000_000;
  both.peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
  both.peer.socket.write(Buffer.alloc(total));
  await until(() => response.body.length >= 64 * 1024);
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  const read = response.body.length;
  assert.ok(read < 64 * 1024 + 2 * 65_536, `${read} bytes were read`);
  response.onData = (bytes) => stream.consumed(bytes);
  stream.consumed(read);
  await until(() => response.ended);
});

describe('tunnels', () => {
  test('CONNECT: bytes both ways, each direction ends by itself', async (t) => {
    const both = await pair(t);
    const { response, stream } = open(both, [':method', 'CONNECT', ':authority', 'a.example:1'], false);
    await both.peer.until('\r\n\r\n');
    both.peer.send('HTTP/1.1 200 OK\r\n\r\nserver first');
    await until(() => response.body.length > 0);
    stream.sendData(Buffer.from('answer'), 0, 6, true);
    assert.match(await both.peer.untilEnded(), /answer$/);
    both.peer.socket.end(' and last');
    await until(() => response.ended);
    assert.equal(response.body.toString(), 'server first and last');
    await until(() => both.handler.closedReason !== undefined);
    assert.equal(response.failure, undefined);
  });

  test('a WebSocket handshake of a client without a key: one is made, and its answer checked', async (t) => {
    for (const good of [true, false]) {
      const both = await pair(t);
      const { response } = open(both, [...GET, 'upgrade', 'websocket', 'sec-websocket-version', '13'], false);
      await both.peer.until('\r\n\r\n');
      const key = /sec-websocket-key: ([^\r]+)\r\n/.exec(both.peer.received)?.[1] ?? '';
      assert.equal(Buffer.from(key, 'base64').length, 16);
      const accept = webSocketAccept(good ? key : `${key}x`);
      both.peer.send(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          `Sec-WebSocket-Accept: ${accept}\r\n\r\nframe`,
      );
      await until(() => response.body.length > 0 || response.over);
      if (good) assert.deepEqual(response.block, [':status', '101', 'upgrade', 'websocket']);
      else assert.deepEqual(response.failure, { kind: 'protocol', reason: 'websocket-accept' });
    }
  });

  test('an upgrade that is refused is an ordinary response', async (t) => {
    const both = await pair(t);
    const { response } = open(both, [...GET, 'upgrade', 'websocket'], false);
    await both.peer.until('\r\n\r\n');
    both.peer.send(OK);
    await until(() => response.ended);
    assert.equal(response.body.toString(), 'ok');
    assert.equal(both.connection.available, false);
  });
});
