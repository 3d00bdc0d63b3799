import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_RETRIES } from '../../federation/model/request-policy.ts';
import { DEFAULT_TRAFFIC_POLICY, type TrafficPolicy } from '../../federation/model/traffic-policy.ts';
import { BucketLedger } from './bucket-ledger.ts';
import { handlingText } from './handling-text.ts';
import { requestHandling } from './request-handling.ts';

const LEDGER = new BucketLedger(10);

function told(traffic: Partial<TrafficPolicy>, workers = 1): readonly string[] {
  return handlingText(requestHandling({ ...DEFAULT_TRAFFIC_POLICY, ...traffic }, workers, undefined, LEDGER));
}

test('a policy that asks nothing of requests is nothing to tell', () => {
  assert.deepEqual(told({}), []);
});

test('timeouts are told, also those that bound nothing', () => {
  const timeouts = { requestMs: 10_000, backendRequestMs: undefined, idleMs: 0 };
  assert.deepEqual(told({ timeouts }), [
    'A request may take 10 s.',
    'Without a byte either way it ends after any time.',
  ]);
});

test("retries are told, with this worker's share of the budget", () => {
  const [sentence, ...others] = told(
    { retries: { ...DEFAULT_RETRIES, attempts: 2, perTryTimeoutMs: 500 } },
    2,
  );
  assert.equal(
    sentence,
    'Retried up to 2 times (connect-failure, gateway-error, reset) after 25 ms to 250 ms at most, each attempt for 500 ms at most, while no more than 20 % of the requests, or 2, are retries of this worker.',
  );
  assert.deepEqual(others, []);
});

test('what has not changed stays the same object', () => {
  const policy = { ...DEFAULT_TRAFFIC_POLICY, retries: DEFAULT_RETRIES };
  const first = requestHandling(policy, 1, undefined, LEDGER);
  assert.equal(requestHandling(structuredClone(policy), 1, first, LEDGER), first);
  assert.notEqual(
    requestHandling({ ...policy, retries: { ...DEFAULT_RETRIES, attempts: 3 } }, 1, first, LEDGER),
    first,
  );
});

test('limits and faults are told', () => {
  const rateLimits = [{ per: 'caller', requests: 10, intervalMs: 60_000, burst: 20 }] as const;
  const faultInjection = {
    headers: [{ name: 'x-fault', value: '1' }],
    delay: { fixedMs: 2000, percentage: 5 },
    abort: { httpStatus: 503, grpcStatus: 14, percentage: 1 },
  };
  const [limit] = rateLimits;
  assert.match(told({ rateLimits: [{ ...limit, per: 'route' }] })[0] ?? '', / by each rule of a route, 20/);
  assert.deepEqual(told({ rateLimits, faultInjection }), [
    'Each gateway pod lets 10 requests every 1 m through of each caller, 20 at once; more are 429.',
    'ON PURPOSE, 5 % of requests with x-fault as asked for wait for 2 s.',
    'ON PURPOSE, 1 % of requests with x-fault as asked for fail with 503 or gRPC status 14.',
  ]);
});
