import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LargeMap, MapDraft, mapDifference } from './large-map.ts';

type Change = readonly [key: string, value: number | undefined];

const keys = fc.integer({ min: 0, max: 1500 }).map((number) => `shop/service-${number}`);
const change = fc.tuple(keys, fc.option(fc.integer(), { nil: undefined }));
const sizes = fc.constantFrom(0, 5, 127, 128, 1400);

function numbered(size: number): Map<string, number> {
  return new Map(Array.from({ length: size }, (_, index) => [`shop/service-${index}`, index]));
}

function applied(base: ReadonlyMap<string, number>, changes: readonly Change[]): ReadonlyMap<string, number> {
  const draft = new MapDraft(base);
  for (const [key, value] of changes) {
    if (value === undefined) draft.delete(key);
    else draft.set(key, value);
  }
  return draft.finish();
}

const sorted = (map: ReadonlyMap<string, number>): (readonly [string, number])[] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1));

describe('a map of many', () => {
  it('becomes, version by version, what a plain one would, and each version stays what it was', () => {
    const histories = fc.array(fc.array(change, { maxLength: 20 }), { maxLength: 6 });
    fc.assert(
      fc.property(sizes, histories, (size, history) => {
        const plain = numbered(size);
        let map: ReadonlyMap<string, number> = numbered(size);
        for (const changes of history) {
          const before = sorted(map);
          const next = applied(map, changes);
          for (const [key, value] of changes) {
            if (value === undefined) plain.delete(key);
            else plain.set(key, value);
          }
          assert.deepEqual(sorted(next), sorted(plain));
          assert.equal(next.size, plain.size);
          assert.deepEqual(sorted(map), before);
          map = next;
        }
        for (const key of ['shop/service-0', 'shop/service-1030', 'nobody/nothing']) {
          assert.equal(map.get(key), plain.get(key));
          assert.equal(map.has(key), plain.has(key));
        }
        assert.deepEqual([...map.keys()].sort(), [...plain.keys()].sort());
        assert.equal([...map.values()].length, plain.size);
        let visited = 0;
        map.forEach(() => {
          visited++;
        });
        assert.equal(visited, plain.size);
      }),
      { numRuns: 60 },
    );
  });

  it('says of two versions what changed and what went, also where only one of them is large', () => {
    fc.assert(
      fc.property(sizes, fc.array(change, { maxLength: 30 }), fc.boolean(), (size, changes, far) => {
        const before = numbered(size);
        const first = applied(before, []);
        const then = far ? applied(applied(first, changes.slice(0, 9)), changes) : applied(first, changes);
        const found = mapDifference(first, then);
        const changed = [...then].filter(([key, value]) => before.get(key) !== value);
        assert.deepEqual(sorted(new Map(found.changed)), sorted(new Map(changed)));
        assert.deepEqual(
          [...found.removed].sort(),
          [...before.keys()].filter((key) => !then.has(key)).sort(),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('copies only what a change touches', () => {
    const first = LargeMap.of(numbered(5000));
    const next = applied(first, [['shop/service-7', -1]]);
    assert.ok(next instanceof LargeMap);
    assert.equal(next.shards.filter((shard, index) => shard !== first.shards[index]).length, 1);
    assert.equal(applied(first, []), first);
    const spread = first.shards.map(({ size }) => size);
    assert.ok(Math.max(...spread) < 60, `the fullest of 256 parts has ${Math.max(...spread)} of 5000`);
  });

  it('takes numbers as keys', () => {
    const ports = LargeMap.of(Array.from({ length: 2000 }, (_, index) => [15_500 + index, `route-${index}`]));
    assert.equal(ports.get(15_700), 'route-200');
    assert.equal(ports.get(1), undefined);
  });

  it('is deeply equal to another of the same content, in whatever order that came', () => {
    const entries = [...numbered(3000)];
    assert.deepEqual(LargeMap.of(entries), LargeMap.of(entries.toReversed()));
    assert.notDeepEqual(LargeMap.of(entries), applied(LargeMap.of(entries), [['shop/service-3', -3]]));
  });

  it('of drafts knows what is in them before they are done', () => {
    for (const size of [3, 3000]) {
      const draft = new MapDraft(numbered(size));
      assert.equal(draft.delete('nobody/nothing'), false);
      assert.equal(draft.delete('shop/service-1'), true);
      draft.set('shop/new', 7);
      assert.deepEqual(
        [draft.size, draft.get('shop/new'), draft.has('shop/service-1'), draft.get('shop/service-2')],
        [size, 7, false, 2],
      );
    }
  });
});
