import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { every, ManualClock } from './clock.ts';

describe('every', () => {
  it('calls back after each interval until it is ended', () => {
    const clock = new ManualClock();
    const calledAtMs: number[] = [];
    const end = every(clock, 10, () => calledAtMs.push(clock.monotonic()));
    assert.deepEqual(calledAtMs, []);
    clock.advance(35);
    assert.deepEqual(calledAtMs, [10, 20, 30]);
    end();
    clock.advance(100);
    assert.equal(calledAtMs.length, 3);
  });

  it('waits from the end of a call, and may be ended within one', () => {
    const clock = new ManualClock();
    const calledAtMs: number[] = [];
    const end = every(clock, 10, () => {
      calledAtMs.push(clock.monotonic());
      clock.advance(5);
      if (calledAtMs.length === 2) end();
    });
    clock.advance(100);
    assert.deepEqual(calledAtMs, [10, 25]);
  });
});
