import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { FlushTurn } from './turn.ts';
import { TurnClock } from './turn-clock.ts';

test('a turn has one time', async () => {
  const base = new ManualClock(5_000);
  const clock = new TurnClock(base, new FlushTurn(assert.ifError));
  assert.deepEqual([clock.now(), clock.monotonic()], [5_000, 0]);
  base.advance(10);
  assert.deepEqual([clock.now(), clock.monotonic()], [5_000, 0], 'the turn still lasts');
  await turn();
  assert.deepEqual([clock.now(), clock.monotonic()], [5_010, 10]);
});

test('time goes on although nothing is written', async () => {
  const base = new ManualClock(5_000);
  const clock = new TurnClock(base, new FlushTurn(assert.ifError));
  for (let ms = 1; ms < 4; ms++) {
    clock.now();
    base.advance(1);
    await turn();
    assert.equal(clock.monotonic(), ms);
  }
});
