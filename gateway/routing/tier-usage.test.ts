import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { workerLimit } from './tier-usage.ts';

describe('a worker’s part of a pod’s bound', () => {
  it('is an equal share, but at least one', () => {
    assert.equal(workerLimit(undefined, 2), Number.POSITIVE_INFINITY);
    assert.equal(workerLimit(100, 4), 25);
    assert.equal(workerLimit(7, 2), 3);
    assert.equal(workerLimit(1, 4), 1);
    assert.equal(workerLimit(0, 4), 0);
  });
});
