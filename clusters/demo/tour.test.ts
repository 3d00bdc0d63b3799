import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tourIsOver } from './tour.ts';

const PLANNED_END_MS = 24_000;
const FULL_SHARE = (fromMs: number) => [{ share: 100, fromMs, untilMs: fromMs + 1_000 }];

test('a tour goes on past its planned end until the failback has ended', () => {
  assert.equal(tourIsOver(24_000, PLANNED_END_MS, FULL_SHARE(25_000)), false);
  assert.equal(tourIsOver(25_999, PLANNED_END_MS, FULL_SHARE(25_000)), false);
  assert.equal(tourIsOver(26_000, PLANNED_END_MS, FULL_SHARE(25_000)), true);
});

test('a failback that ended early shortens nothing', () => {
  assert.equal(tourIsOver(23_999, PLANNED_END_MS, FULL_SHARE(15_000)), false);
  assert.equal(tourIsOver(24_000, PLANNED_END_MS, FULL_SHARE(15_000)), true);
});

test('a failback that does not begin, or does not end, is waited for within a bound', () => {
  assert.equal(tourIsOver(33_999, PLANNED_END_MS, []), false);
  assert.equal(tourIsOver(34_000, PLANNED_END_MS, []), true);
  assert.equal(tourIsOver(53_999, PLANNED_END_MS, FULL_SHARE(90_000)), false);
  assert.equal(tourIsOver(54_000, PLANNED_END_MS, FULL_SHARE(90_000)), true);
});
