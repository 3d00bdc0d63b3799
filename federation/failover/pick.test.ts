import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { hashOfTurn, type Portion, pickPortion, turnsOf } from './pick.ts';

function portionsOf(...loads: number[]): readonly Portion[] {
  return loads.map((load, tier) => ({ tier, hostSet: 'healthy', load }));
}

describe('pick of a portion', () => {
  it('is the first whose running sum reaches hash % 100 + 1', () => {
    const ordered = portionsOf(35, 35, 30);
    const expected: readonly [number, number][] = [
      [0, 0],
      [34, 0],
      [35, 1],
      [69, 1],
      [70, 2],
      [99, 2],
      [100, 0],
      [4_294_967_295, 2],
    ];
    for (const [hash, index] of expected) assert.equal(pickPortion(ordered, hash), index, `hash ${hash}`);
  });

  it('is none when nothing can be served', () => {
    assert.equal(pickPortion([], 7), -1);
    assert.equal(turnsOf([]).length, 0);
  });
});

describe('100 turns', () => {
  it('have each hash once', () => {
    const hashes = new Set(Array.from({ length: 100 }, (_, turn) => hashOfTurn(turn)));
    assert.equal(hashes.size, 100);
  });

  it('are picked by their hashes', () => {
    const loads = fc
      .tuple(fc.nat(50), fc.nat(50))
      .map(([first, second]) => [first, second, 100 - first - second]);
    fc.assert(
      fc.property(loads, (given) => {
        const ordered = portionsOf(...given).filter((portion) => portion.load > 0);
        const expected = Array.from({ length: 100 }, (_, turn) => pickPortion(ordered, hashOfTurn(turn)));
        assert.deepEqual([...turnsOf(ordered)], expected);
      }),
    );
  });

  it('give exact shares, and any ten in a row come near to them', () => {
    fc.assert(
      fc.property(fc.nat(100), fc.nat(99), (load, start) => {
        const ordered = portionsOf(load, 100 - load).filter((portion) => portion.load > 0);
        const turns = [...turnsOf(ordered)].map((index) => ordered[index]?.tier);
        assert.equal(turns.filter((tier) => tier === 0).length, load);
        const ten = [...turns, ...turns].slice(start, start + 10);
        const seen = ten.filter((tier) => tier === 0).length;
        assert.ok(Math.abs(seen - load / 10) <= 2, `${seen} of 10 for ${load} %`);
      }),
    );
  });
});
