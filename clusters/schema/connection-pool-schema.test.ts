import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { goodResource, resourceProblems } from '../../test/fixtures/resource-problems.ts';
import { NO_LIMITS } from '../../test/fixtures/test-snapshot.ts';
import { parseStored, storedForm } from './resource.ts';
import { toTrafficPolicy } from './traffic-policy-schema.ts';

function policy(connectionPool: string): string {
  return `apiVersion: isthmus.io/v1alpha1
kind: TrafficPolicy
metadata: { name: p, namespace: shop }
spec:
  targetRefs: [{ kind: Service, name: cart }]
  connectionPool: { ${connectionPool} }
`;
}

const read = (text: string) => toTrafficPolicy(goodResource('TrafficPolicy', policy(text))).connectionPool;

const AT = '6: spec.connectionPool';

describe('connectionPool', () => {
  const refused: readonly (readonly [string, string])[] = [
    ['maxConnection: 1', `${AT}.maxConnection: unknown key [did you mean maxConnections?]`],
    ['maxConnections: 0', `${AT}.maxConnections: must be at least 1`],
    ['maxConnections: 65536', `${AT}.maxConnections: must be at most 65535`],
    ['maxPendingRequests: 0', `${AT}.maxPendingRequests: must be at least 1`],
    ['maxRequests: 1000001', `${AT}.maxRequests: must be at most 1000000`],
    ['maxRequestsPerConnection: 0', `${AT}.maxRequestsPerConnection: must be at least 1`],
    ['connectTimeout: 9ms', `${AT}.connectTimeout: must be from 10ms to 5m`],
    ['connectTimeout: 6m', `${AT}.connectTimeout: must be from 10ms to 5m`],
    ['idleTimeout: 0s', `${AT}.idleTimeout: must be from 1s to 24h`],
    ['idleTimeout: 5', `${AT}.idleTimeout: is not a duration such as 30s, 500ms or 1h15m`],
  ];
  for (const [given, problem] of refused) {
    it(`is refused: ${problem}`, () => {
      assert.deepEqual(resourceProblems(policy(given)), [problem]);
    });
  }

  it('leaves to the protocol what it does not say', () => {
    assert.deepEqual(read(''), NO_LIMITS);
    assert.deepEqual(read('maxRequests: 5'), { ...NO_LIMITS, maxRequests: 5 });
  });

  it('is read whole, also out of what was kept of it', () => {
    const text =
      'maxConnections: 2, maxPendingRequests: 3, maxRequests: 4, maxRequestsPerConnection: 5, connectTimeout: 250ms, idleTimeout: 1m';
    assert.deepEqual(read(text), {
      maxConnections: 2,
      maxPendingRequests: 3,
      maxRequests: 4,
      maxRequestsPerConnection: 5,
      connectTimeoutMs: 250,
      idleTimeoutMs: 60_000,
    });
    const resource = goodResource('TrafficPolicy', policy(text));
    assert.deepEqual(parseStored(JSON.parse(storedForm(resource))), resource);
  });
});
