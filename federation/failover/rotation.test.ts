import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { rotation } from './rotation.ts';

function countsOf(order: Iterable<number>, size: number): readonly number[] {
  const counts = Array.from({ length: size }, () => 0);
  for (const index of order) counts[index] = (counts[index] ?? 0) + 1;
  return counts;
}

/** `picks` picks from `start` on, round after round. */
function take(order: Uint16Array, start: number, picks: number): readonly number[] {
  return Array.from({ length: picks }, (_, pick) => order[(start + pick) % order.length] ?? -1);
}

describe('rotation', () => {
  it('takes the earliest deadline first', () => {
    assert.deepEqual([...rotation([2, 1])], [0, 0, 1]);
    assert.deepEqual([...rotation([1, 1, 1])], [0, 1, 2]);
    assert.deepEqual([...rotation([3, 1])], [0, 0, 0, 1]);
    assert.deepEqual([...rotation([5, 0, 5])], [0, 2]);
  });

  it('is in lowest terms', () => {
    assert.equal(rotation([70_000, 30_000]).length, 10);
    assert.equal(rotation([4000]).length, 1);
  });

  it('is empty without weight', () => {
    assert.equal(rotation([]).length, 0);
    assert.equal(rotation([0, 0]).length, 0);
  });

  it('gives whole percents exactly in each 100 picks', () => {
    const percents = fc
      .array(fc.nat(100), { minLength: 1, maxLength: 5 })
      .map((cuts) => [0, ...cuts, 100].sort((a, b) => a - b))
      .map((cuts) => cuts.slice(1).map((cut, index) => cut - (cuts[index] ?? 0)));
    fc.assert(
      fc.property(percents, fc.nat(99), fc.integer({ min: 1, max: 50 }), (shares, start, factor) => {
        const order = rotation(shares.map((share) => share * factor));
        assert.deepEqual(countsOf(take(order, start, 100), shares.length), shares);
      }),
    );
  });

  it('gives any weights their shares in a round, and on the way strays by less than one pick for each entry', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(weights, (given) => {
        const order = rotation(given);
        const sum = given.reduce((total, weight) => total + weight, 0);
        const counts = countsOf(order, given.length);
        for (const [index, weight] of given.entries()) {
          assert.equal((counts[index] ?? 0) * sum, weight * order.length);
          for (let picks = 1; picks <= order.length; picks++) {
            const seen = countsOf(order.subarray(0, picks), given.length)[index] ?? 0;
            const due = (picks * weight) / sum;
            assert.ok(Math.abs(seen - due) < given.length, `${seen} of ${due} after ${picks}`);
          }
        }
      }),
    );
  });

  it('rounds weights that would make it too long, to within a thousandth', () => {
    const weights = [1 / 3, 1 / 7, 99_991];
    const order = rotation(weights);
    assert.equal(order.length, 1000);
    const big = rotation([100_003, 99_991, 3]);
    assert.deepEqual(countsOf(big, 3), [500, 500, 0]);
  });
});
