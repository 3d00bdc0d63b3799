import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  countPicks,
  destinationsOf,
  endpointsOf,
  seeded,
  weighted,
} from '../../../test/fixtures/balanced-endpoints.ts';
import type { Balancing } from './balancer.ts';
import { leastRequest } from './least-request.ts';
import { atRandom } from './random.ts';
import { roundRobin } from './round-robin.ts';
import { warmth } from './slow-start.ts';

const SLOW_START = { windowMs: 30_000, minWeightPercent: 10, aggression: 1 };
const LEAST = { kind: 'least-request', choiceCount: 2, activeRequestBias: 1, slowStart: undefined } as const;

/** How often each was picked of endpoints with these weights. */
function picksOf(balancing: Balancing, weights: readonly number[], picks: number): number[] {
  const destinations = destinationsOf(weighted(...weights));
  return countPicks(balancing.over(destinations, undefined), destinations, picks);
}

/** As `picksOf` of four alike, of which the first came at 100 s. */
function picksWithNew(balancing: Balancing, picks: number, nowMs: number): number[] {
  const endpoints = endpointsOf(4);
  for (const { runtime } of endpoints.slice(0, 1)) runtime.fitSinceMs = 100_000;
  const destinations = destinationsOf(endpoints);
  return countPicks(balancing.over(destinations, undefined), destinations, picks, nowMs);
}

function near(found: number | undefined, expected: number, off: number): void {
  assert.ok(found !== undefined && Math.abs(found - expected) <= off, `${found}, expected ${expected}`);
}

describe('round robin', () => {
  it('takes each of n equals once in any n picks', () => {
    const destinations = destinationsOf(endpointsOf(7));
    const balancer = roundRobin(undefined, seeded(5)).over(destinations, undefined);
    for (let round = 0; round < 50; round++) {
      assert.deepEqual(countPicks(balancer, destinations, 7), [1, 1, 1, 1, 1, 1, 1]);
    }
  });

  it('strays from the shares of any weights by less than two picks', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(
        weights,
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 1000 }),
        (given, picks, seed) => {
          const counts = picksOf(roundRobin(undefined, seeded(seed)), given, picks);
          const sum = given.reduce((total, weight) => total + weight, 0);
          for (const [index, weight] of given.entries()) {
            // The others stray too, each by less than one pick, which all may come at the cost of this one.
            near(counts[index], (picks * weight) / sum, 1 + (given.length * weight) / sum);
          }
        },
      ),
    );
  });

  it('begins anywhere, so that workers do not fall into step', () => {
    const firsts = new Set<string>();
    for (let seed = 1; seed <= 50; seed++) {
      const balancer = roundRobin(undefined, seeded(seed * 7919)).over(
        destinationsOf(endpointsOf(4)),
        undefined,
      );
      firsts.add(balancer.pick(0, undefined).endpoint.address);
    }
    assert.equal(firsts.size, 4);
  });

  it('gives a new one its part of a share', () => {
    near(picksWithNew(roundRobin(SLOW_START, seeded(5)), 3100, 100_000)[0], 100, 2);
    near(picksWithNew(roundRobin(SLOW_START, seeded(5)), 3500, 115_000)[0], 500, 2);
    near(picksWithNew(roundRobin(SLOW_START, seeded(5)), 4000, 130_000)[0], 1000, 2);
  });
});

describe('random', () => {
  it('takes each as often as it weighs', () => {
    const [first, second, third] = picksOf(atRandom(undefined, seeded(11)), [1, 2, 7], 20_000);
    near(first, 2000, 250);
    near(second, 4000, 300);
    near(third, 14_000, 350);
  });

  it('gives a new one its part of a share', () => {
    near(picksWithNew(atRandom(SLOW_START, seeded(11)), 31_000, 100_000)[0], 1000, 200);
    near(picksWithNew(atRandom(SLOW_START, seeded(11)), 40_000, 130_000)[0], 10_000, 500);
  });

  it('takes from new ones as from others where all are new', () => {
    const endpoints = endpointsOf(4);
    for (const { runtime } of endpoints) runtime.fitSinceMs = 100_000;
    const destinations = destinationsOf(endpoints);
    const balancer = atRandom(SLOW_START, seeded(11)).over(destinations, undefined);
    for (const count of countPicks(balancer, destinations, 8000, 100_000)) near(count, 2000, 250);
  });
});

