import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EarlierItems } from './earlier-items.ts';

/** Those that are found again, by their index in the list before. */
function found(before: string, after: string): readonly (number | undefined)[] {
  const items = [...before].map((letter, index) => ({ letter, index }));
  const earlier = new EarlierItems(items);
  return [...after].map((letter) => earlier.find((item) => item.letter === letter)?.index);
}

describe('the items of a list that has changed', () => {
  it('are found again', () => {
    assert.deepEqual(found('abcd', 'abcd'), [0, 1, 2, 3]);
    assert.deepEqual(found('', 'ab'), [undefined, undefined]);
    assert.deepEqual(found('ab', ''), []);
  });

  it('are found after others that were added, removed or replaced', () => {
    assert.deepEqual(found('abcd', 'axbcd'), [0, undefined, 1, 2, 3]);
    assert.deepEqual(found('abcd', 'acd'), [0, 2, 3]);
    assert.deepEqual(found('abcdef', 'adef'), [0, 3, 4, 5]);
    assert.deepEqual(found('abcd', 'abxd'), [0, 1, undefined, 3]);
    assert.deepEqual(found('abcdefgh', 'a12345gh'), [0, ...Array(5).fill(undefined), 6, 7]);
  });

  it('that are the same twice are found once each', () => {
    assert.deepEqual(found('aab', 'aaab'), [0, 1, undefined, 2]);
  });

  it('cost little when all of them are new', () => {
    let asked = 0;
    const earlier = new EarlierItems(Array.from({ length: 1000 }, (_, index) => index));
    for (let items = 0; items < 1000; items++) {
      earlier.find(() => {
        asked++;
        return false;
      });
    }
    assert.ok(asked <= 32_000, String(asked));
  });
});
