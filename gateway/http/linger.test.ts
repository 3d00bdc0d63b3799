import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Linger } from './linger.ts';

describe('a closing connection', () => {
  it('is kept for a moment when the kernel has everything', () => {
    const linger = new Linger();
    assert.equal(linger.look(1_000, 0, 300_000), 'wait');
    assert.equal(linger.look(2_999, 0, 300_000), 'wait');
    assert.equal(linger.look(3_000, 0, 300_000), 'over');
  });

  it('is kept as long as a slow reader takes something of it, and the moment after', () => {
    const linger = new Linger();
    for (let second = 0; second < 100; second++) {
      assert.equal(linger.look(second * 1_000, 200_000 - second * 1_000, 5_000), 'wait');
    }
    assert.equal(linger.look(100_000, 0, 5_000), 'wait');
    assert.equal(linger.look(102_000, 0, 5_000), 'over');
  });

  it('is given up when its reader takes nothing for the flush timeout', () => {
    const linger = new Linger();
    assert.equal(linger.look(0, 10, 5_000), 'wait');
    assert.equal(linger.look(4_999, 10, 5_000), 'wait');
    assert.equal(linger.look(5_000, 10, 5_000), 'over');
  });
});
