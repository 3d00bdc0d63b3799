import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_RETRIES } from '../../federation/model/request-policy.ts';
import { retryPlan } from '../routing/retry-plan.ts';
import {
  type AttemptFailure,
  type AttemptState,
  decideAfterFailure,
  decideWithoutElsewhere,
  isIdempotent,
  MAX_LOST_CONNECTIONS,
  MAX_REDISPATCHES,
} from './decision.ts';

const nowMs = 1_000_000;
const retrying = retryPlan(
  {
    ...DEFAULT_RETRIES,
    attempts: 2,
    on: ['retriable-status-codes', 'reset', 'connect-failure'],
    statusCodes: [503],
    backoff: { baseMs: 100, maxMs: 1_000 },
  },
  1,
);

function state(change: Partial<AttemptState>): AttemptState {
  return {
    failure: { kind: 'connection-lost' },
    replayable: true,
    idempotent: true,
    redispatches: 0,
    lostConnections: 0,
    retries: 0,
    retryPlan: undefined,
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
    spent: undefined,
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
  assert.deepEqual(decideAfterFailure(nowMs, over), {
    kind: 'fail',
    code: 'upstreamRefused',
    spent: undefined,
  });
});

test('lost connections are followed by two redispatches at most, other failures by more', () => {
  assert.equal(MAX_LOST_CONNECTIONS, 2);
  assert.equal(decideAfterFailure(nowMs, state({ redispatches: 4, lostConnections: 1 })).kind, 'redispatch');
  const killer = state({ redispatches: 2, lostConnections: 2 });
  assert.deepEqual(decideAfterFailure(nowMs, killer), {
    kind: 'fail',
    code: 'upstreamReset',
    spent: undefined,
  });
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

test('a policy retries what broke, what took too long and what was lost too often', () => {
  for (const failure of [
    { kind: 'reset', errorCode: 2 },
    { kind: 'timeout' },
    { kind: 'connection-lost' },
  ] as const) {
    const broken = state({ failure, lostConnections: MAX_LOST_CONNECTIONS, retryPlan: retrying });
    assert.equal(decideAfterFailure(nowMs, broken).kind, 'retry', failure.kind);
    const statusOnly = { ...retrying, resets: false };
    assert.equal(decideAfterFailure(nowMs, { ...broken, retryPlan: statusOnly }).kind, 'fail', failure.kind);
  }
});

test('what nobody took waits for a retry only when there is nowhere else', () => {
  for (const failure of untouched) {
    const asking = state({ failure, retryPlan: retrying, idempotent: false });
    assert.equal(decideAfterFailure(nowMs, asking).kind, 'redispatch');
    // Who has as much as he may would only get more.
    const expected = failure.kind === 'overflow' ? 'fail' : 'retry';
    assert.equal(decideWithoutElsewhere(nowMs, asking).kind, expected, failure.kind);
    assert.equal(decideWithoutElsewhere(nowMs, { ...asking, replayable: false }).kind, 'fail');
    assert.equal(decideWithoutElsewhere(nowMs, state({ failure })).kind, 'fail');
    const over = { ...asking, redispatches: MAX_REDISPATCHES };
    assert.equal(decideAfterFailure(nowMs, over).kind, expected, failure.kind);
  }
});

test('a failure says when it would have been retried', () => {
  const failure = { kind: 'status', status: 503 } as const;
  const asking = state({ failure, retryPlan: retrying });
  const spent = (change: Partial<AttemptState>) => {
    const decision = decideAfterFailure(nowMs, { ...asking, ...change });
    return decision.kind === 'fail' ? decision.spent : decision.kind;
  };
  assert.equal(spent({ retries: 2 }), 'attempts');
  assert.equal(spent({ activeRetries: 20 }), 'budget');
  assert.equal(spent({ idempotent: false, retries: 2 }), undefined);
  assert.equal(spent({ replayable: false }), undefined);
});

test('a policy retries the statuses and resets it names, with full jitter', () => {
  const failure = { kind: 'status', status: 503 } as const;
  const first = state({ failure, retryPlan: retrying });
  assert.deepEqual(decideAfterFailure(nowMs, first), { kind: 'retry', delayMs: 50 });
  assert.deepEqual(decideAfterFailure(nowMs, { ...first, retries: 1 }), { kind: 'retry', delayMs: 100 });
  assert.equal(decideAfterFailure(nowMs, { ...first, retries: 2 }).kind, 'fail');
  assert.equal(
    decideAfterFailure(nowMs, { ...first, failure: { kind: 'reset', errorCode: 2 } }).kind,
    'retry',
  );
  assert.equal(decideAfterFailure(nowMs, { ...first, idempotent: false }).kind, 'fail');
});

test('retries stay within a fifth of the active requests', () => {
  const failure = { kind: 'status', status: 503 } as const;
  const asking = state({ failure, retryPlan: retrying, activeRequests: 50 });
  assert.equal(decideAfterFailure(nowMs, { ...asking, activeRetries: 9 }).kind, 'retry');
  assert.equal(decideAfterFailure(nowMs, { ...asking, activeRetries: 10 }).kind, 'fail');
});

test('three retries are allowed however few requests are active', () => {
  const failure = { kind: 'status', status: 503 } as const;
  const asking = state({ failure, retryPlan: retrying, activeRequests: 1 });
  assert.equal(decideAfterFailure(nowMs, { ...asking, activeRetries: 2 }).kind, 'retry');
  assert.equal(decideAfterFailure(nowMs, { ...asking, activeRetries: 3 }).kind, 'fail');
});

test('no retry begins after the deadline', () => {
  const failure = { kind: 'status', status: 503 } as const;
  const late = state({ failure, retryPlan: retrying, deadlineMs: nowMs + 50 });
  assert.equal(decideAfterFailure(nowMs, late).kind, 'fail');
});

test('a non-idempotent request that may have been processed is never sent twice', () => {
  const failures = fc.constantFrom<AttemptFailure>(
    { kind: 'connection-lost' },
    { kind: 'reset', errorCode: 2 },
    { kind: 'protocol', reason: 'bad' },
    { kind: 'status', status: 503 },
    { kind: 'timeout' },
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
          retryPlan: retrying,
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
