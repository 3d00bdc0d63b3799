import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../federation/runtime/clock.ts';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { type Timed, TimerWheel } from './timer-wheel.ts';

class Recorder implements Timed {
  readonly calls: number[] = [];
  readonly #next: (nowMs: number) => number;

  constructor(next: (nowMs: number) => number = () => 0) {
    this.#next = next;
  }

  onTick(nowMs: number): number {
    this.calls.push(nowMs);
    return this.#next(nowMs);
  }
}

test('an entry is called once, not early and at most two ticks late', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock, 250);
  for (const delayMs of [1, 250, 251, 10_000, 63_999, 64_001, 300_000]) {
    const entry = new Recorder();
    const startMs = clock.monotonic();
    wheel.schedule(entry, delayMs);
    clock.advance(400_000);
    assert.equal(entry.calls.length, 1, `${delayMs} ms`);
    const lateMs = (entry.calls[0] ?? 0) - startMs - delayMs;
    assert.ok(lateMs >= 0 && lateMs <= 500, `${delayMs} ms was late by ${lateMs}`);
  }
});

test('an entry that returns its next time is called again until it returns 0', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock, 250);
  const entry = new Recorder((nowMs) => (nowMs < 5000 ? nowMs + 1000 : 0));
  wheel.schedule(entry, 1000);
  clock.advance(60_000);
  assert.deepEqual(entry.calls, [1000, 2000, 3000, 4000, 5000]);
});

test('scheduling again moves an entry, removing takes it out', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock, 250);
  const moved = new Recorder();
  const removed = new Recorder();
  wheel.schedule(moved, 1000);
  wheel.schedule(removed, 1000);
  wheel.schedule(moved, 3000);
  wheel.remove(removed);
  clock.advance(2000);
  assert.deepEqual(moved.calls, []);
  clock.advance(60_000);
  assert.deepEqual(moved.calls, [3000]);
  assert.deepEqual(removed.calls, []);
});

test('an empty wheel stands still and keeps right time when it is used again', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock, 250);
  clock.advance(3_600_000);
  const entry = new Recorder();
  wheel.schedule(entry, 1000);
  assert.equal(wheel.nowMs, 3_600_000);
  clock.advance(10_000);
  assert.deepEqual(entry.calls, [3_601_000]);
});

test('after a pause of the process nothing is due before the event loop has run once', () => {
  let nowMs = 0;
  let tick: (() => void) | undefined;
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    after: (_delayMs, callback) => {
      tick = callback;
      return () => undefined;
    },
  };
  const wheel = new TimerWheel(clock, 250);
  const entries = [1000, 10_000, 100_000].map((delayMs) => {
    const entry = new Recorder();
    wheel.schedule(entry, delayMs);
    return entry;
  });
  nowMs = 20_000;
  tick?.();
  assert.deepEqual(
    entries.map((entry) => entry.calls.length),
    [0, 0, 0],
  );
  nowMs = 20_250;
  tick?.();
  assert.deepEqual(
    entries.map((entry) => entry.calls.length),
    [1, 1, 0],
  );
  while (nowMs < 101_000) {
    nowMs += 250;
    tick?.();
  }
  assert.deepEqual(
    entries.map((entry) => entry.calls.length),
    [1, 1, 1],
  );
});
