import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { parseSpiffeId } from '../../federation/model/identity.ts';
import { type AccessRule, EVERY_REQUEST } from '../../federation/model/policy.ts';
import { Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { Http2Client, responseOf } from '../../test/fixtures/http2-client.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { type TestCluster, TestMesh } from '../../test/fixtures/test-mesh.ts';
import type { TestService } from '../../test/fixtures/test-snapshot.ts';

interface Pair {
  readonly east: TestGateway;
  readonly west: TestGateway;
  readonly client: Http2Client;
}

/** East, where the client comes in, and west, which has the one pod of `payments`. */
async function pair(
  t: TestContext,
  pod: number,
  service: Partial<TestService> = {},
  options: Partial<TestCluster> = {},
): Promise<Pair> {
  const mesh = await TestMesh.create(t, ['east', 'west']);
  const payments = { name: 'payments', protocol: 'http2', ...service } as const;
  const { east, west } = await mesh.pair(payments, [pod], { east: options });
  return { east, west, client: new Http2Client(t, await east.listenHttp()) };
}

describe('a request from a client in east to a pod in west', () => {
  it('arrives whole, and its answer and trailers come back', async (t) => {
    const pod = await Http2Backend.start(t, (stream) => {
      stream.respond({ ':status': 201, 'x-pod': 'west' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }));
      stream.pipe(stream);
    });
    const { client, east, west } = await pair(t, pod.port);
    const body = Buffer.alloc(300_000, 'abc');
    const response = await client.request({ ':path': '/orders?id=1', 'x-mine': 'yes' }, body);
    assert.equal(response.status, 201);
    assert.equal(response.headers['x-pod'], 'west');
    assert.ok(response.body.equals(body));
    assert.equal(response.trailers['x-sum'], '42');
    assert.equal(pod.requests[0]?.[':path'], '/orders?id=1');
    assert.equal(pod.requests[0]?.['x-mine'], 'yes');
    assert.equal(east.seen[0]?.destinationCluster, 'west');
    assert.equal(west.seen[0]?.sourceCluster, 'east');
  });

  it('carries no internal field of a client, a pod, or its trailers', async (t) => {
    const pod = await Http2Backend.start(t, (stream) => {
      stream.respond({ 'isthmus-reason': 'no-local-endpoint' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'isthmus-caller': 'x', 'x-good': 'y' }));
      stream.end('ok');
    });
    const { client } = await pair(t, pod.port);
    const response = await client.request({
      'isthmus-caller': 'spiffe://east.mesh.example/ns/shop/sa/admin',
      'isthmus-service': 'other/service:http',
      isthmus_locality: 'a/b',
      'x-forwarded-client-cert': 'By=me',
      x_forwarded_client_cert: 'By=me',
    });
    assert.equal(response.status, 200);
    assert.equal(response.body.toString(), 'ok');
    assert.equal(response.headers['isthmus-reason'], undefined);
    assert.deepEqual(Object.entries(response.trailers), [['x-good', 'y']]);
    const received = Object.keys(pod.requests[0] ?? {});
    assert.deepEqual(
      received.filter((name) => /isthmus|forwarded/.test(name)),
      [],
    );
  });

  it('tells the pod who called', async (t) => {
    const pod = await Http2Backend.start(t, (stream) => {
      stream.respond();
      stream.end();
    });
    const caller = parseSpiffeId('spiffe://east.mesh.example/ns/shop/sa/cart');
    const { client, west } = await pair(t, pod.port, {}, { caller });
    assert.equal((await client.request()).status, 200);
    assert.equal(
      pod.requests[0]?.['x-forwarded-client-cert'],
      'By=spiffe://west.mesh.example/isthmus/gateway;URI=spiffe://east.mesh.example/ns/shop/sa/cart',
    );
    assert.equal(west.seen[0]?.caller, caller.text);
  });

  it('sees the same normal form of the path at the rule and at the pod', async (t) => {
    const pod = await Http2Backend.start(t, (stream) => {
      stream.respond();
      stream.end();
    });
    const access: readonly AccessRule[] = [{ ...EVERY_REQUEST, action: 'deny', pathPrefixes: ['/admin'] }];
    const { client } = await pair(t, pod.port, { access });
    for (const path of ['/admin', '/x/../admin/y', '//admin', '/%61dmin', '/x%2f..%2fadmin', '/\\admin']) {
      assert.equal((await client.request({ ':path': path })).status, 403, path);
    }
    assert.equal((await client.request({ ':path': '/../admin' })).status, 400);
    assert.equal((await client.request({ ':path': '/a//b/%2e%2e/c' })).status, 200);
    assert.deepEqual(
      pod.requests.map((headers) => headers[':path']),
      ['/a/c'],
    );
  });

  it('is answered by the gateway when it leads nowhere, for gRPC in gRPC', async (t) => {
    const pod = await Http2Backend.start(t, (stream) => stream.respond());
    const { client, east } = await pair(t, pod.port);
    const plain = await client.request({ ':authority': 'nobody.shop' });
    assert.equal(plain.status, 404);
    assert.match(plain.body.toString(), /No service/);
    const grpc = await client.request(
      { ':authority': 'nobody.shop', 'content-type': 'application/grpc+proto' },
      'message',
    );
    assert.equal(grpc.status, 200);
    assert.equal(grpc.headers['grpc-status'], '12');
    assert.equal(east.seen[0]?.failure, 'noRoute');
  });

  it('takes as long as its grpc-timeout says', async (t) => {
    const pod = await Http2Backend.start(t, () => undefined);
    const { client, east, west } = await pair(t, pod.port);
    const response = await client.request(
      { 'content-type': 'application/grpc', 'grpc-timeout': '300m' },
      'message',
    );
    assert.equal(response.headers['grpc-status'], '4');
    // Both gateways know the deadline; either may be the first to see it pass.
    assert.ok([...east.seen, ...west.seen].some(({ failure }) => failure === 'upstreamTimeout'));
  });

  it('ends with 504 when nothing answers it', async (t) => {
    const pod = await Http2Backend.start(t, () => undefined);
    const { client } = await pair(t, pod.port, {}, { responseTimeoutMs: 200 });
    assert.equal((await client.request()).status, 504);
  });

  it('is cancelled at the pod when the client cancels', async (t) => {
    const { promise: cancelled, resolve } = Promise.withResolvers<number>();
    const pod = await Http2Backend.start(t, (stream) => {
      stream.respond();
      stream.write('first');
      stream.on('close', () => resolve(stream.rstCode));
    });
    const { client, east, west } = await pair(t, pod.port);
    const stream = client.open({});
    stream.on('error', () => undefined);
    await once(stream, 'data');
    stream.close(8);
    assert.equal(await cancelled, 8);
    assert.equal(east.seen[0]?.failure, 'downstreamGone');
    assert.equal(west.seen[0]?.failure, 'downstreamGone');
  });

  it('may be answered before it is complete', async (t) => {
    const pod = await Http2Backend.start(t, (stream) => {
      stream.respond({ ':status': 413 });
      stream.end('too much');
    });
    const { client, east } = await pair(t, pod.port);
    const stream = client.open({ ':method': 'POST' });
    stream.write('the first of many');
    const response = await responseOf(stream);
    assert.equal(response.status, 413);
    assert.equal(response.body.toString(), 'too much');
    assert.equal(east.engine.activeRequests, 0);
  });

  it('reaches a pod that speaks HTTP/1.1, with and without a body', async (t) => {
    const server = createServer((request, response) => {
      response.setHeader('x-method', request.method ?? '');
      request.pipe(response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const { client } = await pair(t, (server.address() as AddressInfo).port, { protocol: 'http' });
    for (let i = 0; i < 5; i++) {
      const response = await client.request({}, `body ${i}`);
      assert.equal(response.headers['x-method'], 'POST');
      assert.equal(response.body.toString(), `body ${i}`);
    }
    const responses = await Promise.all(Array.from({ length: 20 }, () => client.request()));
    assert.deepEqual(new Set(responses.map(({ status }) => status)), new Set([200]));
    server.closeAllConnections();
  });
});