describe('least request', () => {
  it('takes the one with fewer requests in flight', () => {
    const destinations = destinationsOf(endpointsOf(2));
    const balancer = leastRequest(LEAST, seeded(13)).over(destinations, undefined);
    const [busy] = destinations;
    assert.ok(busy !== undefined);
    busy.endpoint.runtime.inFlight = 3;
    const all = leastRequest({ ...LEAST, choiceCount: 3 }, seeded(13)).over(destinations, undefined);
    assert.deepEqual(countPicks(all, destinations, 100), [0, 100]);
    // Two looks, which may both fall on the busy one, as in Envoy; two of two are looked at all.
    assert.deepEqual(countPicks(balancer, destinations, 100), [0, 100]);
  });

  it('finds the only idle one of many as often as two looks do', () => {
    const destinations = destinationsOf(endpointsOf(10));
    for (const { endpoint } of destinations.slice(1)) endpoint.runtime.inFlight = 1;
    const balancer = leastRequest(LEAST, seeded(13)).over(destinations, undefined);
    near(countPicks(balancer, destinations, 10_000)[0], 1900, 200);
  });

  it('goes by weight over requests in flight where weights differ', () => {
    near(picksOf(leastRequest(LEAST, seeded(13)), [3, 1], 400)[0], 300, 2);
    const destinations = destinationsOf(weighted(3, 1));
    for (const { endpoint } of destinations.slice(0, 1)) endpoint.runtime.inFlight = 2;
    const balancer = leastRequest(LEAST, seeded(13)).over(destinations, undefined);
    near(countPicks(balancer, destinations, 400)[0], 200, 2);
    const blind = leastRequest({ ...LEAST, activeRequestBias: 0 }, seeded(13)).over(destinations, undefined);
    near(countPicks(blind, destinations, 400)[0], 300, 2);
  });

  it('gives a new one its part of a share', () => {
    near(
      picksWithNew(leastRequest({ ...LEAST, slowStart: SLOW_START }, seeded(5)), 3100, 100_000)[0],
      100,
      2,
    );
  });
});

describe('slow start', () => {
  it("is Envoy's formula", () => {
    assert.equal(warmth(SLOW_START, 0, 0), 0.1);
    assert.equal(warmth(SLOW_START, 0, 1500), 0.1);
    assert.equal(warmth(SLOW_START, 0, 15_000), 0.5);
    assert.equal(warmth({ ...SLOW_START, aggression: 2 }, 0, 7500), 0.5);
    assert.equal(warmth(SLOW_START, 0, 30_000), 1);
    assert.equal(warmth(undefined, 0, 0), 1);
    assert.equal(warmth(SLOW_START, Number.NEGATIVE_INFINITY, 0), 1);
    assert.equal(warmth(SLOW_START, 1000, 0), 0.1, 'a clock that was set back');
  });

  it('only grows, from its least part to the whole', () => {
    const policy = fc.record({
      windowMs: fc.integer({ min: 1, max: 600_000 }),
      minWeightPercent: fc.integer({ min: 1, max: 100 }),
      aggression: fc.double({ min: 0.01, max: 100, noNaN: true }),
    });
    fc.assert(
      fc.property(policy, fc.nat(700_000), fc.nat(700_000), (slowStart, a, b) => {
        const [early, late] = [warmth(slowStart, 0, Math.min(a, b)), warmth(slowStart, 0, Math.max(a, b))];
        assert.ok(slowStart.minWeightPercent / 100 <= early && early <= late && late <= 1);
      }),
    );
  });
});

for (const [name, balancing] of [
  ['round robin', roundRobin(undefined, Math.random)],
  ['random', atRandom(undefined, Math.random)],
  ['least request', leastRequest(LEAST, Math.random)],
] as const) {
  it(`${name} refuses to choose from nothing`, () => {
    assert.throws(() => balancing.over([], undefined), RangeError);
  });
}
