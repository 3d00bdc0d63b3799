import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RateLimit } from '../../federation/model/rate-limit.ts';
import { BucketLedger } from './bucket-ledger.ts';
import { KeyedBuckets, RateLimiter } from './rate-limiter.ts';

/** A bucket is full again an hour after its token was taken. */
const HOURLY: RateLimit = { per: 'caller', requests: 1, intervalMs: 3_600_000, burst: 1 };

function fill(table: KeyedBuckets, count: number, fullAtMs: number, name = ''): void {
  for (let at = 0; at < count; at++) table.set(`${name}${at}`, fullAtMs, 0);
}

describe('the buckets of one worker', () => {
  it('are bounded in sum, however many limits there are and callers are invented', () => {
    const ledger = new BucketLedger(1_000);
    const limiters = Array.from({ length: 60 }, () => new RateLimiter([HOURLY, HOURLY], 1, ledger));
    for (const [nth, limiter] of limiters.entries()) {
      for (let caller = 0; caller < 200; caller++) limiter.take(1, `spiffe://west/${nth}/${caller}`, '');
      assert.ok(ledger.size <= 1_000, String(ledger.size));
    }
    assert.ok(ledger.size > 250, String(ledger.size));
  });

  it('are as many as their tables have', () => {
    const ledger = new BucketLedger(500);
    const tables = [
      new KeyedBuckets(100, ledger),
      new KeyedBuckets(400, ledger),
      new KeyedBuckets(400, ledger),
    ];
    for (let at = 0; at < 20_000; at++) {
      const table = tables[(at * 7) % 3] as KeyedBuckets;
      table.set(String((at * 31) % 997), at % 11 === 0 ? at - 1 : at + 1e6, at);
      if (at % 500 === 0) ledger.sweep(at);
      const sum = tables.reduce((total, { size }) => total + size, 0);
      assert.equal(ledger.size, sum, `after ${at}`);
      assert.ok(sum <= 500);
    }
  });

  it('are taken from the tables that have many', () => {
    const ledger = new BucketLedger(1_000);
    const few = new KeyedBuckets(10_000, ledger);
    const many = new KeyedBuckets(10_000, ledger);
    few.set('regular', 1e9, 0);
    fill(many, 20_000, 1e9);
    assert.equal(few.get('regular'), 1e9);
    assert.equal(many.get('19999'), 1e9, 'the last one is known');
    assert.equal(many.get('0'), Number.NEGATIVE_INFINITY);
  });

  it('are forgotten first where they are full, in whichever table', () => {
    const ledger = new BucketLedger(1_000);
    const idle = new KeyedBuckets(10_000, ledger);
    const busy = new KeyedBuckets(10_000, ledger);
    fill(idle, 600, 5_000);
    fill(busy, 400, 1e9);
    busy.set('one more', 1e9, 5_000);
    assert.deepEqual([idle.size, busy.size, ledger.size], [0, 401, 401]);
  });

  it('are forgotten last where least is left in them, however long they are known', () => {
    const ledger = new BucketLedger(1_000);
    const table = new KeyedBuckets(10_000, ledger);
    for (let at = 0; at < 5_000; at++) {
      table.set('at its limit', 1e9 + at, at);
      table.set(`stranger ${at}`, 1e6 + at, at);
      assert.equal(table.get('at its limit'), 1e9 + at);
      assert.ok(ledger.size <= 1_000);
    }
    assert.equal(table.get('stranger 4999'), 1e6 + 4_999);
    assert.equal(table.get('stranger 0'), Number.NEGATIVE_INFINITY);
  });

  it('are forgotten when they are full, also those of a limit that is no more', () => {
    const ledger = new BucketLedger(50_000);
    for (let nth = 0; nth < 20; nth++) fill(new KeyedBuckets(10_000, ledger), 900, 5_000);
    const busy = new KeyedBuckets(10_000, ledger);
    busy.set('busy', 1e9, 0);
    for (let looks = 0; looks < 10; looks++) ledger.sweep(4_999);
    assert.equal(ledger.size, 18_001);
    for (let looks = 0; looks < 10; looks++) ledger.sweep(5_000);
    assert.equal(ledger.size, 1);
    assert.equal(busy.get('busy'), 1e9);
  });
});
