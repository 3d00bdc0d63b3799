import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { SparseLog } from './sparse-log.ts';

test('of the same trouble there is a line every ten seconds, with the count of those left out', () => {
  const clock = new ManualClock();
  const lines: { suppressed: number; msg: string; err: { message: string } }[] = [];
  const sparse = new SparseLog(clock, pino({}, { write: (line) => lines.push(JSON.parse(line)) }));
  const trouble = (message: string) => sparse.error({ err: new Error(message) }, 'a defect');
  const told = () => lines.splice(0).map(({ err, suppressed }) => [err.message, suppressed]);
  trouble('first');
  for (let times = 0; times < 1000; times++) trouble('more');
  assert.deepEqual(told(), [['first', 0]]);
  clock.advance(9_999);
  trouble('just before');
  assert.deepEqual(told(), []);
  clock.advance(1);
  trouble('again');
  trouble('and more');
  assert.deepEqual(told(), [['again', 1001]]);
  clock.advance(60_000);
  trouble('last');
  assert.deepEqual(told(), [['last', 1]]);
});
