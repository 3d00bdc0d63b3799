import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { callGrpc, grpcMessage } from '../../test/fixtures/grpc-call.ts';
import { Http1Backend } from '../../test/fixtures/http1-backend.ts';
import { Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { backend, type GivenRoute, routesOfPayments } from '../../test/fixtures/mesh-routes.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

const END = { endStream: true };
const WITH_FIELD = {
  type: 'RequestHeaderModifier',
  requestHeaderModifier: { set: [{ name: 'x-a', value: 'b' }], remove: ['x-gone'] },
};

/** Each answers with its name. */
function answering(t: TestContext, name: string): Promise<Http2Backend> {
  return Http2Backend.start(t, (stream, headers) => {
    stream.resume();
    if (headers[':path'] === '/a.B/Refused') {
      stream.respond({ 'content-type': 'application/grpc', 'x-pod': name, 'grpc-status': '5' }, END);
      return;
    }
    stream.respond({ 'content-type': 'application/grpc', 'x-pod': name }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(grpcMessage(name));
  });
}

async function scene(t: TestContext, ...given: readonly GivenRoute[]) {
  const mesh = await TestMesh.create(t, ['east']);
  const [one, two] = [await answering(t, 'one'), await answering(t, 'two')];
  const plain = await Http1Backend.start(t, 'plain');
  const routes = routesOfPayments(...given);
  const east = await mesh.gateway('east', {
    services: [
      { name: 'payments', protocol: 'http2', endpoints: [one.port], offeredBy: [], routes },
      { name: 'two', protocol: 'http2', endpoints: [two.port], offeredBy: [] },
      { name: 'plain', protocol: 'http', endpoints: [plain.port], offeredBy: [] },
    ],
  });
  const port = await east.listenHttp();
  const call = (path: string, metadata: Readonly<Record<string, string>> = {}) =>
    callGrpc(t, port, path, { metadata });
  /** The pod that answered, or the status. */
  const asked = async (path: string, metadata?: Readonly<Record<string, string>>) => {
    const { code, reply } = await call(path, metadata);
    return code === 0 ? reply : code;
  };
  return { one, two, plain, port, call, asked };
}

const rule = (method: object, name: string, filters: object[] = []) => ({
  matches: [{ method }],
  filters,
  backendRefs: [backend(name)],
});

describe('GRPCRoutes', () => {
  it('send calls by service and method, unimplemented for the rest, unavailable without a backend', async (t) => {
    const { one, asked } = await scene(t, {
      kind: 'GRPCRoute',
      rules: [
        rule({ service: 'shop.Payments', method: 'Pay' }, 'payments', [WITH_FIELD]),
        rule({ service: 'shop.Refunds' }, 'two'),
        rule({ method: 'Nowhere' }, 'gone'),
      ],
    });
    assert.equal(await asked('/shop.Payments/Pay', { 'x-gone': 'c' }), 'one');
    assert.deepEqual([one.requests[0]?.['x-a'], one.requests[0]?.['x-gone']], ['b', undefined]);
    assert.equal(await asked('/shop.Refunds/Any'), 'two');
    assert.equal(await asked('/shop.Payments/Other'), 12);
    assert.equal(await asked('/a.B/Nowhere'), 14);
  });

  it('match by a method alone, by regular expressions of the whole text, and by metadata', async (t) => {
    const { asked } = await scene(t, {
      kind: 'GRPCRoute',
      rules: [
        rule({ method: 'Ping' }, 'two'),
        rule({ type: 'RegularExpression', service: 'shop\\.Re.*', method: '(Get|List).*' }, 'two'),
        {
          matches: [
            {
              method: { service: 'shop.Payments' },
              headers: [
                { name: 'X-Tier', value: 'gold' },
                { type: 'RegularExpression', name: 'x-version', value: 'v[12]' },
              ],
            },
          ],
          backendRefs: [backend('two')],
        },
        rule({ service: 'shop.Payments' }, 'payments'),
      ],
    });
    assert.equal(await asked('/any.Service/Ping'), 'two');
    assert.equal(await asked('/any.Service/ping'), 12, 'case matters');
    assert.equal(await asked('/shop.Refunds/ListAll'), 'two');
    assert.equal(await asked('/shop.Refunds/ForList'), 12);
    assert.equal(await asked('/shop.Payments/Pay', { 'x-tier': 'gold', 'x-version': 'v2' }), 'two');
    assert.equal(await asked('/shop.Payments/Pay', { 'x-tier': 'gold', 'x-version': 'v23' }), 'one');
    assert.equal(await asked('/shop.Payments/Pay'), 'one');
  });

  it('go in the order of the standard, the longest service and then the longest method first', async (t) => {
    const { asked } = await scene(
      t,
      { kind: 'GRPCRoute', name: 'b', createdAtMs: 1, rules: [rule({ method: 'Pay' }, 'two')] },
      {
        kind: 'GRPCRoute',
        name: 'a',
        createdAtMs: 2,
        rules: [rule({ method: 'Pay' }, 'payments'), rule({ service: 'shop.Payments' }, 'payments')],
      },
    );
    assert.equal(await asked('/other.Service/Pay'), 'two', 'the oldest of equal ones');
    assert.equal(await asked('/shop.Payments/Pay'), 'one');
  });

  it('share calls by weight', async (t) => {
    const { asked } = await scene(t, {
      kind: 'GRPCRoute',
      rules: [{ backendRefs: [backend('payments', 7), backend('two', 3), backend('gone', 0)] }],
    });
    const shares: Record<string, number> = {};
    for (let sent = 0; sent < 20; sent++) {
      const pod = String(await asked('/a.B/C'));
      shares[pod] = (shares[pod] ?? 0) + 1;
    }
    assert.deepEqual(shares, { one: 14, two: 6 });
  });

  it('change what comes back, of the headers and of a response that is trailers only', async (t) => {
    const responseHeaderModifier = { set: [{ name: 'x-b', value: 'c' }], remove: ['x-pod'] };
    const filter = { type: 'ResponseHeaderModifier', responseHeaderModifier };
    const { port } = await scene(t, {
      kind: 'GRPCRoute',
      rules: [{ filters: [filter], backendRefs: [backend('payments')] }],
    });
    const { headers } = await callGrpc(t, port, '/a.B/C');
    assert.deepEqual([headers['x-b'], headers['x-pod']], ['c', undefined]);
    const { code, trailers } = await callGrpc(t, port, '/a.B/Refused');
    assert.deepEqual([code, trailers['x-b'], trailers['x-pod']], [5, 'c', undefined]);
  });

  it('send copies', async (t) => {
    const backendRef = { name: 'two', namespace: 'shop', port: 80 };
    const mirror = { type: 'RequestMirror', requestMirror: { backendRef } };
    const { two, asked } = await scene(t, {
      kind: 'GRPCRoute',
      rules: [{ filters: [mirror, WITH_FIELD], backendRefs: [backend('payments')] }],
    });
    assert.equal(await asked('/a.B/C'), 'one');
    while (two.requests.length === 0) await sleep(5);
    assert.deepEqual([two.requests[0]?.[':path'], two.requests[0]?.['x-a']], ['/a.B/C', 'b']);
  });

  it('go before HTTPRoutes of the same port', async (t) => {
    const { asked } = await scene(
      t,
      { name: 'http', createdAtMs: 1, rules: [{ backendRefs: [backend('two')] }] },
      { kind: 'GRPCRoute', name: 'rpc', createdAtMs: 2, rules: [rule({ method: 'Pay' }, 'payments')] },
    );
    assert.equal(await asked('/a.B/Pay'), 'one');
    assert.equal(await asked('/a.B/Other'), 12);
  });

  it('need a backend that speaks HTTP/2', async (t) => {
    const backendRef = { name: 'plain', namespace: 'shop', port: 80 };
    const mirror = { type: 'RequestMirror', requestMirror: { backendRef } };
    const { plain, asked } = await scene(t, {
      kind: 'GRPCRoute',
      rules: [rule({ method: 'C' }, 'plain'), { filters: [mirror], backendRefs: [backend('payments')] }],
    });
    assert.equal(await asked('/a.B/C'), 14);
    assert.equal(await asked('/a.B/D'), 'one');
    assert.deepEqual(plain.requests, []);
  });

  it('of which something is not supported answer what they match with an internal error', async (t) => {
    const { asked } = await scene(t, {
      kind: 'GRPCRoute',
      rules: [
        rule({ method: 'Pay' }, 'payments', [{ type: 'ExtensionRef' }]),
        rule({ method: 'Get' }, 'two'),
      ],
    });
    assert.equal(await asked('/a.B/Pay'), 13);
    assert.equal(await asked('/a.B/Get'), 'two');
  });
});
