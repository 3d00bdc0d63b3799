import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  countPicks,
  destinationsOf,
  endpointsOf,
  seeded,
  weighted,
} from '../../../test/fixtures/balanced-endpoints.ts';
import type { LocalDestination } from '../destination.ts';
import { powerOfTwo } from './power-of-two.ts';

function candidatesOf(...latenciesMs: number[]): LocalDestination[] {
  const endpoints = endpointsOf(latenciesMs.length);
  for (const [index, { runtime }] of endpoints.entries()) runtime.latencyMs = latenciesMs[index] ?? 0;
  return destinationsOf(endpoints);
}

function picksOf(candidates: readonly LocalDestination[], picks: number): number[] {
  return countPicks(powerOfTwo(undefined, seeded(7)).over(candidates, undefined), candidates, picks);
}

describe('power of two choices', () => {
  it('takes the only one there is', () => {
    assert.deepEqual(picksOf(candidatesOf(10), 5), [5]);
  });

  it('refuses to choose from nothing', () => {
    assert.throws(() => powerOfTwo(undefined, Math.random).over([], undefined), RangeError);
  });

  it('takes the cheaper of two, always', () => {
    assert.deepEqual(picksOf(candidatesOf(10, 20), 100), [100, 0]);
  });

  it('never takes the dearest of three, and spreads equals', () => {
    const [first = 0, second = 0, dearest] = picksOf(candidatesOf(10, 10, 90), 3000);
    assert.equal(dearest, 0);
    assert.ok(first > 1200 && second > 1200, `${first}, ${second}`);
  });

  it('goes by requests in flight where latencies are alike', () => {
    const candidates = candidatesOf(10, 10);
    const [busy] = candidates;
    assert.ok(busy !== undefined);
    busy.endpoint.runtime.inFlight = 5;
    assert.deepEqual(picksOf(candidates, 50), [0, 50]);
  });

  it('takes idle ones as often as they weigh', () => {
    const candidates = destinationsOf(weighted(3, 1));
    for (const { endpoint } of candidates) endpoint.runtime.latencyMs = 10;
    const [heavy = 0] = picksOf(candidates, 10_000);
    assert.ok(Math.abs(heavy - 7500) < 300, `${heavy}`);
  });

  it('gives a heavier one room for more requests at a time', () => {
    const candidates = destinationsOf(weighted(3, 1));
    for (const { endpoint } of candidates) endpoint.runtime.latencyMs = 10;
    const balancer = powerOfTwo(undefined, seeded(7)).over(candidates, undefined);
    for (let held = 0; held < 400; held++) balancer.pick(0, undefined).endpoint.runtime.inFlight++;
    const [heavy = 0] = candidates.map(({ endpoint }) => endpoint.runtime.inFlight);
    assert.ok(Math.abs(heavy - 300) < 10, `${heavy} of 400`);
  });

  it('lets a new one come slowly', () => {
    const endpoints = endpointsOf(4);
    const slowStart = { windowMs: 30_000, minWeightPercent: 10, aggression: 1 };
    const [first] = endpoints;
    assert.ok(first !== undefined);
    first.runtime.fitSinceMs = 100_000;
    for (const { runtime } of endpoints) runtime.latencyMs = 10;
    const candidates = destinationsOf(endpoints);
    const balancer = powerOfTwo(slowStart, seeded(7)).over(candidates, undefined);
    const [cold = 0] = countPicks(balancer, candidates, 31_000, 100_000);
    assert.ok(Math.abs(cold - 1000) < 200, `${cold}`);
    const [half = 0] = countPicks(balancer, candidates, 35_000, 115_000);
    assert.ok(Math.abs(half - 5000) < 400, `${half}`);
  });
});
