import assert from 'node:assert/strict';
import { it } from 'node:test';
import { testRecord } from '../../test/fixtures/store-clusters.ts';
import { OfferBook } from './offer-book.ts';

const KEY = 'shop/a';
const offer = (healthy: number) => [{ cluster: 'west', record: testRecord('a', healthy) }];

it('an offer that lost its hosts while no process looked is failing, and returns from then on', () => {
  const before = new OfferBook();
  before.judge(KEY, offer(3), 70, 100);
  const after = new OfferBook(before.memory);
  after.judge(KEY, offer(0), 70, 200);
  assert.deepEqual(after.healthOf(KEY, 'west'), { kind: 'failing', sinceMs: 200 });
  after.judge(KEY, offer(3), 70, 300);
  assert.deepEqual(after.healthOf(KEY, 'west'), { kind: 'returning', healthySinceMs: 300 });
});

it('what a later process must know is the same list for as long as it says the same', () => {
  const book = new OfferBook();
  book.judge(KEY, offer(3), 70, 100);
  const { memory } = book;
  book.judge(KEY, offer(2), 70, 200);
  assert.equal(book.memory, memory);
  book.judge(KEY, offer(0), 70, 300);
  assert.deepEqual(book.memory, [[KEY, 'west', { kind: 'failing', sinceMs: 300 }]]);
  book.judge(KEY, [], 70, 400);
  assert.deepEqual(book.memory, []);
});

it('an offer that never had a host is remembered as nothing', () => {
  const book = new OfferBook();
  book.judge(KEY, offer(0), 70, 100);
  assert.deepEqual(book.memory, []);
});
