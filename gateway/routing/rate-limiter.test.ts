import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MAX_WORKER_RATE_BUCKETS, type RateLimit } from '../../federation/model/rate-limit.ts';
import { BucketLedger } from './bucket-ledger.ts';
import { bucketRate, KeyedBuckets, RateLimiter } from './rate-limiter.ts';

const OF_SERVICE: RateLimit = { per: 'service', requests: 10, intervalMs: 1000, burst: 3 };
const OF_CALLER: RateLimit = { per: 'caller', requests: 1, intervalMs: 1000, burst: 1 };
const BEGIN_MS = 5_000;

function ledger(max = MAX_WORKER_RATE_BUCKETS): BucketLedger {
  return new BucketLedger(max);
}

function passed(limiter: RateLimiter, nowMs: number, times: number, caller = '', route = ''): number {
  let count = 0;
  for (let i = 0; i < times; i++) if (limiter.take(nowMs, caller, route) === undefined) count++;
  return count;
}

describe('a rate limit', () => {
  it('lets its burst through at once, then one token at a time', () => {
    const limiter = new RateLimiter([OF_SERVICE], 1, ledger());
    assert.equal(passed(limiter, BEGIN_MS, 10), 3);
    assert.deepEqual(limiter.take(BEGIN_MS, '', ''), { per: 'service', waitMs: 100 });
    assert.deepEqual(limiter.take(BEGIN_MS + 99, '', ''), { per: 'service', waitMs: 1 });
    assert.equal(passed(limiter, BEGIN_MS + 100, 10), 1);
    assert.equal(passed(limiter, BEGIN_MS + 10_000, 10), 3, 'never more than the burst');
  });

  it('is shared by the workers of a pod, each of which may have one', () => {
    assert.deepEqual(bucketRate(OF_SERVICE, 1), { tokenMs: 100, capacityMs: 300 });
    assert.deepEqual(bucketRate({ ...OF_SERVICE, burst: 30 }, 2), { tokenMs: 200, capacityMs: 3000 });
    assert.equal(passed(new RateLimiter([OF_SERVICE], 8, ledger()), BEGIN_MS, 10), 1);
  });

  it('never lets more through than its burst and what came back, nor much less', () => {
    const gaps = fc.array(fc.nat(300), { minLength: 1, maxLength: 200 });
    const limits = fc.record({
      per: fc.constant('service' as const),
      requests: fc.integer({ min: 1, max: 500 }),
      intervalMs: fc.constantFrom(100, 1000, 60_000),
      burst: fc.integer({ min: 1, max: 50 }),
    });
    fc.assert(
      fc.property(limits, gaps, (limit, between) => {
        const limiter = new RateLimiter([limit], 1, ledger());
        let nowMs = BEGIN_MS;
        let taken = 0;
        for (const gapMs of between) {
          nowMs += gapMs;
          if (limiter.take(nowMs, '', '') === undefined) taken++;
          const earned = ((nowMs - BEGIN_MS) * limit.requests) / limit.intervalMs;
          assert.ok(taken <= limit.burst + earned + 1e-6);
        }
        // What was refused was refused for want of a token: once it is waited for, it passes.
        const refusal = limiter.take(nowMs, '', '');
        if (refusal !== undefined) assert.equal(limiter.take(nowMs + refusal.waitMs, '', ''), undefined);
      }),
    );
  });

  it('of each caller keeps callers apart', () => {
    const limiter = new RateLimiter([OF_CALLER], 1, ledger());
    assert.equal(limiter.byCaller, true);
    assert.equal(passed(limiter, BEGIN_MS, 5, 'a'), 1);
    assert.equal(passed(limiter, BEGIN_MS, 5, 'b'), 1);
    assert.deepEqual(limiter.take(BEGIN_MS, 'a', ''), { per: 'caller', waitMs: 1000 });
  });

  it('takes no token where another one refuses', () => {
    const limiter = new RateLimiter([OF_SERVICE, OF_CALLER], 1, ledger());
    assert.equal(passed(limiter, BEGIN_MS, 9, 'a'), 1, 'eight are refused for the caller');
    assert.equal(passed(limiter, BEGIN_MS, 1, 'b'), 1);
    assert.equal(passed(limiter, BEGIN_MS, 1, 'c'), 1);
    assert.deepEqual(limiter.take(BEGIN_MS, 'd', ''), { per: 'service', waitMs: 100 });
    assert.deepEqual(
      limiter.take(BEGIN_MS, 'a', ''),
      { per: 'caller', waitMs: 1000 },
      'the longer wait is told',
    );
  });

  it('of each rule keeps rules apart, whoever calls', () => {
    const limiter = new RateLimiter([{ ...OF_CALLER, per: 'route' }], 1, ledger());
    assert.deepEqual([limiter.byCaller, limiter.byRoute], [false, true]);
    assert.equal(passed(limiter, BEGIN_MS, 5, 'a', 'r'), 1);
    assert.equal(passed(limiter, BEGIN_MS, 5, 'b', 'r'), 0);
    assert.equal(passed(limiter, BEGIN_MS, 5, 'b', 's'), 1);
    assert.deepEqual(limiter.take(BEGIN_MS, 'c', 'r'), { per: 'route', waitMs: 1000 });
  });

  it('of each rule and caller keeps the pairs apart', () => {
    const limiter = new RateLimiter([{ ...OF_CALLER, per: 'route-and-caller' }], 1, ledger());
    assert.deepEqual([limiter.byCaller, limiter.byRoute], [true, true]);
    const pairs = ['a', 'b'].flatMap((caller) => ['r', 's'].map((route) => [caller, route] as const));
    for (const [caller, route] of pairs) assert.equal(passed(limiter, BEGIN_MS, 3, caller, route), 1);
    assert.deepEqual(limiter.take(BEGIN_MS, 'a', 'r'), { per: 'route-and-caller', waitMs: 1000 });
  });
});

describe('the buckets of callers and rules', () => {
  it('are bounded, and who comes all the time is not forgotten', () => {
    const buckets = new KeyedBuckets(100, ledger());
    for (let i = 0; i < 10_000; i++) {
      buckets.set('regular', 20_000 + i, 0);
      buckets.set(`stranger ${i}`, 20_000 + i, 0);
      assert.ok(buckets.size <= 100);
    }
    assert.equal(buckets.get('regular'), 29_999);
    assert.equal(buckets.get('stranger 9999'), 29_999);
    assert.equal(buckets.get('stranger 0'), Number.NEGATIVE_INFINITY, 'forgotten: full');
  });

  it('are forgotten when they are full, before any that is not', () => {
    const buckets = new KeyedBuckets(10_000, ledger());
    buckets.set('busy', 1e9, 0);
    for (let nowMs = 0; nowMs < 10_000; nowMs++) buckets.set(`gone ${nowMs}`, nowMs + 5, nowMs);
    assert.ok(buckets.size <= 1100, String(buckets.size));
    assert.equal(buckets.get('busy'), 1e9);
  });
});
