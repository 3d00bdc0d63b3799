import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_OUTLIER } from '../../../federation/model/policy.ts';
import { EU_A } from '../../../test/fixtures/routing-snapshot.ts';
import type { LocalDestination } from '../destination.ts';
import { EndpointPool } from '../endpoint-pool.ts';
import { powerOfTwo } from './power-of-two.ts';

/** A simple generator (Lehmer), so that a failure can be repeated. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

function candidatesOf(...latenciesMs: number[]): LocalDestination[] {
  const policy = { outlier: DEFAULT_OUTLIER, checked: false };
  const pool = new EndpointPool(policy);
  const runtimes = pool.update(
    latenciesMs.map((_, index) => `10.0.0.${index}:80`),
    policy,
  );
  return [...runtimes].map(([address, runtime], index) => {
    runtime.latencyMs = latenciesMs[index] ?? 0;
    const endpoint = {
      address,
      host: address,
      port: 80,
      locality: EU_A,
      localityKey: 'eu/eu-a',
      state: 'ready' as const,
      runtime,
    };
    return { kind: 'local', endpoint, pool, tier: undefined };
  });
}

function picksOf(candidates: readonly LocalDestination[], picks: number): number[] {
  const balancer = powerOfTwo(seeded(7));
  const counts = candidates.map(() => 0);
  for (let pick = 0; pick < picks; pick++) {
    const index = candidates.indexOf(balancer.pick(candidates, 0, undefined));
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

describe('power of two choices', () => {
  it('takes the only one there is', () => {
    assert.deepEqual(picksOf(candidatesOf(10), 5), [5]);
  });

  it('refuses to choose from nothing', () => {
    assert.throws(() => powerOfTwo(Math.random).pick([], 0, undefined), RangeError);
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
});
