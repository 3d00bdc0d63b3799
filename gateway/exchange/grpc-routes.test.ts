import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callGrpc, grpcMessage } from '../../test/fixtures/grpc-call.ts';
import { Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { backend, routesOfPayments } from '../../test/fixtures/mesh-routes.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

const WITH_FIELD = {
  type: 'RequestHeaderModifier',
  requestHeaderModifier: { set: [{ name: 'x-a', value: 'b' }] },
};

describe('GRPCRoutes', () => {
  it('send calls by service and method, unimplemented for the rest, unavailable without a backend', async (t) => {
    const mesh = await TestMesh.create(t, ['east']);
    const answering = (name: string) =>
      Http2Backend.start(t, (stream) => {
        stream.resume();
        stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(grpcMessage(name));
      });
    const [one, two] = [await answering('one'), await answering('two')];
    const rule = (method: object, name: string, filters: object[] = []) => ({
      matches: [{ method }],
      filters,
      backendRefs: [backend(name)],
    });
    const routes = routesOfPayments({
      kind: 'GRPCRoute',
      rules: [
        rule({ service: 'shop.Payments', method: 'Pay' }, 'payments', [WITH_FIELD]),
        rule({ service: 'shop.Refunds' }, 'two'),
        rule({ method: 'Nowhere' }, 'gone'),
      ],
    });
    const east = await mesh.gateway('east', {
      services: [
        { name: 'payments', protocol: 'http2', endpoints: [one.port], offeredBy: [], routes },
        { name: 'two', protocol: 'http2', endpoints: [two.port], offeredBy: [] },
      ],
    });
    const port = await east.listenHttp();
    assert.equal((await callGrpc(t, port, '/shop.Payments/Pay')).reply, 'one');
    assert.equal(one.requests[0]?.['x-a'], 'b');
    assert.equal((await callGrpc(t, port, '/shop.Refunds/Any')).reply, 'two');
    assert.equal((await callGrpc(t, port, '/shop.Payments/Other')).code, 12);
    assert.equal((await callGrpc(t, port, '/a.B/Nowhere')).code, 14);
  });
});
