import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { parseSpiffeId } from '../../federation/model/identity.ts';
import { type AccessRule, EVERY_REQUEST } from '../../federation/model/policy.ts';
import { CURL_VERSIONS, type CurlAnswer, curl } from '../../test/fixtures/curl.ts';
import { get } from '../../test/fixtures/gateway-pair.ts';
import { Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { backend, type GivenRoute, routesOfPayments } from '../../test/fixtures/mesh-routes.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { TellingPod, type ToldRequest } from '../../test/fixtures/telling-pod.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';
import type { TestService } from '../../test/fixtures/test-snapshot.ts';

const CURL = { skip: missingTools('curl') };

interface Scene {
  readonly east: TestGateway;
  readonly west: TestGateway;
  readonly port: number;
  readonly pods: Readonly<Record<'payments' | 'v1' | 'v2', TellingPod>>;
}

interface Given {
  readonly routes: readonly GivenRoute[];
  /** Rules of `v2`. */
  readonly access?: readonly AccessRule[];
  readonly caller?: string;
  /** Addresses of east's pods, by `namespace/service account`. */
  readonly callers?: Readonly<Record<string, readonly string[]>>;
}

/** East, where clients are, has payments and v1; v2 is in west, over a trunk. West has the routes too: it must not ask them. */
async function scene(t: TestContext, { routes: given, access, caller, callers }: Given): Promise<Scene> {
  const mesh = await TestMesh.create(t, ['east', 'west']);
  const pods = {
    payments: await TellingPod.start(t, 'payments'),
    v1: await TellingPod.start(t, 'v1'),
    v2: await TellingPod.start(t, 'v2'),
  };
  const routes = routesOfPayments(...given);
  const http = { protocol: 'http' } as const;
  const v2: TestService = {
    ...http,
    name: 'v2',
    endpoints: [pods.v2.port],
    offeredBy: [],
    ...(access && { access }),
  };
  const west = await mesh.gateway('west', { peers: { east: [1] }, services: [v2] });
  const east = await mesh.gateway('east', {
    peers: { west: [await west.listenMesh()] },
    services: [
      { ...http, name: 'payments', endpoints: [pods.payments.port], offeredBy: [], routes },
      { ...http, name: 'v1', endpoints: [pods.v1.port], offeredBy: [] },
      { ...v2, endpoints: [], offeredBy: ['west'] },
    ],
    ...(caller === undefined ? {} : { caller: parseSpiffeId(caller) }),
    callers,
  });
  return { east, west, pods, port: await east.listenHttp() };
}

function told(answer: CurlAnswer): ToldRequest {
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body) as ToldRequest;
}

const prefix = (value: string) => [{ path: { type: 'PathPrefix', value } }];
const requestHeaders = (requestHeaderModifier: object) => ({
  type: 'RequestHeaderModifier',
  requestHeaderModifier,
});
const responseHeaders = (responseHeaderModifier: object) => ({
  type: 'ResponseHeaderModifier',
  responseHeaderModifier,
});
const redirect = (requestRedirect: object) => ({ type: 'RequestRedirect', requestRedirect });
const rewrite = (urlRewrite: object) => ({ type: 'URLRewrite', urlRewrite });
const mirror = (name: string, share: object = {}) => ({
  type: 'RequestMirror',
  requestMirror: { backendRef: { name, namespace: 'shop', port: 80 }, ...share },
});

