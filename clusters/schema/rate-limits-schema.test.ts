import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { goodResource, resourceProblems } from '../../test/fixtures/resource-problems.ts';
import { parseStored, storedForm } from './resource.ts';
import { toTrafficPolicy } from './traffic-policy-schema.ts';

function policy(spec: string): string {
  return `apiVersion: isthmus.io/v1alpha1
kind: TrafficPolicy
metadata: { name: p, namespace: shop }
spec:
  targetRefs: [{ kind: Service, name: cart }]
  ${spec}
`;
}

const read = (spec: string) => toTrafficPolicy(goodResource('TrafficPolicy', policy(spec)));

function refuses(refused: readonly (readonly [string, string])[]): void {
  for (const [spec, problem] of refused) {
    it(`is refused: ${problem}`, () => assert.deepEqual(resourceProblems(policy(spec)), [problem]));
  }
}

function keeps(spec: string): void {
  const resource = goodResource('TrafficPolicy', policy(spec));
  assert.deepEqual(parseStored(JSON.parse(storedForm(resource))), resource);
}

describe('rateLimits', () => {
  const AT = '6: spec.rateLimits';
  refuses([
    ['rateLimits: [{ requests: 0 }]', `${AT}.0.requests: must be at least 1`],
    ['rateLimits: [{ requests: 1, interval: 99ms }]', `${AT}.0.interval: must be from 100ms to 24h`],
    [
      'rateLimits: [{ requests: 1, per: Pod }]',
      `${AT}.0.per: must be one of Service, Caller, Route, RouteAndCaller`,
    ],
    ['rateLimits: [{ requests: 1, bursts: 3 }]', `${AT}.0.bursts: unknown key [did you mean burst?]`],
  ]);

  it('are read with their defaults', () => {
    assert.equal(read('').rateLimits, undefined);
    const spec = 'rateLimits: [{ requests: 100 }, { per: Caller, requests: 5, interval: 1m, burst: 10 }]';
    assert.deepEqual(read(spec).rateLimits, [
      { per: 'service', requests: 100, intervalMs: 1000, burst: 100 },
      { per: 'caller', requests: 5, intervalMs: 60_000, burst: 10 },
    ]);
    keeps(spec);
  });

  it('are of a service, a caller, a rule of a route, or both of these', () => {
    const scopes = ['Service', 'Caller', 'Route', 'RouteAndCaller'];
    const spec = `rateLimits: [${scopes.map((per) => `{ per: ${per}, requests: 1 }`).join(', ')}]`;
    assert.deepEqual(
      read(spec).rateLimits?.map(({ per }) => per),
      ['service', 'caller', 'route', 'route-and-caller'],
    );
    keeps(spec);
  });
});

describe('faultInjection', () => {
  const AT = '6: spec.faultInjection';
  refuses([
    ['faultInjection: {}', `${AT}: needs delay or abort`],
    ['faultInjection: { abort: { percentage: 1 } }', `${AT}.abort: needs httpStatus or grpcStatus`],
    [
      'faultInjection: { abort: { httpStatus: 200, percentage: 1 } }',
      `${AT}.abort.httpStatus: must be at least 400`,
    ],
    ['faultInjection: { delay: { fixed: 6m, percentage: 1 } }', `${AT}.delay.fixed: must be from 1ms to 5m`],
    [
      'faultInjection: { delay: { fixed: 1s, percentage: 101 } }',
      `${AT}.delay.percentage: must be at most 100`,
    ],
  ]);

  it('is read whole', () => {
    const spec =
      'faultInjection: { headers: [{ name: X-Fault, value: "1" }], delay: { fixed: 2s, percentage: 10 }, abort: { grpcStatus: UNAVAILABLE, percentage: 0.5 } }';
    assert.deepEqual(read(spec).faultInjection, {
      headers: [{ name: 'x-fault', value: '1' }],
      delay: { fixedMs: 2000, percentage: 10 },
      abort: { httpStatus: undefined, grpcStatus: 14, percentage: 0.5 },
    });
    keeps(spec);
  });
});
