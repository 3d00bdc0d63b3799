import type { SlowStart } from '../../../federation/model/traffic-policy.ts';
import type { Balancing } from './balancer.ts';
import { EarliestDeadline } from './earliest-deadline.ts';
import { WeightedEndpoints } from './weighted-endpoints.ts';

/** Each in turn, as often as it weighs, and spread out evenly. */
export function roundRobin(slowStart: SlowStart | undefined, random: () => number): Balancing {
  return {
    over(candidates) {
      const endpoints = new WeightedEndpoints(candidates, slowStart);
      let order: EarliestDeadline | undefined;
      return {
        pick(nowMs) {
          order ??= new EarliestDeadline(
            endpoints.count,
            (index) => endpoints.weightOf(index, nowMs),
            random,
          );
          const index = order.first;
          order.postpone(endpoints.weightOf(index, nowMs));
          return endpoints.at(index);
        },
      };
    },
  };
}
