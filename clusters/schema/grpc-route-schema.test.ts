import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { grpcRouteSchema, toGrpcRoute } from './grpc-route-schema.ts';

function one(rule: object) {
  const spec = { parentRefs: [{ group: '', kind: 'Service', name: 'a' }], rules: [rule] };
  return toGrpcRoute(grpcRouteSchema.parse({ kind: 'GRPCRoute', metadata: { name: 'a' }, spec }), 1);
}

describe('GRPCRoute', () => {
  it('reads methods, exact or as a pattern', () => {
    const route = one({
      matches: [
        { method: { service: 'shop.Payments', method: 'Pay' } },
        { method: { type: 'RegularExpression', service: 'shop\\..*' }, headers: [{ name: 'A', value: 'b' }] },
      ],
    });
    assert.deepEqual(route.problems, []);
    assert.deepEqual(
      route.rules[0]?.matches.map((match) => match.rpc),
      [
        { service: { kind: 'exact', value: 'shop.Payments' }, method: { kind: 'exact', value: 'Pay' } },
        { service: { kind: 'pattern', value: 'shop\\..*' }, method: undefined },
      ],
    );
    assert.deepEqual(
      one({}).rules[0]?.matches.map((match) => match.rpc),
      [undefined],
    );
  });

  it('has no filters of HTTPRoute', () => {
    const route = one({ filters: [{ type: 'URLRewrite', urlRewrite: {} }], timeouts: {} });
    assert.match(
      route.rules[0]?.broken ?? '',
      /timeouts is not supported; filters\[0\]: type "URLRewrite" is not supported/,
    );
  });

  it('refuses names that cannot be any', () => {
    for (const method of [{}, { service: '/a' }, { method: 'a/b' }]) {
      assert.throws(() => one({ matches: [{ method }] }), z.ZodError);
    }
  });
});
