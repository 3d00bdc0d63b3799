import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type AttemptFailure,
  type AttemptState,
  decideAfterFailure,
  isIdempotent,
  MAX_LOST_CONNECTIONS,
  MAX_REDISPATCHES,
  NO_RETRIES,
  type RetryPolicy,
} from './decision.ts';

const nowMs = 1_000_000;
const retrying: RetryPolicy = {
  maxRetries: 2,
  statuses: [503],
  resets: true,
  backoff: { baseMs: 100, maxMs: 1_000 },
  budget: 0.2,
};

function state(change: Partial<AttemptState>): AttemptState {
  return {
    failure: { kind: 'connection-lost' },
    replayable: true,
    idempotent: true,
    redispatches: 0,
    lostConnections: 0,
    retries: 0,
    retryPolicy: NO_RETRIES,
    activeRequests: 100,
    activeRetries: 0,
    deadlineMs: Number.POSITIVE_INFINITY,
    random: () => 0.5,
    ...change,
  };
}

const untouched: readonly AttemptFailure[] = [
  { kind: 'connect', reason: 'ECONNREFUSED' },
  { kind: 'refused' },
  { kind: 'overflow' },
  { kind: 'no-local-endpoint' },
];

test('what was certainly not processed is redispatched, idempotent or not', () => {
  for (const failure of untouched) {
    for (const idempotent of [true, false]) {
      assert.deepEqual(decideAfterFailure(nowMs, state({ failure, idempotent })), { kind: 'redispatch' });
    }
  }
});

test('a lost connection redispatches idempotent requests only', () => {
  assert.deepEqual(decideAfterFailure(nowMs, state({})), { kind: 'redispatch' });
  assert.deepEqual(decideAfterFailure(nowMs, state({ idempotent: false })), {
    kind: 'fail',
    code: 'upstreamReset',
  });
});

test('a body that was not kept ends every second try', () => {
  for (const failure of untouched) {
    assert.equal(decideAfterFailure(nowMs, state({ failure, replayable: false })).kind, 'fail');
  }
});

test('redispatches are bounded', () => {
  const last = state({ redispatches: MAX_REDISPATCHES - 1 });
  assert.equal(decideAfterFailure(nowMs, last).kind, 'redispatch');
  const over = state({ redispatches: MAX_REDISPATCHES, failure: { kind: 'refused' } });
  assert.deepEqual(decideAfterFailure(nowMs, over), { kind: 'fail', code: 'upstreamRefused' });
});

test('lost connections are followed by two redispatches at most, other failures by more', () => {
  assert.equal(MAX_LOST_CONNECTIONS, 2);
  assert.equal(decideAfterFailure(nowMs, state({ redispatches: 4, lostConnections: 1 })).kind, 'redispatch');
  const killer = state({ redispatches: 2, lostConnections: 2 });
  assert.deepEqual(decideAfterFailure(nowMs, killer), { kind: 'fail', code: 'upstreamReset' });
  assert.equal(decideAfterFailure(nowMs, { ...killer, failure: { kind: 'refused' } }).kind, 'redispatch');
});

test('without a policy neither a status nor a reset is tried again', () => {
  for (const failure of [
    { kind: 'status', status: 503 } as const,
    { kind: 'reset', errorCode: 2 } as const,
  ]) {
    assert.equal(decideAfterFailure(nowMs, state({ failure })).kind, 'fail');
  }
});

test('a policy retries the statuses and resets it names, with full jitter', () => {
  const failure = { kind: 'status', status: 503 } as const;
  const first = state({ failure, retryPolicy: retrying });
  assert.deepEqual(decideAfterFailure(nowMs, first), { kind: 'retry', delayMs: 50 });
  assert.deepEqual(decideAfterFailure(nowMs, { ...first, retries: 1 }), { kind: 'retry', delayMs: 100 });
  assert.equal(decideAfterFailure(nowMs, { ...first, retries: 2 }).kind, 'fail');
  assert.equal(
    decideAfterFailure(nowMs, { ...first, failure: { kind: 'status', status: 500 } }).kind,
    'fail',
  );
  assert.equal(
    decideAfterFailure(nowMs, { ...first, failure: { kind: 'reset', errorCode: 2 } }).kind,
    'retry',
  );
  assert.equal(decideAfterFailure(nowMs, { ...first, idempotent: false }).kind, 'fail');
});

test('retries stay within a fifth of the active requests', () => {
  const failure = { kind: 'status', status: 503 } as const;
  const asking = state({ failure, retryPolicy: retrying, activeRequests: 50 });
  assert.equal(decideAfterFailure(nowMs, { ...asking, activeRetries: 9 }).kind, 'retry');
  assert.equal(decideAfterFailure(nowMs, { ...asking, activeRetries: 10 }).kind, 'fail');
});

test('three retries are allowed however few requests are active', () => {
  const failure = { kind: 'status', status: 503 } as const;
  const asking = state({ failure, retryPolicy: retrying, activeRequests: 1 });
  assert.equal(decideAfterFailure(nowMs, { ...asking, activeRetries: 2 }).kind, 'retry');
  assert.equal(decideAfterFailure(nowMs, { ...asking, activeRetries: 3 }).kind, 'fail');
});

test('no retry begins after the deadline', () => {
  const failure = { kind: 'status', status: 503 } as const;
  const late = state({ failure, retryPolicy: retrying, deadlineMs: nowMs + 50 });
  assert.equal(decideAfterFailure(nowMs, late).kind, 'fail');
});

test('a non-idempotent request that may have been processed is never sent twice', () => {
  const failures = fc.constantFrom<AttemptFailure>(
    { kind: 'connection-lost' },
    { kind: 'reset', errorCode: 2 },
    { kind: 'protocol', reason: 'bad' },
    { kind: 'status', status: 503 },
  );
  fc.assert(
    fc.property(failures, fc.nat(10), fc.nat(10), fc.nat(1000), (failure, redispatches, retries, active) => {
      const decision = decideAfterFailure(
        nowMs,
        state({
          failure,
          redispatches,
          retries,
          activeRequests: active,
          idempotent: false,
          retryPolicy: retrying,
        }),
      );
      assert.equal(decision.kind, 'fail');
    }),
  );
});

test('methods: gRPC, CONNECT and unknown ones are not idempotent', () => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']) assert.ok(isIdempotent(method));
  for (const method of ['POST', 'PATCH', 'CONNECT', 'get', 'LOCK', '']) assert.ok(!isIdempotent(method));
});
