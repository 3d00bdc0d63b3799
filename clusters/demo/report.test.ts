import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  buildReport,
  failbackMs,
  failbackSteps,
  failoverMs,
  percentile,
  type TourTimes,
  unmeasured,
} from './report.ts';
import type { Sample } from './sample.ts';

const TIMES: TourTimes = {
  lossAtMs: 10_000,
  restartAtMs: 20_000,
  returnedAtMs: 21_000,
  steps: [
    { share: 10, fromMs: 24_000, untilMs: 25_000 },
    { share: 100, fromMs: 25_000, untilMs: 26_000 },
  ],
};

function sample(sentAtMs: number, change: Partial<Sample> = {}): Sample {
  return {
    sentAtMs,
    durationMs: 20,
    protocol: 'h2',
    idempotent: true,
    cluster: 'west',
    failure: undefined,
    ...change,
  };
}

function calm(fromMs: number, untilMs: number, change: Partial<Sample> = {}): Sample[] {
  return Array.from({ length: untilMs - fromMs }, (_, index) => sample(fromMs + index, change));
}

test('percentile is by nearest rank', () => {
  assert.equal(percentile([3, 1, 2, 4], 50), 2);
  assert.equal(percentile([3, 1, 2, 4], 99), 4);
  assert.ok(Number.isNaN(percentile([], 50)));
});

test('failover lasts until the last slow or failed request before the restart has ended', () => {
  const before = calm(5_000, 9_000);
  assert.equal(failoverMs([...before, ...calm(10_100, 19_000)], TIMES), 0);
  const slow = sample(10_500, { durationMs: 700 });
  assert.equal(failoverMs([...before, slow], TIMES), 1_200);
  const failed = sample(12_000, { failure: 'status 503' });
  assert.equal(failoverMs([...before, slow, failed], TIMES), 2_020);
  const later = sample(20_500, { durationMs: 900 });
  assert.equal(failoverMs([...before, slow, later], TIMES), 1_200);
  const inFlight = sample(9_990, { durationMs: 500 });
  assert.equal(failoverMs([...before, inFlight], TIMES), 490);
});

test('failback counts from the first of a long run of answers by the cluster that came back', () => {
  const others = calm(21_000, 25_000, { cluster: 'north' });
  assert.equal(failbackMs([...others, ...calm(25_000, 26_000)], 'west', TIMES), 4_000);
  assert.equal(failbackMs(others, 'west', TIMES), null);
});

test('the observed share of a step leaves its edges out', () => {
  const tenth = calm(24_000, 25_000).map((one, index) => ({
    ...one,
    cluster: index % 10 === 0 ? 'west' : 'north',
  }));
  const steps = failbackSteps([...tenth, ...calm(25_000, 26_000)], 'west', TIMES);
  assert.deepEqual(steps, [
    { share: 10, observedShare: 10 },
    { share: 100, observedShare: 100 },
  ]);
});

test('the report counts idempotent and other requests apart', () => {
  const samples = [
    sample(9_000),
    sample(9_995),
    sample(9_996, { idempotent: false, failure: 'gone' }),
    sample(11_000, { failure: 'status 503', cluster: undefined }),
  ];
  const report = buildReport({
    store: 'memory',
    cluster: 'west',
    samples,
    times: TIMES,
    propagationMs: [10, 20],
    redisOutageMs: 0,
  });
  assert.equal(report.requests, 3);
  assert.equal(report.failed, 1);
  assert.equal(report.inFlightAtLoss, 2);
  assert.deepEqual(report.nonIdempotent, { requests: 1, failed: 1 });
  assert.deepEqual(report.propagationMs, { p50: 10, p99: 20 });
});

test('what could not be measured is said, and is no number', () => {
  const input = { store: 'memory', cluster: 'west', propagationMs: [10], redisOutageMs: 0 } as const;
  const whole = buildReport({ ...input, samples: calm(21_000, 26_000), times: TIMES });
  assert.deepEqual(unmeasured(whole), []);
  const gap = buildReport({ ...input, samples: calm(25_000, 26_000), times: TIMES });
  assert.deepEqual(gap.failbackSteps[0], { share: 10, observedShare: null });
  assert.deepEqual(unmeasured(gap), ['no request was answered in the failback step of 10 %']);
  const none = buildReport({ ...input, samples: [], times: { ...TIMES, steps: [] }, propagationMs: [] });
  assert.deepEqual(unmeasured(none), ['no failback was seen to begin', 'no change was seen to arrive']);
  const away = calm(21_000, 26_000, { cluster: 'north' });
  assert.deepEqual(unmeasured(buildReport({ ...input, samples: away, times: TIMES })), [
    'the cluster that came back did not answer everything again',
  ]);
});
