import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ManualClock } from '../runtime/clock.ts';
import { Coalescer } from './coalescer.ts';

it('runs at once for the first request, and waits longer after a run that joined many', () => {
  const clock = new ManualClock();
  const ranAtMs: number[] = [];
  const run = (): void => void ranAtMs.push(clock.monotonic());
  const coalescer = new Coalescer(clock, 25, run, { from: 4, intervalMs: 50 });
  const startMs = clock.monotonic();
  const request = (times: number, afterMs: number): void => {
    clock.advance(afterMs);
    for (let time = 0; time < times; time++) coalescer.request();
  };
  request(1, 0);
  // Three are few: the next run comes 25 ms after theirs.
  request(3, 1);
  request(4, 25);
  // Four are many: the next run comes 50 ms after theirs.
  request(1, 25);
  request(1, 50);
  clock.advance(100);
  assert.deepEqual(
    ranAtMs.map((atMs) => atMs - startMs),
    [0, 25, 50, 100, 125],
  );
  request(1, 100);
  coalescer.close();
  clock.advance(100);
  assert.equal(ranAtMs.length, 5);
});