for (const version of CURL_VERSIONS) {
  describe(`HTTPRoutes, curl ${version}`, CURL, () => {
    it('send what they match to their backends, here and over a trunk, and 404 for the rest', async (t) => {
      const { east, west, pods, port } = await scene(t, {
        routes: [
          {
            rules: [
              { matches: prefix('/v1'), backendRefs: [backend('v1')] },
              { matches: prefix('/v2'), backendRefs: [backend('v2')] },
              { matches: [{ method: 'DELETE' }], backendRefs: [backend('payments')] },
            ],
          },
        ],
      });
      assert.equal(told(await curl(port, version, [], '/v1/x?y')).pod, 'v1');
      assert.equal(told(await curl(port, version, [], '/v2')).pod, 'v2');
      assert.equal(told(await curl(port, version, ['--request', 'DELETE'])).pod, 'payments');
      const unmatched = await curl(port, version, [], '/v3');
      assert.equal(unmatched.status, 404);
      assert.match(unmatched.body, /No route of this service matches/);
      assert.equal(told(await curl(port, version, [], '/./v1/../%76%31')).url, '/v1');
      assert.deepEqual(east.flags, ['-', '-', '-', 'NR', '-']);
      assert.equal(west.seen.length, 1);
      assert.equal(pods.payments.requests.length, 1);
    });

    it('divide requests by weight, exactly over a round', async (t) => {
      const { port, pods } = await scene(t, {
        routes: [{ rules: [{ backendRefs: [backend('v1', 3), backend('v2', 1), backend('payments', 0)] }] }],
      });
      for (let i = 0; i < 8; i++) told(await curl(port, version));
      assert.deepEqual(
        [pods.v1, pods.v2, pods.payments].map((pod) => pod.requests.length),
        [6, 2, 0],
      );
    });

    it('answer 500 for the share of a backend that is not there, and where no backend has any weight', async (t) => {
      const { port, pods, east } = await scene(t, {
        routes: [
          {
            rules: [
              { matches: prefix('/half'), backendRefs: [backend('v1'), backend('gone')] },
              { matches: prefix('/none'), backendRefs: [backend('v1', 0)] },
              { matches: prefix('/nobody') },
              { matches: prefix('/kind'), backendRefs: [{ group: 'x.example', kind: 'Bucket', name: 'b' }] },
              {
                matches: prefix('/broken'),
                backendRefs: [backend('v1')],
                filters: [{ type: 'ExtensionRef', extensionRef: {} }],
              },
            ],
          },
        ],
      });
      const statuses: number[] = [];
      for (const path of ['/half', '/half', '/half', '/half', '/none', '/nobody', '/kind', '/broken']) {
        statuses.push((await curl(port, version, [], path)).status);
      }
      assert.deepEqual(statuses.slice(0, 4).sort(), [200, 200, 500, 500]);
      assert.deepEqual(statuses.slice(4), [500, 500, 500, 500]);
      assert.equal(pods.v1.requests.length, 2);
      assert.equal(east.flags.filter((flags) => flags === 'NC').length, 6);
    });

    it('change headers of requests and responses, by rule and by backend', async (t) => {
      const { port } = await scene(t, {
        routes: [
          {
            rules: [
              {
                filters: [
                  requestHeaders({
                    set: [{ name: 'X-Set', value: 'of the rule' }],
                    add: [{ name: 'x-add', value: 'b' }],
                    remove: ['X-Gone'],
                  }),
                  responseHeaders({ set: [{ name: 'X-Pod', value: 'hidden' }], remove: ['x-secret'] }),
                ],
                backendRefs: [
                  {
                    ...backend('v2'),
                    filters: [
                      requestHeaders({ set: [{ name: 'x-backend', value: 'v2' }] }),
                      responseHeaders({ add: [{ name: 'x-by', value: 'backend' }] }),
                    ],
                  },
                ],
              },
            ],
          },
        ],
      });
      const sent = ['X-Set: a', 'X-Set: b', 'X-Add: a', 'X-Gone: a'].flatMap((line) => ['--header', line]);
      const answer = await curl(port, version, sent);
      const { headers } = told(answer);
      assert.equal(headers['x-set'], 'of the rule');
      assert.equal(headers['x-add'], 'a, b');
      assert.equal(headers['x-gone'], undefined);
      assert.equal(headers['x-backend'], 'v2');
      assert.equal(answer.headers.get('x-pod'), 'hidden');
      assert.equal(answer.headers.get('x-secret'), undefined);
      assert.equal(answer.headers.get('x-by'), 'backend');
    });

    it('rewrite host and path, through the one normal form', async (t) => {
      const path = (value: object) => rewrite({ hostname: 'internal.example', path: value });
      const { port } = await scene(t, {
        routes: [
          {
            rules: [
              {
                matches: prefix('/api'),
                filters: [path({ type: 'ReplacePrefixMatch', replacePrefixMatch: '/v1/~x' })],
                backendRefs: [backend('v2')],
              },
              {
                matches: prefix('/full'),
                filters: [path({ type: 'ReplaceFullPath', replaceFullPath: '/a//./b' })],
                backendRefs: [backend('v1')],
              },
              {
                matches: prefix('/up'),
                filters: [path({ type: 'ReplacePrefixMatch', replacePrefixMatch: '/../..' })],
                backendRefs: [backend('v1')],
              },
            ],
          },
        ],
      });
      const one = told(await curl(port, version, [], '/api/pay?x=/api'));
      assert.equal(one.url, '/v1/~x/pay?x=/api');
      assert.equal(one.headers.host, 'internal.example');
      assert.equal(told(await curl(port, version, [], '/full/x?q=1')).url, '/a/b?q=1');
      assert.equal((await curl(port, version, [], '/up/x')).status, 400);
    });

    it('redirect', async (t) => {
      const { port, pods, east } = await scene(t, {
        routes: [
          {
            rules: [
              {
                matches: prefix('/tls'),
                filters: [
                  redirect({ scheme: 'https', statusCode: 301 }),
                  responseHeaders({ set: [{ name: 'x-by', value: 'rule' }] }),
                ],
              },
              {
                matches: prefix('/old'),
                filters: [
                  redirect({
                    hostname: 'new.example',
                    port: 8080,
                    path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' },
                  }),
                ],
              },
            ],
          },
        ],
      });
      const moved = await curl(port, version, [], '/tls/x?y=1');
      assert.deepEqual(
        [moved.status, moved.headers.get('location')],
        [301, 'https://payments.shop/tls/x?y=1'],
      );
      assert.equal(moved.headers.get('x-by'), 'rule');
      const found = await curl(port, version, [], '/old/x');
      assert.deepEqual([found.status, found.headers.get('location')], [302, 'http://new.example:8080/new/x']);
      assert.equal(Object.values(pods).flatMap((pod) => pod.requests).length, 0);
      assert.deepEqual(east.flags, ['-', '-']);
    });

    it('mirror, body and all, and drop what comes of it', async (t) => {
      const { port, pods, east } = await scene(t, {
        routes: [
          {
            rules: [
              {
                matches: prefix('/some'),
                backendRefs: [backend('v1')],
                filters: [mirror('v2', { percent: 0 }), mirror('payments')],
              },
              { backendRefs: [backend('v1')], filters: [mirror('v2'), mirror('gone')] },
            ],
          },
        ],
      });
      const body = 'm'.repeat(30_000);
      const answer = told(await curl(port, version, ['--data', body, '--header', 'x-tag: 1'], '/pay?a'));
      assert.deepEqual([answer.pod, answer.body.length], ['v1', body.length]);
      await until(() => pods.v2.requests.length === 1);
      const [copy] = pods.v2.requests;
      assert.deepEqual(
        [copy?.method, copy?.url, copy?.headers['x-tag'], copy?.body],
        ['POST', '/pay?a', '1', body],
      );
      assert.equal(told(await curl(port, version, [], '/some')).pod, 'v1');
      await until(() => pods.payments.requests.length === 1 && east.seen.length === 4);
      assert.equal(pods.v2.requests.length, 1);
      assert.deepEqual([...east.flags].sort(), ['-', '-', 'MIR', 'MIR']);
      assert.deepEqual(east.rejected, []);
    });

    it('go by the access rules of the backend', async (t) => {
      const deny: AccessRule = { ...EVERY_REQUEST, action: 'deny', pathPrefixes: ['/secret'] };
      const { port } = await scene(t, {
        access: [deny],
        routes: [
          {
            rules: [
              {
                matches: prefix('/open'),
                backendRefs: [backend('v2')],
                filters: [rewrite({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/secret' } })],
              },
              { backendRefs: [backend('v2')] },
            ],
          },
        ],
      });
      assert.equal((await curl(port, version, [], '/secret')).status, 403);
      assert.equal((await curl(port, version, [], '/open/x')).status, 403);
      assert.equal((await curl(port, version, [], '/other')).status, 200);
    });

    it('bound times', async (t) => {
      const { east } = await scene(t, { routes: [] });
      const slow = await Http2Backend.start(t, () => undefined);
      const mesh = await TestMesh.create(t, ['east']);
      const routes = routesOfPayments({
        rules: [{ timeouts: { request: '60ms' }, backendRefs: [backend('payments')] }],
      });
      const gateway = await mesh.gateway('east', {
        services: [{ name: 'payments', protocol: 'http2', endpoints: [slow.port], offeredBy: [], routes }],
      });
      assert.equal((await curl(await gateway.listenHttp(), version)).status, 504);
      assert.deepEqual([gateway.flags, east.flags], [['UT'], []]);
    });
  });
}

describe('consumer routes', CURL, () => {
  it('hold for the namespace of the caller', async (t) => {
    const { port } = await scene(t, {
      caller: 'spiffe://east.mesh.example/ns/web/sa/front',
      routes: [
        { rules: [{ backendRefs: [backend('v1')] }] },
        { namespace: 'web', rules: [{ backendRefs: [backend('v2')] }] },
      ],
    });
    assert.equal(told(await curl(port, '--http1.1')).pod, 'v2');
  });

  it('hold for a caller who is known by the address of its pod', async (t) => {
    const { port } = await scene(t, {
      callers: { 'web/front': ['127.0.0.1'] },
      routes: [
        { rules: [{ backendRefs: [backend('v1')] }] },
        { namespace: 'web', rules: [{ backendRefs: [backend('v2')] }] },
      ],
    });
    assert.equal(told(await curl(port, '--http1.1')).pod, 'v2');
  });
});

describe('a copy of a request', CURL, () => {
  it('comes from whom the request comes from, also by the address of its pod', async (t) => {
    const rule = { ...EVERY_REQUEST, action: 'allow', serviceAccounts: ['web/front'] } as const;
    const { pods, port } = await scene(t, {
      callers: { 'web/front': ['127.0.0.1'] },
      access: [{ ...rule, callerProof: 'pod-address' }],
      routes: [{ rules: [{ backendRefs: [backend('v1')], filters: [mirror('v2')] }] }],
    });
    assert.equal(told(await curl(port, '--http1.1')).pod, 'v1');
    await until(() => pods.v2.requests.length === 1);
  });
});

describe('a service without routes', CURL, () => {
  it('is served as if there were none, also beside one that has some', async (t) => {
    const { east, port } = await scene(t, { routes: [{ rules: [{ backendRefs: [backend('v2')] }] }] });
    const { body } = await get(new Agent(), port, '/x', { host: 'v1.shop' });
    assert.equal((JSON.parse(body) as ToldRequest).pod, 'v1');
    assert.deepEqual(east.flags, ['-']);
  });
});

/** For what happens beside the request that the test waits for. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
