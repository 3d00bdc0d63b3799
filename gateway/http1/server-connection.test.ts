import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Http1CodecServer } from '../../test/fixtures/http1-server.ts';
import { RawHttp1Peer } from '../../test/fixtures/raw-http1-peer.ts';
import { type RecordedRequest, until } from '../../test/fixtures/recorded-exchanges.ts';
import { H2_ERROR } from '../http/stream.ts';

const HOST = 'Host: a.example\r\n';
const GET = `GET / HTTP/1.1\r\n${HOST}\r\n`;
const CHUNKED = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;

/** Sends a request, lets the engine answer, and returns all that came when `pattern` matched. */
async function answered(
  t: Parameters<typeof Http1CodecServer.start>[0],
  request: string,
  answer: (request: RecordedRequest) => void,
  pattern: RegExp | string,
): Promise<{ readonly text: string; readonly peer: RawHttp1Peer; readonly server: Http1CodecServer }> {
  const server = await Http1CodecServer.start(t);
  server.handler.onRequest = answer;
  const peer = await RawHttp1Peer.dial(t, server.port);
  peer.send(request);
  await peer.until(pattern);
  return { text: peer.received, peer, server };
}

/** The connection is still good: it answers one more request with 299. */
async function goesOn({ peer, server }: { peer: RawHttp1Peer; server: Http1CodecServer }): Promise<void> {
  server.handler.onRequest = (request) => request.respond(299);
  peer.send(GET);
  await peer.until('HTTP/1.1 299 \r\n');
}

function write(request: RecordedRequest, text: string, endStream: boolean): void {
  const bytes = Buffer.from(text, 'latin1');
  request.stream.sendData(bytes, 0, bytes.length, endStream);
}

