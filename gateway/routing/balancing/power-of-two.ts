import type { SlowStart } from '../../../federation/model/traffic-policy.ts';
import type { LocalDestination } from '../destination.ts';
import { expectedCost } from '../peak-ewma.ts';
import type { Balancer, Balancing } from './balancer.ts';
import { WeightedEndpoints } from './weighted-endpoints.ts';

/**
 * Power of two choices: of two endpoints taken at random the one that would cost less (requests in flight times peak
 * EWMA latency). Nearly as good as looking at all, at the cost of two. Where weights differ, each is taken as often
 * as it weighs, and has room for as many requests.
 * @param random gives 0 ≤ x < 1
 */
export function powerOfTwo(slowStart: SlowStart | undefined, random: () => number): Balancing {
  return {
    over: (candidates) => new PowerOfTwo(new WeightedEndpoints(candidates, slowStart), random),
  };
}

class PowerOfTwo implements Balancer {
  readonly #endpoints: WeightedEndpoints;
  readonly #random: () => number;

  constructor(endpoints: WeightedEndpoints, random: () => number) {
    this.#endpoints = endpoints;
    this.#random = random;
  }

  pick(nowMs: number): LocalDestination {
    return this.#endpoints.even(nowMs) ? this.#pickEven(nowMs) : this.#pickByWeight(nowMs);
  }

  #pickEven(nowMs: number): LocalDestination {
    const { count } = this.#endpoints;
    const first = Math.floor(this.#random() * count);
    const chosen = this.#endpoints.at(first);
    if (count === 1) return chosen;
    // Among the others: the same one twice would be no choice.
    const offset = 1 + Math.floor(this.#random() * (count - 1));
    const other = this.#endpoints.at((first + offset) % count);
    const cost = expectedCost(chosen.endpoint.runtime, nowMs);
    return expectedCost(other.endpoint.runtime, nowMs) < cost ? other : chosen;
  }

  /** The same one may come twice here: else of two endpoints the heavier would be no more often in the choice. */
  #pickByWeight(nowMs: number): LocalDestination {
    const first = this.#endpoints.sample(this.#random, nowMs);
    const second = this.#endpoints.sample(this.#random, nowMs);
    return this.#costOf(second, nowMs) < this.#costOf(first, nowMs)
      ? this.#endpoints.at(second)
      : this.#endpoints.at(first);
  }

  #costOf(index: number, nowMs: number): number {
    const { runtime } = this.#endpoints.at(index).endpoint;
    return expectedCost(runtime, nowMs, this.#endpoints.weightOf(index, nowMs));
  }
}
