import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { Http1CodecServer } from '../../test/fixtures/http1-server.ts';
import { RecordedResponse, RecordingClientHandler, until } from '../../test/fixtures/recorded-exchanges.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { createCodecResources } from '../http/resources.ts';
import { Http1ClientConnection } from './client-connection.ts';
import { UPSTREAM_HTTP1 } from './options.ts';

const run = promisify(execFile);
const POST = [':method', 'POST', ':scheme', 'http', ':authority', 'a.example', ':path', '/'];
const BODY = Buffer.from(Array.from({ length: 2_000_000 }, (_, index) => index % 253));

/** Our server, which sends every request's body and fields back. */
async function echoServer(t: TestContext): Promise<Http1CodecServer> {
  const server = await Http1CodecServer.start(t);
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

interface Answer {
  readonly headers: http.IncomingHttpHeaders;
  readonly trailers: NodeJS.Dict<string>;
  readonly body: Buffer;
}

async function ask(options: http.RequestOptions, body?: Buffer): Promise<Answer> {
  const request = http.request({ host: '127.0.0.1', ...options });
  request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { headers: response.headers, trailers: response.trailers, body: Buffer.concat(chunks) };
}

describe('node:http as the client of our server', () => {
  test('a large body there and back, by length and by chunks', async (t) => {
    const server = await echoServer(t);
    for (const headers of [{ 'content-length': BODY.length }, { 'transfer-encoding': 'chunked' }]) {
      const answer = await ask({ port: server.port, method: 'POST', headers }, BODY);
      assert.ok(answer.body.equals(BODY));
      assert.equal(answer.trailers['x-bytes'], String(BODY.length));
    }
    assert.deepEqual(server.reasons, []);
  });

  test('one connection for requests that are answered when they are complete', async (t) => {
    const server = await Http1CodecServer.start(t);
    server.handler.onRequest = (request) => {
      request.onData = (_piece, endStream) => {
        if (endStream) request.respond(200, request.body.toString('latin1'));
      };
    };
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    for (const headers of [{ 'content-length': BODY.length }, { 'transfer-encoding': 'chunked' }]) {
      const answer = await ask({ port: server.port, method: 'POST', agent, headers }, BODY);
      assert.ok(answer.body.equals(BODY));
    }
    assert.equal(server.connections.length, 1);
  });

  test('fields of any kind pass unchanged', async (t) => {
    const server = await echoServer(t);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const name = fc.stringMatching(/^x-[a-z0-9-]{0,30}$/);
    const value = fc.stringMatching(/^([!-~\xa0-\xff]([ -~]{0,200}[!-~])?)?$/);
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, value, { maxKeys: 20 }), async (fields) => {
        const { headers } = await ask({ port: server.port, agent, headers: fields });
        for (const [field, text] of Object.entries(fields)) assert.equal(headers[field], text);
      }),
      { numRuns: 100 },
    );
    assert.deepEqual(server.reasons, []);
  });
});

test('node:http as the server of our client', async (t) => {
  const server = http.createServer((request, response) => {
    response.writeHead(200, { trailer: 'x-bytes', 'x-length': request.headers['content-length'] ?? 'none' });
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on('end', () => {
      response.addTrailers({ 'x-bytes': String(bytes) });
      response.end();
    });
    request.pipe(response, { end: false });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const resources = createCodecResources();
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const connection = new Http1ClientConnection(
    socket,
    UPSTREAM_HTTP1,
    new RecordingClientHandler(),
    resources,
  );
  t.after(() => {
    connection.destroy();
    resources.timers.close();
    server.close();
  });
  for (const fields of [[], ['content-length', String(BODY.length)]]) {
    const response = new RecordedResponse();
    const stream = connection.open(response, [...POST, ...fields], false);
    response.onData = (bytes) => stream.consumed(bytes);
    stream.sendData(BODY, 0, BODY.length, true);
    await until(() => response.over);
    assert.equal(response.failure, undefined);
    assert.ok(response.body.equals(BODY));
    assert.deepEqual(response.trailers, ['x-bytes', String(BODY.length)]);
    assert.ok(response.block?.includes(fields[1] ?? 'none'));
    await until(() => connection.available);
  }
});

test('curl', { skip: missingTools('curl') }, async (t) => {
  const server = await echoServer(t);
  const url = `http://127.0.0.1:${server.port}/`;
  const body = 'c'.repeat(200_000);
  // curl asks for 100-continue with a body of this size when it is told to.
  server.handler.onRequest = (request) => {
    if (request.field('expect') !== undefined) request.stream.sendInformational([':status', '100']);
    request.onData = (_piece, endStream) => {
      if (endStream) request.respond(200, request.body.toString('latin1'));
    };
  };
  const request = run('curl', [
    '-s',
    '-H',
    'Expect: 100-continue',
    '--data-binary',
    '@-',
    '-D',
    '-',
    url,
    url,
  ]);
  request.child.stdin?.end(body);
  const { stdout } = await request;
  assert.equal(stdout.split('HTTP/1.1 200 OK').length, 3);
  assert.equal(stdout.split(body).length, 3);
  assert.equal(server.connections.length, 1);
  assert.deepEqual(server.reasons, []);
});
