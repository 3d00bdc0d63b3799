import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { KeepAliveClient } from './keep-alive-client.ts';

const REQUEST = Buffer.from('PUT /a HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi');
const LONG = 'x'.repeat(200_000);

async function clientOf(t: TestContext, server: Server, connections: number): Promise<KeepAliveClient> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new KeepAliveClient(() => connect({ host: '127.0.0.1', port }), connections);
  t.after(() => {
    client.close();
    server.close();
  });
  return client;
}

describe('KeepAliveClient', () => {
  it('asks one after the other over connections that it keeps, whatever says where an answer ends', async (t) => {
    let connections = 0;
    const answers = [
      { status: 200, length: { 'content-length': LONG.length }, body: LONG },
      { status: 503, length: {}, body: LONG },
      { status: 404, length: { 'content-length': 0 }, body: '' },
    ];
    let turn = 0;
    const server = createServer((request, response) => {
      request.resume();
      const { status, length, body } = answers[turn++ % answers.length] ?? {};
      response.writeHead(status ?? 500, length);
      response.end(body);
    });
    server.on('connection', () => connections++);
    const client = await clientOf(t, server, 1);
    const statuses = await Promise.all(Array.from({ length: 6 }, () => client.ask(REQUEST)));
    assert.deepEqual(statuses, [200, 503, 404, 200, 503, 404]);
    assert.equal(connections, 1);
  });

  it('tells who asked that the connection ended, and opens another for those that wait', async (t) => {
    let asked = 0;
    const server = createServer((request, response) => {
      if (asked++ === 0) request.socket.destroy();
      else response.writeHead(200, { connection: 'close' }).end('ok');
    });
    const client = await clientOf(t, server, 1);
    const outcomes = await Promise.allSettled(Array.from({ length: 3 }, () => client.ask(REQUEST)));
    assert.deepEqual(
      outcomes.map((one) => (one.status === 'fulfilled' ? one.value : 'ended')),
      ['ended', 200, 200],
    );
    assert.equal(await client.ask(REQUEST), 200);
  });
});
