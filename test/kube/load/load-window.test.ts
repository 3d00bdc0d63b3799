import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type LoadSlot, LoadWindow, SLOT_MS } from './load-window.ts';

function slot(atMs: number, told: Partial<LoadSlot>): LoadSlot {
  return { atMs, sent: 4, slowestMs: 3, by: {}, failed: [], failedPosts: [], ...told };
}

it('LoadWindow adds up what became of the requests, and says it in one line', () => {
  const window = new LoadWindow([
    slot(0, { by: { east: 3, west: 1 }, slowestMs: 9 }),
    slot(100, { by: { east: 1 }, failed: ['reset', '503 '], failedPosts: ['reset'] }),
  ]);
  assert.equal(window.share('east'), 0.8);
  assert.equal(`${window}`, '8 requests, 2 GET and 1 POST failed, slowest 9 ms, answered by: east 4, west 1');
});

it('LoadWindow gives shares by the second, and leaves out one that is not whole', () => {
  const slots = Array.from({ length: 25 }, (_, index) =>
    slot(index * SLOT_MS, { by: index < 10 ? { west: 4 } : { west: 1, east: 3 } }),
  );
  assert.deepEqual(new LoadWindow(slots).sharesBySecond('west'), [1, 0.25]);
});

it('LoadWindow is unsettled until the last slow answer has come and no other cluster answers', () => {
  const window = new LoadWindow([
    slot(0, { by: { west: 4 } }),
    slot(100, { by: { east: 4 }, slowestMs: 2_000 }),
    slot(200, { by: { east: 3, west: 1 } }),
    slot(300, { by: { east: 4 } }),
  ]);
  assert.equal(window.unsettledUntilMs('east', 1_000), 100 + SLOT_MS + 2_000);
  assert.equal(window.unsettledUntilMs('east', 5_000), 200 + SLOT_MS + 3);
  assert.equal(new LoadWindow([slot(0, { by: { east: 4 } })]).unsettledUntilMs('east', 1_000), 0);
});
