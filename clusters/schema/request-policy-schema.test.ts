import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_RETRIES, type RequestTimeouts } from '../../federation/model/request-policy.ts';
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
const NONE: RequestTimeouts = { requestMs: undefined, backendRequestMs: undefined, idleMs: undefined };

function refuses(refused: readonly (readonly [string, string])[]): void {
  for (const [spec, problem] of refused) {
    it(`is refused: ${problem}`, () => assert.deepEqual(resourceProblems(policy(spec)), [problem]));
  }
}

describe('timeouts', () => {
  refuses([
    ['timeouts: { requests: 1s }', '6: spec.timeouts.requests: unknown key [did you mean request?]'],
    ['timeouts: { request: 1 }', '6: spec.timeouts.request: is not a duration such as 30s, 500ms or 1h15m'],
    ['timeouts: { idle: 25h }', '6: spec.timeouts.idle: must be at most 24h'],
    [
      'timeouts: { request: 1s, backendRequest: 2s }',
      '6: spec.timeouts.backendRequest: is longer than request',
    ],
  ]);

  it('say nothing of what is left out', () => {
    assert.equal(read('').timeouts, undefined);
    assert.deepEqual(read('timeouts: {}').timeouts, NONE);
    assert.deepEqual(read('timeouts: { request: 0s, backendRequest: 2s }').timeouts, {
      ...NONE,
      requestMs: 0,
      backendRequestMs: 2000,
    });
  });
});

describe('retries', () => {
  const AT = '6: spec.retries';
  refuses([
    ['retries: { attempts: 0 }', `${AT}.attempts: must be at least 1`],
    ['retries: { attempts: 11 }', `${AT}.attempts: must be at most 10`],
    ['retries: { statusCodes: [409] }', `${AT}.statusCodes: needs retriable-status-codes in retryOn`],
    [
      'retries: { retryOn: [retriable-status-codes], statusCodes: [200] }',
      `${AT}.statusCodes.0: must be at least 400`,
    ],
    ['retries: { idempotentPaths: [a] }', `${AT}.idempotentPaths.0: is not a path that begins with /`],
    ['retries: { perTryTimeout: 0s }', `${AT}.perTryTimeout: must be from 1ms to 24h`],
    ['retries: { backoff: { base: 1s, max: 10ms } }', `${AT}.backoff.max: is less than base`],
    ['retries: { budget: { percent: 101 } }', `${AT}.budget.percent: must be at most 100`],
  ]);

  it('have defaults', () => {
    assert.equal(read('').retries, undefined);
    assert.deepEqual(read('retries: {}').retries, DEFAULT_RETRIES);
  });

  it('are read whole, also out of what was kept of them', () => {
    const text = policy(
      'retries: { attempts: 3, retryOn: [5xx, unavailable, retriable-status-codes], statusCodes: [409], idempotentPaths: [/a/*], perTryTimeout: 500ms, backoff: { base: 50ms, max: 1s }, budget: { percent: 10, minConcurrency: 5 } }',
    );
    const resource = goodResource('TrafficPolicy', text);
    assert.deepEqual(toTrafficPolicy(resource).retries, {
      attempts: 3,
      on: ['5xx', 'unavailable', 'retriable-status-codes'],
      statusCodes: [409],
      idempotentPaths: ['/a/*'],
      perTryTimeoutMs: 500,
      backoff: { baseMs: 50, maxMs: 1000 },
      budget: { percent: 10, minConcurrency: 5 },
    });
    assert.deepEqual(parseStored(JSON.parse(storedForm(resource))), resource);
  });
});
