import assert from 'node:assert/strict';
import { it } from 'node:test';
import { drainShare } from '../failover/drain.ts';
import { DEFAULT_FAILBACK } from '../model/policy.ts';
import { DrainBook } from './drain-book.ts';

const ORDER = { sinceMs: undefined, overMs: 100_000 };

it('a drain without a time begins when it is seen, and goes on after a restart', () => {
  const book = new DrainBook();
  assert.equal(book.judge('west', undefined, 500), undefined);
  const first = book.judge('west', ORDER, 1_000);
  assert.deepEqual(first, { kind: 'draining', sinceMs: 1_000, overMs: 100_000, fromPercent: 100 });
  const later = new DrainBook(book.memory);
  assert.deepEqual(later.judge('west', ORDER, 60_000), first);
});

it('a drain without a time that was ordered before anybody looked is done, for memory may be lost', () => {
  const nowMs = 1_700_000_000_000;
  const book = new DrainBook();
  for (const laterMs of [0, 1, 50_000]) {
    const drain = book.judge('west', ORDER, nowMs + laterMs);
    assert.ok(drain);
    const { percent, phase } = drainShare(drain, 'here', DEFAULT_FAILBACK, nowMs + laterMs);
    assert.deepEqual([percent, phase], [0, { kind: 'drained', by: 'here', sinceMs: nowMs }]);
  }
  const timed = { ...ORDER, sinceMs: nowMs };
  assert.deepEqual(book.judge('east', timed, nowMs), { kind: 'draining', ...timed, fromPercent: 100 });
});

it('a drain without a time that an earlier process did not know begins when it is seen', () => {
  const drain = new DrainBook([]).judge('west', ORDER, 1_000);
  assert.deepEqual(drain, { kind: 'draining', sinceMs: 1_000, overMs: 100_000, fromPercent: 100 });
});

it('the way back goes on after a restart, and begins where the order went while nobody looked', () => {
  const book = new DrainBook();
  book.judge('west', undefined, 500);
  book.judge('west', ORDER, 1_000);
  const back = { kind: 'returning', sinceMs: 51_000, fromPercent: 50 };
  const later = new DrainBook(book.memory);
  assert.deepEqual(later.judge('west', undefined, 51_000), back);
  assert.deepEqual(new DrainBook(later.memory).judge('west', undefined, 90_000), back);
});

it('what was told before counts where this process has seen nothing itself', () => {
  const back = { kind: 'returning', sinceMs: 51_000, fromPercent: 50 } as const;
  const told = { kind: 'draining', sinceMs: 1_000, overMs: 100_000, fromPercent: 100 } as const;
  const book = new DrainBook();
  assert.equal(book.judge('west', undefined, 60_000), undefined);
  book.recall('west', back);
  assert.deepEqual(book.judge('west', undefined, 60_000), back);
  const found = new DrainBook();
  found.judge('west', ORDER, 60_000);
  found.recall('west', told);
  assert.deepEqual(found.judge('west', ORDER, 61_000), told, 'it was supposed to be done');
  found.recall('west', back);
  assert.deepEqual(found.judge('west', ORDER, 62_000), told, 'it is known now');
  const gone = new DrainBook();
  gone.judge('west', undefined, 51_000);
  gone.recall('west', told);
  assert.deepEqual(gone.judge('west', undefined, 51_000), back, 'it was taken back while nobody looked');
  const seen = new DrainBook();
  seen.judge('west', undefined, 500);
  const own = seen.judge('west', ORDER, 60_000);
  seen.recall('west', told);
  assert.deepEqual(seen.judge('west', ORDER, 61_000), own);
});

it('of a cluster that is gone nothing is remembered', () => {
  const book = new DrainBook();
  book.judge('west', ORDER, 1_000);
  book.judge('east', ORDER, 1_000);
  book.retain((cluster) => cluster === 'east');
  assert.deepEqual(
    book.memory.map(([cluster]) => cluster),
    ['east'],
  );
});
