import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { DEFAULT_RETRIES, type RetryPolicy } from '../../federation/model/request-policy.ts';
import { freePort } from '../../test/fixtures/ephemeral-port.ts';
import { type Http2Answer, Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { Http2Client, responseOf } from '../../test/fixtures/http2-client.ts';
import { TcpRelay } from '../../test/fixtures/tcp-relay.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { type TestCluster, TestMesh } from '../../test/fixtures/test-mesh.ts';
import type { TestService } from '../../test/fixtures/test-snapshot.ts';

const PAYMENTS = { name: 'payments', protocol: 'http2' } as const satisfies Partial<TestService>;

interface Trio {
  readonly east: TestGateway;
  readonly west: TestGateway;
  readonly north: TestGateway;
  readonly westPod: Http2Backend;
  readonly northPod: Http2Backend;
  /** The wire from east to west. */
  readonly wire: TcpRelay;
  readonly client: Http2Client;
}

const answerOf =
  (name: string): Http2Answer =>
  (stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      stream.respond({ 'x-cluster': name });
      stream.end(Buffer.concat(chunks));
    });
  };

/** East prefers west, and has north behind it. */
async function trio(
  t: TestContext,
  options: { west?: Http2Answer; westPods?: 'none'; east?: Partial<TestCluster> } = {},
): Promise<Trio> {
  const mesh = await TestMesh.create(t, ['east', 'west', 'north']);
  const westPod = await Http2Backend.start(t, options.west ?? answerOf('west'));
  const northPod = await Http2Backend.start(t, answerOf('north'));
  const behind = (cluster: string, pods: readonly number[]) =>
    mesh.gateway(cluster, {
      peers: { east: [1] },
      services: [{ ...PAYMENTS, endpoints: pods, offeredBy: [] }],
    });
  const west = await behind('west', options.westPods === 'none' ? [] : [westPod.port]);
  const north = await behind('north', [northPod.port]);
  const wire = await TcpRelay.start(t, await west.listenMesh());
  const east = await mesh.gateway('east', {
    ...options.east,
    peers: { west: [wire.port], north: [await north.listenMesh()] },
    services: [{ ...PAYMENTS, endpoints: [], offeredBy: ['west', 'north'] }],
  });
  const client = new Http2Client(t, await east.listenHttp());
  return { east, west, north, westPod, northPod, wire, client };
}

/** Resolves when the pod has been asked, and never answered. */
function silence(): { readonly answer: Http2Answer; readonly asked: Promise<void> } {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  return { answer: () => resolve(), asked };
}

describe('a request whose destination is lost', () => {
  it('goes elsewhere when it is idempotent and no answer had begun', async (t) => {
    const pod = silence();
    const { east, wire, client } = await trio(t, { west: pod.answer });
    const pending = client.request({ ':path': '/slow' });
    await pod.asked;
    wire.cut();
    const response = await pending;
    assert.equal(response.headers['x-cluster'], 'north');
    assert.deepEqual(east.lost, ['west']);
    assert.equal(east.seen[0]?.attempts, 2);
  });

  it('keeps the body of a PUT for its second try', async (t) => {
    const pod = silence();
    const { wire, client } = await trio(t, { west: pod.answer });
    const body = Buffer.alloc(60_000, 'xyz');
    const pending = client.request({ ':method': 'PUT' }, body);
    await pod.asked;
    wire.cut();
    const response = await pending;
    assert.equal(response.headers['x-cluster'], 'north');
    assert.ok(response.body.equals(body));
  });

  it('fails when it is not idempotent, for it may have been processed', async (t) => {
    const pod = silence();
    const { east, northPod, wire, client } = await trio(t, { west: pod.answer });
    const pending = client.request({}, 'pay twice?');
    await pod.asked;
    wire.cut();
    assert.equal((await pending).status, 502);
    assert.equal(northPod.requests.length, 0);
    assert.equal(east.seen[0]?.failure, 'upstreamReset');
  });

  it('breaks when its answer had begun', async (t) => {
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const { wire, client, northPod } = await trio(t, {
      west: (stream) => {
        stream.respond();
        stream.write('half');
        resolve();
      },
    });
    const stream = client.open({});
    const response = responseOf(stream);
    await begun;
    await once(stream, 'response');
    wire.cut();
    await assert.rejects(response);
    assert.equal(northPod.requests.length, 0);
  });

  it('goes elsewhere without a second try when it is known to be lost', async (t) => {
    const { east, wire, client } = await trio(t);
    assert.equal((await client.request()).headers['x-cluster'], 'west');
    wire.cut();
    for (let i = 0; i < 5; i++) assert.equal((await client.request()).headers['x-cluster'], 'north');
    assert.deepEqual(east.lost, ['west']);
    assert.equal(east.seen.at(-1)?.attempts, 1);
  });
});

