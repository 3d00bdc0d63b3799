import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from './clock.ts';
import { WorkQueue } from './work-queue.ts';

/** What runs without a timer. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a queue of keys', () => {
  it('tries what failed again at once, and with short waits, when the reason is over', async (t) => {
    const clock = new ManualClock();
    const runs: string[] = [];
    const delays: number[] = [];
    let broken = true;
    const queue = new WorkQueue(
      async (key) => {
        runs.push(key);
        if (broken) throw new Error('broken');
      },
      {
        clock,
        random: () => 0.5,
        backoff: { baseMs: 200, maxMs: 30_000 },
        onFailure: (_key, _failure, delayMs) => delays.push(delayMs),
      },
    );
    t.after(() => queue.close());
    queue.add('a');
    await settled();
    for (let tries = 0; tries < 7; tries++) {
      clock.advance(30_000);
      await settled();
    }
    assert.deepEqual([runs.length, delays.at(-1)], [8, 12_800]);
    queue.forgive();
    await settled();
    assert.deepEqual([runs.length, delays.at(-1)], [9, 100]);
    broken = false;
    queue.forgive();
    await settled();
    clock.advance(60_000);
    await settled();
    assert.equal(runs.length, 10);
  });
});
