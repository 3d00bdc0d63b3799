import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { status as grpcStatus } from '@grpc/grpc-js';
import { parseSpiffeId } from '../../federation/model/identity.ts';
import type { RateLimit } from '../../federation/model/rate-limit.ts';
import { CURL_VERSIONS, curl } from '../../test/fixtures/curl.ts';
import { callGrpc } from '../../test/fixtures/grpc-call.ts';
import { Http1Backend } from '../../test/fixtures/http1-backend.ts';
import { backend, routesOfPayments } from '../../test/fixtures/mesh-routes.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';
import type { TestService } from '../../test/fixtures/test-snapshot.ts';

const HOUR_MS = 3_600_000;
const PAYMENTS = { name: 'payments', protocol: 'http' } as const satisfies Partial<TestService>;

function limited(limit: Partial<RateLimit>): Pick<TestService, 'traffic'> {
  return {
    traffic: { rateLimits: [{ per: 'service', requests: 2, intervalMs: HOUR_MS, burst: 2, ...limit }] },
  };
}

/** East with clients, west behind a trunk with the pod, and limits at either. */
async function scene(
  t: TestContext,
  limits: { east?: Partial<RateLimit>; west?: Partial<RateLimit>; caller?: string },
) {
  const mesh = await TestMesh.create(t, ['east', 'west']);
  const pod = await Http1Backend.start(t, 'pod');
  const west = await mesh.gateway('west', {
    peers: { east: [1] },
    services: [
      { ...PAYMENTS, endpoints: [pod.port], offeredBy: [], ...(limits.west && limited(limits.west)) },
    ],
  });
  const east = await mesh.gateway('east', {
    caller: limits.caller === undefined ? undefined : parseSpiffeId(limits.caller),
    peers: { west: [await west.listenMesh()] },
    services: [{ ...PAYMENTS, endpoints: [], offeredBy: ['west'], ...(limits.east && limited(limits.east)) }],
  });
  return { mesh, pod, east, west, port: await east.listenHttp() };
}

describe('the rate limit of a service', () => {
  for (const version of CURL_VERSIONS) {
    it(`is a 429 that says when to come again, to curl ${version}`, {
      skip: missingTools('curl'),
    }, async (t) => {
      const { pod, east, port } = await scene(t, { east: {} });
      const statuses = [];
      for (let i = 0; i < 3; i++) statuses.push((await curl(port, version)).status);
      assert.deepEqual(statuses, [200, 200, 429]);
      const refused = await curl(port, version);
      assert.match(refused.headers.get('retry-after') ?? '', /^(1800|179\d)$/);
      assert.equal(refused.body, 'The rate limit of this service is reached: try again later.\n');
      assert.equal(pod.requests.length, 2);
      assert.deepEqual(east.rejected, ['rate-limit-service', 'rate-limit-service']);
      assert.deepEqual(east.flags, ['-', '-', 'RL', 'RL']);
    });
  }

  it('is RESOURCE_EXHAUSTED to a gRPC client, with its pushback', async (t) => {
    const { port } = await scene(t, { east: { requests: 1, burst: 1 } });
    await callGrpc(t, port, '/shop.Cart/Get');
    const { code, trailers } = await callGrpc(t, port, '/shop.Cart/Get');
    assert.equal(code, grpcStatus.RESOURCE_EXHAUSTED);
    assert.match(String(trailers['grpc-retry-pushback-ms']), /^3\d{6}$/);
  });

  it('holds at the gateway of the pods, too', { skip: missingTools('curl') }, async (t) => {
    const { east, west, port } = await scene(t, { west: { requests: 1, burst: 1 } });
    const statuses = [];
    for (let i = 0; i < 2; i++) statuses.push((await curl(port, '--http2-prior-knowledge')).status);
    assert.deepEqual(statuses, [200, 429]);
    assert.deepEqual(
      [west.flags, east.flags],
      [
        ['-', 'RL'],
        ['-', '-'],
      ],
    );
  });

  it('goes on counting where it stood when the snapshot changes, unless it is another one', {
    skip: missingTools('curl'),
  }, async (t) => {
    const { mesh, east, port } = await scene(t, { east: { requests: 1, burst: 1 } });
    const { services, peers } = east.engine.table.snapshot;
    assert.equal((await curl(port, '--http1.1')).status, 200);
    const next = (version: number, burst: number) => {
      const ports = peers.get('west')?.gateways.map((gateway) => gateway.port) ?? [];
      const service = { ...PAYMENTS, endpoints: [], offeredBy: ['west'], ...limited({ requests: 1, burst }) };
      return mesh.snapshot('east', { services: [service], peers: { west: ports } }, version);
    };
    assert.equal(services.size, 1);
    east.useSnapshot(next(2, 1));
    assert.equal((await curl(port, '--http1.1')).status, 429);
    east.useSnapshot(next(3, 2));
    assert.equal((await curl(port, '--http1.1')).status, 200);
  });
});

