import assert from 'node:assert/strict';
import { it } from 'node:test';
import { DrainBook } from './drain-book.ts';

const ORDER = { sinceMs: undefined, overMs: 100_000 };

it('a drain without a time begins when it is seen, and goes on after a restart', () => {
  const book = new DrainBook();
  const first = book.judge('west', ORDER, 1_000);
  assert.deepEqual(first, { kind: 'draining', sinceMs: 1_000, overMs: 100_000, fromPercent: 100 });
  const later = new DrainBook(book.memory);
  assert.deepEqual(later.judge('west', ORDER, 60_000), first);
});

it('the way back goes on after a restart, and begins where the order went while nobody looked', () => {
  const book = new DrainBook();
  book.judge('west', ORDER, 1_000);
  const back = { kind: 'returning', sinceMs: 51_000, fromPercent: 50 };
  const later = new DrainBook(book.memory);
  assert.deepEqual(later.judge('west', undefined, 51_000), back);
  assert.deepEqual(new DrainBook(later.memory).judge('west', undefined, 90_000), back);
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
