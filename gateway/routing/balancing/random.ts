import type { SlowStart } from '../../../federation/model/traffic-policy.ts';
import type { Balancing } from './balancer.ts';
import { WeightedEndpoints } from './weighted-endpoints.ts';

/** Any of them, each as often as it weighs: nothing is remembered, and no two gateways can fall into step. */
export function atRandom(slowStart: SlowStart | undefined, random: () => number): Balancing {
  return {
    over(candidates) {
      const endpoints = new WeightedEndpoints(candidates, slowStart);
      return { pick: (nowMs) => endpoints.at(endpoints.sample(random, nowMs)) };
    },
  };
}
