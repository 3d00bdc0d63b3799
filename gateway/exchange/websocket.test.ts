import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect } from 'node:http2';
import type { Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { type AccessRule, EVERY_REQUEST } from '../../federation/model/policy.ts';
import { Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { podPort } from '../../test/fixtures/pod-port.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';
import type { TestService } from '../../test/fixtures/test-snapshot.ts';

const acceptOf = (key: string): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** A pod that answers a WebSocket's handshake by RFC 6455 and then echoes. */
async function http1Pod(t: TestContext): Promise<number> {
  const server = createServer((_request, response) => response.writeHead(426).end());
  server.on('upgrade', (asked, socket: Socket) => {
    const accept = acceptOf(asked.headers['sec-websocket-key'] ?? '');
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n');
    socket.write(`Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.pipe(socket);
  });
  return await podPort(t, server);
}

/** A port of east's gateway, with the pod behind west's. */
async function through(t: TestContext, service: Pick<TestService, 'protocol' | 'access'>, pod: number) {
  const mesh = await TestMesh.create(t, ['east', 'west']);
  const { east } = await mesh.pair({ name: 'chat', ...service }, [pod]);
  return await east.listenHttp();
}

function askByHttp1(port: number, path = '/chat') {
  const asked = request({
    port,
    path,
    headers: {
      host: 'chat.shop',
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': KEY,
      'sec-websocket-version': '13',
    },
  });
  asked.end();
  return asked;
}

async function echo(socket: Socket | NodeJS.ReadWriteStream, text: string): Promise<string> {
  socket.write(text);
  const [chunk] = await once(socket, 'data');
  return String(chunk);
}

describe('a WebSocket through a trunk', () => {
  it('goes from HTTP/1.1 to HTTP/1.1', async (t) => {
    const port = await through(t, { protocol: 'http' }, await http1Pod(t));
    const [response, socket] = await once(askByHttp1(port), 'upgrade');
    assert.equal(response.statusCode, 101);
    assert.equal(response.headers.upgrade, 'websocket');
    assert.equal(response.headers['sec-websocket-accept'], acceptOf(KEY));
    assert.equal(await echo(socket, 'hello'), 'hello');
    socket.end();
    await once(socket, 'close');
  });

  it('goes from HTTP/2 to HTTP/1.1', async (t) => {
    const port = await through(t, { protocol: 'http' }, await http1Pod(t));
    const session = connect(`http://127.0.0.1:${port}`);
    t.after(() => session.destroy());
    await once(session, 'remoteSettings');
    const stream = session.request({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'http',
      ':authority': 'chat.shop',
      ':path': '/chat',
      'sec-websocket-version': '13',
    });
    const [headers] = await once(stream, 'response');
    assert.equal(headers[':status'], 200);
    assert.equal(await echo(stream, 'hello'), 'hello');
    stream.end();
    await once(stream, 'close');
  });

  it('that the pod refuses is an ordinary answer', async (t) => {
    const pod = await Http2Backend.start(
      t,
      (stream) => stream.respond({ ':status': 403 }, { endStream: true }),
      { enableConnectProtocol: true },
    );
    const port = await through(t, { protocol: 'http2' }, pod.port);
    const [response] = await once(askByHttp1(port), 'response');
    assert.equal(response.statusCode, 403);
    response.resume();
  });

  it('is a GET for access rules', async (t) => {
    const access: readonly AccessRule[] = [
      { ...EVERY_REQUEST, action: 'allow', methods: ['GET'], pathPrefixes: ['/chat'] },
    ];
    const port = await through(t, { protocol: 'http', access }, await http1Pod(t));
    const [, socket] = await once(askByHttp1(port), 'upgrade');
    socket.destroy();
    const [refused] = await once(askByHttp1(port, '/admin'), 'response');
    assert.equal(refused.statusCode, 403);
    refused.resume();
  });
});
