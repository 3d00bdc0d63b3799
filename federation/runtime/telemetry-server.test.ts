import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { ManualClock } from './clock.ts';
import { type TelemetryPage, TelemetryServer } from './telemetry-server.ts';

const HOST = '127.0.0.1';
/** As the server's own bound. */
const MAX_CONNECTIONS = 64;

function page(body: string): TelemetryPage {
  return { status: 200, contentType: 'text/plain', body };
}

async function open(t: TestContext, metrics: () => TelemetryPage | Promise<TelemetryPage> = () => page('m')) {
  const clock = new ManualClock();
  const failures: string[] = [];
  const server = await TelemetryServer.open(
    { host: HOST, port: 0 },
    {
      clock,
      pages: {
        '/healthz': () => page('alive'),
        '/readyz': () => ({ ...page('no'), status: 503 }),
        '/metrics': metrics,
      },
      onFailure: (path, failure) => failures.push(`${path}: ${String(failure)}`),
    },
  );
  t.after(() => server.close());
  return { clock, failures, server };
}

async function ask(port: number, path: string, method = 'GET') {
  const asked = request({
    host: HOST,
    port,
    path,
    method,
    agent: false,
    headers: { host: '10.9.8.7' },
  }).end();
  const [response] = await once(asked, 'response');
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode, connection: response.headers.connection, body };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, HOST);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

describe('the telemetry server', { timeout: 60_000 }, () => {
  it('serves three pages to any host name, and ends each connection', async (t) => {
    const { server } = await open(t);
    assert.deepEqual(await ask(server.port, '/healthz'), { status: 200, connection: 'close', body: 'alive' });
    assert.deepEqual(await ask(server.port, '/readyz?verbose'), {
      status: 503,
      connection: 'close',
      body: 'no',
    });
    assert.equal((await ask(server.port, '/metrics')).body, 'm');
  });

  for (const path of ['/', '/state', '/status', '/drain', '/leave', '/snapshot', '/healthz/', '//metrics']) {
    it(`has no ${path}`, async (t) => {
      const { server } = await open(t);
      assert.equal((await ask(server.port, path)).status, 404);
      assert.equal((await ask(server.port, path, 'POST')).status, 405);
    });
  }

  it('tells its owner, and not who asks, why a page could not be made', async (t) => {
    const { server, failures } = await open(t, () => {
      throw new Error('the secret path /x');
    });
    assert.deepEqual(await ask(server.port, '/metrics'), {
      status: 500,
      connection: 'close',
      body: 'failed\n',
    });
    assert.deepEqual(failures, ['/metrics: Error: the secret path /x']);
  });

  it('makes a page once for all who ask at about the same time', async (t) => {
    let made = 0;
    const made1 = Promise.withResolvers<void>();
    const { server, clock } = await open(t, async () => {
      made++;
      await made1.promise;
      return page(String(made));
    });
    const both = Promise.all([ask(server.port, '/metrics'), ask(server.port, '/metrics')]);
    made1.resolve();
    assert.deepEqual(
      (await both).map(({ body }) => body),
      ['1', '1'],
    );
    assert.equal((await ask(server.port, '/metrics')).body, '1');
    clock.advance(1000);
    assert.equal((await ask(server.port, '/metrics')).body, '2');
  });

  it('cuts off who says nothing, and who does not read', async (t) => {
    const large = page('x'.repeat(32 * 1024 * 1024));
    const { server, clock } = await open(t, () => large);
    const silent = await dial(server.port);
    const deaf = await dial(server.port);
    deaf.pause();
    deaf.write('GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(deaf, 'readable');
    assert.ok((await ask(server.port, '/healthz')).status === 200);
    const ended = Promise.all([once(silent, 'close'), once(deaf.resume(), 'close')]);
    clock.advance(10_000);
    await ended;
    assert.ok(deaf.bytesRead < large.body.length);
  });

  it('lets no number of idle connections keep a probe out', async (t) => {
    const { server } = await open(t);
    const idle: Socket[] = [];
    for (let i = 0; i < MAX_CONNECTIONS; i++) idle.push(await dial(server.port));
    const first = idle[0];
    assert.ok(first !== undefined);
    const closed = once(first, 'close');
    assert.equal((await ask(server.port, '/healthz')).status, 200);
    await closed;
    assert.equal(idle.filter(({ destroyed, readableEnded }) => destroyed || readableEnded).length, 1);
    for (const socket of idle) socket.destroy();
  });
});