describe('the rate limit of each caller', () => {
  it('is by SPIFFE ID, also at the far end of a trunk', { skip: missingTools('curl') }, async (t) => {
    const caller = 'spiffe://east.mesh.example/ns/shop/sa/cart';
    const { west, port } = await scene(t, { west: { per: 'caller', requests: 1, burst: 1 }, caller });
    assert.equal((await curl(port, '--http1.1')).status, 200);
    assert.equal((await curl(port, '--http1.1')).status, 429);
    assert.equal(west.seen[1]?.caller, caller);
    assert.deepEqual(west.rejected, ['rate-limit-caller']);
  });

  it('is by address for those who are nobody', { skip: missingTools('curl') }, async (t) => {
    const { east, port } = await scene(t, { east: { per: 'caller', requests: 1, burst: 1 } });
    const statuses = [];
    // Each curl comes from another port.
    for (let i = 0; i < 2; i++) statuses.push((await curl(port, '--http1.1')).status);
    assert.deepEqual(statuses, [200, 429]);
    assert.deepEqual(east.rejected, ['rate-limit-caller']);
  });
});

describe('the rate limit of each rule of a route', { skip: missingTools('curl') }, () => {
  const prefix = (value: string) => [{ path: { type: 'PathPrefix', value } }];
  const rules = (name: string, weight = 1) => [
    { matches: prefix('/a'), backendRefs: [backend('payments', weight)] },
    { name, matches: prefix('/b'), backendRefs: [backend('payments', weight)] },
  ];
  const service = (pod: Http1Backend, per: RateLimit['per'], given: readonly object[]): TestService => ({
    ...PAYMENTS,
    endpoints: [pod.port],
    offeredBy: [],
    routes: routesOfPayments({ rules: given }),
    ...limited({ per, requests: 1, burst: 1 }),
  });
  async function routed(t: TestContext, per: RateLimit['per']) {
    const mesh = await TestMesh.create(t, ['east']);
    const pod = await Http1Backend.start(t, 'pod');
    const east = await mesh.gateway('east', { peers: {}, services: [service(pod, per, rules('b'))] });
    const port = await east.listenHttp();
    const statusOf = async (path: string, from = '127.0.0.1') =>
      (await curl(port, '--http1.1', ['--interface', from], path)).status;
    const changeTo = (version: number, given: readonly object[]): void => {
      east.useSnapshot(mesh.snapshot('east', { services: [service(pod, per, given)] }, version));
    };
    return { east, statusOf, changeTo };
  }

  it('is one for each, and stays while the rule keeps its name or its place', async (t) => {
    const { east, statusOf, changeTo } = await routed(t, 'route');
    assert.deepEqual([await statusOf('/a'), await statusOf('/a')], [200, 429]);
    assert.equal(await statusOf('/b'), 200);
    changeTo(2, rules('b', 7));
    assert.deepEqual([await statusOf('/a'), await statusOf('/b')], [429, 429]);
    changeTo(3, rules('b').toReversed());
    assert.equal(await statusOf('/b'), 429, 'it has the same name');
    changeTo(4, rules('new'));
    assert.equal(await statusOf('/b'), 200);
    assert.ok(east.rejected.every((reason) => reason === 'rate-limit-route'));
  });

  it('can be one for each caller too', async (t) => {
    const { east, statusOf } = await routed(t, 'route-and-caller');
    for (const from of ['127.0.0.1', '127.0.0.2']) {
      assert.deepEqual([await statusOf('/a', from), await statusOf('/b', from)], [200, 200]);
      assert.deepEqual([await statusOf('/a', from), await statusOf('/b', from)], [429, 429]);
    }
    assert.deepEqual(new Set(east.rejected), new Set(['rate-limit-route-and-caller']));
  });

  it('is one for each cluster at the far end of a trunk, and one for what goes by no rule', async (t) => {
    const { west, port } = await scene(t, { west: { per: 'route', requests: 1, burst: 1 } });
    const own = await west.listenHttp();
    const asked = async (to: number) => (await curl(to, '--http1.1')).status;
    assert.deepEqual([await asked(port), await asked(port)], [200, 429]);
    assert.deepEqual([await asked(own), await asked(own)], [200, 429]);
    assert.deepEqual(west.rejected, ['rate-limit-route', 'rate-limit-route']);
  });
});
