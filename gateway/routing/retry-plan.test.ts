import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_RETRIES, type RetryCondition } from '../../federation/model/request-policy.ts';
import { mayBeDoneTwice, retryPlan } from './retry-plan.ts';

function planOf(...on: RetryCondition[]) {
  return retryPlan({ ...DEFAULT_RETRIES, on, statusCodes: [409] }, 1);
}

test('each condition means what it means in Envoy', () => {
  const all = planOf('5xx');
  assert.deepEqual(
    [all.statuses.has(500), all.statuses.has(599), all.statuses.has(409)],
    [true, true, false],
  );
  assert.deepEqual([all.resets, all.connects], [true, true]);
  assert.deepEqual([...planOf('gateway-error').statuses], [502, 503, 504]);
  const connect = planOf('connect-failure');
  assert.deepEqual([connect.statuses.size, connect.resets, connect.connects], [0, false, true]);
  const reset = planOf('reset');
  assert.deepEqual([reset.statuses.size, reset.resets, reset.connects], [0, true, false]);
  assert.deepEqual([...planOf('retriable-status-codes').statuses], [409]);
  const grpc = planOf('unavailable', 'resource-exhausted');
  assert.deepEqual([...grpc.grpcStatuses].sort(), ['14', '8']);
  assert.deepEqual([grpc.statuses.size, grpc.resets, grpc.connects], [0, false, false]);
});

test('workers share the retries that are always allowed, none of them less than one', () => {
  const share = (minConcurrency: number, workers: number) =>
    retryPlan({ ...DEFAULT_RETRIES, budget: { percent: 20, minConcurrency } }, workers).minConcurrency;
  assert.deepEqual([share(3, 1), share(4, 2), share(3, 2), share(1, 8), share(0, 8)], [3, 2, 2, 1, 0]);
});

test('paths that may be done twice are found whole or by their beginning, whatever their query', () => {
  const plan = retryPlan({ ...DEFAULT_RETRIES, idempotentPaths: ['/a', '/b/*'] }, 1);
  for (const path of ['/a', '/a?x=/c', '/b/', '/b/c']) assert.ok(mayBeDoneTwice(plan, path), path);
  for (const path of ['/ab', '/a/', '/b', '/c?/a', undefined])
    assert.ok(!mayBeDoneTwice(plan, path), String(path));
  assert.ok(!mayBeDoneTwice(planOf('5xx'), '/a'));
});
