import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { KeyedWork } from './keyed-work.ts';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('writing into the API by key', () => {
  it('is tried again at once when what an API server said while it started may not hold', async (t) => {
    const clock = new ManualClock();
    const told: (readonly string[])[] = [];
    let refused = true;
    const runs: string[] = [];
    const work = new KeyedWork({
      run: async (key) => {
        runs.push(key);
        if (refused) throw new Error('forbidden');
      },
      isTerminal: () => true,
      clock,
      random: () => 0.5,
      andMore: 'objects are not as they should be',
      problems: (problems) => told.push(problems),
    });
    t.after(() => work.close());
    work.add('a');
    await settled();
    clock.advance(60_000);
    await settled();
    assert.deepEqual([runs.length, told.at(-1)], [1, ['a: forbidden']]);
    refused = false;
    work.forgive();
    await settled();
    assert.deepEqual([runs.length, told.at(-1)], [2, []]);
    clock.advance(600_000);
    await settled();
    assert.equal(runs.length, 2);
  });
});
