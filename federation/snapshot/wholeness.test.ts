import assert from 'node:assert/strict';
import { it } from 'node:test';
import { hear, isWhole } from './wholeness.ts';

it('what a process without memory knows is whole when the store was read for a while, and everybody could write again', () => {
  assert.equal(
    isWhole({ completeSinceMs: undefined, missing: false }, 1e9),
    false,
    'while the store is away',
  );
  assert.equal(isWhole({ completeSinceMs: 1000, missing: false }, 10_999), false);
  assert.equal(isWhole({ completeSinceMs: 1000, missing: false }, 11_000), true);
  assert.equal(isWhole({ completeSinceMs: 1000, missing: true }, 60_999), false);
  assert.equal(
    isWhole({ completeSinceMs: 1000, missing: true }, 61_000),
    true,
    'one that is gone is not waited for',
  );
});

it('a break begins the wait anew, and who was named and heard is not missing', () => {
  const heard = new Map([['west', { head: undefined }]]);
  const first = hear(undefined, { views: heard, complete: true }, [], 1000);
  assert.deepEqual(hear(first, { views: heard, complete: true }, ['west'], 2000), {
    completeSinceMs: 1000,
    missing: true,
  });
  const broken = hear(first, { views: heard, complete: false }, [], 3000);
  assert.equal(broken.completeSinceMs, undefined);
  assert.equal(hear(broken, { views: heard, complete: true }, [], 4000).completeSinceMs, 4000);
});
