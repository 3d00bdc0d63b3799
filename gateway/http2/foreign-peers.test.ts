import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http2 from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { Http2Client } from '../../test/fixtures/http2-client.ts';
import { Http2CodecServer } from '../../test/fixtures/http2-server.ts';
import { RecordedResponse, RecordingClientHandler, until } from '../../test/fixtures/recorded-exchanges.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { createCodecResources } from '../http/resources.ts';
import { Http2ClientConnection } from './client-connection.ts';
import { UPSTREAM_HTTP2 } from './options.ts';

const run = promisify(execFile);
const POST = [':method', 'POST', ':scheme', 'http', ':authority', 'a.example', ':path', '/'];

/** Our server, which sends every request's body and fields back. */
async function echoServer(t: TestContext): Promise<Http2CodecServer> {
  const server = await Http2CodecServer.start(t);
  server.handler.onRequest = (request) => {
    const own = request.block.filter((_, index, block) =>
      (block[index - (index % 2)] ?? '').startsWith('x-'),
    );
    request.stream.sendHeaders([':status', '200', ...own], request.ended);
    request.onData = (piece, endStream) => {
      request.stream.sendData(piece, 0, piece.length, false);
      if (endStream) request.stream.sendTrailers(['x-bytes', String(request.body.length)]);
    };
  };
  return server;
}

/** Our client, connected to a `node:http2` server that does the same. */
async function echoClient(t: TestContext, settings: http2.Settings = {}): Promise<Http2ClientConnection> {
  const server = http2.createServer({ settings });
  server.on('stream', (stream: http2.ServerHttp2Stream, headers) => {
    const own = Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('x-')));
    let bytes = 0;
    stream.respond({ ':status': 200, ...own }, { waitForTrailers: true });
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-bytes': String(bytes) }));
    stream.pipe(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const resources = createCodecResources();
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const connection = new Http2ClientConnection(
    socket,
    UPSTREAM_HTTP2,
    new RecordingClientHandler(),
    resources,
  );
  t.after(() => {
    connection.destroy();
    resources.timers.close();
    server.close();
  });
  return connection;
}

/** Sends a body, giving credit and taking held data into account, and waits for the whole answer. */
async function exchange(
  connection: Http2ClientConnection,
  block: string[],
  body: Buffer,
): Promise<RecordedResponse> {
  const response = new RecordedResponse();
  const stream = connection.open(response, block, false);
  response.onData = (bytes) => stream.consumed(bytes);
  stream.sendData(body, 0, body.length, true);
  await until(() => response.over);
  assert.equal(response.failure, undefined);
  return response;
}

describe('node:http2 as the client of our server', () => {
  test('a large body there and back, with trailers', async (t) => {
    const server = await echoServer(t);
    const body = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => index % 253));
    const response = await new Http2Client(t, server.port).request({ 'x-a': 'b' }, body);
    assert.ok(response.body.equals(body));
    assert.equal(response.headers['x-a'], 'b');
    assert.equal(response.trailers['x-bytes'], String(body.length));
    assert.deepEqual(server.reasons, []);
  });

  test('many streams at once', async (t) => {
    const server = await echoServer(t);
    const client = new Http2Client(t, server.port);
    const bodies = Array.from({ length: 200 }, (_, index) => `body ${index}`);
    const responses = await Promise.all(
      bodies.map((body, index) => client.request({ 'x-n': String(index) }, body)),
    );
    assert.deepEqual(
      responses.map((response) => response.body.toString()),
      bodies,
    );
    assert.deepEqual(
      responses.map((response) => response.headers['x-n']),
      bodies.map((_, index) => String(index)),
    );
  });

  test('fields of any kind pass unchanged, on one connection', async (t) => {
    const server = await echoServer(t);
    const client = new Http2Client(t, server.port);
    const name = fc.stringMatching(/^x-[a-z0-9-]{0,30}$/);
    const value = fc.stringMatching(/^([!-~]([ -~]{0,200}[!-~])?)?$/);
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, value, { maxKeys: 20 }), async (fields) => {
        const response = await client.request(fields);
        for (const [field, text] of Object.entries(fields)) assert.equal(response.headers[field], text);
      }),
      { numRuns: 100 },
    );
    assert.deepEqual(server.reasons, []);
  });

  test('a small header table and a small window, as the client announces them', async (t) => {
    const server = await echoServer(t);
    const session = http2.connect(`http://127.0.0.1:${server.port}`, {
      settings: { headerTableSize: 64, initialWindowSize: 7 },
    });
    t.after(() => session.destroy());
    for (let count = 0; count < 10; count++) {
      const stream = session.request({ ':method': 'POST', 'x-long': 'v'.repeat(50) });
      stream.end('0123456789'.repeat(10));
      let body = '';
      let long: unknown;
      stream.on('response', (headers) => {
        long = headers['x-long'];
      });
      for await (const chunk of stream) body += String(chunk);
      assert.equal(body.length, 100);
      assert.equal(long, 'v'.repeat(50));
    }
  });

  test('drain: the session ends by itself and nothing fails', async (t) => {
    const server = await echoServer(t);
    const client = new Http2Client(t, server.port);
    await client.request({}, 'warm');
    const under = client.open({ ':method': 'POST' });
    await until(() => server.requests.length === 2);
    server.connection.drain();
    under.end('way');
    let body = '';
    for await (const chunk of under) body += String(chunk);
    assert.equal(body, 'way');
    if (!client.session.destroyed) await once(client.session, 'close');
  });
});

describe('node:http2 as the server of our client', () => {
  test('a large body there and back, with trailers', async (t) => {
    const connection = await echoClient(t);
    const body = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => index % 253));
    const response = await exchange(connection, [...POST, 'x-a', 'b'], body);
    assert.ok(response.body.equals(body));
    assert.deepEqual(response.trailers, ['x-bytes', String(body.length)]);
  });

  test('a small header table and a small window, as the server announces them', async (t) => {
    const connection = await echoClient(t, { headerTableSize: 0, initialWindowSize: 9 });
    for (let count = 0; count < 10; count++) {
      const response = await exchange(
        connection,
        [...POST, 'x-count', String(count)],
        Buffer.alloc(100, 'z'),
      );
      assert.equal(response.body.toString(), 'z'.repeat(100));
      assert.ok(response.block?.includes(String(count)));
    }
  });
});

test('curl with prior knowledge', { skip: missingTools('curl') }, async (t) => {
  const server = await echoServer(t);
  const url = `http://127.0.0.1:${server.port}/`;
  const body = 'c'.repeat(200_000);
  const request = run('curl', [
    '-s',
    '--http2-prior-knowledge',
    '-H',
    'x-a: b',
    '--data-binary',
    '@-',
    '-D',
    '-',
    url,
  ]);
  request.child.stdin?.end(body);
  const { stdout } = await request;
  assert.match(stdout, /^HTTP\/2 200/);
  assert.match(stdout, /x-a: b/);
  assert.ok(stdout.includes(body));
});

test('h2load', { skip: missingTools('h2load') }, async (t) => {
  const server = await Http2CodecServer.start(t);
  server.handler.onRequest = (request) => request.respond(200, 'hello');
  const args = ['-n', '5000', '-c', '4', '-m', '50', `http://127.0.0.1:${server.port}/`];
  const { stdout } = await run('h2load', args);
  assert.match(stdout, /5000 succeeded, 0 failed, 0 errored/);
  assert.deepEqual(server.reasons, []);
});