describe('a request that was certainly not processed', () => {
  it('goes elsewhere, whatever its method, when the destination has no endpoint', async (t) => {
    const { east, client } = await trio(t, { westPods: 'none' });
    const response = await client.request({}, 'a payment');
    assert.equal(response.headers['x-cluster'], 'north');
    assert.equal(response.body.toString(), 'a payment');
    assert.equal(response.headers['isthmus-reason'], undefined);
    assert.equal(east.seen[0]?.attempts, 2);
  });

  it('goes elsewhere when the destination does not answer its port', async (t) => {
    const mesh = await TestMesh.create(t, ['east', 'west', 'north']);
    const pod = await Http2Backend.start(t, answerOf('north'));
    const north = await mesh.gateway('north', {
      peers: { east: [1] },
      services: [{ ...PAYMENTS, endpoints: [pod.port], offeredBy: [] }],
    });
    const east = await mesh.gateway('east', {
      peers: { west: [await freePort(), await freePort()], north: [await north.listenMesh()] },
      services: [{ ...PAYMENTS, endpoints: [], offeredBy: ['west', 'north'] }],
    });
    const client = new Http2Client(t, await east.listenHttp());
    const responses = await Promise.all(Array.from({ length: 10 }, () => client.request({}, 'once')));
    assert.deepEqual(new Set(responses.map((response) => response.headers['x-cluster'])), new Set(['north']));
    assert.deepEqual(east.lost, ['west']);
  });

  it('goes elsewhere when the pod refuses the stream', async (t) => {
    const { client, west } = await trio(t, { west: (stream) => stream.close(7) });
    const response = await client.request({}, 'once');
    assert.equal(response.headers['x-cluster'], 'north');
    assert.equal(west.seen[0]?.failure, 'noLocalEndpoint');
  });

  it('is not sent anywhere when nobody offers the service', async (t) => {
    const mesh = await TestMesh.create(t, ['east']);
    const east = await mesh.gateway('east', {
      services: [{ ...PAYMENTS, endpoints: [], offeredBy: [] }],
    });
    const client = new Http2Client(t, await east.listenHttp());
    assert.equal((await client.request()).status, 503);
    assert.equal(east.seen[0]?.failure, 'noHealthyUpstream');
  });
});

describe('a pod', () => {
  it('that went away is not asked twice when there is another', async (t) => {
    const mesh = await TestMesh.create(t, ['east']);
    const pod = await Http2Backend.start(t, answerOf('east'));
    const east = await mesh.gateway('east', {
      services: [{ ...PAYMENTS, endpoints: [await freePort(), pod.port], offeredBy: [] }],
    });
    const client = new Http2Client(t, await east.listenHttp());
    for (let i = 0; i < 20; i++) {
      assert.equal((await client.request({}, 'once')).headers['x-cluster'], 'east');
    }
  });

  it('is tried again by the rules of a retry policy only', async (t) => {
    let left = 2;
    const mesh = await TestMesh.create(t, ['east']);
    const pod = await Http2Backend.start(t, (stream) => {
      stream.respond({ ':status': left-- > 0 ? 503 : 200 });
      stream.end();
    });
    const plainService = { ...PAYMENTS, endpoints: [pod.port], offeredBy: [] };
    const plain = await mesh.gateway('east', { services: [plainService] });
    const plainClient = new Http2Client(t, await plain.listenHttp());
    assert.equal((await plainClient.request()).status, 503);
    left = 2;
    const retries: RetryPolicy = {
      ...DEFAULT_RETRIES,
      attempts: 3,
      on: ['retriable-status-codes'],
      statusCodes: [503],
      backoff: { baseMs: 5, maxMs: 10 },
    };
    const trying = await mesh.gateway('east', { services: [{ ...plainService, traffic: { retries } }] });
    const client = new Http2Client(t, await trying.listenHttp());
    assert.equal((await client.request()).status, 200);
    assert.equal(trying.seen[0]?.attempts, 3);
    left = 1;
    assert.equal((await client.request({}, 'once')).status, 503);
  });

  it('that is asked again takes a place in the budget until it answers', async (t) => {
    const retried = Promise.withResolvers<() => void>();
    const mesh = await TestMesh.create(t, ['east']);
    let asked = 0;
    const pod = await Http2Backend.start(t, (stream) => {
      const answer = (status: number): void => {
        stream.respond({ ':status': status });
        stream.write('begun');
        stream.once('end', () => stream.end());
        stream.resume();
      };
      if (asked++ === 0) answer(503);
      else retried.resolve(() => answer(200));
    });
    const retries: RetryPolicy = {
      ...DEFAULT_RETRIES,
      on: ['5xx'],
      backoff: { baseMs: 5, maxMs: 10 },
      budget: { percent: 0, minConcurrency: 1 },
    };
    const services = [{ ...PAYMENTS, endpoints: [pod.port], offeredBy: [], traffic: { retries } }];
    const east = await mesh.gateway('east', { services });
    const client = new Http2Client(t, await east.listenHttp());
    const upload = client.open({ ':method': 'PUT' });
    const answered = once(upload, 'response');
    const answer = await retried.promise;
    assert.equal(east.engine.activeRetries, 1);
    answer();
    await answered;
    assert.equal(east.engine.activeRetries, 0);
    assert.equal(east.engine.activeRequests, 1);
    upload.end();
    assert.equal((await responseOf(upload)).body.toString(), 'begun');
  });

  it('is one of three at most that a deadly request may kill', async (t) => {
    const mesh = await TestMesh.create(t, ['east']);
    const pods = await Promise.all(
      Array.from({ length: 5 }, () => Http2Backend.start(t, (stream) => stream.session?.destroy())),
    );
    const endpoints = pods.map(({ port }) => port);
    const east = await mesh.gateway('east', { services: [{ ...PAYMENTS, endpoints, offeredBy: [] }] });
    const client = new Http2Client(t, await east.listenHttp());
    assert.equal((await client.request()).status, 502);
    assert.equal(pods.flatMap(({ requests }) => requests).length, 3);
  });
});