describe('how a response is delimited', () => {
  test('by its content-length', async (t) => {
    const answer = (request: RecordedRequest): void => request.respond(200, 'hello', ['content-length', '5']);
    const result = await answered(t, GET, answer, 'hello');
    assert.equal(result.text, 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello');
    await goesOn(result);
  });

  test('by chunks when its length is not known, with trailers', async (t) => {
    const answer = (request: RecordedRequest): void => {
      request.stream.sendHeaders([':status', '200', 'x-a', 'b'], false);
      write(request, 'hello', false);
      write(request, 'y'.repeat(300), false);
      request.stream.sendTrailers(['x-sum', '1']);
    };
    const result = await answered(t, GET, answer, '\r\n\r\n0\r\nx-sum: 1\r\n\r\n'.slice(2));
    assert.equal(
      result.text,
      'HTTP/1.1 200 OK\r\nx-a: b\r\ntransfer-encoding: chunked\r\n\r\n' +
        `5\r\nhello\r\n12c\r\n${'y'.repeat(300)}\r\n0\r\nx-sum: 1\r\n\r\n`,
    );
    await goesOn(result);
  });

  test('without a body by a length of 0', async (t) => {
    const result = await answered(t, GET, (request) => request.respond(404), '\r\n\r\n');
    assert.equal(result.text, 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n');
    await goesOn(result);
  });

  for (const [status, fields, head] of [
    [204, ['content-length', '0'], 'HTTP/1.1 204 No Content\r\n\r\n'],
    [304, ['content-length', '5'], 'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n'],
  ] as const) {
    test(`${status} never has a body`, async (t) => {
      const answer = (request: RecordedRequest): void => {
        request.stream.sendHeaders([':status', String(status), ...fields], false);
        write(request, 'what', true);
      };
      const result = await answered(t, GET, answer, '\r\n\r\n');
      await goesOn(result);
      assert.ok(result.peer.received.startsWith(`${head}HTTP/1.1 299`));
    });
  }

  test('to HEAD it says its length and has no body', async (t) => {
    const answer = (request: RecordedRequest): void => request.respond(200, '', ['content-length', '5']);
    const result = await answered(t, `HEAD / HTTP/1.1\r\n${HOST}\r\n`, answer, '\r\n\r\n');
    await goesOn(result);
    assert.ok(result.peer.received.startsWith('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nHTTP/1.1 299'));
  });

  test('to HTTP/1.0 by the end of the connection when its length is not known', async (t) => {
    const answer = (request: RecordedRequest): void => {
      request.stream.sendInformational([':status', '103']);
      request.respond(200, 'hello');
    };
    const { peer } = await answered(t, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', answer, 'hello');
    assert.equal(await peer.untilEnded(), 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello');
  });

  test('a body shorter or longer than its content-length cuts the connection', async (t) => {
    for (const body of ['four', 'sixsix']) {
      const answer = (request: RecordedRequest): void => request.respond(200, body, ['content-length', '5']);
      const server = await Http1CodecServer.start(t);
      server.handler.onRequest = answer;
      const peer = await RawHttp1Peer.dial(t, server.port);
      peer.send(GET);
      await peer.untilEnded();
      assert.deepEqual(server.reasons, ['content-length-mismatch']);
      assert.equal(server.requests[0]?.resetCode, H2_ERROR.INTERNAL_ERROR);
    }
  });

  test('informational responses come before it', async (t) => {
    const answer = (request: RecordedRequest): void => {
      request.stream.sendInformational([':status', '100']);
      request.stream.sendInformational([':status', '103', 'link', '</a>']);
      request.respond(200);
    };
    const { text } = await answered(t, GET, answer, 'content-length: 0\r\n\r\n');
    assert.equal(
      text,
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n' +
        'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
    );
  });
});

describe('whether the connection is used again', () => {
  for (const [name, request, kept] of [
    ['HTTP/1.1', GET, true],
    ['HTTP/1.1 with close', `GET / HTTP/1.1\r\n${HOST}Connection: Close\r\n\r\n`, false],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', false],
    ['HTTP/1.0 with keep-alive', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', true],
  ] as const) {
    test(name, async (t) => {
      const result = await answered(t, request, (each) => each.respond(200), '\r\n\r\n');
      if (kept) await goesOn(result);
      else assert.match(await result.peer.untilEnded(), /connection: close\r\n/);
    });
  }

  test('drain: the next response is the last', async (t) => {
    const result = await answered(t, GET, (request) => request.respond(200), '\r\n\r\n');
    result.server.connection.drain();
    result.peer.send(GET);
    assert.match(await result.peer.untilEnded(), /connection: close\r\n\r\n$/);
    assert.equal(result.server.requests.length, 2);
  });
});

describe('the last response says so', () => {
  test('drain while it is awaited', async (t) => {
    const server = await Http1CodecServer.start(t);
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.send(GET);
    await until(() => server.requests.length === 1);
    server.connection.drain();
    server.requests[0]?.respond(200);
    assert.match(await peer.untilEnded(), /connection: close\r\n\r\n$/);
  });

  test('to a request that has not ended', async (t) => {
    const server = await Http1CodecServer.start(t);
    server.handler.onRequest = (request) => {
      request.respond(413, 'no', ['content-length', '2']);
      request.stream.reset(H2_ERROR.NO_ERROR);
    };
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.send(CHUNKED);
    assert.match(await peer.untilEnded(), /^HTTP\/1\.1 413 [\s\S]*\r\nconnection: close\r\n\r\nno$/);
  });

  test('to a request whose end leaves behind the held rest of its response', async (t) => {
    const server = await Http1CodecServer.start(t);
    const body = Buffer.alloc(8_000_000, 'p');
    server.handler.onRequest = (request) => {
      request.stream.sendHeaders([':status', '200'], false);
      const taken = request.stream.sendData(body, 0, body.length, true);
      request.onDrained = () => {
        // As the engine does when all of a response has left before its request has ended.
        if (taken + request.drainedBytes === body.length) request.stream.reset(H2_ERROR.NO_ERROR);
      };
    };
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.send(CHUNKED);
    assert.match((await peer.untilEnded()).slice(-20), /p\r\n0\r\n\r\n$/);
  });
});

describe('pipelining', () => {
  test('requests are answered in order, one at a time', async (t) => {
    const server = await Http1CodecServer.start(t);
    const peer = await RawHttp1Peer.dial(t, server.port);
    const paths = ['/1', '/2', '/3', '/4'];
    const post = (path: string): string => `POST ${path} HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\n${path}`;
    peer.send(paths.map(post).join(''));
    for (const [index, path] of paths.entries()) {
      await until(() => server.requests.length === index + 1 && server.requests[index]?.ended === true);
      assert.equal(server.connection.openStreams, 1);
      assert.equal(server.requests[index]?.body.toString(), path);
      server.requests[index]?.respond(200, path, ['content-length', '2']);
    }
    await peer.until('/4');
    assert.deepEqual(peer.received.match(/\/[0-9](?!\.)/g), paths);
  });

  test('thousands that are answered at once', async (t) => {
    const server = await Http1CodecServer.start(t);
    server.handler.onRequest = (request) =>
      request.respond(200, request.field(':path'), ['content-length', '5']);
    const peer = await RawHttp1Peer.dial(t, server.port);
    const paths = Array.from({ length: 5000 }, (_, index) => `/${1000 + index}`);
    peer.send(paths.map((path) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`).join(''));
    await peer.until('/5999');
    assert.deepEqual(peer.received.match(/\/[0-9]{4}/g), paths);
  });

  test('what comes behind an open request is bounded', async (t) => {
    const server = await Http1CodecServer.start(t);
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.send(GET);
    await until(() => server.requests.length === 1);
    const requests = GET.repeat(2000);
    let stopped = false;
    for (let count = 0; count < 400 && !stopped; count++) {
      stopped = !peer.socket.write(requests) && peer.socket.writableLength > 8_000_000;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(stopped, true, 'the server stopped reading');
    assert.equal(server.requests.length, 1);
  });

  test('a client that has ended its sending still gets its answers', async (t) => {
    const server = await Http1CodecServer.start(t);
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.socket.end(GET + GET);
    await until(() => server.requests.length === 1);
    server.requests[0]?.respond(200);
    await until(() => server.requests.length === 2);
    server.requests[1]?.respond(200);
    assert.equal((await peer.untilEnded()).split('HTTP/1.1 200').length, 3);
  });
});

describe('request bodies', () => {
  test('a response before the end of the request: the rest is read, then the connection ends', async (t) => {
    const result = await answered(t, CHUNKED, (request) => request.respond(413), '\r\n\r\n');
    result.peer.send('5\r\nhello\r\n0\r\n\r\n');
    assert.match(await result.peer.untilEnded(), /connection: close\r\n/);
    assert.equal(result.server.requests[0]?.body.toString(), 'hello');
  });

  test('a response before the end of the request, whose rest is not wanted', async (t) => {
    const answer = (request: RecordedRequest): void => {
      request.respond(413);
      request.stream.reset(H2_ERROR.NO_ERROR);
    };
    const server = await Http1CodecServer.start(t);
    server.handler.onRequest = answer;
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.send(CHUNKED);
    assert.match(await peer.untilEnded(), /^HTTP\/1\.1 413 /);
  });

  test('Expect: 100-continue goes through, and its answer back', async (t) => {
    const head = `POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`;
    const answer = ({ stream }: RecordedRequest): void => stream.sendInformational([':status', '100']);
    const { peer, server } = await answered(t, head, answer, 'HTTP/1.1 100 Continue\r\n\r\n');
    assert.equal(server.requests[0]?.field('expect'), '100-continue');
    peer.send('body');
    await until(() => server.requests[0]?.ended === true);
    server.requests[0]?.respond(200);
    await peer.until('HTTP/1.1 200');
  });

  test('no more is read than the other side takes', async (t) => {
    const server = await Http1CodecServer.start(t, { readWindowBytes: 64 * 1024 });
    server.handler.onRequest = (request) => {
      request.consumes = false;
    };
    const peer = await RawHttp1Peer.dial(t, server.port);
    const total = 20_000_000;
    peer.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: ${total}\r\n\r\n`);
    peer.socket.write(Buffer.alloc(total));
    await until(() => (server.requests[0]?.body.length ?? 0) >= 64 * 1024);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    const request = server.requests[0];
    const read = request?.body.length ?? 0;
    assert.ok(read < 64 * 1024 + 2 * 65_536, `${read} bytes were read`);
    if (request !== undefined) request.consumes = true;
    request?.stream.consumed(read);
    await until(() => request?.ended === true);
    assert.equal(request?.body.length, total);
  });

  test('a client that leaves in the middle resets the request', async (t) => {
    const server = await Http1CodecServer.start(t);
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\r\nab`);
    await until(() => server.requests[0]?.body.length === 2);
    peer.socket.end();
    await until(() => server.requests[0]?.resetCode === H2_ERROR.CANCEL);
    await until(() => server.handler.closedCount === 1);
  });
});

describe('tunnels', () => {
  test('CONNECT: bytes both ways, each direction ends by itself', async (t) => {
    const server = await Http1CodecServer.start(t);
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.send('CONNECT a.example:1 HTTP/1.1\r\nHost: a.example:1\r\n\r\nearly');
    await until(() => server.requests.length === 1);
    const request = server.requests[0];
    assert.equal(request?.ended, false);
    request?.stream.sendHeaders([':status', '200', 'content-length', '0'], false);
    await peer.until('HTTP/1.1 200 OK\r\n\r\n');
    peer.send(' and late');
    await until(() => request?.body.toString() === 'early and late');
    peer.socket.end();
    await until(() => request?.ended === true);
    if (request !== undefined) write(request, 'after their end', true);
    assert.match(await peer.untilEnded(), /after their end$/);
    await until(() => server.handler.closedCount === 1);
    assert.equal(request?.resetCode, undefined);
  });

  test('CONNECT: an answer that ends says so to the client, whose direction stays open', async (t) => {
    const server = await Http1CodecServer.start(t);
    server.handler.onRequest = ({ stream }) => stream.sendHeaders([':status', '200'], true);
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.send('CONNECT a.example:1 HTTP/1.1\r\nHost: a.example:1\r\n\r\n');
    await peer.untilEnded();
    peer.send('still open');
    await until(() => server.requests[0]?.body.toString() === 'still open');
  });

  test('a CONNECT that is refused is an ordinary answer, and the last', async (t) => {
    const server = await Http1CodecServer.start(t);
    server.handler.onRequest = (request) => request.respond(403);
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.send(`CONNECT a.example:1 HTTP/1.1\r\nHost: a.example:1\r\n\r\n${GET}`);
    assert.match(
      await peer.untilEnded(),
      /^HTTP\/1\.1 403 [^\r]+\r\ncontent-length: 0\r\nconnection: close\r\n\r\n$/,
    );
    assert.equal(server.requests.length, 1);
  });

  test('a WebSocket handshake is answered with the accept of its key', async (t) => {
    const server = await Http1CodecServer.start(t);
    const peer = await RawHttp1Peer.dial(t, server.port);
    peer.send(
      `GET /chat HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    await until(() => server.requests.length === 1);
    const request = server.requests[0];
    assert.equal(request?.field('sec-websocket-key'), undefined);
    assert.equal(request?.field('sec-websocket-version'), '13');
    request?.stream.sendHeaders([':status', '101', 'upgrade', 'websocket'], false);
    // The example of RFC 6455 section 1.3.
    await peer.until('sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n');
    assert.match(peer.received, /^HTTP\/1\.1 101 Switching Protocols\r\nupgrade: websocket\r\n/);
    assert.match(peer.received, /connection: upgrade\r\n\r\n$/);
    peer.send('frame');
    await until(() => request?.body.toString() === 'frame');
  });
});

test('a defect of ours ends its connection, not the process', async (t) => {
  const defect = new TypeError('a defect');
  const defects: unknown[] = [];
  const server = await Http1CodecServer.start(t, {}, undefined, (error) => defects.push(error));
  server.handler.onRequest = () => {
    throw defect;
  };
  const peer = await RawHttp1Peer.dial(t, server.port);
  peer.send(GET);
  assert.match(await peer.untilEnded(), /^HTTP\/1\.1 500 /);
  assert.deepEqual(defects, [defect]);
  assert.deepEqual(server.reasons, ['internal']);
});
