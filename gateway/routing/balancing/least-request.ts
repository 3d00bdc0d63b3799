import type { LeastRequest } from '../../../federation/model/traffic-policy.ts';
import type { LocalDestination } from '../destination.ts';
import type { Balancer, Balancing } from './balancer.ts';
import { EarliestDeadline } from './earliest-deadline.ts';
import { WeightedEndpoints } from './weighted-endpoints.ts';

/**
 * Envoy's least request. While all weigh the same: of `choiceCount` at random the one with the fewest requests in
 * flight. Otherwise in turn, where an endpoint weighs `weight / (in flight + 1) ^ activeRequestBias`.
 */
export function leastRequest(policy: LeastRequest, random: () => number): Balancing {
  return { over: (candidates) => new LeastRequestBalancer(candidates, policy, random) };
}

class LeastRequestBalancer implements Balancer {
  readonly #endpoints: WeightedEndpoints;
  readonly #policy: LeastRequest;
  readonly #random: () => number;
  /** Made when weights differ for the first time. */
  #order: EarliestDeadline | undefined;

  constructor(candidates: readonly LocalDestination[], policy: LeastRequest, random: () => number) {
    this.#endpoints = new WeightedEndpoints(candidates, policy.slowStart);
    this.#policy = policy;
    this.#random = random;
  }

  pick(nowMs: number): LocalDestination {
    return this.#endpoints.even(nowMs) ? this.#fewestOfSome() : this.#inTurn(nowMs);
  }

  #fewestOfSome(): LocalDestination {
    const { count } = this.#endpoints;
    const all = this.#policy.choiceCount >= count;
    const looks = all ? count : this.#policy.choiceCount;
    const start = this.#sample();
    let fewest = this.#endpoints.at(start);
    for (let look = 1; look < looks; look++) {
      const other = this.#endpoints.at(all ? (start + look) % count : this.#sample());
      if (other.endpoint.runtime.inFlight < fewest.endpoint.runtime.inFlight) fewest = other;
    }
    return fewest;
  }

  #sample(): number {
    return Math.floor(this.#random() * this.#endpoints.count);
  }

  #inTurn(nowMs: number): LocalDestination {
    const endpoints = this.#endpoints;
    this.#order ??= new EarliestDeadline(
      endpoints.count,
      (index) => endpoints.weightOf(index, nowMs),
      this.#random,
    );
    const index = this.#order.first;
    const chosen = endpoints.at(index);
    const busy = (chosen.endpoint.runtime.inFlight + 1) ** this.#policy.activeRequestBias;
    this.#order.postpone(endpoints.weightOf(index, nowMs) / busy);
    return chosen;
  }
}
